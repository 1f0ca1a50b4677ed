/* block.cuh: sums, extremes and running sums over the threads of a block, always in the same order. */
#pragma once
#include "element.cuh"

namespace tc {
struct plus { template <class T> __device__ T operator()(T a, T b) const { return a + b; } };
struct larger { template <class T> __device__ T operator()(T a, T b) const { return b > a ? b : a; } };          /* NaN never wins */
struct larger_nan { template <class T> __device__ T operator()(T a, T b) const { return a != a ? a : b != b ? b : b > a ? b : a; } };

__device__ inline int thread_count() { return (int)(blockDim.x * blockDim.y); }
__device__ inline int thread_number() { return (int)(threadIdx.y * blockDim.x + threadIdx.x); }

template <class T, class Op> __device__ inline T warp_fold(T v, Op op) {
#pragma unroll
  for (int step = 16; step; step /= 2) v = op(v, __shfl_xor_sync(0xffffffffu, v, step));
  return v;
}

/* All threads get the fold of their values. The block is whole warps, at most 1024 threads; `room` holds 33 T in shared memory and may be
   used again at once. The tree depends on the block's size alone. */
template <class T, class Op> __device__ inline T block_fold(T v, Op op, T *room) {
  const int warps = thread_count() / 32, warp = thread_number() / 32, lane = thread_number() % 32;
  v = warp_fold(v, op);
  if (warps == 1) return v;
  __syncthreads();
  if (lane == 0) room[warp] = v;
  __syncthreads();
  if (thread_number() == 0) {
    T total = room[0];
    for (int w = 1; w < warps; w++) total = op(total, room[w]);
    room[32] = total;
  }
  __syncthreads();
  return room[32];
}

/* The sum of the values of all threads before this one; *total gets that of all. Room as above. */
template <class T> __device__ inline T block_before(T v, T *room, T *total) {
  const int warps = (thread_count() + 31) / 32, warp = thread_number() / 32, lane = thread_number() % 32;
  T sum = v;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    T other = __shfl_up_sync(0xffffffffu, sum, step);
    if (lane >= step) sum += other;
  }
  __syncthreads();
  if (lane == 31) room[warp] = sum;
  __syncthreads();
  if (thread_number() == 0) {
    T before = 0;
    for (int w = 0; w < warps; w++) {
      T here = room[w];
      room[w] = before;
      before += here;
    }
    room[32] = before;
  }
  __syncthreads();
  *total = room[32];
  return room[warp] + sum - v;
}

/* A block for rows of n elements: whole warps, enough for a few elements each. */
inline int row_threads(int64_t n, int64_t each = 4) {
  int64_t threads = 32;
  while (threads < 1024 && threads * each < n) threads *= 2;
  return (int)threads;
}
} // namespace tc
