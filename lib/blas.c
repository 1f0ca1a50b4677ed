/* blas.c: sees to it that OpenBLAS uses the kernels this processor deserves. Releases older than the processor do not know its model
   and fall back to AVX2 kernels on a machine with AVX-512, at half the speed. */
#include "runtime.h"
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
/* OpenBLAS's own way of choosing, in builds that can; weak because other libraries that speak BLAS lack it. */
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));

static bool has_avx512(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd");
}

static bool chose_avx2(void) {
  const char *core = openblas_get_corename();
  return core && (!strcmp(core, "Haswell") || !strcmp(core, "Zen"));
}

/* Runs once, when the library is loaded: no product is under way then. What the user has chosen stays. */
__attribute__((constructor)) static void choose_core(void) {
  if (!gotoblas_dynamic_init || !gotoblas_dynamic_quit || !openblas_get_corename) return;
  if (getenv("OPENBLAS_CORETYPE") || !has_avx512() || !chose_avx2()) return;
  setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  unsetenv("OPENBLAS_CORETYPE");
}
#endif
