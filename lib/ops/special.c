/* special.c: special functions of tocha.special, each with its gradient above it. Where a gradient is not known in closed form, asking for
   it is an error. */
#include "rules.h"

#define X (n->in[0])
#define X2 (n->in[1])
#define Y (n->out[0])
#define IN TC_SAVE_IN(0)
#define OUT TC_SAVE_OUT(0)

static tc_tensor *zero_at(tc_tensor *x) { return tc_eq(x, tci_number(0)); }

/* ---- names of functions that exist ---- */
tc_tensor *tc_special_expit(tc_tensor *x) { return tc_sigmoid(x); }
tc_tensor *tc_special_gammaln(tc_tensor *x) { return tc_lgamma(x); }
tc_tensor *tc_special_psi(tc_tensor *x) { return tc_digamma(x); }

/* ---- relatives of the error function ---- */
GRAD(erfcx) { dx[0] = tc_mul_zero(G, plus(times(tc_mul(X, Y), 2), -M_2_SQRTPI)); }
RULE(erfcx, IN | OUT);
tc_tensor *tc_special_erfcx(tc_tensor *x) { return tci_unary(TC_UNARY_erfcx, &erfcx_rule, x, NULL); }

GRAD(erfinv) { dx[0] = tc_mul_zero(G, times(tc_exp(tc_square(Y)), 1 / M_2_SQRTPI)); }
RULE(erfinv, OUT);
tc_tensor *tc_erfinv(tc_tensor *x) { return tci_unary(TC_UNARY_erfinv, &erfinv_rule, x, NULL); }

static tc_tensor *normal_density(tc_tensor *x) { return times(tc_exp(times(tc_square(x), -0.5)), M_2_SQRTPI * M_SQRT1_2 / 2); }
GRAD(ndtr) { dx[0] = tc_mul_zero(G, normal_density(X)); }
RULE(ndtr, IN);
tc_tensor *tc_special_ndtr(tc_tensor *x) { return tci_unary(TC_UNARY_ndtr, &ndtr_rule, x, NULL); }

GRAD(ndtri) { dx[0] = tc_mul_zero(G, times(tc_exp(times(tc_square(Y), 0.5)), M_SQRT2 / M_2_SQRTPI * 2)); }
RULE(ndtri, OUT);
tc_tensor *tc_special_ndtri(tc_tensor *x) { return tci_unary(TC_UNARY_ndtri, &ndtri_rule, x, NULL); }

GRAD(log_ndtr) { dx[0] = tc_div_zero(times(G, M_2_SQRTPI * M_SQRT1_2), tc_special_erfcx(times(X, -M_SQRT1_2))); } /* density / ndtr */
RULE(log_ndtr, IN);
tc_tensor *tc_special_log_ndtr(tc_tensor *x) { return tci_unary(TC_UNARY_log_ndtr, &log_ndtr_rule, x, NULL); }

/* ---- logarithms ---- */
GRAD(entr) { dx[0] = tc_neg(tc_mul_zero(G, plus(tc_log(X), 1))); }
RULE(entr, IN);
tc_tensor *tc_special_entr(tc_tensor *x) { return tci_unary(TC_UNARY_entr, &entr_rule, x, NULL); }

GRAD(xlog1py) { /* 0 log(0) is 0 here, so its slope is, too */
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, tc_where(tc_logical_and(zero_at(X), tc_le(X2, tci_number(-1))), tci_number(0), tc_log1p(X2)));
  if (tci_needs(n, 1)) dx[1] = tc_div_zero(tc_mul_zero(G, X), plus(X2, 1));
}
RULE(xlog1py, TC_SAVE_IN(0) | TC_SAVE_IN(1));
tc_tensor *tc_special_xlog1py(tc_operand *x, tc_operand *y) { return tci_binary(TC_BINARY_xlog1py, &xlog1py_rule, x, y, NULL); }

/* ---- modified Bessel functions ---- */
static tc_tensor *bessel_i(tc_tensor *x, int order, bool scaled);
static tc_tensor *bessel_k(tc_tensor *x, int order, bool scaled);

/* I0' = I1, I1' = I0 - I1 / x; the scale e^-|x| takes off sign(x) times the function */
GRAD(bessel_i) {
  const double *p = n->attr;
  bool scaled = p[1] != 0;
  tc_tensor *slope;
  if (p[0] == 0) slope = bessel_i(X, 1, scaled);
  else {
    tc_tensor *quotient = tc_where(zero_at(X), tci_number(0.5), tc_true_divide(Y, tc_where(zero_at(X), tci_number(1), X)));
    slope = tc_sub(bessel_i(X, 0, scaled), quotient, 1);
  }
  if (scaled) slope = tc_sub(slope, tc_mul(tc_sign(X), Y), 1);
  dx[0] = tc_mul_zero(G, slope);
}
RULE(bessel_i, IN | OUT);
static tc_tensor *bessel_i(tc_tensor *x, int order, bool scaled) {
  return tci_unary(TC_UNARY_bessel_i, &bessel_i_rule, x, (double[4]){order, scaled});
}
tc_tensor *tc_i0(tc_tensor *x) { return bessel_i(x, 0, false); }
tc_tensor *tc_special_i0e(tc_tensor *x) { return bessel_i(x, 0, true); }
tc_tensor *tc_special_i1(tc_tensor *x) { return bessel_i(x, 1, false); }
tc_tensor *tc_special_i1e(tc_tensor *x) { return bessel_i(x, 1, true); }
tc_tensor *tc_special_modified_bessel_i0(tc_tensor *x) { return bessel_i(x, 0, false); }
tc_tensor *tc_special_modified_bessel_i1(tc_tensor *x) { return bessel_i(x, 1, false); }

/* K0' = -K1, K1' = -K0 - K1 / x; the scale e^x adds the function */
GRAD(bessel_k) {
  const double *p = n->attr;
  bool scaled = p[1] != 0;
  tc_tensor *slope = tc_neg(bessel_k(X, p[0] == 0, scaled));
  if (p[0] != 0) slope = tc_sub(slope, tc_true_divide(Y, X), 1);
  if (scaled) slope = tc_add(slope, Y, 1);
  dx[0] = tc_mul_zero(G, slope);
}
RULE(bessel_k, IN | OUT);
static tc_tensor *bessel_k(tc_tensor *x, int order, bool scaled) {
  return tci_unary(TC_UNARY_bessel_k, &bessel_k_rule, x, (double[4]){order, scaled});
}
tc_tensor *tc_special_modified_bessel_k0(tc_tensor *x) { return bessel_k(x, 0, false); }
tc_tensor *tc_special_modified_bessel_k1(tc_tensor *x) { return bessel_k(x, 1, false); }
tc_tensor *tc_special_scaled_modified_bessel_k0(tc_tensor *x) { return bessel_k(x, 0, true); }
tc_tensor *tc_special_scaled_modified_bessel_k1(tc_tensor *x) { return bessel_k(x, 1, true); }

/* ---- Bessel functions: the derivative of order 0 is that of order 1 negated, that of order 1 is order 0 minus itself over x ---- */
static tc_tensor *slope_of_order_1(tc_tensor *order_0, tc_tensor *order_1, tc_tensor *x) {
  tc_tensor *quotient = tc_where(zero_at(x), tci_number(0.5), tc_true_divide(order_1, tc_where(zero_at(x), tci_number(1), x)));
  return tc_sub(order_0, quotient, 1);
}
GRAD(bessel_j0) { dx[0] = tc_neg(tc_mul_zero(G, tc_special_bessel_j1(X))); }
RULE(bessel_j0, IN);
tc_tensor *tc_special_bessel_j0(tc_tensor *x) { return tci_unary(TC_UNARY_bessel_j0, &bessel_j0_rule, x, NULL); }
GRAD(bessel_j1) { dx[0] = tc_mul_zero(G, slope_of_order_1(tc_special_bessel_j0(X), Y, X)); }
RULE(bessel_j1, IN | OUT);
tc_tensor *tc_special_bessel_j1(tc_tensor *x) { return tci_unary(TC_UNARY_bessel_j1, &bessel_j1_rule, x, NULL); }
GRAD(bessel_y0) { dx[0] = tc_neg(tc_mul_zero(G, tc_special_bessel_y1(X))); }
RULE(bessel_y0, IN);
tc_tensor *tc_special_bessel_y0(tc_tensor *x) { return tci_unary(TC_UNARY_bessel_y0, &bessel_y0_rule, x, NULL); }
GRAD(bessel_y1) { dx[0] = tc_mul_zero(G, tc_sub(tc_special_bessel_y0(X), tc_true_divide(Y, X), 1)); }
RULE(bessel_y1, IN | OUT);
tc_tensor *tc_special_bessel_y1(tc_tensor *x) { return tci_unary(TC_UNARY_bessel_y1, &bessel_y1_rule, x, NULL); }

GRAD(spherical) { /* (cos(x) - y) / x, -x / 3 at 0 */
  tc_tensor *slope = tc_true_divide(tc_sub(tc_cos(X), Y, 1), tc_where(zero_at(X), tci_number(1), X));
  dx[0] = tc_mul_zero(G, tc_where(zero_at(X), times(X, -1.0 / 3), slope));
}
RULE(spherical, IN | OUT);
tc_tensor *tc_special_spherical_bessel_j0(tc_tensor *x) { return tci_unary(TC_UNARY_spherical_bessel_j0, &spherical_rule, x, NULL); }

/* Airy's equation: Ai'' = x Ai */
static tc_tensor *airy(tc_tensor *x, bool slope);
GRAD(airy) { dx[0] = tc_mul_zero(G, *(const double *)n->attr ? tc_mul(X, airy(X, false)) : airy(X, true)); }
RULE(airy, IN);
static tc_tensor *airy(tc_tensor *x, bool slope) { return tci_unary(TC_UNARY_airy, &airy_rule, x, (double[4]){slope}); }
tc_tensor *tc_special_airy_ai(tc_tensor *x) { return airy(x, false); }

/* ---- the gamma function's relatives ---- */
tc_tensor *tc_mvlgamma(tc_tensor *x, int64_t p) { /* p (p - 1) / 4 log pi + the sum over i < p of lgamma(x - i / 2) */
  if (!x) return NULL;
  if (p < 1) return tci_fail("p: got %lld, takes 1 or more", (long long)p);
  tc_tensor *shifts = tc_arange(0, -0.5 * (double)p, -0.5, tci_float_type(x->dtype), x->device, false);
  tc_tensor *sum = tc_sum(tc_lgamma(tc_add(tc_unsqueeze(x, -1), shifts, 1)), (tc_dim[]){-1}, 1, false, TC_NONE);
  return plus(sum, (double)p * (double)(p - 1) / 4 * log(M_PI));
}
tc_tensor *tc_special_multigammaln(tc_tensor *x, int64_t p) { return tc_mvlgamma(x, p); }

/* x^(a-1) e^-x / gamma(a), the slope of the lower function by x */
static tc_tensor *gamma_density(tc_tensor *a, tc_tensor *x) {
  return tc_exp(tc_sub(tc_sub(tc_mul(plus(a, -1), tc_log(x)), x, 1), tc_lgamma(a), 1));
}

/* The slope of the lower function by a, itself with a gradient to x: minus how x moves with a at one place of the gamma distribution
   (kernels/cpu/gamma.c), times the density. */
GRAD(gammainc_order) {
  if (tci_needs(n, 0)) { tci_fail("the second derivative by the first argument is not known"); return; }
  dx[1] = tc_mul_zero(tc_mul_zero(G, gamma_density(X, X2)), tc_sub(tc_log(X2), tc_digamma(X), 1));
}
RULE(gammainc_order, TC_SAVE_IN(0) | TC_SAVE_IN(1));
static tc_tensor *gammainc_order(tc_tensor *a, tc_tensor *x, int dtype) {
  tc_tensor *both[] = {a, x}, *wide[2];
  int64_t size[TC_MAX_DIMS];
  int ndim;
  if (!tci_broadcast(2, both, &ndim, size)) return NULL;
  for (int i = 0; i < 2; i++) {
    wide[i] = tci_contig(tci_cast(tc_expand(tc_detach(both[i]), size, ndim), dtype));
    if (!wide[i]) return NULL;
  }
  tc_tensor *moves = tci_like(wide[0], dtype);
  if (!moves) return NULL;
  tc_view y = tci_view(moves), shape = tci_view(wide[0]), at = tci_view(wide[1]);
  if (!tci_status(tci_kernels(moves->device)->gamma_slope(&y, &shape, &at), NULL, NULL, 0)) return NULL;
  tc_tensor *slope = tc_neg(tc_mul(moves, gamma_density(wide[0], wide[1])));
  slope = tc_where(tc_gt(wide[1], tci_number(0)), slope, tci_number(0));
  return slope ? tci_record(&gammainc_order_rule, slope, 2, both, NULL, 0) : NULL;
}

GRAD(gammainc) {
  const bool upper = *(const double *)n->attr != 0;
  if (tci_needs(n, 0)) dx[0] = tc_mul_zero(G, gammainc_order(X, X2, G->dtype));
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(G, gamma_density(X, X2));
  for (int i = 0; upper && i < 2; i++)
    if (dx[i]) dx[i] = tc_neg(dx[i]);
}
RULE(gammainc, TC_SAVE_IN(0) | TC_SAVE_IN(1));
static tc_tensor *gammainc(tc_tensor *a, tc_tensor *x, bool upper) { return tci_binary(TC_BINARY_gammainc, &gammainc_rule, a, x, (double[4]){upper}); }
tc_tensor *tc_igamma(tc_operand *a, tc_operand *x) { return gammainc(a, x, false); }
tc_tensor *tc_igammac(tc_operand *a, tc_operand *x) { return gammainc(a, x, true); }

/* d/dq zeta(s, q) = -s zeta(s + 1, q) */
GRAD(zeta) {
  if (tci_needs(n, 0)) { tci_fail("the gradient to the first argument is not known"); return; }
  dx[1] = tc_neg(tc_mul_zero(G, tc_mul(X, tc_special_zeta(plus(X, 1), X2))));
}
RULE(zeta, TC_SAVE_IN(0) | TC_SAVE_IN(1));
tc_tensor *tc_special_zeta(tc_operand *x, tc_operand *q) { return tci_binary(TC_BINARY_zeta, &zeta_rule, x, q, NULL); }

/* ---- orthogonal polynomials; the derivatives by x are polynomials of their own. The degree has no gradient. ---- */
enum { CHEBYSHEV_T, CHEBYSHEV_U, CHEBYSHEV_V, CHEBYSHEV_W, HERMITE_H, HERMITE_HE, LAGUERRE_L, LEGENDRE_P, SHIFTED = 8, SLOPE = 16 }; /* as in kernels/special.h */
static tc_tensor *polynomial(int kind, tc_tensor *x, tc_tensor *degree);
GRAD(polynomial) {
  int kind = (int)*(const double *)n->attr;
  if (!tci_needs(n, 0)) return;
  if (kind / SLOPE == 8) tci_fail("derivatives of an order above 8 are not known");
  else dx[0] = tc_mul_zero(G, polynomial(kind + SLOPE, X, X2));
}
RULE(polynomial, TC_SAVE_IN(0) | TC_SAVE_IN(1));
static tc_tensor *polynomial(int kind, tc_tensor *x, tc_tensor *degree) {
  return tci_binary(TC_BINARY_polynomial, &polynomial_rule, x, degree, (double[4]){kind});
}
static tc_tensor *shifted(int kind, tc_tensor *x, tc_tensor *degree) { return polynomial(kind + SHIFTED, x, degree); }
tc_tensor *tc_special_chebyshev_polynomial_t(tc_operand *x, tc_operand *n) { return polynomial(CHEBYSHEV_T, x, n); }
tc_tensor *tc_special_chebyshev_polynomial_u(tc_operand *x, tc_operand *n) { return polynomial(CHEBYSHEV_U, x, n); }
tc_tensor *tc_special_chebyshev_polynomial_v(tc_operand *x, tc_operand *n) { return polynomial(CHEBYSHEV_V, x, n); }
tc_tensor *tc_special_chebyshev_polynomial_w(tc_operand *x, tc_operand *n) { return polynomial(CHEBYSHEV_W, x, n); }
tc_tensor *tc_special_shifted_chebyshev_polynomial_t(tc_operand *x, tc_operand *n) { return shifted(CHEBYSHEV_T, x, n); }
tc_tensor *tc_special_shifted_chebyshev_polynomial_u(tc_operand *x, tc_operand *n) { return shifted(CHEBYSHEV_U, x, n); }
tc_tensor *tc_special_shifted_chebyshev_polynomial_v(tc_operand *x, tc_operand *n) { return shifted(CHEBYSHEV_V, x, n); }
tc_tensor *tc_special_shifted_chebyshev_polynomial_w(tc_operand *x, tc_operand *n) { return shifted(CHEBYSHEV_W, x, n); }
tc_tensor *tc_special_hermite_polynomial_h(tc_operand *x, tc_operand *n) { return polynomial(HERMITE_H, x, n); }
tc_tensor *tc_special_hermite_polynomial_he(tc_operand *x, tc_operand *n) { return polynomial(HERMITE_HE, x, n); }
tc_tensor *tc_special_laguerre_polynomial_l(tc_operand *x, tc_operand *n) { return polynomial(LAGUERRE_L, x, n); }
tc_tensor *tc_special_legendre_polynomial_p(tc_operand *x, tc_operand *n) { return polynomial(LEGENDRE_P, x, n); }
