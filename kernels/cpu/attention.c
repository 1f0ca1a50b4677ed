/* attention.c: on the CPU attention is composed of products and softmax (lib/ops/attention.c). */
#include "cpu.h"

int TC_KERNEL(attention)(const tc_attention *p) { return TC_MISSING; }
int TC_KERNEL(attention_backward)(const tc_attention *p) { return TC_MISSING; }
