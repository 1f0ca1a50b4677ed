/* library.h: NVIDIA's libraries, opened when first used, by their versioned names: where one is missing only what needs it fails. */
#pragma once
#include "device.h"

/* A function of a library ("cublasLt", "cudnn", "cufft", "cusolver"), NULL where it is missing; tc_cuda_text says why. */
void *tc_cuda_function(const char *library, const char *name);

/* TC_LIBRARY_CALL(cublasLt, cublasLtCreate) is that function with its type, looked up once. */
#define TC_LIBRARY_CALL(library, name) \
  ([]() -> decltype(&::name) { \
    static auto f = (decltype(&::name))tc_cuda_function(#library, #name); \
    return f; \
  }())
