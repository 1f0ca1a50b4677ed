/* cdist.cu: the distances of all pairs of rows of two batches of matrices, in tiles of 16 x 16 pairs whose rows are read once. */
#include "element.cuh"

namespace {
using namespace tc;
enum { TILE = 16 };
enum { EUCLID, CITY, CHEBYSHEV, HAMMING, POWER };

template <class T> __device__ inline T term(int kind, T d, T p) {
  const T size = d < 0 ? -d : d;
  switch (kind) {
    case EUCLID: return d * d;
    case HAMMING: return T(d != 0);
    case POWER: return pow(size, p);
    default: return size;
  }
}

/* y (batch, rows, columns), a (batch, rows, m), b (batch, columns, m) */
template <class T> __global__ void distances(int kind, T *y, const T *a, const T *b, int64_t rows, int64_t columns, int64_t m, int64_t across, int64_t down, double p) {
  __shared__ T left[TILE][TILE + 1], right[TILE][TILE + 1];
  const int64_t tile = blockIdx.x % (across * down), batch = blockIdx.x / (across * down);
  const int64_t row = tile / across * TILE + threadIdx.y, column = tile % across * TILE + threadIdx.x, other = tile % across * TILE + threadIdx.y;
  double total = 0;
  for (int64_t k = 0; k < m; k += TILE) {
    const int64_t at = k + threadIdx.x;
    left[threadIdx.y][threadIdx.x] = row < rows && at < m ? a[(batch * rows + row) * m + at] : T(0);
    right[threadIdx.y][threadIdx.x] = other < columns && at < m ? b[(batch * columns + other) * m + at] : T(0);
    __syncthreads();
    T part = 0;
    const int n = m - k < TILE ? (int)(m - k) : TILE;
    for (int j = 0; j < n; j++) {
      const T t = term(kind, left[threadIdx.y][j] - right[threadIdx.x][j], (T)p);
      part = kind == CHEBYSHEV ? (t > part || t != t ? t : part) : part + t;
    }
    total = kind == CHEBYSHEV ? (part > total || part != part ? (double)part : total) : total + part;
    __syncthreads();
  }
  if (row >= rows || column >= columns) return;
  if (kind == EUCLID) total = sqrt(total);
  if (kind == POWER) total = pow(total, 1 / p);
  y[(batch * rows + row) * columns + column] = (T)total;
}
} // namespace

extern "C" int TC_KERNEL(cdist)(const tc_view *y, const tc_view *a, const tc_view *b, double p) {
  const int kind = p == 2 ? EUCLID : p == 1 ? CITY : p == 0 ? HAMMING : p - p != 0 ? CHEBYSHEV : POWER;
  const int64_t rows = y->size[1], columns = y->size[2], m = a->size[2], across = (columns + TILE - 1) / TILE, down = (rows + TILE - 1) / TILE;
  if (y->numel == 0) return TC_OK;
  const dim3 grid((unsigned)(y->size[0] * across * down)), block(TILE, TILE);
  TC_WIDE_FLOATS(y->dtype, {
    return tc_launch(distances<S>, grid, block, 0, tc_cuda_stream(), kind, (S *)y->data, (const S *)a->data, (const S *)b->data, rows, columns, m, across, down, p);
  });
  return TC_MISSING;
}
