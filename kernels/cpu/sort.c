/* sort.c: orders along one dim: sort, topk, k-th values and medians, modes. Each row becomes keys with positions (order.h), is ordered
 * as those, and is read back through the positions. Tensors are row-major, seen as (outer, n, inner). */
#include "order.h"

typedef struct rows { int64_t outer, n, inner; } rows;

static rows rows_of(const tc_view *x, int dim) {
  rows r = {1, x->ndim ? x->size[dim] : 1, 1};
  for (int d = 0; d < x->ndim; d++)
    if (d < dim) r.outer *= x->size[d];
    else if (d > dim) r.inner *= x->size[d];
  return r;
}

static row_ref row_at(const tc_view *x, rows r, int64_t k) {
  int64_t first = k / r.inner * r.n * r.inner + k % r.inner;
  return (row_ref){(const char *)x->data + first * tc_dtype_bytes(x->dtype), x->dtype, r.n, r.inner};
}

/* What to do with each row: `each` finds the row's items in `room`, which holds 2 n of them. */
typedef struct task {
  void (*each)(const struct task *t, const row_ref *row, void *room, int64_t k);
  const tc_view *x, *values;    /* values may be NULL, and so may index */
  int64_t *index;
  rows r;
  bool descending;
  int which;
  int64_t count;                /* elements of a result row, or the rank looked for */
} task;

static bool run_rows(const task *t, int64_t first, int64_t last) {
  void *room = malloc((size_t)(2 * t->r.n * item_bytes(t->x->dtype)));
  if (!room) return false;
  for (int64_t k = first; k < last; k++) {
    row_ref row = row_at(t->x, t->r, k);
    load_items(&row, t->descending, room);
    t->each(t, &row, room, k);
  }
  free(room);
  return true;
}

static int run_task(const task *t, double cost) {
  int failed = 0;
  int64_t all = t->r.outer * t->r.inner;
  if (t->x->numel == 0) return TC_OK;
  cost *= (double)t->x->numel;
  if (tc_threads_for(cost) == 1) return run_rows(t, 0, all) ? TC_OK : TC_NO_MEMORY;
  TC_PARALLEL(all, 1, cost)
    if (!run_rows(t, lo, hi)) { _Pragma("omp atomic write") failed = 1; }
  TC_PARALLEL_END
  return failed ? TC_NO_MEMORY : TC_OK;
}

/* Where row k of a result with m elements a row begins. */
static int64_t result_at(rows r, int64_t k, int64_t m) { return k / r.inner * m * r.inner + k % r.inner; }

static char *value_at(const tc_view *values, int64_t at) {
  return values ? (char *)values->data + at * tc_dtype_bytes(values->dtype) : NULL;
}

static void sort_row(const task *t, const row_ref *row, void *room, int64_t k) {
  int64_t at = result_at(t->r, k, t->r.n);
  sort_items(row->dtype, row->n, room);
  store_items(row, row->n, room, value_at(t->values, at), t->index ? t->index + at : NULL, t->r.inner);
}

int TC_KERNEL(sort)(const tc_view *values, int64_t *index, const tc_view *x, int dim, int descending) {
  task t = {.each = sort_row, .x = x, .values = values, .index = index, .r = rows_of(x, dim), .descending = descending};
  return run_task(&t, 12);
}

/* The k first items, in the order of their positions, so that the radix sort finds equal ones in order: those up to the k-th. */
static void first_by_position(const row_ref *row, bool descending, void *room, int64_t k) {
  int64_t n = row->n, kept = 0;
  if (wide_dtype(row->dtype)) {
    wide *a = room, last;
    wide_select(n, a, k);
    last = a[k - 1];
    load_items(row, descending, room);
    for (int64_t i = 0; i < n; i++)
      if (!WIDE_LESS(last, a[i])) a[kept++] = a[i];
  } else {
    uint64_t *a = room, last;
    narrow_select(n, a, k);
    last = a[k - 1];
    load_items(row, descending, room);
    for (int64_t i = 0; i < n; i++)
      if (a[i] <= last) a[kept++] = a[i];
  }
}

/* The k first items in order: few are kept in a heap, many are split off first. */
static void first_items(const row_ref *row, bool descending, void *room, int64_t k) {
  int64_t n = row->n;
  bool heap = k <= 256 && k <= n / 4;
  if (heap && wide_dtype(row->dtype)) wide_keep_smallest(n, room, k);
  else if (heap) narrow_keep_smallest(n, room, k);
  else if (k < n) first_by_position(row, descending, room, k);
  sort_items(row->dtype, k, room);
}

static void top_row(const task *t, const row_ref *row, void *room, int64_t k) {
  int64_t at = result_at(t->r, k, t->count);
  first_items(row, t->descending, room, t->count);
  store_items(row, t->count, room, value_at(t->values, at), t->index + at, t->r.inner);
}

int TC_KERNEL(topk)(const tc_view *values, int64_t *index, const tc_view *x, int dim, int64_t count, int largest) {
  task t = {.each = top_row, .x = x, .values = values, .index = index, .r = rows_of(x, dim), .descending = largest, .count = count};
  return count == 0 ? TC_OK : run_task(&t, 3);
}

/* ---- one element of each row ---- */
static int64_t count_nan(int dtype, int64_t n, const void *room) {
  int64_t count = 0;
  uint64_t nan = dtype == TC_FLOAT64 ? ~(uint64_t)0 : 0xffffffffu;
  if (dtype <= TC_INT64) return 0;
  for (int64_t i = 0; i < n; i++) count += item_key(dtype, room, i) == nan;
  return count;
}

/* Which of the ordered items is meant: the k-th, or the median, where NaN wins (rank: the first of them) or is left out. */
static int64_t rank_of(int which, int64_t k, int64_t n, int64_t nans) {
  if (which == TC_RANK_KTH) return k;
  if (which == TC_RANK_MEDIAN) return nans ? n - nans + 1 : (n + 1) / 2;
  return nans == n ? 1 : (n - nans + 1) / 2;
}

/* Narrow keys are first thinned by their top bits to those that share the bucket of the k-th; gives the rank among them. */
static int64_t thin(int64_t *n, uint64_t *a, int64_t k) {
  enum { BITS = 11, SIZE = 1 << BITS };
  int64_t count[SIZE] = {0}, before = 0, kept = 0;
  for (int64_t i = 0; i < *n; i++) count[a[i] >> (64 - BITS)]++;
  uint64_t bucket = 0;
  while (before + count[bucket] < k) before += count[bucket++];
  for (int64_t i = 0; i < *n; i++) {
    a[kept] = a[i];
    kept += a[i] >> (64 - BITS) == bucket;
  }
  *n = kept;
  return k - before;
}

static void select_item(int dtype, int64_t n, void *room, int64_t k) { /* leaves it in front */
  if (wide_dtype(dtype)) {
    wide *a = room;
    wide_select(n, a, k);
    a[0] = a[k - 1];
  } else {
    uint64_t *a = room;
    if (n > 4096) k = thin(&n, a, k);
    narrow_select(n, a, k);
    a[0] = a[k - 1];
  }
}

static void rank_row(const task *t, const row_ref *row, void *room, int64_t k) {
  int64_t nans = t->which == TC_RANK_KTH ? 0 : count_nan(row->dtype, row->n, room);
  select_item(row->dtype, row->n, room, rank_of(t->which, t->count, row->n, nans));
  store_items(row, 1, room, value_at(t->values, k), t->index + k, 1);
}

int TC_KERNEL(rank)(int which, const tc_view *values, int64_t *index, const tc_view *x, int dim, int64_t k_th) {
  task t = {.each = rank_row, .x = x, .values = values, .index = index, .r = rows_of(x, dim), .which = which, .count = k_th};
  return run_task(&t, 4);
}

/* The item that ends the longest run of equal keys, the first such run, moved to the front. */
static void longest_run(int dtype, int64_t n, void *room) {
  int64_t best = 0, length = 0, run = 0;
  for (int64_t i = 0; i < n; i++) {
    run++;
    if (i + 1 < n && item_key(dtype, room, i) == item_key(dtype, room, i + 1)) continue;
    if (run > length) length = run, best = i;
    run = 0;
  }
  if (wide_dtype(dtype)) ((wide *)room)[0] = ((wide *)room)[best];
  else ((uint64_t *)room)[0] = ((uint64_t *)room)[best];
}

static void mode_row(const task *t, const row_ref *row, void *room, int64_t k) {
  sort_items(row->dtype, row->n, room);
  longest_run(row->dtype, row->n, room);
  store_items(row, 1, room, value_at(t->values, k), t->index + k, 1);
}

int TC_KERNEL(mode)(const tc_view *values, int64_t *index, const tc_view *x, int dim) {
  task t = {.each = mode_row, .x = x, .values = values, .index = index, .r = rows_of(x, dim)};
  return run_task(&t, 13);
}
