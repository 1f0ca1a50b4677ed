/* emu_graph.cc: what stands in for cuDNN's graph API on the emulated device: descriptors with typed attributes, checked when they are finalized as
   strictly as cuDNN may do it; graphs of one convolution, for which several engines are offered, most of which must not be taken; plans that are
   carried out by the definition of the convolution in double precision. */
#include "emu_dnn.h"
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

namespace {
using namespace emu_dnn;

/* ---- descriptors ---- */
struct attribute { cudnnBackendAttributeType_t type; int64_t count; std::vector<unsigned char> bytes; };
struct descriptor {
  cudnnBackendDescriptorType_t type;
  bool final = false;
  std::map<int, attribute> attributes;
  int engine = -1; /* which of the engines, of engines and configurations */
};
std::set<const descriptor *> &alive = *new std::set<const descriptor *>;
char reason[256];

cudnnStatus_t no(cudnnStatus_t status, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(reason, sizeof reason, format, list);
  va_end(list);
  return status;
}
#define WANT(condition, ...) do { if (!(condition)) return no(CUDNN_STATUS_BAD_PARAM, __VA_ARGS__); } while (0)
#define GOOD(call) do { const cudnnStatus_t status_ = call; if (status_ != CUDNN_STATUS_SUCCESS) return status_; } while (0)

descriptor *of(const void *d) { return (descriptor *)d; }
bool living(const void *d) { return d && alive.count(of(d)); }

size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_HANDLE: case CUDNN_TYPE_VOID_PTR: case CUDNN_TYPE_BACKEND_DESCRIPTOR: return sizeof(void *);
    case CUDNN_TYPE_INT64: case CUDNN_TYPE_DOUBLE: return 8;
    default: return 4;
  }
}

/* What may be set: the kind of descriptor, the type, how many at most. */
struct rule { cudnnBackendAttributeName_t name; cudnnBackendDescriptorType_t owner; cudnnBackendAttributeType_t type; int64_t most; };
#define CONVOLUTION_RULES(kind, op, x, w, y) \
  {CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##x, CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1}, \
  {CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##w, CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1}, \
  {CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##y, CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1}, \
  {CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_CONV_DESC, CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1}, \
  {CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_ALPHA, CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_TYPE_FLOAT, 1}, \
  {CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_BETA, CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, CUDNN_TYPE_FLOAT, 1}
const rule rules[] = {
  {CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_TYPE_INT64, 1},
  {CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_TYPE_DATA_TYPE, 1},
  {CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_TYPE_INT64, 5},
  {CUDNN_ATTR_TENSOR_STRIDES, CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_TYPE_INT64, 5},
  {CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_TYPE_INT64, 1},
  {CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_TYPE_INT64, 1},
  {CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_TYPE_CONVOLUTION_MODE, 1},
  {CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_TYPE_DATA_TYPE, 1},
  {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_TYPE_INT64, 3},
  {CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_TYPE_INT64, 3},
  {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_TYPE_INT64, 3},
  {CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_TYPE_INT64, 3},
  CONVOLUTION_RULES(FORWARD, FORWARD, X, W, Y), CONVOLUTION_RULES(BACKWARD_DATA, BWD_DATA, DX, W, DY),
  CONVOLUTION_RULES(BACKWARD_FILTER, BWD_FILTER, X, DW, DY),
  {CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_TYPE_HANDLE, 1},
  {CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1},
  {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1},
  {CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_TYPE_HEUR_MODE, 1},
  {CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_TYPE_HANDLE, 1},
  {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1},
  {CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_TYPE_INT64, 16},
  {CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_TYPE_VOID_PTR, 16},
  {CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_TYPE_VOID_PTR, 1},
};

/* the two scale factors are float, or double where the sums are */
bool right_type(const rule &r, cudnnBackendAttributeType_t type) { return type == r.type || (r.type == CUDNN_TYPE_FLOAT && type == CUDNN_TYPE_DOUBLE); }

cudnnStatus_t set(descriptor *d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, const void *values) {
  WANT(living(d) && !d->final && values, "a descriptor that is not there, or finished");
  for (const rule &r : rules) {
    if (r.name != name) continue;
    WANT(r.owner == d->type && right_type(r, type) && count > 0 && count <= r.most, "attribute %d: owner, type or count", (int)name);
    for (int64_t i = 0; type == CUDNN_TYPE_BACKEND_DESCRIPTOR && i < count; i++) {
      const void *other = ((void *const *)values)[i];
      WANT(living(other) && of(other)->final, "attribute %d is a descriptor that is not finished", (int)name);
    }
    const unsigned char *from = (const unsigned char *)values;
    d->attributes[name] = {type, count, std::vector<unsigned char>(from, from + (size_t)count * bytes_of(type))};
    return CUDNN_STATUS_SUCCESS;
  }
  return no(CUDNN_STATUS_NOT_SUPPORTED, "attribute %d is not known", (int)name);
}

template <class T> std::vector<T> values(const descriptor *d, int name) {
  const auto i = d->attributes.find(name);
  if (i == d->attributes.end()) return {};
  const T *from = (const T *)i->second.bytes.data();
  return std::vector<T>(from, from + i->second.count);
}
template <class T> T value(const descriptor *d, int name) { return values<T>(d, name).at(0); }
const descriptor *child(const descriptor *d, int name) { return of(value<void *>(d, name)); }
bool has_all(const descriptor *d) {
  for (const rule &r : rules)
    if (r.owner == d->type && !d->attributes.count(r.name)) return false;
  return true;
}

/* ---- convolutions ---- */
enum which { X, W, Y };
struct shape { int64_t id, align; cudnnDataType_t type; std::vector<int64_t> size, stride; };
struct convolution {
  shape t[3];
  which result;
  cudnnDataType_t sums;
  int n;
  std::vector<int64_t> stride, dilation, before, after;
};
struct names { cudnnBackendDescriptorType_t type; which result; int t[3], steps, alpha, beta; };
const names kinds[] = {
#define NAMES(kind, op, x, w, y, result) \
  {CUDNN_BACKEND_OPERATION_CONVOLUTION_##kind##_DESCRIPTOR, result, {CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##x, \
   CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##w, CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_##y}, CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_CONV_DESC, \
   CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_##op##_BETA}
  NAMES(FORWARD, FORWARD, X, W, Y, Y), NAMES(BACKWARD_DATA, BWD_DATA, DX, W, DY, X), NAMES(BACKWARD_FILTER, BWD_FILTER, X, DW, DY, W)
};
const names *kind_of(const descriptor *operation) {
  for (const names &k : kinds)
    if (k.type == operation->type) return &k;
  return nullptr;
}

shape shape_of(const descriptor *d) {
  return {value<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID), value<int64_t>(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT),
          value<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE), values<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS),
          values<int64_t>(d, CUDNN_ATTR_TENSOR_STRIDES)};
}
convolution convolution_of(const descriptor *operation) {
  const names *k = kind_of(operation);
  const descriptor *s = child(operation, k->steps);
  convolution c;
  for (int i = 0; i < 3; i++) c.t[i] = shape_of(child(operation, k->t[i]));
  c.result = k->result, c.sums = value<cudnnDataType_t>(s, CUDNN_ATTR_CONVOLUTION_COMP_TYPE);
  c.n = (int)value<int64_t>(s, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS);
  c.stride = values<int64_t>(s, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES), c.dilation = values<int64_t>(s, CUDNN_ATTR_CONVOLUTION_DILATIONS);
  c.before = values<int64_t>(s, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS), c.after = values<int64_t>(s, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  return c;
}

cudnnStatus_t check_tensor(const descriptor *d) {
  const shape s = shape_of(d);
  WANT(s.size.size() == s.stride.size() && s.size.size() >= 3, "a tensor's dims and strides");
  for (size_t i = 0; i < s.size.size(); i++) WANT(s.size[i] > 0 && s.stride[i] > 0, "a tensor's dim or stride %d is not above 0", (int)i);
  WANT(s.align > 0 && (s.align & (s.align - 1)) == 0, "a tensor's alignment");
  std::vector<std::pair<int64_t, int64_t>> by_stride; /* each dim must step over all that the nearer ones hold */
  for (size_t i = 0; i < s.size.size(); i++)
    if (s.size[i] > 1) by_stride.push_back({s.stride[i], s.size[i]});
  std::sort(by_stride.begin(), by_stride.end());
  int64_t held = 1;
  for (const auto &d : by_stride) {
    WANT(d.first >= held, "elements of a tensor share a place");
    held += d.first * (d.second - 1);
  }
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t check_steps(const descriptor *d) {
  const size_t n = (size_t)value<int64_t>(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS);
  for (int name : {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,
                   CUDNN_ATTR_CONVOLUTION_POST_PADDINGS})
    WANT(values<int64_t>(d, name).size() == n, "a convolution's attribute %d has not as many values as there are dims", name);
  WANT(value<cudnnConvolutionMode_t>(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE) == CUDNN_CROSS_CORRELATION, "a convolution's mode");
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t check_scales(const descriptor *d, const names *k, bool wide) {
  const cudnnBackendAttributeType_t type = wide ? CUDNN_TYPE_DOUBLE : CUDNN_TYPE_FLOAT;
  WANT(d->attributes.at(k->alpha).type == type && d->attributes.at(k->beta).type == type, "the scales are not of the type of the sums");
  const double alpha = wide ? value<double>(d, k->alpha) : value<float>(d, k->alpha), beta = wide ? value<double>(d, k->beta) : value<float>(d, k->beta);
  return alpha == 1 && beta == 0 ? CUDNN_STATUS_SUCCESS : no(CUDNN_STATUS_NOT_SUPPORTED, "scales other than 1 and 0");
}
cudnnStatus_t check_operation(const descriptor *d) {
  const convolution c = convolution_of(d);
  const shape &x = c.t[X], &w = c.t[W], &y = c.t[Y];
  const size_t dims = (size_t)c.n + 2;
  WANT(x.size.size() == dims && w.size.size() == dims && y.size.size() == dims, "the tensors have not as many dims as the convolution");
  WANT(x.type == w.type && x.type == y.type && (c.sums == CUDNN_DATA_DOUBLE) == (x.type == CUDNN_DATA_DOUBLE), "dtypes");
  WANT(x.id != w.id && x.id != y.id && w.id != y.id, "two tensors have one id");
  WANT(x.size[0] == y.size[0] && w.size[0] == y.size[1] && x.size[1] % w.size[1] == 0, "batch or channels");
  WANT(w.size[0] % (x.size[1] / w.size[1]) == 0, "the channels cannot be grouped");
  for (int i = 0; i < c.n; i++) {
    const int64_t room = x.size[2 + i] + c.before[i] + c.after[i] - c.dilation[i] * (w.size[2 + i] - 1) - 1;
    WANT(room >= 0 && room / c.stride[i] + 1 == y.size[2 + i], "the result's size in dim %d", i);
  }
  return check_scales(d, kind_of(d), c.sums == CUDNN_DATA_DOUBLE);
}

/* f(place in x, in w, in y) for every product */
template <class F> void each_product(const convolution &c, F f) {
  const shape &x = c.t[X], &w = c.t[W], &y = c.t[Y];
  int64_t out = 1, taps = 1;
  for (int d = 0; d < c.n; d++) out *= y.size[2 + d], taps *= w.size[2 + d];
  const int64_t per = y.size[1] / (x.size[1] / w.size[1]);
  for (int64_t n = 0; n < x.size[0]; n++)
    for (int64_t o = 0; o < y.size[1]; o++)
      for (int64_t i = 0; i < w.size[1]; i++)
        for (int64_t p = 0; p < out; p++)
          for (int64_t q = 0; q < taps; q++) {
            int64_t ix = n * x.stride[0] + (o / per * w.size[1] + i) * x.stride[1], iw = o * w.stride[0] + i * w.stride[1];
            int64_t iy = n * y.stride[0] + o * y.stride[1], rest_p = p, rest_q = q;
            bool inside = true;
            for (int d = c.n - 1; d >= 0; d--) {
              const int64_t at = rest_p % y.size[2 + d], tap = rest_q % w.size[2 + d], from = at * c.stride[d] - c.before[d] + tap * c.dilation[d];
              rest_p /= y.size[2 + d], rest_q /= w.size[2 + d];
              inside &= from >= 0 && from < x.size[2 + d];
              ix += from * x.stride[2 + d], iw += tap * w.stride[2 + d], iy += at * y.stride[2 + d];
            }
            if (inside) f(ix, iw, iy);
          }
}

/* from a tensor's first element to the end of the last */
size_t bytes_from(const shape &s) {
  int64_t last = 0;
  for (size_t i = 0; i < s.size.size(); i++) last += (s.size[i] - 1) * s.stride[i];
  return (size_t)(last + 1) * (s.type == CUDNN_DATA_DOUBLE ? 8 : s.type == CUDNN_DATA_FLOAT ? 4 : 2);
}

/* f(place) for every element of a tensor */
template <class F> void each_element(const shape &s, F f) {
  int64_t n = 1;
  for (int64_t size : s.size) n *= size;
  for (int64_t e = 0; e < n; e++) {
    int64_t at = 0, rest = e;
    for (size_t d = s.size.size(); d-- > 0; rest /= s.size[d]) at += rest % s.size[d] * s.stride[d];
    f(at);
  }
}

void convolve(const convolution &c, void *const *data) {
  std::map<int64_t, double> sum; /* by places: the result need not be dense */
  const int a = c.result == X ? W : X, b = c.result == Y ? W : Y;
  each_product(c, [&](int64_t ix, int64_t iw, int64_t iy) {
    const int64_t at[] = {ix, iw, iy};
    sum[at[c.result]] += read(data[a], c.t[a].type, at[a]) * read(data[b], c.t[b].type, at[b]);
  });
  each_element(c.t[c.result], [&](int64_t at) { write(data[c.result], c.t[c.result].type, at, sum[at]); });
}

/* ---- engines: most of those offered first are not for us ---- */
struct engine { std::vector<cudnnBackendNumericalNote_t> notes; int64_t workspace; bool works; bool fallback; };
const std::vector<engine> &engines() {
  static const std::vector<engine> &list = *new std::vector<engine>{
    {{CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}, 512, true, false},
    {{CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS}, 512, true, false},
    {{CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION}, 512, true, false},
    {{}, 512, false, false},
    {{CUDNN_NUMERICAL_NOTE_FFT}, (int64_t)1 << 50, true, false},
    {{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}, 4096, true, false},
    {{CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}, 1024, true, false},
    {{CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}, 0, true, true}};
  return list;
}
int plans_made, last_engine = -1;

/* TOCHA_EMU_ENGINES: only those of these numbers are offered */
std::vector<int> offered(cudnnBackendHeurMode_t mode) {
  const char *only = getenv("TOCHA_EMU_ENGINES");
  std::vector<int> list;
  for (int i = 0; i < (int)engines().size(); i++)
    if (engines()[(size_t)i].fallback == (mode == CUDNN_HEUR_MODE_FALLBACK) && (!only || strchr(only, '0' + i))) list.push_back(i);
  return list;
}

cudnnStatus_t check(descriptor *d) {
  WANT(has_all(d) || d->type == CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "an attribute is missing");
  switch (d->type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR: return check_tensor(d);
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR: return check_steps(d);
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR: WANT(kind_of(child(d, CUDNN_ATTR_OPERATIONGRAPH_OPS)), "the graph's operation"); break;
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR: {
      const auto mode = value<cudnnBackendHeurMode_t>(d, CUDNN_ATTR_ENGINEHEUR_MODE);
      WANT(mode == CUDNN_HEUR_MODE_A || mode == CUDNN_HEUR_MODE_FALLBACK, "the mode of the heuristic");
      break;
    }
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR: {
      const descriptor *config = child(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
      d->engine = config->engine;
      if (!engines()[(size_t)d->engine].works) return no(CUDNN_STATUS_NOT_SUPPORTED, "this engine does not work");
      plans_made++;
      break;
    }
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
      WANT(values<int64_t>(d, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).size() == values<void *>(d, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).size(),
           "ids and pointers");
      break;
    case CUDNN_BACKEND_ENGINE_DESCRIPTOR: case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR: return no(CUDNN_STATUS_NOT_SUPPORTED, "engines come from the heuristic");
    default: return check_operation(d);
  }
  return CUDNN_STATUS_SUCCESS;
}

/* An engine, or a configuration of it, put into a descriptor that is not finished. */
cudnnStatus_t fill(void *into, cudnnBackendDescriptorType_t type, const descriptor *from, int name, int number) {
  WANT(living(into) && of(into)->type == type && !of(into)->final, "what is read into");
  descriptor *d = of(into);
  d->attributes[0] = from->attributes.at(name); /* the graph, or what led to it */
  d->engine = number, d->final = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t read_results(const descriptor *d, int64_t room, int64_t *count, void *const *into) {
  const std::vector<int> list = offered(value<cudnnBackendHeurMode_t>(d, CUDNN_ATTR_ENGINEHEUR_MODE));
  *count = (int64_t)list.size();
  for (int64_t i = 0; i < room && i < *count; i++)
    GOOD(fill(into[i], CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, list[(size_t)i]));
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t read_notes(const descriptor *d, int64_t room, int64_t *count, cudnnBackendNumericalNote_t *into) {
  const auto &notes = engines()[(size_t)d->engine].notes;
  *count = (int64_t)notes.size();
  for (int64_t i = 0; i < room && i < *count; i++) into[i] = notes[(size_t)i];
  return CUDNN_STATUS_SUCCESS;
}

const descriptor *graph_of(const descriptor *plan) { return child(child(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG), 0); }
} // namespace

#define NUMBER extern "C" __attribute__((visibility("default"))) int
NUMBER tc_emu_dnn_plans(void) { return plans_made; }
NUMBER tc_emu_dnn_engine(void) { return last_engine; } /* of the last execution */

extern "C" __attribute__((visibility("default"))) const char *cudnnGetErrorString(cudnnStatus_t s) {
  return s == CUDNN_STATUS_SUCCESS ? "CUDNN_STATUS_SUCCESS" : s == CUDNN_STATUS_BAD_PARAM ? "CUDNN_STATUS_BAD_PARAM" : "CUDNN_STATUS_NOT_SUPPORTED";
}
extern "C" __attribute__((visibility("default"))) void cudnnGetLastErrorString(char *text, size_t room) {
  snprintf(text, room, "%s", reason);
  reason[0] = 0;
}
STAND_IN cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *d) {
  descriptor *made = new descriptor();
  made->type = type;
  alive.insert(made);
  return make(d, made);
}
STAND_IN cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
  WANT(living(d), "a descriptor is ended twice");
  alive.erase(of(d));
  delete of(d);
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnBackendSetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                                  const void *values) {
  return set(of(d), name, type, count, values);
}
STAND_IN cudnnBackendFinalize(cudnnBackendDescriptor_t d) {
  WANT(living(d) && !of(d)->final, "a descriptor that is not there, or finished");
  GOOD(check(of(d)));
  of(d)->final = true;
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnBackendGetAttribute(cudnnBackendDescriptor_t const raw, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t room,
                                  int64_t *count, void *into) {
  const descriptor *d = of(raw);
  WANT(living(d) && d->final, "a descriptor that is not finished");
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS && type == CUDNN_TYPE_BACKEND_DESCRIPTOR) return read_results(d, room, count, (void *const *)into);
  if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE && type == CUDNN_TYPE_NUMERICAL_NOTE)
    return read_notes(d, room, count, (cudnnBackendNumericalNote_t *)into);
  *count = 1;
  if (name == CUDNN_ATTR_ENGINECFG_ENGINE && type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
    return fill(*(void **)into, CUDNN_BACKEND_ENGINE_DESCRIPTOR, d, 0, d->engine);
  if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE && type == CUDNN_TYPE_INT64)
    return *(int64_t *)into = engines()[(size_t)d->engine].workspace, CUDNN_STATUS_SUCCESS;
  return no(CUDNN_STATUS_NOT_SUPPORTED, "attribute %d cannot be read", (int)name);
}
STAND_IN cudnnBackendExecute(cudnnHandle_t, cudnnBackendDescriptor_t raw, cudnnBackendDescriptor_t pack) {
  const descriptor *plan = of(raw), *p = of(pack);
  WANT(living(plan) && plan->final && living(p) && p->final, "a plan or pack that is not finished");
  const convolution c = convolution_of(child(graph_of(plan), CUDNN_ATTR_OPERATIONGRAPH_OPS));
  const std::vector<int64_t> ids = values<int64_t>(p, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const std::vector<void *> pointers = values<void *>(p, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  struct { void *data[3]; } all = {};
  for (int t = 0; t < 3; t++) {
    for (size_t i = 0; i < ids.size(); i++)
      if (ids[i] == c.t[t].id) all.data[t] = pointers[i];
    WANT(all.data[t] && (uintptr_t)all.data[t] % (uintptr_t)c.t[t].align == 0, "the data of tensor %d", t);
    WANT(emu::in_one_piece(all.data[t], bytes_from(c.t[t])), "tensor %d reaches beyond its memory", t);
  }
  const int64_t bytes = engines()[(size_t)plan->engine].workspace;
  void *workspace = values<void *>(p, CUDNN_ATTR_VARIANT_PACK_WORKSPACE).empty() ? nullptr : value<void *>(p, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  WANT(!bytes || (emu::in_one_piece(workspace, (size_t)bytes) && (uintptr_t)workspace % 256 == 0), "the workspace");
  last_engine = plan->engine;
  return emu::host_task([=] {
    if (bytes) memset(workspace, 0xff, (size_t)bytes);
    convolve(c, all.data);
  }, emu_dnn::stream) == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}
