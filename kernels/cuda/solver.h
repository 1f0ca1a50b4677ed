/* solver.h: cuSOLVER and cuBLAS for the linear algebra files: handles on the current stream, and their functions by the type of an element. */
#pragma once
#include "library.h"
#include "element.cuh"
#include "../lapack.h"
#include <cublas_v2.h>
#include <cusolverDn.h>

typedef struct tc_solver { cusolverDnHandle_t dense; cusolverDnParams_t params; cublasHandle_t blas; } tc_solver;
/* The current device's, set to its current stream; a status. The caller holds tc_cuda_lock until its launches are done. */
int tc_solver_now(tc_solver *s);
int tc_solver_answer(cusolverStatus_t s, const char *doing);
int tc_blas_answer(cublasStatus_t s, const char *doing);
int tc_solver_spectral(const tc_lapack *q, tc_solver *s); /* EIGH, EIG, SVD */
int tc_solver_ldl(const tc_lapack *q, tc_solver *s);      /* LDL, LDL_SOLVE */

#define TC_SOLVER_TRY(call) TC_TRY(tc_solver_answer(call, #call))
#define TC_BLAS_TRY(call) TC_TRY(tc_blas_answer(call, #call))

namespace tc {
/* typed<T>::getrf() is the function for T, and so on. real: the type of an element's parts. */
template <class T> struct typed;
#define TC_SOLVER_FUNCTION(member, name) static decltype(&::name) member() { return TC_LIBRARY_CALL(cusolver, name); }
#define TC_BLAS_FUNCTION(member, name) static decltype(&::name) member() { return TC_LIBRARY_CALL(cublas, name); }
#define TC_TYPED(T, R, P, ORG, ORM, EVD, code_of_matrix, code_of_values) \
  template <> struct typed<T> { \
    typedef R real; \
    static constexpr cudaDataType matrix = code_of_matrix, values = code_of_values; \
    TC_SOLVER_FUNCTION(getrf, cusolverDn##P##getrf) \
    TC_SOLVER_FUNCTION(getrf_room, cusolverDn##P##getrf_bufferSize) \
    TC_SOLVER_FUNCTION(getrs, cusolverDn##P##getrs) \
    TC_SOLVER_FUNCTION(potrf, cusolverDn##P##potrf) \
    TC_SOLVER_FUNCTION(potrf_room, cusolverDn##P##potrf_bufferSize) \
    TC_SOLVER_FUNCTION(potrf_batch, cusolverDn##P##potrfBatched) \
    TC_SOLVER_FUNCTION(geqrf, cusolverDn##P##geqrf) \
    TC_SOLVER_FUNCTION(geqrf_room, cusolverDn##P##geqrf_bufferSize) \
    TC_SOLVER_FUNCTION(orgqr, cusolverDn##P##ORG) \
    TC_SOLVER_FUNCTION(orgqr_room, cusolverDn##P##ORG##_bufferSize) \
    TC_SOLVER_FUNCTION(ormqr, cusolverDn##P##ORM) \
    TC_SOLVER_FUNCTION(ormqr_room, cusolverDn##P##ORM##_bufferSize) \
    TC_SOLVER_FUNCTION(sytrf, cusolverDn##P##sytrf) \
    TC_SOLVER_FUNCTION(sytrf_room, cusolverDn##P##sytrf_bufferSize) \
    TC_SOLVER_FUNCTION(syevd, cusolverDn##P##EVD) \
    TC_SOLVER_FUNCTION(syevd_room, cusolverDn##P##EVD##_bufferSize) \
    TC_SOLVER_FUNCTION(gesvdj, cusolverDn##P##gesvdj) \
    TC_SOLVER_FUNCTION(gesvdj_room, cusolverDn##P##gesvdj_bufferSize) \
    TC_SOLVER_FUNCTION(gesvdj_batch, cusolverDn##P##gesvdjBatched) \
    TC_SOLVER_FUNCTION(gesvdj_batch_room, cusolverDn##P##gesvdjBatched_bufferSize) \
    TC_BLAS_FUNCTION(getrf_batch, cublas##P##getrfBatched) \
    TC_BLAS_FUNCTION(getrs_batch, cublas##P##getrsBatched) \
    TC_BLAS_FUNCTION(geqrf_batch, cublas##P##geqrfBatched) \
    TC_BLAS_FUNCTION(trsm, cublas##P##trsm_v2) \
    TC_BLAS_FUNCTION(trsm_batch, cublas##P##trsmBatched) \
  };
TC_TYPED(float, float, S, orgqr, ormqr, syevd, CUDA_R_32F, CUDA_R_32F)
TC_TYPED(double, double, D, orgqr, ormqr, syevd, CUDA_R_64F, CUDA_R_64F)
TC_TYPED(cuComplex, float, C, ungqr, unmqr, heevd, CUDA_C_32F, CUDA_R_32F)
TC_TYPED(cuDoubleComplex, double, Z, ungqr, unmqr, heevd, CUDA_C_64F, CUDA_R_64F)

inline cublasOperation_t operation(char how) { return how == 'N' ? CUBLAS_OP_N : how == 'T' ? CUBLAS_OP_T : CUBLAS_OP_C; }
inline cublasFillMode_t triangle(char uplo) { return uplo == 'U' ? CUBLAS_FILL_MODE_UPPER : CUBLAS_FILL_MODE_LOWER; }
inline int leading(int64_t rows) { return rows > 1 ? (int)rows : 1; }
inline int64_t fewer(int64_t a, int64_t b) { return a < b ? a : b; }
} // namespace tc

/* Runs `...` with T as cuSOLVER's type of an element. */
#define TC_MATRICES(dtype, ...) do { switch (dtype) { \
  case TC_FLOAT64: { typedef double T; __VA_ARGS__ } break; \
  case TC_COMPLEX64: { typedef cuComplex T; __VA_ARGS__ } break; \
  case TC_COMPLEX128: { typedef cuDoubleComplex T; __VA_ARGS__ } break; \
  default: { typedef float T; __VA_ARGS__ } break; } } while (0)
