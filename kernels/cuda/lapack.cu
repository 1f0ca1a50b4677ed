/* lapack.cu: matrix factorisations and solutions by cuSOLVER and cuBLAS: LU, Cholesky, QR, reflectors, triangular systems. Batches of small
   matrices go to the batched functions, others one by one. Eigenvalues and singular values are in lapack_spectral.cu, LDL in ldl.cu. */
#include "solver.h"

namespace {
using namespace tc;
enum { SMALL = 256 };         /* up to here a batch in one call is quicker than a call for each */
constexpr size_t BLAS_WORKSPACE = 4 << 20;

/* places of a batch's matrices, `step` bytes apart */
__global__ void list_places(void **to, char *first, int64_t step, int64_t count) { TC_EACH(i, count) to[i] = first + i * step; }
struct places {
  tc_workspace room;
  int status;
  places(void *first, int64_t step, int64_t count) : room((size_t)count * sizeof(void *)) {
    status = !room.data ? TC_NO_MEMORY : tc_run(list_places, tc_blocks(count, 128), 128, 0, room.as<void *>(), (char *)first, step, count);
  }
  template <class T> T **of() const { return room.as<T *>(); }
};
struct one_number { template <class T> static T make() { return T(1); } };
template <> cuComplex one_number::make() { return make_cuComplex(1, 0); }
template <> cuDoubleComplex one_number::make() { return make_cuDoubleComplex(1, 0); }

template <class T> int factor_lu(const tc_lapack *q, const tc_solver &s) {
  const int m = (int)q->m, n = (int)q->n, few = (int)fewer(m, n);
  T *a = (T *)q->a;
  if (q->batch > 1 && m == n && n <= SMALL) {
    places p(a, q->m * q->n * (int64_t)sizeof(T), q->batch);
    TC_TRY(p.status);
    TC_BLAS_TRY(typed<T>::getrf_batch()(s.blas, n, p.of<T>(), n, q->pivots, q->info, (int)q->batch));
    return TC_OK;
  }
  int need = 0;
  TC_SOLVER_TRY(typed<T>::getrf_room()(s.dense, m, n, a, m, &need));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::getrf()(s.dense, m, n, a + i * q->m * q->n, m, room.as<T>(), q->pivots + i * few, q->info + i));
  return TC_OK;
}

template <class T> int solve_lu(const tc_lapack *q, const tc_solver &s) {
  const int n = (int)q->n, k = (int)q->k;
  T *a = (T *)q->a, *b = (T *)q->b;
  if (q->batch > 1 && n <= SMALL) {
    places pa(a, q->n * q->n * (int64_t)sizeof(T), q->batch), pb(b, q->n * q->k * (int64_t)sizeof(T), q->batch);
    TC_TRY(pa.status);
    TC_TRY(pb.status);
    int wrong = 0; /* of the arguments */
    TC_BLAS_TRY(typed<T>::getrs_batch()(s.blas, operation(q->how), n, k, pa.of<T>(), n, q->pivots, pb.of<T>(), n, &wrong, (int)q->batch));
    return TC_OK;
  }
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::getrs()(s.dense, operation(q->how), n, k, a + i * q->n * q->n, n, q->pivots + i * n, b + i * q->n * q->k, n, q->info + i));
  return TC_OK;
}

template <class T> int factor_cholesky(const tc_lapack *q, const tc_solver &s) {
  const int n = (int)q->n;
  T *a = (T *)q->a;
  if (q->batch > 1 && n <= SMALL) {
    places p(a, q->n * q->n * (int64_t)sizeof(T), q->batch);
    TC_TRY(p.status);
    TC_SOLVER_TRY(typed<T>::potrf_batch()(s.dense, triangle(q->uplo), n, p.of<T>(), n, q->info, (int)q->batch));
    return TC_OK;
  }
  int need = 0;
  TC_SOLVER_TRY(typed<T>::potrf_room()(s.dense, triangle(q->uplo), n, a, n, &need));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::potrf()(s.dense, triangle(q->uplo), n, a + i * q->n * q->n, n, room.as<T>(), need, q->info + i));
  return TC_OK;
}

template <class T> int factor_qr(const tc_lapack *q, const tc_solver &s) {
  const int m = (int)q->m, n = (int)q->n;
  const int64_t few = fewer(m, n);
  T *a = (T *)q->a, *factors = (T *)q->b;
  if (q->batch > 1 && m <= SMALL && n <= SMALL) {
    places pa(a, q->m * q->n * (int64_t)sizeof(T), q->batch), pf(factors, few * (int64_t)sizeof(T), q->batch);
    TC_TRY(pa.status);
    TC_TRY(pf.status);
    int wrong = 0;
    TC_BLAS_TRY(typed<T>::geqrf_batch()(s.blas, m, n, pa.of<T>(), m, pf.of<T>(), &wrong, (int)q->batch));
    return TC_OK;
  }
  int need = 0;
  TC_SOLVER_TRY(typed<T>::geqrf_room()(s.dense, m, n, a, m, &need));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::geqrf()(s.dense, m, n, a + i * q->m * q->n, m, factors + i * few, room.as<T>(), need, q->info + i));
  return TC_OK;
}

/* ones on the diagonals of (batch, n, m) */
template <class T> __global__ void identities(T *a, int64_t m, int64_t n, int64_t batch, T one) {
  TC_EACH(i, batch * m * n) {
    T v = {};
    if (i % m == i / m % n) v = one;
    a[i] = v;
  }
}

template <class T> int product_of_reflectors(const tc_lapack *q, const tc_solver &s) {
  const int m = (int)q->m, n = (int)q->n, k = (int)q->k;
  T *a = (T *)q->a, *factors = (T *)q->b;
  if (k == 0) return tc_run(identities<T>, tc_blocks(q->batch * q->m * q->n, 256), 256, 0, a, q->m, q->n, q->batch, one_number::make<T>());
  int need = 0;
  TC_SOLVER_TRY(typed<T>::orgqr_room()(s.dense, m, n, k, a, m, factors, &need));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::orgqr()(s.dense, m, n, k, a + i * q->m * q->n, m, factors + i * q->k, room.as<T>(), need, q->info + i));
  return TC_OK;
}

template <class T> int apply_reflectors(const tc_lapack *q, const tc_solver &s) {
  const int m = (int)q->m, n = (int)q->n, k = (int)q->k, side = q->left ? m : n;
  const cublasSideMode_t where = q->left ? CUBLAS_SIDE_LEFT : CUBLAS_SIDE_RIGHT;
  T *a = (T *)q->a, *b = (T *)q->b, *factors = (T *)q->c;
  int need = 0;
  TC_SOLVER_TRY(typed<T>::ormqr_room()(s.dense, where, operation(q->how), m, n, k, a, side, factors, b, m, &need));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::ormqr()(s.dense, where, operation(q->how), m, n, k, a + i * (int64_t)side * k, side, factors + i * k, b + i * q->m * q->n, m,
                                    room.as<T>(), need, q->info + i));
  return TC_OK;
}

template <class T> int solve_triangular(const tc_lapack *q, const tc_solver &s) {
  const int m = (int)q->m, n = (int)q->n, side = q->left ? m : n;
  const cublasSideMode_t where = q->left ? CUBLAS_SIDE_LEFT : CUBLAS_SIDE_RIGHT;
  const cublasDiagType_t diagonal = q->vectors ? CUBLAS_DIAG_UNIT : CUBLAS_DIAG_NON_UNIT;
  const int64_t step = (int64_t)side * side;
  const T one = one_number::make<T>();
  T *a = (T *)q->a, *b = (T *)q->b;
  if (q->batch > 1 && side <= SMALL) {
    places pa(a, step * (int64_t)sizeof(T), q->batch), pb(b, q->m * q->n * (int64_t)sizeof(T), q->batch);
    TC_TRY(pa.status);
    TC_TRY(pb.status);
    TC_BLAS_TRY(typed<T>::trsm_batch()(s.blas, where, triangle(q->uplo), operation(q->how), diagonal, m, n, &one, pa.of<T>(), side, pb.of<T>(), m,
                                       (int)q->batch));
    return TC_OK;
  }
  for (int64_t i = 0; i < q->batch; i++)
    TC_BLAS_TRY(typed<T>::trsm()(s.blas, where, triangle(q->uplo), operation(q->how), diagonal, m, n, &one, a + i * step, side, b + i * q->m * q->n, m));
  return TC_OK;
}

template <class T> int run(const tc_lapack *q, tc_solver *s) {
  switch (q->what) {
    case TC_LAPACK_LU: return factor_lu<T>(q, *s);
    case TC_LAPACK_LU_SOLVE: return solve_lu<T>(q, *s);
    case TC_LAPACK_CHOLESKY: return factor_cholesky<T>(q, *s);
    case TC_LAPACK_QR: return factor_qr<T>(q, *s);
    case TC_LAPACK_Q: return product_of_reflectors<T>(q, *s);
    case TC_LAPACK_APPLY_Q: return apply_reflectors<T>(q, *s);
    case TC_LAPACK_TRIANGULAR: return solve_triangular<T>(q, *s);
    case TC_LAPACK_LDL: case TC_LAPACK_LDL_SOLVE: return tc_solver_ldl(q, s);
    default: return tc_solver_spectral(q, s);
  }
}

tc_solver solvers[TC_CUDA_DEVICES];

bool empty(const tc_lapack *q) {
  if (q->batch == 0 || q->n == 0) return true;
  if (q->what == TC_LAPACK_LU_SOLVE || q->what == TC_LAPACK_LDL_SOLVE) return q->k == 0;
  if (q->what == TC_LAPACK_APPLY_Q) return q->k == 0 || q->m == 0;
  return q->m == 0;
}
} // namespace

int tc_solver_answer(cusolverStatus_t s, const char *doing) {
  if (s == CUSOLVER_STATUS_SUCCESS) return TC_OK;
  if (s == CUSOLVER_STATUS_ALLOC_FAILED) return tc_cuda_say(TC_NO_MEMORY, "cuSOLVER is out of memory (%.40s)", doing);
  return tc_cuda_say(TC_DEVICE_ERROR, "cuSOLVER gives status %d in %s (%.60s)", (int)s, tc_cuda_who(), doing);
}

int tc_blas_answer(cublasStatus_t s, const char *doing) {
  if (s == CUBLAS_STATUS_SUCCESS) return TC_OK;
  if (s == CUBLAS_STATUS_ALLOC_FAILED) return tc_cuda_say(TC_NO_MEMORY, "cuBLAS is out of memory (%.40s)", doing);
  return tc_cuda_say(TC_DEVICE_ERROR, "cuBLAS gives status %d in %s (%.60s)", (int)s, tc_cuda_who(), doing);
}

int tc_solver_now(tc_solver *s) {
  tc_solver &kept = solvers[tc_cuda_device_now()];
  if (!TC_LIBRARY_CALL(cublas, cublasCreate_v2) || !TC_LIBRARY_CALL(cusolver, cusolverDnCreate)) return TC_DEVICE_ERROR; /* the text says which */
  if (!kept.blas) TC_BLAS_TRY(TC_LIBRARY_CALL(cublas, cublasCreate_v2)(&kept.blas));
  if (!kept.dense) TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnCreate)(&kept.dense));
  if (!kept.params) TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnCreateParams)(&kept.params));
  *s = kept;
  TC_BLAS_TRY(TC_LIBRARY_CALL(cublas, cublasSetStream_v2)(s->blas, tc_cuda_stream()));
  TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnSetStream)(s->dense, tc_cuda_stream()));
  return TC_OK;
}

extern "C" int TC_KERNEL(lapack)(const tc_lapack *q) {
  if (empty(q)) return TC_OK;
  if (q->batch > INT32_MAX) return tc_cuda_say(TC_DEVICE_ERROR, "%s: a batch has at most %d matrices on the GPU", tc_cuda_who(), INT32_MAX);
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  tc_solver s;
  TC_TRY(tc_solver_now(&s));
  tc_workspace room(BLAS_WORKSPACE);
  if (!room.data) return TC_NO_MEMORY;
  TC_BLAS_TRY(TC_LIBRARY_CALL(cublas, cublasSetWorkspace_v2)(s.blas, room.data, BLAS_WORKSPACE)); /* for this call: it is the stream's */
  int status = TC_DEVICE_ERROR;
  TC_MATRICES(q->dtype, status = run<T>(q, &s););
  return status == TC_OK ? tc_cuda_launched(cudaSuccess) : status;
}
