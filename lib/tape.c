/* tape.c: the tape's own copies of what kernels take: views, loops, reductions and other plans, with the places of tensors that they name. */
#include "tape.h"

tc_view *tct_view(const tc_view *v, int mode) {
  tc_view *to = tct_struct(v, v ? sizeof *v : 0, 0);
  if (!to) return NULL;
  tct_sign(&v->dtype, sizeof v->dtype);
  tct_sign(&v->ndim, sizeof v->ndim);
  to->size = v->size ? tct_copy(v->size, (size_t)v->ndim * sizeof *v->size) : NULL;
  to->stride = v->stride ? tct_copy(v->stride, (size_t)v->ndim * sizeof *v->stride) : NULL;
  tct_place_of(&to->data, mode, v->numel);
  return to;
}

static void loop_parts(tc_loop *to, int mode) {
  tct_sign(&to->nop, sizeof to->nop);
  tct_sign(&to->ndim, sizeof to->ndim);
  tct_sign(&to->numel, sizeof to->numel);
  tct_sign(to->dtype, (size_t)to->nop * sizeof *to->dtype);
  tct_sign(to->size, (size_t)to->ndim * sizeof *to->size);
  for (int k = 0; k < to->nop; k++) tct_sign(to->stride[k], (size_t)to->ndim * sizeof **to->stride);
  for (int k = to->nop - 1; k >= 0; k--) tct_place_of((void **)&to->data[k], k ? TCT_READ : mode, to->numel);
}

tc_loop *tct_loop(const tc_loop *l, int mode) {
  tc_loop *to = tct_struct(l, sizeof *l, 0);
  if (to) loop_parts(to, mode);
  return to;
}

tc_reduction *tct_reduction(const tc_reduction *r, int mode) {
  tc_reduction *to = tct_struct(r, sizeof *r, 0);
  if (!to) return NULL;
  tct_sign(r, offsetof(tc_reduction, in));
  tct_sign(&r->kept, offsetof(tc_reduction, keep) - offsetof(tc_reduction, kept));
  tct_sign(r->keep, (size_t)r->nkept * sizeof *r->keep);
  tct_sign(r->fold, (size_t)r->nreduced * sizeof *r->fold);
  tct_place_of((void **)&to->in, TCT_READ, r->kept * r->reduced);
  tct_place_of((void **)&to->out, mode, r->kept);
  return to;
}

tc_lanes *tct_lanes(const tc_lanes *k, int mode) {
  tc_lanes *to = tct_struct(k, sizeof *k, 0);
  if (!to) return NULL;
  tct_sign(&k->n, sizeof *k - offsetof(tc_lanes, n));
  loop_parts(&to->loop, mode);
  return to;
}

tc_taps *tct_taps(const tc_taps *t) {
  tc_taps *to = tct_struct(t, sizeof *t, offsetof(tc_taps, first));
  if (!to) return NULL;
  to->first = tct_copy(t->first, (size_t)t->out * sizeof *t->first);
  to->count = tct_copy(t->count, (size_t)t->out * sizeof *t->count);
  to->weight = tct_copy(t->weight, (size_t)(t->out * t->width) * sizeof *t->weight);
  return to;
}

/* What is read comes before what is changed; of factors that are not asked for no place is kept. */
tc_lapack *tct_lapack(const tc_lapack *q) {
  tc_lapack *to = tct_struct(q, sizeof *q, 0);
  if (!to) return NULL;
  tct_sign(&q->what, sizeof q->what);
  tct_sign(&q->dtype, sizeof q->dtype);
  tct_sign(&q->batch, offsetof(tc_lapack, how) - offsetof(tc_lapack, batch));
  tct_sign(&q->how, sizeof q->how);
  tct_sign(&q->uplo, sizeof q->uplo);
  tct_sign(&q->left, sizeof q->left);
  tct_sign(&q->vectors, sizeof q->vectors);
  const bool solves = q->what == TC_LAPACK_LU_SOLVE || q->what == TC_LAPACK_LDL_SOLVE || q->what == TC_LAPACK_TRIANGULAR, applies = q->what == TC_LAPACK_APPLY_Q;
  const bool more = applies || (q->what == TC_LAPACK_EIG && q->vectors) || (q->what == TC_LAPACK_SVD && q->how != 'N');
  if (!more) to->c = NULL;
  if (!more || q->what != TC_LAPACK_SVD) to->d = NULL;
  if (solves || applies) {
    tct_place(&to->a, TCT_READ);
    if (applies) tct_place(&to->c, TCT_READ);
    if (q->what != TC_LAPACK_TRIANGULAR && !applies) tct_place((void **)&to->pivots, TCT_READ);
    tct_place(&to->b, TCT_CHANGE);
  } else {
    if (q->what == TC_LAPACK_Q) tct_place_of(&to->b, TCT_READ, q->k);
    tct_place(&to->a, TCT_CHANGE);
    if (q->b && q->what != TC_LAPACK_Q) tct_place(&to->b, TCT_WRITE);
    if (q->pivots) tct_place((void **)&to->pivots, TCT_WRITE);
    if (to->c) tct_place(&to->c, TCT_WRITE);
    if (to->d) tct_place(&to->d, TCT_WRITE);
  }
  tct_place((void **)&to->info, TCT_WRITE);
  return to;
}

/* The forward pass alone: the CPU has no other. */
tc_attention *tct_attention(const tc_attention *a) {
  tc_attention *to = tct_struct(a, sizeof *a, offsetof(tc_attention, q));
  if (!to) return NULL;
  tc_heads *const heads[] = {&to->q, &to->k, &to->v, &to->out};
  for (int i = 0; i < 4; i++) {
    tct_sign(heads[i]->step, sizeof heads[i]->step);
    tct_place(&heads[i]->data, i < 3 ? TCT_READ : TCT_WRITE);
  }
  if (a->mask) tct_place((void **)&to->mask, TCT_READ);
  if (a->sums) tct_place((void **)&to->sums, TCT_WRITE);
  tct_sign(a->mask_step, sizeof a->mask_step);
  return to;
}
