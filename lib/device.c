/* device.c: the seam between operators and devices: for each device a table of kernels and an allocator. The CPU's instruction
   level is chosen here, once. */
#include "ops/ops.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

int tc_kernel_threads = 1;
static const tc_kernels *cpu;
static const char *level;
static tc_backend *cuda; /* NULL until its library is loaded */
static TC_THREAD_LOCAL int cuda_now = -1; /* the device that this thread has chosen last */
static int cuda_default;                  /* what 'cuda' means */
static int64_t cuda_live;                 /* bytes of all devices in tensors */
static const char *cuda_reason = "the CUDA library was not asked for yet";

static inline bool level_allowed(const char *name, bool has) {
  const char *wanted = getenv("TOCHA_LEVEL"); /* base, avx2 or avx512: for tests and measurements */
  return has && (!wanted || !*wanted || !strcmp(wanted, name));
}

static void choose_level(void) {
  cpu = &tc_kernels_base;
  level = "base";
#if defined(__x86_64__)
  __builtin_cpu_init();
#ifdef TC_HAVE_avx512
  if (level_allowed("avx512", __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))) {
    cpu = &tc_kernels_avx512;
    level = "avx512";
    return;
  }
#endif
#ifdef TC_HAVE_avx2
  if (level_allowed("avx2", __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))) {
    cpu = &tc_kernels_avx2;
    level = "avx2";
  }
#endif
#endif
}

extern void openblas_set_num_threads(int) __attribute__((weak)); /* other BLAS libraries keep a count of their own */

void tc_set_num_threads(int64_t count) {
  if (count < 1 || count > 1024) {
    tci_fail("num_threads: got %lld, takes 1 to 1024", (long long)count);
    return;
  }
  tc_kernel_threads = (int)count;
#ifdef _OPENMP
  omp_set_num_threads((int)count);
#endif
  if (openblas_set_num_threads) openblas_set_num_threads((int)count);
}
int64_t tc_get_num_threads(void) { return tc_kernel_threads; }
const char *tc_cpu_level(void) { return level; }

__attribute__((constructor)) static void start(void) {
  choose_level();
#ifdef _OPENMP
  tc_kernel_threads = omp_get_max_threads();
#endif
}

/* Opens the CUDA library; gives the number of devices. Without any, tc_cuda_reason says why. */
double tc_cuda_load(const char *path) {
  static char text[256];
  if (cuda) return cuda->count;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(text, sizeof text, "the CUDA library is not there: %s", dlerror());
    cuda_reason = text;
    return 0;
  }
  tc_backend *(*backend)(const char **) = (tc_backend *(*)(const char **))dlsym(library, "tc_cuda_backend");
  if (!backend) cuda_reason = "the CUDA library is of another version";
  else cuda = backend(&cuda_reason);
  if (cuda && cuda->abi != TC_ABI) {
    cuda_reason = "the CUDA library was built from other sources than this one: make cuda";
    cuda = NULL;
  }
  if (cuda) cuda->who = tci_who;
  return cuda ? cuda->count : 0;
}
const char *tc_cuda_reason(void) { return cuda_reason; }

static void use_cuda(int device) {
  if (device == cuda_now) return;
  cuda->use(device);
  cuda_now = device;
}

const tc_kernels *tci_use_kernels(const tc_kernels *table) {
  const tc_kernels *before = cpu;
  cpu = table;
  return before;
}

/* The kernels of a device, which becomes the one that they run on. */
const tc_kernels *tci_kernels(tc_device device) {
  if (device <= 0 || !cuda) return cpu;
  use_cuda(device - 1);
  return cuda->kernels;
}

/* What went wrong on the device last, for errors; NULL without one. */
const char *tci_device_text(void) { return cuda ? cuda->text() : NULL; }

void tc_cuda_set_default(int device) { cuda_default = device; }
int tc_cuda_get_default(void) { return cuda_default; }
double tc_cuda_live(void) { return (double)cuda_live; }

void *tci_device_alloc(tc_device device, int64_t bytes, int64_t *capacity) {
  if (device == 0) return tci_block_alloc(bytes, capacity);
  void *data = cuda ? cuda->alloc(device - 1, bytes, capacity) : NULL;
  if (data) __atomic_add_fetch(&cuda_live, *capacity, __ATOMIC_RELAXED);
  return data;
}

void tci_device_free(tc_device device, void *data, int64_t capacity) {
  if (device == 0) {
    tci_block_free(data, capacity);
    return;
  }
  if (cuda) cuda->free(device - 1, data, capacity);
  __atomic_sub_fetch(&cuda_live, capacity, __ATOMIC_RELAXED);
}

/* Why an allocation failed, as an error. */
void *tci_no_memory(tc_device device, int64_t bytes) {
  char text[1536];
  if (device <= 0 || !cuda)
    return tci_fail("out of memory: %lld bytes asked for, %.0f in use, %.0f at most", (long long)bytes, tc_memory_live(), tc_memory_limit());
  cuda->memory_text(device - 1, bytes, text, sizeof text);
  return tci_fail("out of memory: %s", text);
}

/* wait: also for copies from and to pinned memory, which could go on by themselves. */
bool tci_device_copy(tc_device to, void *target, tc_device from, const void *source, int64_t bytes, bool wait) {
  if (to == 0 && from == 0) {
    memcpy(target, source, (size_t)bytes);
    return true;
  }
  if (!cuda) return tci_fail("there is no CUDA device") != NULL;
  use_cuda((to > 0 ? to : from) - 1);
  int status = cuda->copy(to - 1, target, from - 1, source, bytes, wait);
  return tci_status(status, NULL, NULL, 0);
}

/* ---- pinned memory: of the host, and such that devices copy from and to it by themselves ---- */
static void unpin(tc_storage *s) { cuda->unpin(s->data); }

tc_tensor *tc_pin_memory(tc_tensor *x) {
  if (!x) return NULL;
  if (!cuda) return tci_fail("there is no CUDA device: %s", cuda_reason);
  if (x->device != 0) return tci_fail("the tensor is on %s, takes one of the CPU", tc_device_name(x->device));
  if (tc_is_pinned(x)) return x;
  tc_tensor *y = tci_header(x->dtype, x->ndim, 0);
  tc_storage *s = y ? tci_small_alloc(sizeof *s) : NULL;
  int64_t bytes = x->numel * tci_elsize(x->dtype);
  void *data = s ? cuda->pin(bytes) : NULL;
  if (!data) {
    if (s) tci_small_free(s, sizeof *s);
    return tci_fail("out of memory: %lld bytes of pinned memory asked for", (long long)bytes);
  }
  *s = (tc_storage){.refs = 1, .data = data, .bytes = bytes, .capacity = bytes, .destroy = unpin};
  y->storage = s;
  y->numel = x->numel;
  int64_t step = 1;
  for (int d = x->ndim - 1; d >= 0; d--) {
    y->size[d] = x->size[d];
    y->stride[d] = step;
    step *= x->size[d];
  }
  return tci_copy_into(y, x) ? y : NULL;
}

bool tc_is_pinned(tc_tensor *x) { return x && x->device == 0 && x->storage->destroy == unpin; }

bool tci_device_of(int n, tc_tensor *const *xs, tc_device *device) {
  tc_tensor *first = NULL;
  for (int i = 0; i < n; i++) {
    tc_tensor *x = xs[i];
    if (!x || (x->device == 0 && x->ndim == 0)) continue;
    if (first && x->device != first->device)
      return tci_fail("tensors on different devices: %s and %s", tc_device_name(first->device), tc_device_name(x->device)) != NULL;
    if (!first) first = x;
  }
  *device = first ? first->device : 0;
  return true;
}

void tci_meet_apart(int n, tc_tensor **xs, unsigned movable, unsigned numbers) {
  tc_tensor *first = NULL;
  for (int pass = 0; pass < 2 && !first; pass++) /* a single element on the CPU decides only where there is nothing else */
    for (int i = 0; i < n && !first; i++)
      if (xs[i] && !(movable >> i & 1) && (pass || xs[i]->ndim > 0 || xs[i]->device > 0)) first = xs[i];
  for (int i = 0; i < n && first; i++) {
    tc_tensor *x = xs[i];
    if (!x || x->device == first->device) continue;
    bool single = x->device == 0 && x->ndim == 0;
    if (single && numbers >> i & 1) continue;
    if (single || (movable >> i & 1 && x->device == 0)) xs[i] = tc_to(x, TC_NONE, first->device, false);
    else tci_fail("tensors on different devices: %s and %s", tc_device_name(first->device), tc_device_name(x->device));
  }
}

const char *tc_device_name(tc_device device) {
  static TC_THREAD_LOCAL char names[2][16];
  static TC_THREAD_LOCAL int turn;
  if (device <= 0) return "cpu";
  char *name = names[turn++ & 1];
  snprintf(name, sizeof names[0], "cuda:%d", device - 1);
  return name;
}

tc_device tci_default_device;
tc_device tc_get_default_device(void) { return tci_default_device; }
void tc_set_default_device(tc_device device) { tci_default_device = device; }

/* Numbers too small for the normal range count as 0, or no longer, on every thread that runs kernels; false where the processor cannot. */
bool tc_set_flush_denormal(bool on) {
#if defined(__x86_64__)
  const unsigned bits = 0x8040; /* flush to zero, denormals are zero */
#ifdef _OPENMP
#pragma omp parallel
#endif
  __builtin_ia32_ldmxcsr(on ? __builtin_ia32_stmxcsr() | bits : __builtin_ia32_stmxcsr() & ~bits);
  return true;
#else
  return !on;
#endif
}

/* "cpu", "cuda", "cuda:1" as a device number; TC_NONE after an error. */
tc_device tc_device_from_name(const char *name) {
  if (!strcmp(name, "cpu")) return 0;
  int n = cuda_default, used = 0;
  bool is_cuda = !strcmp(name, "cuda") || (sscanf(name, "cuda:%d%n", &n, &used) == 1 && !name[used] && n >= 0 && n < 64);
  if (!is_cuda) {
    tci_fail("device: got '%s', takes 'cpu', 'cuda' or 'cuda:N'", name);
    return TC_NONE;
  }
  if (!cuda || n >= cuda->count) {
    tci_fail("device '%s' is not available: %s", name, cuda ? "there is no such device" : cuda_reason);
    return TC_NONE;
  }
  return 1 + n;
}
