/* order.cuh: elements as unsigned keys that compare like the values, each with its position, and the sorts of such items. As on the CPU NaN is
   the largest value and the zeros are equal; keys of 32 bits share a word with the position, so that plain comparison is stable. */
#pragma once
#include "element.cuh"

namespace tc {
struct wide_item { uint64_t key, at; };

__device__ inline bool item_less(uint64_t a, uint64_t b) { return a < b; }
__device__ inline bool item_less(const wide_item &a, const wide_item &b) { return a.key < b.key || (a.key == b.key && a.at < b.at); }
__device__ inline int64_t item_at(uint64_t a) { return (int64_t)(a & 0xffffffffu); }
__device__ inline int64_t item_at(const wide_item &a) { return (int64_t)a.at; }
__device__ inline uint64_t item_key(uint64_t a) { return a >> 32; }
__device__ inline uint64_t item_key(const wide_item &a) { return a.key; }

template <class I> __device__ inline I last_item();
template <> __device__ inline uint64_t last_item<uint64_t>() { return ~(uint64_t)0; }
template <> __device__ inline wide_item last_item<wide_item>() { return {~(uint64_t)0, ~(uint64_t)0}; }

__device__ inline uint32_t key_of_float(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return x != x ? 0xffffffffu : x == 0 ? 0x80000000u : u >> 31 ? ~u : u | 0x80000000u;
}
__device__ inline uint64_t key_of_double(double x) {
  uint64_t u;
  memcpy(&u, &x, 8);
  return x != x ? ~(uint64_t)0 : x == 0 ? (uint64_t)1 << 63 : u >> 63 ? ~u : u | (uint64_t)1 << 63;
}
inline bool wide_dtype(int dtype) { return dtype == TC_INT64 || dtype == TC_FLOAT64; }

/* The item of element i of x as number `at` of its row. Descending orders complement the key, and stay stable. */
template <class I> __device__ inline I make_item(const void *x, int dtype, int64_t i, int64_t at, bool descending);
template <> __device__ inline uint64_t make_item<uint64_t>(const void *x, int dtype, int64_t i, int64_t at, bool descending) {
  const uint32_t key = dtype <= TC_INT32 ? (uint32_t)load<int64_t>(x, dtype, i) ^ 0x80000000u : key_of_float(load<float>(x, dtype, i));
  return (uint64_t)(descending ? ~key : key) << 32 | (uint64_t)at;
}
template <> __device__ inline wide_item make_item<wide_item>(const void *x, int dtype, int64_t i, int64_t at, bool descending) {
  const uint64_t key = dtype == TC_INT64 ? (uint64_t)((const int64_t *)x)[i] ^ (uint64_t)1 << 63 : key_of_double(((const double *)x)[i]);
  return {descending ? ~key : key, (uint64_t)at};
}

/* Puts each of `rows` rows of n items in ascending order, in place; they come in the order of their positions, which differ within a row.
   A status of kernels.h. */
int sort_items(uint64_t *items, int64_t rows, int64_t n);
int sort_items(wide_item *items, int64_t rows, int64_t n);
/* The same, row by row, for rows so long that each fills the device. n is below 2^31. */
int sort_long_rows(uint64_t *items, int64_t rows, int64_t n);
int sort_long_rows(wide_item *items, int64_t rows, int64_t n);

/* Rows of up to this many items are sorted in shared memory. */
enum { SORT_TILE = 1024 };

/* Bitonic sort of `count` items in shared memory, a power of two; all threads of the block take part. */
template <class I> __device__ inline void bitonic(I *item, int count) {
  for (int size = 2; size <= count; size *= 2)
    for (int step = size / 2; step; step /= 2) {
      for (int t = threadIdx.x; t < count / 2; t += blockDim.x) {
        const int i = t / step * 2 * step + t % step, j = i + step;
        const bool up = (i & size) == 0;
        const I a = item[i], b = item[j];
        if (item_less(b, a) == up) item[i] = b, item[j] = a;
      }
      __syncthreads();
    }
}
inline int power_of_two(int64_t n) {
  int p = 2;
  while (p < n) p *= 2;
  return p;
}
inline int bitonic_threads(int count) { return count <= 64 ? 32 : count / 2 > 512 ? 512 : count / 2; }
} // namespace tc
