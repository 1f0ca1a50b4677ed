/* rules.h: how operator files with many small gradients write them: GRAD(name) { ... } RULE(name, what is saved). */
#ifndef TC_RULES_H
#define TC_RULES_H
#include "ops.h"

#define G (g[0])
#define GRAD(name) static void name##_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx)
#define RULE(name, saved) static const tc_rule name##_rule = {#name, name##_grad, saved}

static inline tc_tensor *times(tc_tensor *x, double number) { return number == 1 ? x : tc_mul(x, tci_number(number)); }
static inline tc_tensor *plus(tc_tensor *x, double number) { return tc_add(x, tci_number(number), 1); }
/* flat almost everywhere: the gradient is 0, which is not none */
static inline void nothing_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  for (int i = 0; i < n->nin; i++)
    if (tci_needs(n, i)) dx[i] = tc_zeros_like(g[0], TC_NONE, TC_NONE, false);
}
#endif
