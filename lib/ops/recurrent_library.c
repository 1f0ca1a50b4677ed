/* recurrent_library.c: one direction of one layer of a recurrent network by the device's own library (cuDNN), the projection of the input included:
   one node of the graph. Second derivatives, and devices without such a library, use the steps of recurrent.c. */
#include "recurrent.h"
#include <stdlib.h>

enum { BY_X, BY_H, BY_C, BY_W_IH, BY_W_HH, BY_B_IH, BY_B_HH, BY_RESERVE, BY_COUNT };

static void *place(tc_tensor *t) { return t ? tci_data(t) : NULL; }

static int kind_of(const char *name) {
  static const char *const names[] = {"tanh", "relu", "lstm", "gru"}; /* CELL_ and TC_RNN_ count alike */
  for (int i = 0; name && i < 4; i++)
    if (!strcmp(name, names[i])) return i;
  return -1;
}

/* The layer's sizes and inputs; in are row-major. */
static tc_rnn described(int kind, tc_tensor *const *in) {
  const tc_tensor *x = in[BY_X];
  return (tc_rnn){.kind = kind, .dtype = x->dtype, .time = x->size[0], .batch = x->size[1], .input = x->size[2], .hidden = in[BY_H]->size[1],
    .x = place(in[BY_X]), .h = place(in[BY_H]), .c = place(in[BY_C]), .w_ih = place(in[BY_W_IH]), .w_hh = place(in[BY_W_HH]),
    .b_ih = place(in[BY_B_IH]), .b_hh = place(in[BY_B_HH]), .reserve = place(in[BY_RESERVE])};
}

/* ---- the gradient ---- */
/* dx of the inputs and of the weights, of their shapes; false after an error. */
static bool gradients_for(const tc_node *n, tc_tensor *const *in, tc_tensor **dx) {
  bool weights = false;
  for (int i = BY_W_IH; i <= BY_B_HH; i++) weights = weights || tci_needs(n, i);
  for (int i = 0; i < BY_RESERVE; i++)
    if (in[i] && (i < BY_W_IH || weights) && !(dx[i] = tci_like(in[i], in[i]->dtype))) return false;
  return true;
}

static void library_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *in[BY_COUNT], *y = tci_contig(n->out[0]), *up[3] = {NULL};
  for (int i = 0; i < BY_COUNT; i++) in[i] = n->in[i] ? tci_contig(n->in[i]) : NULL;
  in[BY_RESERVE] = tc_clone(n->in[BY_RESERVE]); /* the library writes there, and there may be another run */
  for (int i = 0; i < 3; i++) up[i] = i < 2 || in[BY_C] ? g[i] ? tci_contig(g[i]) : NULL : NULL;
  if (!up[0] && y) up[0] = tc_zeros(y->size, 3, y->dtype, y->device, false);
  tc_tensor *to[BY_COUNT] = {NULL};
  if (tci_failed() || !up[0] || !gradients_for(n, in, to)) return;
  tc_rnn p = described(*(const int *)n->attr, in);
  p.y = place(y), p.g_y = place(up[0]), p.g_h = place(up[1]), p.g_c = place(up[2]);
  p.dx = place(to[BY_X]), p.dh = place(to[BY_H]), p.dc = place(to[BY_C]);
  p.dw_ih = place(to[BY_W_IH]), p.dw_hh = place(to[BY_W_HH]), p.db_ih = place(to[BY_B_IH]), p.db_hh = place(to[BY_B_HH]);
  if (tci_status(tci_kernels(y->device)->rnn(TC_RNN_BACKWARD, &p), NULL, NULL, 0)) memcpy(dx, to, BY_RESERVE * sizeof *dx);
}

static layer *whole_layer(int kind, int64_t steps, int64_t batch) {
  layer *l = malloc(sizeof *l + 2 * (size_t)steps * sizeof(int64_t));
  if (!l) return tci_fail("out of memory for %lld steps", (long long)steps);
  *l = (layer){kind, false, steps, batch};
  for (int64_t t = 0; t < steps; t++) l->sizes[t] = batch, l->sizes[steps + t] = t * batch;
  return l;
}

/* In public operators: the node as recurrent.c would have made it, behind the projection of x. */
static void composed_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *x = n->in[BY_X], *w = n->in[BY_W_IH], *flat = tc_reshape(x, (int64_t[]){x->size[0] * x->size[1], x->size[2]}, 2);
  tc_tensor *projected = tc_linear(x, w, n->in[BY_B_IH]);
  layer *l = projected && flat ? whole_layer(*(const int *)n->attr, x->size[0], x->size[1]) : NULL;
  if (!l) return;
  tc_tensor *in[IN_COUNT] = {projected, n->in[BY_H], n->in[BY_C], n->in[BY_W_HH], n->in[BY_B_HH]}, *by[IN_COUNT] = {NULL};
  tc_edge edge[IN_COUNT] = {{.node = n->edge[BY_X].node, .dtype = projected->dtype, .ndim = 3, .device = projected->device, .size = projected->size},
    n->edge[BY_H], n->edge[BY_C], n->edge[BY_W_HH], n->edge[BY_B_HH]};
  in[IN_H_BEFORE] = flat; /* tells the rows */
  tc_node steps = *n;
  steps.in = in, steps.edge = edge, steps.attr = l;
  tci_recurrent_composed(&steps, g, by);
  free(l);
  dx[BY_H] = by[IN_H], dx[BY_C] = by[IN_C], dx[BY_W_HH] = by[IN_WEIGHT], dx[BY_B_HH] = by[IN_BIAS];
  if (!by[IN_X]) return;
  tc_tensor *rows = tc_reshape(by[IN_X], (int64_t[]){flat->size[0], w->size[0]}, 2);
  if (tci_needs(n, BY_X)) dx[BY_X] = tc_matmul(by[IN_X], w);
  if (tci_needs(n, BY_W_IH)) dx[BY_W_IH] = tc_matmul(tc_t(rows), flat);
  if (tci_needs(n, BY_B_IH)) dx[BY_B_IH] = tc_sum(rows, (tc_dim[]){0}, 1, false, TC_NONE);
}

static void whole_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  if (tci_grad_mode()) composed_grad(n, g, dx);
  else library_grad(n, g, dx);
}
static const tc_rule whole_rule = {"recurrent_whole", whole_grad, ((1u << BY_COUNT) - 1) | TC_SAVE_OUT(0)};

/* ---- forward ---- */
static bool shaped(const tc_tensor *t, int64_t rows, int64_t columns) {
  return columns < 0 ? t->ndim == 1 && t->size[0] == rows : t->ndim == 2 && t->size[0] == rows && t->size[1] == columns;
}

/* Can a library take these? Whatever is wrong with the others is for tc_recurrent_layer to say. */
static bool fits(int kind, tc_tensor *const *in) {
  static const int gates_of[] = {1, 1, 4, 3};
  const tc_tensor *x = in[BY_X], *h = in[BY_H];
  if (kind < 0 || x->ndim != 3 || x->numel == 0 || !tci_is_float(x->dtype) || h->ndim != 2 || h->numel == 0) return false;
  const int64_t hidden = h->size[1], gates = gates_of[kind] * hidden, batch = x->size[1];
  for (int i = 0; i < BY_RESERVE; i++)
    if (in[i] && (in[i]->dtype != x->dtype || in[i]->device != x->device || in[i]->numel > INT32_MAX)) return false;
  if ((in[BY_C] != NULL) != (kind == CELL_LSTM) || (in[BY_B_IH] != NULL) != (in[BY_B_HH] != NULL)) return false;
  return shaped(h, batch, hidden) && (!in[BY_C] || shaped(in[BY_C], batch, hidden)) && shaped(in[BY_W_IH], gates, x->size[2]) &&
    shaped(in[BY_W_HH], gates, hidden) && (!in[BY_B_IH] || (shaped(in[BY_B_IH], gates, -1) && shaped(in[BY_B_HH], gates, -1)));
}

/* The library's results in outs (y, h_n, c_n), or *missing. What it keeps for the gradient is left in in[BY_RESERVE]. */
static bool run_library(int kind, tc_tensor **in, bool training, tc_tensor **outs, bool *missing) {
  tc_tensor *ready_in[BY_COUNT];
  for (int i = 0; i < BY_RESERVE; i++) ready_in[i] = in[i] ? tci_contig(in[i]) : NULL;
  ready_in[BY_RESERVE] = NULL;
  if (tci_failed()) return false;
  tc_rnn p = described(kind, ready_in);
  const tc_kernels *k = tci_kernels(in[BY_X]->device);
  const int s = k->rnn(TC_RNN_SIZES, &p);
  if ((*missing = s == TC_MISSING) || !tci_status(s, NULL, NULL, 0)) return false;
  const int64_t size[] = {p.time, p.batch, p.hidden};
  outs[0] = tci_new(p.dtype, 3, size, in[BY_X]->device);
  outs[1] = tci_new(p.dtype, 2, size + 1, in[BY_X]->device);
  outs[2] = in[BY_C] ? tci_new(p.dtype, 2, size + 1, in[BY_X]->device) : NULL;
  if (training) in[BY_RESERVE] = tci_new(TC_UINT8, 1, &p.reserve_bytes, in[BY_X]->device);
  if (tci_failed()) return false;
  p.y = place(outs[0]), p.h_n = place(outs[1]), p.c_n = place(outs[2]), p.reserve = place(in[BY_RESERVE]);
  return tci_status(k->rnn(TC_RNN_FORWARD, &p), NULL, NULL, 0);
}

tc_tensor *tc_recurrent_whole(const char *kind, tc_tensor *x, tc_tensor *h, tc_tensor *c, tc_tensor *w_ih, tc_tensor *w_hh, tc_tensor *b_ih,
                              tc_tensor *b_hh, tc_tensor **h_n, tc_tensor **c_n) {
  if (!x || !h || !w_ih || !w_hh) return NULL;
  const int cell = kind_of(kind);
  tc_tensor *in[BY_COUNT] = {x, h, c, w_ih, w_hh, b_ih, b_hh}, *outs[3] = {NULL};
  bool missing = true;
  if (fits(cell, in) && !run_library(cell, in, tci_recording(BY_RESERVE, in), outs, &missing) && !missing) return NULL;
  if (missing) return tc_recurrent_layer(kind, tc_linear(x, w_ih, b_ih), h, c, w_hh, b_hh, NULL, NULL, 0, false, h_n, c_n);
  tc_tensor *y = tci_record_n(&whole_rule, c ? 3 : 2, outs, BY_COUNT, in, &cell, sizeof cell);
  *h_n = outs[1];
  *c_n = c ? outs[2] : outs[1];
  return y;
}
