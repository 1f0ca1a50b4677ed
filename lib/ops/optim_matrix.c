/* optim_matrix.c: the step of Muon, which looks at a parameter as a matrix. It is made of operators, so that every device has it and nothing
   waits for a GPU. */
#include "ops.h"
#include <stdlib.h>

static tc_tensor *number(double v) { return tci_number(v); }
static tc_tensor *scaled(tc_tensor *x, double by) { return tc_mul(x, number(by)); }

static bool same_count(int n, int n_states, const char *what) {
  return n_states == n || tci_fail("%s: got %d tensors for %d parameters", what, n_states, n) != NULL;
}

/* values into a parameter or state, outside of any graph */
static bool put(tc_tensor *to, tc_tensor *values, const char *who) {
  if (!values || !tci_copy_into(to, values)) return false;
  tci_touch(to, who);
  return true;
}

static bool has_grad(tc_tensor *p) {
  if (p && tci_captures()) tci_watch_grad(p, false);
  return p && p->grad;
}

/* Calls step(i, numbers) for each parameter with a gradient, each in a scope of its own. */
typedef bool (*tc_one_step)(int i, const void *all);
static void for_each(tc_tensor *const *params, int n, tc_one_step step, const void *all) {
  const bool before = tci_set_grad_mode(false);
  bool good = true;
  for (int i = 0; good && i < n; i++) {
    if (!has_grad(params[i])) continue;
    const size_t mark = tci_scope_mark();
    good = step(i, all);
    tci_scope_close(mark, NULL);
  }
  tci_set_grad_mode(before);
}

/* ---- inside a recorded graph of a device ---- */
/* What changes from replay to replay, the rate and the decay, must go through an update that the graph holds (updates.c): a step of SGD that takes
   moves[i] for the gradient of parameter i. NULL: it has none. */
static void hold_moves(tc_tensor *const *params, tc_tensor **moves, int n, double lr, double weight_decay) {
  tc_tensor **grads = calloc((size_t)n + 1, sizeof *grads);
  bool good = grads || tci_fail("out of memory") != NULL;
  for (int i = 0; good && i < n; i++) {
    if (!moves[i]) continue;
    grads[i] = tci_retain(params[i]->grad);
    good = tc_set_grad(params[i], moves[i]);
  }
  if (good) tc_sgd_step(params, n, NULL, 0, lr, 0, 0, weight_decay, false, false);
  for (int i = 0; grads && i < n; i++) {
    if (!grads[i]) continue;
    tc_set_grad(params[i], grads[i]);
    tci_release(grads[i]);
  }
  free(grads);
}
static void replace_moves(tc_tensor *const *params, int n, double lr, double weight_decay) {
  tc_sgd_step(params, n, NULL, 0, lr, 0, 0, weight_decay, false, false);
}

/* ---- Muon ---- */
typedef struct tc_muon {
  tc_tensor *const *params, *const *buffers;
  const double *coefficients;
  double lr, weight_decay, momentum, eps;
  bool nesterov, match;
  int iterations;
} tc_muon;

/* Roughly the nearest orthogonal matrix: x <- a x + (b s + c s s) x with s = x x' (Newton and Schulz), in bfloat16, lying. */
static tc_tensor *orthogonal(tc_tensor *g, const tc_muon *q) {
  const double a = q->coefficients[0], b = q->coefficients[1], c = q->coefficients[2];
  const bool tall = g->size[0] > g->size[1];
  tc_tensor *x = tc_to(g, TC_BFLOAT16, TC_NONE, false);
  if (tall) x = tc_t(x);
  tc_tensor *size = tc_clamp_min(tc_sqrt(tc_sum(tc_square(tc_to(x, TC_FLOAT32, TC_NONE, false)), NULL, 0, false, TC_NONE)), number(q->eps));
  x = tc_div(x, tc_to(size, TC_BFLOAT16, TC_NONE, false), NULL);
  for (int k = 0; x && k < q->iterations; k++) {
    tc_tensor *s = tc_mm(x, tc_t(x));
    x = tc_addmm(x, tc_addmm(s, s, s, b, c), x, a, 1);
  }
  return x ? tc_to(tall ? tc_t(x) : x, g->dtype, TC_NONE, false) : NULL;
}

static double muon_rate(const tc_muon *q, const tc_tensor *p) {
  const double rows = (double)p->size[0], columns = (double)p->size[1];
  return q->match ? q->lr * 0.2 * sqrt(fmax(rows, columns)) : q->lr * sqrt(fmax(1, rows / columns));
}

/* The orthogonal move of parameter i; its momentum goes on. */
static tc_tensor *muon_move(const tc_muon *q, int i) {
  tc_tensor *p = q->params[i], *g = p->grad, *buffer = q->buffers[i];
  if (p->ndim != 2 || !tci_is_float(p->dtype))
    return tci_fail("parameter %d is %s %s, takes a matrix of a floating dtype", i + 1, tci_dtype_name(p->dtype), tci_shape(p));
  if (!put(buffer, tc_lerp(buffer, g, number(1 - q->momentum)), "muon_step")) return NULL;
  return orthogonal(q->nesterov ? tc_lerp(g, buffer, number(q->momentum)) : buffer, q);
}

static bool muon_one(int i, const void *all) {
  const tc_muon *q = all;
  tc_tensor *p = q->params[i], *move = muon_move(q, i);
  return move && put(p, tc_sub(scaled(p, 1 - q->lr * q->weight_decay), move, muon_rate(q, p)), "muon_step");
}

/* SGD's step goes by one rate for all: what a matrix's shape adds to it goes into its move. */
static void hold_muon(const tc_muon *q, int n) {
  const bool before = tci_set_grad_mode(false);
  tc_muon unit = *q;
  unit.lr = 1;
  tc_tensor **moves = calloc((size_t)n + 1, sizeof *moves);
  bool good = moves || tci_fail("out of memory") != NULL;
  for (int i = 0; good && i < n; i++)
    if (q->params[i] && q->params[i]->grad) good = (moves[i] = scaled(muon_move(q, i), muon_rate(&unit, q->params[i]))) != NULL;
  if (good) hold_moves(q->params, moves, n, q->lr, q->weight_decay);
  free(moves);
  tci_set_grad_mode(before);
}

void tc_muon_step(tc_tensor *const *params, int n_params, tc_tensor *const *buffers, int n_buffers, double lr, double weight_decay,
                  double momentum, bool nesterov, const double *coefficients, int n_coefficients, double eps, int64_t iterations, bool match) {
  if (!same_count(n_params, n_buffers, "buffers")) return;
  if (n_coefficients != 3) {
    tci_fail("coefficients: got %d, takes 3", n_coefficients);
    return;
  }
  const tc_muon all = {params, buffers, coefficients, lr, weight_decay, momentum, eps, nesterov, match, (int)iterations};
  if (tci_replacing()) replace_moves(params, n_params, lr, weight_decay);
  else if (tci_holding()) hold_muon(&all, n_params);
  else for_each(params, n_params, muon_one, &all);
}
