/* recurrent.c: one direction of one layer of an RNN, LSTM or GRU over a whole sequence, given the projected input: one node of the
   graph, a kernel for each step forward and back, the gradient of the weights one matrix product. */
#include "recurrent.h"
#include <stdlib.h>

/* ---- forward ---- */
typedef struct run {
  const layer *l;
  tc_tensor *x, *weight, *bias, *projection;                 /* x (rows, gates * hidden) */
  tc_tensor *h, *c;                                          /* the states, (batch, size), moved step by step */
  tc_tensor *out, *raw, *acts, *c_before, *h_before;         /* (rows, ...) */
} run;

static bool lstm_step(const run *r, int64_t at, int64_t n, tc_tensor *gates) {
  tc_tensor *before = rows_from(r->c_before, at, n), *c = rows_from(r->c, 0, n), *y = rows_from(r->projection ? r->raw : r->out, at, n);
  tc_tensor *acts = rows_from(r->acts, at, n), *x = rows_from(r->x, at, n);
  if (!before || !c || !y || !acts || !x || !gates || !tci_copy_into(before, c)) return false;
  tc_view v[] = {tci_view(y), tci_view(c), tci_view(acts), tci_view(x), tci_view(gates), tci_view(before)};
  if (!tci_status(tci_kernels(c->device)->lstm_step(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), NULL, NULL, 0)) return false;
  return !r->projection || tci_copy_into(rows_from(r->out, at, n), tc_linear(y, r->projection, NULL));
}

static bool gru_step(const run *r, int64_t at, int64_t n, tc_tensor *gates) {
  tc_tensor *before = rows_from(r->h_before, at, n), *y = rows_from(r->out, at, n), *acts = rows_from(r->acts, at, n);
  tc_tensor *x = rows_from(r->x, at, n);
  if (!before || !y || !acts || !x || !gates) return false;
  tc_view v[] = {tci_view(y), tci_view(acts), tci_view(x), tci_view(gates), tci_view(before)};
  return tci_status(tci_kernels(y->device)->gru_step(&v[0], &v[1], &v[2], &v[3], &v[4]), NULL, NULL, 0);
}

static bool plain_step(const run *r, int64_t at, int64_t n, tc_tensor *gates) {
  tc_tensor *sum = plus(rows_from(r->x, at, n), gates);
  return tci_copy_into(rows_from(r->out, at, n), r->l->kind == CELL_TANH ? tc_tanh(sum) : tc_relu(sum));
}

static bool step_forward(const run *r, int64_t t) {
  const int64_t n = size_at(r->l, t), at = offset_at(r->l, t);
  const size_t mark = tci_scope_mark();
  tc_tensor *h = rows_from(r->h, 0, n), *gates = tc_linear(h, r->weight, r->bias);
  bool good = gates && tci_copy_into(rows_from(r->h_before, at, n), h);
  bool (*const step[])(const run *, int64_t, int64_t, tc_tensor *) = {plain_step, plain_step, lstm_step, gru_step};
  good = good && step[r->l->kind](r, at, n, gates);
  good = good && tci_copy_into(h, rows_from(r->out, at, n));
  tci_scope_close(mark, NULL);
  return good;
}

/* ---- the fast gradient ---- */
typedef struct walk {
  const layer *l;
  const tc_node *n;
  tc_tensor *out, *y;                                        /* upstream of all steps, or NULL; the outputs, of plain cells */
  tc_tensor *h, *c;                                          /* gradients by the states, (batch, size), moved step by step */
  tc_tensor *dx, *dgates, *dout;                             /* by the two summands of the gates; by the projected output */
} walk;

static bool lstm_back(const walk *w, int64_t at, int64_t n, tc_tensor *up) {
  tc_tensor *raw_up = w->n->in[IN_PROJECTION] ? tc_matmul(up, w->n->in[IN_PROJECTION]) : up, *c = rows_from(w->c, 0, n);
  tc_tensor *acts = rows_from(w->n->in[IN_ACTS], at, n), *before = rows_from(w->n->in[IN_C_BEFORE], at, n);
  tc_tensor *d = rows_from(w->dx, at, n), *dc = c ? tci_like(c, c->dtype) : NULL;
  if (!(raw_up = tci_contig(raw_up)) || !acts || !before || !d || !dc) return false;
  tc_view v[] = {tci_view(d), tci_view(dc), tci_view(raw_up), tci_view(c), tci_view(acts), tci_view(before)};
  if (!tci_status(tci_kernels(c->device)->lstm_step_backward(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), NULL, NULL, 0)) return false;
  return tci_copy_into(c, dc);
}

/* The direct way to the state before is left in *through. */
static bool gru_back(const walk *w, int64_t at, int64_t n, tc_tensor *up, tc_tensor **through) {
  tc_tensor *acts = rows_from(w->n->in[IN_ACTS], at, n), *before = rows_from(w->n->in[IN_H_BEFORE], at, n);
  tc_tensor *a = rows_from(w->dx, at, n), *b = rows_from(w->dgates, at, n);
  if (!acts || !before || !a || !b || !(up = tci_contig(up)) || !(*through = tci_like(before, before->dtype))) return false;
  tc_view v[] = {tci_view(a), tci_view(b), tci_view(*through), tci_view(up), tci_view(acts), tci_view(before)};
  return tci_status(tci_kernels(up->device)->gru_step_backward(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), NULL, NULL, 0);
}

static bool plain_back(const walk *w, int64_t at, int64_t n, tc_tensor *up) {
  tc_tensor *y = rows_from(w->y, at, n);
  return tci_copy_into(rows_from(w->dx, at, n), w->l->kind == CELL_TANH ? tc_tanh_grad(up, y) : tc_relu_grad(up, y));
}

static bool step_back(const walk *w, int64_t t) {
  const int64_t n = size_at(w->l, t), at = offset_at(w->l, t);
  const size_t mark = tci_scope_mark();
  tc_tensor *h = rows_from(w->h, 0, n), *up = w->out ? plus(h, rows_from(w->out, at, n)) : h, *through = NULL;
  bool good = up && (!w->dout || tci_copy_into(rows_from(w->dout, at, n), up));
  if (good && w->l->kind == CELL_LSTM) good = lstm_back(w, at, n, up);
  else if (good) good = w->l->kind == CELL_GRU ? gru_back(w, at, n, up, &through) : plain_back(w, at, n, up);
  tc_tensor *down = good ? tc_matmul(rows_from(w->dgates, at, n), w->n->in[IN_WEIGHT]) : NULL;
  if (through) down = plus(down, through);
  good = tci_copy_into(h, down);
  tci_scope_close(mark, NULL);
  return good;
}

/* A copy of g, or zeros, of an input's shape. */
static tc_tensor *moving(tc_tensor *g, const tc_tensor *like, const tc_edge *e) {
  tc_tensor *m = tc_zeros(e->size, e->ndim, like->dtype, like->device, false);
  return m && (!g || tci_copy_into(m, g)) ? m : NULL;
}

static void finish_back(const walk *w, tc_tensor **dx) {
  const tc_node *n = w->n;
  dx[IN_X] = tc_reshape(w->dx, n->edge[IN_X].size, n->edge[IN_X].ndim);
  dx[IN_H] = w->h;
  dx[IN_C] = w->c;
  if (tci_needs(n, IN_WEIGHT)) dx[IN_WEIGHT] = tc_matmul(tc_t(w->dgates), n->in[IN_H_BEFORE]);
  if (tci_needs(n, IN_BIAS)) dx[IN_BIAS] = tc_sum(w->dgates, (tc_dim[]){0}, 1, false, TC_NONE);
  if (tci_needs(n, IN_PROJECTION)) dx[IN_PROJECTION] = tc_matmul(tc_t(w->dout), n->in[IN_RAW]);
}

static void fast_gradient(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const layer *l = n->attr;
  const tc_tensor *kept = n->in[IN_H_BEFORE];
  const int64_t rows = kept->size[0], gates = n->in[IN_WEIGHT]->size[0];
  walk w = {.l = l, .n = n};
  if (g[0]) w.out = tci_contig(tc_reshape(g[0], (int64_t[]){rows, kept->size[1]}, 2));
  if (l->kind < CELL_LSTM) w.y = tc_reshape(n->out[0], (int64_t[]){rows, kept->size[1]}, 2);
  w.h = moving(g[1], kept, &n->edge[IN_H]);
  if (l->kind == CELL_LSTM) w.c = moving(g[2], kept, &n->edge[IN_C]);
  w.dx = tci_new(kept->dtype, 2, (int64_t[]){rows, gates}, kept->device);
  w.dgates = l->kind == CELL_GRU && w.dx ? tci_like(w.dx, w.dx->dtype) : w.dx;
  if (n->in[IN_PROJECTION]) w.dout = tci_like(kept, kept->dtype);
  if ((g[0] && !w.out) || !w.h || (l->kind == CELL_LSTM && !w.c) || !w.dgates || (n->in[IN_PROJECTION] && !w.dout)) return;
  for (int64_t k = l->steps - 1; k >= 0; k--)
    if (!step_back(&w, step_at(l, k))) return;
  finish_back(&w, dx);
}

static void layer_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  if (tci_grad_mode()) tci_recurrent_composed(n, g, dx);
  else fast_gradient(n, g, dx);
}
enum { SAVED = 0x3ff };         /* all inputs */
static const tc_rule gated_rule = {"recurrent_layer", layer_grad, SAVED};
static const tc_rule plain_rule = {"recurrent_layer", layer_grad, SAVED | TC_SAVE_OUT(0)};

/* ---- checks ---- */
static int kind_of(const char *name) {
  static const char *const names[] = {"tanh", "relu", "lstm", "gru"};
  for (int i = 0; name && i < 4; i++)
    if (!strcmp(name, names[i])) return i;
  tci_fail("kind: got '%s', takes 'tanh', 'relu', 'lstm' or 'gru'", name ? name : "nil");
  return -1;
}

static bool shape_is(tc_tensor *t, const char *name, int64_t rows, int64_t columns) {
  if (t->ndim == 2 && t->size[0] == rows && t->size[1] == columns) return true;
  return tci_fail("%s: got shape %s, takes [%lld x %lld]", name, tci_shape(t), (long long)rows, (long long)columns) != NULL;
}

static bool check(int kind, tc_tensor *x, tc_tensor *h, tc_tensor *c, tc_tensor *weight, tc_tensor *bias, tc_tensor *projection) {
  static const int gates_of[] = {1, 1, 4, 3};
  if (!tci_check_float(x, "x")) return false;
  if (weight->ndim != 2 || h->ndim != 2) return tci_fail("w_hh %s and h %s take 2 dims", tci_shape(weight), tci_shape(h)) != NULL;
  const int64_t hidden = weight->size[0] / gates_of[kind], gates = hidden * gates_of[kind],
    size = projection ? projection->size[0] : hidden;
  if (x->size[x->ndim - 1] != gates)
    return tci_fail("x: got shape %s, takes %lld gates in its last dim, as w_hh %s", tci_shape(x), (long long)gates,
      tci_shape(weight)) != NULL;
  if (!shape_is(weight, "w_hh", gates, size) || !shape_is(h, "h", h->size[0], size)) return false;
  if ((c != NULL) != (kind == CELL_LSTM)) return tci_fail("c: an LSTM takes it, others do not") != NULL;
  if (c && !shape_is(c, "c", h->size[0], hidden)) return false;
  if (projection && (kind != CELL_LSTM || !shape_is(projection, "w_hr", size, hidden)))
    return kind == CELL_LSTM ? false : tci_fail("w_hr: only an LSTM takes it") != NULL;
  if (bias && (bias->ndim != 1 || bias->size[0] != gates))
    return tci_fail("b_hh: got shape %s, takes [%lld]", tci_shape(bias), (long long)gates) != NULL;
  return true;
}

static layer *layer_new(int kind, tc_tensor *x, tc_tensor *h, const int64_t *sizes, int n, bool reverse, size_t *bytes) {
  const int64_t steps = sizes ? n : x->size[0], batch = h->size[0];
  *bytes = sizeof(layer) + 2 * (size_t)steps * sizeof(int64_t);
  layer *l = malloc(*bytes);
  if (!l) return tci_fail("out of memory for %lld steps", (long long)steps);
  *l = (layer){kind, reverse, steps, batch};
  int64_t rows = 0;
  for (int64_t t = 0; t < steps; t++) {
    l->sizes[t] = sizes ? sizes[t] : batch;
    l->sizes[steps + t] = rows;
    rows += l->sizes[t];
    if (l->sizes[t] > (t ? l->sizes[t - 1] : batch) || l->sizes[t] < 1) rows = -1;
    if (rows < 0) break;
  }
  const bool good = sizes ? x->ndim == 2 && rows == x->size[0] && (steps == 0 || sizes[0] == batch)
                          : x->ndim == 3 && (x->size[1] == batch || steps == 0) && rows >= 0;
  if (good) return l;
  free(l);
  if (!sizes) return tci_fail("x: got shape %s, takes (time, batch, gates) with a batch of %lld as h", tci_shape(x), (long long)batch);
  return tci_fail("batch_sizes: must fall from %lld, the batch of h, and add up to the %lld rows of x %s", (long long)batch,
                  (long long)x->size[0], tci_shape(x));
}

static bool allocate(run *r, int64_t rows, int64_t hidden, int64_t size, tc_tensor *out) {
  const int kind = r->l->kind, type = r->x->dtype;
  r->out = tc_reshape(out, (int64_t[]){rows, size}, 2);
  r->h_before = r->out ? tci_like(r->out, type) : NULL;
  if (kind >= CELL_LSTM) r->acts = tci_new(type, 2, (int64_t[]){rows, 4 * hidden}, out->device);
  if (kind == CELL_LSTM) r->c_before = tci_new(type, 2, (int64_t[]){rows, hidden}, out->device);
  if (r->projection) r->raw = tci_new(type, 2, (int64_t[]){rows, hidden}, out->device);
  return r->h_before && (kind < CELL_LSTM || r->acts) && (kind != CELL_LSTM || r->c_before) && (!r->projection || r->raw);
}

static tc_tensor *copied(tc_tensor *t) {
  tc_tensor *copy = t ? tci_like(t, t->dtype) : NULL;
  return copy && tci_copy_into(copy, t) ? copy : NULL;
}

/* All of in (IN_X .. IN_PROJECTION) in one dtype; runs outside the graph. The output is left in *out. */
static bool run_layer(run *r, tc_tensor *const *in, int64_t hidden, tc_tensor **out) {
  const int64_t gates = in[IN_WEIGHT]->size[0], size = in[IN_WEIGHT]->size[1], rows = gates ? in[IN_X]->numel / gates : 0;
  int64_t shape[3] = {in[IN_X]->size[0], in[IN_X]->size[1], size};
  shape[in[IN_X]->ndim - 1] = size;
  *out = tci_new(in[IN_X]->dtype, in[IN_X]->ndim, shape, in[IN_X]->device);
  r->x = tc_reshape(tci_contig(in[IN_X]), (int64_t[]){rows, gates}, 2);
  r->weight = tci_contig(in[IN_WEIGHT]);
  r->bias = in[IN_BIAS];
  r->projection = in[IN_PROJECTION];
  r->h = copied(in[IN_H]);
  r->c = copied(in[IN_C]);
  bool good = *out && r->x && r->weight && r->h && (!in[IN_C] || r->c) && allocate(r, rows, hidden, size, *out);
  for (int64_t k = 0; good && k < r->l->steps; k++) good = step_forward(r, step_at(r->l, k));
  return good;
}

static tc_tensor *converted(tc_tensor *t, int dtype) { return t && t->dtype != dtype ? tc_to(t, dtype, TC_NONE, false) : t; }

/* Everything is computed in x's dtype, half precision in float. */
tc_tensor *tc_recurrent_layer(const char *kind, tc_tensor *x, tc_tensor *h, tc_tensor *c, tc_tensor *weight, tc_tensor *bias,
                              tc_tensor *projection, const int64_t *sizes, int n_sizes, bool reverse, tc_tensor **h_n, tc_tensor **c_n) {
  const int cell = kind_of(kind);
  if (cell < 0 || !x || !h || !weight || !check(cell, x, h, c, weight, bias, projection)) return NULL;
  size_t bytes;
  layer *l = layer_new(cell, x, h, sizes, n_sizes, reverse, &bytes);
  if (!l) return NULL;
  const int type = compute_type(x->dtype);
  tc_tensor *ins[IN_COUNT] = {x, h, c, weight, bias, projection}, *out = NULL, *result = NULL;
  for (int i = 0; i <= IN_PROJECTION; i++) ins[i] = converted(ins[i], type);
  run r = {.l = l};
  const bool before = tci_set_grad_mode(false);
  const bool good = !tci_failed() && run_layer(&r, ins, c ? c->size[1] : h->size[1], &out);
  tci_set_grad_mode(before);
  if (good) {
    tc_tensor *outs[] = {out, r.h, r.c};
    ins[IN_ACTS] = r.acts;
    ins[IN_C_BEFORE] = r.c_before;
    ins[IN_H_BEFORE] = r.h_before;
    ins[IN_RAW] = r.raw;
    result = tci_record_n(cell < CELL_LSTM ? &plain_rule : &gated_rule, c ? 3 : 2, outs, IN_COUNT, ins, l, bytes);
    *h_n = converted(r.h, h->dtype);
    *c_n = c ? converted(r.c, c->dtype) : *h_n;
  }
  free(l);
  return converted(result, x->dtype);
}
