/* scan.c: running sums, products, log-sums and extremes along one dim of a row-major tensor seen as (outer, n, inner). */
#include "cpu.h"
#include "../complex.h"
#include "cut.h"

enum { NARROW = 8 };

static inline double log_add(double a, double x) {
  if (a != a || x != x) return NAN;
  double high = a > x ? a : x, low = a > x ? x : a;
  return low == -INFINITY || high == INFINITY ? high : high + log1p(exp(low - high));
}

/* Sequential along one row: y[i] from x[0 .. i], `acc` carries over from the block before. `exclusive` leaves out x[i]. */
typedef void scan_row(int64_t n, void *y, const void *x, void *acc, bool exclusive);
/* One step for n neighbouring rows at once. */
typedef void scan_line(int64_t n, void *y, const void *x, void *acc, bool exclusive);

#define SCAN(name, T, A, STEP) \
static void name##_row(int64_t n, void *to, const void *from, void *carry, bool exclusive) { \
  T *y = to; const T *x = from; A acc = *(A *)carry; \
  if (exclusive) for (int64_t i = 0; i < n; i++) { y[i] = (T)acc; acc = STEP(acc, x[i]); } \
  else for (int64_t i = 0; i < n; i++) { acc = STEP(acc, x[i]); y[i] = (T)acc; } \
  *(A *)carry = acc; \
} \
static void name##_line(int64_t n, void *to, const void *from, void *carry, bool exclusive) { \
  T *restrict y = to; const T *x = from; A *restrict acc = carry; \
  if (exclusive) for (int64_t i = 0; i < n; i++) { y[i] = (T)acc[i]; acc[i] = STEP(acc[i], x[i]); } \
  else for (int64_t i = 0; i < n; i++) { acc[i] = STEP(acc[i], x[i]); y[i] = (T)acc[i]; } \
}
#define ADD(a, x) ((a) + (x))
#define MUL(a, x) ((a) * (x))
SCAN(sum_one_f, float, double, ADD)
SCAN(sum_one_d, double, double, ADD)

/* Sums of floats wait for the sum before: eight parts of a block are summed side by side, then each is raised by what lies before it. */
#define SUM_ROW(name, one, T) \
static void name(int64_t n, void *to, const void *from, void *carry, bool exclusive) { \
  enum { PARTS = 8 }; \
  T *y = to; const T *x = from; double part[BLOCK], sum[PARTS] = {0}, *acc = carry; \
  const int64_t each = n / PARTS; \
  if (n < 8 * PARTS || exclusive) { one(n, to, from, carry, exclusive); return; } \
  for (int64_t i = 0; i < each; i++) \
    for (int p = 0; p < PARTS; p++) part[p * each + i] = sum[p] += x[p * each + i]; \
  for (int p = 0; p < PARTS; p++) { \
    for (int64_t i = p * each; i < (p + 1) * each; i++) y[i] = (T)(*acc + part[i]); \
    *acc += sum[p]; \
  } \
  one(n - PARTS * each, y + PARTS * each, x + PARTS * each, carry, false); \
}
SUM_ROW(sum_f_row, sum_one_f_row, float)
SUM_ROW(sum_d_row, sum_one_d_row, double)
SCAN(sum_i, uint64_t, uint64_t, ADD)
SCAN(prod_f, float, double, MUL)
SCAN(prod_d, double, double, MUL)
SCAN(prod_i, uint64_t, uint64_t, MUL)
SCAN(log_f, float, double, log_add)
SCAN(log_d, double, double, log_add)

static scan_row *row_of(int op, int kind) {
  static scan_row *const rows[3][3] = {{sum_f_row, sum_d_row, sum_i_row}, {prod_f_row, prod_d_row, prod_i_row}, {log_f_row, log_d_row, log_d_row}};
  return rows[op][kind];
}
static scan_line *line_of(int op, int kind) {
  static scan_line *const lines[3][3] = {{sum_one_f_line, sum_one_d_line, sum_i_line}, {prod_f_line, prod_d_line, prod_i_line},
                                         {log_f_line, log_d_line, log_d_line}};
  return lines[op][kind];
}

/* ---- one scan ---- */
typedef struct job {
  int op, compute, kind, in_dtype, out_dtype;   /* kind: 0 float, 1 double, 2 int64 */
  int64_t n, inner, each;       /* each: units for one outer position */
  bool back, exclusive;
  const char *x;
  char *y;
  int64_t *index;               /* extremes only, may be NULL */
} job;

static void load(const job *j, int64_t n, void *to, const void *from, int64_t stride) {
  if (j->kind == 0) TC_KERNEL(load_f32)(n, to, from, j->in_dtype, stride);
  else if (j->kind == 1) TC_KERNEL(load_f64)(n, to, from, j->in_dtype, stride);
  else TC_KERNEL(load_i64)(n, to, from, j->in_dtype, stride);
}
static void store(const job *j, int64_t n, void *to, int64_t stride, const void *from) {
  if (j->kind == 0) TC_KERNEL(store_f32)(n, to, j->out_dtype, stride, from);
  else if (j->kind == 1) TC_KERNEL(store_f64)(n, to, j->out_dtype, stride, from);
  else TC_KERNEL(store_i64)(n, to, j->out_dtype, stride, from);
}

static void start(const job *j, int64_t n, void *acc) {
  double first = j->op == TC_SCAN_PROD ? 1 : j->op == TC_SCAN_LOGSUMEXP ? -INFINITY : 0;
  for (int64_t i = 0; i < n; i++)
    if (j->kind == 2) ((int64_t *)acc)[i] = (int64_t)first;
    else ((double *)acc)[i] = first;
}

/* The row that begins at element `at`; backwards it begins at its last element. */
static void scan_one(const job *j, int64_t at) {
  double x[BLOCK], y[BLOCK], acc;
  int64_t step = j->back ? -j->inner : j->inner, p = j->back ? at + (j->n - 1) * j->inner : at;
  int in = tc_dtype_bytes(j->in_dtype), out = tc_dtype_bytes(j->out_dtype);
  start(j, 1, &acc);
  for (int64_t i = 0; i < j->n; i += BLOCK, p += BLOCK * step) {
    int64_t m = j->n - i < BLOCK ? j->n - i : BLOCK;
    load(j, m, x, j->x + p * in, step);
    row_of(j->op, j->kind)(m, y, x, &acc, j->exclusive);
    store(j, m, j->y + p * out, step, y);
  }
}

/* `width` <= BLOCK neighbouring rows, the first beginning at element `at`. */
static void scan_many(const job *j, int64_t at, int64_t width) {
  double x[BLOCK], y[BLOCK], acc[BLOCK];
  int64_t step = j->back ? -j->inner : j->inner, p = j->back ? at + (j->n - 1) * j->inner : at;
  start(j, width, acc);
  for (int64_t i = 0; i < j->n; i++, p += step) {
    load(j, width, x, j->x + p * tc_dtype_bytes(j->in_dtype), 1);
    line_of(j->op, j->kind)(width, y, x, acc, j->exclusive);
    store(j, width, j->y + p * tc_dtype_bytes(j->out_dtype), 1, y);
  }
}

/* ---- extremes with positions: the last of equal ones; once NaN, always NaN ---- */
#define RUNNING(name, T, than) \
static void name(const job *j, int64_t at) { \
  const T *x = (const T *)j->x; T *y = (T *)j->y, best = x[at]; int64_t place = 1; \
  for (int64_t i = 0, p = at; i < j->n; i++, p += j->inner) { \
    if (x[p] != x[p] || (best == best && x[p] than best)) best = x[p], place = i + 1; \
    y[p] = best; \
    if (j->index) j->index[p] = place; \
  } \
}
RUNNING(running_max_f, float, >=)
RUNNING(running_max_d, double, >=)
RUNNING(running_max_i, int64_t, >=)
RUNNING(running_min_f, float, <=)
RUNNING(running_min_d, double, <=)
RUNNING(running_min_i, int64_t, <=)

static void scan_extreme(const job *j, int64_t at) {
  static void (*const run[2][3])(const job *, int64_t) = {{running_max_f, running_max_d, running_max_i},
                                                          {running_min_f, running_min_d, running_min_i}};
  run[j->op == TC_SCAN_MIN][j->kind](j, at);
}

/* ---- products and log-sums of complex numbers, in double; their sums are those of their parts ---- */
#define COMPLEX_SCAN(name, T, first, STEP) \
static void name(const job *j, int64_t at) { \
  const T *x = (const T *)j->x; T *y = (T *)j->y; tc_c128 acc = first; \
  int64_t step = j->back ? -j->inner : j->inner, p = j->back ? at + (j->n - 1) * j->inner : at; \
  for (int64_t i = 0; i < j->n; i++, p += step) { \
    const tc_c128 next = STEP(acc, tc_c(x[p].re, x[p].im)), put = j->exclusive ? acc : next; \
    y[p] = (T){put.re, put.im}; \
    acc = next; \
  } \
}
COMPLEX_SCAN(products_c64, tc_c64, tc_c(1, 0), tc_c_mul)
COMPLEX_SCAN(products_c128, tc_c128, tc_c(1, 0), tc_c_mul)
COMPLEX_SCAN(logs_c64, tc_c64, tc_c(-INFINITY, 0), tc_c_logaddexp)
COMPLEX_SCAN(logs_c128, tc_c128, tc_c(-INFINITY, 0), tc_c_logaddexp)

static void scan_complex(const job *j, int64_t at) {
  static void (*const run[2][2])(const job *, int64_t) = {{products_c64, products_c128}, {logs_c64, logs_c128}};
  run[j->op == TC_SCAN_LOGSUMEXP][j->compute == TC_COMPLEX128](j, at);
}

/* One row, or up to BLOCK neighbouring ones. */
static void unit(const job *j, int64_t u) {
  int64_t base = u / j->each * j->n * j->inner, k = u % j->each, left = j->inner - k * BLOCK;
  if (j->compute >= TC_COMPLEX64) scan_complex(j, base + k);
  else if (j->op >= TC_SCAN_MAX) scan_extreme(j, base + k);
  else if (j->each == j->inner) scan_one(j, base + k);
  else scan_many(j, base + k * BLOCK, left < BLOCK ? left : BLOCK);
}

/* x and y are row-major; for extremes both have the dtype computed in. */
int TC_KERNEL(scan)(int op, int direction, int compute, const tc_view *y, const tc_view *x, int dim, int64_t *index) {
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < x->ndim; d++)
    if (d < dim) outer *= x->size[d];
    else if (d > dim) inner *= x->size[d];
  job j = {op, compute, compute == TC_FLOAT32 ? 0 : compute == TC_FLOAT64 ? 1 : 2, x->dtype, y->dtype, x->ndim ? x->size[dim] : 1, inner, 0,
           direction & 1, direction >= TC_SCAN_BEFORE, x->data, y->data, index};
  if (x->numel == 0) return TC_OK;
  j.each = op >= TC_SCAN_MAX || compute >= TC_COMPLEX64 || inner < NARROW ? inner : (inner + BLOCK - 1) / BLOCK;
  EACH_UNIT(outer * j.each, (double)x->numel * (op == TC_SCAN_LOGSUMEXP ? 30 : 1.5), unit(&j, u));
  return TC_OK;
}
