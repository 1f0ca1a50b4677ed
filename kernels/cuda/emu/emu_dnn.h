/* emu_dnn.h: what the stand-ins for cuDNN share: its descriptors of tensors, and elements of any dtype as doubles. */
#pragma once
#include "emu.h"
#include <cudnn.h>
#include <vector>

#define STAND_IN extern "C" __attribute__((visibility("default"))) cudnnStatus_t

namespace emu_dnn {
extern cudaStream_t stream; /* of the handle */
struct tensor { cudnnDataType_t type; int n, size[5], stride[5]; };

inline double read(const void *p, cudnnDataType_t type, int64_t i) {
  switch (type) {
    case CUDNN_DATA_DOUBLE: return ((const double *)p)[i];
    case CUDNN_DATA_HALF: return __half2float(((const __half *)p)[i]);
    case CUDNN_DATA_BFLOAT16: return __bfloat162float(((const __nv_bfloat16 *)p)[i]);
    default: return ((const float *)p)[i];
  }
}
inline void write(void *p, cudnnDataType_t type, int64_t i, double v) {
  switch (type) {
    case CUDNN_DATA_DOUBLE: ((double *)p)[i] = v; break;
    case CUDNN_DATA_HALF: ((__half *)p)[i] = __float2half((float)v); break;
    case CUDNN_DATA_BFLOAT16: ((__nv_bfloat16 *)p)[i] = __float2bfloat16((float)v); break;
    default: ((float *)p)[i] = (float)v;
  }
}
template <class T> cudnnStatus_t make(T *handle, void *object) { return *handle = (T)object, CUDNN_STATUS_SUCCESS; }
} // namespace emu_dnn
