/* attention_wide.cu: attention of float, without tensor cores: a block of four warps holds 16 rows, four to a warp; a lane has one column of the passing
   tile when it computes scores, and every 32nd channel when it sums. */
#include "attention.cuh"

namespace {
using namespace tc;
enum { EACH = 4, WARPS = 4, ROWS_32 = EACH * WARPS, TILE = 32, THREADS_32 = 32 * WARPS };

/* Rows of one head from `first` into shared memory, STEP floats to a row; zeros beyond the limit and the head's channels. */
template <int D, int STEP> __device__ void load_rows(float *to, const float *from, int64_t step, int64_t first, int rows, int64_t limit, int width) {
  for (int i = (int)threadIdx.x; i < rows * D; i += THREADS_32) {
    const int row = i / D, column = i % D;
    to[row * STEP + column] = first + row < limit && column < width ? from[(first + row) * step + column] : 0.0f;
  }
}

/* products of a warp's rows with the lane's column of the tile */
template <int D> __device__ inline void products(float (&s)[EACH], const float *rows, const float *column) {
#pragma unroll 8
  for (int d = 0; d < D; d++) {
    const float c = column[d];
#pragma unroll
    for (int r = 0; r < EACH; r++) s[r] += rows[r * D + d] * c;
  }
}

/* acc[r] += sum over the tile's columns of their weight in row r times their channels; w is the lane's column's */
template <int D> __device__ inline void add_tile(float (&acc)[EACH][D / 32], const float (&w)[EACH], const float *tile) {
  const int lane = (int)threadIdx.x % 32;
  for (int j = 0; j < TILE; j++) {
    float weight[EACH];
#pragma unroll
    for (int r = 0; r < EACH; r++) weight[r] = __shfl_sync(0xffffffffu, w[r], j);
#pragma unroll
    for (int d = 0; d < D / 32; d++) {
      const float x = tile[j * (D + 1) + d * 32 + lane];
#pragma unroll
      for (int r = 0; r < EACH; r++) acc[r][d] += weight[r] * x;
    }
  }
}

template <int D> __device__ inline void store_row(float *to, const float (&acc)[D / 32], int width, float factor) {
  const int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int d = 0; d < D / 32; d++)
    if (d * 32 + lane < width) to[d * 32 + lane] = acc[d] * factor;
}

template <int D> __global__ void __launch_bounds__(THREADS_32) rows_wide(tc_attention p, int64_t tiles) {
  TC_DYN_SHARED(float, qs);
  float *ks = qs + ROWS_32 * D, *vs = ks + TILE * (D + 1);
  const int64_t pair = blockIdx.x / tiles, batch = pair / p.heads, head = pair % p.heads, shared_head = head / (p.heads / p.key_heads);
  const int64_t first = (tiles - 1 - blockIdx.x % tiles) * ROWS_32, last = keys_for(p, first + ROWS_32);
  const float *k = head_of<float>(p.k, batch, shared_head), *v = head_of<float>(p.v, batch, shared_head);
  const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  const scorer<float> score(p, batch, head);
  float acc[EACH][D / 32] = {};
  running row[EACH];
  for (int r = 0; r < EACH; r++) row[r] = {-INFINITY, 0};
  load_rows<D, D>(qs, head_of<float>(p.q, batch, head), p.q.step[2], first, ROWS_32, p.queries, p.dim);
  for (int64_t key = 0; key < last; key += TILE) {
    __syncthreads();
    load_rows<D, D + 1>(ks, k, p.k.step[2], key, TILE, p.keys, p.dim);
    load_rows<D, D + 1>(vs, v, p.v.step[2], key, TILE, p.keys, p.value_dim);
    __syncthreads();
    float s[EACH] = {};
    products<D>(s, qs + warp * EACH * D, ks + lane * (D + 1));
#pragma unroll
    for (int r = 0; r < EACH; r++) {
      const float x = score(s[r], first + warp * EACH + r, key + lane), factor = row[r].raise(warp_fold(x, larger()));
      s[r] = row[r].weight(x);
      row[r].sum = row[r].sum * factor + s[r];
#pragma unroll
      for (int d = 0; d < D / 32; d++) acc[r][d] *= factor;
    }
    add_tile<D>(acc, s, vs);
  }
#pragma unroll
  for (int r = 0; r < EACH; r++) {
    const int64_t query = first + warp * EACH + r;
    row[r].sum = warp_fold(row[r].sum, tc::plus());
    if (query >= p.queries) continue;
    store_row<D>(head_of<float>(p.out, batch, head) + query * p.out.step[2], acc[r], p.value_dim, row[r].sum > 0 ? 1 / row[r].sum : 0);
    if (lane == 0) p.sums[pair * p.queries + query] = row[r].log_sum();
  }
}

/* Gradients: see attention_tensor.cuh. The tile of b's side has the width of the values. */
template <int D, bool KEYS> __global__ void __launch_bounds__(THREADS_32) slopes_wide(tc_attention p, int64_t tiles) {
  TC_DYN_SHARED(float, as);
  float *bs = as + ROWS_32 * D, *As = bs + ROWS_32 * D, *Bs = As + TILE * (D + 1);
  const int64_t heads = KEYS ? p.key_heads : p.heads, group = p.heads / p.key_heads, limit = KEYS ? p.keys : p.queries, other = KEYS ? p.queries : p.keys;
  const int64_t pair = blockIdx.x / tiles, batch = pair / heads, own = pair % heads, tile = blockIdx.x % tiles;
  const int64_t first = (KEYS ? tile : tiles - 1 - tile) * ROWS_32;
  const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  const int64_t mine = first + warp * EACH;
  float x[EACH][D / 32] = {}, y[EACH][D / 32] = {};
  for (int64_t h = KEYS ? own * group : own; h < (KEYS ? (own + 1) * group : own + 1); h++) {
    const int64_t shared_head = h / group, line = (batch * p.heads + h) * p.queries;
    const float *q = head_of<float>(p.q, batch, h), *g = head_of<float>(p.dout, batch, h), *k = head_of<float>(p.k, batch, shared_head),
                *v = head_of<float>(p.v, batch, shared_head);
    const scorer<float> score(p, batch, h);
    const int64_t from = KEYS && p.causal ? first / TILE * TILE : 0, to = KEYS ? p.queries : keys_for(p, first + ROWS_32);
    if (KEYS ? h == own * group : true) {
      load_rows<D, D>(as, KEYS ? k : q, KEYS ? p.k.step[2] : p.q.step[2], first, ROWS_32, limit, p.dim);
      load_rows<D, D>(bs, KEYS ? v : g, KEYS ? p.v.step[2] : p.dout.step[2], first, ROWS_32, limit, p.value_dim);
    }
    for (int64_t column = from; column < to; column += TILE) {
      __syncthreads();
      load_rows<D, D + 1>(As, KEYS ? q : k, KEYS ? p.q.step[2] : p.k.step[2], column, TILE, other, p.dim);
      load_rows<D, D + 1>(Bs, KEYS ? g : v, KEYS ? p.dout.step[2] : p.v.step[2], column, TILE, other, p.value_dim);
      __syncthreads();
      float s[EACH] = {}, dp[EACH] = {};
      products<D>(s, as + warp * EACH * D, As + lane * (D + 1));
      products<D>(dp, bs + warp * EACH * D, Bs + lane * (D + 1));
#pragma unroll
      for (int r = 0; r < EACH; r++) {
        const int64_t query = KEYS ? column + lane : mine + r, key = KEYS ? mine + r : column + lane;
        const float z = score(s[r], query, key);
        s[r] = z == -INFINITY ? 0.0f : exp2f(z - 1.44269504f * p.sums[line + query]);
        dp[r] = z == -INFINITY ? 0.0f : s[r] * (dp[r] - p.delta[line + query]);
      }
      add_tile<D>(x, dp, As);
      if (KEYS) add_tile<D>(y, s, Bs);
    }
  }
  const tc_heads &dx = KEYS ? p.dk : p.dq;
#pragma unroll
  for (int r = 0; r < EACH; r++) {
    if (mine + r >= limit) continue;
    if (dx.data) store_row<D>(head_of<float>(dx, batch, own) + (mine + r) * dx.step[2], x[r], p.dim, (float)p.scale);
    if (KEYS && p.dv.data) store_row<D>(head_of<float>(p.dv, batch, own) + (mine + r) * p.dv.step[2], y[r], p.value_dim, 1);
  }
}

template <int D, bool KEYS> int run_slopes(const tc_attention &p) {
  const int64_t tiles = ((KEYS ? p.keys : p.queries) + ROWS_32 - 1) / ROWS_32;
  const size_t shared = (2 * ROWS_32 * D + 2 * TILE * (D + 1)) * sizeof(float);
  return tc_run(slopes_wide<D, KEYS>, tiles * p.batch * (KEYS ? p.key_heads : p.heads), THREADS_32, shared, p, tiles);
}
} // namespace

int tc_attention_wide(const tc_attention *q, bool backward) {
  const tc_attention &p = *q;
  TC_WIDTHS(p.dim > p.value_dim ? p.dim : p.value_dim, {
    if (!backward) {
      const int64_t tiles = (p.queries + ROWS_32 - 1) / ROWS_32;
      return tc_run(rows_wide<D>, tiles * p.batch * p.heads, THREADS_32, (ROWS_32 * D + 2 * TILE * (D + 1)) * sizeof(float), p, tiles);
    }
    if (p.dq.data) TC_TRY((run_slopes<D, false>(p)));
    return p.dk.data || p.dv.data ? run_slopes<D, true>(p) : TC_OK;
  });
}
