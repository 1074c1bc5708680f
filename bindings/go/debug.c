//go:build karrow_debug

#include "debug.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int64_t counted;

/* What an array's release and private data were. */
struct original {
    void (*release)(struct ArrowArray *);
    void *private_data;
};

static void release_counted(struct ArrowArray *array)
{
    struct original *original = array->private_data;
    array->release = original->release;
    array->private_data = original->private_data;
    free(original);
    array->release(array);
    atomic_fetch_sub(&counted, 1);
}

void karrow_go_count_array(struct ArrowArray *array)
{
    struct original *original = malloc(sizeof *original);
    if (original == NULL)
        abort();
    original->release = array->release;
    original->private_data = array->private_data;
    array->release = release_counted;
    array->private_data = original;
    atomic_fetch_add(&counted, 1);
}

int64_t karrow_go_counted_arrays(void)
{
    return atomic_load(&counted);
}
