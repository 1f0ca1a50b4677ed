/* unique.c: groups of equal rows: the order that brings them together, and where each group begins. */
#include "order.h"

/* -1, 0, 1 for two rows of m elements, NaN above everything and equal only to itself in order, never in `same`. */
#define ROWS(name, T) \
static int name##_compare(const T *a, const T *b, int64_t m) { \
  for (int64_t i = 0; i < m; i++) { \
    if (a[i] < b[i] || (a[i] == a[i] && b[i] != b[i])) return -1; \
    if (a[i] > b[i] || (a[i] != a[i] && b[i] == b[i])) return 1; \
  } \
  return 0; \
} \
static bool name##_same(const void *x, int64_t a, int64_t b, int64_t m) { \
  const T *p = (const T *)x + a * m, *q = (const T *)x + b * m; \
  for (int64_t i = 0; i < m; i++) if (p[i] != q[i]) return false; \
  return true; \
} \
static void name##_merge(const void *from, int64_t m, int64_t n, const int64_t *a, int64_t middle, int64_t *to) { \
  const T *x = from; int64_t i = 0, j = middle; \
  for (int64_t k = 0; k < n; k++) { \
    bool second = i >= middle || (j < n && name##_compare(x + a[j] * m, x + a[i] * m, m) < 0); \
    to[k] = second ? a[j++] : a[i++]; \
  } \
}
ROWS(float_rows, float)
ROWS(double_rows, double)
ROWS(int_rows, int64_t)

/* A stable merge sort of the rows of x (n, m), row-major and in a dtype computed in, by their numbers. */
static int sort_rows(const tc_view *x, int64_t n, int64_t m, int64_t *order) {
  int64_t *spare = malloc((size_t)n * sizeof *spare), *from = order, *to = spare;
  if (!spare) return TC_NO_MEMORY;
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t run = 1; run < n; run *= 2) {
    for (int64_t i = 0; i < n; i += 2 * run) {
      int64_t count = n - i < 2 * run ? n - i : 2 * run, middle = run < count ? run : count;
      if (x->dtype == TC_FLOAT32) float_rows_merge(x->data, m, count, from + i, middle, to + i);
      else if (x->dtype == TC_FLOAT64) double_rows_merge(x->data, m, count, from + i, middle, to + i);
      else int_rows_merge(x->data, m, count, from + i, middle, to + i);
    }
    int64_t *t = from;
    from = to;
    to = t;
  }
  if (from != order) memcpy(order, from, (size_t)n * sizeof *order);
  free(spare);
  return TC_OK;
}

/* A vector's order is that of the sort kernel. */
static int sort_vector(const tc_view *x, int64_t n, int64_t *order) {
  row_ref row = {x->data, x->dtype, n, 1};
  void *room = malloc((size_t)(2 * n * item_bytes(x->dtype)));
  if (!room) return TC_NO_MEMORY;
  load_items(&row, false, room);
  sort_items(x->dtype, n, room);
  for (int64_t i = 0; i < n; i++) order[i] = item_at(x->dtype, room, i);
  free(room);
  return TC_OK;
}

/* x is (n, m), row-major, float32, float64 or int64. group[i] is the group of row i and first[g] one row of group g, both from 1;
   count[g] their number. Neighbours only if not `sorted`. *groups is the number of groups. */
int TC_KERNEL(unique)(const tc_view *x, int sorted, int64_t *group, int64_t *first, int64_t *count, int64_t *groups) {
  int64_t n = x->size[0], m = n ? x->numel / n : 0, g = -1, *order = NULL;
  bool (*same)(const void *, int64_t, int64_t, int64_t) =
    x->dtype == TC_FLOAT32 ? float_rows_same : x->dtype == TC_FLOAT64 ? double_rows_same : int_rows_same;
  *groups = 0;
  if (n == 0) return TC_OK;
  if (sorted) {
    if (!(order = malloc((size_t)n * sizeof *order))) return TC_NO_MEMORY;
    int s = m == 1 ? sort_vector(x, n, order) : sort_rows(x, n, m, order);
    if (s != TC_OK) { free(order); return s; }
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t row = order ? order[i] : i;
    if (i == 0 || !same(x->data, row, order ? order[i - 1] : i - 1, m)) {
      first[++g] = row + 1;
      count[g] = 0;
    }
    count[g]++;
    group[row] = g + 1;
  }
  *groups = g + 1;
  free(order);
  return TC_OK;
}
