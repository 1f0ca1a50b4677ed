/* fold.h: the inner loops of reductions: one row of expressions for each fold, five loops made from it. Knows contiguous numbers only;
   reduce.c walks the tensors. Sixteen lanes whatever the instruction level, so that every machine gives the same bits. */
#ifndef TC_FOLD_H
#define TC_FOLD_H
#include "folding.h"
#define FOLD_LANES 16

/* What will be read 8 KB later begins to come: one core then gets a tenth more out of the memory. */
#define FETCH_AHEAD(p, count) \
  for (size_t line_ = 0; line_ < (count) * sizeof *(p); line_ += 64) __builtin_prefetch((const char *)(p) + 8192 + line_)

/* LIFT(x) makes an accumulator of an element, JOIN(a, b) one of two, FOUR one of four elements: the sums of float32 first add four
   floats, then continue in double, which costs one conversion in four and keeps 1e8 terms right to 1e-7. */
#define FOLD(name, T, A, KIND, INIT, LIFT, JOIN, FOUR) \
static void name##_init(int64_t n, void *acc) { A *a = acc; for (int64_t i = 0; i < n; i++) a[i] = INIT; } \
static __attribute__((noinline)) void name##_row(int64_t n, void *acc, const void *from) { \
  const T *x = from; A lane[FOLD_LANES], total = INIT; int64_t i = 0; \
  if (n >= FOLD_LANES) { \
    for (int j = 0; j < FOLD_LANES; j++) lane[j] = INIT; \
    for (; i + 4 * FOLD_LANES <= n; i += 4 * FOLD_LANES) { \
      FETCH_AHEAD(x + i, 4 * FOLD_LANES); \
      for (int j = 0; j < FOLD_LANES; j++) \
        lane[j] = JOIN(lane[j], FOUR(x[i + j], x[i + FOLD_LANES + j], x[i + 2 * FOLD_LANES + j], x[i + 3 * FOLD_LANES + j])); \
    } \
    for (; i + FOLD_LANES <= n; i += FOLD_LANES) \
      for (int j = 0; j < FOLD_LANES; j++) lane[j] = JOIN(lane[j], LIFT(x[i + j])); \
    for (int half = FOLD_LANES / 2; half; half /= 2) \
      for (int j = 0; j < half; j++) lane[j] = JOIN(lane[j], lane[j + half]); \
    total = lane[0]; \
  } \
  for (; i < n; i++) total = JOIN(total, LIFT(x[i])); \
  *(A *)acc = JOIN(*(A *)acc, total); \
} \
static void name##_rows4(int64_t n, void *acc, const void *const *from) { \
  A *restrict a = acc; const T *x = from[0], *y = from[1], *z = from[2], *w = from[3]; \
  for (int64_t i = 0; i < n; i++) a[i] = JOIN(a[i], FOUR(x[i], y[i], z[i], w[i])); \
} \
static void name##_rows1(int64_t n, void *acc, const void *from) { \
  A *restrict a = acc; const T *x = from; \
  for (int64_t i = 0; i < n; i++) a[i] = JOIN(a[i], LIFT(x[i])); \
} \
static void name##_join(int64_t n, void *acc, const void *more) { \
  A *restrict a = acc; const A *b = more; \
  for (int64_t i = 0; i < n; i++) a[i] = JOIN(a[i], b[i]); \
} \
static const fold name = {sizeof(A), KIND, name##_init, name##_row, name##_rows4, name##_rows1, name##_join};

/* Extremes keep NaN. As functions, and with one comparison for each choice, so that gcc 12 vectorises them. */
#define EXTREMES(T, name, than, size) \
static inline T name(T a, T b) { T c = b than a ? b : a; return b != b ? b : c; } \
static inline T name##4(T a, T b, T c, T d) { return name(name(a, b), name(c, d)); } \
static inline T name##_size4(T a, T b, T c, T d) { return name##4(size(a), size(b), size(c), size(d)); }
EXTREMES(float, more_f, >, fabsf)
EXTREMES(float, less_f, <, fabsf)
EXTREMES(double, more_d, >, fabs)
EXTREMES(double, less_d, <, fabs)
EXTREMES(int64_t, more_i, >, )
EXTREMES(int64_t, less_i, <, )

#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define SAME(x) (x)
#define WIDE(x) ((double)(x))
#define NUMBER(x) ((x) != (x) ? 0 : (x))
#define TRUTH(x) ((x) != 0)
#define SIZE(x) fabs((double)(x))
#define SQUARE(x) ((double)(x) * (double)(x))

#define ADD4(a, b, c, d) (((a) + (b)) + ((c) + (d)))
#define NUMBER4(a, b, c, d) ADD4(NUMBER(a), NUMBER(b), NUMBER(c), NUMBER(d))
#define TRUTH4(a, b, c, d) ADD4(TRUTH(a), TRUTH(b), TRUTH(c), TRUTH(d))
#define SIZE4(a, b, c, d) ADD4(SIZE(a), SIZE(b), SIZE(c), SIZE(d))
#define SIZE4F(a, b, c, d) ADD4(fabsf(a), fabsf(b), fabsf(c), fabsf(d))
#define SQUARE4(a, b, c, d) ADD4(SQUARE(a), SQUARE(b), SQUARE(c), SQUARE(d))
#define WIDE_MUL4(a, b, c, d) ((WIDE(a) * WIDE(b)) * (WIDE(c) * WIDE(d)))
#define MUL4(a, b, c, d) (((a) * (b)) * ((c) * (d)))
#define ANY4(a, b, c, d) (TRUTH(a) | TRUTH(b) | TRUTH(c) | TRUTH(d))
#define ALL4(a, b, c, d) (TRUTH(a) & TRUTH(b) & TRUTH(c) & TRUTH(d))

/*    name        T        A        kind        start           element  joined   four elements */
FOLD(sum_f,     float,   double,  TC_FLOAT64, 0,               WIDE,    ADD,     ADD4)
FOLD(sum_d,     double,  double,  TC_FLOAT64, 0,               SAME,    ADD,     ADD4)
FOLD(sum_i,     uint64_t, uint64_t, TC_INT64, 0,               SAME,    ADD,     ADD4)
FOLD(nansum_f,  float,   double,  TC_FLOAT64, 0,               NUMBER,  ADD,     NUMBER4)
FOLD(nansum_d,  double,  double,  TC_FLOAT64, 0,               NUMBER,  ADD,     NUMBER4)
FOLD(prod_f,    float,   double,  TC_FLOAT64, 1,               WIDE,    MUL,     WIDE_MUL4)
FOLD(prod_d,    double,  double,  TC_FLOAT64, 1,               SAME,    MUL,     MUL4)
FOLD(prod_i,    uint64_t, uint64_t, TC_INT64, 1,               SAME,    MUL,     MUL4)
FOLD(max_f,     float,   float,   TC_FLOAT32, -INFINITY,       SAME,    more_f,  more_f4)
FOLD(max_d,     double,  double,  TC_FLOAT64, -INFINITY,       SAME,    more_d,  more_d4)
FOLD(max_i,     int64_t, int64_t, TC_INT64,   INT64_MIN,       SAME,    more_i,  more_i4)
FOLD(min_f,     float,   float,   TC_FLOAT32, INFINITY,        SAME,    less_f,  less_f4)
FOLD(min_d,     double,  double,  TC_FLOAT64, INFINITY,        SAME,    less_d,  less_d4)
FOLD(min_i,     int64_t, int64_t, TC_INT64,   INT64_MAX,       SAME,    less_i,  less_i4)
FOLD(any_f,     float,   float,   TC_FLOAT32, 0,               TRUTH,   more_f,  ANY4)
FOLD(any_d,     double,  int64_t, TC_INT64,   0,               TRUTH,   more_i,  ANY4)
FOLD(any_i,     int64_t, int64_t, TC_INT64,   0,               TRUTH,   more_i,  ANY4)
FOLD(all_f,     float,   float,   TC_FLOAT32, 1,               TRUTH,   MUL,     ALL4)
FOLD(all_d,     double,  int64_t, TC_INT64,   1,               TRUTH,   MUL,     ALL4)
FOLD(all_i,     int64_t, int64_t, TC_INT64,   1,               TRUTH,   MUL,     ALL4)
FOLD(count_f,   float,   int64_t, TC_INT64,   0,               TRUTH,   ADD,     TRUTH4)
FOLD(count_d,   double,  int64_t, TC_INT64,   0,               TRUTH,   ADD,     TRUTH4)
FOLD(count_i,   int64_t, int64_t, TC_INT64,   0,               TRUTH,   ADD,     TRUTH4)
FOLD(abs_sum_f, float,   double,  TC_FLOAT64, 0,               SIZE,    ADD,     SIZE4F)
FOLD(abs_sum_d, double,  double,  TC_FLOAT64, 0,               SIZE,    ADD,     SIZE4)
FOLD(abs_max_f, float,   float,   TC_FLOAT32, 0,               fabsf,   more_f,  more_f_size4)
FOLD(abs_max_d, double,  double,  TC_FLOAT64, 0,               SIZE,    more_d,  more_d_size4)
FOLD(abs_min_f, float,   float,   TC_FLOAT32, INFINITY,        fabsf,   less_f,  less_f_size4)
FOLD(abs_min_d, double,  double,  TC_FLOAT64, INFINITY,        SIZE,    less_d,  less_d_size4)
FOLD(euclid_f,  float,   double,  TC_FLOAT64, 0,               SQUARE,  ADD,     SQUARE4)
FOLD(euclid_d,  double,  double,  TC_FLOAT64, 0,               SQUARE,  ADD,     SQUARE4)

/* By code and by what it computes in; the folds that operators ask of floats only have no integer form. */
static inline const fold *fold_of(int op, int compute) {
  static const fold *const folds[TC_FOLD_OPS][3] = {
    [TC_FOLD_SUM] = {&sum_f, &sum_d, &sum_i},             [TC_FOLD_NANSUM] = {&nansum_f, &nansum_d, &sum_i},
    [TC_FOLD_PROD] = {&prod_f, &prod_d, &prod_i},         [TC_FOLD_MAX] = {&max_f, &max_d, &max_i},
    [TC_FOLD_MIN] = {&min_f, &min_d, &min_i},             [TC_FOLD_ANY] = {&any_f, &any_d, &any_i},
    [TC_FOLD_ALL] = {&all_f, &all_d, &all_i},             [TC_FOLD_COUNT] = {&count_f, &count_d, &count_i},
    [TC_FOLD_ABS_SUM] = {&abs_sum_f, &abs_sum_d, &sum_i}, [TC_FOLD_ABS_MAX] = {&abs_max_f, &abs_max_d, &max_i},
    [TC_FOLD_ABS_MIN] = {&abs_min_f, &abs_min_d, &min_i}, [TC_FOLD_EUCLID] = {&euclid_f, &euclid_d, &sum_i},
    [TC_FOLD_POWER] = {&sum_f, &sum_d, &sum_i},
  };
  return folds[op][compute == TC_FLOAT32 ? 0 : compute == TC_FLOAT64 ? 1 : 2];
}
#endif
