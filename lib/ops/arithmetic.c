/* arithmetic.c: sums, products, quotients, powers, extrema of two operands, each with its gradient above it. */
#include "rules.h"

#define X (n->in[0])
#define Y (n->in[1])
#define OUT (n->out[0])
#define IN0 TC_SAVE_IN(0)
#define IN1 TC_SAVE_IN(1)
#define IN2 TC_SAVE_IN(2)
#define OUT0 TC_SAVE_OUT(0)

static tc_tensor *either(tc_tensor *test, tc_tensor *yes, double no) { return tc_where(test, yes, tci_number(no)); }

GRAD(add) { dx[0] = G; dx[1] = tci_needs(n, 1) ? times(G, *(double *)n->attr) : NULL; }
RULE(add, TC_COMPLEX_RULE);
tc_tensor *tc_add(tc_operand *x, tc_operand *y, double alpha) { return tci_binary(TC_BINARY_add, &add_rule, x, y, (double[4]){alpha}); }

GRAD(sub) { dx[0] = G; dx[1] = tci_needs(n, 1) ? times(G, -*(double *)n->attr) : NULL; }
RULE(sub, TC_COMPLEX_RULE);
tc_tensor *tc_sub(tc_operand *x, tc_operand *y, double alpha) {
  if (x && y && (x->dtype == TC_BOOL || y->dtype == TC_BOOL) && tci_result_type(2, (tc_tensor *[]){x, y}) == TC_BOOL)
    return tci_fail("bool tensors have no difference: use logical_xor() or bitwise_not()");
  return tci_binary(TC_BINARY_sub, &sub_rule, x, y, (double[4]){alpha});
}
tc_tensor *tc_rsub(tc_operand *x, tc_operand *y, double alpha) { return tc_sub(y, x, alpha); }

GRAD(mul) {
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, Y);
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, X);
}
RULE(mul, IN0 | IN1);
tc_tensor *tc_mul(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_mul, &mul_rule, x, y, NULL); }

/* ---- division; a zero gradient stays zero where the quotient is infinite or nan ---- */
GRAD(div) {
  if (tci_needs(n, 0)) dx[0] = tc_div_zero(G, Y);
  if (tci_needs(n, 1)) dx[1] = tc_neg(tc_div_zero(tc_mul_zero(G, tc_div_zero(X, Y)), Y));
}
RULE(div, IN0 | IN1);
GRAD(div_zero) {
  if (tci_needs(n, 0)) dx[0] = tc_div_zero(G, Y);
  if (tci_needs(n, 1)) dx[1] = tc_neg(tc_div_zero(tc_mul_zero(G, tc_div_zero(X, Y)), Y));
}
RULE(div_zero, IN0 | IN1);
tc_tensor *tc_div_zero(tc_tensor *x, tc_tensor *y) { return tci_binary(TC_BINARY_div_zero, &div_zero_rule, x, y, NULL); }
GRAD(mul_zero) {
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, Y);
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, X);
}
RULE(mul_zero, IN0 | IN1);
tc_tensor *tc_mul_zero(tc_tensor *x, tc_tensor *y) { return tci_binary(TC_BINARY_mul_zero, &mul_zero_rule, x, y, NULL); }

static bool some_zero(tc_tensor *y) {
  if (tci_captures() && !tci_watch_read(y)) return true;
  tc_tensor *v = tci_contig(tci_cast(y, TC_INT64));
  for (int64_t i = 0; v && i < v->numel; i++)
    if (((int64_t *)tci_data(v))[i] == 0) return true;
  return v == NULL;
}

/* integers cannot be divided by zero; floats give inf or nan */
static bool divides(tc_tensor *x, tc_tensor *y) {
  if (!x || !y) return false;
  if (!tci_is_int(tci_result_type(2, (tc_tensor *[]){x, y}))) return true;
  if (y->device == 0 && some_zero(y)) return tci_fail("integer division by zero") != NULL;
  return true;
}

static const tc_rule div_trunc_rule = {"div", nothing_grad, 0}, div_floor_rule = {"floor_divide", nothing_grad, 0};
tc_tensor *tc_true_divide(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_div, &div_rule, x, y, NULL); }
tc_tensor *tc_floor_divide(tc_operand *x, tc_operand *y) {
  return divides(x, y) ? tci_binary(TC_BINARY_div_floor, &div_floor_rule, x, y, NULL) : NULL;
}
tc_tensor *tc_div(tc_operand *x, tc_operand *y, const char *rounding_mode) {
  if (!rounding_mode) return tc_true_divide(x, y);
  if (!strcmp(rounding_mode, "floor")) return tc_floor_divide(x, y);
  if (strcmp(rounding_mode, "trunc")) return tci_fail("rounding_mode: got '%s', takes 'trunc', 'floor' or nil", rounding_mode);
  return divides(x, y) ? tci_binary(TC_BINARY_div_trunc, &div_trunc_rule, x, y, NULL) : NULL;
}

GRAD(remainder) {
  dx[0] = G;
  if (tci_needs(n, 1)) dx[1] = tc_neg(tc_mul_zero(G, tc_floor_divide(X, Y)));
}
RULE(remainder, IN0 | IN1);
tc_tensor *tc_remainder(tc_operand *x, tc_operand *y) {
  return divides(x, y) ? tci_binary(TC_BINARY_remainder, &remainder_rule, x, y, NULL) : NULL;
}
GRAD(fmod) {
  dx[0] = G;
  if (tci_needs(n, 1)) dx[1] = tc_neg(tc_mul_zero(G, tc_div(X, Y, "trunc")));
}
RULE(fmod, IN0 | IN1);
tc_tensor *tc_fmod(tc_operand *x, tc_operand *y) { return divides(x, y) ? tci_binary(TC_BINARY_fmod, &fmod_rule, x, y, NULL) : NULL; }

/* ---- powers ---- */
static bool is_number(tc_tensor *y, double value) {
  if (!(y->flags & TCF_WEAK) || tci_is_complex(y->dtype)) return false;
  return (y->dtype == TC_INT64 ? (double)*(int64_t *)tci_data(y) : *(double *)tci_data(y)) == value;
}

/* y - 1 and 1 - y; of a Lua number another one, so that no digit is lost */
static double number_of(const tc_tensor *y) { return y->dtype == TC_INT64 ? (double)*(int64_t *)tci_data(y) : *(double *)tci_data(y); }
static bool real_number(const tc_tensor *y) { return y->flags & TCF_WEAK && !tci_is_complex(y->dtype); }
static tc_tensor *less_one(tc_tensor *y) { return real_number(y) ? tci_number(number_of(y) - 1) : tc_sub(y, tci_number(1), 1); }
static tc_tensor *one_less(tc_tensor *y) { return real_number(y) ? tci_number(1 - number_of(y)) : tc_rsub(y, tci_number(1), 1); }

static tc_tensor *pow_by_base(tc_tensor *g, tc_tensor *x, tc_tensor *y) { /* y x^(y-1) */
  if (is_number(y, 2)) return tc_mul_zero(g, times(x, 2));
  if (is_number(y, 1)) return g;
  if (is_number(y, 0)) return tc_zeros_like(g, TC_NONE, TC_NONE, false);
  return tc_mul_zero(tc_mul_zero(g, y), tc_pow(x, less_one(y)));
}

GRAD(pow) {
  if (tci_needs(n, 0)) dx[0] = pow_by_base(G, X, Y);
  if (!tci_needs(n, 1)) return;
  tc_tensor *by_power = tc_mul_zero(tc_mul_zero(G, OUT), tc_log(tci_is_complex(OUT->dtype) ? tc_to(X, OUT->dtype, TC_NONE, false) : X)); /* x^y ln x, which is 0 at x = 0 for y >= 0 */
  tc_tensor *flat = tc_logical_and(tc_eq(X, tci_number(0)), tc_ge(tc_real(Y), tci_number(0)));
  dx[1] = tc_where(flat, tci_number(0), by_power);
}
RULE(pow, IN0 | IN1 | OUT0);
static bool negative_power(tc_tensor *x, tc_tensor *y) {
  if (!tci_is_int(x->dtype) || !(y->flags & TCF_WEAK) || y->dtype != TC_INT64) return false;
  return *(int64_t *)tci_data(y) < 0;
}
tc_tensor *tc_pow(tc_operand *x, tc_operand *y) {
  if (!x || !y) return NULL;
  if (negative_power(x, y)) return tci_fail("integers to negative powers are not integers: use x:float()");
  if (is_number(y, 2) && (tci_is_float(x->dtype) || tci_is_complex(x->dtype)) && !(x->flags & TCF_WEAK)) return tc_square(x); /* the same, 20 times as fast */
  return tci_binary(TC_BINARY_pow, &pow_rule, x, y, NULL);
}
tc_tensor *tc_float_power(tc_operand *x, tc_operand *y) {
  if (!x || !y) return NULL;
  int dtype = tci_is_complex(x->dtype) || tci_is_complex(y->dtype) ? TC_COMPLEX128 : TC_FLOAT64;
  return tc_pow(tc_to(x, dtype, TC_NONE, false), tc_to(y, dtype, TC_NONE, false));
}

/* ---- extrema: at a tie each operand gets half of the gradient ---- */
static void extremum(const tc_node *n, tc_tensor *g, tc_tensor **dx, bool greater) {
  tc_tensor *half = tc_where(tc_eq(X, Y), times(g, 0.5), tci_number(0));
  tc_tensor *left = greater ? tc_gt(X, Y) : tc_lt(X, Y), *right = greater ? tc_lt(X, Y) : tc_gt(X, Y);
  if (tci_needs(n, 0)) dx[0] = tc_where(left, g, half);
  if (tci_needs(n, 1)) dx[1] = tc_where(right, g, half);
}
GRAD(maximum) { extremum(n, G, dx, true); }
GRAD(minimum) { extremum(n, G, dx, false); }
RULE(maximum, IN0 | IN1);
RULE(minimum, IN0 | IN1);
tc_tensor *tc_maximum(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_maximum, &maximum_rule, x, y, NULL); }
tc_tensor *tc_minimum(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_minimum, &minimum_rule, x, y, NULL); }

/* fmax and fmin: the same, and an operand that is nan is not taken */
static void taken(const tc_node *n, tc_tensor *g, tc_tensor **dx, bool greater) {
  extremum(n, g, dx, greater);
  if (tci_needs(n, 0)) dx[0] = tc_where(tc_isnan(Y), g, dx[0]);
  if (tci_needs(n, 1)) dx[1] = tc_where(tc_logical_and(tc_isnan(X), tc_logical_not(tc_isnan(Y))), g, dx[1]);
}
GRAD(fmax) { taken(n, G, dx, true); }
GRAD(fmin) { taken(n, G, dx, false); }
RULE(fmax, IN0 | IN1);
RULE(fmin, IN0 | IN1);
tc_tensor *tc_fmax(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_fmax, &fmax_rule, x, y, NULL); }
tc_tensor *tc_fmin(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_fmin, &fmin_rule, x, y, NULL); }

/* ---- angles and lengths ---- */
GRAD(atan2) { /* y / (x^2 + y^2), -x / (x^2 + y^2) */
  tc_tensor *scaled = tc_div_zero(G, tc_add(tc_square(X), tc_square(Y), 1));
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(scaled, Y);
  if (tci_needs(n, 1)) dx[1] = tc_neg(tc_mul_zero(scaled, X));
}
RULE(atan2, IN0 | IN1);
tc_tensor *tc_atan2(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_atan2, &atan2_rule, x, y, NULL); }

GRAD(hypot) {
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, tc_div_zero(X, OUT));
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, tc_div_zero(Y, OUT));
}
RULE(hypot, IN0 | IN1 | OUT0);
tc_tensor *tc_hypot(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_hypot, &hypot_rule, x, y, NULL); }

GRAD(copysign) { dx[0] = tc_where(tc_eq(X, tci_number(0)), tci_number(0), tc_mul_zero(G, tc_div_zero(OUT, X))); } /* 1 or -1; 0 at x = 0 */
RULE(copysign, IN0 | OUT0);
tc_tensor *tc_copysign(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_copysign, &copysign_rule, x, y, NULL); }

GRAD(nextafter) { /* the step aside, x or, where they are equal, y itself */
  tc_tensor *same = tc_eq(X, Y);
  if (tci_needs(n, 0)) dx[0] = tc_where(same, tci_number(0), G);
  if (tci_needs(n, 1)) dx[1] = either(same, G, 0);
}
RULE(nextafter, IN0 | IN1);
tc_tensor *tc_nextafter(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_nextafter, &nextafter_rule, x, y, NULL); }

/* ---- sums of exponentials: the shares of the two ---- */
GRAD(logaddexp) {
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, tc_sigmoid(tc_sub(X, Y, 1)));
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, tc_sigmoid(tc_sub(Y, X, 1)));
}
RULE(logaddexp, IN0 | IN1);
tc_tensor *tc_logaddexp(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_logaddexp, &logaddexp_rule, x, y, NULL); }
GRAD(logaddexp2) {
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, tc_sigmoid(times(tc_sub(X, Y, 1), M_LN2)));
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, tc_sigmoid(times(tc_sub(Y, X, 1), M_LN2)));
}
RULE(logaddexp2, IN0 | IN1);
tc_tensor *tc_logaddexp2(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_logaddexp2, &logaddexp2_rule, x, y, NULL); }

GRAD(xlogy) {
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, either(tc_logical_and(tc_eq(X, tci_number(0)), tc_le(Y, tci_number(0))), tci_number(0), 1));
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(dx[0], tc_log(Y));
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, tc_div_zero(X, Y));
}
RULE(xlogy, IN0 | IN1);
tc_tensor *tc_xlogy(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_xlogy, &xlogy_rule, x, y, NULL); }

static const tc_rule heaviside_rule = {"heaviside", nothing_grad, 0};
tc_tensor *tc_heaviside(tc_operand *x, tc_operand *values) { return tci_binary(TC_BINARY_heaviside, &heaviside_rule, x, values, NULL); }
tc_tensor *tc_ldexp(tc_operand *x, tc_operand *y) {
  if (y && !tci_is_int(y->dtype)) return tc_mul(x, tc_pow(tci_number(2), y));
  const int two = x && !tci_is_int(x->dtype) ? tci_part_type(x->dtype) : TC_FLOAT32;
  return tc_mul(x, tc_pow(tc_full(NULL, 0, tci_number(2), two, 0, false), y));
}

/* ---- integers ---- */
tc_tensor *tc_gcd(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_gcd, NULL, x, y, NULL); }
tc_tensor *tc_lcm(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_lcm, NULL, x, y, NULL); }
tc_tensor *tc_bitwise_and(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_bitwise_and, NULL, x, y, NULL); }
tc_tensor *tc_bitwise_or(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_bitwise_or, NULL, x, y, NULL); }
tc_tensor *tc_bitwise_xor(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_bitwise_xor, NULL, x, y, NULL); }
tc_tensor *tc_bitwise_left_shift(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_shift_left, NULL, x, y, NULL); }
tc_tensor *tc_bitwise_right_shift(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_shift_right, NULL, x, y, NULL); }

/* ---- three operands ---- */
GRAD(where) {
  if (tci_needs(n, 1)) dx[1] = either(X, G, 0);
  if (tci_needs(n, 2)) dx[2] = tc_where(X, tci_number(0), G);
}
RULE(where, IN0 | TC_COMPLEX_RULE);
tc_tensor *tc_where(tc_tensor *condition, tc_operand *x, tc_operand *y) {
  if (condition && condition->dtype != TC_BOOL)
    return tci_fail("condition: got %s, takes bool: compare it first, as in x:gt(0)", tci_dtype_name(condition->dtype));
  return tci_ternary(TC_TERNARY_where, &where_rule, condition, x, y, NULL);
}

/* Between the bounds the gradient is x's, beyond them that of the bound which holds; on a bound that is a number nobody has it, on one
   that is a tensor each gets half. */
GRAD(clamp) {
  tc_tensor *low = Y, *high = n->in[2], *between = tc_logical_and(tc_gt(X, low), tc_lt(X, high));
  if (real_number(low) && real_number(high)) { dx[0] = either(between, G, 0); return; }
  tc_tensor *crossed = tc_gt(low, high), *half = times(G, 0.5); /* where the bounds cross, the upper one holds */
  tc_tensor *at_low = tc_where(crossed, tci_number(0), either(tc_eq(X, low), half, 0)), *at_high = either(tc_eq(X, high), half, 0);
  if (tci_needs(n, 0)) dx[0] = tc_where(between, G, tc_where(crossed, tci_number(0), tc_add(at_low, at_high, 1)));
  if (tci_needs(n, 1)) dx[1] = tc_where(tc_logical_and(tc_lt(X, low), tc_logical_not(crossed)), G, at_low);
  if (tci_needs(n, 2)) dx[2] = tc_where(tc_logical_or(tc_gt(X, high), crossed), G, at_high);
}
RULE(clamp, IN0 | IN1 | IN2);
static void clamp_one(const tc_node *n, tc_tensor *g, tc_tensor **dx, bool greater) {
  if (!real_number(Y)) extremum(n, g, dx, greater);
  else dx[0] = either(greater ? tc_gt(X, Y) : tc_lt(X, Y), g, 0);
}
GRAD(clamp_min) { clamp_one(n, G, dx, true); }
GRAD(clamp_max) { clamp_one(n, G, dx, false); }
RULE(clamp_min, IN0 | IN1);
RULE(clamp_max, IN0 | IN1);
tc_tensor *tc_clamp_min(tc_tensor *x, tc_operand *min) { return tci_binary(TC_BINARY_maximum, &clamp_min_rule, x, min, NULL); }
tc_tensor *tc_clamp_max(tc_tensor *x, tc_operand *max) { return tci_binary(TC_BINARY_minimum, &clamp_max_rule, x, max, NULL); }
tc_tensor *tc_clamp(tc_tensor *x, tc_operand *min, tc_operand *max) {
  if (!min && !max) return tci_fail("needs min, max or both");
  if (!max) return tc_clamp_min(x, min);
  if (!min) return tc_clamp_max(x, max);
  return tci_ternary(TC_TERNARY_clamp, &clamp_rule, x, min, max, NULL);
}

GRAD(lerp) {
  tc_tensor *weight = n->in[2];
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, one_less(weight));
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, weight);
  if (tci_needs(n, 2)) dx[2] = tc_mul_zero(G, tc_sub(Y, X, 1));
}
RULE(lerp, IN0 | IN1 | IN2);
tc_tensor *tc_lerp(tc_tensor *x, tc_tensor *end, tc_operand *weight) { return tci_ternary(TC_TERNARY_lerp, &lerp_rule, x, end, weight, NULL); }

GRAD(addcmul) {
  double value = *(double *)n->attr;
  dx[0] = G;
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, times(n->in[2], value));
  if (tci_needs(n, 2)) dx[2] = tc_mul_zero(G, times(Y, value));
}
RULE(addcmul, IN1 | IN2);
tc_tensor *tc_addcmul(tc_tensor *x, tc_tensor *a, tc_tensor *b, double value) {
  return tci_ternary(TC_TERNARY_addcmul, &addcmul_rule, x, a, b, (double[4]){value});
}

GRAD(addcdiv) {
  double value = *(double *)n->attr;
  dx[0] = G;
  if (tci_needs(n, 1)) dx[1] = tc_div_zero(times(G, value), n->in[2]);
  if (tci_needs(n, 2)) dx[2] = tc_neg(tc_div_zero(tc_mul_zero(times(G, value), tc_div_zero(Y, n->in[2])), n->in[2]));
}
RULE(addcdiv, IN1 | IN2);
tc_tensor *tc_addcdiv(tc_tensor *x, tc_tensor *a, tc_tensor *b, double value) {
  return tci_ternary(TC_TERNARY_addcdiv, &addcdiv_rule, x, a, b, (double[4]){value});
}
