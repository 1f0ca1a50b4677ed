/* recurrent.cu: one step of LSTM and GRU cells on gates that are already summed up by matrix products, and its gradient. Everything is
   row-major: gates (rows, 4 or 3, hidden), states (rows, hidden); a thread for each element of the state. */
#include "element.cuh"

namespace {
using namespace tc;
template <class T> __device__ inline T sigmoid(T x) { return 1 / (1 + exp(-x)); }

/* acts <- sigmoid(i), sigmoid(f), tanh(g), sigmoid(o) of x + h;  cell <- f c + i g;  out <- o tanh(cell) */
template <class S> __global__ void lstm(int64_t rows, int64_t n, S *out, S *cell, S *acts, const S *x, const S *h, const S *c) {
  typedef computed_t<S> T;
  TC_EACH(at, rows * n) {
    const int64_t first = at / n * 4 * n + at % n;
    T v[4];
    for (int k = 0; k < 4; k++) v[k] = get<T>(x[first + k * n]) + get<T>(h[first + k * n]);
    const T i = sigmoid(v[0]), f = sigmoid(v[1]), g = tanh(v[2]), o = sigmoid(v[3]), after = f * get<T>(c[at]) + i * g;
    acts[first] = put<S>(i), acts[first + n] = put<S>(f), acts[first + 2 * n] = put<S>(g), acts[first + 3 * n] = put<S>(o);
    cell[at] = put<S>(after);
    out[at] = put<S>(o * tanh(after));
  }
}
template <class S> __global__ void lstm_back(int64_t rows, int64_t n, S *dgates, S *dc, const S *dh, const S *dcell, const S *acts, const S *c) {
  typedef computed_t<S> T;
  TC_EACH(at, rows * n) {
    const int64_t first = at / n * 4 * n + at % n;
    const T i = get<T>(acts[first]), f = get<T>(acts[first + n]), g = get<T>(acts[first + 2 * n]), o = get<T>(acts[first + 3 * n]);
    const T before = get<T>(c[at]), up = get<T>(dh[at]), t = tanh(f * before + i * g), s = get<T>(dcell[at]) + up * o * (1 - t * t);
    dgates[first] = put<S>(s * g * i * (1 - i));
    dgates[first + n] = put<S>(s * before * f * (1 - f));
    dgates[first + 2 * n] = put<S>(s * i * (1 - g * g));
    dgates[first + 3 * n] = put<S>(up * t * o * (1 - o));
    dc[at] = put<S>(s * f);
  }
}

/* acts <- r, z, n, the hidden part of n;  out <- (1 - z) n + z before */
template <class S> __global__ void gru(int64_t rows, int64_t n, S *out, S *acts, const S *x, const S *h, const S *before) {
  typedef computed_t<S> T;
  TC_EACH(at, rows * n) {
    const int64_t first = at / n * 3 * n + at % n, act = at / n * 4 * n + at % n;
    const T r = sigmoid(get<T>(x[first]) + get<T>(h[first])), z = sigmoid(get<T>(x[first + n]) + get<T>(h[first + n]));
    const T c = get<T>(h[first + 2 * n]), t = tanh(get<T>(x[first + 2 * n]) + r * c);
    acts[act] = put<S>(r), acts[act + n] = put<S>(z), acts[act + 2 * n] = put<S>(t), acts[act + 3 * n] = put<S>(c);
    out[at] = put<S>((1 - z) * t + z * get<T>(before[at]));
  }
}
template <class S> __global__ void gru_back(int64_t rows, int64_t n, S *dx, S *dh, S *dbefore, const S *g, const S *acts, const S *before) {
  typedef computed_t<S> T;
  TC_EACH(at, rows * n) {
    const int64_t first = at / n * 3 * n + at % n, act = at / n * 4 * n + at % n;
    const T r = get<T>(acts[act]), z = get<T>(acts[act + n]), t = get<T>(acts[act + 2 * n]), c = get<T>(acts[act + 3 * n]), up = get<T>(g[at]);
    const T dn = up * (1 - z) * (1 - t * t), dr = dn * c * r * (1 - r), dz = up * (get<T>(before[at]) - t) * z * (1 - z);
    dx[first] = dh[first] = put<S>(dr);
    dx[first + n] = dh[first + n] = put<S>(dz);
    dx[first + 2 * n] = put<S>(dn);
    dh[first + 2 * n] = put<S>(dn * r);
    dbefore[at] = put<S>(up * z);
  }
}
} // namespace

#define DATA(v) ((S *)(v)->data)
#define IN(v) ((const S *)(v)->data)
#define RUN(state, kernel, ...) do { \
  const int64_t rows = (state)->size[0], n = (state)->size[1]; \
  if ((state)->numel == 0) return TC_OK; \
  TC_FLOATS((state)->dtype, { return tc_run(kernel<S>, tc_blocks(rows * n, 256, 64), 256, 0, rows, n, __VA_ARGS__); }); \
  return TC_MISSING; } while (0)

extern "C" int TC_KERNEL(lstm_step)(const tc_view *out, const tc_view *cell, const tc_view *acts, const tc_view *x, const tc_view *h, const tc_view *c) {
  RUN(c, lstm, DATA(out), DATA(cell), DATA(acts), IN(x), IN(h), IN(c));
}
extern "C" int TC_KERNEL(lstm_step_backward)(const tc_view *dgates, const tc_view *dc, const tc_view *dh, const tc_view *dcell, const tc_view *acts, const tc_view *c) {
  RUN(c, lstm_back, DATA(dgates), DATA(dc), IN(dh), IN(dcell), IN(acts), IN(c));
}
extern "C" int TC_KERNEL(gru_step)(const tc_view *out, const tc_view *acts, const tc_view *x, const tc_view *h, const tc_view *before) {
  RUN(before, gru, DATA(out), DATA(acts), IN(x), IN(h), IN(before));
}
extern "C" int TC_KERNEL(gru_step_backward)(const tc_view *dx, const tc_view *dh, const tc_view *dbefore, const tc_view *g, const tc_view *acts, const tc_view *before) {
  RUN(before, gru_back, DATA(dx), DATA(dh), DATA(dbefore), IN(g), IN(acts), IN(before));
}
