#include "bridge.h"

#include "_cgo_export.h"

static int32_t process(void *userdata, karrow_processor_call *call)
{
    return karrowGoProcess((uintptr_t)userdata, call);
}

static void release_processor(void *userdata)
{
    karrowGoReleaseProcessor((uintptr_t)userdata);
}

karrow_status karrow_go_spec_new_callback(const struct ArrowSchema *columns, uintptr_t handle, karrow_spec **spec,
                                          karrow_error **error)
{
    return karrow_spec_new_callback(columns, process, (void *)handle, release_processor, spec, error);
}

static void release_output(struct ArrowArray *output)
{
    karrowGoReleaseOutput((uintptr_t)output->private_data);
    output->release = NULL;
}

void karrow_go_own_output(const struct ArrowArray *array, uintptr_t handle, struct ArrowArray *output)
{
    *output = *array;
    output->release = release_output;
    output->private_data = (void *)handle;
}
