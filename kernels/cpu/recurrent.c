/* recurrent.c: one step of LSTM and GRU cells on gates that are already summed up by matrix products, and its gradient.
   Everything is row-major: gates (rows, 4 or 3, hidden), states (rows, hidden). */
#include "row.h"

/* acts <- sigmoid(i), sigmoid(f), tanh(g), sigmoid(o) of x + h;  cell <- f c + i g;  out <- o tanh(cell) */
int TC_KERNEL(lstm_step)(const tc_view *out, const tc_view *cell, const tc_view *acts, const tc_view *x, const tc_view *h,
                         const tc_view *c) {
  const int64_t n = c->size[1];
  TC_PARALLEL(c->size[0], 1, 8.0 * (double)c->numel) {
    for (int64_t r = lo; r < hi; r++) TC_FLOATS(c->dtype, {
      const T *restrict a = (const T *)x->data + 4 * r * n;
      const T *restrict b = (const T *)h->data + 4 * r * n;
      const T *restrict before = (const T *)c->data + r * n;
      T *restrict act = (T *)acts->data + 4 * r * n;
      T *restrict after = (T *)cell->data + r * n;
      T *restrict y = (T *)out->data + r * n;
      for (int64_t j = 0; j < 2 * n; j++) act[j] = row_sigmoid(a[j] + b[j]);
      for (int64_t j = 2 * n; j < 3 * n; j++) act[j] = row_tanh(a[j] + b[j]);
      for (int64_t j = 3 * n; j < 4 * n; j++) act[j] = row_sigmoid(a[j] + b[j]);
      for (int64_t j = 0; j < n; j++) {
        after[j] = act[n + j] * before[j] + act[j] * act[2 * n + j];
        y[j] = act[3 * n + j] * row_tanh(after[j]);
      }
    });
  } TC_PARALLEL_END
  return TC_OK;
}

/* dgates and dc (the gradient by the cell before) from dh and dcell (by the cell after). */
int TC_KERNEL(lstm_step_backward)(const tc_view *dgates, const tc_view *dc, const tc_view *dh, const tc_view *dcell,
                                  const tc_view *acts, const tc_view *c) {
  const int64_t n = c->size[1];
  TC_PARALLEL(c->size[0], 1, 4.0 * (double)c->numel) {
    for (int64_t r = lo; r < hi; r++) TC_FLOATS(c->dtype, {
      const T *restrict act = (const T *)acts->data + 4 * r * n;
      const T *restrict before = (const T *)c->data + r * n;
      const T *restrict up = (const T *)dh->data + r * n;
      const T *restrict along = (const T *)dcell->data + r * n;
      T *restrict d = (T *)dgates->data + 4 * r * n;
      T *restrict down = (T *)dc->data + r * n;
      for (int64_t j = 0; j < n; j++) {
        const T i = act[j]; const T f = act[n + j]; const T g = act[2 * n + j]; const T o = act[3 * n + j];
        const T t = row_tanh(f * before[j] + i * g);
        const T s = along[j] + up[j] * o * (1 - t * t);
        d[j] = s * g * i * (1 - i);
        d[n + j] = s * before[j] * f * (1 - f);
        d[2 * n + j] = s * i * (1 - g * g);
        d[3 * n + j] = up[j] * t * o * (1 - o);
        down[j] = s * f;
      }
    });
  } TC_PARALLEL_END
  return TC_OK;
}

/* acts <- r, z, n, the hidden part of n;  out <- (1 - z) n + z before */
int TC_KERNEL(gru_step)(const tc_view *out, const tc_view *acts, const tc_view *x, const tc_view *h, const tc_view *before) {
  const int64_t n = before->size[1];
  TC_PARALLEL(before->size[0], 1, 6.0 * (double)before->numel) {
    for (int64_t r = lo; r < hi; r++) TC_FLOATS(before->dtype, {
      const T *restrict a = (const T *)x->data + 3 * r * n;
      const T *restrict b = (const T *)h->data + 3 * r * n;
      const T *restrict state = (const T *)before->data + r * n;
      T *restrict act = (T *)acts->data + 4 * r * n;
      T *restrict y = (T *)out->data + r * n;
      for (int64_t j = 0; j < 2 * n; j++) act[j] = row_sigmoid(a[j] + b[j]);
      for (int64_t j = 0; j < n; j++) {
        const T c = b[2 * n + j]; const T z = act[n + j]; const T t = row_tanh(a[2 * n + j] + act[j] * c);
        act[2 * n + j] = t;
        act[3 * n + j] = c;
        y[j] = (1 - z) * t + z * state[j];
      }
    });
  } TC_PARALLEL_END
  return TC_OK;
}

/* dx and dh: gradients by the two summands of the gates; dbefore: by the state before. */
int TC_KERNEL(gru_step_backward)(const tc_view *dx, const tc_view *dh, const tc_view *dbefore, const tc_view *g, const tc_view *acts,
                                 const tc_view *before) {
  const int64_t n = before->size[1];
  TC_PARALLEL(before->size[0], 1, 4.0 * (double)before->numel) {
    for (int64_t r = lo; r < hi; r++) TC_FLOATS(before->dtype, {
      const T *restrict act = (const T *)acts->data + 4 * r * n;
      const T *restrict state = (const T *)before->data + r * n;
      const T *restrict up = (const T *)g->data + r * n;
      T *restrict a = (T *)dx->data + 3 * r * n;
      T *restrict b = (T *)dh->data + 3 * r * n;
      T *restrict down = (T *)dbefore->data + r * n;
      for (int64_t j = 0; j < n; j++) {
        const T reset = act[j]; const T z = act[n + j]; const T t = act[2 * n + j]; const T c = act[3 * n + j];
        const T dn = up[j] * (1 - z) * (1 - t * t);
        const T dr = dn * c * reset * (1 - reset);
        const T dz = up[j] * (state[j] - t) * z * (1 - z);
        a[j] = dr; a[n + j] = dz; a[2 * n + j] = dn;
        b[j] = dr; b[n + j] = dz; b[2 * n + j] = dn * reset;
        down[j] = up[j] * z;
      }
    });
  } TC_PARALLEL_END
  return TC_OK;
}

int TC_KERNEL(rnn)(int what, tc_rnn *p) { return (void)what, (void)p, TC_MISSING; }
