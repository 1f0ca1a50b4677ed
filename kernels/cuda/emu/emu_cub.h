/* emu_cub.h: what stands in for CUB on the emulated device: DeviceRadixSort::SortKeys with the same arguments, computed on the host in the order
   of the stream. As strict as the library may be: it wants its workspace, uses all of it up and leaves the result in the other buffer. */
#pragma once
#include "emu.h"
#include <vector>

namespace cuda { namespace std { using ::std::tuple; using ::std::get; } }

namespace cub {
template <class T> struct DoubleBuffer {
  T *d_buffers[2];
  int selector = 0;
  DoubleBuffer(T *now, T *other) : d_buffers{now, other} {}
  T *Current() const { return d_buffers[selector]; }
  T *Alternate() const { return d_buffers[selector ^ 1]; }
};

class DeviceRadixSort {
  static uint64_t bits(uint64_t v, int from, int to) { return to - from == 64 ? v : v >> from & (((uint64_t)1 << (to - from)) - 1); }

  template <class T, class Key> static cudaError_t sort(void *room, size_t &bytes, DoubleBuffer<T> &items, uint32_t n, Key key, cudaStream_t stream) {
    const size_t wanted = 1024 + n / 16;
    if (!room) return bytes = wanted, cudaSuccess;
    if (bytes < wanted) return cudaErrorInvalidValue;
    T *from = items.Current(), *to = items.Alternate();
    items.selector ^= 1;
    return emu::host_task([=] {
      ::std::vector<T> all(from, from + n);
      ::std::stable_sort(all.begin(), all.end(), [=](T a, T b) { return key(a) < key(b); });
      memset(room, 0xff, wanted);
      memset((void *)from, 0xff, n * sizeof(T));
      ::std::copy(all.begin(), all.end(), to);
    }, stream);
  }

public:
  static cudaError_t SortKeys(void *room, size_t &bytes, DoubleBuffer<uint64_t> &items, uint32_t n, int from, int to, cudaStream_t stream) {
    return sort(room, bytes, items, n, [=](uint64_t v) { return bits(v, from, to); }, stream);
  }
  template <class T, class Parts>
  static cudaError_t SortKeys(void *room, size_t &bytes, DoubleBuffer<T> &items, uint32_t n, Parts parts, int from, int to, cudaStream_t stream) {
    return sort(room, bytes, items, n, [=](T &v) { return bits(::std::get<0>(parts(v)), from, to); }, stream);
  }
};
} // namespace cub
