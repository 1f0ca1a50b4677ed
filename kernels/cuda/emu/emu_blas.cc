/* emu_blas.cc: what stands in for cuBLASLt on the emulated device: the same calls and attributes, computed in double precision, so that the
   host's side of kernels/cuda/gemm.cu (descriptors, layouts, transpositions, batches, epilogues) is what runs. */
#include "emu.h"
#include <cublasLt.h>
#include <complex>
#include <vector>

namespace {
struct description { cublasComputeType_t compute; int first, second; cublasLtEpilogue_t epilogue; const void *bias; };
struct layout { cudaDataType_t type; int64_t rows, columns, lead, step; int32_t batch; };

typedef std::complex<double> number;

number read(const void *p, cudaDataType_t type, int64_t i) {
  switch (type) {
    case CUDA_C_64F: return ((const std::complex<double> *)p)[i];
    case CUDA_C_32F: return number(((const std::complex<float> *)p)[i]);
    case CUDA_R_64F: return ((const double *)p)[i];
    case CUDA_R_16F: return __half2float(((const __half *)p)[i]);
    case CUDA_R_16BF: return __bfloat162float(((const __nv_bfloat16 *)p)[i]);
    default: return ((const float *)p)[i];
  }
}
void write(void *p, cudaDataType_t type, int64_t i, number w) {
  const double v = w.real();
  switch (type) {
    case CUDA_C_64F: ((std::complex<double> *)p)[i] = w; break;
    case CUDA_C_32F: ((std::complex<float> *)p)[i] = std::complex<float>(w); break;
    case CUDA_R_64F: ((double *)p)[i] = v; break;
    case CUDA_R_16F: ((__half *)p)[i] = __float2half((float)v); break;
    case CUDA_R_16BF: ((__nv_bfloat16 *)p)[i] = __float2bfloat16((float)v); break;
    default: ((float *)p)[i] = (float)v;
  }
}

/* element (i, k) of a matrix that lies column by column, or of it turned over */
number at(const void *p, const layout &l, bool turned, int64_t batch, int64_t i, int64_t k) {
  return read(p, l.type, batch * l.step + (turned ? k + i * l.lead : i + k * l.lead));
}

double activated(const description &d, double v) {
  if (d.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS) return v > 0 ? v : 0;
  if (d.epilogue == CUBLASLT_EPILOGUE_GELU_BIAS) return 0.5 * v * (1 + ::tanh(0.79788456080286536 * (v + 0.044715 * v * v * v)));
  return v;
}

void product(const description &d, double alpha, const void *a, const layout &la, const void *b, const layout &lb, double beta, const void *c,
             void *to, const layout &lc) {
  const int64_t inner = d.first ? la.rows : la.columns;
  std::vector<number> column((size_t)lc.rows), left((size_t)(lc.rows * inner));
  for (int32_t n = 0; n < lc.batch; n++) {
    for (int64_t k = 0; k < inner; k++)
      for (int64_t i = 0; i < lc.rows; i++) left[(size_t)(k * lc.rows + i)] = at(a, la, d.first, n, i, k);
    for (int64_t j = 0; j < lc.columns; j++) {
      std::fill(column.begin(), column.end(), number(0));
      for (int64_t k = 0; k < inner; k++) {
        const number w = at(b, lb, d.second, n, k, j), *from = &left[(size_t)(k * lc.rows)];
        for (int64_t i = 0; i < lc.rows; i++) column[(size_t)i] += from[i] * w;
      }
      for (int64_t i = 0; i < lc.rows; i++) {
        const int64_t place = n * lc.step + i + j * lc.lead;
        number v = alpha * column[(size_t)i] + (beta != 0 ? beta * read(c, lc.type, place) : number(0));
        if (d.epilogue != CUBLASLT_EPILOGUE_DEFAULT) v = activated(d, (v + read(d.bias, lc.type, i)).real());
        write(to, lc.type, place, v);
      }
    }
  }
}
double scalar(const void *p, cublasComputeType_t compute) { return compute == CUBLAS_COMPUTE_64F ? *(const double *)p : *(const float *)p; }
} // namespace

#define STAND_IN extern "C" __attribute__((visibility("default")))
STAND_IN size_t cublasLtGetVersion(void) { return 130000; }
STAND_IN cublasStatus_t cublasLtCreate(cublasLtHandle_t *h) { return *h = (cublasLtHandle_t)8, CUBLAS_STATUS_SUCCESS; }
STAND_IN cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t compute, cudaDataType_t) {
  *d = (cublasLtMatmulDesc_t)new description{compute, 0, 0, CUBLASLT_EPILOGUE_DEFAULT, nullptr};
  return CUBLAS_STATUS_SUCCESS;
}
STAND_IN cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t what, const void *value, size_t bytes) {
  description *d = (description *)desc;
  if (what == CUBLASLT_MATMUL_DESC_TRANSA && bytes == 4) d->first = *(const int32_t *)value != CUBLAS_OP_N;
  else if (what == CUBLASLT_MATMUL_DESC_TRANSB && bytes == 4) d->second = *(const int32_t *)value != CUBLAS_OP_N;
  else if (what == CUBLASLT_MATMUL_DESC_EPILOGUE && bytes == 4) d->epilogue = *(const cublasLtEpilogue_t *)value;
  else if (what == CUBLASLT_MATMUL_DESC_BIAS_POINTER && bytes == 8) d->bias = *(const void *const *)value;
  else return CUBLAS_STATUS_INVALID_VALUE;
  return CUBLAS_STATUS_SUCCESS;
}
STAND_IN cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType type, uint64_t rows, uint64_t columns, int64_t lead) {
  if (rows == 0 || columns == 0 || lead < (int64_t)rows) return CUBLAS_STATUS_INVALID_VALUE;
  *l = (cublasLtMatrixLayout_t)new layout{type, (int64_t)rows, (int64_t)columns, lead, 0, 1};
  return CUBLAS_STATUS_SUCCESS;
}
STAND_IN cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l, cublasLtMatrixLayoutAttribute_t what, const void *value, size_t) {
  if (what == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) ((layout *)l)->batch = *(const int32_t *)value;
  else if (what == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET) ((layout *)l)->step = *(const int64_t *)value;
  else return CUBLAS_STATUS_INVALID_VALUE;
  return CUBLAS_STATUS_SUCCESS;
}
STAND_IN cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p) { return *p = (cublasLtMatmulPreference_t)8, CUBLAS_STATUS_SUCCESS; }
STAND_IN cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t) { return CUBLAS_STATUS_SUCCESS; }
STAND_IN cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t, const void *, size_t) {
  return CUBLAS_STATUS_SUCCESS;
}
STAND_IN cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int,
                                                       cublasLtMatmulHeuristicResult_t results[], int *found) {
  const description *d = (const description *)desc;
  const layout *la = (const layout *)a, *lb = (const layout *)b, *lc = (const layout *)c;
  const int64_t m = d->first ? la->columns : la->rows, k = d->first ? la->rows : la->columns;
  const int64_t k2 = d->second ? lb->columns : lb->rows, n = d->second ? lb->rows : lb->columns;
  if (m != lc->rows || n != lc->columns || k != k2 || la->batch != lc->batch || lb->batch != lc->batch) return CUBLAS_STATUS_INVALID_VALUE;
  memset(&results[0], 0, sizeof results[0]);
  results[0].workspaceSize = 1024;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}
STAND_IN cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void *alpha, const void *a, cublasLtMatrixLayout_t la,
                                       const void *b, cublasLtMatrixLayout_t lb, const void *beta, const void *c, cublasLtMatrixLayout_t, void *to,
                                       cublasLtMatrixLayout_t lc, const cublasLtMatmulAlgo_t *, void *, size_t, cudaStream_t stream) {
  const description d = *(const description *)desc;
  const layout l1 = *(const layout *)la, l2 = *(const layout *)lb, l3 = *(const layout *)lc;
  const double scale = scalar(alpha, d.compute), keep = scalar(beta, d.compute);
  return emu::host_task([=] { product(d, scale, a, l1, b, l2, keep, c, to, l3); }, stream) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                                                           : CUBLAS_STATUS_EXECUTION_FAILED;
}
