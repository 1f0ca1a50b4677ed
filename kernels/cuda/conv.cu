/* conv.cu: convolutions and their gradients by cuDNN's graph API. The plan found for one set of shapes is kept; the workspace comes from the
   allocator. Only deterministic engines are taken. */
#include "dnn_graph.h"
#include "map.cuh"
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_map>

#define TRY(call) do { int status_ = call; if (status_ != TC_OK) return status_; } while (0)

namespace {
enum kind { FORWARD, TO_INPUT, TO_WEIGHT };
enum { X = 1, W, Y }; /* the ids of the tensors in the graph */

/* Without padding between the members: compared and hashed as bytes. */
struct key { tc_conv p; int32_t dtype, kind, device, tf32, align[3], none; };
struct key_hash {
  size_t operator()(const key &k) const {
    uint64_t words[sizeof k / 8], h = 1469598103934665603ull;
    memcpy(words, &k, sizeof k);
    for (uint64_t w : words) h = (h ^ w) * 1099511628211ull, h ^= h >> 29;
    return (size_t)h;
  }
};
struct key_same { bool operator()(const key &a, const key &b) const { return !memcmp(&a, &b, sizeof a); } };

struct convolution { /* what was made last ends first */
  tc_dnn_descriptor x, w, y, steps, operation, graph;
  tc_dnn_plan plan;
  int64_t used;
  bool stays; /* a recorded CUDA graph runs its kernels */
};
typedef std::unordered_map<key, std::unique_ptr<convolution>, key_hash, key_same> known;
known &plans = *new known;
enum { KEPT_PLANS = 4096 };
int64_t uses;
} // namespace

/* ---- the graph of one convolution ---- */
/* Networks over lines and images leave the first of the three dims out: cuDNN has most engines for two. */
static int space_of(const tc_conv &p) { return p.in[0] == 1 && p.k[0] == 1 && p.pad[0] == 0 && p.out[0] == 1 ? 2 : 3; }

/* a row-major tensor (n, c, space...) of the last `dims` spatial dims */
static int tensor(tc_dnn_descriptor *t, int64_t id, const key &k, int64_t n, int64_t c, const int64_t *space, int dims) {
  int64_t size[5] = {n, c}, stride[5];
  for (int i = 0; i < dims; i++) size[2 + i] = space[3 - dims + i];
  int64_t step = 1;
  for (int i = 1 + dims; i >= 0; step *= size[i--]) stride[i] = step;
  t->begin(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "tensor");
  t->set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id).set(CUDNN_ATTR_TENSOR_DATA_TYPE, tc_dnn_type(k.dtype));
  t->list(CUDNN_ATTR_TENSOR_DIMENSIONS, size, 2 + dims).list(CUDNN_ATTR_TENSOR_STRIDES, stride, 2 + dims);
  return t->set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, (int64_t)k.align[id - 1]).finish();
}

static int steps(tc_dnn_descriptor *s, const key &k, int dims) {
  const tc_conv &p = k.p;
  const int64_t at = 3 - dims;
  s->begin(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "convolution");
  s->set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, (int64_t)dims).set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  s->set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, k.dtype == TC_FLOAT64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT);
  s->list(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, p.stride + at, dims).list(CUDNN_ATTR_CONVOLUTION_DILATIONS, p.dilation + at, dims);
  return s->list(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, p.pad + at, dims).list(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, p.pad + at, dims).finish();
}

/* the names of the operation's attributes: cuDNN has a set of its own for each kind */
static const struct {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, steps, alpha, beta;
} words[] = {
#define WORDS(type, op, x, w, y) \
  {CUDNN_BACKEND_OPERATION_CONVOLUTION_##type##_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##x, CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##w, \
   CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##y, CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_ALPHA, \
   CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_BETA}
  WORDS(FORWARD, FORWARD, X, W, Y), WORDS(BACKWARD_DATA, BWD_DATA, DX, W, DY), WORDS(BACKWARD_FILTER, BWD_FILTER, X, DW, DY)
#undef WORDS
};

static int operation(convolution *c, const key &k) {
  const auto &word = words[k.kind];
  tc_dnn_descriptor &o = c->operation.begin(word.type, "operation");
  o.set(word.x, c->x).set(word.w, c->w).set(word.y, c->y).set(word.steps, c->steps);
  if (k.dtype == TC_FLOAT64) return o.set(word.alpha, 1.0).set(word.beta, 0.0).finish();
  return o.set(word.alpha, 1.0f).set(word.beta, 0.0f).finish();
}

static int describe(convolution *c, const key &k, const tc_dnn_place &where) {
  const tc_conv &p = k.p;
  const int dims = space_of(p);
  TRY(tensor(&c->x, X, k, p.n, p.c, p.in, dims));
  TRY(tensor(&c->w, W, k, p.o, p.c / p.groups, p.k, dims)); /* cuDNN finds the groups from the two counts of channels */
  TRY(tensor(&c->y, Y, k, p.n, p.o, p.out, dims));
  TRY(steps(&c->steps, k, dims));
  TRY(operation(c, k));
  c->graph.begin(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "list of operations");
  if (where.handle) c->graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, where.handle);
  return c->graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, c->operation).finish();
}

/* ---- plans ---- */
static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }
static int64_t x_count(const tc_conv *p) { return p->n * p->c * volume(p->in); }
static int64_t y_count(const tc_conv *p) { return p->n * p->o * volume(p->out); }
static int64_t w_count(const tc_conv *p) { return p->o * (p->c / p->groups) * volume(p->k); }

/* Up to 1 GiB, or what the tensors take twice, is a fair workspace: there is room for copies of them in another order, not for every product. */
static int64_t fair_workspace(const tc_conv *p, int dtype) {
  const int64_t least = (int64_t)1 << 30, tensors = 2 * tc::dtype_bytes(dtype) * (x_count(p) + y_count(p) + w_count(p));
  return tensors > least ? tensors : least;
}

/* a place for one more: that of the plan which was not used for longest, unless all of them stay */
static void make_place(void) {
  if (plans.size() < KEPT_PLANS) return;
  auto oldest = plans.end();
  for (auto i = plans.begin(); i != plans.end(); ++i)
    if (!i->second->stays && (oldest == plans.end() || i->second->used < oldest->second->used)) oldest = i;
  if (oldest == plans.end()) return;
  tc_on_device there(oldest->first.device);
  cudaDeviceSynchronize(); /* its kernels may still run */
  plans.erase(oldest);
}

static int make_plan(const key &k, const tc_dnn_place &where, convolution *c) {
  TRY(describe(c, k, where));
  const tc_dnn_wish wish = {k.dtype != TC_FLOAT32 || k.tf32, fair_workspace(&k.p, k.dtype)};
  return tc_dnn_find_plan(where, c->graph, "convolution", wish, &c->plan);
}

static int plan_for(const key &k, cudnnHandle_t h, convolution **found) {
  const bool capturing = tc_cuda_state(k.device)->capturing;
  auto i = plans.find(k);
  if (i == plans.end()) {
    if (!capturing) make_place();
    std::unique_ptr<convolution> c(new convolution());
    TRY(make_plan(k, {h, nullptr}, c.get()));
    i = plans.emplace(k, std::move(c)).first;
  }
  i->second->used = ++uses;
  i->second->stays |= capturing;
  *found = i->second.get();
  return TC_OK;
}

/* the largest power of two up to 16 that divides an address: cuDNN asks for at least what the plan was made for */
static int32_t alignment(const void *p) { return (int32_t)(((uintptr_t)p | 16) & (~((uintptr_t)p | 16) + 1)); }

static key key_of(const tc_conv *p, int dtype, int what, bool tf32) {
  key k;
  memset(&k, 0, sizeof k);
  k.p = *p, k.dtype = dtype, k.kind = what, k.tf32 = dtype == TC_FLOAT32 && tf32;
  for (int i = 0; i < 3; i++) k.align[i] = 16;
  return k;
}

/* What cuDNN would do on a device that need not be here, given by its properties in JSON: a line about the plan, or the reason why there is none.
   Asks a library of version 9.8 or later. */
TC_EXPORT const char *tc_cuda_conv_plan(const tc_conv *p, int dtype, int what, bool tf32, const char *device) {
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  static char line[128];
  if (!DNN(cudnnBackendCreateDescriptor)) return tc_cuda_text();
  tc_dnn_descriptor properties;
  convolution c;
  if (tc_dnn_properties(device, &properties) != TC_OK || make_plan(key_of(p, dtype, what, tf32), {nullptr, &properties}, &c) != TC_OK)
    return tc_cuda_text();
  int64_t notes;
  const int engine = tc_dnn_engine_of(c.plan, &notes);
  snprintf(line, sizeof line, "engine %d, notes %d, workspace %lld", engine, (int)notes, (long long)c.plan.workspace);
  return line;
}

static int run(const tc_conv *p, int dtype, kind what, void *x, void *w, void *y) {
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  const int64_t ids[] = {X, W, Y};
  void *const data[] = {x, w, y};
  cudnnHandle_t h;
  convolution *c = nullptr;
  key k = key_of(p, dtype, what, tc_cuda_get_tf32(1));
  k.device = tc_cuda_device_now();
  for (int i = 0; i < 3; i++) k.align[i] = alignment(data[i]);
  TRY(tc_dnn_handle(k.device, &h));
  TRY(plan_for(k, h, &c));
  return tc_dnn_execute(h, c->plan, ids, data, 3);
}

/* ---- the bias ---- */
namespace {
struct channels { tc::divider plane, count; int64_t n; bool narrow; int64_t wide_plane, wide_count; };

/* adds bias[c] to each element of y (n, c, space...) */
template <class S> __global__ void add_bias(S *y, const S *bias, channels by) {
  typedef tc::computed_t<S> T;
  TC_EACH(i, by.n) {
    int64_t c;
    if (by.narrow) {
      const uint32_t row = tc::divide(by.plane, (uint32_t)i);
      c = row - tc::divide(by.count, row) * by.count.by;
    } else c = i / by.wide_plane % by.wide_count;
    y[i] = tc::put<S>(tc::get<T>(y[i]) + tc::get<T>(bias[c]));
  }
}
} // namespace

template <class S> static int bias_of(const tc_conv *p, void *y, const void *bias) {
  const int64_t n = y_count(p), plane = volume(p->out);
  const bool narrow = n < (int64_t)1 << 31;
  const channels by = {tc::make_divider(narrow ? (uint32_t)plane : 1), tc::make_divider(narrow ? (uint32_t)p->o : 1), n, narrow, plane, p->o};
  return tc_run(add_bias<S>, tc_blocks(n, 256), 256, 0, (S *)y, (const S *)bias, by);
}
static int with_bias(const tc_conv *p, int dtype, void *y, const void *bias) {
  if (!bias) return TC_OK;
  return dtype == TC_FLOAT64 ? bias_of<double>(p, y, bias) : dtype == TC_FLOAT16 ? bias_of<tc::half_t>(p, y, bias)
    : dtype == TC_BFLOAT16 ? bias_of<tc::bfloat_t>(p, y, bias) : bias_of<float>(p, y, bias);
}

/* ---- the kernels. Sums over nothing are 0: cuDNN takes no empty tensors ---- */
static bool empty(const tc_conv *p) { return x_count(p) * y_count(p) * w_count(p) == 0; }
static int clear(void *data, int64_t count, int dtype) {
  const size_t bytes = (size_t)(count * tc::dtype_bytes(dtype));
  return bytes ? tc_cuda_status(cudaMemsetAsync(data, 0, bytes, tc_cuda_stream()), tc_cuda_who()) : TC_OK;
}

extern "C" int TC_KERNEL(conv_forward)(const tc_conv *p, int dtype, void *y, const void *x, const void *w, const void *bias) {
  if (y_count(p) == 0) return TC_OK;
  TRY(empty(p) ? clear(y, y_count(p), dtype) : run(p, dtype, FORWARD, (void *)x, (void *)w, y));
  return with_bias(p, dtype, y, bias);
}

extern "C" int TC_KERNEL(conv_input)(const tc_conv *p, int dtype, void *x, const void *g, const void *w) {
  return empty(p) ? clear(x, x_count(p), dtype) : run(p, dtype, TO_INPUT, x, (void *)w, (void *)g);
}

extern "C" int TC_KERNEL(conv_weight)(const tc_conv *p, int dtype, void *w, const void *g, const void *x) {
  return empty(p) ? clear(w, w_count(p), dtype) : run(p, dtype, TO_WEIGHT, (void *)x, w, (void *)g);
}
