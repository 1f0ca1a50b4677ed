/* table.c: the table of this instruction level's kernels. */
#include "cpu.h"

#define X(name, params) .name = TC_KERNEL(name),
const tc_kernels TC_JOIN(tc_kernels, TC_LEVEL) = { TC_KERNEL_SLOTS(X) };
#undef X
