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

/* What is found: group[i] is the group of row i (may be NULL), first[g] one row of group g, both from 1; count[g] their number. */
typedef struct groups { int64_t *group, *first, *count, n; } groups;

static inline void add_row(groups *g, int64_t row, bool opens) {
  if (opens) {
    g->first[g->n] = row + 1;
    g->count[g->n++] = 0;
  }
  g->count[g->n - 1]++;
  if (g->group) g->group[row] = g->n;
}

/* The elements of a vector in order: neighbours are compared by their keys, which lie in order; each NaN is a group of its own. */
static int group_vector(const tc_view *x, int64_t n, groups *g) {
  row_ref row = {x->data, x->dtype, n, 1};
  void *room = malloc((size_t)(2 * n * item_bytes(x->dtype)));
  if (!room) return TC_NO_MEMORY;
  load_items(&row, false, room);
  sort_items(x->dtype, n, room);
  uint64_t before = 0, nan = x->dtype == TC_FLOAT64 ? ~(uint64_t)0 : x->dtype == TC_FLOAT32 ? 0xffffffffu : 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t key = item_key(x->dtype, room, i);
    add_row(g, item_at(x->dtype, room, i), i == 0 || key != before || (nan && key == nan));
    before = key;
  }
  free(room);
  return TC_OK;
}

/* Rows in the given order, or as they are. */
static void group_rows(const tc_view *x, int64_t n, int64_t m, const int64_t *order, groups *g) {
  bool (*same)(const void *, int64_t, int64_t, int64_t) =
    x->dtype == TC_FLOAT32 ? float_rows_same : x->dtype == TC_FLOAT64 ? double_rows_same : int_rows_same;
  for (int64_t i = 0; i < n; i++) {
    int64_t row = order ? order[i] : i, before = order && i ? order[i - 1] : i - 1;
    add_row(g, row, i == 0 || !same(x->data, row, before, m));
  }
}

/* x is (n, m), row-major, float32, float64 or int64; equal rows anywhere, or neighbours only if not `sorted`. */
int TC_KERNEL(unique)(const tc_view *x, int sorted, int64_t *group, int64_t *first, int64_t *count, int64_t *found) {
  int64_t n = x->size[0], m = n ? x->numel / n : 0, *order = NULL;
  groups g = {group, first, count, 0};
  int s = TC_OK;
  if (n && sorted && m == 1) {
    s = group_vector(x, n, &g);
  } else if (n) {
    if (sorted && !(order = malloc((size_t)n * sizeof *order))) return TC_NO_MEMORY;
    if (sorted) s = sort_rows(x, n, m, order);
    if (s == TC_OK) group_rows(x, n, m, order, &g);
    free(order);
  }
  *found = g.n;
  return s;
}
