/* What Go cannot say to the library itself: functions for it to call, and handles of Go's, which are numbers, as pointers. */
#ifndef KARROW_GO_BRIDGE_H
#define KARROW_GO_BRIDGE_H

#include <karrow.h>

/* karrow_spec_new_callback with a processor that is the value of a handle of Go's. */
karrow_status karrow_go_spec_new_callback(const struct ArrowSchema *columns, uintptr_t handle, karrow_spec **spec,
                                          karrow_error **error);

/* Makes `output` the same array as `array`, which lives until the handle of Go's says that it is released. */
void karrow_go_own_output(const struct ArrowArray *array, uintptr_t handle, struct ArrowArray *output);

#endif
