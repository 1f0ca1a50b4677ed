/* order.h: what sorting, selecting and grouping share: elements as unsigned keys that compare like the values, each with its position.
 *
 * NaN is the largest value, and the zeros are equal. A key of 32 bits travels with its position in one 64-bit word, so that plain
 * comparison is stable; wider dtypes travel as pairs. Descending orders complement the key, and stay stable. */
#ifndef TC_ORDER_H
#define TC_ORDER_H
#include "cpu.h"
#include <stdlib.h>

typedef struct wide { uint64_t key, at; } wide;

static inline bool wide_dtype(int dtype) { return dtype == TC_INT64 || dtype == TC_FLOAT64; }

static inline uint32_t key_of_float(float x) {
  uint32_t u = tc_float_bits(x);
  uint32_t key = u >> 31 ? ~u : u | 0x80000000u;
  key = x == 0 ? 0x80000000u : key;
  return x != x ? 0xffffffffu : key;
}
static inline uint64_t key_of_double(double x) {
  uint64_t u;
  memcpy(&u, &x, 8);
  uint64_t key = u >> 63 ? ~u : u | (uint64_t)1 << 63;
  key = x == 0 ? (uint64_t)1 << 63 : key;
  return x != x ? ~(uint64_t)0 : key;
}

enum { ORDER_BLOCK = 512 };

/* One row: n elements from x on, `stride` apart. */
typedef struct row_ref { const char *x; int dtype; int64_t n, stride; } row_ref;

static inline void narrow_keys(const row_ref *r, bool descending, uint64_t *to) {
  uint32_t flip = descending ? 0xffffffffu : 0;
  union { float f[ORDER_BLOCK]; int64_t i[ORDER_BLOCK]; } b;
  int bytes = tc_dtype_bytes(r->dtype);
  bool whole = r->dtype <= TC_INT32;
  for (int64_t i = 0; i < r->n; i += ORDER_BLOCK) {
    int64_t m = r->n - i < ORDER_BLOCK ? r->n - i : ORDER_BLOCK;
    const char *p = r->x + i * r->stride * bytes;
    if (whole) TC_KERNEL(load_i64)(m, b.i, p, r->dtype, r->stride);
    else TC_KERNEL(load_f32)(m, b.f, p, r->dtype, r->stride);
    if (whole) for (int64_t k = 0; k < m; k++) to[i + k] = (uint64_t)(((uint32_t)b.i[k] ^ 0x80000000u) ^ flip) << 32 | (uint64_t)(i + k);
    else for (int64_t k = 0; k < m; k++) to[i + k] = (uint64_t)(key_of_float(b.f[k]) ^ flip) << 32 | (uint64_t)(i + k);
  }
}

static inline void wide_keys(const row_ref *r, bool descending, wide *to) {
  uint64_t flip = descending ? ~(uint64_t)0 : 0;
  if (r->dtype == TC_INT64) {
    const int64_t *x = (const int64_t *)r->x;
    for (int64_t i = 0; i < r->n; i++) to[i] = (wide){((uint64_t)x[i * r->stride] ^ (uint64_t)1 << 63) ^ flip, (uint64_t)i};
  } else {
    const double *x = (const double *)r->x;
    for (int64_t i = 0; i < r->n; i++) to[i] = (wide){key_of_double(x[i * r->stride]) ^ flip, (uint64_t)i};
  }
}

/* ---- comparison sorts and selection, for both kinds of item ---- */
#define NARROW_LESS(a, b) ((a) < (b))
#define WIDE_LESS(a, b) ((a).key < (b).key || ((a).key == (b).key && (a).at < (b).at))

/* name_merge: bottom-up from runs of 8; `spare` has room for n; the result is in a.
   name_select: the k smallest come first, the largest of them at a[k-1] (Hoare's quickselect, median of three). */
#define ITEM_SORTS(name, T, LESS) \
static void name##_insertion(int64_t n, T *a) { \
  for (int64_t i = 1; i < n; i++) { \
    T x = a[i]; int64_t k = i; \
    for (; k > 0 && LESS(x, a[k - 1]); k--) a[k] = a[k - 1]; \
    a[k] = x; \
  } \
} \
static inline void name##_merge_runs(const T *a, const T *middle, const T *end, T *to) { \
  const T *b = middle; \
  while (a < middle && b < end) { bool second = LESS(*b, *a); *to++ = second ? *b : *a; b += second; a += !second; } \
  while (a < middle) *to++ = *a++; \
  while (b < end) *to++ = *b++; \
} \
static void name##_merge(int64_t n, T *a, T *spare) { \
  T *from = a, *to = spare; \
  for (int64_t i = 0; i < n; i += 8) name##_insertion(n - i < 8 ? n - i : 8, a + i); \
  for (int64_t run = 8; run < n; run *= 2) { \
    for (int64_t i = 0; i < n; i += 2 * run) { \
      int64_t middle = i + run < n ? i + run : n, end = i + 2 * run < n ? i + 2 * run : n; \
      name##_merge_runs(from + i, from + middle, from + end, to + i); \
    } \
    T *t = from; from = to; to = t; \
  } \
  if (from != a) memcpy(a, from, (size_t)n * sizeof(T)); \
} \
static inline void name##_select(int64_t n, T *a, int64_t k) { \
  int64_t lo = 0, hi = n - 1; \
  k--; \
  while (hi - lo > 16) { \
    T x = a[lo], y = a[lo + (hi - lo) / 2], z = a[hi]; \
    T pivot = LESS(x, y) ? (LESS(y, z) ? y : LESS(x, z) ? z : x) : (LESS(x, z) ? x : LESS(y, z) ? z : y); \
    int64_t i = lo, j = hi; \
    while (i <= j) { \
      while (LESS(a[i], pivot)) i++; \
      while (LESS(pivot, a[j])) j--; \
      if (i <= j) { T t = a[i]; a[i++] = a[j]; a[j--] = t; } \
    } \
    if (k <= j) hi = j; else if (k >= i) lo = i; else return; \
  } \
  name##_insertion(hi - lo + 1, a + lo); \
} \
/* A heap of k items with the largest on top. */ \
static void name##_sift(T *heap, int64_t k, int64_t i) { \
  T x = heap[i]; \
  for (int64_t c; (c = 2 * i + 1) < k; i = c) { \
    c += c + 1 < k && LESS(heap[c], heap[c + 1]); \
    if (!LESS(x, heap[c])) break; \
    heap[i] = heap[c]; \
  } \
  heap[i] = x; \
} \
static inline void name##_keep_smallest(int64_t n, T *a, int64_t k) { \
  for (int64_t i = k / 2 - 1; i >= 0; i--) name##_sift(a, k, i); \
  for (int64_t i = k; i < n; i++) \
    if (LESS(a[i], a[0])) a[0] = a[i], name##_sift(a, k, 0); \
}
ITEM_SORTS(narrow, uint64_t, NARROW_LESS)
ITEM_SORTS(wide, wide, WIDE_LESS)

/* ---- radix sorts: by the key from its low end, digits that are the same everywhere are skipped ---- */
#define ITEM_RADIX(name, T, KEY, KEY_BITS, BITS) \
static void name(int64_t n, T *a, T *spare) { \
  enum { PASSES = (KEY_BITS + BITS - 1) / BITS, SIZE = 1 << BITS }; \
  int64_t count[PASSES][SIZE]; \
  memset(count, 0, sizeof count); \
  for (int64_t i = 0; i < n; i++) { \
    uint64_t key = KEY(a[i]); \
    for (int p = 0; p < PASSES; p++) count[p][key >> (p * BITS) & (SIZE - 1)]++; \
  } \
  T *from = a, *to = spare; \
  for (int p = 0; p < PASSES; p++) { \
    int64_t *c = count[p], sum = 0; \
    if (c[KEY(from[0]) >> (p * BITS) & (SIZE - 1)] == n) continue; \
    for (int d = 0; d < SIZE; d++) { int64_t t = c[d]; c[d] = sum; sum += t; } \
    for (int64_t i = 0; i < n; i++) to[c[KEY(from[i]) >> (p * BITS) & (SIZE - 1)]++] = from[i]; \
    T *t = from; from = to; to = t; \
  } \
  if (from != a) memcpy(a, from, (size_t)n * sizeof(T)); \
}
#define NARROW_KEY(x) ((x) >> 32)
#define WIDE_KEY(x) ((x).key)
ITEM_RADIX(narrow_radix8, uint64_t, NARROW_KEY, 32, 8)
ITEM_RADIX(narrow_radix11, uint64_t, NARROW_KEY, 32, 11)
ITEM_RADIX(wide_radix8, wide, WIDE_KEY, 64, 8)
ITEM_RADIX(wide_radix11, wide, WIDE_KEY, 64, 11)

static inline void narrow_sort(int64_t n, uint64_t *a, uint64_t *spare) {
  if (n <= 24) narrow_insertion(n, a);
  else if (n <= 256) narrow_merge(n, a, spare);
  else if (n <= 8192) narrow_radix8(n, a, spare);
  else narrow_radix11(n, a, spare);
}
static inline void wide_sort(int64_t n, wide *a, wide *spare) {
  if (n <= 24) wide_insertion(n, a);
  else if (n <= 1024) wide_merge(n, a, spare);
  else if (n <= 16384) wide_radix8(n, a, spare);
  else wide_radix11(n, a, spare);
}

/* ---- a row's items, whatever their kind; `room` holds 2 n of them ---- */
static inline int64_t item_bytes(int dtype) { return wide_dtype(dtype) ? (int64_t)sizeof(wide) : (int64_t)sizeof(uint64_t); }
static inline void load_items(const row_ref *r, bool descending, void *room) {
  if (wide_dtype(r->dtype)) wide_keys(r, descending, room);
  else narrow_keys(r, descending, room);
}
static inline void sort_items(int dtype, int64_t n, void *room) {
  if (wide_dtype(dtype)) wide_sort(n, room, (wide *)room + n);
  else narrow_sort(n, room, (uint64_t *)room + n);
}
static inline int64_t item_at(int dtype, const void *room, int64_t i) {
  return (int64_t)(wide_dtype(dtype) ? ((const wide *)room)[i].at : ((const uint64_t *)room)[i] & 0xffffffffu);
}
static inline uint64_t item_key(int dtype, const void *room, int64_t i) {
  return wide_dtype(dtype) ? ((const wide *)room)[i].key : ((const uint64_t *)room)[i] >> 32;
}

/* n values of the row at the positions of the items, and these positions from 1. */
static inline void store_items(const row_ref *r, int64_t n, const void *room, char *values, int64_t *index, int64_t stride) {
  int bytes = tc_dtype_bytes(r->dtype);
  if (values) TC_MOVES(bytes, {
    T *to = (T *)values; const T *x = (const T *)r->x;
    for (int64_t i = 0; i < n; i++) to[i * stride] = x[item_at(r->dtype, room, i) * r->stride];
  });
  if (index) for (int64_t i = 0; i < n; i++) index[i * stride] = item_at(r->dtype, room, i) + 1;
}
#endif
