/* dnn.cu: cuDNN's handle of each device, and its statuses in words. */
#include "dnn.h"
#include <cstdio>
#include <cstring>

static cudnnHandle_t handles[TC_CUDA_DEVICES];

const char *tc_dnn_reason(cudnnStatus_t s, char *room) {
  const char *name = DNN(cudnnGetErrorString) ? DNN(cudnnGetErrorString)(s) : "";
  char more[TC_DNN_REASON] = "";
  if (DNN(cudnnGetLastErrorString)) DNN(cudnnGetLastErrorString)(more, sizeof more); /* of the calling thread; reading empties it */
  more[sizeof more - 1] = 0;
  more[strcspn(more, "\n")] = 0; /* what follows is where in cuDNN that was */
  snprintf(room, TC_DNN_REASON, *more ? "%s (%d: %s)" : "%s (%d)", name, (int)s, more);
  return room;
}

int tc_dnn_answer(cudnnStatus_t s, const char *doing) {
  if (s == CUDNN_STATUS_SUCCESS) return TC_OK;
  char room[TC_DNN_REASON];
  tc_dnn_reason(s, room); /* looks functions up, which may leave a text: so it comes first */
  return tc_cuda_say(TC_DEVICE_ERROR, "cuDNN: %s gives %s in %s", doing, room, tc_cuda_who());
}

int tc_dnn_handle(int device, cudnnHandle_t *h) {
  if (!DNN(cudnnCreate)) return TC_DEVICE_ERROR; /* the text says that the library is not here */
  if (!handles[device]) TC_DNN_TRY(DNN(cudnnCreate)(&handles[device]));
  *h = handles[device];
  TC_DNN_TRY(DNN(cudnnSetStream)(*h, tc_cuda_stream()));
  return TC_OK;
}
