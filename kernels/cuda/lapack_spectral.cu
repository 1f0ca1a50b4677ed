/* lapack_spectral.cu: eigenvalues and singular values by cuSOLVER: divide and conquer for hermitian matrices (batches in one call), the QR
   iteration of geev for general ones, one-sided Jacobi rotations for singular values. */
#include "solver.h"

namespace {
using namespace tc;
enum { JACOBI = 32, BATCHED = 512 }; /* cuSOLVER's limit for batches of singular values; up to where a batch of eigenvalues goes in one call */

/* workspace of the calls that want some on both sides */
struct both_sides {
  tc_workspace device;
  void *host;
  size_t device_bytes, host_bytes;
  both_sides(size_t d, size_t h) : device(d), host(malloc(h ? h : 1)), device_bytes(d), host_bytes(h) {}
  ~both_sides() { free(host); }
  bool good() const { return device.data && host; }
};

/* ---- hermitian ---- */
template <class T> int hermitian_batch(const tc_lapack *q, const tc_solver &s) {
  typedef typed<T> F;
  const cusolverEigMode_t job = q->vectors ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR;
  size_t on_device = 0, on_host = 0;
  TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnXsyevBatched_bufferSize)(s.dense, s.params, job, triangle(q->uplo), q->n, F::matrix, q->a, q->n,
                F::values, q->b, F::matrix, &on_device, &on_host, q->batch));
  both_sides room(on_device, on_host);
  if (!room.good()) return TC_NO_MEMORY;
  TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnXsyevBatched)(s.dense, s.params, job, triangle(q->uplo), q->n, F::matrix, q->a, q->n, F::values,
                q->b, F::matrix, room.device.data, on_device, room.host, on_host, q->info, q->batch));
  return tc_cuda_launched(cudaStreamSynchronize(tc_cuda_stream())); /* the host's workspace goes away */
}

template <class T> int hermitian(const tc_lapack *q, const tc_solver &s) {
  typedef typename typed<T>::real R;
  const cusolverEigMode_t job = q->vectors ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR;
  const int n = (int)q->n;
  T *a = (T *)q->a;
  R *w = (R *)q->b;
  if (q->batch > 1 && n <= BATCHED && TC_LIBRARY_CALL(cusolver, cusolverDnXsyevBatched)) return hermitian_batch<T>(q, s);
  int need = 0;
  TC_SOLVER_TRY(typed<T>::syevd_room()(s.dense, job, triangle(q->uplo), n, a, n, w, &need));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::syevd()(s.dense, job, triangle(q->uplo), n, a + i * q->n * q->n, n, w + i * q->n, room.as<T>(), need, q->info + i));
  return TC_OK;
}

/* ---- general ---- */
template <class R> struct parts { R re, im; };

/* Of a real matrix's pairs of complex eigenvalues the library gives the real and the imaginary part of one vector, side by side. */
template <class R> __global__ void pair_vectors(parts<R> *to, const R *v, const parts<R> *w, int64_t n) {
  TC_EACH(e, n * n) {
    const int64_t j = e / n, r = e % n;
    const bool second = w[j].im < 0 && j > 0, alone = w[j].im == 0;
    const int64_t first = second ? j - 1 : j;
    to[e] = {v[first * n + r], alone || first + 1 >= n ? R(0) : second ? -v[(first + 1) * n + r] : v[(first + 1) * n + r]};
  }
}

template <class T> struct is_real { enum { value = sizeof(T) == sizeof(typename typed<T>::real) }; };

template <class T> int general(const tc_lapack *q, const tc_solver &s) {
  typedef typename typed<T>::real R;
  typedef parts<R> C;
  if (!TC_LIBRARY_CALL(cusolver, cusolverDnXgeev)) return TC_DEVICE_ERROR; /* from cuSOLVER 11.7.1 on; the text says that it is not there */
  const cusolverEigMode_t none = CUSOLVER_EIG_MODE_NOVECTOR, job = q->vectors ? CUSOLVER_EIG_MODE_VECTOR : none;
  const cudaDataType matrix = typed<T>::matrix, values = sizeof(R) == 8 ? CUDA_C_64F : CUDA_C_32F;
  const int64_t n = q->n;
  size_t on_device = 0, on_host = 0;
  TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnXgeev_bufferSize)(s.dense, s.params, none, job, n, matrix, q->a, n, values, q->b, matrix, nullptr, n,
                matrix, q->c, n, matrix, &on_device, &on_host));
  both_sides room(on_device, on_host);
  tc_workspace vectors(is_real<T>::value && q->vectors ? (size_t)(n * n) * sizeof(T) : 1);
  if (!room.good() || !vectors.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++) {
    C *w = (C *)q->b + i * n, *to = q->vectors ? (C *)q->c + i * n * n : nullptr;
    void *v = is_real<T>::value ? vectors.data : (void *)to;
    TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnXgeev)(s.dense, s.params, none, job, n, matrix, (T *)q->a + i * n * n, n, values, w, matrix, nullptr, n,
                  matrix, v, n, matrix, room.device.data, on_device, room.host, on_host, q->info + i));
    if (is_real<T>::value && to) TC_TRY(tc_run(pair_vectors<R>, tc_blocks(n * n, 256), 256, 0, to, (const R *)v, (const C *)w, n));
  }
  return tc_cuda_launched(cudaStreamSynchronize(tc_cuda_stream()));
}

/* ---- singular values ---- */
__device__ inline float conjugate(float x) { return x; }
__device__ inline double conjugate(double x) { return x; }
__device__ inline cuComplex conjugate(cuComplex x) { return {x.x, -x.y}; }
__device__ inline cuDoubleComplex conjugate(cuDoubleComplex x) { return {x.x, -x.y}; }

/* to (rows, n) = the first rows of v^H, v (n, at least rows); `step` elements between matrices of v */
template <class T> __global__ void adjoint(T *to, const T *v, int64_t n, int64_t rows, int64_t step, int64_t batch) {
  TC_EACH(e, batch * rows * n) {
    const int64_t r = e % rows, c = e / rows % n, b = e / rows / n;
    to[e] = conjugate(v[b * step + r * n + c]);
  }
}
/* to (m, columns) = the first columns of u (m, m) */
template <class T> __global__ void first_columns(T *to, const T *u, int64_t m, int64_t columns, int64_t batch) {
  TC_EACH(e, batch * m * columns) to[e] = u[e / (m * columns) * m * m + e % (m * columns)];
}

gesvdjInfo_t rotations; /* how Jacobi's method goes: as the library has it, to machine precision, values sorted */

template <class T> int small_singular(const tc_lapack *q, const tc_solver &s) {
  typedef typename typed<T>::real R;
  const cusolverEigMode_t job = q->how == 'N' ? CUSOLVER_EIG_MODE_NOVECTOR : CUSOLVER_EIG_MODE_VECTOR;
  const int m = (int)q->m, n = (int)q->n, batch = (int)q->batch;
  const int64_t few = fewer(m, n), columns = q->how == 'A' ? m : few, rows = q->how == 'A' ? n : few;
  tc_workspace u((size_t)(q->batch * m * m) * sizeof(T)), v((size_t)(q->batch * n * n) * sizeof(T)); /* the call gives them whole */
  if (!u.data || !v.data) return TC_NO_MEMORY;
  int need = 0;
  TC_SOLVER_TRY(typed<T>::gesvdj_batch_room()(s.dense, job, m, n, (T *)q->a, m, (R *)q->b, u.as<T>(), m, v.as<T>(), n, &need, rotations, batch));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  TC_SOLVER_TRY(typed<T>::gesvdj_batch()(s.dense, job, m, n, (T *)q->a, m, (R *)q->b, u.as<T>(), m, v.as<T>(), n, room.as<T>(), need, q->info, rotations,
                                         batch));
  if (q->how == 'N') return TC_OK;
  TC_TRY(tc_run(first_columns<T>, tc_blocks(q->batch * m * columns, 256), 256, 0, (T *)q->c, u.as<T>(), q->m, columns, q->batch));
  return tc_run(adjoint<T>, tc_blocks(q->batch * rows * n, 256), 256, 0, (T *)q->d, v.as<T>(), q->n, rows, q->n * q->n, q->batch);
}

template <class T> int singular(const tc_lapack *q, const tc_solver &s) {
  typedef typename typed<T>::real R;
  if (!rotations) TC_SOLVER_TRY(TC_LIBRARY_CALL(cusolver, cusolverDnCreateGesvdjInfo)(&rotations));
  if (q->batch > 1 && q->m <= JACOBI && q->n <= JACOBI) return small_singular<T>(q, s);
  const cusolverEigMode_t job = q->how == 'N' ? CUSOLVER_EIG_MODE_NOVECTOR : CUSOLVER_EIG_MODE_VECTOR;
  const int m = (int)q->m, n = (int)q->n, economy = q->how != 'A';
  const int64_t few = fewer(m, n), columns = economy ? few : m, rows = economy ? few : n;
  T *a = (T *)q->a, *u = (T *)q->c;
  R *w = (R *)q->b;
  tc_workspace v((size_t)(n * rows) * sizeof(T)), unused(q->how == 'N' ? (size_t)(m * columns) * sizeof(T) : 1);
  if (!v.data || !unused.data) return TC_NO_MEMORY;
  if (q->how == 'N') u = unused.as<T>();
  int need = 0;
  TC_SOLVER_TRY(typed<T>::gesvdj_room()(s.dense, job, economy, m, n, a, m, w, u, m, v.as<T>(), n, &need, rotations));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++) {
    T *to = q->how == 'N' ? u : u + i * m * columns;
    TC_SOLVER_TRY(typed<T>::gesvdj()(s.dense, job, economy, m, n, a + i * q->m * q->n, m, w + i * few, to, m, v.as<T>(), n, room.as<T>(), need, q->info + i,
                                     rotations));
    if (q->how != 'N') TC_TRY(tc_run(adjoint<T>, tc_blocks(rows * n, 256), 256, 0, (T *)q->d + i * rows * n, v.as<T>(), q->n, rows, (int64_t)0, (int64_t)1));
  }
  return TC_OK;
}
} // namespace

int tc_solver_spectral(const tc_lapack *q, tc_solver *s) {
  int status = TC_DEVICE_ERROR;
  TC_MATRICES(q->dtype, status = q->what == TC_LAPACK_EIGH ? hermitian<T>(q, *s) : q->what == TC_LAPACK_EIG ? general<T>(q, *s) : singular<T>(q, *s););
  return status;
}
