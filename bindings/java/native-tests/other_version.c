/* As much of a library as is looked at before its version is refused. */
#include <stdint.h>

uint32_t karrow_abi_version(void);

uint32_t karrow_abi_version(void)
{
    return 99;
}
