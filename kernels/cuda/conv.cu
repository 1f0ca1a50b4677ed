/* conv.cu: convolutions and their gradients by cuDNN. Descriptors and the algorithm chosen for one set of shapes are kept; the workspace comes from
   the allocator. Only deterministic algorithms are taken. */
#include "dnn.h"
#include <cstring>
#include <unordered_map>

namespace {
enum kind { FORWARD, TO_INPUT, TO_WEIGHT };
struct key { tc_conv p; int32_t dtype, kind, device, tf32; };
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
  cudnnTensorDescriptor_t x, y, bias;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t conv;
  int algorithm;
  size_t workspace;
};
std::unordered_map<key, plan, key_hash, key_same> &plans = *new std::unordered_map<key, plan, key_hash, key_same>;
cudnnHandle_t handles[TC_CUDA_DEVICES];
} // namespace

int tc_dnn_answer(cudnnStatus_t s, const char *doing) {
  return s == CUDNN_STATUS_SUCCESS ? TC_OK : tc_cuda_say(TC_DEVICE_ERROR, "cuDNN: %s gives status %d in %s", doing, (int)s, tc_cuda_who());
}
#define TRY TC_DNN_TRY

int tc_dnn_handle(int device, cudnnHandle_t *h) {
  if (!DNN(cudnnCreate)) return TC_DEVICE_ERROR; /* the text says that the library is not here */
  if (!handles[device]) TRY(DNN(cudnnCreate)(&handles[device]));
  *h = handles[device];
  TRY(DNN(cudnnSetStream)(*h, tc_cuda_stream()));
  return TC_OK;
}

/* a row-major tensor of `dims` spatial dims, the last of the three */
static int tensor(cudnnTensorDescriptor_t *t, int dtype, int64_t n, int64_t c, const int64_t *space, int dims) {
  int size[5] = {(int)n, (int)c}, stride[5];
  for (int i = 0; i < dims; i++) size[2 + i] = (int)space[3 - dims + i];
  for (int i = 1 + dims, step = 1; i >= 0; step *= size[i--]) stride[i] = step;
  TRY(DNN(cudnnCreateTensorDescriptor)(t));
  TRY(DNN(cudnnSetTensorNdDescriptor)(*t, tc_dnn_type(dtype), 2 + dims, size, stride));
  return TC_OK;
}

static int describe(const key &k, plan *d) {
  const tc_conv &p = k.p;
  const int dims = p.in[0] == 1 && p.k[0] == 1 && p.pad[0] == 0 && p.out[0] == 1 ? 2 : 3;
  const int64_t ones[3] = {1, 1, 1};
  int s = tensor(&d->x, k.dtype, p.n, p.c, p.in, dims);
  if (s == TC_OK) s = tensor(&d->y, k.dtype, p.n, p.o, p.out, dims);
  if (s == TC_OK) s = tensor(&d->bias, k.dtype, 1, p.o, ones, dims);
  if (s != TC_OK) return s;
  int weight[5] = {(int)p.o, (int)(p.c / p.groups)}, pad[3], stride[3], dilation[3];
  for (int i = 0; i < dims; i++) {
    const int at = 3 - dims + i;
    weight[2 + i] = (int)p.k[at], pad[i] = (int)p.pad[at], stride[i] = (int)p.stride[at], dilation[i] = (int)p.dilation[at];
  }
  TRY(DNN(cudnnCreateFilterDescriptor)(&d->w));
  TRY(DNN(cudnnSetFilterNdDescriptor)(d->w, tc_dnn_type(k.dtype), CUDNN_TENSOR_NCHW, 2 + dims, weight));
  TRY(DNN(cudnnCreateConvolutionDescriptor)(&d->conv));
  const cudnnDataType_t compute = k.dtype == TC_FLOAT64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
  TRY(DNN(cudnnSetConvolutionNdDescriptor)(d->conv, dims, pad, stride, dilation, CUDNN_CROSS_CORRELATION, compute));
  TRY(DNN(cudnnSetConvolutionGroupCount)(d->conv, (int)p.groups));
  const bool half = k.dtype == TC_FLOAT16 || k.dtype == TC_BFLOAT16;
  TRY(DNN(cudnnSetConvolutionMathType)(d->conv, half ? CUDNN_TENSOR_OP_MATH : k.tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH));
  return TC_OK;
}

/* the first of the choices, the fastest by cuDNN's judgement, that works and gives the same each time */
template <class Choice> static int take(const Choice *list, int n, plan *d) {
  for (int i = 0; i < n; i++) {
    if (list[i].status != CUDNN_STATUS_SUCCESS || list[i].determinism != CUDNN_DETERMINISTIC) continue;
    d->algorithm = (int)list[i].algo;
    d->workspace = list[i].memory;
    return TC_OK;
  }
  return tc_cuda_say(TC_DEVICE_ERROR, "cuDNN has no deterministic algorithm for this convolution");
}

static int choose(const key &k, cudnnHandle_t h, plan *d) {
  enum { MOST = 10 };
  int found = 0;
  if (k.kind == FORWARD) {
    cudnnConvolutionFwdAlgoPerf_t list[MOST];
    TRY(DNN(cudnnGetConvolutionForwardAlgorithm_v7)(h, d->x, d->w, d->conv, d->y, MOST, &found, list));
    return take(list, found, d);
  }
  if (k.kind == TO_INPUT) {
    cudnnConvolutionBwdDataAlgoPerf_t list[MOST];
    TRY(DNN(cudnnGetConvolutionBackwardDataAlgorithm_v7)(h, d->w, d->y, d->conv, d->x, MOST, &found, list));
    return take(list, found, d);
  }
  cudnnConvolutionBwdFilterAlgoPerf_t list[MOST];
  TRY(DNN(cudnnGetConvolutionBackwardFilterAlgorithm_v7)(h, d->x, d->y, d->conv, d->w, MOST, &found, list));
  return take(list, found, d);
}

static int plan_for(const tc_conv *p, int dtype, int kind, cudnnHandle_t h, plan **found) {
  key k;
  memset(&k, 0, sizeof k);
  k.p = *p;
  k.dtype = dtype, k.kind = kind, k.device = tc_cuda_device_now(), k.tf32 = tc_cuda_get_tf32(1);
  auto i = plans.find(k);
  if (i == plans.end()) {
    plan d = {};
    int s = describe(k, &d);
    if (s == TC_OK) s = choose(k, h, &d);
    if (s != TC_OK) return s;
    i = plans.emplace(k, d).first;
  }
  *found = &i->second;
  return TC_OK;
}

static bool empty(const tc_conv *p) {
  int64_t n = p->n * p->c * p->o;
  for (int i = 0; i < 3; i++) n *= p->in[i] * p->out[i] * p->k[i];
  return n == 0;
}
static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }
static int clear(void *data, int64_t count, int dtype) {
  const int64_t bytes = dtype == TC_FLOAT64 ? 8 : dtype == TC_FLOAT32 ? 4 : 2;
  return count ? tc_cuda_status(cudaMemsetAsync(data, 0, (size_t)(count * bytes), tc_cuda_stream()), tc_cuda_who()) : TC_OK;
}

static const float one_f = 1, zero_f = 0;
static const double one_d = 1, zero_d = 0;
static const void *one(int dtype) { return dtype == TC_FLOAT64 ? (const void *)&one_d : &one_f; }
static const void *zero(int dtype) { return dtype == TC_FLOAT64 ? (const void *)&zero_d : &zero_f; }

extern "C" int TC_KERNEL(conv_forward)(const tc_conv *p, int dtype, void *y, const void *x, const void *w, const void *bias) {
  cudnnHandle_t h;
  plan *d;
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  int s = tc_dnn_handle(tc_cuda_device_now(), &h);
  if (s != TC_OK || p->n * p->o * volume(p->out) == 0) return s;
  if (empty(p)) {
    if (bias) return tc_cuda_say(TC_DEVICE_ERROR, "a convolution over nothing but a bias is not there on CUDA");
    return clear(y, p->n * p->o * volume(p->out), dtype);
  }
  s = plan_for(p, dtype, FORWARD, h, &d);
  if (s != TC_OK) return s;
  tc_workspace room(d->workspace);
  if (!room.data) return TC_NO_MEMORY;
  TRY(DNN(cudnnConvolutionForward)(h, one(dtype), d->x, x, d->w, w, d->conv, (cudnnConvolutionFwdAlgo_t)d->algorithm, room.data, d->workspace,
                                   zero(dtype), d->y, y));
  if (bias) TRY(DNN(cudnnAddTensor)(h, one(dtype), d->bias, bias, one(dtype), d->y, y));
  return TC_OK;
}

extern "C" int TC_KERNEL(conv_input)(const tc_conv *p, int dtype, void *x, const void *g, const void *w) {
  cudnnHandle_t h;
  plan *d;
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  if (empty(p)) return clear(x, p->n * p->c * volume(p->in), dtype);
  int s = tc_dnn_handle(tc_cuda_device_now(), &h);
  if (s == TC_OK) s = plan_for(p, dtype, TO_INPUT, h, &d);
  if (s != TC_OK) return s;
  tc_workspace room(d->workspace);
  if (!room.data) return TC_NO_MEMORY;
  TRY(DNN(cudnnConvolutionBackwardData)(h, one(dtype), d->w, w, d->y, g, d->conv, (cudnnConvolutionBwdDataAlgo_t)d->algorithm, room.data, d->workspace,
                                        zero(dtype), d->x, x));
  return TC_OK;
}

extern "C" int TC_KERNEL(conv_weight)(const tc_conv *p, int dtype, void *w, const void *g, const void *x) {
  cudnnHandle_t h;
  plan *d;
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  if (empty(p)) return clear(w, p->o * (p->c / p->groups) * volume(p->k), dtype);
  int s = tc_dnn_handle(tc_cuda_device_now(), &h);
  if (s == TC_OK) s = plan_for(p, dtype, TO_WEIGHT, h, &d);
  if (s != TC_OK) return s;
  tc_workspace room(d->workspace);
  if (!room.data) return TC_NO_MEMORY;
  TRY(DNN(cudnnConvolutionBackwardFilter)(h, one(dtype), d->x, x, d->y, g, d->conv, (cudnnConvolutionBwdFilterAlgo_t)d->algorithm, room.data, d->workspace,
                                          zero(dtype), d->w, w));
  return TC_OK;
}
