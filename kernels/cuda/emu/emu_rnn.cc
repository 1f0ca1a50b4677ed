/* emu_rnn.cc: what stands in for cuDNN's recurrent layers on the emulated device: one layer in one direction, whole sequences, by its equations in
   double precision. Weights lie in an order of its own, with gaps, so that packing is checked. */
#include "emu_dnn.h"
#include <cmath>

namespace {
using namespace emu_dnn;
struct network { cudnnRNNMode_t mode; cudnnDataType_t type; int gates, input, hidden; bool bias; };
struct sequence { cudnnDataType_t type; int time, batch, features; };

size_t element(cudnnDataType_t t) { return t == CUDNN_DATA_DOUBLE ? 8 : t == CUDNN_DATA_FLOAT ? 4 : 2; }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/* Where matrix and bias `id` lie, in elements: recurrent ones first, each followed by its bias and a gap. */
int64_t columns(const network &r, int id) { return id < r.gates ? r.input : r.hidden; }
int64_t matrix_at(const network &r, int id) {
  const int64_t one = (int64_t)r.hidden * (r.hidden + 1) + 7, other = (int64_t)r.hidden * (r.input + 1) + 5;
  return id >= r.gates ? (id - r.gates) * one : r.gates * one + id * other;
}
int64_t bias_at(const network &r, int id) { return matrix_at(r, id) + r.hidden * columns(r, id); }
int64_t weight_elements(const network &r) { return matrix_at(r, r.gates - 1) + (int64_t)r.hidden * (r.input + 1) + 5; }

/* what a run reads and writes, copied so that it can happen later */
struct run {
  network r;
  sequence s;
  const void *x, *y, *h, *c, *w, *g_y, *g_h, *g_c;
  void *out, *h_n, *c_n, *dx, *dh, *dc, *dw;
  double *kept; /* for each step, row and unit: 4 activations, the memory, then the slopes by W x and by U h (4 each) */
  enum { SLOTS = 13 };
  double *slot(int64_t t, int64_t b, int64_t j) const { return kept + ((t * s.batch + b) * r.hidden + j) * SLOTS; }
  double at(const void *p, int64_t t, int64_t b, int64_t j, int64_t n) const { return p ? read(p, r.type, (t * s.batch + b) * n + j) : 0; }
  double before(int64_t t, int64_t b, int64_t j) const { return t ? at(y, t - 1, b, j, r.hidden) : at(h, 0, b, j, r.hidden); }
  double memory(int64_t t, int64_t b, int64_t j) const { return t ? slot(t - 1, b, j)[4] : at(c, 0, b, j, r.hidden); }
  double sum(int id, int64_t t, int64_t b, int64_t j) const {
    double v = r.bias ? read(w, r.type, bias_at(r, id) + j) : 0;
    const int64_t n = columns(r, id);
    for (int64_t k = 0; k < n; k++) v += read(w, r.type, matrix_at(r, id) + j * n + k) * (id < r.gates ? at(x, t, b, k, n) : before(t, b, k));
    return v;
  }
};

double cell_forward(const run &q, int64_t t, int64_t b, int64_t j, double *a) {
  double v[4], u[4];
  for (int g = 0; g < q.r.gates; g++) v[g] = q.sum(g, t, b, j), u[g] = q.sum(q.r.gates + g, t, b, j);
  if (q.r.mode == CUDNN_RNN_TANH) return std::tanh(v[0] + u[0]);
  if (q.r.mode == CUDNN_RNN_RELU) return std::max(v[0] + u[0], 0.0);
  if (q.r.mode == CUDNN_GRU) {
    a[0] = sigmoid(v[0] + u[0]), a[1] = sigmoid(v[1] + u[1]), a[3] = u[2], a[2] = std::tanh(v[2] + a[0] * u[2]);
    return (1 - a[1]) * a[2] + a[1] * q.before(t, b, j);
  }
  for (int g = 0; g < 4; g++) a[g] = g == 2 ? std::tanh(v[g] + u[g]) : sigmoid(v[g] + u[g]);
  a[4] = a[1] * q.memory(t, b, j) + a[0] * a[2];
  return a[3] * std::tanh(a[4]);
}

void forward(run q) {
  std::vector<double> room;
  if (!q.kept) room.resize((size_t)q.s.time * q.s.batch * q.r.hidden * run::SLOTS), q.kept = room.data();
  const int64_t n = q.r.hidden;
  for (int64_t t = 0; t < q.s.time; t++)
    for (int64_t b = 0; b < q.s.batch; b++)
      for (int64_t j = 0; j < n; j++) write(q.out, q.r.type, (t * q.s.batch + b) * n + j, cell_forward(q, t, b, j, q.slot(t, b, j)));
  for (int64_t b = 0; b < q.s.batch; b++)
    for (int64_t j = 0; j < n; j++) {
      if (q.h_n) write(q.h_n, q.r.type, b * n + j, q.at(q.y, q.s.time - 1, b, j, n));
      if (q.c_n) write(q.c_n, q.r.type, b * n + j, q.slot(q.s.time - 1, b, j)[4]);
    }
}

/* The slopes by the sums W x (a[5..]) and U h (a[9..]) from that by the output; gives that by the state before, on the direct way. */
double cell_backward(const run &q, int64_t t, int64_t b, int64_t j, double up, double *dc) {
  double *a = q.slot(t, b, j), *v = a + 5, *u = a + 9;
  if (q.r.gates == 1) {
    const double y = q.at(q.y, t, b, j, q.r.hidden);
    return u[0] = v[0] = q.r.mode == CUDNN_RNN_TANH ? up * (1 - y * y) : y > 0 ? up : 0, 0;
  }
  if (q.r.mode == CUDNN_GRU) {
    v[2] = up * (1 - a[1]) * (1 - a[2] * a[2]), u[2] = v[2] * a[0];
    v[0] = u[0] = v[2] * a[3] * a[0] * (1 - a[0]);
    v[1] = u[1] = up * (q.before(t, b, j) - a[2]) * a[1] * (1 - a[1]);
    return up * a[1];
  }
  const double th = std::tanh(a[4]), s = *dc + up * a[3] * (1 - th * th);
  v[0] = s * a[2] * a[0] * (1 - a[0]), v[1] = s * q.memory(t, b, j) * a[1] * (1 - a[1]);
  v[2] = s * a[0] * (1 - a[2] * a[2]), v[3] = up * th * a[3] * (1 - a[3]);
  for (int g = 0; g < 4; g++) u[g] = v[g];
  return *dc = s * a[1], 0;
}

double through(const run &q, int64_t t, int64_t b, int64_t k, bool input) {
  double v = 0;
  for (int g = 0; g < q.r.gates; g++)
    for (int64_t j = 0; j < q.r.hidden; j++) {
      const int id = input ? g : q.r.gates + g;
      v += q.slot(t, b, j)[(input ? 5 : 9) + g] * read(q.w, q.r.type, matrix_at(q.r, id) + j * columns(q.r, id) + k);
    }
  return v;
}

void backward_data(const run &q) {
  const int64_t n = q.r.hidden;
  for (int64_t b = 0; b < q.s.batch; b++) {
    std::vector<double> dh((size_t)n), dc((size_t)n), next((size_t)n);
    for (int64_t j = 0; j < n; j++) dh[j] = q.at(q.g_h, 0, b, j, n), dc[j] = q.at(q.g_c, 0, b, j, n);
    for (int64_t t = q.s.time - 1; t >= 0; t--) {
      for (int64_t j = 0; j < n; j++) next[j] = cell_backward(q, t, b, j, dh[j] + q.at(q.g_y, t, b, j, n), &dc[j]);
      for (int64_t j = 0; j < n; j++) next[j] += through(q, t, b, j, false);
      dh = next;
      for (int64_t k = 0; k < q.r.input; k++) write(q.dx, q.r.type, (t * q.s.batch + b) * q.r.input + k, through(q, t, b, k, true));
    }
    for (int64_t j = 0; j < n; j++) {
      if (q.dh) write(q.dh, q.r.type, b * n + j, dh[j]);
      if (q.dc) write(q.dc, q.r.type, b * n + j, dc[j]);
    }
  }
}

void backward_weights(const run &q) {
  auto add = [&](int64_t i, double v) { write(q.dw, q.r.type, i, read(q.dw, q.r.type, i) + v); };
  for (int id = 0; id < 2 * q.r.gates; id++)
    for (int64_t j = 0; j < q.r.hidden; j++)
      for (int64_t k = -1; k < columns(q.r, id); k++) { /* -1: the bias */
        double v = 0;
        for (int64_t t = 0; t < q.s.time; t++)
          for (int64_t b = 0; b < q.s.batch; b++) {
            const bool input = id < q.r.gates;
            v += q.slot(t, b, j)[input ? 5 + id : 9 + id - q.r.gates] * (k < 0 ? 1 : input ? q.at(q.x, t, b, k, q.r.input) : q.before(t, b, k));
          }
        if (k >= 0) add(matrix_at(q.r, id) + j * columns(q.r, id) + k, v);
        else if (q.r.bias) add(bias_at(q.r, id) + j, v);
      }
}

run described(cudnnRNNDescriptor_t r, cudnnRNNDataDescriptor_t x) {
  run q = {};
  q.r = *(const network *)r, q.s = *(const sequence *)x;
  return q;
}
template <class F> cudnnStatus_t later(F f) { return emu::host_task(f, emu_dnn::stream) == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED; }
size_t reserve_bytes(const network &r, const sequence &s) { return (size_t)s.time * s.batch * r.hidden * run::SLOTS * 8; }
bool same(const network &r, const sequence &x, const sequence &y, size_t weights, size_t work, size_t reserve, bool training) {
  return x.features == r.input && y.features == r.hidden && x.time == y.time && x.batch == y.batch && x.type == r.type && y.type == r.type &&
    weights == (size_t)weight_elements(r) * element(r.type) && work == 256 && (!training || reserve == reserve_bytes(r, x));
}
} // namespace

STAND_IN cudnnCreateDropoutDescriptor(cudnnDropoutDescriptor_t *d) { return make(d, new double(1)); }
STAND_IN cudnnDestroyDropoutDescriptor(cudnnDropoutDescriptor_t d) { return delete (double *)d, CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t d, cudnnHandle_t, float p, void *, size_t, unsigned long long) {
  return *(double *)d = p, CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnCreateRNNDescriptor(cudnnRNNDescriptor_t *d) { return make(d, new network()); }
STAND_IN cudnnDestroyRNNDescriptor(cudnnRNNDescriptor_t d) { return delete (network *)d, CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnCreateRNNDataDescriptor(cudnnRNNDataDescriptor_t *d) { return make(d, new sequence()); }
STAND_IN cudnnDestroyRNNDataDescriptor(cudnnRNNDataDescriptor_t d) { return delete (sequence *)d, CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t d, cudnnRNNAlgo_t, cudnnRNNMode_t mode, cudnnRNNBiasMode_t bias, cudnnDirectionMode_t direction,
                                  cudnnRNNInputMode_t input, cudnnDataType_t type, cudnnDataType_t compute, cudnnMathType_t, int32_t inputs, int32_t hidden,
                                  int32_t projected, int32_t layers, cudnnDropoutDescriptor_t dropout, uint32_t) {
  if (direction != CUDNN_UNIDIRECTIONAL || input != CUDNN_LINEAR_INPUT || projected != hidden || layers != 1 || *(double *)dropout != 0 || inputs < 1 ||
      hidden < 1 || (bias != CUDNN_RNN_DOUBLE_BIAS && bias != CUDNN_RNN_NO_BIAS) || (compute == CUDNN_DATA_DOUBLE) != (type == CUDNN_DATA_DOUBLE))
    return CUDNN_STATUS_NOT_SUPPORTED;
  *(network *)d = {mode, type, mode == CUDNN_LSTM ? 4 : mode == CUDNN_GRU ? 3 : 1, inputs, hidden, bias == CUDNN_RNN_DOUBLE_BIAS};
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t d, cudnnDataType_t type, cudnnRNNDataLayout_t layout, int time, int batch, int features,
                                   const int lengths[], void *) {
  if (layout == CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED || time < 1 || batch < 1 || features < 1) return CUDNN_STATUS_NOT_SUPPORTED;
  for (int b = 0; b < batch; b++)
    if (lengths[b] != time) return CUDNN_STATUS_NOT_SUPPORTED;
  *(sequence *)d = {type, time, batch, features};
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnGetRNNWeightSpaceSize(cudnnHandle_t, cudnnRNNDescriptor_t d, size_t *bytes) {
  const network &r = *(const network *)d;
  return *bytes = (size_t)weight_elements(r) * element(r.type), CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnGetRNNTempSpaceSizes(cudnnHandle_t, cudnnRNNDescriptor_t d, cudnnForwardMode_t mode, cudnnRNNDataDescriptor_t x, size_t *work, size_t *reserve) {
  *work = 256;
  *reserve = mode == CUDNN_FWD_MODE_TRAINING ? reserve_bytes(*(const network *)d, *(const sequence *)x) : 0;
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnGetRNNWeightParams(cudnnHandle_t, cudnnRNNDescriptor_t d, int32_t layer, size_t, const void *space, int32_t id, cudnnTensorDescriptor_t m,
                                 void **matrix, cudnnTensorDescriptor_t b, void **bias) {
  const network &r = *(const network *)d;
  if (layer != 0 || id < 0 || id >= 2 * r.gates) return CUDNN_STATUS_BAD_PARAM;
  const int columns_here = (int)columns(r, id);
  *(tensor *)m = {r.type, 3, {1, r.hidden, columns_here}, {r.hidden * columns_here, columns_here, 1}};
  *(tensor *)b = {r.type, 3, {1, r.hidden, 1}, {r.hidden, 1, 1}};
  *matrix = (char *)space + (size_t)matrix_at(r, id) * element(r.type);
  *bias = r.bias ? (char *)space + (size_t)bias_at(r, id) * element(r.type) : nullptr;
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnRNNForward(cudnnHandle_t, cudnnRNNDescriptor_t r, cudnnForwardMode_t mode, const int32_t *, cudnnRNNDataDescriptor_t xd, const void *x,
                         cudnnRNNDataDescriptor_t yd, void *y, cudnnTensorDescriptor_t, const void *h, void *h_n, cudnnTensorDescriptor_t, const void *c,
                         void *c_n, size_t weights, const void *w, size_t work, void *, size_t reserve, void *kept) {
  const bool training = mode == CUDNN_FWD_MODE_TRAINING;
  if (!same(*(const network *)r, *(const sequence *)xd, *(const sequence *)yd, weights, work, reserve, training)) return CUDNN_STATUS_BAD_PARAM;
  run q = described(r, xd);
  q.x = x, q.out = y, q.y = y, q.h = h, q.c = c, q.w = w, q.h_n = h_n, q.c_n = c_n, q.kept = training ? (double *)kept : nullptr;
  return later([=] { forward(q); });
}
STAND_IN cudnnRNNBackwardData_v8(cudnnHandle_t, cudnnRNNDescriptor_t r, const int32_t *, cudnnRNNDataDescriptor_t yd, const void *y, const void *g_y,
                                 cudnnRNNDataDescriptor_t xd, void *dx, cudnnTensorDescriptor_t, const void *h, const void *g_h, void *dh,
                                 cudnnTensorDescriptor_t, const void *c, const void *g_c, void *dc, size_t weights, const void *w, size_t work, void *,
                                 size_t reserve, void *kept) {
  if (!same(*(const network *)r, *(const sequence *)xd, *(const sequence *)yd, weights, work, reserve, true)) return CUDNN_STATUS_BAD_PARAM;
  run q = described(r, xd);
  q.y = y, q.g_y = g_y, q.dx = dx, q.h = h, q.g_h = g_h, q.dh = dh, q.c = c, q.g_c = g_c, q.dc = dc, q.w = w, q.kept = (double *)kept;
  return later([=] { backward_data(q); });
}
STAND_IN cudnnRNNBackwardWeights_v8(cudnnHandle_t, cudnnRNNDescriptor_t r, cudnnWgradMode_t mode, const int32_t *, cudnnRNNDataDescriptor_t xd,
                                    const void *x, cudnnTensorDescriptor_t, const void *h, cudnnRNNDataDescriptor_t yd, const void *y, size_t weights,
                                    void *dw, size_t work, void *, size_t reserve, void *kept) {
  if (mode != CUDNN_WGRAD_MODE_ADD || !same(*(const network *)r, *(const sequence *)xd, *(const sequence *)yd, weights, work, reserve, true))
    return CUDNN_STATUS_BAD_PARAM;
  run q = described(r, xd);
  q.x = x, q.h = h, q.y = y, q.dw = dw, q.kept = (double *)kept;
  return later([=] { backward_weights(q); });
}
