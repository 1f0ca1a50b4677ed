/* fold.cuh: folding a strided tensor over any of its axes, for reduce.cu, arg_reduce.cu and moments.cu. Every output is folded by a fixed
   number of threads, each over a fixed part of the elements, and their results are joined in a fixed tree: all follow from shapes and
   strides alone, never from the device, so that results are the same everywhere. */
#pragma once
#include "map.cuh"

namespace tc {
/* What a kernel sees of a reduction. Threads are (x, y): tx outputs side by side, ty threads for each. Where a kept axis is the dense one
   x runs fastest, so that neighbours read neighbours, else y does. Long reductions of few outputs are cut in chunks, joined by a second kernel. */
struct fold_plan {
  map<2> keep;                  /* offsets in `in` and in `out` */
  map<1> fold;
  int64_t kept, reduced, chunk, chunks, tiles;
  int tx, ty;
  bool columns;
  int in_dtype, out_dtype;
  const char *in;
  char *out;
  void *parts;                  /* [chunks][kept] accumulators, if there are several chunks */
};

/* F: A, the accumulator; start(); take(&a, x, i), element x at position i; take4 for four; join(a, b), b after a; finish(plan, a, offset). */
template <class F> __device__ void fold_tree(const fold_plan &p, const F &f, typename F::A acc, int x, int y, int64_t k, int64_t chunk, bool last) {
  typedef typename F::A A;
  TC_DYN_SHARED(A, room);
  A *mine = room + x * p.ty;
  mine[y] = acc;
  __syncthreads();
  for (int step = p.ty / 2; step; step /= 2) {
    if (y < step) mine[y] = f.join(mine[y], mine[y + step]);
    __syncthreads();
  }
  if (y || k >= p.kept) return;
  int64_t at[2];
  p.keep.find(k, at);
  if (last) f.finish(p, mine[0], at[1]);
  else ((A *)p.parts)[chunk * p.kept + k] = mine[0];
}

template <class F, class T> __global__ void fold_any(fold_plan p, F f) {
  const int t = threadIdx.x, x = p.columns ? t % p.tx : t / p.ty, y = p.columns ? t / p.tx : t % p.ty;
  const int64_t chunk = blockIdx.x / p.tiles, k = blockIdx.x % p.tiles * p.tx + x;
  const int64_t from = chunk * p.chunk, to = from + p.chunk < p.reduced ? from + p.chunk : p.reduced;
  typename F::A acc = f.start();
  if (k < p.kept) {
    int64_t base[2], at[1], i = from + y;
    p.keep.find(k, base);
    for (; i + 3 * p.ty < to; i += 4 * p.ty) {
      T v[4];
#pragma unroll
      for (int j = 0; j < 4; j++) {
        p.fold.find(i + j * p.ty, at);
        v[j] = load<T>(p.in, p.in_dtype, base[0] + at[0]);
      }
      f.take4(acc, v, i, p.ty);
    }
    for (; i < to; i += p.ty) {
      p.fold.find(i, at);
      f.take(acc, load<T>(p.in, p.in_dtype, base[0] + at[0]), i);
    }
  }
  fold_tree(p, f, acc, x, y, k, chunk, p.chunks == 1);
}

/* Rows of dense elements of type S, in packs of N: positions count packs here. For folds that do not ask for positions. */
template <class F, class S> __global__ void fold_packs(fold_plan p, F f) {
  constexpr int N = pack_size<S>();
  typedef computed_t<S> T;
  const int t = threadIdx.x, x = t / p.ty, y = t % p.ty;
  const int64_t chunk = blockIdx.x / p.tiles, k = blockIdx.x % p.tiles * p.tx + x;
  const int64_t from = chunk * p.chunk, to = from + p.chunk < p.reduced ? from + p.chunk : p.reduced;
  typename F::A acc = f.start();
  if (k < p.kept) {
    int64_t base[2];
    p.keep.find(k, base);
    const S *row = (const S *)p.in + base[0];
    for (int64_t i = from + y * N; i < to; i += p.ty * N) {
      const pack<S, N> v = *(const pack<S, N> *)(row + i);
#pragma unroll
      for (int j = 0; j < N; j += 4) {
        const T four[4] = {get<T>(v.v[j]), get<T>(v.v[j + 1]), get<T>(v.v[j + 2]), get<T>(v.v[j + 3])};
        f.take4(acc, four, i + j, 1);
      }
    }
  }
  fold_tree(p, f, acc, x, y, k, chunk, p.chunks == 1);
}

/* The chunks of each output, in order; the plan's tx and ty are this kernel's own. */
template <class F> __global__ void fold_join(fold_plan p, F f) {
  const int x = threadIdx.x % p.tx, y = threadIdx.x / p.tx;
  const int64_t k = blockIdx.x * (int64_t)p.tx + x;
  typename F::A acc = f.start();
  const int64_t each = (p.chunks + p.ty - 1) / p.ty;
  if (k < p.kept)
    for (int64_t c = y * each; c < (y + 1) * each && c < p.chunks; c++) acc = f.join(acc, ((const typename F::A *)p.parts)[c * p.kept + k]);
  __syncthreads();
  fold_tree(p, f, acc, x, y, k, 0, true);
}

/* ---- the host's side ---- */
enum { FOLD_THREADS = 256, FOLD_BLOCKS = 1024 };

inline int power_at_most(int64_t n, int most) {
  int p = 1;
  while (p < most && p * 2 <= n) p *= 2;
  return p;
}

struct folding {
  fold_plan p;
  mapping<2> keep;
  mapping<1> fold;
  bool packs;

  /* n: elements that a thread takes at a time */
  void cut(const tc_reduction *r, int n) {
    const int64_t dense_kept = r->nkept ? r->keep[r->nkept - 1].in : 0, dense_fold = r->nreduced ? r->fold[r->nreduced - 1].in : 0;
    const int64_t a = dense_kept < 0 ? -dense_kept : dense_kept, b = dense_fold < 0 ? -dense_fold : dense_fold;
    p.columns = p.kept > 1 && a != 0 && (b == 0 || a < b) && !packs;
    if (p.columns) p.tx = power_at_most(2 * p.kept - 1, 32), p.ty = FOLD_THREADS / p.tx;
    else p.ty = power_at_most(p.reduced / (4 * n) + 1, FOLD_THREADS), p.tx = FOLD_THREADS / p.ty;
    if (p.columns) while (p.ty > 1 && p.ty * 2 > p.reduced) p.ty /= 2;
    p.tiles = (p.kept + p.tx - 1) / p.tx;
    const int64_t grain = (int64_t)p.ty * n * 16, wanted = (FOLD_BLOCKS + p.tiles - 1) / p.tiles, most = (p.reduced + grain - 1) / grain;
    p.chunks = wanted < most ? wanted : most;
    if (p.chunks < 1) p.chunks = 1;
    p.chunk = ((p.reduced + p.chunks - 1) / p.chunks + p.ty * n - 1) / (p.ty * n) * (p.ty * n);
    if (p.chunk < 1) p.chunk = 1;
    p.chunks = p.reduced > p.chunk ? (p.reduced + p.chunk - 1) / p.chunk : 1;
  }

  bool packable(const tc_reduction *r, int n, int bytes) const {
    if (r->nreduced != 1 || r->fold[0].in != 1 || r->reduced % n || r->reduced < 4 * n || !aligned(r->in)) return false;
    for (int d = 0; d < r->nkept; d++)
      if (r->keep[d].in % n && r->keep[d].size > 1) return false;
    return bytes * n == 16;
  }

  int begin(const tc_reduction *r, bool may_pack) {
    const int bytes = dtype_bytes(r->in_dtype), n = 16 / bytes;
    const bool hot = r->in_dtype == TC_FLOAT32 || r->in_dtype == TC_FLOAT16 || r->in_dtype == TC_BFLOAT16;
    p.in = r->in, p.out = r->out, p.in_dtype = r->in_dtype, p.out_dtype = r->out_dtype;
    p.kept = r->kept, p.reduced = r->reduced, p.parts = nullptr;
    packs = may_pack && hot && r->compute == TC_FLOAT32 && packable(r, n, bytes);
    for (int d = r->nkept - 1; d >= 0; d--) {
      const int64_t s[2] = {r->keep[d].in, r->keep[d].out};
      keep.add(r->keep[d].size, s);
    }
    for (int d = r->nreduced - 1; d >= 0; d--) fold.add(r->fold[d].size, &r->fold[d].in);
    TC_TRY(keep.finish());
    TC_TRY(fold.finish());
    p.keep = keep.m, p.fold = fold.m;
    cut(r, packs ? n : 1);
    return TC_OK;
  }

  template <class F> int finish(const F &f) {
    if (p.chunks == 1) return TC_OK;
    p.columns = true;
    p.tx = 8, p.ty = 32;
    return tc_run(fold_join<F>, (p.kept + p.tx - 1) / p.tx, FOLD_THREADS, FOLD_THREADS * sizeof(typename F::A), p, f);
  }

  template <class F, class T, bool PACKS> int run(const F &f) {
    typedef typename F::A A;
    tc_workspace parts(p.chunks > 1 ? (size_t)(p.chunks * p.kept) * sizeof(A) : 1);
    if (!parts.data) return TC_NO_MEMORY;
    p.parts = parts.data;
    const int64_t blocks = p.chunks * p.tiles, threads = (int64_t)p.tx * p.ty, shared = threads * (int64_t)sizeof(A);
    if constexpr (PACKS) {
      if (packs && p.in_dtype == TC_FLOAT32) TC_TRY(tc_run(fold_packs<F, float>, blocks, threads, shared, p, f));
      else if (packs && p.in_dtype == TC_FLOAT16) TC_TRY(tc_run(fold_packs<F, half_t>, blocks, threads, shared, p, f));
      else if (packs) TC_TRY(tc_run(fold_packs<F, bfloat_t>, blocks, threads, shared, p, f));
      else TC_TRY(tc_run(fold_any<F, T>, blocks, threads, shared, p, f));
    } else TC_TRY(tc_run(fold_any<F, T>, blocks, threads, shared, p, f));
    return finish(f);
  }
};
} // namespace tc
