/* mma.cuh: products of 16 x 8 x 16 on tensor cores, by a warp: loads of their operands from shared memory and the product itself, in 16-bit types with sums
   in float. The layouts of a lane's registers are those of PTX's mma.sync.m16n8k16. On the emulated device lanes exchange what they hold. */
#pragma once
#include "element.cuh"

namespace tc {
/* Two neighbours in one register, the first in the low half. */
template <class S> __device__ inline uint32_t two(float x, float y) {
  const S a = put<S>(x), b = put<S>(y);
  uint16_t low, high;
  memcpy(&low, &a, 2);
  memcpy(&high, &b, 2);
  return (uint32_t)low | (uint32_t)high << 16;
}

#ifdef __CUDACC__
template <> __device__ inline uint32_t two<half_t>(float x, float y) {
  const __half2 v = __floats2half2_rn(x, y);
  return *(const uint32_t *)&v;
}
template <> __device__ inline uint32_t two<bfloat_t>(float x, float y) {
  const __nv_bfloat162 v = __floats2bfloat162_rn(x, y);
  return *(const uint32_t *)&v;
}
__device__ inline uint32_t shared_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

/* Four matrices of 8 x 8: lane l gives the address of row l % 8 of matrix l / 8, and gets of each the elements 2 (l % 4) and the next of row l / 4. */
__device__ inline void load_matrices(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
/* The same of the transposed matrices. */
__device__ inline void load_turned(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}

/* c += a b: a is 16 x 16, b 16 x 8. */
template <class S> __device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (std::is_same<S, half_t>::value)
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* 16 bytes from global to shared memory, or zeros; there when copies_done has been called and the block has met. */
__device__ inline void copy_16(void *to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" :: "r"(shared_address(to)), "l"(from), "r"(there ? 16 : 0) : "memory");
}
__device__ inline void copies_end() { asm volatile("cp.async.commit_group;" ::: "memory"); }       /* those so far are one group */
template <int N> __device__ inline void copies_done() { asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory"); } /* all but the last N groups */

#else
/* what lane `lane` of this warp has put into its slot */
template <class T> inline T of_lane(int lane, int at) {
  T v;
  memcpy(&v, emu::slot(emu::here->rank / 32 * 32 + lane) + at * sizeof(T), sizeof v);
  return v;
}
inline void emu_load(uint32_t (&r)[4], const void *row, bool turned) {
  const int lane = emu::here->rank % 32;
  memcpy(emu::slot(emu::here->rank), &row, sizeof row);
  __syncwarp();
  for (int m = 0; m < 4; m++) {
    uint16_t two[2];
    for (int e = 0; e < 2; e++) {
      const int i = lane / 4, j = lane % 4 * 2 + e;
      memcpy(&two[e], of_lane<const uint16_t *>(m * 8 + (turned ? j : i), 0) + (turned ? i : j), 2);
    }
    memcpy(&r[m], two, 4);
  }
  __syncwarp();
}
inline void load_matrices(uint32_t (&r)[4], const void *row) { emu_load(r, row, false); }
inline void load_turned(uint32_t (&r)[4], const void *row) { emu_load(r, row, true); }

template <class S> inline float emu_half(uint32_t pair, int which) {
  const uint16_t bits = (uint16_t)(which ? pair >> 16 : pair);
  S v;
  memcpy((void *)&v, &bits, 2);
  return get<float>(v);
}
template <class S> inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const int lane = emu::here->rank % 32, g = lane / 4, t = lane % 4;
  float left[2][16], right[2][16]; /* rows g and g + 8 of a, columns 2 t and 2 t + 1 of b */
  memcpy(emu::slot(emu::here->rank), a, 16);
  __syncwarp();
  for (int k = 0; k < 16; k++)
    for (int i = 0; i < 2; i++) left[i][k] = emu_half<S>(of_lane<uint32_t>(4 * g + k % 8 / 2, k / 8 * 2 + i), k % 2);
  __syncwarp();
  const uint32_t b[2] = {b0, b1};
  memcpy(emu::slot(emu::here->rank), b, 8);
  __syncwarp();
  for (int k = 0; k < 16; k++)
    for (int j = 0; j < 2; j++) right[j][k] = emu_half<S>(of_lane<uint32_t>(4 * (2 * t + j) + k % 8 / 2, k / 8), k % 2);
  __syncwarp();
  for (int e = 0; e < 4; e++)
    for (int k = 0; k < 16; k++) c[e] += left[e / 2][k] * right[e % 2][k];
}
inline void copy_16(void *to, const void *from, bool there) {
  if (there) memcpy(to, from, 16);
  else memset(to, 0, 16);
}
inline void copies_end() {}
template <int N> inline void copies_done() {}
#endif

/* ---- tiles in shared memory: rows of W elements; 16 bytes of padding keep the rows of a matrix in different banks ---- */
/* The 16 x 16 part of a tile that begins at row and column: the left operand of `multiply`. */
template <int W, class S> __device__ inline void load_left(uint32_t (&r)[4], const S *tile, int row, int column) {
  const int lane = (int)threadIdx.x % 32;
  load_matrices(r, tile + (row + lane % 16) * W + column + lane / 16 * 8);
}
/* acc[n] += a (rows of the tile n*8 ..)': the product of 16 x 16 channels with N rows of a tile. */
template <class S, int W, int N> __device__ inline void times_rows(float (&acc)[N / 8][4], const uint32_t (&a)[4], const S *tile, int column) {
  const int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < N; n += 16) {
    uint32_t b[4];
    load_matrices(b, tile + (n + lane % 8 + lane / 16 * 8) * W + column + lane / 8 % 2 * 8);
    multiply<S>(acc[n / 8], a, b[0], b[1]);
    multiply<S>(acc[n / 8 + 1], a, b[2], b[3]);
  }
}
/* acc[d] += p tile: p is 16 x N, as the sums that times_rows leaves, D the channels of the tile. */
template <class S, int W, int N, int D> __device__ inline void times_tile(float (&acc)[D / 8][4], const float (&p)[N / 8][4], const S *tile) {
  const int lane = (int)threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < N; n += 16) {
    const uint32_t a[4] = {two<S>(p[n / 8][0], p[n / 8][1]), two<S>(p[n / 8][2], p[n / 8][3]),
                           two<S>(p[n / 8 + 1][0], p[n / 8 + 1][1]), two<S>(p[n / 8 + 1][2], p[n / 8 + 1][3])};
#pragma unroll
    for (int d = 0; d < D; d += 16) {
      uint32_t b[4];
      load_turned(b, tile + (n + lane % 16) * W + d + lane / 16 * 8);
      multiply<S>(acc[d / 8], a, b[0], b[1]);
      multiply<S>(acc[d / 8 + 1], a, b[2], b[3]);
    }
  }
}
} // namespace tc
