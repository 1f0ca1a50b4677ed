/* library.cu: finds and opens NVIDIA's libraries. */
#include "library.h"
#include <dlfcn.h>
#include <cstdio>
#include <cstring>

namespace {
struct known { const char *name; int versions[3]; void *handle; bool tried; };
known libraries[] = {{"cublasLt", {13, 12, 0}, nullptr, false}, {"cublas", {13, 12, 0}, nullptr, false}, {"cudnn", {9, 0, 0}, nullptr, false},
                     {"cufft", {12, 11, 0}, nullptr, false}, {"cusolver", {12, 11, 0}, nullptr, false}};
} // namespace

static void *open_library(const char *name, const int *versions) {
#ifdef TC_EMU
  Dl_info self; /* the stand-ins are part of this library */
  return dladdr((void *)open_library, &self) ? dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD) : nullptr;
#endif
  char file[64];
  for (; *versions; versions++) {
    snprintf(file, sizeof file, "lib%s.so.%d", name, *versions);
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle) return handle;
  }
  const char *why = dlerror();
  tc_cuda_say(TC_DEVICE_ERROR, "lib%s cannot be opened: %s", name, why ? why : "unknown");
  return nullptr;
}

void *tc_cuda_function(const char *library, const char *name) {
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  for (known &k : libraries) {
    if (strcmp(k.name, library)) continue;
    if (!k.tried) k.handle = open_library(k.name, k.versions);
    k.tried = true;
    void *f = k.handle ? dlsym(k.handle, name) : nullptr;
    if (k.handle && !f) tc_cuda_say(TC_DEVICE_ERROR, "lib%s has no function %s", library, name);
    if (!k.handle) tc_cuda_say(TC_DEVICE_ERROR, "lib%s is not here", library);
    return f;
  }
  return nullptr;
}

/* The version number that a library gives for itself; 0 where it is missing. */
TC_EXPORT double tc_cuda_library_version(const char *library) {
  typedef size_t version_function(void);
  const char *name = !strcmp(library, "cudnn") ? "cudnnGetVersion" : !strcmp(library, "cublasLt") ? "cublasLtGetVersion" : nullptr;
  version_function *f = name ? (version_function *)tc_cuda_function(library, name) : nullptr;
  return f ? (double)f() : 0;
}
