/* radix.cu: long rows of items by CUB's radix sort. */
#include "order.cuh"
#ifdef __CUDACC__
#include <cub/device/device_radix_sort.cuh>
#else
#include "emu/emu_cub.h"
#endif

namespace {
using namespace tc;

/* The part of an item that decides: CUB asks for a tuple of references to what it reads as digits. */
struct key_of {
  __host__ __device__ ::cuda::std::tuple<uint64_t &> operator()(wide_item &item) const { return {item.key}; }
};

/* One call of CUB. Without room it only tells how much it wants. Equal keys keep their order, and items come in the order of their positions:
   so the position need not be looked at. */
cudaError_t sort_keys(void *room, size_t &bytes, cub::DoubleBuffer<uint64_t> &items, uint32_t n) {
  return cub::DeviceRadixSort::SortKeys(room, bytes, items, n, 32, 64, tc_cuda_stream());
}
cudaError_t sort_keys(void *room, size_t &bytes, cub::DoubleBuffer<wide_item> &items, uint32_t n) {
  return cub::DeviceRadixSort::SortKeys(room, bytes, items, n, key_of(), 0, 64, tc_cuda_stream());
}

template <class I> int sort_row(I *row, I *spare, uint32_t n, void *room, size_t bytes) {
  cub::DoubleBuffer<I> items(row, spare);
  TC_TRY(tc_cuda_launched(sort_keys(room, bytes, items, n)));
  if (items.Current() == row) return TC_OK;
  return tc_cuda_launched(cudaMemcpyAsync(row, items.Current(), (size_t)n * sizeof(I), cudaMemcpyDeviceToDevice, tc_cuda_stream()));
}

template <class I> int sort_rows(I *items, int64_t rows, int64_t n) {
  tc_workspace spare((size_t)n * sizeof(I));
  if (!spare.data) return TC_NO_MEMORY;
  cub::DoubleBuffer<I> first(items, spare.as<I>());
  size_t bytes = 0;
  TC_TRY(tc_cuda_launched(sort_keys(nullptr, bytes, first, (uint32_t)n)));
  tc_workspace room(bytes);
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t k = 0; k < rows; k++) TC_TRY(sort_row(items + k * n, spare.as<I>(), (uint32_t)n, room.data, bytes));
  return TC_OK;
}
} // namespace

int tc::sort_long_rows(uint64_t *items, int64_t rows, int64_t n) { return sort_rows(items, rows, n); }
int tc::sort_long_rows(wide_item *items, int64_t rows, int64_t n) { return sort_rows(items, rows, n); }
