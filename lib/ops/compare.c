/* compare.c: questions about elements; the answers are bool and have no gradient. */
#include "ops.h"

tc_tensor *tc_eq(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_eq, NULL, x, y, NULL); }
tc_tensor *tc_ne(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_ne, NULL, x, y, NULL); }
tc_tensor *tc_lt(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_lt, NULL, x, y, NULL); }
tc_tensor *tc_le(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_le, NULL, x, y, NULL); }
tc_tensor *tc_gt(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_gt, NULL, x, y, NULL); }
tc_tensor *tc_ge(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_ge, NULL, x, y, NULL); }
tc_tensor *tc_logical_and(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_logical_and, NULL, x, y, NULL); }
tc_tensor *tc_logical_or(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_logical_or, NULL, x, y, NULL); }
tc_tensor *tc_logical_xor(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_logical_xor, NULL, x, y, NULL); }
tc_tensor *tc_logical_not(tc_tensor *x) { return tci_unary(TC_UNARY_logical_not, NULL, x, NULL); }
tc_tensor *tc_isnan(tc_tensor *x) { return tci_unary(TC_UNARY_isnan, NULL, x, NULL); }
tc_tensor *tc_isinf(tc_tensor *x) { return tci_unary(TC_UNARY_isinf, NULL, x, NULL); }
tc_tensor *tc_isfinite(tc_tensor *x) { return tci_unary(TC_UNARY_isfinite, NULL, x, NULL); }
tc_tensor *tc_isposinf(tc_tensor *x) { return tci_unary(TC_UNARY_isposinf, NULL, x, NULL); }
tc_tensor *tc_isneginf(tc_tensor *x) { return tci_unary(TC_UNARY_isneginf, NULL, x, NULL); }
tc_tensor *tc_signbit(tc_tensor *x) { return tci_unary(TC_UNARY_signbit, NULL, x, NULL); }
tc_tensor *tc_isclose(tc_operand *x, tc_operand *y, double rtol, double atol, bool equal_nan) {
  if (rtol < 0 || atol < 0) return tci_fail("rtol %g, atol %g: takes 0 or more", rtol, atol);
  return tci_binary(TC_BINARY_isclose, NULL, x, y, (double[4]){rtol, atol, equal_nan});
}
