/* emu_solver.cc: what stands in for cuSOLVER and the batched part of cuBLAS on the emulated device: the same calls, done by the LAPACK that the CPU
   uses, one matrix after another. Workspaces must have the size that was asked for, and are overwritten. */
#include "emu.h"
#include <cublas_v2.h>
#include <cusolverDn.h>
#include <complex>
#include <vector>

typedef std::complex<float> c64;
typedef std::complex<double> c128;
typedef int I;
extern "C" {
#define DECLARE(p, T, ORG, ORM) \
  void p##getrf_(const I *, const I *, T *, const I *, I *, I *); \
  void p##getrs_(const char *, const I *, const I *, const T *, const I *, const I *, T *, const I *, I *, size_t); \
  void p##potrf_(const char *, const I *, T *, const I *, I *, size_t); \
  void p##geqrf_(const I *, const I *, T *, const I *, T *, T *, const I *, I *); \
  void p##ORG##_(const I *, const I *, const I *, T *, const I *, const T *, T *, const I *, I *); \
  void p##ORM##_(const char *, const char *, const I *, const I *, const I *, const T *, const I *, const T *, T *, const I *, T *, const I *, I *, \
                 size_t, size_t); \
  void p##sytrf_(const char *, const I *, T *, const I *, I *, T *, const I *, I *, size_t); \
  void p##trsm_(const char *, const char *, const char *, const char *, const I *, const I *, const T *, const T *, const I *, T *, const I *, size_t, \
                size_t, size_t, size_t);
DECLARE(s, float, orgqr, ormqr)
DECLARE(d, double, orgqr, ormqr)
DECLARE(c, c64, ungqr, unmqr)
DECLARE(z, c128, ungqr, unmqr)
#define DECLARE_REAL(p, T) \
  void p##syev_(const char *, const char *, const I *, T *, const I *, T *, T *, const I *, I *, size_t, size_t); \
  void p##geev_(const char *, const char *, const I *, T *, const I *, T *, T *, T *, const I *, T *, const I *, T *, const I *, I *, size_t, size_t); \
  void p##gesvd_(const char *, const char *, const I *, const I *, T *, const I *, T *, T *, const I *, T *, const I *, T *, const I *, I *, size_t, size_t);
DECLARE_REAL(s, float)
DECLARE_REAL(d, double)
#define DECLARE_COMPLEX(p, T, R) \
  void p##heev_(const char *, const char *, const I *, T *, const I *, R *, T *, const I *, R *, I *, size_t, size_t); \
  void p##geev_(const char *, const char *, const I *, T *, const I *, T *, T *, const I *, T *, const I *, T *, const I *, R *, I *, size_t, size_t); \
  void p##gesvd_(const char *, const char *, const I *, const I *, T *, const I *, R *, T *, const I *, T *, const I *, T *, const I *, R *, I *, size_t, size_t);
DECLARE_COMPLEX(c, c64, float)
DECLARE_COMPLEX(z, c128, double)
}

namespace {
template <class T> struct lapack;
#define LAPACK(p, T, R, ORG, ORM) \
  typedef R real; \
  static constexpr auto getrf = p##getrf_; static constexpr auto getrs = p##getrs_; static constexpr auto potrf = p##potrf_; \
  static constexpr auto geqrf = p##geqrf_; static constexpr auto orgqr = p##ORG##_; static constexpr auto ormqr = p##ORM##_; \
  static constexpr auto sytrf = p##sytrf_; static constexpr auto trsm = p##trsm_;
#define REAL(p, T) template <> struct lapack<T> { LAPACK(p, T, T, orgqr, ormqr) \
  static I eigh(const char *job, const char *uplo, I n, T *a, I lda, T *w) { \
    I info = 0, room = 64 * n + 64; std::vector<T> work((size_t)room); \
    p##syev_(job, uplo, &n, a, &lda, w, work.data(), &room, &info, 1, 1); return info; } \
  static I eig(const char *job, I n, T *a, I lda, std::complex<T> *w, T *v, I ldv) { \
    I info = 0, room = 64 * n + 64; std::vector<T> work((size_t)room), re((size_t)n), im((size_t)n); \
    p##geev_("N", job, &n, a, &lda, re.data(), im.data(), v, &ldv, v, &ldv, work.data(), &room, &info, 1, 1); \
    for (I i = 0; i < n; i++) w[i] = {re[(size_t)i], im[(size_t)i]}; \
    return info; } \
  static I svd(const char *job, I m, I n, T *a, I lda, T *s, T *u, I ldu, T *vt, I ldvt) { \
    I info = 0, room = 64 * (m + n) + 64; std::vector<T> work((size_t)room); \
    p##gesvd_(job, job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work.data(), &room, &info, 1, 1); return info; } };
#define COMPLEX(p, T, R) template <> struct lapack<T> { LAPACK(p, T, R, ungqr, unmqr) \
  static I eigh(const char *job, const char *uplo, I n, T *a, I lda, R *w) { \
    I info = 0, room = 64 * n + 64; std::vector<T> work((size_t)room); std::vector<R> more((size_t)room); \
    p##heev_(job, uplo, &n, a, &lda, w, work.data(), &room, more.data(), &info, 1, 1); return info; } \
  static I eig(const char *job, I n, T *a, I lda, T *w, T *v, I ldv) { \
    I info = 0, room = 64 * n + 64; std::vector<T> work((size_t)room); std::vector<R> more((size_t)room); \
    p##geev_("N", job, &n, a, &lda, w, v, &ldv, v, &ldv, work.data(), &room, more.data(), &info, 1, 1); return info; } \
  static I svd(const char *job, I m, I n, T *a, I lda, R *s, T *u, I ldu, T *vt, I ldvt) { \
    I info = 0, room = 64 * (m + n) + 64; std::vector<T> work((size_t)room); std::vector<R> more((size_t)room); \
    p##gesvd_(job, job, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work.data(), &room, more.data(), &info, 1, 1); return info; } };
REAL(s, float)
REAL(d, double)
COMPLEX(c, c64, float)
COMPLEX(z, c128, double)

struct handle { cudaStream_t stream; };
int asked(int m, int n) { return 16 + m + 3 * n; } /* elements of a made-up workspace */

typedef std::function<void()> work;
cusolverStatus_t later(cusolverDnHandle_t h, work w) {
  return emu::host_task(std::move(w), ((handle *)h)->stream) == cudaSuccess ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_EXECUTION_FAILED;
}
cublasStatus_t later_blas(cublasHandle_t h, work w) {
  return emu::host_task(std::move(w), ((handle *)h)->stream) == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
template <class T> void spoil(T *p, int n) { memset((void *)p, 0xff, (size_t)n * sizeof(T)); }
char letter(cublasOperation_t o) { return o == CUBLAS_OP_N ? 'N' : o == CUBLAS_OP_T ? 'T' : 'C'; }
char letter(cublasFillMode_t u) { return u == CUBLAS_FILL_MODE_UPPER ? 'U' : 'L'; }

/* V, not its adjoint, as Jacobi's method gives it: v (n, columns) */
template <class T> I jacobi(bool vectors, bool whole, I m, I n, T *a, I lda, typename lapack<T>::real *s, T *u, I ldu, T *v, I ldv) {
  const I few = m < n ? m : n, rows = whole ? n : few;
  std::vector<T> vt((size_t)(rows * n) + 1);
  I info = lapack<T>::svd(!vectors ? "N" : whole ? "A" : "S", m, n, a, lda, s, u, ldu, vt.data(), rows);
  for (I c = 0; vectors && c < n; c++)
    for (I r = 0; r < rows; r++) {
      T x = vt[(size_t)(c * rows + r)];
      if constexpr (std::is_floating_point<T>::value) v[r * ldv + c] = x;
      else v[r * ldv + c] = std::conj(x);
    }
  return info > 0 ? few + 1 : info;
}
template <class T> void reflect(I m, I n, T *a, I lda, T *tau, I *info) {
  I room = 64 * n + 64;
  std::vector<T> own((size_t)room);
  lapack<T>::geqrf(&m, &n, a, &lda, tau, own.data(), &room, info);
}
} // namespace

#define STAND_IN extern "C" __attribute__((visibility("default")))
#define SOLVER STAND_IN cusolverStatus_t
#define BLAS STAND_IN cublasStatus_t
#define DONE CUSOLVER_STATUS_SUCCESS
SOLVER cusolverDnCreate(cusolverDnHandle_t *h) { return *h = (cusolverDnHandle_t)new handle{nullptr}, DONE; }
SOLVER cusolverDnSetStream(cusolverDnHandle_t h, cudaStream_t s) { return ((handle *)h)->stream = s, DONE; }
SOLVER cusolverDnCreateParams(cusolverDnParams_t *p) { return *p = (cusolverDnParams_t)8, DONE; }
SOLVER cusolverDnCreateGesvdjInfo(gesvdjInfo_t *p) { return *p = (gesvdjInfo_t)8, DONE; }
BLAS cublasCreate_v2(cublasHandle_t *h) { return *h = (cublasHandle_t)new handle{nullptr}, CUBLAS_STATUS_SUCCESS; }
BLAS cublasSetStream_v2(cublasHandle_t h, cudaStream_t s) { return ((handle *)h)->stream = s, CUBLAS_STATUS_SUCCESS; }
BLAS cublasSetWorkspace_v2(cublasHandle_t, void *p, size_t) { return (uintptr_t)p % 256 ? CUBLAS_STATUS_INVALID_VALUE : CUBLAS_STATUS_SUCCESS; }

/* CU: the library's type, T: LAPACK's, R: of its parts */
#define TYPE(CU, T, R, P, ORG, ORM, EVD) \
SOLVER cusolverDn##P##getrf_bufferSize(cusolverDnHandle_t, int m, int n, CU *, int, int *need) { return *need = asked(m, n), DONE; } \
SOLVER cusolverDn##P##getrf(cusolverDnHandle_t h, int m, int n, CU *a, int lda, CU *room, int *pivots, int *info) { \
  return later(h, [=] { spoil(room, asked(m, n)); lapack<T>::getrf(&m, &n, (T *)a, &lda, pivots, info); }); } \
SOLVER cusolverDn##P##getrs(cusolverDnHandle_t h, cublasOperation_t o, int n, int k, const CU *a, int lda, const int *pivots, CU *b, int ldb, int *info) { \
  return later(h, [=] { char c = letter(o); lapack<T>::getrs(&c, &n, &k, (const T *)a, &lda, pivots, (T *)b, &ldb, info, 1); }); } \
SOLVER cusolverDn##P##potrf_bufferSize(cusolverDnHandle_t, cublasFillMode_t, int n, CU *, int, int *need) { return *need = asked(n, n), DONE; } \
SOLVER cusolverDn##P##potrf(cusolverDnHandle_t h, cublasFillMode_t uplo, int n, CU *a, int lda, CU *room, int size, int *info) { \
  if (size < asked(n, n)) return CUSOLVER_STATUS_INVALID_VALUE; \
  return later(h, [=] { char c = letter(uplo); spoil(room, size); lapack<T>::potrf(&c, &n, (T *)a, &lda, info, 1); }); } \
SOLVER cusolverDn##P##potrfBatched(cusolverDnHandle_t h, cublasFillMode_t uplo, int n, CU **a, int lda, int *info, int batch) { \
  return later(h, [=] { char c = letter(uplo); for (int i = 0; i < batch; i++) lapack<T>::potrf(&c, &n, (T *)a[i], &lda, info + i, 1); }); } \
SOLVER cusolverDn##P##geqrf_bufferSize(cusolverDnHandle_t, int m, int n, CU *, int, int *need) { return *need = asked(m, n), DONE; } \
SOLVER cusolverDn##P##geqrf(cusolverDnHandle_t h, int m, int n, CU *a, int lda, CU *tau, CU *room, int size, int *info) { \
  if (size < asked(m, n)) return CUSOLVER_STATUS_INVALID_VALUE; \
  return later(h, [=] { spoil(room, size); reflect(m, n, (T *)a, lda, (T *)tau, info); }); } \
SOLVER cusolverDn##P##ORG##_bufferSize(cusolverDnHandle_t, int m, int n, int k, const CU *, int, const CU *, int *need) { \
  if (k > n || n > m) return CUSOLVER_STATUS_INVALID_VALUE; \
  return *need = asked(m, n), DONE; } \
SOLVER cusolverDn##P##ORG(cusolverDnHandle_t h, int m, int n, int k, CU *a, int lda, const CU *tau, CU *room, int size, int *info) { \
  if (size < asked(m, n)) return CUSOLVER_STATUS_INVALID_VALUE; \
  return later(h, [=] { int own = 64 * n + 64; std::vector<T> work((size_t)own); spoil(room, size); \
                        lapack<T>::orgqr(&m, &n, &k, (T *)a, &lda, (const T *)tau, work.data(), &own, info); }); } \
SOLVER cusolverDn##P##ORM##_bufferSize(cusolverDnHandle_t, cublasSideMode_t, cublasOperation_t, int m, int n, int, const CU *, int, const CU *, const CU *, \
                                       int, int *need) { return *need = asked(m, n), DONE; } \
SOLVER cusolverDn##P##ORM(cusolverDnHandle_t h, cublasSideMode_t where, cublasOperation_t o, int m, int n, int k, const CU *a, int lda, const CU *tau, CU *b, \
                          int ldb, CU *room, int size, int *info) { \
  if (size < asked(m, n)) return CUSOLVER_STATUS_INVALID_VALUE; \
  return later(h, [=] { int own = 64 * (m + n) + 64; std::vector<T> work((size_t)own); char c = letter(o); spoil(room, size); \
                        lapack<T>::ormqr(where == CUBLAS_SIDE_LEFT ? "L" : "R", &c, &m, &n, &k, (const T *)a, &lda, (const T *)tau, (T *)b, &ldb, \
                                         work.data(), &own, info, 1, 1); }); } \
SOLVER cusolverDn##P##sytrf_bufferSize(cusolverDnHandle_t, int n, CU *, int, int *need) { return *need = asked(n, n), DONE; } \
SOLVER cusolverDn##P##sytrf(cusolverDnHandle_t h, cublasFillMode_t uplo, int n, CU *a, int lda, int *pivots, CU *room, int size, int *info) { \
  if (size < asked(n, n)) return CUSOLVER_STATUS_INVALID_VALUE; \
  return later(h, [=] { int own = 64 * n + 64; std::vector<T> work((size_t)own); char c = letter(uplo); spoil(room, size); \
                        lapack<T>::sytrf(&c, &n, (T *)a, &lda, pivots, work.data(), &own, info, 1); }); } \
SOLVER cusolverDn##P##EVD##_bufferSize(cusolverDnHandle_t, cusolverEigMode_t, cublasFillMode_t, int n, const CU *, int, const R *, int *need) { \
  return *need = asked(n, n), DONE; } \
SOLVER cusolverDn##P##EVD(cusolverDnHandle_t h, cusolverEigMode_t job, cublasFillMode_t uplo, int n, CU *a, int lda, R *w, CU *room, int size, int *info) { \
  if (size < asked(n, n)) return CUSOLVER_STATUS_INVALID_VALUE; \
  return later(h, [=] { char c = letter(uplo); spoil(room, size); *info = lapack<T>::eigh(job ? "V" : "N", &c, n, (T *)a, lda, w); }); } \
SOLVER cusolverDn##P##gesvdj_bufferSize(cusolverDnHandle_t, cusolverEigMode_t, int, int m, int n, const CU *, int, const R *, const CU *, int ldu, const CU *, \
                                        int ldv, int *need, gesvdjInfo_t info) { \
  return *need = asked(m, n), info && ldu >= m && ldv >= n ? DONE : CUSOLVER_STATUS_INVALID_VALUE; } \
SOLVER cusolverDn##P##gesvdj(cusolverDnHandle_t h, cusolverEigMode_t job, int economy, int m, int n, CU *a, int lda, R *s, CU *u, int ldu, CU *v, int ldv, \
                             CU *room, int size, int *info, gesvdjInfo_t) { \
  if (size < asked(m, n)) return CUSOLVER_STATUS_INVALID_VALUE; \
  return later(h, [=] { spoil(room, size); *info = jacobi<T>(job, !economy, m, n, (T *)a, lda, s, (T *)u, ldu, (T *)v, ldv); }); } \
SOLVER cusolverDn##P##gesvdjBatched_bufferSize(cusolverDnHandle_t, cusolverEigMode_t, int m, int n, const CU *, int, const R *, const CU *, int, const CU *, \
                                               int, int *need, gesvdjInfo_t, int) { \
  return *need = asked(m, n), m <= 32 && n <= 32 ? DONE : CUSOLVER_STATUS_INVALID_VALUE; } \
SOLVER cusolverDn##P##gesvdjBatched(cusolverDnHandle_t h, cusolverEigMode_t job, int m, int n, CU *a, int lda, R *s, CU *u, int ldu, CU *v, int ldv, CU *room, \
                                    int size, int *info, gesvdjInfo_t, int batch) { \
  return later(h, [=] { spoil(room, size); for (int i = 0; i < batch; i++) \
    info[i] = jacobi<T>(job, true, m, n, (T *)a + i * lda * n, lda, s + i * (m < n ? m : n), (T *)u + i * ldu * m, ldu, (T *)v + i * ldv * n, ldv); }); } \
BLAS cublas##P##getrfBatched(cublasHandle_t h, int n, CU *const a[], int lda, int *pivots, int *info, int batch) { \
  return later_blas(h, [=] { for (int i = 0; i < batch; i++) lapack<T>::getrf(&n, &n, (T *)a[i], &lda, pivots + i * n, info + i); }); } \
BLAS cublas##P##getrsBatched(cublasHandle_t h, cublasOperation_t o, int n, int k, const CU *const a[], int lda, const int *pivots, CU *const b[], int ldb, \
                             int *info, int batch) { \
  *info = 0; \
  return later_blas(h, [=] { char c = letter(o); int bad = 0; for (int i = 0; i < batch; i++) \
    lapack<T>::getrs(&c, &n, &k, (const T *)a[i], &lda, pivots + i * n, (T *)b[i], &ldb, &bad, 1); }); } \
BLAS cublas##P##geqrfBatched(cublasHandle_t h, int m, int n, CU *const a[], int lda, CU *const tau[], int *info, int batch) { \
  *info = 0; \
  return later_blas(h, [=] { int bad = 0; for (int i = 0; i < batch; i++) reflect(m, n, (T *)a[i], lda, (T *)tau[i], &bad); }); } \
BLAS cublas##P##trsm_v2(cublasHandle_t h, cublasSideMode_t where, cublasFillMode_t uplo, cublasOperation_t o, cublasDiagType_t diag, int m, int n, \
                        const CU *alpha, const CU *a, int lda, CU *b, int ldb) { \
  const CU by = *alpha; \
  return later_blas(h, [=] { char c = letter(o), t = letter(uplo); \
    lapack<T>::trsm(where == CUBLAS_SIDE_LEFT ? "L" : "R", &t, &c, diag == CUBLAS_DIAG_UNIT ? "U" : "N", &m, &n, (const T *)&by, (const T *)a, &lda, (T *)b, \
                    &ldb, 1, 1, 1, 1); }); } \
BLAS cublas##P##trsmBatched(cublasHandle_t h, cublasSideMode_t where, cublasFillMode_t uplo, cublasOperation_t o, cublasDiagType_t diag, int m, int n, \
                            const CU *alpha, const CU *const a[], int lda, CU *const b[], int ldb, int batch) { \
  const CU by = *alpha; \
  return later_blas(h, [=] { char c = letter(o), t = letter(uplo); for (int i = 0; i < batch; i++) \
    lapack<T>::trsm(where == CUBLAS_SIDE_LEFT ? "L" : "R", &t, &c, diag == CUBLAS_DIAG_UNIT ? "U" : "N", &m, &n, (const T *)&by, (const T *)a[i], &lda, \
                    (T *)b[i], &ldb, 1, 1, 1, 1); }); }
TYPE(float, float, float, S, orgqr, ormqr, syevd)
TYPE(double, double, double, D, orgqr, ormqr, syevd)
TYPE(cuComplex, c64, float, C, ungqr, unmqr, heevd)
TYPE(cuDoubleComplex, c128, double, Z, ungqr, unmqr, heevd)

/* ---- by the code of a type ---- */
#define BY_TYPE(code, ...) do { switch (code) { \
  case CUDA_R_32F: { typedef float T; __VA_ARGS__ } break; \
  case CUDA_R_64F: { typedef double T; __VA_ARGS__ } break; \
  case CUDA_C_32F: { typedef c64 T; __VA_ARGS__ } break; \
  default: { typedef c128 T; __VA_ARGS__ } break; } } while (0)
static bool parts_of(cudaDataType matrix, cudaDataType part) {
  const bool doubles = matrix == CUDA_R_64F || matrix == CUDA_C_64F;
  return part == (doubles ? CUDA_R_64F : CUDA_R_32F);
}
static bool complex_of(cudaDataType matrix, cudaDataType whole) {
  const bool doubles = matrix == CUDA_R_64F || matrix == CUDA_C_64F;
  return whole == (doubles ? CUDA_C_64F : CUDA_C_32F);
}
SOLVER cusolverDnXsyevBatched_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t, cublasFillMode_t, int64_t n, cudaDataType type, const void *,
                                         int64_t lda, cudaDataType values, const void *, cudaDataType compute, size_t *device, size_t *host, int64_t) {
  *device = 1024, *host = 64;
  return lda >= n && parts_of(type, values) && compute == type ? DONE : CUSOLVER_STATUS_INVALID_VALUE;
}
SOLVER cusolverDnXsyevBatched(cusolverDnHandle_t h, cusolverDnParams_t, cusolverEigMode_t job, cublasFillMode_t uplo, int64_t n, cudaDataType type, void *a,
                              int64_t lda, cudaDataType, void *w, cudaDataType, void *room, size_t size, void *host, size_t host_size, int *info, int64_t batch) {
  if (size < 1024 || host_size < 64) return CUSOLVER_STATUS_INVALID_VALUE;
  return later(h, [=] {
    const char c = letter(uplo);
    memset(room, 0xff, size);
    memset(host, 0xff, host_size);
    BY_TYPE(type, for (int64_t i = 0; i < batch; i++)
      info[i] = lapack<T>::eigh(job ? "V" : "N", &c, (I)n, (T *)a + i * lda * n, (I)lda, (lapack<T>::real *)w + i * n););
  });
}
SOLVER cusolverDnXgeev_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t left, cusolverEigMode_t, int64_t n, cudaDataType type, const void *,
                                  int64_t lda, cudaDataType values, const void *, cudaDataType, const void *, int64_t, cudaDataType vectors, const void *,
                                  int64_t ldv, cudaDataType compute, size_t *device, size_t *host) {
  *device = 1024, *host = 64;
  return left == CUSOLVER_EIG_MODE_NOVECTOR && lda >= n && ldv >= n && complex_of(type, values) && vectors == type && compute == type
             ? DONE : CUSOLVER_STATUS_INVALID_VALUE;
}
SOLVER cusolverDnXgeev(cusolverDnHandle_t h, cusolverDnParams_t, cusolverEigMode_t left, cusolverEigMode_t job, int64_t n, cudaDataType type, void *a,
                       int64_t lda, cudaDataType, void *w, cudaDataType, void *, int64_t, cudaDataType, void *v, int64_t ldv, cudaDataType, void *room,
                       size_t size, void *host, size_t host_size, int *info) {
  if (left != CUSOLVER_EIG_MODE_NOVECTOR || size < 1024 || host_size < 64) return CUSOLVER_STATUS_INVALID_VALUE;
  return later(h, [=] {
    memset(room, 0xff, size);
    memset(host, 0xff, host_size);
    BY_TYPE(type, *info = lapack<T>::eig(job ? "V" : "N", (I)n, (T *)a, (I)lda, (std::complex<lapack<T>::real> *)w, (T *)v, (I)ldv););
  });
}
