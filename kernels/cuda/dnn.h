/* dnn.h: what the files that call cuDNN share: its handle, dtypes and statuses. */
#pragma once
#include "library.h"
#include <cudnn.h>

TC_EXPORT int tc_cuda_get_tf32(int which);

#define DNN(name) TC_LIBRARY_CALL(cudnn, name)
int tc_dnn_answer(cudnnStatus_t s, const char *doing); /* a status of kernels.h; keeps the text of what failed */
#define TC_DNN_TRY(call) do { int status_ = tc_dnn_answer(call, #call); if (status_ != TC_OK) return status_; } while (0)
enum { TC_DNN_REASON = 240 };
const char *tc_dnn_reason(cudnnStatus_t s, char *room); /* the status in words and what cuDNN says about it; room for TC_DNN_REASON characters */
int tc_dnn_handle(int device, cudnnHandle_t *h);       /* made at the first call; works in the stream of the moment */
static inline cudnnDataType_t tc_dnn_type(int dtype) {
  return dtype == TC_FLOAT64 ? CUDNN_DATA_DOUBLE : dtype == TC_FLOAT16 ? CUDNN_DATA_HALF : dtype == TC_BFLOAT16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}
