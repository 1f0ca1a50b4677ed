/* rnn.cu: recurrent layers and their gradients by cuDNN: one direction of one layer over whole sequences. Descriptors are kept by shape; weights are
   packed into cuDNN's own order at each call; workspace comes from the allocator. */
#include "dnn.h"
#include <cstring>
#include <map>
#include <vector>

#define TRY TC_DNN_TRY

namespace {
const int GATES[] = {1, 1, 4, 3}; /* by kind */
struct key { /* no padding: compared byte by byte */
  int64_t time, batch, input, hidden;
  int32_t kind, dtype, device, tf32, bias, none;
  bool operator<(const key &o) const { return memcmp(this, &o, sizeof o) < 0; }
};
struct plan {
  cudnnRNNDescriptor_t rnn;
  cudnnRNNDataDescriptor_t x, y;
  cudnnTensorDescriptor_t state, matrix, vector;
  cudnnDropoutDescriptor_t whole; /* no dropout */
  size_t weights, reserve, work[2]; /* bytes; work for inference and training */
};
typedef std::map<key, plan> plans_t;
plans_t &plans = *new plans_t;
enum { MOST_PLANS = 1024 };

/* a piece of a weight: where it lies in the layer's tensors and in cuDNN's order */
struct piece { char *ours, *theirs; size_t bytes; };
} // namespace

static int describe_sequence(cudnnRNNDataDescriptor_t *d, const tc_rnn *p, int64_t features) {
  const std::vector<int> lengths((size_t)p->batch, (int)p->time);
  TRY(DNN(cudnnCreateRNNDataDescriptor)(d));
  TRY(DNN(cudnnSetRNNDataDescriptor)(*d, tc_dnn_type(p->dtype), CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, (int)p->time, (int)p->batch, (int)features,
                                     lengths.data(), nullptr));
  return TC_OK;
}

static int describe_cell(const key &k, const tc_rnn *p, cudnnHandle_t h, plan *d) {
  static const cudnnRNNMode_t modes[] = {CUDNN_RNN_TANH, CUDNN_RNN_RELU, CUDNN_LSTM, CUDNN_GRU};
  const bool half = p->dtype == TC_FLOAT16 || p->dtype == TC_BFLOAT16;
  const cudnnDataType_t compute = p->dtype == TC_FLOAT64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
  const cudnnMathType_t math = half ? CUDNN_TENSOR_OP_MATH : k.tf32 && p->dtype == TC_FLOAT32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  TRY(DNN(cudnnCreateDropoutDescriptor)(&d->whole));
  TRY(DNN(cudnnSetDropoutDescriptor)(d->whole, h, 0, nullptr, 0, 0));
  TRY(DNN(cudnnCreateRNNDescriptor)(&d->rnn));
  TRY(DNN(cudnnSetRNNDescriptor_v8)(d->rnn, CUDNN_RNN_ALGO_STANDARD, modes[p->kind], k.bias ? CUDNN_RNN_DOUBLE_BIAS : CUDNN_RNN_NO_BIAS,
                                    CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, tc_dnn_type(p->dtype), compute, math, (int)p->input, (int)p->hidden,
                                    (int)p->hidden, 1, d->whole, CUDNN_RNN_PADDED_IO_DISABLED));
  return TC_OK;
}

static int describe(const key &k, const tc_rnn *p, cudnnHandle_t h, plan *d) {
  const int size[3] = {1, (int)p->batch, (int)p->hidden}, stride[3] = {size[1] * size[2], size[2], 1};
  int s = describe_cell(k, p, h, d);
  if (s == TC_OK) s = describe_sequence(&d->x, p, p->input);
  if (s == TC_OK) s = describe_sequence(&d->y, p, p->hidden);
  if (s != TC_OK) return s;
  TRY(DNN(cudnnCreateTensorDescriptor)(&d->state));
  TRY(DNN(cudnnSetTensorNdDescriptor)(d->state, tc_dnn_type(p->dtype), 3, size, stride));
  TRY(DNN(cudnnCreateTensorDescriptor)(&d->matrix));
  TRY(DNN(cudnnCreateTensorDescriptor)(&d->vector));
  TRY(DNN(cudnnGetRNNWeightSpaceSize)(h, d->rnn, &d->weights));
  size_t none = 0;
  TRY(DNN(cudnnGetRNNTempSpaceSizes)(h, d->rnn, CUDNN_FWD_MODE_INFERENCE, d->x, &d->work[0], &none));
  TRY(DNN(cudnnGetRNNTempSpaceSizes)(h, d->rnn, CUDNN_FWD_MODE_TRAINING, d->x, &d->work[1], &d->reserve));
  return TC_OK;
}

static void forget(const plan &d) {
  if (d.rnn) DNN(cudnnDestroyRNNDescriptor)(d.rnn);
  if (d.whole) DNN(cudnnDestroyDropoutDescriptor)(d.whole);
  for (cudnnRNNDataDescriptor_t t : {d.x, d.y})
    if (t) DNN(cudnnDestroyRNNDataDescriptor)(t);
  for (cudnnTensorDescriptor_t t : {d.state, d.matrix, d.vector})
    if (t) DNN(cudnnDestroyTensorDescriptor)(t);
}

static int plan_for(const tc_rnn *p, cudnnHandle_t h, const plan **found) {
  key k;
  memset(&k, 0, sizeof k);
  k.time = p->time, k.batch = p->batch, k.input = p->input, k.hidden = p->hidden;
  k.kind = p->kind, k.dtype = p->dtype, k.device = tc_cuda_device_now(), k.tf32 = tc_cuda_get_tf32(1), k.bias = p->b_ih != nullptr;
  auto i = plans.find(k);
  if (i == plans.end()) {
    if (plans.size() >= MOST_PLANS) { /* sequences of ever new lengths */
      for (auto &old : plans) forget(old.second);
      plans.clear();
    }
    plan d = {};
    const int s = describe(k, p, h, &d);
    if (s != TC_OK) return forget(d), s;
    i = plans.emplace(k, d).first;
  }
  *found = &i->second;
  return TC_OK;
}

static int64_t elements(cudnnTensorDescriptor_t t) {
  cudnnDataType_t type;
  int dims = 0, size[8] = {0}, stride[8];
  if (DNN(cudnnGetTensorNdDescriptor)(t, 8, &type, &dims, size, stride) != CUDNN_STATUS_SUCCESS || dims < 1 || dims > 8) return -1;
  int64_t n = 1;
  for (int i = 0; i < dims; i++) n *= size[i];
  return n;
}

static void add_piece(std::vector<piece> *list, char *ours, void *theirs, size_t bytes) {
  if (!list->empty() && list->back().ours + list->back().bytes == ours && list->back().theirs + list->back().bytes == theirs) list->back().bytes += bytes;
  else list->push_back({ours, (char *)theirs, bytes});
}

/* The pieces of one weight and its bias: gate g is number first + g of cuDNN's. */
static int pieces_of(const tc_rnn *p, const plan *d, cudnnHandle_t h, char *space, int first, int64_t columns, void *weight, void *bias,
                     std::vector<piece> *list) {
  const size_t element = p->dtype == TC_FLOAT64 ? 8 : p->dtype == TC_FLOAT32 ? 4 : 2, row = (size_t)p->hidden * element;
  std::vector<piece> biases;
  for (int g = 0; g < GATES[p->kind]; g++) {
    void *m = nullptr, *b = nullptr;
    TRY(DNN(cudnnGetRNNWeightParams)(h, d->rnn, 0, d->weights, space, first + g, d->matrix, &m, d->vector, &b));
    if (!m || elements(d->matrix) != p->hidden * columns || (bias && (!b || elements(d->vector) != p->hidden)))
      return tc_cuda_say(TC_DEVICE_ERROR, "cuDNN keeps the weights of this recurrent layer in a way that is not known here");
    add_piece(list, (char *)weight + g * row * (size_t)columns, m, row * (size_t)columns);
    if (bias) add_piece(&biases, (char *)bias + g * row, b, row);
  }
  list->insert(list->end(), biases.begin(), biases.end());
  return TC_OK;
}

/* Copies weights into cuDNN's space, or their gradients out of it. */
static int exchange(const tc_rnn *p, const plan *d, cudnnHandle_t h, void *space, bool out) {
  std::vector<piece> list;
  void *const w[] = {out ? p->dw_ih : (void *)p->w_ih, out ? p->dw_hh : (void *)p->w_hh};
  void *const b[] = {out ? p->db_ih : (void *)p->b_ih, out ? p->db_hh : (void *)p->b_hh};
  int s = pieces_of(p, d, h, (char *)space, 0, p->input, w[0], p->b_ih ? b[0] : nullptr, &list);
  if (s == TC_OK) s = pieces_of(p, d, h, (char *)space, GATES[p->kind], p->hidden, w[1], p->b_ih ? b[1] : nullptr, &list);
  for (const piece &i : list)
    if (s == TC_OK)
      s = tc_cuda_status(cudaMemcpyAsync(out ? i.ours : i.theirs, out ? i.theirs : i.ours, i.bytes, cudaMemcpyDeviceToDevice, tc_cuda_stream()), tc_cuda_who());
  return s;
}

static int forward(const tc_rnn *p, const plan *d, cudnnHandle_t h) {
  const int training = p->reserve != nullptr;
  tc_workspace weights(d->weights), work(d->work[training]);
  if (!weights.data || !work.data) return TC_NO_MEMORY;
  const int s = exchange(p, d, h, weights.data, false);
  if (s != TC_OK) return s;
  TRY(DNN(cudnnRNNForward)(h, d->rnn, training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, nullptr, d->x, p->x, d->y, p->y, d->state, p->h,
                           p->h_n, d->state, p->c, p->c_n, d->weights, weights.data, d->work[training], work.data, training ? d->reserve : 0, p->reserve));
  return TC_OK;
}

static int backward(const tc_rnn *p, const plan *d, cudnnHandle_t h) {
  tc_workspace weights(d->weights), work(d->work[1]);
  if (!weights.data || !work.data) return TC_NO_MEMORY;
  int s = exchange(p, d, h, weights.data, false);
  if (s != TC_OK) return s;
  TRY(DNN(cudnnRNNBackwardData_v8)(h, d->rnn, nullptr, d->y, p->y, p->g_y, d->x, p->dx, d->state, p->h, p->g_h, p->dh, d->state, p->c, p->g_c, p->dc,
                                   d->weights, weights.data, d->work[1], work.data, d->reserve, p->reserve));
  if (!p->dw_ih) return TC_OK;
  s = tc_cuda_status(cudaMemsetAsync(weights.data, 0, d->weights, tc_cuda_stream()), tc_cuda_who()); /* gradients are added to what is there */
  if (s != TC_OK) return s;
  TRY(DNN(cudnnRNNBackwardWeights_v8)(h, d->rnn, CUDNN_WGRAD_MODE_ADD, nullptr, d->x, p->x, d->state, p->h, d->y, p->y, d->weights, weights.data,
                                      d->work[1], work.data, d->reserve, p->reserve));
  return exchange(p, d, h, weights.data, true);
}

extern "C" int TC_KERNEL(rnn)(int what, tc_rnn *p) {
  cudnnHandle_t h;
  const plan *d;
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  int s = tc_dnn_handle(tc_cuda_device_now(), &h);
  if (s == TC_OK) s = plan_for(p, h, &d);
  if (s != TC_OK) return s;
  p->reserve_bytes = (int64_t)d->reserve;
  return what == TC_RNN_SIZES ? TC_OK : what == TC_RNN_FORWARD ? forward(p, d, h) : backward(p, d, h);
}
