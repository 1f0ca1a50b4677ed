/* optim.c: one step of an optimizer over all its parameters in one call. It changes the parameters and the states in place, outside
   any graph; parameters without a gradient are passed over. The Lua classes of tocha.optim keep the states. */
#include "ops.h"
#include <stdlib.h>

enum { STATES = TC_OPTIM_STATES, SCALARS = 3 };

/* Turns the numbers of an optimizer (h) and a parameter's own (s: its step, counted from 1, and others) into those of the kernel. */
typedef void (*tc_numbers)(const double *h, double *s, double *k);

typedef struct tc_update {
  const char *name;
  int rule, n;
  tc_tensor *const *params;
  tc_tensor *const *grads;            /* NULL: what the parameters have */
  tc_tensor *const *state[STATES];    /* lists as long as params; NULL where the rule goes without */
  tc_tensor *const *scalar[SCALARS];  /* tensors of one element each: the step, and others */
  const double *h;
  tc_numbers numbers;
  double decay, shrink;
  bool maximize;
} tc_update;

typedef struct tc_work {              /* what of one parameter has to be written back: copies that are row-major */
  tc_tensor *original[1 + STATES], *copy[1 + STATES];
} tc_work;

static bool check_state(const tc_tensor *p, const tc_tensor *s, int i) {
  if (!s) return tci_fail("parameter %d has no state", i + 1) != NULL;
  if (tci_same_shape(p, s) && p->dtype == s->dtype && p->device == s->device) return true;
  return tci_fail("the state of parameter %d is %s %s, takes %s %s as the parameter", i + 1, tci_dtype_name(s->dtype), tci_shape(s),
                  tci_dtype_name(p->dtype), tci_shape(p)) != NULL;
}

static tc_tensor *gradient(const tc_update *u, int i) { return !u->params[i] ? NULL : u->grads ? u->grads[i] : u->params[i]->grad; }

static bool check_param(const tc_tensor *p, const tc_tensor *g, int i) {
  if (!tci_is_float(p->dtype) && !tci_is_complex(p->dtype))
    return tci_fail("parameter %d is %s, takes a floating or complex dtype", i + 1, tci_dtype_name(p->dtype)) != NULL;
  if (tci_same_shape(p, g) && p->dtype == g->dtype && p->device == g->device) return true;
  return tci_fail("the gradient of parameter %d is %s %s, takes %s %s as the parameter", i + 1, tci_dtype_name(g->dtype), tci_shape(g),
                  tci_dtype_name(p->dtype), tci_shape(p)) != NULL;
}

/* The one element of a float32 or float64 tensor in CPU memory. */
static bool scalar_at(tc_tensor *t, int i, double *value, bool put) {
  if (!t || t->numel != 1 || t->device != 0 || (t->dtype != TC_FLOAT32 && t->dtype != TC_FLOAT64))
    return tci_fail("the step of parameter %d takes a float32 or float64 tensor of one element, on the CPU", i + 1) != NULL;
  void *at = tci_data(t);
  if (!put) *value = t->dtype == TC_FLOAT32 ? *(float *)at : *(double *)at;
  else if (t->dtype == TC_FLOAT32) *(float *)at = (float)*value;
  else *(double *)at = *value;
  return true;
}

static bool fill_numbers(const tc_update *u, int i, double *k) {
  double s[SCALARS] = {0};
  for (int j = 0; j < SCALARS; j++)
    if (u->scalar[j] && !scalar_at(u->scalar[j][i], i, &s[j], false)) return false;
  if (tci_holding()) return true; /* a recording takes no step */
  s[0] += 1;
  u->numbers(u->h, s, k);
  for (int j = 0; j < SCALARS; j++)
    if (u->scalar[j] && !scalar_at(u->scalar[j][i], i, &s[j], true)) return false;
  return true;
}

/* The row-major form of a tensor that the kernel writes to. */
static void *writable(tc_tensor *t, tc_work *w, int slot) {
  w->original[slot] = t;
  w->copy[slot] = tci_contig(t);
  return w->copy[slot] ? tci_data(w->copy[slot]) : NULL;
}

static bool prepare(const tc_update *u, int i, tc_optim_piece *q, tc_work *w) {
  tc_tensor *p = u->params[i], *g = gradient(u, i);
  if (!check_param(p, g, i) || !(g = tci_contig(g))) return false;
  const bool pairs = tci_is_complex(p->dtype); /* complex numbers are updated as two real ones each, as view_as_real has them */
  const int dtype = !pairs ? p->dtype : p->dtype == TC_COMPLEX64 ? TC_FLOAT32 : TC_FLOAT64;
  *q = (tc_optim_piece){.grad = tci_data(g), .numel = pairs ? 2 * p->numel : p->numel, .dtype = dtype, .sign = u->maximize ? -1 : 1, .decay = u->decay,
                        .shrink = u->shrink};
  for (int j = 0; j < STATES; j++) {
    if (!u->state[j]) continue;
    if (!check_state(p, u->state[j][i], i) || !(q->state[j] = writable(u->state[j][i], w, 1 + j))) return false;
  }
  return (q->param = writable(p, w, 0)) && fill_numbers(u, i, q->k);
}

static bool write_back(const tc_update *u, tc_work *w) {
  for (int j = 0; j <= STATES; j++) {
    if (!w->original[j]) continue;
    if (w->copy[j] != w->original[j] && !tci_copy_into(w->original[j], w->copy[j])) return false;
    tci_touch(w->original[j], u->name);
  }
  return true;
}

/* The scalar states of some parameters, SCALARS for each; to be freed. */
static tc_tensor **scalars_of(const tc_update *u, const int *index, int count) {
  tc_tensor **scalar = malloc((size_t)(count * SCALARS + 1) * sizeof *scalar);
  if (!scalar) return tci_fail("out of memory");
  for (int i = 0; i < count; i++)
    for (int j = 0; j < SCALARS; j++) scalar[i * SCALARS + j] = u->scalar[j] ? u->scalar[j][index[i]] : NULL;
  return scalar;
}

/* For tocha.compile: the update as one instruction, numbers and all. */
static bool record(const tc_update *u, const tc_optim_piece *pieces, const int *index, int count) {
  tc_tensor **scalar = scalars_of(u, index, count);
  if (!scalar) return false;
  tci_watch_update(u->rule, pieces, count, SCALARS, scalar, u->h, u->numbers);
  free(scalar);
  tci_watch_suspend(true);
  return true;
}

/* Runs the kernel, or gives it to the graph that is being recorded. */
static bool run(const tc_update *u, tc_optim_piece *pieces, const int *index, int count, tc_device device) {
  if (!tci_holding()) return tci_status(tci_kernels(device)->optim(u->rule, pieces, count, NULL), NULL, NULL, 0);
  tc_tensor **scalar = scalars_of(u, index, count);
  const bool good = scalar && tci_hold_update(u->rule, pieces, count, SCALARS, scalar, u->h, u->numbers, device);
  free(scalar);
  return good;
}

/* Neighbouring parameters on one device go to its kernel together. */
static bool launch(const tc_update *u, tc_optim_piece *pieces, tc_work *work, const int *index, int count) {
  if (tci_captures() && !record(u, pieces, index, count)) return false;
  for (int first = 0, last; first < count; first = last) {
    const tc_device device = work[first].original[0]->device;
    for (last = first + 1; last < count && work[last].original[0]->device == device;) last++;
    if (!run(u, pieces + first, index + first, last - first, device)) return false;
  }
  if (tci_captures()) tci_watch_suspend(false);
  for (int i = 0; i < count; i++)
    if (!write_back(u, &work[i])) return false;
  return true;
}

static void update(const tc_update *u) {
  if (u->n == 0) return;
  if (tci_patching()) {
    tci_patch_update(u->h, u->decay, u->shrink, u->maximize);
    return;
  }
  if (tci_replacing()) {
    tci_replace_update(u->h, u->decay, u->shrink, u->maximize);
    return;
  }
  tc_optim_piece *pieces = malloc((size_t)u->n * sizeof *pieces);
  tc_work *work = calloc((size_t)u->n, sizeof *work);
  int *index = malloc((size_t)u->n * sizeof *index); /* which parameter each piece is */
  const bool before = tci_set_grad_mode(false);
  int count = 0;
  bool good = pieces && work && index;
  if (!good) tci_fail("out of memory");
  for (int i = 0; good && i < u->n; i++) {
    if (u->params[i] && !u->grads && tci_captures()) tci_watch_grad(u->params[i], false);
    if (!gradient(u, i)) continue;
    index[count] = i;
    good = prepare(u, i, &pieces[count], &work[count]);
    count++;
  }
  if (good) launch(u, pieces, work, index, count);
  tci_set_grad_mode(before);
  free(pieces);
  free(work);
  free(index);
}

/* A list of states: none at all, or one for each parameter. */
static bool same_count(int n, int n_states, const char *what, bool optional) {
  if (n_states == n || (optional && n_states == 0)) return true;
  return tci_fail("%s: got %d tensors for %d parameters", what, n_states, n) != NULL;
}
#define LIST(xs) (n_##xs ? xs : NULL)

/* ---- the rules; kernels/optim.h says what k holds ---- */
static void sgd_numbers(const double *h, double *s, double *k) { memcpy(k, h, 4 * sizeof *k); }

void tc_sgd_step(tc_tensor *const *params, int n_params, tc_tensor *const *buffers, int n_buffers, double lr, double momentum,
                 double dampening, double weight_decay, bool nesterov, bool maximize) {
  if (!same_count(n_params, n_buffers, "buffers", true)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, momentum, 1 - dampening, nesterov};
  update(&(tc_update){.name = "sgd_step", .rule = TC_OPTIM_SGD, .n = n_params, .params = params, .state = {LIST(buffers)}, .h = h,
                      .numbers = sgd_numbers, .decay = weight_decay, .maximize = maximize});
}

static void adam_numbers(const double *h, double *s, double *k) { /* h: lr, beta1, beta2, eps */
  k[0] = h[0] / (1 - pow(h[1], s[0]));
  k[1] = 1 - h[1];
  k[2] = h[2];
  k[3] = sqrt(1 - pow(h[2], s[0]));
  k[4] = h[3];
}

void tc_adam_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares, int n_squares,
                  tc_tensor *const *largest, int n_largest, tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2,
                  double eps, double weight_decay, bool decoupled, bool maximize) {
  if (!same_count(n_params, n_means, "means", false) || !same_count(n_params, n_squares, "squares", false) ||
      !same_count(n_params, n_largest, "largest", true) || !same_count(n_params, n_steps, "steps", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, beta1, beta2, eps};
  update(&(tc_update){.name = "adam_step", .rule = TC_OPTIM_ADAM, .n = n_params, .params = params,
                      .state = {means, squares, LIST(largest)}, .scalar = {steps}, .h = h, .numbers = adam_numbers,
                      .decay = decoupled ? 0 : weight_decay, .shrink = decoupled ? 1 - lr * weight_decay : 1, .maximize = maximize});
}

static void rmsprop_numbers(const double *h, double *s, double *k) { memcpy(k, h, 4 * sizeof *k); }

void tc_rmsprop_step(tc_tensor *const *params, int n_params, tc_tensor *const *squares, int n_squares, tc_tensor *const *averages,
                     int n_averages, tc_tensor *const *buffers, int n_buffers, tc_tensor *const *steps, int n_steps, double lr,
                     double alpha, double eps, double weight_decay, double momentum, bool maximize) {
  if (!same_count(n_params, n_squares, "squares", false) || !same_count(n_params, n_averages, "averages", true) ||
      !same_count(n_params, n_buffers, "buffers", true) || !same_count(n_params, n_steps, "steps", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, alpha, eps, momentum};
  update(&(tc_update){.name = "rmsprop_step", .rule = TC_OPTIM_RMSPROP, .n = n_params, .params = params,
                      .state = {squares, LIST(averages), LIST(buffers)}, .scalar = {steps}, .h = h, .numbers = rmsprop_numbers,
                      .decay = weight_decay, .maximize = maximize});
}

static void adagrad_numbers(const double *h, double *s, double *k) { /* h: lr, lr_decay, eps */
  k[0] = h[0] / (1 + (s[0] - 1) * h[1]);
  k[1] = h[2];
}

void tc_adagrad_step(tc_tensor *const *params, int n_params, tc_tensor *const *sums, int n_sums, tc_tensor *const *steps, int n_steps,
                     double lr, double lr_decay, double eps, double weight_decay, bool maximize) {
  if (!same_count(n_params, n_sums, "sums", false) || !same_count(n_params, n_steps, "steps", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, lr_decay, eps};
  update(&(tc_update){.name = "adagrad_step", .rule = TC_OPTIM_ADAGRAD, .n = n_params, .params = params, .state = {sums},
                      .scalar = {steps}, .h = h, .numbers = adagrad_numbers, .decay = weight_decay, .maximize = maximize});
}

static void adadelta_numbers(const double *h, double *s, double *k) { memcpy(k, h, 3 * sizeof *k); }

void tc_adadelta_step(tc_tensor *const *params, int n_params, tc_tensor *const *squares, int n_squares, tc_tensor *const *moves,
                      int n_moves, tc_tensor *const *steps, int n_steps, double lr, double rho, double eps, double weight_decay,
                      bool maximize) {
  if (!same_count(n_params, n_squares, "squares", false) || !same_count(n_params, n_moves, "moves", false) ||
      !same_count(n_params, n_steps, "steps", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, rho, eps};
  update(&(tc_update){.name = "adadelta_step", .rule = TC_OPTIM_ADADELTA, .n = n_params, .params = params, .state = {squares, moves},
                      .scalar = {steps}, .h = h, .numbers = adadelta_numbers, .decay = weight_decay, .maximize = maximize});
}

static void adamax_numbers(const double *h, double *s, double *k) { /* h: lr, beta1, beta2, eps */
  k[0] = h[0] / (1 - pow(h[1], s[0]));
  k[1] = 1 - h[1];
  k[2] = h[2];
  k[3] = h[3];
}

void tc_adamax_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *largest,
                    int n_largest, tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2, double eps,
                    double weight_decay, bool maximize) {
  if (!same_count(n_params, n_means, "means", false) || !same_count(n_params, n_largest, "largest", false) ||
      !same_count(n_params, n_steps, "steps", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, beta1, beta2, eps};
  update(&(tc_update){.name = "adamax_step", .rule = TC_OPTIM_ADAMAX, .n = n_params, .params = params, .state = {means, largest},
                      .scalar = {steps}, .h = h, .numbers = adamax_numbers, .decay = weight_decay, .maximize = maximize});
}

/* h: lr, beta1, beta2, eps, momentum_decay; s: step, product of the momenta so far. PyTorch counted this step's momentum twice in the
   factor of the mean in its earlier releases, as the conformance cases have it; so do we: the step differs from Dozat's by a few 1e-5 of itself. */
static void nadam_numbers(const double *h, double *s, double *k) {
  const double mu = h[1] * (1 - 0.5 * pow(0.96, s[0] * h[4])), next = h[1] * (1 - 0.5 * pow(0.96, (s[0] + 1) * h[4]));
  s[1] = (double)(float)(s[1] * mu);
  k[0] = 1 - h[1];
  k[1] = h[2];
  k[2] = 1 - pow(h[2], s[0]);
  k[3] = h[3];
  k[4] = h[0] * (1 - mu) / (1 - s[1]);
  k[5] = h[0] * next / (1 - s[1] * mu * next);
}

void tc_nadam_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares,
                   int n_squares, tc_tensor *const *steps, int n_steps, tc_tensor *const *products, int n_products, double lr,
                   double beta1, double beta2, double eps, double weight_decay, double momentum_decay, bool decoupled, bool maximize) {
  if (!same_count(n_params, n_means, "means", false) || !same_count(n_params, n_squares, "squares", false) ||
      !same_count(n_params, n_steps, "steps", false) || !same_count(n_params, n_products, "products", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, beta1, beta2, eps, momentum_decay};
  update(&(tc_update){.name = "nadam_step", .rule = TC_OPTIM_NADAM, .n = n_params, .params = params, .state = {means, squares},
                      .scalar = {steps, products}, .h = h, .numbers = nadam_numbers, .decay = decoupled ? 0 : weight_decay,
                      .shrink = decoupled ? 1 - lr * weight_decay : 1, .maximize = maximize});
}

/* h: lr, beta1, beta2, eps. The variance of the step is rectified once there are enough steps to know it (RAdam's rho > 5). */
static void radam_numbers(const double *h, double *s, double *k) {
  const double t = s[0], power = pow(h[2], t), unbias = 1 - power, most = 2 / (1 - h[2]) - 1, rho = most - 2 * t * power / unbias;
  k[0] = h[0] / (1 - pow(h[1], t));
  k[1] = 1 - h[1];
  k[2] = h[2];
  k[3] = h[3];
  k[4] = rho > 5 ? sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) * sqrt(unbias) : 0;
}

void tc_radam_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares,
                   int n_squares, tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2, double eps,
                   double weight_decay, bool decoupled, bool maximize) {
  if (!same_count(n_params, n_means, "means", false) || !same_count(n_params, n_squares, "squares", false) ||
      !same_count(n_params, n_steps, "steps", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, beta1, beta2, eps};
  update(&(tc_update){.name = "radam_step", .rule = TC_OPTIM_RADAM, .n = n_params, .params = params, .state = {means, squares},
                      .scalar = {steps}, .h = h, .numbers = radam_numbers, .decay = decoupled ? 0 : weight_decay,
                      .shrink = decoupled ? 1 - lr * weight_decay : 1, .maximize = maximize});
}

/* h: lr, lambd, alpha, t0; s: step, eta, mu, which hold for this step and are then moved on */
static void asgd_numbers(const double *h, double *s, double *k) {
  k[0] = s[1];
  k[1] = 1 - h[1] * s[1];
  k[2] = s[2];
  s[1] = h[0] / pow(1 + h[1] * h[0] * s[0], h[2]);
  s[2] = 1 / fmax(1, s[0] - h[3]);
}

void tc_asgd_step(tc_tensor *const *params, int n_params, tc_tensor *const *averages, int n_averages, tc_tensor *const *steps,
                  int n_steps, tc_tensor *const *etas, int n_etas, tc_tensor *const *mus, int n_mus, double lr, double lambd,
                  double alpha, double t0, double weight_decay, bool maximize) {
  if (!same_count(n_params, n_averages, "averages", false) || !same_count(n_params, n_steps, "steps", false) ||
      !same_count(n_params, n_etas, "etas", false) || !same_count(n_params, n_mus, "mus", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, lambd, alpha, t0};
  update(&(tc_update){.name = "asgd_step", .rule = TC_OPTIM_ASGD, .n = n_params, .params = params, .state = {averages},
                      .scalar = {steps, etas, mus}, .h = h, .numbers = asgd_numbers, .decay = weight_decay, .maximize = maximize});
}

static void rprop_numbers(const double *h, double *s, double *k) { memcpy(k, h, 4 * sizeof *k); }

void tc_rprop_step(tc_tensor *const *params, int n_params, tc_tensor *const *previous, int n_previous, tc_tensor *const *sizes,
                   int n_sizes, tc_tensor *const *steps, int n_steps, double eta_minus, double eta_plus, double smallest,
                   double largest, bool maximize) {
  if (!same_count(n_params, n_previous, "previous", false) || !same_count(n_params, n_sizes, "sizes", false) ||
      !same_count(n_params, n_steps, "steps", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {eta_minus, eta_plus, smallest, largest};
  update(&(tc_update){.name = "rprop_step", .rule = TC_OPTIM_RPROP, .n = n_params, .params = params, .state = {previous, sizes},
                      .scalar = {steps}, .h = h, .numbers = rprop_numbers, .maximize = maximize});
}

static void lion_numbers(const double *h, double *s, double *k) { memcpy(k, h, 3 * sizeof *k); }

void tc_lion_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, double lr, double beta1, double beta2,
                  double weight_decay, bool maximize) {
  if (!same_count(n_params, n_means, "means", false)) return;
  const double h[TC_OPTIM_NUMBERS] = {lr, beta1, beta2};
  update(&(tc_update){.name = "lion_step", .rule = TC_OPTIM_LION, .n = n_params, .params = params, .state = {means}, .h = h,
                      .numbers = lion_numbers, .shrink = 1 - lr * weight_decay, .maximize = maximize});
}

static void lamb_numbers(const double *h, double *s, double *k) { /* h: lr, beta1, beta2, eps, decay, clip */
  k[0] = h[0];
  k[1] = 1 / (1 - pow(h[1], s[0]));
  k[2] = 1 - h[1];
  k[3] = h[2];
  k[4] = sqrt(1 - pow(h[2], s[0]));
  for (int i = 0; i < 3; i++) k[5 + i] = h[3 + i];
}

void tc_lamb_step(tc_tensor *const *params, int n_params, tc_tensor *const *means, int n_means, tc_tensor *const *squares, int n_squares,
                  tc_tensor *const *steps, int n_steps, double lr, double beta1, double beta2, double eps, double weight_decay,
                  double trust_clip, bool maximize) {
  if (!same_count(n_params, n_means, "means", false) || !same_count(n_params, n_squares, "squares", false) ||
      !same_count(n_params, n_steps, "steps", false)) return;
  for (int i = 0; i < n_params; i++)
    if (params[i] && tci_is_complex(params[i]->dtype)) {
      tci_fail("parameter %d is %s, takes a floating dtype", i + 1, tci_dtype_name(params[i]->dtype));
      return;
    }
  const double h[TC_OPTIM_NUMBERS] = {lr, beta1, beta2, eps, weight_decay, trust_clip};
  update(&(tc_update){.name = "lamb_step", .rule = TC_OPTIM_LAMB, .n = n_params, .params = params, .state = {means, squares}, .scalar = {steps},
                      .h = h, .numbers = lamb_numbers, .maximize = maximize});
}

/* Muon's two updates, around what makes its moves orthogonal (optim_matrix.c) */
static void muon_numbers(const double *h, double *s, double *k) { memcpy(k, h, 2 * sizeof *k); }

void tci_muon_momentum(tc_tensor *const *moves, tc_tensor *const *grads, tc_tensor *const *buffers, int n, double momentum, bool nesterov) {
  const double h[TC_OPTIM_NUMBERS] = {1 - momentum, nesterov ? 1 - momentum : 0};
  update(&(tc_update){.name = "muon_step", .rule = TC_OPTIM_MUON, .n = n, .params = moves, .grads = grads, .state = {buffers}, .h = h,
                      .numbers = muon_numbers});
}

void tci_muon_move(tc_tensor *const *params, tc_tensor *const *moves, int n, double lr, double shrink) {
  const double h[TC_OPTIM_NUMBERS] = {lr};
  update(&(tc_update){.name = "muon_step", .rule = TC_OPTIM_MUON, .n = n, .params = params, .grads = moves, .h = h, .numbers = muon_numbers,
                      .shrink = shrink});
}
