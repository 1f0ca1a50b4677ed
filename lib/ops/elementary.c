/* elementary.c: functions of one operand, each with its gradient above it. */
#include "rules.h"
#include <float.h>

#define X (n->in[0])
#define Y (n->out[0])
#define IN TC_SAVE_IN(0)
#define OUT TC_SAVE_OUT(0)

static tc_tensor *one_minus_square(tc_tensor *x) { return tc_rsub(tc_square(x), tci_number(1), 1); }

/* ---- arithmetic ---- */
static tc_tensor *not_for_bool(tc_tensor *x) {
  if (x && x->dtype == TC_BOOL) return tci_fail("got bool: use logical_not() or bitwise_not()");
  return x;
}
GRAD(neg) { dx[0] = tc_neg(G); }
RULE(neg, TC_COMPLEX_RULE);
tc_tensor *tc_neg(tc_tensor *x) { return not_for_bool(x) ? tci_unary(TC_UNARY_neg, &neg_rule, x, NULL) : NULL; }
tc_tensor *tc_positive(tc_tensor *x) { return not_for_bool(x); }
GRAD(abs) { dx[0] = tc_mul_zero(G, tc_sgn(X)); }
RULE(abs, IN | TC_COMPLEX_RULE);
tc_tensor *tc_abs(tc_tensor *x) { return tci_unary(TC_UNARY_abs, &abs_rule, x, NULL); }
static const tc_rule sign_rule = {"sign", nothing_grad, 0};
tc_tensor *tc_sign(tc_tensor *x) { return tci_unary(TC_UNARY_sign, &sign_rule, x, NULL); }
GRAD(square) { dx[0] = tc_mul_zero(G, times(X, 2)); }
RULE(square, IN);
tc_tensor *tc_square(tc_tensor *x) {
  if (x && x->dtype == TC_BOOL) x = tci_cast(x, TC_INT64);
  return tci_unary(TC_UNARY_square, &square_rule, x, NULL);
}
GRAD(reciprocal) { dx[0] = tc_neg(tc_mul_zero(G, tc_square(Y))); }
RULE(reciprocal, OUT);
tc_tensor *tc_reciprocal(tc_tensor *x) { return tci_unary(TC_UNARY_reciprocal, &reciprocal_rule, x, NULL); }
GRAD(sqrt) { dx[0] = tc_div_zero(G, times(Y, 2)); }
RULE(sqrt, OUT);
tc_tensor *tc_sqrt(tc_tensor *x) { return tci_unary(TC_UNARY_sqrt, &sqrt_rule, x, NULL); }
GRAD(rsqrt) { dx[0] = tc_mul_zero(G, times(tc_mul(tc_square(Y), Y), -0.5)); }
RULE(rsqrt, OUT);
tc_tensor *tc_rsqrt(tc_tensor *x) { return tci_unary(TC_UNARY_rsqrt, &rsqrt_rule, x, NULL); }

/* ---- rounding ---- */
static const tc_rule floor_rule = {"floor", nothing_grad, 0}, ceil_rule = {"ceil", nothing_grad, 0}, round_rule = {"round", nothing_grad, 0},
                     trunc_rule = {"trunc", nothing_grad, 0};
tc_tensor *tc_floor(tc_tensor *x) { return tci_unary(TC_UNARY_floor, &floor_rule, x, NULL); }
tc_tensor *tc_ceil(tc_tensor *x) { return tci_unary(TC_UNARY_ceil, &ceil_rule, x, NULL); }
tc_tensor *tc_trunc(tc_tensor *x) { return tci_unary(TC_UNARY_trunc, &trunc_rule, x, NULL); }
tc_tensor *tc_round(tc_tensor *x, int64_t decimals) {
  if (decimals == 0 || (x && tci_is_int(x->dtype) && decimals > 0)) return tci_unary(TC_UNARY_round, &round_rule, x, NULL);
  double scale = pow(10, fabs((double)decimals));
  tc_tensor *scaled = decimals > 0 ? times(x, scale) : tc_true_divide(x, tci_number(scale));
  tc_tensor *whole = tci_unary(TC_UNARY_round, &round_rule, scaled, NULL);
  return decimals > 0 ? tc_true_divide(whole, tci_number(scale)) : times(whole, scale);
}
GRAD(frac) { dx[0] = G; (void)n; }
RULE(frac, 0);
tc_tensor *tc_frac(tc_tensor *x) { return tci_unary(TC_UNARY_frac, &frac_rule, x, NULL); }

static tc_tensor *where_finite(tc_tensor *x, tc_tensor *g) { return tc_where(tc_isfinite(x), g, tci_number(0)); }
GRAD(nan_to_num) { /* each part for itself */
  if (!tci_is_complex(X->dtype)) dx[0] = where_finite(X, G);
  else dx[0] = tc_complex(where_finite(tc_real(X), tc_real(G)), where_finite(tc_imag(X), tc_imag(G)));
}
RULE(nan_to_num, IN | TC_COMPLEX_RULE);
static double largest(int dtype) {
  dtype = tci_part_type(dtype);
  return dtype == TC_FLOAT64 ? DBL_MAX : dtype == TC_FLOAT16 ? 65504 : dtype == TC_BFLOAT16 ? 0x1.fep127 : FLT_MAX;
}
static double number_or(tc_tensor *v, double otherwise) {
  double value = otherwise;
  if (v && v->ndim == 0) tc_read_doubles(v, &value);
  return value;
}
tc_tensor *tc_nan_to_num(tc_tensor *x, double nan, tc_operand *posinf, tc_operand *neginf) {
  if (!x) return NULL;
  if (tci_is_int(x->dtype)) return tc_clone(x);
  double p[4] = {nan, number_or(posinf, largest(x->dtype)), number_or(neginf, -largest(x->dtype))};
  return tci_unary(TC_UNARY_nan_to_num, &nan_to_num_rule, x, p);
}

/* ---- exponentials, logarithms ---- */
GRAD(exp) { dx[0] = tc_mul_zero(G, Y); }
RULE(exp, OUT);
tc_tensor *tc_exp(tc_tensor *x) { return tci_unary(TC_UNARY_exp, &exp_rule, x, NULL); }
GRAD(exp2) { dx[0] = tc_mul_zero(G, times(Y, M_LN2)); }
RULE(exp2, OUT);
tc_tensor *tc_exp2(tc_tensor *x) { return tci_unary(TC_UNARY_exp2, &exp2_rule, x, NULL); }
GRAD(expm1) { dx[0] = tc_mul_zero(G, plus(Y, 1)); }
RULE(expm1, OUT);
tc_tensor *tc_expm1(tc_tensor *x) { return tci_unary(TC_UNARY_expm1, &expm1_rule, x, NULL); }
GRAD(log) { dx[0] = tc_div_zero(G, X); }
RULE(log, IN);
tc_tensor *tc_log(tc_tensor *x) { return tci_unary(TC_UNARY_log, &log_rule, x, NULL); }
GRAD(log2) { dx[0] = tc_div_zero(G, times(X, M_LN2)); }
RULE(log2, IN);
tc_tensor *tc_log2(tc_tensor *x) { return tci_unary(TC_UNARY_log2, &log2_rule, x, NULL); }
GRAD(log10) { dx[0] = tc_div_zero(G, times(X, M_LN10)); }
RULE(log10, IN);
tc_tensor *tc_log10(tc_tensor *x) { return tci_unary(TC_UNARY_log10, &log10_rule, x, NULL); }
GRAD(log1p) { dx[0] = tc_div_zero(G, plus(X, 1)); }
RULE(log1p, IN);
tc_tensor *tc_log1p(tc_tensor *x) { return tci_unary(TC_UNARY_log1p, &log1p_rule, x, NULL); }
GRAD(logit) { /* 1 / (x (1 - x)), which is undefined outside 0..1 as the function is */
  tc_tensor *inside = tc_logical_and(tc_ge(X, tci_number(0)), tc_le(X, tci_number(1)));
  dx[0] = tc_mul_zero(G, tc_where(inside, tc_reciprocal(tc_mul(X, tc_rsub(X, tci_number(1), 1))), tci_number(NAN)));
}
RULE(logit, IN);
tc_tensor *tc_logit(tc_tensor *x, tc_operand *eps) {
  if (eps) {
    double e = number_or(eps, 0);
    x = tc_clamp(tc_to(x, x ? tci_float_type(x->dtype) : TC_NONE, TC_NONE, false), tci_number(e), tci_number(1 - e));
  }
  if (x && tci_is_complex(x->dtype)) return tc_log(tc_true_divide(x, tc_rsub(x, tci_number(1), 1)));
  return tci_unary(TC_UNARY_logit, &logit_rule, x, NULL);
}

/* ---- trigonometric, hyperbolic ---- */
GRAD(sin) { dx[0] = tc_mul_zero(G, tc_cos(X)); }
RULE(sin, IN);
tc_tensor *tc_sin(tc_tensor *x) { return tci_unary(TC_UNARY_sin, &sin_rule, x, NULL); }
GRAD(cos) { dx[0] = tc_neg(tc_mul_zero(G, tc_sin(X))); }
RULE(cos, IN);
tc_tensor *tc_cos(tc_tensor *x) { return tci_unary(TC_UNARY_cos, &cos_rule, x, NULL); }
GRAD(tan) { dx[0] = tc_mul_zero(G, plus(tc_square(Y), 1)); }
RULE(tan, OUT);
tc_tensor *tc_tan(tc_tensor *x) { return tci_unary(TC_UNARY_tan, &tan_rule, x, NULL); }
GRAD(asin) { dx[0] = tc_div_zero(G, tc_sqrt(one_minus_square(X))); }
RULE(asin, IN);
tc_tensor *tc_asin(tc_tensor *x) { return tci_unary(TC_UNARY_asin, &asin_rule, x, NULL); }
GRAD(acos) { dx[0] = tc_neg(tc_div_zero(G, tc_sqrt(one_minus_square(X)))); }
RULE(acos, IN);
tc_tensor *tc_acos(tc_tensor *x) { return tci_unary(TC_UNARY_acos, &acos_rule, x, NULL); }
GRAD(atan) { dx[0] = tc_div_zero(G, plus(tc_square(X), 1)); }
RULE(atan, IN);
tc_tensor *tc_atan(tc_tensor *x) { return tci_unary(TC_UNARY_atan, &atan_rule, x, NULL); }
GRAD(sinh) { dx[0] = tc_mul_zero(G, tc_cosh(X)); }
RULE(sinh, IN);
tc_tensor *tc_sinh(tc_tensor *x) { return tci_unary(TC_UNARY_sinh, &sinh_rule, x, NULL); }
GRAD(cosh) { dx[0] = tc_mul_zero(G, tc_sinh(X)); }
RULE(cosh, IN);
tc_tensor *tc_cosh(tc_tensor *x) { return tci_unary(TC_UNARY_cosh, &cosh_rule, x, NULL); }
GRAD(asinh) { dx[0] = tc_div_zero(G, tc_sqrt(plus(tc_square(X), 1))); }
RULE(asinh, IN);
tc_tensor *tc_asinh(tc_tensor *x) { return tci_unary(TC_UNARY_asinh, &asinh_rule, x, NULL); }
GRAD(acosh) { /* the root of the product is not the product of the roots in the left half plane */
  tc_tensor *root = tci_is_complex(X->dtype) ? tc_mul(tc_sqrt(plus(X, 1)), tc_sqrt(plus(X, -1))) : tc_sqrt(plus(tc_square(X), -1));
  dx[0] = tc_div_zero(G, root);
}
RULE(acosh, IN);
tc_tensor *tc_acosh(tc_tensor *x) { return tci_unary(TC_UNARY_acosh, &acosh_rule, x, NULL); }
GRAD(atanh) { dx[0] = tc_div_zero(G, one_minus_square(X)); }
RULE(atanh, IN);
tc_tensor *tc_atanh(tc_tensor *x) { return tci_unary(TC_UNARY_atanh, &atanh_rule, x, NULL); }
tc_tensor *tc_deg2rad(tc_tensor *x) { return times(x, M_PI / 180); }
tc_tensor *tc_rad2deg(tc_tensor *x) { return times(x, 180 / M_PI); }

GRAD(sinc) { /* (cos(pi x) - sinc(x)) / x, 0 at 0 */
  tc_tensor *slope = tc_true_divide(tc_sub(tc_cos(times(X, M_PI)), tc_sinc(X), 1), X);
  dx[0] = tc_where(tc_eq(X, tci_number(0)), times(tc_mul_zero(G, X), -M_PI * M_PI / 3), tc_mul_zero(G, slope));
}
RULE(sinc, IN);
tc_tensor *tc_sinc(tc_tensor *x) { return tci_unary(TC_UNARY_sinc, &sinc_rule, x, NULL); }

/* ---- special functions ---- */
static tc_tensor *bell(tc_tensor *x) { return times(tc_exp(tc_neg(tc_square(x))), M_2_SQRTPI); } /* the derivative of erf */
GRAD(erf) { dx[0] = tc_mul_zero(G, bell(X)); }
RULE(erf, IN);
tc_tensor *tc_erf(tc_tensor *x) { return tci_unary(TC_UNARY_erf, &erf_rule, x, NULL); }
GRAD(erfc) { dx[0] = tc_neg(tc_mul_zero(G, bell(X))); }
RULE(erfc, IN);
tc_tensor *tc_erfc(tc_tensor *x) { return tci_unary(TC_UNARY_erfc, &erfc_rule, x, NULL); }
GRAD(lgamma) { dx[0] = tc_mul_zero(G, tc_digamma(X)); }
RULE(lgamma, IN);
tc_tensor *tc_lgamma(tc_tensor *x) { return tci_unary(TC_UNARY_lgamma, &lgamma_rule, x, NULL); }
GRAD(digamma) { dx[0] = tc_mul_zero(G, tc_polygamma(1, X)); }
RULE(digamma, IN);
tc_tensor *tc_digamma(tc_tensor *x) { return tci_unary(TC_UNARY_digamma, &digamma_rule, x, NULL); }
GRAD(polygamma) { dx[0] = tc_mul_zero(G, tc_polygamma((int64_t) * (double *)n->attr + 1, X)); }
RULE(polygamma, IN);
tc_tensor *tc_polygamma(int64_t order, tc_tensor *x) {
  if (order < 0) return tci_fail("n: got %lld, takes 0 or more", (long long)order);
  if (order == 0) return tc_digamma(x);
  return tci_unary(TC_UNARY_polygamma, &polygamma_rule, x, (double[4]){(double)order});
}

/* ---- integers ---- */
tc_tensor *tc_bitwise_not(tc_tensor *x) {
  return x && x->dtype == TC_BOOL ? tc_logical_not(x) : tci_unary(TC_UNARY_bitwise_not, NULL, x, NULL);
}
