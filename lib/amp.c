/* amp.c: mixed precision: while autocast is on, the operands of some operators change dtype on their way in (tools/autocast.lua says which). The
   conversions are recorded, so gradients come back in the dtype of the operand. */
#include "glue.h"
#include "ops/ops.h"

TC_THREAD_LOCAL bool tci_autocast_on;
static TC_THREAD_LOCAL int chosen[2] = {TC_NONE, TC_NONE}; /* for the CPU, for CUDA */

void tc_set_autocast(bool cuda, tc_dtype dtype) {
  chosen[cuda] = dtype;
  tci_autocast_on = chosen[0] != TC_NONE || chosen[1] != TC_NONE;
}
tc_dtype tc_get_autocast(bool cuda) { return chosen[cuda]; }

/* Whole numbers, float64, and numbers from Lua stay as they are. */
static bool eligible(const tc_tensor *x) { return tci_is_float(x->dtype) && x->dtype != TC_FLOAT64 && !(x->flags & TCF_WEAK); }

tc_tensor *tci_autocast(tc_tensor *x, int on_cpu, int on_cuda) {
  if (!x || !eligible(x)) return x;
  const int class = x->device > 0 ? on_cuda : on_cpu, low = chosen[x->device > 0];
  if (class == TCI_CAST_NOT || low == TC_NONE) return x;
  if (class == TCI_CAST_REFUSED) return tci_fail("is not safe in 16 bits, so autocast refuses it: use binary_cross_entropy_with_logits");
  return tc_to(x, class == TCI_CAST_LOW ? low : TC_FLOAT32, TC_NONE, false);
}
