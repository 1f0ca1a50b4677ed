/* search.cu: binary search in sorted rows, counting by value, groups of equal rows. */
#include "block.cuh"
#include "order.cuh"

namespace {
using namespace tc;

/* The first place of seq[order[.]] whose value is not below v (or, to the right, is above it): NaN is above everything. */
template <class T> __global__ void search(void *out, int out_type, const T *seq, const int64_t *order, int64_t n, const T *values, int64_t numel, int64_t m, int right) {
  TC_EACH(k, numel) {
    const int64_t row = m ? k / m * n : 0;
    const T v = values[k];
    int64_t lo = 0, left = n;
    while (left > 0) {
      const int64_t half = left / 2, middle = lo + half;
      const T x = seq[row + (order ? order[row + middle] - 1 : middle)];
      const bool below = right ? !(x > v) : !(x >= v);
      lo = below ? middle + 1 : lo;
      left = below ? left - half - 1 : half;
    }
    store(out, out_type, k, lo + 1);
  }
}

/* ---- bincount: whole counts by atomics, which no order changes; weights in the order of their elements ---- */
__global__ void count_values(unsigned long long *out, const int64_t *x, int64_t n, int64_t bins, tc_fault_slot *slot, unsigned long long ticket) {
  TC_EACH(i, n) {
    if (x[i] < 1 || x[i] > bins) tc_report(slot, ticket, i, x[i]);
    else atomicAdd(&out[x[i] - 1], 1ull);
  }
}
__global__ void bin_items(uint64_t *items, const int64_t *x, int64_t n, int64_t bins, tc_fault_slot *slot, unsigned long long ticket) {
  TC_EACH(i, n) {
    const bool good = x[i] >= 1 && x[i] <= bins;
    if (!good) tc_report(slot, ticket, i, x[i]);
    items[i] = (good ? (uint64_t)(x[i] - 1) : (uint64_t)0xffffffffu) << 32 | (uint64_t)i;
  }
}
__global__ void add_weights(double *out, const uint64_t *items, const double *weights, int64_t n, int64_t bins) {
  TC_EACH(bin, bins) {
    int64_t lo = 0, hi = n;
    while (lo < hi) {
      const int64_t middle = (lo + hi) / 2;
      if (items[middle] >> 32 < (uint64_t)bin) lo = middle + 1;
      else hi = middle;
    }
    double sum = out[bin];
    for (; lo < n && items[lo] >> 32 == (uint64_t)bin; lo++) sum += weights[items[lo] & 0xffffffffu];
    out[bin] = sum;
  }
}

/* Counts in equal parts of low .. high, both ends included; computed in the dtype of x, as the edges are. */
template <class T> __global__ void histogram(double *count, const T *x, int64_t n, int64_t bins, T low, T high) {
  TC_EACH(i, n) {
    if (!(x[i] >= low && x[i] <= high)) continue;
    const int64_t p = (int64_t)((x[i] - low) * (T)bins / (high - low));
    atomicAdd(&count[p < bins ? p : bins - 1], 1.0);
  }
}

/* ---- unique ---- */
__device__ inline uint64_t element_key(const void *x, int dtype, int64_t i) {
  if (dtype == TC_INT64) return (uint64_t)((const int64_t *)x)[i] ^ (uint64_t)1 << 63;
  return dtype == TC_FLOAT64 ? key_of_double(((const double *)x)[i]) : key_of_float(((const float *)x)[i]);
}
/* The rows in their present order, keyed by one column. */
__global__ void column_items(wide_item *items, const int64_t *order, const void *x, int dtype, int64_t n, int64_t m, int64_t column) {
  TC_EACH(i, n) items[i] = {element_key(x, dtype, (order ? order[i] : i) * m + column), (uint64_t)i};
}
__global__ void reorder(int64_t *to, const int64_t *order, const wide_item *items, int64_t n) {
  TC_EACH(i, n) to[i] = order ? order[items[i].at] : (int64_t)items[i].at;
}
template <class T> __device__ inline bool same_rows(const T *x, int64_t a, int64_t b, int64_t m) {
  for (int64_t j = 0; j < m; j++)
    if (x[a * m + j] != x[b * m + j]) return false;
  return true;
}
/* opens[i]: does the i-th row in order begin a group? NaN is equal to nothing. */
__global__ void find_openings(int64_t *opens, const int64_t *order, const void *x, int dtype, int64_t n, int64_t m) {
  TC_EACH(i, n) {
    const int64_t a = i ? (order ? order[i - 1] : i - 1) : 0, b = order ? order[i] : i;
    const bool same = dtype == TC_FLOAT32 ? same_rows((const float *)x, a, b, m) : dtype == TC_FLOAT64 ? same_rows((const double *)x, a, b, m)
                                                                                                        : same_rows((const int64_t *)x, a, b, m);
    opens[i] = i == 0 || !same;
  }
}
/* number[i]: the group of the i-th row in order, from 1. starts gets where each group begins. */
__global__ void name_groups(int64_t *group, int64_t *first, int64_t *starts, const int64_t *opens, const int64_t *number, const int64_t *order, int64_t n) {
  TC_EACH(i, n) {
    const int64_t row = order ? order[i] : i;
    if (group) group[row] = number[i];
    if (opens[i]) first[number[i] - 1] = row + 1, starts[number[i] - 1] = i;
  }
}
__global__ void count_groups(int64_t *count, const int64_t *starts, const int64_t *number, int64_t n) {
  TC_EACH(g, number[n - 1]) count[g] = (g + 1 < number[n - 1] ? starts[g + 1] : n) - starts[g];
}
} // namespace

extern "C" int TC_KERNEL(searchsorted)(const tc_view *out, const tc_view *seq, const int64_t *order, const tc_view *values, int right) {
  const int64_t n = seq->size[seq->ndim - 1], m = seq->ndim > 1 ? values->size[values->ndim - 1] : 0, blocks = tc_blocks(values->numel, 256, 64);
  if (values->numel == 0) return TC_OK;
#define SEARCH(T) return tc_run(search<T>, blocks, 256, 0, (void *)out->data, out->dtype, (const T *)seq->data, order, n, (const T *)values->data, values->numel, m, right)
  if (seq->dtype == TC_FLOAT32) SEARCH(float);
  if (seq->dtype == TC_FLOAT64) SEARCH(double);
  SEARCH(int64_t);
}

extern "C" int TC_KERNEL(bincount)(const tc_view *out, const tc_view *x, const tc_view *weights, tc_fault *fault) {
  const int64_t *position = (const int64_t *)x->data;
  unsigned long long ticket;
  if (x->numel == 0) return TC_OK;
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  if (!slot) return TC_NO_MEMORY;
  if (!weights) {
    TC_TRY(tc_run(count_values, tc_blocks(x->numel, 256, 64), 256, 0, (unsigned long long *)out->data, position, x->numel, out->numel, slot, ticket));
    return tc_cuda_fault_check(ticket, fault);
  }
  tc_workspace items((size_t)x->numel * 8);
  if (!items.data) return TC_NO_MEMORY;
  TC_TRY(tc_run(bin_items, tc_blocks(x->numel, 256), 256, 0, items.as<uint64_t>(), position, x->numel, out->numel, slot, ticket));
  TC_TRY(sort_items(items.as<uint64_t>(), 1, x->numel));
  TC_TRY(tc_run(add_weights, tc_blocks(out->numel, 128, 64), 128, 0, (double *)out->data, (const uint64_t *)items.data, (const double *)weights->data, x->numel, out->numel));
  return tc_cuda_fault_check(ticket, fault);
}

extern "C" int TC_KERNEL(histc)(const tc_view *count, const tc_view *x, double low, double high) {
  const int64_t blocks = tc_blocks(x->numel, 256, 16);
  if (x->numel == 0) return TC_OK;
  if (x->dtype == TC_FLOAT32) return tc_run(histogram<float>, blocks, 256, 0, (double *)count->data, (const float *)x->data, x->numel, count->numel, (float)low, (float)high);
  return tc_run(histogram<double>, blocks, 256, 0, (double *)count->data, (const double *)x->data, x->numel, count->numel, low, high);
}

/* x is (n, m), row-major, float32, float64 or int64; rows are ordered by one column after another from the last, each sort stable. */
extern "C" int TC_KERNEL(unique)(const tc_view *x, int sorted, int64_t *group, int64_t *first, int64_t *count, int64_t *groups) {
  const int64_t n = x->size[0], m = n ? x->numel / n : 0, blocks = tc_blocks(n, 256);
  *groups = 0;
  if (n == 0) return TC_OK;
  tc_workspace items(sorted ? (size_t)n * sizeof(wide_item) : 1), room((size_t)n * 8 * 5);
  if (!items.data || !room.data) return TC_NO_MEMORY;
  int64_t *opens = room.as<int64_t>(), *number = opens + n, *starts = number + n, *order = nullptr, *next = starts + n, *spare = next + n;
  for (int64_t j = m - 1; sorted && j >= 0; j--) {
    TC_TRY(tc_run(column_items, blocks, 256, 0, items.as<wide_item>(), (const int64_t *)order, (const void *)x->data, x->dtype, n, m, j));
    TC_TRY(sort_items(items.as<wide_item>(), 1, n));
    TC_TRY(tc_run(reorder, blocks, 256, 0, next, (const int64_t *)order, (const wide_item *)items.data, n));
    order = next;
    next = order == starts + n ? spare : starts + n;
  }
  TC_TRY(tc_run(find_openings, blocks, 256, 0, opens, (const int64_t *)order, (const void *)x->data, x->dtype, n, m));
  const tc_view from = {opens, TC_INT64, 1, n, &n, &n}, to = {number, TC_INT64, 1, n, &n, &n};
  TC_TRY(TC_KERNEL(scan)(TC_SCAN_SUM, TC_SCAN_FORWARD, TC_INT64, &to, &from, 0, nullptr));
  TC_TRY(tc_run(name_groups, blocks, 256, 0, group, first, starts, (const int64_t *)opens, (const int64_t *)number, (const int64_t *)order, n));
  TC_TRY(tc_run(count_groups, blocks, 256, 0, count, (const int64_t *)starts, (const int64_t *)number, n));
  return tc_cuda_download(groups, number + n - 1, sizeof *groups);
}
