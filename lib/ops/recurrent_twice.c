/* recurrent_twice.c: the gradient of a recurrent layer in public operators, for second derivatives: the forward steps once more, then
   backpropagation through time written out. */
#include "recurrent.h"
#include <stdlib.h>

/* What one step computed, each (sequences of the step, size): the states before it and the activations of its cell. */
typedef struct step {
  tc_tensor *h, *c, *a[4], *tanh_c, *raw;
  tc_tensor *dx, *dgates, *dout;
} step;

typedef struct twice {
  const layer *l;
  tc_tensor *x, *weight, *bias, *projection, *h, *c;
  step *steps;
} twice;

static tc_tensor *gate(tc_tensor *gates, int64_t i, int64_t n) { return gates ? tc_narrow(gates, 1, i * n, n) : NULL; }

/* the first rows of whole replaced by part */
static tc_tensor *overlaid(tc_tensor *part, tc_tensor *whole) {
  if (!part || !whole || part->size[0] == whole->size[0]) return part;
  tc_tensor *both[] = {part, rows_from(whole, part->size[0], whole->size[0] - part->size[0])};
  return tc_cat(both, 2, 0);
}

static void lstm_again(twice *w, step *s, tc_tensor *gates) {
  const int64_t n = w->c->size[1];
  for (int i = 0; i < 4; i++) s->a[i] = i == 2 ? tc_tanh(gate(gates, i, n)) : tc_sigmoid(gate(gates, i, n));
  tc_tensor *c = plus(tc_mul(s->a[1], s->c), tc_mul(s->a[0], s->a[2]));
  s->tanh_c = tc_tanh(c);
  s->raw = tc_mul(s->a[3], s->tanh_c);
  w->c = overlaid(c, w->c);
  w->h = overlaid(w->projection ? tc_linear(s->raw, w->projection, NULL) : s->raw, w->h);
}

static void gru_again(twice *w, step *s, tc_tensor *x, tc_tensor *gates) {
  const int64_t n = s->h->size[1];
  s->a[0] = tc_sigmoid(plus(gate(x, 0, n), gate(gates, 0, n)));
  s->a[1] = tc_sigmoid(plus(gate(x, 1, n), gate(gates, 1, n)));
  s->a[3] = gate(gates, 2, n);
  s->a[2] = tc_tanh(plus(gate(x, 2, n), tc_mul(s->a[0], s->a[3])));
  w->h = overlaid(plus(tc_mul(less_from(1, s->a[1]), s->a[2]), tc_mul(s->a[1], s->h)), w->h);
}

static bool again(twice *w, int64_t t) {
  const int64_t n = size_at(w->l, t);
  step *s = &w->steps[t];
  s->h = rows_from(w->h, 0, n);
  s->c = rows_from(w->c, 0, n);
  tc_tensor *x = rows_from(w->x, offset_at(w->l, t), n), *gates = tc_linear(s->h, w->weight, w->bias);
  if (!x || !gates) return false;
  if (w->l->kind == CELL_LSTM) lstm_again(w, s, plus(x, gates));
  else if (w->l->kind == CELL_GRU) gru_again(w, s, x, gates);
  else {
    s->a[0] = w->l->kind == CELL_TANH ? tc_tanh(plus(x, gates)) : tc_relu(plus(x, gates));
    w->h = overlaid(s->a[0], w->h);
  }
  return w->h != NULL;
}

static tc_tensor *sigmoid_slope(tc_tensor *g, tc_tensor *y) { return tc_mul(g, tc_mul(y, less_from(1, y))); }
static tc_tensor *tanh_slope(tc_tensor *g, tc_tensor *y) { return tc_mul(g, less_from(1, tc_square(y))); }

/* dh, dc: gradients by the states after the step; afterwards by those before it (without the way through the gates for dh) */
static void lstm_slope(const twice *w, step *s, tc_tensor **dh, tc_tensor **dc) {
  tc_tensor *raw = w->projection ? tc_matmul(*dh, w->projection) : *dh;
  tc_tensor *c = plus(*dc, tanh_slope(tc_mul(raw, s->a[3]), s->tanh_c));
  tc_tensor *gates[] = {sigmoid_slope(tc_mul(c, s->a[2]), s->a[0]), sigmoid_slope(tc_mul(c, s->c), s->a[1]),
                        tanh_slope(tc_mul(c, s->a[0]), s->a[2]), sigmoid_slope(tc_mul(raw, s->tanh_c), s->a[3])};
  s->dout = *dh;
  s->dx = s->dgates = tc_cat(gates, 4, 1);
  *dc = tc_mul(c, s->a[1]);
  *dh = NULL;
}

static void gru_slope(step *s, tc_tensor **dh) {
  tc_tensor *dn = tanh_slope(tc_mul(*dh, less_from(1, s->a[1])), s->a[2]);
  tc_tensor *dr = sigmoid_slope(tc_mul(dn, s->a[3]), s->a[0]), *dz = sigmoid_slope(tc_mul(*dh, minus(s->h, s->a[2])), s->a[1]);
  s->dx = tc_cat((tc_tensor *[]){dr, dz, dn}, 3, 1);
  s->dgates = tc_cat((tc_tensor *[]){dr, dz, tc_mul(dn, s->a[0])}, 3, 1);
  *dh = tc_mul(*dh, s->a[1]);
}

static void plain_slope(const twice *w, step *s, tc_tensor **dh) {
  s->dx = s->dgates = w->l->kind == CELL_TANH ? tanh_slope(*dh, s->a[0]) : tc_mul(*dh, tc_gt(s->a[0], tci_number(0)));
  *dh = NULL;
}

static bool back(twice *w, int64_t t, tc_tensor *out, tc_tensor **all_h, tc_tensor **all_c) {
  const int64_t n = size_at(w->l, t);
  step *s = &w->steps[t];
  tc_tensor *dh = rows_from(*all_h, 0, n), *dc = rows_from(*all_c, 0, n);
  if (out) dh = plus(dh, rows_from(out, offset_at(w->l, t), n));
  if (w->l->kind == CELL_LSTM) lstm_slope(w, s, &dh, &dc);
  else if (w->l->kind == CELL_GRU) gru_slope(s, &dh);
  else plain_slope(w, s, &dh);
  tc_tensor *down = tc_matmul(s->dgates, w->weight);
  *all_h = overlaid(dh ? plus(down, dh) : down, *all_h);
  if (dc) *all_c = overlaid(dc, *all_c);
  return *all_h != NULL;
}

/* One field of all steps as (rows, size). */
static tc_tensor *joined(const twice *w, size_t field) {
  tc_tensor **parts = malloc((size_t)w->l->steps * sizeof *parts);
  if (!parts) return tci_fail("out of memory");
  for (int64_t t = 0; t < w->l->steps; t++) parts[t] = *(tc_tensor **)((char *)&w->steps[t] + field);
  tc_tensor *all = tc_cat(parts, (int)w->l->steps, 0);
  free(parts);
  return all;
}

static void finish(const twice *w, const tc_node *n, tc_tensor **dx) {
  tc_tensor *dgates = joined(w, offsetof(step, dgates));
  dx[IN_X] = tc_reshape(joined(w, offsetof(step, dx)), n->edge[IN_X].size, n->edge[IN_X].ndim);
  if (tci_needs(n, IN_WEIGHT)) dx[IN_WEIGHT] = tc_matmul(tc_t(dgates), joined(w, offsetof(step, h)));
  if (tci_needs(n, IN_BIAS)) dx[IN_BIAS] = tc_sum(dgates, (tc_dim[]){0}, 1, false, TC_NONE);
  if (tci_needs(n, IN_PROJECTION))
    dx[IN_PROJECTION] = tc_matmul(tc_t(joined(w, offsetof(step, dout))), joined(w, offsetof(step, raw)));
}

static tc_tensor *or_zeros(tc_tensor *g, const tc_tensor *like) {
  return g ? g : tc_zeros(like->size, like->ndim, like->dtype, like->device, false);
}

void tci_recurrent_composed(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const layer *l = n->attr;
  tc_tensor **in = n->in, *c = in[IN_C], *x = in[IN_X];
  const int64_t rows = n->in[IN_H_BEFORE]->size[0];
  twice w = {l, tc_reshape(x, (int64_t[]){rows, x->size[x->ndim - 1]}, 2), in[IN_WEIGHT], in[IN_BIAS], in[IN_PROJECTION], in[IN_H], c,
             calloc((size_t)l->steps + 1, sizeof(step))};
  if (!w.steps) {
    tci_fail("out of memory");
    return;
  }
  tc_tensor *out = g[0] ? tc_reshape(g[0], (int64_t[]){rows, in[IN_H]->size[1]}, 2) : NULL;
  tc_tensor *dh = or_zeros(g[1], in[IN_H]), *dc = c ? or_zeros(g[2], c) : NULL;
  bool good = w.x && dh;
  for (int64_t k = 0; good && k < l->steps; k++) good = again(&w, step_at(l, k));
  for (int64_t k = l->steps - 1; good && k >= 0; k--) good = back(&w, step_at(l, k), out, &dh, &dc);
  dx[IN_H] = dh;
  if (c) dx[IN_C] = dc;
  if (good && l->steps > 0) finish(&w, n, dx);
  free(w.steps);
}
