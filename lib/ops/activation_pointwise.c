/* activation_pointwise.c: the elementwise activations of neural networks, each with its gradient above it. Those used most have a fused
   gradient, an operator with a gradient of its own. */
#include "rules.h"

#define X (n->in[0])
#define Y (n->out[0])
#define NUMBER(i) (((const double *)n->attr)[i])
#define IN TC_SAVE_IN(0)
#define IN1 TC_SAVE_IN(1)
#define OUT TC_SAVE_OUT(0)

static tc_tensor *either(tc_tensor *test, tc_tensor *yes, tc_tensor *no) { return tc_where(test, yes, no); }
static tc_tensor *above(tc_tensor *x, double number) { return tc_gt(x, tci_number(number)); }
static tc_tensor *within(tc_tensor *x, double low, double high) { return tc_logical_and(above(x, low), tc_lt(x, tci_number(high))); }
static tc_tensor *masked(tc_tensor *g, tc_tensor *keep) { return tc_where(keep, g, tci_number(0)); }

/* ---- functions of their own result ---- */
GRAD(tanh_fused) { /* of g (1 - y^2) */
  if (tci_needs(n, 0)) dx[0] = tc_tanh_grad(G, n->in[1]);
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(times(tc_mul_zero(G, n->in[0]), -2), n->in[1]);
}
static const tc_rule tanh_fused_rule = {"tanh_grad", tanh_fused_grad, IN | IN1};
tc_tensor *tc_tanh_grad(tc_tensor *g, tc_tensor *y) { return tci_binary(TC_BINARY_tanh_grad, &tanh_fused_rule, g, y, NULL); }
GRAD(tanh) { dx[0] = tc_tanh_grad(G, Y); }
RULE(tanh, OUT);
tc_tensor *tc_tanh(tc_tensor *x) { return tci_unary(TC_UNARY_tanh, &tanh_rule, x, NULL); }

GRAD(sigmoid_fused) { /* of g y (1 - y) */
  if (tci_needs(n, 0)) dx[0] = tc_sigmoid_grad(G, n->in[1]);
  if (tci_needs(n, 1)) dx[1] = tc_mul_zero(tc_mul_zero(G, n->in[0]), tc_rsub(times(n->in[1], 2), tci_number(1), 1));
}
static const tc_rule sigmoid_fused_rule = {"sigmoid_grad", sigmoid_fused_grad, IN | IN1};
tc_tensor *tc_sigmoid_grad(tc_tensor *g, tc_tensor *y) { return tci_binary(TC_BINARY_sigmoid_grad, &sigmoid_fused_rule, g, y, NULL); }
GRAD(sigmoid) { dx[0] = tc_sigmoid_grad(G, Y); }
RULE(sigmoid, OUT);
tc_tensor *tc_sigmoid(tc_tensor *x) { return tci_unary(TC_UNARY_sigmoid, &sigmoid_rule, x, NULL); }

GRAD(relu_fused) { dx[0] = tc_relu_grad(G, n->in[1]); }
static const tc_rule relu_fused_rule = {"relu_grad", relu_fused_grad, IN1};
tc_tensor *tc_relu_grad(tc_tensor *g, tc_tensor *y) { return tci_binary(TC_BINARY_relu_grad, &relu_fused_rule, g, y, NULL); }
GRAD(relu) { dx[0] = tc_relu_grad(G, Y); }
RULE(relu, OUT);
tc_tensor *tc_relu(tc_tensor *x) {
  if (x && x->dtype == TC_BOOL) return tci_fail("got bool, takes numbers");
  return tci_unary(TC_UNARY_relu, &relu_rule, x, NULL);
}

/* ---- gelu, silu: slopes of x Phi(x) and x sigmoid(x) ---- */
GRAD(gelu_fused) {
  tc_tensor *x = n->in[1];
  if (tci_needs(n, 0)) dx[0] = tc_gelu_grad(G, x);
  if (!tci_needs(n, 1)) return;
  tc_tensor *density = times(tc_exp(times(tc_square(x), -0.5)), 0.5 * M_2_SQRTPI * M_SQRT1_2);
  dx[1] = tc_mul_zero(tc_mul_zero(G, n->in[0]), tc_mul(density, tc_rsub(tc_square(x), tci_number(2), 1))); /* (2 - x^2) phi */
}
static const tc_rule gelu_fused_rule = {"gelu_grad", gelu_fused_grad, IN | IN1};
tc_tensor *tc_gelu_grad(tc_tensor *g, tc_tensor *x) { return tci_binary(TC_BINARY_gelu_grad, &gelu_fused_rule, g, x, NULL); }
GRAD(gelu) { dx[0] = tc_gelu_grad(G, X); }
RULE(gelu, IN);

/* with u = k (x + c x^3) and t = tanh u: f = x (1 + t) / 2; f'' = (1 - t^2) (u' - x t u'^2 + x u'' / 2) */
GRAD(gelu_tanh_fused) {
  const double k = 0.79788456080286535588, c = 0.044715;
  tc_tensor *x = n->in[1];
  if (tci_needs(n, 0)) dx[0] = tc_gelu_tanh_grad(G, x);
  if (!tci_needs(n, 1)) return;
  tc_tensor *square = tc_square(x), *t = tc_tanh(tc_mul(times(x, k), plus(times(square, c), 1)));
  tc_tensor *slope = times(plus(times(square, 3 * c), 1), k), *bend = times(square, 3 * c * k); /* u', x u'' / 2 */
  tc_tensor *inner = tc_add(tc_sub(slope, tc_mul(tc_mul(x, t), tc_square(slope)), 1), bend, 1);
  dx[1] = tc_mul_zero(tc_mul_zero(G, n->in[0]), tc_mul(tc_rsub(tc_square(t), tci_number(1), 1), inner));
}
static const tc_rule gelu_tanh_fused_rule = {"gelu_tanh_grad", gelu_tanh_fused_grad, IN | IN1};
tc_tensor *tc_gelu_tanh_grad(tc_tensor *g, tc_tensor *x) { return tci_binary(TC_BINARY_gelu_tanh_grad, &gelu_tanh_fused_rule, g, x, NULL); }
GRAD(gelu_tanh) { dx[0] = tc_gelu_tanh_grad(G, X); }
RULE(gelu_tanh, IN);
tc_tensor *tc_gelu(tc_tensor *x, const char *approximate) {
  if (approximate && !strcmp(approximate, "tanh")) return tci_unary(TC_UNARY_gelu_tanh, &gelu_tanh_rule, x, NULL);
  if (approximate && strcmp(approximate, "none")) return tci_fail("approximate: got '%s', takes 'none' or 'tanh'", approximate);
  return tci_unary(TC_UNARY_gelu, &gelu_rule, x, NULL);
}

GRAD(silu_fused) { /* of g s (1 + x (1 - s)) */
  tc_tensor *x = n->in[1];
  if (tci_needs(n, 0)) dx[0] = tc_silu_grad(G, x);
  if (!tci_needs(n, 1)) return;
  tc_tensor *s = tc_sigmoid(x), *odd = tc_rsub(times(s, 2), tci_number(1), 1);
  dx[1] = tc_mul_zero(tc_sigmoid_grad(tc_mul_zero(G, n->in[0]), s), plus(tc_mul(x, odd), 2));
}
static const tc_rule silu_fused_rule = {"silu_grad", silu_fused_grad, IN | IN1};
tc_tensor *tc_silu_grad(tc_tensor *g, tc_tensor *x) { return tci_binary(TC_BINARY_silu_grad, &silu_fused_rule, g, x, NULL); }
GRAD(silu) { dx[0] = tc_silu_grad(G, X); }
RULE(silu, IN);
tc_tensor *tc_silu(tc_tensor *x) { return tci_unary(TC_UNARY_silu, &silu_rule, x, NULL); }
tc_tensor *tc_mish(tc_tensor *x) { return tc_mul(x, tc_tanh(tc_softplus(x, 1, 20))); }

/* ---- pieces ---- */
GRAD(leaky_relu) { dx[0] = either(above(X, 0), G, times(G, NUMBER(0))); }
RULE(leaky_relu, IN);
tc_tensor *tc_leaky_relu(tc_tensor *x, double slope) { return tci_unary(TC_UNARY_leaky_relu, &leaky_relu_rule, x, (double[4]){slope}); }

GRAD(elu) { /* scale above 0, alpha scale input_scale exp(input_scale x) below */
  double alpha = NUMBER(0), scale = NUMBER(1), input_scale = NUMBER(2);
  tc_tensor *low = tc_clamp_max(X, tci_number(0)); /* keeps exp finite where it is not wanted */
  dx[0] = tc_mul_zero(G, either(above(X, 0), tci_number(scale), times(tc_exp(times(low, input_scale)), alpha * scale * input_scale)));
}
RULE(elu, IN);
static tc_tensor *elu(tc_tensor *x, double alpha, double scale, double input_scale) {
  return tci_unary(TC_UNARY_elu, &elu_rule, x, (double[4]){alpha, scale, input_scale});
}
tc_tensor *tc_elu(tc_tensor *x, double alpha) { return elu(x, alpha, 1, 1); }
tc_tensor *tc_celu(tc_tensor *x, double alpha) {
  if (alpha == 0) return tci_fail("alpha: takes a number other than 0");
  return elu(x, alpha, 1, 1 / alpha);
}
/* Klambauer et al. 2017, Self-Normalizing Neural Networks */
tc_tensor *tc_selu(tc_tensor *x) { return elu(x, 1.6732632423543772848, 1.0507009873554804934, 1); }

GRAD(softplus) { /* sigmoid(beta x), 1 beyond the threshold */
  tc_tensor *scaled = times(X, NUMBER(0));
  dx[0] = either(above(scaled, NUMBER(1)), G, tc_mul_zero(G, tc_sigmoid(scaled)));
}
RULE(softplus, IN);
tc_tensor *tc_softplus(tc_tensor *x, double beta, double threshold) {
  return tci_unary(TC_UNARY_softplus, &softplus_rule, x, (double[4]){beta, threshold});
}
GRAD(logsigmoid) { dx[0] = tc_mul_zero(G, tc_sigmoid(tc_neg(X))); }
RULE(logsigmoid, IN);
tc_tensor *tc_logsigmoid(tc_tensor *x) { return tci_unary(TC_UNARY_logsigmoid, &logsigmoid_rule, x, NULL); }
GRAD(softsign) { dx[0] = tc_div_zero(G, tc_square(plus(tc_abs(X), 1))); }
RULE(softsign, IN);
tc_tensor *tc_softsign(tc_tensor *x) {
  if (x && tci_is_complex(x->dtype)) return tc_div(x, plus(tc_abs(x), 1), NULL);
  return tci_unary(TC_UNARY_softsign, &softsign_rule, x, NULL);
}
tc_tensor *tc_tanhshrink(tc_tensor *x) { return tc_sub(x, tc_tanh(x), 1); }

GRAD(hardtanh) { dx[0] = masked(G, within(X, NUMBER(0), NUMBER(1))); }
RULE(hardtanh, IN);
tc_tensor *tc_hardtanh(tc_tensor *x, double min_val, double max_val) {
  if (min_val > max_val) return tci_fail("min_val %g is above max_val %g", min_val, max_val);
  return tci_unary(TC_UNARY_hardtanh, &hardtanh_rule, x, (double[4]){min_val, max_val});
}
tc_tensor *tc_relu6(tc_tensor *x) { return tc_hardtanh(x, 0, 6); }
GRAD(hardsigmoid) { dx[0] = masked(times(G, 1.0 / 6), within(X, -3, 3)); }
RULE(hardsigmoid, IN);
tc_tensor *tc_hardsigmoid(tc_tensor *x) { return tci_unary(TC_UNARY_hardsigmoid, &hardsigmoid_rule, x, NULL); }
GRAD(hardswish) { /* x / 3 + 1/2 between -3 and 3 */
  tc_tensor *inside = tc_mul_zero(G, plus(times(X, 1.0 / 3), 0.5));
  dx[0] = either(tc_ge(X, tci_number(3)), G, masked(inside, above(X, -3)));
}
RULE(hardswish, IN);
tc_tensor *tc_hardswish(tc_tensor *x) { return tci_unary(TC_UNARY_hardswish, &hardswish_rule, x, NULL); }
GRAD(hardshrink) { dx[0] = masked(G, above(tc_abs(X), NUMBER(0))); }
RULE(hardshrink, IN);
tc_tensor *tc_hardshrink(tc_tensor *x, double lambd) { return tci_unary(TC_UNARY_hardshrink, &hardshrink_rule, x, (double[4]){lambd}); }
GRAD(softshrink) { dx[0] = masked(G, above(tc_abs(X), NUMBER(0))); }
RULE(softshrink, IN);
tc_tensor *tc_softshrink(tc_tensor *x, double lambd) {
  if (lambd < 0) return tci_fail("lambd: got %g, takes 0 or more", lambd);
  return tci_unary(TC_UNARY_softshrink, &softshrink_rule, x, (double[4]){lambd});
}
GRAD(threshold) { dx[0] = masked(G, above(X, NUMBER(0))); }
RULE(threshold, IN);
tc_tensor *tc_threshold(tc_tensor *x, double threshold, double value) {
  return tci_unary(TC_UNARY_threshold, &threshold_rule, x, (double[4]){threshold, value});
}
