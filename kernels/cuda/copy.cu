/* copy.cu: copies between any dtypes and layouts, transposes through shared memory, and sums onto places that several elements share. */
#include "map.cuh"
#include "order.cuh"

namespace {
using namespace tc;

struct ends { map<2> where; int64_t numel; char *to; const char *from; int to_type, from_type; };

/* ---- the same dtype: packs of bytes ---- */
template <class S> __global__ void move(ends c) {
  TC_EACH(i, c.numel) {
    int64_t at[2];
    c.where.find(i, at);
    ((S *)c.to)[at[0]] = ((const S *)c.from)[at[1]];
  }
}

/* ---- different dtypes: integers through int64, everything else through double where either side needs it, else through float ---- */
template <class T> __global__ void convert(ends c) {
  TC_EACH(i, c.numel) {
    int64_t at[2];
    c.where.find(i, at);
    store(c.to, c.to_type, at[0], load<T>(c.from, c.from_type, at[1]));
  }
}
template <class A, class B> __global__ void convert_complex(ends c) {
  TC_EACH(i, c.numel) {
    int64_t at[2];
    c.where.find(i, at);
    const B v = ((const B *)c.from)[at[1]];
    A w;
    w.re = v.re, w.im = v.im;
    ((A *)c.to)[at[0]] = w;
  }
}

/* float32 and the halves, dense: N at a time */
template <class A, class B, int N> __global__ void convert_packs(A *to, const B *from, int64_t packs) {
  TC_EACH(i, packs) {
    const pack<B, N> x = ((const pack<B, N> *)from)[i];
    pack<A, N> y;
    for (int j = 0; j < N; j++) y.v[j] = put<A>(get<float>(x.v[j]));
    ((pack<A, N> *)to)[i] = y;
  }
}

/* ---- matrices whose source runs down the columns, in tiles of 32 x 32 ---- */
enum { TILE = 32, ROWS = 8 };
struct sheets { map<2> where; int64_t rows, columns, row_step, column_step, across, down; const char *from; char *to; };
template <class S> __global__ void transpose(sheets s) {
  __shared__ S tile[TILE * (TILE + 1)];
  const int64_t sheet = blockIdx.x / (s.across * s.down), in_sheet = blockIdx.x % (s.across * s.down);
  const int64_t row = in_sheet / s.across * TILE, column = in_sheet % s.across * TILE;
  int64_t at[2];
  s.where.find(sheet, at);
  const S *from = (const S *)s.from + at[1];
  S *to = (S *)s.to + at[0];
  for (int j = threadIdx.y; j < TILE; j += ROWS)
    if (column + j < s.columns && row + threadIdx.x < s.rows)
      tile[j * (TILE + 1) + threadIdx.x] = from[(row + threadIdx.x) + (column + j) * s.column_step];
  __syncthreads();
  for (int j = threadIdx.y; j < TILE; j += ROWS)
    if (row + j < s.rows && column + threadIdx.x < s.columns)
      to[(row + j) * s.row_step + column + threadIdx.x] = tile[threadIdx.x * (TILE + 1) + j];
}

bool is_transpose(const tc_loop *l) {
  const int d = l->ndim - 2;
  return l->ndim >= 2 && l->dtype[0] == l->dtype[1] && l->stride[0][d + 1] == 1 && l->stride[1][d] == 1 && l->size[d] >= 8 && l->size[d + 1] >= 8;
}

int run_transpose(const tc_loop *l) {
  const int d = l->ndim - 2;
  sheets s = {};
  mapping<2> m;
  TC_TRY(m.of_loop(l, 2));
  s.where = m.m;
  s.rows = l->size[d], s.columns = l->size[d + 1];
  s.row_step = l->stride[0][d], s.column_step = l->stride[1][d + 1];
  s.across = (s.columns + TILE - 1) / TILE, s.down = (s.rows + TILE - 1) / TILE;
  s.from = l->data[1], s.to = l->data[0];
  const dim3 grid((unsigned)(m.numel * s.across * s.down)), block(TILE, ROWS);
  TC_MOVES(dtype_bytes(l->dtype[0]), { return tc_launch(transpose<S>, grid, block, 0, tc_cuda_stream(), s); });
  return TC_OK;
}

bool whole(int dtype) { return dtype <= TC_INT64; }
bool half(int dtype) { return dtype == TC_FLOAT16 || dtype == TC_BFLOAT16; }

template <class A, class B> int run_packs(const tc_loop *l) {
  const int64_t packs = l->numel / 4;
  return tc_run(convert_packs<A, B, 4>, tc_blocks(packs, 256, 64), 256, 0, (A *)l->data[0], (const B *)l->data[1], packs);
}

/* The hot conversions of autocast; *done says whether this was one. */
int run_dense(const tc_loop *l, bool *done) {
  const int to = l->dtype[0], from = l->dtype[1];
  *done = l->ndim == 1 && l->stride[0][0] == 1 && l->stride[1][0] == 1 && l->numel % 4 == 0 && aligned(l->data[0]) && aligned(l->data[1]);
  if (*done && to == TC_BFLOAT16 && from == TC_FLOAT32) return run_packs<bfloat_t, float>(l);
  if (*done && to == TC_FLOAT32 && from == TC_BFLOAT16) return run_packs<float, bfloat_t>(l);
  if (*done && to == TC_FLOAT16 && from == TC_FLOAT32) return run_packs<half_t, float>(l);
  if (*done && to == TC_FLOAT32 && from == TC_FLOAT16) return run_packs<float, half_t>(l);
  *done = false;
  return TC_OK;
}

/* Elements of the same dtype whose fastest dim is dense on both sides move in packs: the loop in units of `wide` bytes. */
int widest(const tc_loop *l, int bytes) {
  const int last = l->ndim - 1;
  if (l->ndim == 0 || l->stride[0][last] != 1 || l->stride[1][last] != 1) return bytes;
  for (int wide = 16; wide > bytes; wide /= 2) {
    const int n = wide / bytes;
    bool fits = l->size[last] % n == 0 && aligned(l->data[0], wide) && aligned(l->data[1], wide);
    for (int d = 0; d < last; d++) fits &= l->stride[0][d] % n == 0 && l->stride[1][d] % n == 0;
    if (fits) return wide;
  }
  return bytes;
}

int run_move(const tc_loop *l, ends *c) {
  const int bytes = dtype_bytes(l->dtype[0]), wide = widest(l, bytes), n = wide / bytes;
  mapping<2> m;
  for (int d = l->ndim - 1; d >= 0; d--) {
    const bool last = d == l->ndim - 1;
    const int64_t s[2] = {last && n > 1 ? 1 : l->stride[0][d] / n, last && n > 1 ? 1 : l->stride[1][d] / n};
    m.add(last ? l->size[d] / n : l->size[d], s);
  }
  TC_TRY(m.finish());
  c->where = m.m;
  c->numel = l->numel / n;
  TC_MOVES(wide, { return tc_run(move<S>, tc_blocks(c->numel, 256, 64), 256, 0, *c); });
  return TC_OK;
}

int run_convert(const tc_loop *l, ends *c) {
  const int to = l->dtype[0], from = l->dtype[1];
  const int64_t blocks = tc_blocks(l->numel, 256, 64);
  mapping<2> m;
  TC_TRY(m.of_loop(l));
  c->where = m.m;
  if (to == TC_COMPLEX64 && from == TC_COMPLEX128) return tc_run(convert_complex<tc_c64, tc_c128>, blocks, 256, 0, *c);
  if (to == TC_COMPLEX128 && from == TC_COMPLEX64) return tc_run(convert_complex<tc_c128, tc_c64>, blocks, 256, 0, *c);
  if (whole(to) && whole(from)) return tc_run(convert<int64_t>, blocks, 256, 0, *c);
  const bool small = (to == TC_FLOAT32 && dtype_bytes(from) <= 2) || (from == TC_FLOAT32 && half(to)) || (dtype_bytes(to) <= 2 && dtype_bytes(from) <= 2);
  if (small) return tc_run(convert<float>, blocks, 256, 0, *c);
  return tc_run(convert<double>, blocks, 256, 0, *c);
}
} // namespace

extern "C" int TC_KERNEL(copy)(const tc_loop *l) {
  bool done = false;
  ends c = {};
  if (l->numel == 0) return TC_OK;
  c.numel = l->numel, c.to = l->data[0], c.from = l->data[1], c.to_type = l->dtype[0], c.from_type = l->dtype[1];
  if (is_transpose(l)) return run_transpose(l);
  if (c.to_type == c.from_type) return run_move(l, &c);
  TC_TRY(run_dense(l, &done));
  return done ? TC_OK : run_convert(l, &c);
}

/* ---- accumulate: out += in where several elements of in fall on one place of out. The dims are split by the output's stride: the places that
   a kept coordinate reaches, and the rest, which a thread adds one after another in row-major order. Two kept coordinates may still meet
   (overlapping windows), so places are compared: a thread owns a place of the output and visits all elements that fall there. ---- */
namespace {
struct onto { map<2> where; int64_t numel, low, places; char *to; const char *from; int to_type, from_type; };

/* Counts how many elements fall on each place, lists them in order, adds them up: three passes, in each a thread for an element or a place. */
__global__ void places_of(onto c, uint64_t *items) {
  TC_EACH(i, c.numel) {
    int64_t at[2];
    c.where.find(i, at);
    items[i] = (uint64_t)(at[0] - c.low) << 32 | (uint64_t)i;
  }
}
template <class T> __global__ void add_runs(onto c, const uint64_t *items) {
  TC_EACH(i, c.numel) {
    const uint64_t place = items[i] >> 32;
    if (i > 0 && items[i - 1] >> 32 == place) continue;
    const int64_t to = (int64_t)place + c.low;
    T sum = load<T>(c.to, c.to_type, to);
    for (int64_t k = i; k < c.numel && items[k] >> 32 == place; k++) {
      int64_t at[2];
      c.where.find((int64_t)(items[k] & 0xffffffffu), at);
      sum += load<T>(c.from, c.from_type, at[1]);
    }
    store(c.to, c.to_type, to, sum);
  }
}
/* Beyond 2^32 elements or places: one thread, slow but right. */
__global__ void add_in_order(onto c) {
  for (int64_t i = 0; i < c.numel; i++) {
    int64_t at[2];
    c.where.find(i, at);
    store(c.to, c.to_type, at[0], load<double>(c.to, c.to_type, at[0]) + load<double>(c.from, c.from_type, at[1]));
  }
}
} // namespace



extern "C" int TC_KERNEL(accumulate)(const tc_loop *l) {
  onto c = {};
  mapping<2> m;
  if (l->numel == 0) return TC_OK;
  TC_TRY(m.of_loop(l));
  c.where = m.m, c.numel = l->numel, c.to = l->data[0], c.from = l->data[1], c.to_type = l->dtype[0], c.from_type = l->dtype[1];
  for (int d = 0; d < l->ndim; d++) {
    const int64_t reach = l->stride[0][d] * (l->size[d] - 1);
    c.low += reach < 0 ? reach : 0;
    c.places += reach < 0 ? -reach : reach;
  }
  if (c.numel >> 31 || c.places >> 31) return tc_run(add_in_order, 1, 1, 0, c);
  tc_workspace items((size_t)c.numel * 8);
  if (!items.data) return TC_NO_MEMORY;
  TC_TRY(tc_run(places_of, tc_blocks(c.numel, 256), 256, 0, c, items.as<uint64_t>()));
  TC_TRY(tc::sort_items(items.as<uint64_t>(), 1, c.numel));
  if (c.to_type <= TC_INT64) return tc_run(add_runs<int64_t>, tc_blocks(c.numel, 256), 256, 0, c, (const uint64_t *)items.data);
  return tc_run(add_runs<double>, tc_blocks(c.numel, 256), 256, 0, c, (const uint64_t *)items.data);
}
