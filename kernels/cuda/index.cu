/* index.cu: elements to and from positions that are given as numbers; elements that are not zero; triangles. Scatters give one result
   whatever the schedule: where several elements may fall on one place they are taken in order. */
#include "block.cuh"
#include "map.cuh"
#include "order.cuh"
#include <stdlib.h>

namespace {
using namespace tc;

/* ---- positions as users count them, checked, as 0 .. size-1; a bad one becomes 0 and is reported ---- */
__global__ void check_positions(map<2> where, int64_t numel, int64_t *y, const int64_t *x, int64_t size, tc_fault_slot *slot, unsigned long long ticket) {
  TC_EACH(i, numel) {
    int64_t at[2];
    where.find(i, at);
    const int64_t p = position(x[at[1]], size);
    if (p < 0) tc_report(slot, ticket, i, x[at[1]]);
    y[at[0]] = p < 0 ? 0 : p;
  }
}

__global__ void find_offsets(map<1> where, int64_t *out, const int64_t *flat, int64_t n) {
  TC_EACH(i, n) where.find(flat[i], out + i);
}

/* ---- lanes: see kernels/index.h ---- */
struct lanes {
  map<3> where;                 /* of a lane: operand 0, positions, operand 2 */
  int64_t count, n, limit, scale, step[3];
  char *zero;
  const int64_t *position;
  char *two;
};

int lanes_of(const tc_lanes *k, lanes *q, mapping<3> *m) {
  TC_TRY(m->of_loop(&k->loop));
  q->where = m->m;
  q->count = k->loop.numel, q->n = k->n, q->limit = k->limit, q->scale = k->scale;
  for (int i = 0; i < 3; i++) q->step[i] = k->step[i];
  q->zero = k->loop.data[0], q->position = (const int64_t *)k->loop.data[1], q->two = k->loop.data[2];
  return TC_OK;
}

/* Element e of all: lanes run fastest where they lie closer together than the positions do. */
__device__ inline int64_t place(const lanes &q, bool lanes_first, int64_t e, int64_t *at) {
  const int64_t lane = lanes_first ? e % q.count : e / q.n, i = lanes_first ? e / q.count : e % q.n;
  q.where.find(lane, at);
  return i;
}

template <class S> __global__ void gather_all(lanes q, bool lanes_first) {
  TC_EACH(e, q.count * q.n) {
    int64_t at[3];
    const int64_t i = place(q, lanes_first, e, at), p = q.position[at[1] + i * q.step[1]];
    ((S *)q.zero)[at[0] + i * q.step[0]] = ((const S *)q.two)[at[2] + p * q.scale];
  }
}

bool lanes_lead(const tc_lanes *k, int part) {
  const tc_loop *l = &k->loop;
  if (k->n == 1) return true;
  if (l->ndim == 0) return false;
  const int64_t lane = l->stride[part][l->ndim - 1], other = k->step[part];
  return l->numel > 1 && (lane < 0 ? -lane : lane) <= (other < 0 ? -other : other);
}

/* ---- scatter ---- */
template <class T> __device__ inline T combined(int op, T x, T y) {
  switch (op) {
    case TC_PUT_ADD: return (T)(x + y);
    case TC_PUT_MUL: return (T)(x * y);
    case TC_PUT_MAX: return x != x ? x : y != y ? y : x > y ? x : y;
    case TC_PUT_MIN: return x != x ? x : y != y ? y : x < y ? x : y;
    default: return y;
  }
}
template <class C> __device__ inline C combined_complex(int op, C x, C y) {
  if (op == TC_PUT_ADD) return {x.re + y.re, x.im + y.im};
  if (op == TC_PUT_MUL) return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
  return y;
}
template <> __device__ inline tc_c64 combined(int op, tc_c64 x, tc_c64 y) { return combined_complex(op, x, y); }
template <> __device__ inline tc_c128 combined(int op, tc_c128 x, tc_c128 y) { return combined_complex(op, x, y); }
template <> __device__ inline half_t combined(int op, half_t x, half_t y) { return put<half_t>(combined(op, get<float>(x), get<float>(y))); }
template <> __device__ inline bfloat_t combined(int op, bfloat_t x, bfloat_t y) { return put<bfloat_t>(combined(op, get<float>(x), get<float>(y))); }
template <> __device__ inline uint4 combined(int op, uint4 x, uint4 y) { return y; }

/* A thread for each lane, positions in order. */
template <class T> __global__ void scatter_lanes(lanes q, int op) {
  TC_EACH(lane, q.count) {
    int64_t at[3];
    q.where.find(lane, at);
    for (int64_t i = 0; i < q.n; i++) {
      T *to = (T *)q.zero + at[0] + q.position[at[1] + i * q.step[1]] * q.scale;
      const T v = ((const T *)q.two)[at[2] + i * q.step[2]];
      *to = op == TC_PUT_SET ? v : combined(op, *to, v);
    }
  }
}

/* Many positions for few lanes: each lane's positions become items (position, i), sorted; whoever begins a run folds it in order. Lanes that
   share their positions (step 0 along all of them) share the sorted items. */
__global__ void position_items(lanes q, uint64_t *items, int64_t sets) {
  TC_EACH(e, sets * q.n) {
    int64_t at[3];
    q.where.find(e / q.n, at);
    items[e] = (uint64_t)q.position[at[1] + e % q.n * q.step[1]] << 32 | (uint64_t)(e % q.n);
  }
}
template <class T> __global__ void scatter_sorted(lanes q, int op, const uint64_t *items, int64_t sets) {
  TC_EACH(e, q.count * q.n) {
    const int64_t lane = e % q.count, i = e / q.count;
    const uint64_t *mine = items + (sets == 1 ? 0 : lane * q.n);
    const uint64_t p = mine[i] >> 32;
    if (i > 0 && mine[i - 1] >> 32 == p) continue;
    int64_t at[3], k = i;
    q.where.find(lane, at);
    T *to = (T *)q.zero + at[0] + (int64_t)p * q.scale;
    const T *from = (const T *)q.two + at[2];
    if (op == TC_PUT_SET) { /* the last one stays */
      int64_t hi = q.n - 1, lo = i;
      while (lo < hi) {
        const int64_t middle = (lo + hi + 1) / 2;
        if (mine[middle] >> 32 == p) lo = middle;
        else hi = middle - 1;
      }
      *to = from[(int64_t)(mine[lo] & 0xffffffffu) * q.step[2]];
      continue;
    }
    T v = *to;
    for (; k < q.n && mine[k] >> 32 == p; k++) v = combined(op, v, from[(int64_t)(mine[k] & 0xffffffffu) * q.step[2]]);
    *to = v;
  }
}

/* The documented way to be faster than deterministic: TOCHA_CUDA_ATOMICS=1 adds float32 in whatever order threads come. */
__global__ void scatter_atomic(lanes q, bool lanes_first) {
  TC_EACH(e, q.count * q.n) {
    int64_t at[3];
    const int64_t i = place(q, lanes_first, e, at);
    atomicAdd((float *)q.zero + at[0] + q.position[at[1] + i * q.step[1]] * q.scale, ((const float *)q.two)[at[2] + i * q.step[2]]);
  }
}
bool atomics_allowed() {
  static const char *said = getenv("TOCHA_CUDA_ATOMICS");
  return said && *said && *said != '0';
}

/* Do all lanes have the same positions? */
bool shared_positions(const tc_lanes *k) {
  for (int d = 0; d < k->loop.ndim; d++)
    if (k->loop.stride[1][d] && k->loop.size[d] > 1) return false;
  return true;
}

template <class T> int scatter(const lanes &q, const tc_lanes *k, int op) {
  const bool few = q.n <= 4 || q.count >= 65536, fits = q.n < (int64_t)1 << 32 && q.limit < (int64_t)1 << 32;
  if (few || !fits) return tc_run(scatter_lanes<T>, tc_blocks(q.count, 128, 64), 128, 0, q, op);
  const int64_t sets = shared_positions(k) ? 1 : q.count;
  tc_workspace items((size_t)(sets * q.n) * 8);
  if (!items.data) return TC_NO_MEMORY;
  TC_TRY(tc_run(position_items, tc_blocks(sets * q.n, 256), 256, 0, q, items.as<uint64_t>(), sets));
  TC_TRY(sort_items(items.as<uint64_t>(), sets, q.n));
  return tc_run(scatter_sorted<T>, tc_blocks(q.count * q.n, 256, 64), 256, 0, q, op, (const uint64_t *)items.data, sets);
}

/* ---- elements that are not zero, in order: counts of tiles, their running sum, the places ---- */
enum { TILE = 4096, THREADS = 256 };
__device__ inline bool hits(const void *x, int dtype, int64_t i) {
  if (dtype == TC_COMPLEX64) return ((const tc_c64 *)x)[i].re != 0 || ((const tc_c64 *)x)[i].im != 0;
  if (dtype == TC_COMPLEX128) return ((const tc_c128 *)x)[i].re != 0 || ((const tc_c128 *)x)[i].im != 0;
  return load<double>(x, dtype, i) != 0;
}
__global__ void count_tiles(const void *x, int dtype, int64_t n, int64_t *counts) {
  __shared__ int64_t room[33];
  const int64_t first = blockIdx.x * (int64_t)TILE;
  int64_t count = 0;
  for (int64_t i = first + threadIdx.x; i < first + TILE && i < n; i += THREADS) count += hits(x, dtype, i);
  count = block_fold(count, plus(), room);
  if (threadIdx.x == 0) counts[blockIdx.x] = count;
}
/* counts becomes the sums before each tile; the total comes last: one block */
__global__ void sum_tiles(int64_t *counts, int64_t tiles) {
  __shared__ int64_t room[33];
  int64_t before = 0;
  for (int64_t first = 0; first < tiles; first += THREADS) {
    const int64_t i = first + threadIdx.x;
    int64_t total, mine = i < tiles ? counts[i] : 0, at = block_before(mine, room, &total);
    if (i < tiles) counts[i] = before + at;
    before += total;
  }
  if (threadIdx.x == 0) counts[tiles] = before;
}
__global__ void list_tiles(const void *x, int dtype, int64_t n, const int64_t *starts, int64_t *positions) {
  __shared__ int64_t room[33];
  int64_t at = starts[blockIdx.x];
  for (int64_t first = blockIdx.x * (int64_t)TILE; first < (blockIdx.x + 1) * (int64_t)TILE && first < n; first += THREADS) {
    const int64_t i = first + threadIdx.x;
    int64_t total, hit = i < n && hits(x, dtype, i), before = block_before(hit, room, &total);
    if (hit) positions[at + before] = i;
    at += total;
  }
}

/* ---- triangles ---- */
template <class S> __global__ void keep_triangle(map<1> where, S *y, const S *x, int64_t numel, int64_t rows, int64_t columns, int64_t diagonal, int upper) {
  TC_EACH(i, numel) {
    const int64_t column = i % columns, edge = i / columns % rows + diagonal;
    const bool keep = upper ? column >= edge : column <= edge;
    int64_t at[1];
    where.find(i, at);
    y[i] = keep ? x[at[0]] : S{};
  }
}
} // namespace

extern "C" int TC_KERNEL(positions)(const tc_loop *l, int64_t size, tc_fault *fault) {
  unsigned long long ticket;
  mapping<2> m;
  if (l->numel == 0) return TC_OK;
  TC_TRY(m.of_loop(l));
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  if (!slot) return TC_NO_MEMORY;
  TC_TRY(tc_run(check_positions, tc_blocks(l->numel, 256, 64), 256, 0, m.m, l->numel, (int64_t *)l->data[0], (const int64_t *)l->data[1], size, slot, ticket));
  return tc_cuda_fault_check(ticket, fault);
}

/* A flat position counts row-major over `size`; the result is where that is in memory. */
extern "C" int TC_KERNEL(offsets)(int64_t *out, const int64_t *flat, int64_t n, int ndim, const int64_t *size, const int64_t *stride) {
  mapping<1> m;
  if (n == 0) return TC_OK;
  for (int d = ndim - 1; d >= 0; d--) m.add(size[d], stride + d);
  TC_TRY(m.finish());
  return tc_run(find_offsets, tc_blocks(n, 256, 64), 256, 0, m.m, out, flat, n);
}

extern "C" int TC_KERNEL(gather)(const tc_lanes *k) {
  lanes q;
  mapping<3> m;
  if (k->loop.numel == 0 || k->n == 0) return TC_OK;
  TC_TRY(lanes_of(k, &q, &m));
  TC_MOVES(dtype_bytes(k->loop.dtype[0]), { return tc_run(gather_all<S>, tc_blocks(q.count * q.n, 256, 64), 256, 0, q, lanes_lead(k, 0)); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(scatter)(const tc_lanes *k, int op) {
  lanes q;
  mapping<3> m;
  const int dtype = k->loop.dtype[0];
  if (k->loop.numel == 0 || k->n == 0) return TC_OK;
  TC_TRY(lanes_of(k, &q, &m));
  if (op == TC_PUT_SET) TC_MOVES(dtype_bytes(dtype), { return scatter<S>(q, k, op); });
  if (dtype == TC_FLOAT32 && op == TC_PUT_ADD && atomics_allowed())
    return tc_run(scatter_atomic, tc_blocks(q.count * q.n, 256, 64), 256, 0, q, lanes_lead(k, 2));
  switch (dtype) {
    case TC_BOOL: return scatter<uint8_t>(q, k, op == TC_PUT_ADD ? TC_PUT_MAX : op == TC_PUT_MUL ? TC_PUT_MIN : op);
    case TC_UINT8: return scatter<uint8_t>(q, k, op);
    case TC_INT8: return scatter<int8_t>(q, k, op);
    case TC_INT16: return scatter<int16_t>(q, k, op);
    case TC_INT32: return scatter<int32_t>(q, k, op);
    case TC_INT64: return scatter<int64_t>(q, k, op);
    case TC_FLOAT16: return scatter<half_t>(q, k, op);
    case TC_BFLOAT16: return scatter<bfloat_t>(q, k, op);
    case TC_FLOAT64: return scatter<double>(q, k, op);
    case TC_COMPLEX64: return scatter<tc_c64>(q, k, op);
    case TC_COMPLEX128: return scatter<tc_c128>(q, k, op);
    default: return scatter<float>(q, k, op);
  }
}

extern "C" int TC_KERNEL(nonzero)(const tc_view *x, int64_t *positions, int64_t *count) {
  const int64_t tiles = (x->numel + TILE - 1) / TILE;
  *count = 0;
  if (x->numel == 0) return TC_OK;
  tc_workspace counts((size_t)(tiles + 1) * 8);
  if (!counts.data) return TC_NO_MEMORY;
  TC_TRY(tc_run(count_tiles, tiles, THREADS, 0, (const void *)x->data, x->dtype, x->numel, counts.as<int64_t>()));
  TC_TRY(tc_run(sum_tiles, 1, THREADS, 0, counts.as<int64_t>(), tiles));
  if (positions)
    TC_TRY(tc_run(list_tiles, tiles, THREADS, 0, (const void *)x->data, x->dtype, x->numel, (const int64_t *)counts.data, positions));
  return tc_cuda_download(count, counts.as<int64_t>() + tiles, sizeof *count);
}

extern "C" int TC_KERNEL(triangle)(const tc_view *y, const tc_view *x, int64_t diagonal, int upper) {
  mapping<1> m;
  if (x->numel == 0) return TC_OK;
  for (int d = x->ndim - 1; d >= 0; d--) m.add(x->size[d], x->stride + d);
  TC_TRY(m.finish());
  TC_MOVES(dtype_bytes(x->dtype), {
    return tc_run(keep_triangle<S>, tc_blocks(x->numel, 256, 64), 256, 0, m.m, (S *)y->data, (const S *)x->data, x->numel, x->size[x->ndim - 2],
                  x->size[x->ndim - 1], diagonal, upper);
  });
  return TC_MISSING;
}
