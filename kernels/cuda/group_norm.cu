/* group_norm.cu: layer_norm, rms_norm and group_norm over (batch, groups, channels, inner), and their gradients. A row is one (batch, group):
   channels * inner adjacent elements with a mean and a variance of their own, and a block's work. */
#include "block.cuh"

namespace {
using namespace tc;

/* W: the type of means, weights and biases: that of x, or float where x is of a half type. */
template <class S, class W> struct normed {
  const S *x;
  S *y;
  W *mean, *rstd;
  const W *weight, *bias;
  tc_norm_groups p;
  int64_t n;                    /* elements of a row */
};

template <class T, class W, class S> __device__ inline T scaled(const normed<S, W> &q, int64_t channel, int64_t j, T xhat) {
  const int64_t c = channel + (q.p.inner == 1 ? j : j / q.p.inner);
  T v = xhat * (q.weight ? get<T>(q.weight[c]) : T(1));
  return q.bias ? v + get<T>(q.bias[c]) : v;
}

/* Rows of at most HELD * threads * N elements are read once, N at a time. */
template <class S, class W, int HELD, int N> __global__ void __launch_bounds__(512) norm_held(normed<S, W> q) {
  typedef computed_t<S> T;
  __shared__ double room[33];
  const int64_t row = blockIdx.x, channel = row % q.p.groups * q.p.channels;
  const S *in = q.x + row * q.n;
  S *out = q.y + row * q.n;
  T v[HELD][N];
  T sum = 0;
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = (threadIdx.x + (int64_t)k * blockDim.x) * N;
    pack<S, N> here = {};
    if (j < q.n) here = *(const pack<S, N> *)(in + j);
#pragma unroll
    for (int i = 0; i < N; i++) v[k][i] = j < q.n ? get<T>(here.v[i]) : T(0), sum += v[k][i];
  }
  const T m = q.p.rms ? T(0) : (T)(block_fold((double)sum, plus(), room) / (double)q.n);
  T squares = 0;
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = (threadIdx.x + (int64_t)k * blockDim.x) * N;
#pragma unroll
    for (int i = 0; i < N; i++) squares += j < q.n ? (v[k][i] - m) * (v[k][i] - m) : T(0);
  }
  const double variance = block_fold((double)squares, plus(), room) / (double)q.n;
  const T s = (T)(1 / sqrt(variance + q.p.eps));
  if (threadIdx.x == 0) q.mean[row] = put<W>(m), q.rstd[row] = put<W>(s);
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = (threadIdx.x + (int64_t)k * blockDim.x) * N;
    if (j >= q.n) continue;
    pack<S, N> here;
#pragma unroll
    for (int i = 0; i < N; i++) here.v[i] = put<S>(scaled<T>(q, channel, j + i, (v[k][i] - m) * s));
    *(pack<S, N> *)(out + j) = here;
  }
}

template <class S, class W> __global__ void __launch_bounds__(1024) norm_long(normed<S, W> q) {
  typedef computed_t<S> T;
  __shared__ double room[33];
  const int64_t row = blockIdx.x, channel = row % q.p.groups * q.p.channels;
  const S *in = q.x + row * q.n;
  double sum = 0, squares = 0;
  if (!q.p.rms)
    for (int64_t j = threadIdx.x; j < q.n; j += blockDim.x) sum += get<T>(in[j]);
  const T m = q.p.rms ? T(0) : (T)(block_fold(sum, plus(), room) / (double)q.n);
  for (int64_t j = threadIdx.x; j < q.n; j += blockDim.x) squares += (get<T>(in[j]) - m) * (get<T>(in[j]) - m);
  const double variance = block_fold(squares, plus(), room) / (double)q.n;
  const T s = (T)(1 / sqrt(variance + q.p.eps));
  if (threadIdx.x == 0) q.mean[row] = put<W>(m), q.rstd[row] = put<W>(s);
  for (int64_t j = threadIdx.x; j < q.n; j += blockDim.x) q.y[row * q.n + j] = put<S>(scaled<T>(q, channel, j, (get<T>(in[j]) - m) * s));
}

template <class S, class W> int forward(const normed<S, W> &q, int64_t rows) {
  constexpr int N = 16 / (int)sizeof(S);
  const bool packs = q.n % N == 0 && aligned(q.x) && aligned(q.y);
  if (packs && q.n <= 128 * N) return tc_run(norm_held<S, W, 4, N>, rows, 32, 0, q);
  if (packs && q.n <= 512 * N) return tc_run(norm_held<S, W, 4, N>, rows, 128, 0, q);
  if (packs && q.n <= 2048 * N) return tc_run(norm_held<S, W, 4, N>, rows, 512, 0, q);
  if (q.n <= 1024) return tc_run(norm_held<S, W, 4, 1>, rows, row_threads(q.n), 0, q);
  return tc_run(norm_long<S, W>, rows, row_threads(q.n, 8), 0, q);
}

/* ---- gradients: dx = rstd (g w - mean(g w) - xhat mean(g w xhat)) ---- */
template <class S, class W> __global__ void __launch_bounds__(1024) norm_slope(normed<S, W> q, S *dx, const S *g) {
  typedef computed_t<S> T;
  __shared__ double room[33];
  const int64_t row = blockIdx.x, channel = row % q.p.groups * q.p.channels, first = row * q.n;
  const T m = get<T>(q.mean[row]), s = get<T>(q.rstd[row]);
  double even = 0, along = 0;
  for (int64_t j = threadIdx.x; j < q.n; j += blockDim.x) {
    const T w = q.weight ? get<T>(q.weight[channel + (q.p.inner == 1 ? j : j / q.p.inner)]) : T(1);
    const T u = get<T>(g[first + j]) * w;
    even += u;
    along += u == 0 ? T(0) : u * ((get<T>(q.x[first + j]) - m) * s);
  }
  along = block_fold(along, plus(), room) / (double)q.n;
  even = q.p.rms ? 0 : block_fold(even, plus(), room) / (double)q.n;
  for (int64_t j = threadIdx.x; j < q.n; j += blockDim.x) {
    const T w = q.weight ? get<T>(q.weight[channel + (q.p.inner == 1 ? j : j / q.p.inner)]) : T(1);
    const T u = get<T>(g[first + j]) * w;
    const bool none = u == 0 && even == 0 && along == 0; /* no gradient comes, though x may not be finite */
    dx[first + j] = put<S>(none ? T(0) : s * (u - (T)even - (get<T>(q.x[first + j]) - m) * s * (T)along));
  }
}

/* The parameters' gradients. parts is (chunks, 2, groups * channels): each chunk of the batch sums apart. For inner 1 a thread takes one
   channel, neighbours read neighbours; else a block takes one (chunk, channel). */
struct cutting { int64_t width, per, chunks; };
template <class S, class W> __global__ void parameters_flat(normed<S, W> q, const S *g, double *parts, cutting c) {
  typedef computed_t<S> T;
  const int64_t at = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, chunk = blockIdx.y;
  if (at >= c.width) return;
  const int64_t group = at / q.p.channels, last = (chunk + 1) * c.per < q.p.batch ? (chunk + 1) * c.per : q.p.batch;
  double dw = 0, db = 0;
  for (int64_t b = chunk * c.per; b < last; b++) {
    const int64_t row = b * q.p.groups + group, i = b * c.width + at;
    const T u = get<T>(g[i]);
    dw += u == 0 ? T(0) : u * ((get<T>(q.x[i]) - get<T>(q.mean[row])) * get<T>(q.rstd[row]));
    db += u;
  }
  parts[chunk * 2 * c.width + at] = dw;
  parts[(chunk * 2 + 1) * c.width + at] = db;
}
template <class S, class W> __global__ void __launch_bounds__(1024) parameters_planes(normed<S, W> q, const S *g, double *parts, cutting c) {
  typedef computed_t<S> T;
  __shared__ double room[33];
  const int64_t at = blockIdx.x, chunk = blockIdx.y, group = at / q.p.channels;
  const int64_t last = (chunk + 1) * c.per < q.p.batch ? (chunk + 1) * c.per : q.p.batch;
  double dw = 0, db = 0;
  for (int64_t b = chunk * c.per; b < last; b++) {
    const int64_t row = b * q.p.groups + group, first = (b * c.width + at) * q.p.inner;
    const T m = get<T>(q.mean[row]), s = get<T>(q.rstd[row]);
    for (int64_t j = threadIdx.x; j < q.p.inner; j += blockDim.x) {
      const T u = get<T>(g[first + j]);
      dw += u == 0 ? T(0) : u * ((get<T>(q.x[first + j]) - m) * s);
      db += u;
    }
  }
  dw = block_fold(dw, plus(), room);
  db = block_fold(db, plus(), room);
  if (threadIdx.x == 0) parts[chunk * 2 * c.width + at] = dw, parts[(chunk * 2 + 1) * c.width + at] = db;
}
template <class W> __global__ void join_parameters(W *dw, W *db, const double *parts, cutting c) {
  TC_EACH(at, c.width) {
    double w = 0, b = 0;
    for (int64_t k = 0; k < c.chunks; k++) w += parts[k * 2 * c.width + at], b += parts[(k * 2 + 1) * c.width + at];
    if (dw) dw[at] = put<W>(w);
    if (db) db[at] = put<W>(b);
  }
}

template <class S, class W> int parameters(const normed<S, W> &q, const S *g, W *dw, W *db) {
  cutting c;
  c.width = q.p.groups * q.p.channels;
  const int64_t across = q.p.inner == 1 ? (c.width + 127) / 128 : c.width, wanted = (1024 + across - 1) / across;
  c.per = (q.p.batch + wanted - 1) / wanted;
  if (c.per < 8) c.per = 8;
  c.chunks = (q.p.batch + c.per - 1) / c.per;
  tc_workspace parts((size_t)(2 * c.chunks * c.width) * sizeof(double));
  if (!parts.data) return TC_NO_MEMORY;
  double *to = parts.as<double>();
  if (c.chunks && q.p.inner == 1)
    TC_TRY(tc_launch(parameters_flat<S, W>, dim3((unsigned)across, (unsigned)c.chunks), dim3(128), 0, tc_cuda_stream(), q, g, to, c));
  else if (c.chunks)
    TC_TRY(tc_launch(parameters_planes<S, W>, dim3((unsigned)across, (unsigned)c.chunks), dim3((unsigned)row_threads(q.p.inner)), 0, tc_cuda_stream(), q, g, to, c));
  return tc_run(join_parameters<W>, tc_blocks(c.width, 128), 128, 0, dw, db, (const double *)to, c);
}

template <class W> W *data(const tc_view *v) { return v ? (W *)v->data : nullptr; }

template <class S, class W> normed<S, W> norm_of(const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *x, const tc_view *weight,
                                               const tc_view *bias, const tc_norm_groups *p) {
  return {data<const S>(x), data<S>(y), data<W>(mean), data<W>(rstd), data<const W>(weight), data<const W>(bias), *p, p->channels * p->inner};
}
} // namespace

/* Statistics and parameters have the dtype of x, or float32 where x is of a half type. */
#define TC_NORM_TYPES(x, w, ...) do { \
  if ((w)->dtype == TC_FLOAT32 && ((x)->dtype == TC_FLOAT16 || (x)->dtype == TC_BFLOAT16)) { \
    typedef float W; if ((x)->dtype == TC_FLOAT16) { typedef half_t S; __VA_ARGS__ } else { typedef bfloat_t S; __VA_ARGS__ } \
  } else TC_WIDE_FLOATS((x)->dtype, { typedef S W; __VA_ARGS__ }); } while (0)

extern "C" int TC_KERNEL(group_norm)(const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *x, const tc_view *weight,
                                     const tc_view *bias, const tc_norm_groups *p) {
  const int64_t rows = p->batch * p->groups;
  if (rows == 0) return TC_OK;
  TC_NORM_TYPES(x, mean, { return forward(norm_of<S, W>(y, mean, rstd, x, weight, bias, p), rows); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(group_norm_backward)(const tc_view *dx, const tc_view *dw, const tc_view *db, const tc_view *g, const tc_view *mean,
                                              const tc_view *rstd, const tc_view *x, const tc_view *weight, const tc_norm_groups *p) {
  const int64_t rows = p->batch * p->groups;
  TC_NORM_TYPES(x, mean, {
    normed<S, W> q = norm_of<S, W>(nullptr, mean, rstd, x, weight, nullptr, p);
    if (dx && rows && q.n) TC_TRY(tc_run(norm_slope<S, W>, rows, row_threads(q.n), 0, q, data<S>(dx), data<const S>(g)));
    return (dw || db) && p->groups * p->channels > 0 ? parameters<S, W>(q, data<const S>(g), data<W>(dw), data<W>(db)) : TC_OK;
  });
  return TC_MISSING;
}
