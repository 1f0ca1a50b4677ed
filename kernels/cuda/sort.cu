/* sort.cu: orders along one dim: sort, topk, k-th values and medians, modes. Each row becomes keys with positions (order.cuh), is ordered as
   those, and is read back through the positions. Tensors are row-major, seen as (outer, n, inner). */
#include "block.cuh"
#include "order.cuh"

namespace {
using namespace tc;

struct rows { int64_t outer, n, inner; };
rows rows_of(const tc_view *x, int dim) {
  rows r = {1, x->ndim ? x->size[dim] : 1, 1};
  for (int d = 0; d < x->ndim; d++)
    if (d < dim) r.outer *= x->size[d];
    else if (d > dim) r.inner *= x->size[d];
  return r;
}
/* Where row k begins, of rows with n elements. */
__device__ inline int64_t start(const rows &r, int64_t k, int64_t n) { return k / r.inner * n * r.inner + k % r.inner; }

struct task {
  rows r;
  const char *x;
  char *values;                 /* may be NULL, and so may index */
  int64_t *index;
  int dtype, descending;
  int64_t count;                /* elements of a result row, or the rank looked for */
  int which;
};

/* Element `from` of x becomes element `to` of the values. */
__device__ inline void move_value(const task &t, int64_t to, int64_t from) {
  if (!t.values) return;
  switch (dtype_bytes(t.dtype)) {
    case 1: ((uint8_t *)t.values)[to] = ((const uint8_t *)t.x)[from]; break;
    case 2: ((uint16_t *)t.values)[to] = ((const uint16_t *)t.x)[from]; break;
    case 4: ((uint32_t *)t.values)[to] = ((const uint32_t *)t.x)[from]; break;
    default: ((uint64_t *)t.values)[to] = ((const uint64_t *)t.x)[from]; break;
  }
}
/* Result number j of row k is the element at `at`. */
__device__ inline void deliver(const task &t, int64_t k, int64_t j, int64_t count, int64_t at) {
  const int64_t to = start(t.r, k, count) + j * t.r.inner;
  if (t.index) t.index[to] = at + 1;
  move_value(t, to, start(t.r, k, t.r.n) + at * t.r.inner);
}

template <class I> __global__ void make_items(task t, I *items, int64_t first, int64_t count) {
  TC_EACH(e, count * t.r.n) {
    const int64_t k = first + e / t.r.n, i = e % t.r.n;
    items[e] = make_item<I>(t.x, t.dtype, start(t.r, k, t.r.n) + i * t.r.inner, i, t.descending);
  }
}
template <class I> __global__ void read_back(task t, const I *items, int64_t first, int64_t rows) {
  TC_EACH(e, rows * t.count) {
    const int64_t k = e / t.count, j = e % t.count;
    deliver(t, first + k, j, t.count, item_at(items[k * t.r.n + j]));
  }
}

/* Rows that fit in shared memory: load, sort, deliver the first t.count of them, all in one kernel. */
template <class I> __global__ void sort_rows(task t, int count) {
  TC_DYN_SHARED(I, room);
  const int64_t k = blockIdx.x, first = start(t.r, k, t.r.n);
  for (int i = threadIdx.x; i < count; i += blockDim.x)
    room[i] = i < t.r.n ? make_item<I>(t.x, t.dtype, first + i * t.r.inner, i, t.descending) : last_item<I>();
  __syncthreads();
  bitonic(room, count);
  for (int64_t j = threadIdx.x; j < t.count; j += blockDim.x) deliver(t, k, j, t.count, item_at(room[j]));
}

/* ---- selection: the item of a rank, by its bits from the top, a digit of 8 at a time; a block for each row ---- */
__device__ inline unsigned digit_of(uint64_t a, int digit) { return (unsigned)(a >> (56 - 8 * digit)) & 255; }
__device__ inline unsigned digit_of(const wide_item &a, int digit) { return digit < 8 ? digit_of(a.key, digit) : digit_of(a.at, digit - 8); }
template <class I> __device__ inline bool same_top(const I &a, const I &b, int digits) {
  for (int d = 0; d < digits; d++)
    if (digit_of(a, d) != digit_of(b, d)) return false;
  return true;
}
template <> __device__ inline bool same_top<uint64_t>(const uint64_t &a, const uint64_t &b, int digits) { return digits == 0 || (a ^ b) >> (64 - 8 * digits) == 0; }
__device__ inline void set_digit(uint64_t &a, int digit, unsigned v) { a |= (uint64_t)v << (56 - 8 * digit); }
__device__ inline void set_digit(wide_item &a, int digit, unsigned v) { set_digit(digit < 8 ? a.key : a.at, digit < 8 ? digit : digit - 8, v); }

/* All threads get the item that has `rank` (from 1) among the row's. */
template <class I> __device__ I select(const task &t, int64_t first, int64_t rank) {
  __shared__ unsigned long long counts[256];
  __shared__ unsigned chosen;
  __shared__ int64_t left;
  I prefix = {};
  for (int digit = 0; digit < (int)sizeof(I); digit++) {
    for (int i = threadIdx.x; i < 256; i += blockDim.x) counts[i] = 0;
    __syncthreads();
    for (int64_t i = threadIdx.x; i < t.r.n; i += blockDim.x) {
      const I a = make_item<I>(t.x, t.dtype, first + i * t.r.inner, i, t.descending);
      if (same_top(a, prefix, digit)) atomicAdd(&counts[digit_of(a, digit)], 1ull);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      int64_t before = 0;
      unsigned d = 0;
      while (before + (int64_t)counts[d] < rank) before += (int64_t)counts[d++];
      chosen = d;
      left = rank - before;
    }
    __syncthreads();
    set_digit(prefix, digit, chosen);
    rank = left;
    __syncthreads();
  }
  return prefix;
}

/* The t.count first items of each row, in the order of their positions. */
template <class I> __global__ void top_items(task t, I *items, int64_t first_row) {
  __shared__ int64_t room[33];
  const int64_t k = first_row + blockIdx.x, first = start(t.r, k, t.r.n);
  I *to = items + blockIdx.x * t.count;
  const I last = select<I>(t, first, t.count);
  int64_t at = 0;
  for (int64_t base = 0; base < t.r.n; base += blockDim.x) {
    const int64_t i = base + threadIdx.x;
    I a = last_item<I>();
    int64_t total, keep = 0;
    if (i < t.r.n) {
      a = make_item<I>(t.x, t.dtype, first + i * t.r.inner, i, t.descending);
      keep = !item_less(last, a);
    }
    const int64_t before = block_before(keep, room, &total);
    if (keep) to[at + before] = a;
    at += total;
  }
}
template <class I> __global__ void deliver_top(task t, const I *items, int64_t first_row, int64_t rows) {
  TC_EACH(e, rows * t.count) deliver(t, first_row + e / t.count, e % t.count, t.count, item_at(items[e]));
}

/* ---- one element of each row ---- */
/* Which of the ordered items is meant: the k-th, or the median, where NaN wins (the first of them) or is left out. */
__device__ inline int64_t rank_of(int which, int64_t k, int64_t n, int64_t nans) {
  if (which == TC_RANK_KTH) return k;
  if (which == TC_RANK_MEDIAN) return nans ? n - nans + 1 : (n + 1) / 2;
  return nans == n ? 1 : (n - nans + 1) / 2;
}
template <class I> __global__ void pick_rank(task t) {
  __shared__ int64_t room[33];
  const int64_t k = blockIdx.x, first = start(t.r, k, t.r.n);
  int64_t nans = 0;
  if (t.which != TC_RANK_KTH && t.dtype >= TC_FLOAT16)
    for (int64_t i = threadIdx.x; i < t.r.n; i += blockDim.x) {
      const double v = load<double>(t.x, t.dtype, first + i * t.r.inner);
      nans += v != v;
    }
  nans = block_fold(nans, plus(), room);
  const I item = select<I>(t, first, rank_of(t.which, t.count, t.r.n, nans));
  if (threadIdx.x) return;
  const int64_t at = item_at(item);
  if (t.index) t.index[k] = at + 1;
  move_value(t, k, first + at * t.r.inner);
}

/* The item that ends the longest run of equal keys, the first such run; rows are sorted. */
template <class I> __global__ void pick_mode(task t, const I *items, int64_t first_row) {
  __shared__ int64_t lengths[256], ends[256];
  const I *row = items + blockIdx.x * t.r.n;
  int64_t best = 0, end = 0;
  for (int64_t i = threadIdx.x; i < t.r.n; i += blockDim.x) {
    if (i + 1 < t.r.n && item_key(row[i]) == item_key(row[i + 1])) continue;
    int64_t lo = 0, hi = i; /* where the run that ends here begins */
    while (lo < hi) {
      const int64_t middle = (lo + hi) / 2;
      if (item_key(row[middle]) < item_key(row[i])) lo = middle + 1;
      else hi = middle;
    }
    if (i - lo + 1 > best) best = i - lo + 1, end = i;
  }
  lengths[threadIdx.x] = best, ends[threadIdx.x] = end;
  __syncthreads();
  for (int step = (int)blockDim.x / 2; step; step /= 2) {
    if ((int)threadIdx.x < step) {
      const int64_t other = lengths[threadIdx.x + step], other_end = ends[threadIdx.x + step];
      if (other > lengths[threadIdx.x] || (other == lengths[threadIdx.x] && other_end < ends[threadIdx.x]))
        lengths[threadIdx.x] = other, ends[threadIdx.x] = other_end;
    }
    __syncthreads();
  }
  if (threadIdx.x) return;
  const int64_t k = first_row + blockIdx.x, at = item_at(row[ends[0]]);
  if (t.index) t.index[k] = at + 1;
  move_value(t, k, start(t.r, k, t.r.n) + at * t.r.inner);
}

/* ---- the host's side ---- */
/* Rows are taken so many at a time that their items fill at most a part of the memory. */
int64_t rows_at_a_time(int64_t rows, int64_t n, int64_t bytes) {
  const int64_t room = (int64_t)1 << 28, fit = room / (n * bytes);
  return fit < 1 ? 1 : fit < rows ? fit : rows;
}

/* Takes `length` items for each row: calls make(items, first row, count), sorts them, calls use(items, first row, count). */
template <class I, class Make, class Use> int sort_in_portions(const task &t, int64_t length, Make make, Use use) {
  const int64_t rows = t.r.outer * t.r.inner, each = rows_at_a_time(rows, length, sizeof(I));
  tc_workspace room((size_t)(each * length) * sizeof(I));
  I *items = room.as<I>();
  if (!items) return TC_NO_MEMORY;
  for (int64_t first = 0; first < rows; first += each) {
    const int64_t count = rows - first < each ? rows - first : each;
    TC_TRY(make(items, first, count));
    TC_TRY(sort_items(items, count, length));
    TC_TRY(use((const I *)items, first, count));
  }
  return TC_OK;
}
template <class I, class Use> int sort_whole_rows(const task &t, Use use) {
  return sort_in_portions<I>(t, t.r.n, [&](I *items, int64_t first, int64_t count) {
    return tc_run(make_items<I>, tc_blocks(count * t.r.n, 256, 64), 256, 0, t, items, first, count);
  }, use);
}

template <class I> int sort_some(const task &t) {
  if (t.r.n <= SORT_TILE) {
    const int room = power_of_two(t.r.n);
    return tc_run(sort_rows<I>, t.r.outer * t.r.inner, bitonic_threads(room), room * sizeof(I), t, room);
  }
  return sort_whole_rows<I>(t, [&](const I *items, int64_t first, int64_t count) {
    return tc_run(read_back<I>, tc_blocks(count * t.count, 256, 64), 256, 0, t, items, first, count);
  });
}
template <class I> int top_some(const task &t) {
  if (t.r.n <= SORT_TILE || t.count > t.r.n / 4) return sort_some<I>(t);
  return sort_in_portions<I>(t, t.count,
    [&](I *items, int64_t first, int64_t count) { return tc_run(top_items<I>, count, 256, 0, t, items, first); },
    [&](const I *items, int64_t first, int64_t count) {
      return tc_run(deliver_top<I>, tc_blocks(count * t.count, 256), 256, 0, t, items, first, count);
    });
}
template <class I> int mode_some(const task &t) {
  return sort_whole_rows<I>(t, [&](const I *items, int64_t first, int64_t count) {
    return tc_run(pick_mode<I>, count, t.r.n < 64 ? 32 : 256, 0, t, items, first);
  });
}

task task_of(const tc_view *values, int64_t *index, const tc_view *x, int dim) {
  task t = {};
  t.r = rows_of(x, dim);
  t.x = (const char *)x->data, t.values = values ? (char *)values->data : nullptr, t.index = index, t.dtype = x->dtype;
  return t;
}
} // namespace

extern "C" int TC_KERNEL(sort)(const tc_view *values, int64_t *index, const tc_view *x, int dim, int descending) {
  task t = task_of(values, index, x, dim);
  t.descending = descending, t.count = t.r.n;
  if (x->numel == 0) return TC_OK;
  return wide_dtype(x->dtype) ? sort_some<wide_item>(t) : sort_some<uint64_t>(t);
}

extern "C" int TC_KERNEL(topk)(const tc_view *values, int64_t *index, const tc_view *x, int dim, int64_t count, int largest) {
  task t = task_of(values, index, x, dim);
  t.descending = largest, t.count = count;
  if (x->numel == 0 || count == 0) return TC_OK;
  return wide_dtype(x->dtype) ? top_some<wide_item>(t) : top_some<uint64_t>(t);
}

extern "C" int TC_KERNEL(rank)(int which, const tc_view *values, int64_t *index, const tc_view *x, int dim, int64_t k_th) {
  task t = task_of(values, index, x, dim);
  t.which = which, t.count = k_th;
  if (x->numel == 0) return TC_OK;
  const int threads = row_threads(t.r.n, 8) > 256 ? 256 : row_threads(t.r.n, 8);
  if (wide_dtype(x->dtype)) return tc_run(pick_rank<wide_item>, t.r.outer * t.r.inner, threads, 0, t);
  return tc_run(pick_rank<uint64_t>, t.r.outer * t.r.inner, threads, 0, t);
}

extern "C" int TC_KERNEL(mode)(const tc_view *values, int64_t *index, const tc_view *x, int dim) {
  const task t = task_of(values, index, x, dim);
  if (x->numel == 0) return TC_OK;
  return wide_dtype(x->dtype) ? mode_some<wide_item>(t) : mode_some<uint64_t>(t);
}
