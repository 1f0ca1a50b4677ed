/* batch_norm.cu: batch_norm over (batch, channels, inner) in training and evaluation, and its gradient: sums of each channel in chunks of
   fixed size, then one elementwise pass. */
#include "block.cuh"

namespace {
using namespace tc;

/* Sums over a channel: a block of 32 channels x 8 threads where inner is 1, else a block for each (channel, chunk of the batch). */
struct shape { int64_t batch, channels, inner, per, chunks; };

shape shape_of(const tc_norm_channels *p) {
  const int64_t across = p->inner == 1 ? (p->channels + 31) / 32 : p->channels, wanted = across ? (1024 + across - 1) / across : 1;
  int64_t per = (p->batch + wanted - 1) / wanted;
  const int64_t least = p->inner == 1 ? 64 : (1024 + p->inner - 1) / (p->inner ? p->inner : 1);
  if (per < least) per = least;
  if (per < 1) per = 1;
  return {p->batch, p->channels, p->inner, per, p->batch ? (p->batch + per - 1) / per : 0};
}

/* Two sums of each channel: F gives the terms of element i of channel c. parts is (chunks, 2, channels). */
template <class F> __global__ void __launch_bounds__(1024) channel_sums(shape s, F f, double *parts) {
  __shared__ double room[33];
  const int64_t c = blockIdx.x, chunk = blockIdx.y, last = (chunk + 1) * s.per < s.batch ? (chunk + 1) * s.per : s.batch;
  double a = 0, b = 0;
  for (int64_t n = chunk * s.per; n < last; n++)
    for (int64_t j = threadIdx.x; j < s.inner; j += blockDim.x) f.add((n * s.channels + c) * s.inner + j, c, a, b);
  a = block_fold(a, plus(), room);
  b = block_fold(b, plus(), room);
  if (threadIdx.x == 0) parts[chunk * 2 * s.channels + c] = a, parts[(chunk * 2 + 1) * s.channels + c] = b;
}
template <class F> __global__ void feature_sums(shape s, F f, double *parts) {
  __shared__ double room[2][8][32];
  const int x = threadIdx.x, y = threadIdx.y;
  const int64_t c = (int64_t)blockIdx.x * 32 + x, chunk = blockIdx.y, last = (chunk + 1) * s.per < s.batch ? (chunk + 1) * s.per : s.batch;
  double a = 0, b = 0;
  if (c < s.channels)
    for (int64_t n = chunk * s.per + y; n < last; n += 8) f.add(n * s.channels + c, c, a, b);
  room[0][y][x] = a, room[1][y][x] = b;
  __syncthreads();
  if (y || c >= s.channels) return;
  for (int k = 1; k < 8; k++) a += room[0][k][x], b += room[1][k][x];
  parts[chunk * 2 * s.channels + c] = a, parts[(chunk * 2 + 1) * s.channels + c] = b;
}
template <class F> int run_sums(const shape &s, const F &f, double *parts) {
  if (s.chunks == 0 || s.channels == 0) return TC_OK;
  if (s.inner == 1)
    return tc_launch(feature_sums<F>, dim3((unsigned)((s.channels + 31) / 32), (unsigned)s.chunks), dim3(32, 8), 0, tc_cuda_stream(), s, f, parts);
  return tc_launch(channel_sums<F>, dim3((unsigned)s.channels, (unsigned)s.chunks), dim3((unsigned)row_threads(s.inner)), 0, tc_cuda_stream(), s, f, parts);
}
__device__ inline double joined(const double *parts, const shape &s, int which, int64_t c) {
  double sum = 0;
  for (int64_t k = 0; k < s.chunks; k++) sum += parts[(k * 2 + which) * s.channels + c];
  return sum;
}

/* Sums of differences to the channel's first element, and of their squares: a large mean does not swallow the variance. */
template <class S> struct spread {
  const S *x;
  int64_t inner;
  __device__ void add(int64_t i, int64_t c, double &a, double &b) const {
    const double d = get<double>(x[i]) - get<double>(x[c * inner]);
    a += d, b += d * d;
  }
};

template <class S, class W> struct normed {
  const S *x;
  S *y;
  W *mean, *rstd, *running_mean, *running_var;
  const W *weight, *bias;
  tc_norm_channels p;
};

/* Mean and rstd of each channel, and the running statistics. */
template <class S, class W> __global__ void settle(normed<S, W> q, shape s, const double *parts) {
  TC_EACH(c, s.channels) {
    const double n = (double)s.batch * (double)s.inner, r = q.p.momentum;
    double m, variance;
    if (q.p.training) {
      const double d = joined(parts, s, 0, c) / n, square = joined(parts, s, 1, c) / n - d * d;
      m = d + (s.batch && s.inner ? get<double>(q.x[c * s.inner]) : 0);
      variance = square > 0 || square != square ? square : 0;
    } else m = get<double>(q.running_mean[c]), variance = get<double>(q.running_var[c]);
    q.mean[c] = put<W>(m);
    q.rstd[c] = put<W>(1 / sqrt(variance + q.p.eps));
    if (!q.p.training || !q.running_mean || n == 0) continue;
    q.running_mean[c] = put<W>((1 - r) * get<double>(q.running_mean[c]) + r * m);
    q.running_var[c] = put<W>((1 - r) * get<double>(q.running_var[c]) + r * variance * n / (n - 1));
  }
}

template <class S, class W, int N> __global__ void apply(normed<S, W> q, int64_t packs) {
  typedef computed_t<S> T;
  TC_EACH(k, packs) {
    const int64_t i = k * N;
    const pack<S, N> in = *(const pack<S, N> *)(q.x + i);
    pack<S, N> out;
#pragma unroll
    for (int j = 0; j < N; j++) {
      const int64_t c = (i + j) / q.p.inner % q.p.channels;
      const T scale = get<T>(q.rstd[c]) * (q.weight ? get<T>(q.weight[c]) : T(1));
      out.v[j] = put<S>((get<T>(in.v[j]) - get<T>(q.mean[c])) * scale + (q.bias ? get<T>(q.bias[c]) : T(0)));
    }
    *(pack<S, N> *)(q.y + i) = out;
  }
}

template <class S, class W> int forward(const normed<S, W> &q, int64_t numel) {
  const shape s = shape_of(&q.p);
  tc_workspace parts((size_t)(2 * s.chunks * s.channels) * sizeof(double));
  if (!parts.data) return TC_NO_MEMORY;
  if (q.p.training && numel) TC_TRY(run_sums(s, spread<S>{q.x, s.inner}, parts.as<double>()));
  if (s.channels) TC_TRY(tc_run(settle<S, W>, tc_blocks(s.channels, 128), 128, 0, q, s, (const double *)parts.data));
  if (numel == 0) return TC_OK;
  constexpr int N = sizeof(S) == 8 ? 2 : 4;
  if (numel % N == 0 && aligned(q.x) && aligned(q.y)) return tc_run(apply<S, W, N>, tc_blocks(numel / N, 256, 64), 256, 0, q, numel / N);
  return tc_run(apply<S, W, 1>, tc_blocks(numel, 256, 64), 256, 0, q, numel);
}

/* even = sum(g), along = sum(g (x - mean)) */
template <class S, class W> struct gradient_sums {
  normed<S, W> q;
  const S *g;
  __device__ void add(int64_t i, int64_t c, double &a, double &b) const {
    const double u = get<double>(g[i]);
    a += u, b += u * (get<double>(q.x[i]) - get<double>(q.mean[c]));
  }
};
template <class S, class W> __global__ void join_gradients(normed<S, W> q, shape s, const double *parts, double *sums, W *dw, W *db) {
  TC_EACH(c, s.channels) {
    const double even = joined(parts, s, 0, c), along = joined(parts, s, 1, c) * get<double>(q.rstd[c]);
    sums[c] = even, sums[s.channels + c] = along;
    if (dw) dw[c] = put<W>(along);
    if (db) db[c] = put<W>(even);
  }
}
/* dx = w rstd (g - even / n - xhat along / n); with running statistics just w rstd g. */
template <class S, class W> __global__ void slopes(normed<S, W> q, int64_t numel, S *dx, const S *g, const double *sums) {
  typedef computed_t<S> T;
  TC_EACH(i, numel) {
    const int64_t c = i / q.p.inner % q.p.channels;
    const double n = (double)q.p.batch * (double)q.p.inner;
    const T s = get<T>(q.rstd[c]), scale = s * (q.weight ? get<T>(q.weight[c]) : T(1));
    const T a = q.p.training ? (T)(s * sums[q.p.channels + c] / n) : T(0), e = q.p.training ? (T)(sums[c] / n) : T(0);
    dx[i] = put<S>(scale * (get<T>(g[i]) - e - (get<T>(q.x[i]) - get<T>(q.mean[c])) * a));
  }
}

template <class S, class W> int backward(const normed<S, W> &q, int64_t numel, S *dx, W *dw, W *db, const S *g) {
  const shape s = shape_of(&q.p);
  tc_workspace parts((size_t)(2 * (s.chunks + 1) * s.channels) * sizeof(double));
  if (!parts.data) return TC_NO_MEMORY;
  double *sums = parts.as<double>(), *each = sums + 2 * s.channels;
  if (s.channels == 0) return TC_OK;
  if (numel) TC_TRY(run_sums(s, gradient_sums<S, W>{q, g}, each));
  TC_TRY(tc_run(join_gradients<S, W>, tc_blocks(s.channels, 128), 128, 0, q, numel ? s : shape{s.batch, s.channels, s.inner, s.per, 0}, (const double *)each, sums, dw, db));
  if (!dx || numel == 0) return TC_OK;
  return tc_run(slopes<S, W>, tc_blocks(numel, 256, 64), 256, 0, q, numel, dx, g, (const double *)sums);
}

template <class W> W *data(const tc_view *v) { return v ? (W *)v->data : nullptr; }
} // namespace

/* Statistics and parameters have the dtype of x, or float32 where x is of a half type. */
#define TC_NORM_TYPES(x, w, ...) do { \
  if ((w)->dtype == TC_FLOAT32 && ((x)->dtype == TC_FLOAT16 || (x)->dtype == TC_BFLOAT16)) { \
    typedef float W; if ((x)->dtype == TC_FLOAT16) { typedef half_t S; __VA_ARGS__ } else { typedef bfloat_t S; __VA_ARGS__ } \
  } else TC_WIDE_FLOATS((x)->dtype, { typedef S W; __VA_ARGS__ }); } while (0)

extern "C" int TC_KERNEL(batch_norm)(const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *running_mean,
                                     const tc_view *running_var, const tc_view *x, const tc_view *weight, const tc_view *bias, const tc_norm_channels *p) {
  TC_NORM_TYPES(x, mean, {
    const normed<S, W> q = {data<const S>(x), data<S>(y), data<W>(mean), data<W>(rstd), data<W>(running_mean), data<W>(running_var), data<const W>(weight),
                          data<const W>(bias), *p};
    return forward(q, x->numel);
  });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(batch_norm_backward)(const tc_view *dx, const tc_view *dw, const tc_view *db, const tc_view *g, const tc_view *mean,
                                              const tc_view *rstd, const tc_view *x, const tc_view *weight, const tc_norm_channels *p) {
  TC_NORM_TYPES(x, mean, {
    const normed<S, W> q = {data<const S>(x), nullptr, data<W>(mean), data<W>(rstd), nullptr, nullptr, data<const W>(weight), nullptr, *p};
    return backward(q, x->numel, data<S>(dx), data<W>(dw), data<W>(db), data<const S>(g));
  });
  return TC_MISSING;
}
