/* order.cu: sorting of items: long rows by a library (radix.cu); of shorter ones, all rows at once, tiles in shared memory by a bitonic network,
   then runs of double length by merging, each block making one tile of the result (the split of both runs is found by bisection: Green, McColl
   and Bader's merge path, 2012). */
#include "order.cuh"

namespace {
using namespace tc;

template <class I> __global__ void sort_tiles(I *items, int64_t n, int64_t tiles, int count) {
  TC_DYN_SHARED(I, room);
  I *row = items + blockIdx.x / tiles * n;
  const int64_t first = blockIdx.x % tiles * count, here = n - first < count ? n - first : count;
  for (int i = threadIdx.x; i < count; i += blockDim.x) room[i] = i < here ? row[first + i] : last_item<I>();
  __syncthreads();
  bitonic(room, count);
  for (int i = threadIdx.x; i < here; i += blockDim.x) row[first + i] = room[i];
}

/* How many of the first `place` items of the merged runs come from a. */
template <class I> __device__ int64_t split(const I *a, int64_t na, const I *b, int64_t nb, int64_t place) {
  int64_t lo = place > nb ? place - nb : 0, hi = place < na ? place : na;
  while (lo < hi) {
    const int64_t middle = (lo + hi) / 2;
    if (item_less(b[place - 1 - middle], a[middle])) hi = middle;
    else lo = middle + 1;
  }
  return lo;
}

enum { MERGE_THREADS = 128, EACH = SORT_TILE / MERGE_THREADS };
template <class I> __global__ void merge_runs(I *to, const I *from, int64_t n, int64_t tiles, int64_t run) {
  TC_DYN_SHARED(I, room);
  __shared__ int64_t cut[2];
  const int64_t base = blockIdx.x / tiles * n, first = blockIdx.x % tiles * SORT_TILE;
  const int64_t pair = first / (2 * run) * 2 * run, middle = pair + run < n ? pair + run : n, end = pair + 2 * run < n ? pair + 2 * run : n;
  const I *a = from + base + pair, *b = from + base + middle;
  const int64_t na = middle - pair, nb = end - middle, lo = first - pair, hi = lo + SORT_TILE < na + nb ? lo + SORT_TILE : na + nb;
  if (threadIdx.x < 2) cut[threadIdx.x] = split(a, na, b, nb, threadIdx.x ? hi : lo);
  __syncthreads();
  const int from_a = (int)(cut[1] - cut[0]), count = (int)(hi - lo);
  a += cut[0], b += lo - cut[0];
  for (int i = threadIdx.x; i < count; i += MERGE_THREADS) room[i] = i < from_a ? a[i] : b[i - from_a];
  __syncthreads();
  const int mine_at = (int)threadIdx.x * EACH, at = mine_at < count ? mine_at : count, until = at + EACH < count ? at + EACH : count;
  int i = (int)split(room, from_a, room + from_a, count - from_a, at), j = from_a + at - i;
  I mine[EACH];
  for (int k = 0; k < until - at; k++) {
    const bool second = i >= from_a || (j < count && item_less(room[j], room[i]));
    mine[k] = second ? room[j++] : room[i++];
  }
  __syncthreads();
  for (int k = 0; k < until - at; k++) room[at + k] = mine[k];
  __syncthreads();
  for (int k = threadIdx.x; k < count; k += MERGE_THREADS) to[base + first + k] = room[k];
}

template <class I> __global__ void copy_items(I *to, const I *from, int64_t n) {
  TC_EACH(i, n) to[i] = from[i];
}

/* From this length on a row is sorted by itself: merging would go through it five times and more. */
enum { LONG_ROW = 1 << 15 };

template <class I> int sort_any(I *items, int64_t rows, int64_t n) {
  if (rows == 0 || n < 2) return TC_OK;
  if (n >= LONG_ROW && n < (int64_t)1 << 31) return sort_long_rows(items, rows, n);
  const int count = n < SORT_TILE ? power_of_two(n) : SORT_TILE;
  const int64_t tiles = (n + count - 1) / count;
  TC_TRY(tc_run(sort_tiles<I>, rows * tiles, bitonic_threads(count), count * sizeof(I), items, n, tiles, count));
  if (tiles == 1) return TC_OK;
  tc_workspace spare((size_t)(rows * n) * sizeof(I));
  if (!spare.data) return TC_NO_MEMORY;
  I *from = items, *to = spare.as<I>();
  for (int64_t run = SORT_TILE; run < n; run *= 2) {
    TC_TRY(tc_run(merge_runs<I>, rows * tiles, MERGE_THREADS, SORT_TILE * sizeof(I), to, (const I *)from, n, tiles, run));
    I *t = from;
    from = to;
    to = t;
  }
  return from == items ? TC_OK : tc_run(copy_items<I>, tc_blocks(rows * n, 256), 256, 0, items, (const I *)from, rows * n);
}
} // namespace

int tc::sort_items(uint64_t *items, int64_t rows, int64_t n) { return sort_any(items, rows, n); }
int tc::sort_items(wide_item *items, int64_t rows, int64_t n) { return sort_any(items, rows, n); }
