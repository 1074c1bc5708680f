/* For the build tag karrow_debug: counts arrays that have not been released. */
#ifndef KARROW_GO_DEBUG_H
#define KARROW_GO_DEBUG_H

#include <karrow.h>

/* Counts an array until its release. */
void karrow_go_count_array(struct ArrowArray *array);

/* How many arrays have been counted and not been released. */
int64_t karrow_go_counted_arrays(void);

#endif
