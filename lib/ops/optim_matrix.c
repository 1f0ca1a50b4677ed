/* optim_matrix.c: the step of Muon, which looks at a parameter as a matrix. Momentum and the step are one update each over all parameters
   (optim.c); between them matrices of one shape are made orthogonal together, by operators, so that every device has them. */
#include "ops.h"
#include <stdlib.h>

void tci_muon_momentum(tc_tensor *const *moves, tc_tensor *const *grads, tc_tensor *const *buffers, int n, double momentum, bool nesterov);
void tci_muon_move(tc_tensor *const *params, tc_tensor *const *moves, int n, double lr, double shrink);

typedef double (*tc_adjust)(double rows, double columns);
typedef struct tc_muon {
  tc_tensor *const *params;
  const double *coefficients;
  double eps;
  int n, iterations;
  tc_adjust adjust;
  tc_tensor **grads, **moves, **batches; /* n each, NULL where there is none; the batch of a shape stands where its first matrix does */
} tc_muon;

/* ---- how the rate depends on the shape ---- */
static double original(double rows, double columns) { return sqrt(fmax(1, rows / columns)); }
static double match_rms_adamw(double rows, double columns) { return 0.2 * sqrt(fmax(rows, columns)); }
static double spectral_unclamped(double rows, double columns) { return sqrt(rows / columns); }

static tc_adjust adjust_of(const char *name) {
  if (!name || !strcmp(name, "original")) return original;
  if (!strcmp(name, "match_rms_adamw")) return match_rms_adamw;
  if (!strcmp(name, "spectral_unclamped")) return spectral_unclamped;
  tci_fail("adjust: got '%s', takes 'original', 'match_rms_adamw' or 'spectral_unclamped'", name);
  return NULL;
}

/* ---- orthogonal moves ---- */
static tc_tensor *number(double v) { return tci_number(v); }
static tc_tensor *turned(tc_tensor *x) { return tc_transpose(x, -2, -1); }

/* beta x + alpha a b, of matrices or of batches of them */
static tc_tensor *product(tc_tensor *x, tc_tensor *a, tc_tensor *b, double beta, double alpha) {
  return !x ? NULL : x->ndim == 2 ? tc_addmm(x, a, b, beta, alpha) : tc_baddbmm(x, a, b, beta, alpha);
}

/* Roughly the nearest orthogonal matrices: x <- a x + (b s + c s s) x with s = x x' (Newton and Schulz), in bfloat16, lying. */
static tc_tensor *orthogonal(tc_tensor *g, const tc_muon *q) {
  const double a = q->coefficients[0], b = q->coefficients[1], c = q->coefficients[2];
  const bool tall = g->size[g->ndim - 2] > g->size[g->ndim - 1];
  const tc_dim both[] = {-2, -1};
  tc_tensor *x = tc_to(g, TC_BFLOAT16, TC_NONE, false);
  if (tall) x = turned(x);
  tc_tensor *squares = tc_sum(tc_square(tc_to(x, TC_FLOAT32, TC_NONE, false)), both, 2, true, TC_NONE);
  x = tc_div(x, tc_to(tc_clamp_min(tc_sqrt(squares), number(q->eps)), TC_BFLOAT16, TC_NONE, false), NULL);
  for (int k = 0; x && k < q->iterations; k++) {
    tc_tensor *s = tc_matmul(x, turned(x));
    x = product(x, product(s, s, s, b, c), x, a, 1);
  }
  return x ? tc_to(tall ? turned(x) : x, g->dtype, TC_NONE, false) : NULL;
}

/* ---- parameters by shape ---- */
static bool has_grad(tc_tensor *p) {
  if (p && tci_captures()) tci_watch_grad(p, false);
  return p && p->grad;
}

static bool alike(const tc_tensor *a, const tc_tensor *b) { return tci_same_shape(a, b) && a->dtype == b->dtype && a->device == b->device; }

static bool is_matrix(const tc_tensor *p, int i) {
  return (p->ndim == 2 && tci_is_float(p->dtype)) ||
         tci_fail("parameter %d is %s %s, takes a matrix of a floating dtype", i + 1, tci_dtype_name(p->dtype), tci_shape(p)) != NULL;
}

/* The moves of all matrices like the one at `first`, as windows on a batch or, if there is one only, as itself. */
static bool share(tc_muon *q, int first, tc_tensor *batch) {
  int64_t at = 0;
  if (!batch) return false;
  for (int i = first; i < q->n; i++)
    if (q->grads[i] && alike(q->params[i], q->params[first]) && !(q->moves[i] = batch->ndim == 2 ? batch : tc_select(batch, 0, at++))) return false;
  return true;
}

static bool room_for_moves(tc_muon *q) {
  for (int i = 0; i < q->n; i++) {
    if (!has_grad(q->params[i])) continue;
    if (!is_matrix(q->params[i], i)) return false;
    q->grads[i] = q->params[i]->grad;
  }
  for (int i = 0; i < q->n; i++) {
    if (!q->grads[i] || q->moves[i]) continue;
    const tc_tensor *p = q->params[i];
    int64_t size[] = {0, p->size[0], p->size[1]};
    for (int j = i; j < q->n; j++) size[0] += q->grads[j] && alike(q->params[j], p);
    const bool one = size[0] == 1;
    q->batches[i] = tc_zeros(size + one, 3 - one, p->dtype, p->device, false);
    if (!share(q, i, q->batches[i])) return false;
  }
  return true;
}

static bool make_orthogonal(tc_muon *q) {
  for (int i = 0; i < q->n; i++) {
    if (!q->batches[i]) continue;
    const tc_tensor *p = q->params[i];
    const double rate = q->adjust((double)p->size[0], (double)p->size[1]);
    tc_tensor *y = orthogonal(q->batches[i], q);
    if (!share(q, i, rate == 1 || p->numel == 0 ? y : tc_mul(y, number(rate)))) return false;
  }
  return true;
}

void tc_muon_step(tc_tensor *const *params, int n_params, tc_tensor *const *buffers, int n_buffers, double lr, double weight_decay,
                  double momentum, bool nesterov, const double *coefficients, int n_coefficients, double eps, int64_t iterations,
                  const char *adjust) {
  if (n_buffers != n_params) {
    tci_fail("buffers: got %d tensors for %d parameters", n_buffers, n_params);
    return;
  }
  if (n_coefficients != 3) {
    tci_fail("coefficients: got %d, takes 3", n_coefficients);
    return;
  }
  const size_t n = (size_t)n_params;
  tc_tensor **lists = calloc(3 * n + 1, sizeof *lists);
  tc_muon q = {.params = params, .coefficients = coefficients, .eps = eps, .n = n_params, .iterations = (int)iterations, .adjust = adjust_of(adjust)};
  if (!lists) tci_fail("out of memory");
  else if (q.adjust) {
    q.grads = lists, q.moves = lists + n, q.batches = lists + 2 * n;
    const bool before = tci_set_grad_mode(false), replaced = tci_replacing() || tci_patching(); /* then the two updates are asked for their numbers alone */
    if (replaced || room_for_moves(&q)) tci_muon_momentum(q.moves, q.grads, buffers, n_params, momentum, nesterov);
    if (!tci_failed() && (replaced || make_orthogonal(&q))) tci_muon_move(params, q.moves, n_params, lr, 1 - lr * weight_decay);
    tci_set_grad_mode(before);
  }
  free(lists);
}
