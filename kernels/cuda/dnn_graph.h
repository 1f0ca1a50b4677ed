/* dnn_graph.h: cuDNN's graph API: descriptors with typed attributes that end with their owner, and execution plans for a graph of operations. */
#pragma once
#include "dnn.h"

/* How cuDNN calls the type of an attribute. */
#define TC_DNN_ATTRIBUTE(T, name) static inline cudnnBackendAttributeType_t tc_dnn_attribute(T const *) { return CUDNN_TYPE_##name; }
TC_DNN_ATTRIBUTE(int64_t, INT64)
TC_DNN_ATTRIBUTE(float, FLOAT)
TC_DNN_ATTRIBUTE(double, DOUBLE)
TC_DNN_ATTRIBUTE(void *, VOID_PTR)
TC_DNN_ATTRIBUTE(char, CHAR)
TC_DNN_ATTRIBUTE(cudnnHandle_t, HANDLE)
TC_DNN_ATTRIBUTE(cudnnDataType_t, DATA_TYPE)
TC_DNN_ATTRIBUTE(cudnnConvolutionMode_t, CONVOLUTION_MODE)
TC_DNN_ATTRIBUTE(cudnnBackendHeurMode_t, HEUR_MODE)
TC_DNN_ATTRIBUTE(cudnnBackendNumericalNote_t, NUMERICAL_NOTE)
#undef TC_DNN_ATTRIBUTE

/* One descriptor. It is begun, given attributes and finished; after a call that failed those that follow do nothing, and finish() tells. What a
   descriptor was given as an attribute must live as long as itself: members of a struct are declared in the order in which they are made. */
class tc_dnn_descriptor {
  cudnnBackendDescriptor_t it = nullptr;
  const char *name = "";                        /* for error texts */
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  int failed = -1;                              /* the attribute that was refused */
  tc_dnn_descriptor &put(cudnnBackendAttributeName_t a, cudnnBackendAttributeType_t type, int64_t count, const void *values);

public:
  tc_dnn_descriptor() = default;
  tc_dnn_descriptor(tc_dnn_descriptor &&from) noexcept { *this = static_cast<tc_dnn_descriptor &&>(from); }
  tc_dnn_descriptor &operator=(tc_dnn_descriptor &&from) noexcept;
  ~tc_dnn_descriptor() { end(); }

  tc_dnn_descriptor &begin(cudnnBackendDescriptorType_t type, const char *name);
  template <class T> tc_dnn_descriptor &set(cudnnBackendAttributeName_t a, const T &value) { return put(a, tc_dnn_attribute(&value), 1, &value); }
  template <class T> tc_dnn_descriptor &list(cudnnBackendAttributeName_t a, const T *values, int64_t count) {
    return put(a, tc_dnn_attribute(values), count, values);
  }
  tc_dnn_descriptor &set(cudnnBackendAttributeName_t a, const tc_dnn_descriptor &other) { return put(a, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other.it); }
  int finish();                                 /* a status of kernels.h; keeps the text of what failed */
  bool works();                                 /* the same where a failure is no error; reason() gives its text */
  const char *reason(char *room) const;         /* of TC_DNN_REASON characters */
  void end();

  /* Reads up to `room` values; their number, or -1. */
  template <class T> int64_t get(cudnnBackendAttributeName_t a, T *values, int64_t room) const { return read(a, tc_dnn_attribute(values), values, room); }
  int64_t read(cudnnBackendAttributeName_t a, cudnnBackendAttributeType_t type, void *values, int64_t room) const;
  cudnnBackendDescriptor_t raw() const { return it; }
};

/* Where a plan is to run: on the device of a handle, or on one that is not here, of which its properties are known. */
struct tc_dnn_place {
  cudnnHandle_t handle;
  const tc_dnn_descriptor *properties;
};
/* The properties of a device from JSON, as cuDNN writes it. */
int tc_dnn_properties(const char *json, tc_dnn_descriptor *d);

/* What engines a plan may be made of: always the same bits from run to run, inputs as they are. */
struct tc_dnn_wish {
  bool tensor_cores; /* may they be used? of float32 they keep ten bits behind the point */
  int64_t workspace; /* in bytes: one that takes more is the last resort */
};
struct tc_dnn_plan {
  tc_dnn_descriptor config, plan;
  int64_t workspace = 0;
};

/* The plan that cuDNN judges the fastest of those that work and are wished for. */
int tc_dnn_find_plan(const tc_dnn_place &where, const tc_dnn_descriptor &graph, const char *what, const tc_dnn_wish &wish, tc_dnn_plan *found);
/* cuDNN's number of the engine that a plan is made of, and its numerical notes as bits. */
int tc_dnn_engine_of(const tc_dnn_plan &plan, int64_t *notes);
/* Runs it on n tensors, each with the id that its descriptor has, in the stream of the moment. */
int tc_dnn_execute(cudnnHandle_t h, const tc_dnn_plan &plan, const int64_t *ids, void *const *data, int n);
