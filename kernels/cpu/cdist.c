/* cdist.c: the distances of all pairs of rows of two batches of matrices. */
#include "cpu.h"

enum { LANES = 16, ROWS = 16, BLOCK = 32 };

/* Folds `term` of the difference d over one pair of rows; float differences are folded in float lanes of at most a few hundred. */
#define PAIR(name, T, term, join, last) \
static double name(int64_t m, const void *x, const void *y, double p) { \
  const T *a = x, *b = y; T lane[LANES] = {0}; double total = 0; int64_t k = 0; \
  for (; k + LANES <= m; k += LANES) \
    for (int i = 0; i < LANES; i++) { T d = a[k + i] - b[k + i]; T t = term; lane[i] = join(lane[i], t); } \
  for (int half = LANES / 2; half; half /= 2) \
    for (int i = 0; i < half; i++) lane[i] = join(lane[i], lane[i + half]); \
  total = (double)lane[0]; \
  for (; k < m; k++) { T d = a[k] - b[k]; double t = term; total = join(total, t); } \
  return last; \
}
#define ADD(a, b) ((a) + (b))
#define LARGER(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))
#define SIZE(T, d) ((d) < 0 ? -(d) : (T)(d))
PAIR(euclid_f, float, d * d, ADD, sqrt(total))
PAIR(euclid_d, double, d * d, ADD, sqrt(total))
PAIR(city_f, float, SIZE(float, d), ADD, total)
PAIR(city_d, double, SIZE(double, d), ADD, total)
PAIR(chebyshev_f, float, SIZE(float, d), LARGER, total)
PAIR(chebyshev_d, double, SIZE(double, d), LARGER, total)
PAIR(hamming_f, float, d != 0, ADD, total)
PAIR(hamming_d, double, d != 0, ADD, total)
PAIR(power_f, float, powf(SIZE(float, d), (float)p), ADD, pow(total, 1 / p))
PAIR(power_d, double, pow(SIZE(double, d), p), ADD, pow(total, 1 / p))

typedef double pair_distance(int64_t m, const void *x, const void *y, double p);

static pair_distance *distance_of(double p, bool wide) {
  if (p == 2) return wide ? euclid_d : euclid_f;
  if (p == 1) return wide ? city_d : city_f;
  if (p == 0) return wide ? hamming_d : hamming_f;
  if (isinf(p)) return wide ? chebyshev_d : chebyshev_f;
  return wide ? power_d : power_f;
}

typedef struct job {
  const tc_view *y, *a, *b;
  int64_t rows, columns, m, blocks; /* blocks of ROWS rows in a matrix */
  pair_distance *distance;
  double p;
  bool wide;
} job;

/* ROWS rows of one matrix against all of the other, which is taken in blocks that stay in cache. */
static void unit(const job *j, int64_t u) {
  int64_t batch = u / j->blocks, first = u % j->blocks * ROWS, last = first + ROWS < j->rows ? first + ROWS : j->rows, step = j->wide ? 8 : 4;
  const char *a = (const char *)j->a->data + batch * j->rows * j->m * step, *b = (const char *)j->b->data + batch * j->columns * j->m * step;
  for (int64_t c = 0; c < j->columns; c += BLOCK)
    for (int64_t i = first; i < last; i++)
      for (int64_t k = c; k < c + BLOCK && k < j->columns; k++) {
        double d = j->distance(j->m, a + i * j->m * step, b + k * j->m * step, j->p);
        int64_t at = (batch * j->rows + i) * j->columns + k;
        if (j->wide) ((double *)j->y->data)[at] = d;
        else ((float *)j->y->data)[at] = (float)d;
      }
}

/* y (batch, rows, columns), a (batch, rows, m), b (batch, columns, m), row-major, all float32 or all float64 */
int TC_KERNEL(cdist)(const tc_view *y, const tc_view *a, const tc_view *b, double p) {
  bool wide = y->dtype == TC_FLOAT64;
  job j = {y, a, b, y->size[1], y->size[2], a->size[2], (y->size[1] + ROWS - 1) / ROWS, distance_of(p, wide), p, wide};
  if (y->numel == 0) return TC_OK;
  double work = (double)y->numel * (2 + (double)j.m * (j.distance == power_f || j.distance == power_d ? 20 : 0.1));
  int64_t units = y->size[0] * j.blocks;
  if (tc_threads_for(work) == 1) for (int64_t u = 0; u < units; u++) unit(&j, u);
  else TC_PARALLEL(units, 1, work) for (int64_t u = lo; u < hi; u++) unit(&j, u); TC_PARALLEL_END
  return TC_OK;
}
