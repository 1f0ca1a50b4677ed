/* embedding.cu: rows of a table picked by labels that count from 1, their gradient, and the largest of a bag of rows. */
#include "block.cuh"
#include "order.cuh"

namespace {
using namespace tc;

/* y[i] = table[index[i] - 1] in units of S; a label that is out of range gives zeros and is reported. */
template <class S> __global__ void pick_rows(S *y, const S *table, const int64_t *index, int64_t count, int64_t width, int64_t rows, tc_fault_slot *slot,
                                             unsigned long long ticket) {
  TC_EACH(k, count * width) {
    const int64_t i = k / width, j = k % width, at = index[i];
    const bool good = at >= 1 && at <= rows;
    if (!good && j == 0) tc_report(slot, ticket, i, at);
    y[k] = good ? table[(at - 1) * width + j] : S{};
  }
}
template <class S> __global__ void pick_scaled(S *y, const S *table, const int64_t *index, const S *scale, int64_t count, int64_t width, int64_t rows,
                                               tc_fault_slot *slot, unsigned long long ticket) {
  typedef computed_t<S> T;
  TC_EACH(k, count * width) {
    const int64_t i = k / width, j = k % width, at = index[i];
    const bool good = at >= 1 && at <= rows;
    if (!good && j == 0) tc_report(slot, ticket, i, at);
    y[k] = put<S>(good ? get<T>(scale[i]) * get<T>(table[(at - 1) * width + j]) : T(0));
  }
}

/* ---- the gradient: the labels in order, each with its place; a block adds the rows of one label, in that order ---- */
__global__ void label_items(uint64_t *items, const int64_t *index, int64_t count) {
  TC_EACH(i, count) items[i] = (uint64_t)(index[i] - 1) << 32 | (uint64_t)i;
}
/* Long runs of one label are cut in pieces of RUN, which are summed apart (in parts, by the first place of the piece) and then joined. */
enum { RUN = 64 };
__device__ inline bool begins(const uint64_t *items, int64_t i) { return i == 0 || items[i - 1] >> 32 != items[i] >> 32; }

/* Where the run of item i begins, by bisection. */
__device__ inline int64_t run_start(const uint64_t *items, int64_t i) {
  const uint64_t label = items[i] >> 32;
  int64_t lo = 0, hi = i;
  while (lo < hi) {
    const int64_t middle = (lo + hi) / 2;
    if (items[middle] >> 32 < label) lo = middle + 1;
    else hi = middle;
  }
  return lo;
}

template <class S> __global__ void sum_pieces(computed_t<S> *parts, const uint64_t *items, const S *g, const S *scale, int64_t count, int64_t width) {
  typedef computed_t<S> T;
  const int64_t i = blockIdx.x;
  const uint64_t label = items[i] >> 32;
  if (!begins(items, i) && (i - run_start(items, i)) % RUN) return;
  for (int64_t j = threadIdx.x; j < width; j += blockDim.x) {
    T sum = 0;
    for (int64_t k = i; k < i + RUN && k < count && items[k] >> 32 == label; k++) {
      const int64_t row = (int64_t)(items[k] & 0xffffffffu);
      const T s = scale ? get<T>(scale[row]) : T(1);
      if (s != 0) sum += s * get<T>(g[row * width + j]);
    }
    parts[i * width + j] = sum;
  }
}
template <class S> __global__ void join_pieces(S *dtable, const computed_t<S> *parts, const uint64_t *items, int64_t count, int64_t width, int64_t rows) {
  const int64_t i = blockIdx.x, label = (int64_t)(items[i] >> 32);
  if (!begins(items, i) || label >= rows) return;
  for (int64_t j = threadIdx.x; j < width; j += blockDim.x) {
    double sum = get<double>(dtable[label * width + j]);
    for (int64_t k = i; k < count && (int64_t)(items[k] >> 32) == label; k += RUN) sum += parts[k * width + j];
    dtable[label * width + j] = put<S>(sum);
  }
}

template <class S> int backward(const tc_view *dtable, const tc_view *g, const tc_view *index, const tc_view *scale) {
  typedef computed_t<S> T;
  const int64_t count = index->numel, width = dtable->size[1];
  if (count == 0 || width == 0) return TC_OK;
  tc_workspace items((size_t)count * 8), parts((size_t)(count * width) * sizeof(T));
  if (!items.data || !parts.data) return TC_NO_MEMORY;
  const int threads = row_threads(width, 1) > 256 ? 256 : row_threads(width, 1);
  TC_TRY(tc_run(label_items, tc_blocks(count, 256), 256, 0, items.as<uint64_t>(), (const int64_t *)index->data, count));
  TC_TRY(sort_items(items.as<uint64_t>(), 1, count));
  TC_TRY(tc_run(sum_pieces<S>, count, threads, 0, parts.as<T>(), (const uint64_t *)items.data, (const S *)g->data, scale ? (const S *)scale->data : (const S *)nullptr,
                count, width));
  return tc_run(join_pieces<S>, count, threads, 0, (S *)dtable->data, (const T *)parts.data, (const uint64_t *)items.data, count, width, dtable->size[0]);
}

/* ---- the first largest element of each column of each bag: bags in order ---- */
template <class S> __global__ void bag_columns(int64_t *most, const S *x, const uint64_t *items, const uint8_t *skip, int64_t rows, int64_t width, int64_t bags) {
  typedef computed_t<S> T;
  TC_EACH(at, bags * width) {
    const uint64_t bag = (uint64_t)(at / width);
    const int64_t j = at % width;
    int64_t lo = 0, hi = rows, best = 0;
    while (lo < hi) {
      const int64_t middle = (lo + hi) / 2;
      if (items[middle] >> 32 < bag) lo = middle + 1;
      else hi = middle;
    }
    for (; lo < rows && items[lo] >> 32 == bag; lo++) {
      const int64_t row = (int64_t)(items[lo] & 0xffffffffu);
      if (skip && skip[row]) continue;
      if (best == 0 || get<T>(x[row * width + j]) > get<T>(x[(best - 1) * width + j])) best = row + 1;
    }
    most[at] = best ? best : 1;
  }
}
} // namespace

extern "C" int TC_KERNEL(embedding)(const tc_view *y, const tc_view *table, const tc_view *index, const tc_view *scale, tc_fault *fault) {
  const int64_t rows = table->size[0], width = table->size[1], count = index->numel;
  const int64_t *at = (const int64_t *)index->data;
  unsigned long long ticket;
  if (y->numel == 0) return TC_OK;
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  if (!slot) return TC_NO_MEMORY;
  if (scale) TC_FLOATS(y->dtype, {
    TC_TRY(tc_run(pick_scaled<S>, tc_blocks(y->numel, 256, 64), 256, 0, (S *)y->data, (const S *)table->data, at, (const S *)scale->data, count, width, rows, slot, ticket));
  });
  else {
    int64_t bytes = width * dtype_bytes(y->dtype), unit = dtype_bytes(y->dtype);
    while (unit < 16 && bytes % (2 * unit) == 0 && aligned(y->data, 2 * unit) && aligned(table->data, 2 * unit)) unit *= 2;
    TC_MOVES(unit, {
      TC_TRY(tc_run(pick_rows<S>, tc_blocks(count * (bytes / unit), 256, 64), 256, 0, (S *)y->data, (const S *)table->data, at, count, bytes / unit, rows, slot, ticket));
    });
  }
  return tc_cuda_fault_check(ticket, fault);
}

extern "C" int TC_KERNEL(embedding_backward)(const tc_view *dtable, const tc_view *g, const tc_view *index, const tc_view *scale) {
  TC_FLOATS(g->dtype, { return backward<S>(dtable, g, index, scale); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(bag_argmax)(const tc_view *most, const tc_view *x, const tc_view *bag, const tc_view *skip) {
  const int64_t width = x->size[1], rows = x->size[0], bags = width ? most->numel / width : 0;
  if (most->numel == 0) return TC_OK;
  tc_workspace items((size_t)rows * 8);
  if (!items.data) return TC_NO_MEMORY;
  if (rows) TC_TRY(tc_run(label_items, tc_blocks(rows, 256), 256, 0, items.as<uint64_t>(), (const int64_t *)bag->data, rows));
  TC_TRY(sort_items(items.as<uint64_t>(), 1, rows));
  TC_FLOATS(x->dtype, {
    return tc_run(bag_columns<S>, tc_blocks(most->numel, 256, 64), 256, 0, (int64_t *)most->data, (const S *)x->data, (const uint64_t *)items.data,
                  skip ? (const uint8_t *)skip->data : (const uint8_t *)nullptr, rows, width, bags);
  });
  return TC_MISSING;
}
