/* gemm.cu: matrix products: floating types by cuBLASLt, with float32 accumulation for the 16-bit ones and the bias (and activation) in the
   product's epilogue; whole numbers by a kernel of our own. Plans, cuBLASLt's choices for one set of shapes, are kept. */
#include "library.h"
#include <cublasLt.h>
#include <cstring>
#include <unordered_map>

static int allow_tf32[2] = {0, 1}; /* matrix products, convolutions: PyTorch's defaults */
TC_EXPORT int tc_cuda_set_tf32(int which, int on) { return allow_tf32[which & 1] = on != 0, TC_OK; }
TC_EXPORT int tc_cuda_get_tf32(int which) { return allow_tf32[which & 1]; }

namespace {
/* ---- what cuBLAS is to be told: matrices column by column, so the product is computed turned over, c' = b' a' ---- */
struct operand { void *data; int64_t lead, batch_step; bool turned; };

/* everything a plan depends on; compared byte by byte, so without gaps */
struct key {
  int64_t m, n, k, batch, lead_a, lead_b, lead_c, step_a, step_b, step_c;
  int32_t dtype, turned, tf32, epilogue, align, device, beta, gap;
};
struct key_hash {
  size_t operator()(const key &k) const {
    const uint64_t *words = (const uint64_t *)&k;
    uint64_t h = 1469598103934665603ull;
    for (size_t i = 0; i < sizeof k / 8; i++) h = (h ^ words[i]) * 1099511628211ull, h ^= h >> 29;
    return (size_t)h;
  }
};
struct key_same { bool operator()(const key &a, const key &b) const { return !memcmp(&a, &b, sizeof a); } };
struct plan {
  cublasLtMatmulDesc_t desc;
  cublasLtMatrixLayout_t a, b, c;
  cublasLtMatmulAlgo_t algorithm;
  size_t workspace;
};
std::unordered_map<key, plan, key_hash, key_same> &plans = *new std::unordered_map<key, plan, key_hash, key_same>;
cublasLtHandle_t handles[TC_CUDA_DEVICES];
constexpr size_t MOST_WORKSPACE = 32 << 20;
} // namespace

#define LT(name) TC_LIBRARY_CALL(cublasLt, name)

static int answer(cublasStatus_t s, const char *doing) {
  if (s == CUBLAS_STATUS_SUCCESS) return TC_OK;
  if (s == CUBLAS_STATUS_ALLOC_FAILED) return tc_cuda_say(TC_NO_MEMORY, "cuBLASLt is out of memory (%s)", doing);
  return tc_cuda_say(TC_DEVICE_ERROR, "cuBLASLt: %s gives status %d in %s", doing, (int)s, tc_cuda_who());
}

static cublasLtHandle_t handle_of(int device) {
  if (!handles[device] && LT(cublasLtCreate)) answer(LT(cublasLtCreate)(&handles[device]), "cublasLtCreate");
  return handles[device];
}

static bool wide(int dtype) { return dtype == TC_FLOAT64 || dtype == TC_COMPLEX128; }

static cudaDataType_t type_of(int dtype) {
  if (dtype == TC_COMPLEX64) return CUDA_C_32F;
  if (dtype == TC_COMPLEX128) return CUDA_C_64F;
  return dtype == TC_FLOAT64 ? CUDA_R_64F : dtype == TC_FLOAT32 ? CUDA_R_32F : dtype == TC_FLOAT16 ? CUDA_R_16F : CUDA_R_16BF;
}

static cublasLtMatrixLayout_t layout(const key &k, int64_t rows, int64_t columns, int64_t lead, int64_t step) {
  cublasLtMatrixLayout_t l = nullptr;
  if (LT(cublasLtMatrixLayoutCreate)(&l, type_of(k.dtype), (uint64_t)rows, (uint64_t)columns, lead) != CUBLAS_STATUS_SUCCESS) return nullptr;
  if (k.batch > 1) {
    int32_t count = (int32_t)k.batch;
    LT(cublasLtMatrixLayoutSetAttribute)(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);
    LT(cublasLtMatrixLayoutSetAttribute)(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof step);
  }
  return l;
}

static int describe(const key &k, plan *p) {
  const bool half = k.dtype == TC_FLOAT16 || k.dtype == TC_BFLOAT16;
  cublasComputeType_t compute = wide(k.dtype) ? CUBLAS_COMPUTE_64F : k.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  cublasStatus_t s = LT(cublasLtMatmulDescCreate)(&p->desc, compute, half ? CUDA_R_32F : type_of(k.dtype));
  if (s != CUBLAS_STATUS_SUCCESS) return answer(s, "cublasLtMatmulDescCreate");
  cublasOperation_t first = k.turned & 2 ? CUBLAS_OP_T : CUBLAS_OP_N, second = k.turned & 1 ? CUBLAS_OP_T : CUBLAS_OP_N;
  LT(cublasLtMatmulDescSetAttribute)(p->desc, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first);
  LT(cublasLtMatmulDescSetAttribute)(p->desc, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second);
  if (k.epilogue) {
    cublasLtEpilogue_t e = k.epilogue == 1 ? CUBLASLT_EPILOGUE_BIAS : k.epilogue == 2 ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_GELU_BIAS;
    LT(cublasLtMatmulDescSetAttribute)(p->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &e, sizeof e);
  }
  p->a = k.turned & 2 ? layout(k, k.k, k.n, k.lead_b, k.step_b) : layout(k, k.n, k.k, k.lead_b, k.step_b);
  p->b = k.turned & 1 ? layout(k, k.m, k.k, k.lead_a, k.step_a) : layout(k, k.k, k.m, k.lead_a, k.step_a);
  p->c = layout(k, k.n, k.m, k.lead_c, k.step_c);
  return p->a && p->b && p->c ? TC_OK : tc_cuda_say(TC_DEVICE_ERROR, "cuBLASLt: no layout in %s", tc_cuda_who());
}

static int choose(const key &k, plan *p) {
  cublasLtMatmulPreference_t wish = nullptr;
  cublasStatus_t s = LT(cublasLtMatmulPreferenceCreate)(&wish);
  if (s != CUBLAS_STATUS_SUCCESS) return answer(s, "cublasLtMatmulPreferenceCreate");
  size_t most = MOST_WORKSPACE;
  uint32_t align = (uint32_t)k.align;
  LT(cublasLtMatmulPreferenceSetAttribute)(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most);
  for (cublasLtMatmulPreferenceAttributes_t a : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                                                 CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    LT(cublasLtMatmulPreferenceSetAttribute)(wish, a, &align, sizeof align);
  cublasLtMatmulHeuristicResult_t result;
  int found = 0;
  s = LT(cublasLtMatmulAlgoGetHeuristic)(handle_of(k.device), p->desc, p->a, p->b, p->c, p->c, wish, 1, &result, &found);
  LT(cublasLtMatmulPreferenceDestroy)(wish);
  if (s != CUBLAS_STATUS_SUCCESS || found == 0) return answer(s != CUBLAS_STATUS_SUCCESS ? s : CUBLAS_STATUS_NOT_SUPPORTED, "cublasLtMatmulAlgoGetHeuristic");
  p->algorithm = result.algo;
  p->workspace = result.workspaceSize;
  return TC_OK;
}

static int plan_for(const key &k, plan **found) {
  auto i = plans.find(k);
  if (i == plans.end()) {
    plan p = {};
    int s = describe(k, &p);
    if (s == TC_OK) s = choose(k, &p);
    if (s != TC_OK) return s;
    i = plans.emplace(k, p).first;
  }
  *found = &i->second;
  return TC_OK;
}

/* ---- operands as views: the last two dims are a matrix, a third is the batch ---- */

static operand read_matrix(const tc_view *v) {
  int r = v->ndim - 2;
  int64_t rows = v->size[r], columns = v->size[r + 1], rs = v->stride[r], cs = v->stride[r + 1];
  bool by_rows = (cs == 1 || columns == 1) && (rs >= columns || rows == 1);
  int64_t step = by_rows ? rs : cs, least = by_rows ? columns : rows, count = by_rows ? rows : columns;
  if (count <= 1 || step < least) step = least;
  return {v->data, step > 0 ? step : 1, r ? v->stride[0] : 0, !by_rows};
}

static int alignment(const void *const *pointers, int n) {
  uintptr_t all = 256;
  for (int i = 0; i < n; i++) all |= (uintptr_t)pointers[i];
  return (int)(all & (~all + 1)); /* the lowest bit */
}

static int run(const tc_view *c, const operand &a, const operand &b, const operand &out, int64_t inner, const tc_view *bias, int epilogue, double alpha,
               double beta) {
  int r = c->ndim - 2, device = tc_cuda_device_now();
  const void *pointers[] = {a.data, b.data, out.data, bias ? bias->data : nullptr};
  key k;
  memset(&k, 0, sizeof k);
  k.m = c->size[r], k.n = c->size[r + 1], k.k = inner, k.batch = r ? c->size[0] : 1;
  k.lead_a = a.lead, k.lead_b = b.lead, k.lead_c = out.lead;
  k.step_a = a.batch_step, k.step_b = b.batch_step, k.step_c = out.batch_step;
  k.dtype = c->dtype, k.turned = a.turned + 2 * b.turned, k.tf32 = c->dtype == TC_FLOAT32 && allow_tf32[0], k.epilogue = epilogue;
  k.align = alignment(pointers, 4), k.device = device;
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  if (!handle_of(device)) return TC_DEVICE_ERROR;
  plan *p = nullptr;
  int s = plan_for(k, &p);
  if (s != TC_OK) return s;
  if (bias) LT(cublasLtMatmulDescSetAttribute)(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias->data, sizeof bias->data);
  tc_workspace room(p->workspace);
  if (!room.data) return TC_NO_MEMORY;
  const float alpha32[2] = {(float)alpha, 0}, beta32[2] = {(float)beta, 0}; /* the second is the imaginary part */
  const double alpha64[2] = {alpha, 0}, beta64[2] = {beta, 0};
  const void *scale = wide(c->dtype) ? (const void *)alpha64 : alpha32, *keep = wide(c->dtype) ? (const void *)beta64 : beta32;
  return answer(LT(cublasLtMatmul)(handle_of(device), p->desc, scale, b.data, p->a, a.data, p->b, keep, out.data, p->c, out.data, p->c,
                                   &p->algorithm, room.data, p->workspace, tc_cuda_stream()), "cublasLtMatmul");
}

/* ---- whole numbers, and products without an inner dim ---- */
namespace {
enum { TILE = 16 };
struct plain { int64_t *c; const int64_t *a, *b; int64_t m, n, k, ca, cb, cc, ra, sa, rb, sb, rc, alpha, beta; };

__global__ void whole_product(plain p) {
  __shared__ int64_t left[TILE][TILE], right[TILE][TILE + 1];
  const int x = threadIdx.x, y = threadIdx.y;
  const int64_t i = (int64_t)blockIdx.y * TILE + y, j = (int64_t)blockIdx.x * TILE + x;
  const int64_t *a = p.a + blockIdx.z * p.ca, *b = p.b + blockIdx.z * p.cb;
  uint64_t sum = 0; /* wraps around, as on the CPU */
  for (int64_t t = 0; t < p.k; t += TILE) {
    left[y][x] = i < p.m && t + x < p.k ? a[i * p.ra + (t + x) * p.sa] : 0;
    right[y][x] = j < p.n && t + y < p.k ? b[(t + y) * p.rb + j * p.sb] : 0;
    __syncthreads();
    for (int s = 0; s < TILE; s++) sum += (uint64_t)left[y][s] * (uint64_t)right[s][x];
    __syncthreads();
  }
  if (i >= p.m || j >= p.n) return;
  int64_t *to = p.c + blockIdx.z * p.cc + i * p.rc + j;
  *to = (int64_t)((uint64_t)p.alpha * sum + (p.beta ? (uint64_t)p.beta * (uint64_t)*to : 0));
}

template <class T> __global__ void scale_rows(T *c, int64_t n, double beta) {
  TC_EACH(i, n) c[i] = beta == 0 ? T(0) : T((double)(float)c[i] * beta);
}
template <> __global__ void scale_rows<double>(double *c, int64_t n, double beta) {
  TC_EACH(i, n) c[i] = beta == 0 ? 0 : c[i] * beta;
}
} // namespace

static int run_whole(const tc_view *c, const tc_view *a, const tc_view *b, double alpha, double beta) {
  int r = c->ndim - 2;
  const int64_t batch = r ? c->size[0] : 1;
  plain p = {(int64_t *)c->data, (const int64_t *)a->data, (const int64_t *)b->data, c->size[r], c->size[r + 1], a->size[r + 1],
             r ? a->stride[0] : 0, r ? b->stride[0] : 0, r ? c->stride[0] : 0, a->stride[r], a->stride[r + 1], b->stride[r], b->stride[r + 1],
             c->stride[r], (int64_t)alpha, (int64_t)beta};
  for (int64_t first = 0; first < batch; first += 65535) { /* a grid's third dim ends there */
    const int64_t now = batch - first < 65535 ? batch - first : 65535;
    plain q = p;
    q.a += first * p.ca, q.b += first * p.cb, q.c += first * p.cc;
    const dim3 grid((unsigned)((p.n + TILE - 1) / TILE), (unsigned)((p.m + TILE - 1) / TILE), (unsigned)now);
    int s = tc_launch(whole_product, grid, dim3(TILE, TILE), 0, tc_cuda_stream(), q);
    if (s != TC_OK) return s;
  }
  return TC_OK;
}

static int run_scale(const tc_view *c, double beta) { /* no inner dim: the product is zero; c is row-major */
  const int64_t n = c->numel, blocks = tc_blocks(n, 256);
  if (c->dtype == TC_COMPLEX128) return tc_run(scale_rows<double>, blocks, 256, 0, (double *)c->data, 2 * n, beta);
  if (c->dtype == TC_COMPLEX64) return tc_run(scale_rows<float>, blocks, 256, 0, (float *)c->data, 2 * n, beta);
  if (c->dtype == TC_FLOAT64) return tc_run(scale_rows<double>, blocks, 256, 0, (double *)c->data, n, beta);
  if (c->dtype == TC_FLOAT32) return tc_run(scale_rows<float>, blocks, 256, 0, (float *)c->data, n, beta);
  if (c->dtype == TC_FLOAT16) return tc_run(scale_rows<__half>, blocks, 256, 0, (__half *)c->data, n, beta);
  return tc_run(scale_rows<__nv_bfloat16>, blocks, 256, 0, (__nv_bfloat16 *)c->data, n, beta);
}

extern "C" int TC_KERNEL(gemm)(const tc_view *c, const tc_view *a, const tc_view *b, double alpha, double beta) {
  const int64_t inner = a->size[a->ndim - 1];
  if (c->numel == 0) return TC_OK;
  if (c->dtype == TC_INT64) return run_whole(c, a, b, alpha, beta);
  if (inner == 0) return run_scale(c, beta);
  return run(c, read_matrix(a), read_matrix(b), read_matrix(c), inner, nullptr, 0, alpha, beta);
}

/* c = act(a b + bias) with bias along the columns; activation: 0 none, 1 relu, 2 gelu (tanh) */
extern "C" int TC_KERNEL(gemm_bias)(const tc_view *c, const tc_view *a, const tc_view *b, const tc_view *bias, int activation) {
  const int64_t inner = a->size[a->ndim - 1];
  if (c->numel == 0) return TC_OK;
  if (c->dtype >= TC_COMPLEX64 || c->ndim != 2 || inner == 0 || bias->ndim != 1 || (bias->size[0] > 1 && bias->stride[0] != 1)) return TC_MISSING;
  return run(c, read_matrix(a), read_matrix(b), read_matrix(c), inner, bias, 1 + activation, 1, 0);
}
