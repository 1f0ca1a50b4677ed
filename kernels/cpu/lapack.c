/* lapack.c: LAPACK's factorisations over batches. LAPACK comes with OpenBLAS, which runs on one thread inside our parallel regions. */
#include "cpu.h"
#include <stdlib.h>

typedef int32_t I;
typedef size_t L; /* Fortran's hidden lengths of strings */

/* what all four types have alike; ORG, ORM, LTRF, LTRS: names that differ between real and complex */
#define DECLARE(p, T, R, ORG, ORM, LTRF, LTRS) \
  void p##getrf_(const I *, const I *, T *, const I *, I *, I *); \
  void p##getrs_(const char *, const I *, const I *, const T *, const I *, const I *, T *, const I *, I *, L); \
  void p##potrf_(const char *, const I *, T *, const I *, I *, L); \
  void p##geqrf_(const I *, const I *, T *, const I *, T *, T *, const I *, I *); \
  void p##ORG##_(const I *, const I *, const I *, T *, const I *, const T *, T *, const I *, I *); \
  void p##ORM##_(const char *, const char *, const I *, const I *, const I *, const T *, const I *, const T *, T *, const I *, T *, const I *, I *, L, L); \
  void p##trsm_(const char *, const char *, const char *, const char *, const I *, const I *, const T *, const T *, const I *, T *, const I *, L, L, L, L); \
  void p##LTRF##_(const char *, const I *, T *, const I *, I *, T *, const I *, I *, L); \
  void p##LTRS##_(const char *, const I *, const I *, const T *, const I *, const I *, T *, const I *, I *, L);
DECLARE(s, float, float, orgqr, ormqr, sytrf, sytrs)
DECLARE(d, double, double, orgqr, ormqr, sytrf, sytrs)
DECLARE(c, tc_c64, float, ungqr, unmqr, hetrf, hetrs)
DECLARE(z, tc_c128, double, ungqr, unmqr, hetrf, hetrs)
void csytrf_(const char *, const I *, tc_c64 *, const I *, I *, tc_c64 *, const I *, I *, L);
void zsytrf_(const char *, const I *, tc_c128 *, const I *, I *, tc_c128 *, const I *, I *, L);
void csytrs_(const char *, const I *, const I *, const tc_c64 *, const I *, const I *, tc_c64 *, const I *, I *, L);
void zsytrs_(const char *, const I *, const I *, const tc_c128 *, const I *, const I *, tc_c128 *, const I *, I *, L);

#define DECLARE_REAL(p, T) \
  void p##syevd_(const char *, const char *, const I *, T *, const I *, T *, T *, const I *, I *, const I *, I *, L, L); \
  void p##geev_(const char *, const char *, const I *, T *, const I *, T *, T *, T *, const I *, T *, const I *, T *, const I *, I *, L, L); \
  void p##gesdd_(const char *, const I *, const I *, T *, const I *, T *, T *, const I *, T *, const I *, T *, const I *, I *, I *, L);
DECLARE_REAL(s, float)
DECLARE_REAL(d, double)
#define DECLARE_COMPLEX(p, T, R) \
  void p##heevd_(const char *, const char *, const I *, T *, const I *, R *, T *, const I *, R *, const I *, I *, const I *, I *, L, L); \
  void p##geev_(const char *, const char *, const I *, T *, const I *, T *, T *, const I *, T *, const I *, T *, const I *, R *, I *, L, L); \
  void p##gesdd_(const char *, const I *, const I *, T *, const I *, R *, T *, const I *, T *, const I *, T *, const I *, R *, I *, I *, L);
DECLARE_COMPLEX(c, tc_c64, float)
DECLARE_COMPLEX(z, tc_c128, double)

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static I leading(int64_t rows) { return rows > 1 ? (I)rows : 1; }

/* A thread's work space for one kernel call. `need` answers to LAPACK's questions, in elements. */
typedef struct space { void *work, *real; I *ints; I lwork; } space;
static bool make_space(space *s, int64_t work, int element, int64_t real, int part, int64_t ints) {
  s->lwork = (I)most(1, work);
  s->work = malloc((size_t)most(1, work) * (size_t)element);
  s->real = malloc((size_t)most(1, real) * (size_t)part);
  s->ints = malloc((size_t)most(1, ints) * sizeof *s->ints);
  return s->work && s->real && s->ints;
}
static void free_space(space *s) {
  free(s->work);
  free(s->real);
  free(s->ints);
}

/* For each type: what a matrix of the batch needs, and the call. AT(x, size): matrix i of x. RE(x): an answer's real part. */
#define AT(T, x, size) ((T *)(x) + i * (size))
#define COMMON(p, T, R, RE, ONE, ORG, ORM, LTRF, LTRS, STRF, STRS) \
  static int64_t p##_work(const tc_lapack *q) { \
    const I m = (I)q->m, n = (I)q->n, k = (I)q->k, lda = leading(q->what == TC_LAPACK_APPLY_Q ? (q->left ? q->m : q->n) : q->m), no = -1; \
    const I ldc = leading(q->m); I info = 0, none = 0; T answer[1] = {0}, dummy[1] = {0}; \
    switch (q->what) { \
    case TC_LAPACK_QR: p##geqrf_(&m, &n, dummy, &lda, dummy, answer, &no, &info); break; \
    case TC_LAPACK_Q: p##ORG##_(&m, &n, &k, dummy, &lda, dummy, answer, &no, &info); break; \
    case TC_LAPACK_APPLY_Q: p##ORM##_(q->left ? "L" : "R", &q->how, &m, &n, &k, dummy, &lda, dummy, dummy, &ldc, answer, &no, &info, 1, 1); break; \
    case TC_LAPACK_LDL: p##STRF##_("L", &n, dummy, &lda, &none, answer, &no, &info, 1); break; \
    default: return 0; \
    } \
    return (int64_t)RE(answer[0]); \
  } \
  static I p##_one(const tc_lapack *q, int64_t i, space *s) { \
    const I m = (I)q->m, n = (I)q->n, k = (I)q->k, few = (I)least(q->m, q->n), lda = leading(q->m), ldn = leading(q->n); I info = 0; \
    T *a = AT(T, q->a, q->m * q->n); \
    switch (q->what) { \
    case TC_LAPACK_LU: p##getrf_(&m, &n, a, &lda, q->pivots + i * few, &info); break; \
    case TC_LAPACK_LU_SOLVE: p##getrs_(&q->how, &n, &k, a, &ldn, q->pivots + i * n, AT(T, q->b, q->n * q->k), &ldn, &info, 1); break; \
    case TC_LAPACK_CHOLESKY: p##potrf_(&q->uplo, &n, a, &lda, &info, 1); break; \
    case TC_LAPACK_QR: p##geqrf_(&m, &n, a, &lda, AT(T, q->b, few), s->work, &s->lwork, &info); break; \
    case TC_LAPACK_Q: p##ORG##_(&m, &n, &k, a, &lda, AT(T, q->b, q->k), s->work, &s->lwork, &info); break; \
    case TC_LAPACK_APPLY_Q: { const I ldr = leading(q->left ? q->m : q->n); \
      p##ORM##_(q->left ? "L" : "R", &q->how, &m, &n, &k, AT(T, q->a, (q->left ? q->m : q->n) * q->k), &ldr, AT(T, q->c, q->k), \
                AT(T, q->b, q->m * q->n), &lda, s->work, &s->lwork, &info, 1, 1); } break; \
    case TC_LAPACK_TRIANGULAR: { const int64_t side = q->left ? q->m : q->n; const I ldt = leading(side); const T one = ONE; \
      p##trsm_(q->left ? "L" : "R", &q->uplo, &q->how, q->vectors ? "U" : "N", &m, &n, &one, AT(T, q->a, side * side), &ldt, \
               AT(T, q->b, q->m * q->n), &lda, 1, 1, 1, 1); } break; \
    case TC_LAPACK_LDL: \
      if (q->left) p##LTRF##_("L", &n, a, &lda, q->pivots + i * n, s->work, &s->lwork, &info, 1); \
      else p##STRF##_("L", &n, a, &lda, q->pivots + i * n, s->work, &s->lwork, &info, 1); \
      break; \
    case TC_LAPACK_LDL_SOLVE: \
      if (q->left) p##LTRS##_("L", &n, &k, a, &ldn, q->pivots + i * n, AT(T, q->b, q->n * q->k), &ldn, &info, 1); \
      else p##STRS##_("L", &n, &k, a, &ldn, q->pivots + i * n, AT(T, q->b, q->n * q->k), &ldn, &info, 1); \
      break; \
    default: return p##_spectral(q, i, s); \
    } \
    return info; \
  }

/* spectral decompositions, whose arguments differ between real and complex */
#define REAL(p, T, C) \
  static int64_t p##_spectral_work(const tc_lapack *q, int64_t *real, int64_t *ints) { \
    const I m = (I)q->m, n = (I)q->n, lda = leading(q->m), no = -1; I info = 0, whole[1] = {0}; T answer[1] = {0}, d[1] = {0}; \
    const char *job = q->vectors ? "V" : "N"; *real = 0, *ints = 0; \
    if (q->what == TC_LAPACK_EIGH) { \
      p##syevd_(job, &q->uplo, &n, d, &lda, d, answer, &no, whole, &no, &info, 1, 1); \
      *ints = whole[0]; \
    } else if (q->what == TC_LAPACK_EIG) { \
      p##geev_("N", job, &n, d, &lda, d, d, d, &lda, d, &lda, answer, &no, &info, 1, 1); \
      *real = 2 * q->n + q->n * q->n; \
    } else { \
      const I ldv = leading(q->how == 'S' ? least(q->m, q->n) : q->n); \
      p##gesdd_(&q->how, &m, &n, d, &lda, d, d, &lda, d, &ldv, answer, &no, whole, &info, 1); \
      *ints = 8 * least(q->m, q->n); \
    } \
    return (int64_t)answer[0]; \
  } \
  /* LAPACK gives pairs of complex eigenvalues, and of their vectors the real and imaginary parts */ \
  static void p##_pairs(int64_t n, const T *re, const T *im, const T *v, C *w, C *vectors) { \
    for (int64_t j = 0; j < n; j++) { \
      w[j] = (C){re[j], im[j]}; \
      if (!vectors) continue; \
      bool second = j > 0 && im[j] < 0 && im[j - 1] == -im[j] && re[j - 1] == re[j]; \
      const T *real = v + (second ? j - 1 : j) * n, *imaginary = im[j] == 0 ? NULL : real + n; \
      for (int64_t r = 0; r < n; r++) vectors[j * n + r] = (C){real[r], imaginary ? (second ? -imaginary[r] : imaginary[r]) : 0}; \
    } \
  } \
  static I p##_spectral(const tc_lapack *q, int64_t i, space *s) { \
    const I m = (I)q->m, n = (I)q->n, lda = leading(q->m); const int64_t few = least(q->m, q->n); I info = 0; \
    T *a = AT(T, q->a, q->m * q->n); const char *job = q->vectors ? "V" : "N"; \
    if (q->what == TC_LAPACK_EIGH) { \
      const I liwork = (I)(5 * q->n + 3); \
      p##syevd_(job, &q->uplo, &n, a, &lda, AT(T, q->b, q->n), s->work, &s->lwork, s->ints, &liwork, &info, 1, 1); \
    } else if (q->what == TC_LAPACK_EIG) { \
      T *re = s->real, *im = re + q->n, *v = im + q->n, *none = v; const I one = leading(q->n); \
      p##geev_("N", job, &n, a, &lda, re, im, none, &one, v, &one, s->work, &s->lwork, &info, 1, 1); \
      p##_pairs(q->n, re, im, v, AT(C, q->b, q->n), q->vectors ? AT(C, q->c, q->n * q->n) : NULL); \
    } else { \
      const bool all = q->how == 'A'; const int64_t rows = all ? q->n : few; const I ldv = leading(rows); \
      p##gesdd_(&q->how, &m, &n, a, &lda, AT(T, q->b, few), q->how == 'N' ? a : AT(T, q->c, q->m * (all ? q->m : few)), &lda, \
                q->how == 'N' ? a : AT(T, q->d, rows * q->n), &ldv, s->work, &s->lwork, s->ints, &info, 1); \
    } \
    return info; \
  }
#define COMPLEX(p, T, R) \
  static int64_t p##_spectral_work(const tc_lapack *q, int64_t *real, int64_t *ints) { \
    const I m = (I)q->m, n = (I)q->n, lda = leading(q->m), no = -1; const int64_t few = least(q->m, q->n), big = most(q->m, q->n); \
    I info = 0, whole[1] = {0}; T answer[1] = {{0, 0}}, d[1] = {{0, 0}}; R part[1] = {0}; \
    const char *job = q->vectors ? "V" : "N"; *real = 0, *ints = 0; \
    if (q->what == TC_LAPACK_EIGH) { \
      p##heevd_(job, &q->uplo, &n, d, &lda, part, answer, &no, part, &no, whole, &no, &info, 1, 1); \
      *real = 1 + 5 * q->n + 2 * q->n * q->n, *ints = whole[0]; \
    } else if (q->what == TC_LAPACK_EIG) { \
      p##geev_("N", job, &n, d, &lda, d, d, &lda, d, &lda, answer, &no, part, &info, 1, 1); \
      *real = 2 * q->n; \
    } else { \
      const I ldv = leading(q->how == 'S' ? few : q->n); \
      p##gesdd_(&q->how, &m, &n, d, &lda, part, d, &lda, d, &ldv, answer, &no, part, whole, &info, 1); \
      *ints = 8 * few, *real = few * most(5 * few + 7, 2 * big + 2 * few + 1); \
    } \
    return (int64_t)answer[0].re; \
  } \
  static I p##_spectral(const tc_lapack *q, int64_t i, space *s) { \
    const I m = (I)q->m, n = (I)q->n, lda = leading(q->m); const int64_t few = least(q->m, q->n); I info = 0; \
    T *a = AT(T, q->a, q->m * q->n); const char *job = q->vectors ? "V" : "N"; \
    if (q->what == TC_LAPACK_EIGH) { \
      const I lrwork = (I)(1 + 5 * q->n + 2 * q->n * q->n), liwork = (I)(5 * q->n + 3); \
      p##heevd_(job, &q->uplo, &n, a, &lda, AT(R, q->b, q->n), s->work, &s->lwork, s->real, &lrwork, s->ints, &liwork, &info, 1, 1); \
    } else if (q->what == TC_LAPACK_EIG) { \
      T *v = q->vectors ? AT(T, q->c, q->n * q->n) : a; \
      p##geev_("N", job, &n, a, &lda, AT(T, q->b, q->n), a, &lda, v, &lda, s->work, &s->lwork, s->real, &info, 1, 1); \
    } else { \
      const bool all = q->how == 'A'; const int64_t rows = all ? q->n : few; const I ldv = leading(rows); \
      p##gesdd_(&q->how, &m, &n, a, &lda, AT(R, q->b, few), q->how == 'N' ? a : AT(T, q->c, q->m * (all ? q->m : few)), &lda, \
                q->how == 'N' ? a : AT(T, q->d, rows * q->n), &ldv, s->work, &s->lwork, s->real, s->ints, &info, 1); \
    } \
    return info; \
  }
#define SELF(x) (x)
#define PART(x) ((x).re)
#define UNIT {1, 0}
REAL(s, float, tc_c64)
REAL(d, double, tc_c128)
COMPLEX(c, tc_c64, float)
COMPLEX(z, tc_c128, double)
COMMON(s, float, float, SELF, 1, orgqr, ormqr, sytrf, sytrs, sytrf, sytrs)
COMMON(d, double, double, SELF, 1, orgqr, ormqr, sytrf, sytrs, sytrf, sytrs)
COMMON(c, tc_c64, float, PART, UNIT, ungqr, unmqr, hetrf, hetrs, sytrf, sytrs)
COMMON(z, tc_c128, double, PART, UNIT, ungqr, unmqr, hetrf, hetrs, sytrf, sytrs)

typedef struct type {
  int64_t (*work)(const tc_lapack *);
  int64_t (*spectral_work)(const tc_lapack *, int64_t *, int64_t *);
  I (*one)(const tc_lapack *, int64_t, space *);
  int element, part;
} type;
static const type *type_of(int dtype) {
  static const type types[4] = {{s_work, s_spectral_work, s_one, 4, 4}, {d_work, d_spectral_work, d_one, 8, 8},
                                {c_work, c_spectral_work, c_one, 8, 4}, {z_work, z_spectral_work, z_one, 16, 8}};
  return &types[dtype == TC_FLOAT32 ? 0 : dtype == TC_FLOAT64 ? 1 : dtype == TC_COMPLEX64 ? 2 : 3];
}

/* LAPACK's own checks let nan and inf through, and its eigenvalues of such matrices write outside of their memory. What a hermitian problem
   does not read is not looked at; complex numbers count as two. */
static bool finite_columns(const tc_lapack *q, const type *t, int64_t i) {
  const bool single = t->part == 4; const int64_t two = t->element / t->part;
  for (int64_t c = 0; c < q->n; c++) {
    const int64_t lo = q->what == TC_LAPACK_EIGH && q->uplo == 'L' ? c : 0, hi = q->what == TC_LAPACK_EIGH && q->uplo == 'U' ? c + 1 : q->m;
    const int64_t at = (i * q->m * q->n + c * q->m) * two;
    double sum = 0; /* 0 times what is not finite is nan */
    for (int64_t r = at + lo * two; r < at + hi * two; r++) sum += 0 * (single ? (double)((const float *)q->a)[r] : ((const double *)q->a)[r]);
    if (sum != 0) return false;
  }
  return true;
}

int TC_KERNEL(lapack)(const tc_lapack *q) {
  const type *t = type_of(q->dtype);
  bool spectral = q->what == TC_LAPACK_EIGH || q->what == TC_LAPACK_EIG || q->what == TC_LAPACK_SVD;
  int64_t real = 0, ints = 0, work = spectral ? t->spectral_work(q, &real, &ints) : t->work(q);
  if (q->what == TC_LAPACK_EIGH) ints = 5 * q->n + 3;
  double each = 2.0 * (double)q->m * (double)q->n * (double)most(1, most(q->k, least(q->m, q->n))) * (spectral ? 10 : 1);
  int status = TC_OK;
  TC_PARALLEL(q->batch, 1, each * (double)q->batch) {
    space s;
    bool good = make_space(&s, work, t->element, real, t->part, ints);
    if (!good) status = TC_NO_MEMORY;
    for (int64_t i = lo; good && i < hi; i++) q->info[i] = spectral && !finite_columns(q, t, i) ? TC_LAPACK_NOT_FINITE : t->one(q, i, &s);
    free_space(&s);
  } TC_PARALLEL_END
  return status;
}
