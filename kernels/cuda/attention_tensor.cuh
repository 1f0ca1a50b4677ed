/* attention_tensor.cuh: attention of 16-bit types on tensor cores. A block of four warps holds 64 rows, 16 to a warp, and lets tiles of N columns pass. */
#pragma once
#include "attention.cuh"
#include "mma.cuh"

namespace tc {
enum { ROWS = 64, THREADS_16 = 128 };

/* `rows` rows of one head from `first` into a tile of width D + 8; beyond `limit` and beyond its channels come zeros. 16 bytes at once where the rows
   allow it. */
template <class S, int D> __device__ inline void load_tile(S *tile, const S *from, int64_t step, int64_t first, int rows, int64_t limit, int width) {
  const bool packs = ((uintptr_t)from & 15) == 0 && step % 8 == 0 && width % 8 == 0;
  for (int i = (int)threadIdx.x; i < rows * (D / 8); i += THREADS_16) {
    const int row = i / (D / 8), column = i % (D / 8) * 8;
    S *to = tile + row * (D + 8) + column;
    const int64_t at = first + row;
    if (packs) copy_16(to, at < limit && column < width ? from + at * step + column : from, at < limit && column < width);
    else
      for (int e = 0; e < 8; e++) to[e] = at < limit && column + e < width ? from[at * step + column + e] : put<S>(0.0f);
  }
}

/* 16 x D sums of a warp to rows from `first` of a head, times a factor for each of a lane's two rows. */
template <class S, int D> __device__ inline void store_rows(S *to, int64_t step, int64_t first, int64_t limit, int width, const float (&acc)[D / 8][4],
                                                            float low, float high) {
  const int lane = (int)threadIdx.x % 32;
  const bool pairs = ((uintptr_t)to & 3) == 0 && step % 2 == 0 && width % 2 == 0;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int64_t row = first + lane / 4 + 8 * half;
    const float factor = half ? high : low;
    if (row >= limit) continue;
#pragma unroll
    for (int d = 0; d < D / 8; d++) {
      const int column = d * 8 + lane % 4 * 2;
      const float x = acc[d][2 * half] * factor, y = acc[d][2 * half + 1] * factor;
      S *at = to + row * step + column;
      if (column + 1 < width && pairs) *(uint32_t *)at = two<S>(x, y);
      else {
        if (column < width) at[0] = put<S>(x);
        if (column + 1 < width) at[1] = put<S>(y);
      }
    }
  }
}

/* the extreme or sum over the four lanes that hold a row */
template <class Op> __device__ inline float quad_fold(float v, Op op) {
  v = op(v, __shfl_xor_sync(0xffffffffu, v, 1));
  return op(v, __shfl_xor_sync(0xffffffffu, v, 2));
}

/* Scores of a warp's rows with a tile, and the running softmax brought up to date: s becomes the weights. */
template <class S, int D, int N> __device__ inline void take_up(float (&s)[N / 8][4], float (&acc)[D / 8][4], running (&row)[2], const scorer<S> &score,
                                                                int64_t query, int64_t key) {
  const int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float most = -INFINITY, sum = 0;
#pragma unroll
    for (int n = 0; n < N / 8; n++)
#pragma unroll
      for (int e = 0; e < 2; e++) {
        float &x = s[n][2 * half + e];
        x = score(x, query + lane / 4 + 8 * half, key + n * 8 + lane % 4 * 2 + e);
        most = x > most ? x : most;
      }
    const float factor = row[half].raise(quad_fold(most, larger()));
#pragma unroll
    for (int n = 0; n < N / 8; n++)
#pragma unroll
      for (int e = 0; e < 2; e++) sum += s[n][2 * half + e] = row[half].weight(s[n][2 * half + e]);
    row[half].sum = row[half].sum * factor + sum;
#pragma unroll
    for (int d = 0; d < D / 8; d++) {
      acc[d][2 * half] *= factor;
      acc[d][2 * half + 1] *= factor;
    }
  }
}

template <class S, int D, int N> __global__ void __launch_bounds__(THREADS_16) attention_rows(tc_attention p, int64_t tiles) {
  TC_DYN_SHARED(S, qs);
  constexpr int W = D + 8;
  S *ks = qs + ROWS * W, *vs = ks + N * W;
  const int64_t pair = blockIdx.x / tiles, batch = pair / p.heads, head = pair % p.heads, shared_head = head / (p.heads / p.key_heads);
  const int64_t first = (tiles - 1 - blockIdx.x % tiles) * ROWS, last = keys_for(p, first + ROWS); /* under causal the long rows begin first */
  const S *k = head_of<S>(p.k, batch, shared_head), *v = head_of<S>(p.v, batch, shared_head);
  const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  const scorer<S> score(p, batch, head);
  float acc[D / 8][4] = {};
  running row[2] = {{-INFINITY, 0}, {-INFINITY, 0}};
  load_tile<S, D>(qs, head_of<S>(p.q, batch, head), p.q.step[2], first, ROWS, p.queries, p.dim);
  load_tile<S, D>(ks, k, p.k.step[2], 0, N, p.keys, p.dim);
  copies_end();
  for (int64_t key = 0; key < last; key += N) {
    copies_done<0>();
    __syncthreads();
    load_tile<S, D>(vs, v, p.v.step[2], key, N, p.keys, p.value_dim); /* on its way while the scores are computed */
    copies_end();
    float s[N / 8][4] = {};
#pragma unroll
    for (int d = 0; d < D; d += 16) {
      uint32_t a[4];
      load_left<W>(a, qs, warp * 16, d);
      times_rows<S, W, N>(s, a, ks, d);
    }
    take_up<S, D, N>(s, acc, row, score, first + warp * 16, key);
    copies_done<0>();
    __syncthreads();
    if (key + N < last) load_tile<S, D>(ks, k, p.k.step[2], key + N, N, p.keys, p.dim);
    copies_end();
    times_tile<S, W, N, D>(acc, s, vs);
  }
  copies_done<0>();
#pragma unroll
  for (int half = 0; half < 2; half++) row[half].sum = quad_fold(row[half].sum, plus());
  store_rows<S, D>(head_of<S>(p.out, batch, head), p.out.step[2], first + warp * 16, p.queries, p.value_dim, acc,
                   row[0].sum > 0 ? 1 / row[0].sum : 0, row[1].sum > 0 ? 1 / row[1].sum : 0);
  for (int half = 0; half < 2; half++) {
    const int64_t query = first + warp * 16 + lane / 4 + 8 * half;
    if (lane % 4 == 0 && query < p.queries) p.sums[(batch * p.heads + head) * p.queries + query] = row[half].log_sum();
  }
}

/* ---- gradients. Rows are queries, and tiles of keys pass, or the other way round (KEYS): with a, b the rows of q, dout or k, v, and A, B the tiles of
   the others, weights P = exp(a A' - sums) and dS = P (b B' - delta); dS A goes to the rows of dq or dk, P B to those of dv. */
template <class S, int D> struct sides {
  const S *a, *b, *A, *B;
  int64_t a_step, b_step, A_step, B_step;
  int a_width, b_width;
};
template <class S, int D, bool KEYS> __device__ inline sides<S, D> sides_of(const tc_attention &p, int64_t batch, int64_t head) {
  const int64_t shared_head = head / (p.heads / p.key_heads);
  const S *q = head_of<S>(p.q, batch, head), *g = head_of<S>(p.dout, batch, head), *k = head_of<S>(p.k, batch, shared_head),
          *v = head_of<S>(p.v, batch, shared_head);
  if (KEYS) return {k, v, q, g, p.k.step[2], p.v.step[2], p.q.step[2], p.dout.step[2], p.dim, p.value_dim};
  return {q, g, k, v, p.q.step[2], p.dout.step[2], p.k.step[2], p.v.step[2], p.dim, p.value_dim};
}

/* s becomes P and dp becomes dS. `line` holds the sums and delta of the queries: N of each of the tile's, or 64 of each of the rows'. */
template <class S, int N, bool KEYS> __device__ inline void slopes(float (&s)[N / 8][4], float (&dp)[N / 8][4], const scorer<S> &score, const float *line,
                                                                   int row, int64_t first, int64_t column) {
  const int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < N / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      const int r = row + lane / 4 + e / 2 * 8, c = n * 8 + lane % 4 * 2 + e % 2, at = KEYS ? c : r;
      const float x = KEYS ? score(s[n][e], column + c, first + r) : score(s[n][e], first + r, column + c);
      s[n][e] = x == -INFINITY ? 0.0f : exp2f(x - 1.44269504f * line[at]);
      dp[n][e] = s[n][e] * (dp[n][e] - line[(KEYS ? N : ROWS) + at]);
    }
}

__device__ inline void load_line(float *line, const tc_attention &p, int64_t pair, int64_t first, int count) {
  for (int i = (int)threadIdx.x; i < count; i += THREADS_16) {
    const bool there = first + i < p.queries;
    line[i] = there ? p.sums[pair * p.queries + first + i] : 0;
    line[count + i] = there ? p.delta[pair * p.queries + first + i] : 0;
  }
}

/* PART: 1 the sums dS A, 2 the sums P B; both at once where the registers suffice. */
template <class S, int D, int N, bool KEYS, int PART> __global__ void __launch_bounds__(THREADS_16) attention_slopes(tc_attention p, int64_t tiles) {
  TC_DYN_SHARED(S, as);
  constexpr int W = D + 8;
  S *bs = as + ROWS * W, *As = bs + ROWS * W, *Bs = As + N * W;
  float *line = (float *)(Bs + N * W);
  const int64_t heads = KEYS ? p.key_heads : p.heads, group = KEYS ? p.heads / p.key_heads : 1, limit = KEYS ? p.keys : p.queries;
  const int64_t pair = blockIdx.x / tiles, batch = pair / heads, own = pair % heads;
  const int64_t tile = blockIdx.x % tiles, first = (KEYS ? tile : tiles - 1 - tile) * ROWS;
  const int warp = (int)threadIdx.x / 32, row = warp * 16;
  float x[PART & 1 ? D / 8 : 1][4] = {}, y[PART & 2 ? D / 8 : 1][4] = {};
  for (int64_t h = own * group; h < (own + 1) * group; h++) {
    const sides<S, D> o = sides_of<S, D, KEYS>(p, batch, h);
    const scorer<S> score(p, batch, h);
    const int64_t from = KEYS && p.causal ? first : 0, to = KEYS ? p.queries : keys_for(p, first + ROWS);
    if (h == own * group) {
      load_tile<S, D>(as, o.a, o.a_step, first, ROWS, limit, o.a_width);
      load_tile<S, D>(bs, o.b, o.b_step, first, ROWS, limit, o.b_width);
      if (!KEYS) load_line(line, p, batch * p.heads + h, first, ROWS);
    }
    for (int64_t column = from; column < to; column += N) {
      __syncthreads();
      load_tile<S, D>(As, o.A, o.A_step, column, N, KEYS ? p.queries : p.keys, o.a_width);
      load_tile<S, D>(Bs, o.B, o.B_step, column, N, KEYS ? p.queries : p.keys, o.b_width);
      copies_end();
      if (KEYS) load_line(line, p, batch * p.heads + h, column, N);
      copies_done<0>();
      __syncthreads();
      float s[N / 8][4] = {}, dp[N / 8][4] = {};
#pragma unroll
      for (int d = 0; d < D; d += 16) {
        uint32_t a[4];
        load_left<W>(a, as, row, d);
        times_rows<S, W, N>(s, a, As, d);
        if (PART & 1) {
          load_left<W>(a, bs, row, d);
          times_rows<S, W, N>(dp, a, Bs, d);
        }
      }
      slopes<S, N, KEYS>(s, dp, score, line, row, first, column);
      if constexpr ((PART & 1) != 0) times_tile<S, W, N, D>(x, dp, As);
      if constexpr ((PART & 2) != 0) times_tile<S, W, N, D>(y, s, Bs);
    }
  }
  copies_done<0>();
  const float scale = (float)p.scale;
  const tc_heads &dx = KEYS ? p.dk : p.dq;
  if constexpr ((PART & 1) != 0) {
    if (dx.data) store_rows<S, D>(head_of<S>(dx, batch, own), dx.step[2], first + row, limit, p.dim, x, scale, scale);
  }
  if constexpr ((PART & 2) != 0) {
    if (p.dv.data) store_rows<S, D>(head_of<S>(p.dv, batch, own), p.dv.step[2], first + row, limit, p.value_dim, y, 1, 1);
  }
}

template <class S, int D, int N, bool KEYS, int PART> int run_slopes(const tc_attention &p) {
  const int64_t tiles = ((KEYS ? p.keys : p.queries) + ROWS - 1) / ROWS;
  const size_t shared = (size_t)(2 * ROWS + 2 * N) * (D + 8) * sizeof(S) + 2 * (KEYS ? N : ROWS) * sizeof(float);
  return tc_run(attention_slopes<S, D, N, KEYS, PART>, tiles * p.batch * (KEYS ? p.key_heads : p.heads), THREADS_16, shared, p, tiles);
}

template <class S> int attention_16(const tc_attention *q, bool backward) {
  const tc_attention &p = *q;
  TC_WIDTHS(p.dim > p.value_dim ? p.dim : p.value_dim, {
    constexpr int N = D <= 64 ? 64 : 32, FEW = D <= 64 ? 64 : D <= 128 ? 32 : 16;
    if (!backward) {
      const int64_t tiles = (p.queries + ROWS - 1) / ROWS;
      return tc_run(attention_rows<S, D, N>, tiles * p.batch * p.heads, THREADS_16, (size_t)(ROWS + 2 * N) * (D + 8) * sizeof(S), p, tiles);
    }
    if (p.dq.data) TC_TRY((run_slopes<S, D, FEW, false, 1>(p)));
    if constexpr (D <= 128) {
      if (p.dk.data || p.dv.data) TC_TRY((run_slopes<S, D, FEW, true, 3>(p)));
    } else {
      if (p.dk.data) TC_TRY((run_slopes<S, D, FEW, true, 1>(p)));
      if (p.dv.data) TC_TRY((run_slopes<S, D, FEW, true, 2>(p)));
    }
    return TC_OK;
  });
}
} // namespace tc
