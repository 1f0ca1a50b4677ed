/* emu_fft.cc: what stands in for cuFFT on the emulated device: the same calls, sums computed in double precision. As strict as the library may
   be: a plan wants its workspace and aligned data, and what real results are made from is used up. */
#include "emu.h"
#include <cufft.h>
#include <complex>
#include <map>
#include <vector>

namespace {
typedef std::complex<double> number;
struct plan { long long n, in_step, in_gap, out_step, out_gap, count; cufftType type; bool made, own; void *area; cudaStream_t stream; };
std::map<cufftHandle, plan> &plans = *new std::map<cufftHandle, plan>;
cufftHandle last;
constexpr size_t AREA = 4096;

/* sum of x[k] exp(sign 2 pi i jk/n) for j < count */
std::vector<number> sums(const std::vector<number> &x, long long count, int sign) {
  const long long n = (long long)x.size();
  std::vector<number> root((size_t)n), y((size_t)count);
  for (long long k = 0; k < n; k++) root[(size_t)k] = std::polar(1.0, sign * 2 * 3.14159265358979323846 * (double)k / (double)n);
  for (long long j = 0; j < count; j++) {
    number sum = 0;
    for (long long k = 0; k < n; k++) sum += x[(size_t)k] * root[(size_t)(j * k % n)];
    y[(size_t)j] = sum;
  }
  return y;
}

template <class R> void run(const plan &p, const void *from, void *to, int sign) {
  const bool real_in = p.type == CUFFT_R2C || p.type == CUFFT_D2Z, real_out = p.type == CUFFT_C2R || p.type == CUFFT_Z2D;
  const long long bins = p.n / 2 + 1;
  memset(p.area, 0xff, AREA);
  for (long long b = 0; b < p.count; b++) {
    std::vector<number> x((size_t)p.n);
    for (long long k = 0; k < (real_out ? bins : p.n); k++) {
      const long long at = b * p.in_gap + k * p.in_step;
      x[(size_t)k] = real_in ? number(((const R *)from)[at]) : number(((const std::complex<R> *)from)[at]);
    }
    if (real_out) {
      if (x[0].imag() != 0 || (p.n % 2 == 0 && x[(size_t)(p.n / 2)].imag() != 0)) x[0] = NAN; /* what the library makes of these is not said */
      for (long long k = bins; k < p.n; k++) x[(size_t)k] = std::conj(x[(size_t)(p.n - k)]);
    }
    const std::vector<number> y = sums(x, real_in ? bins : p.n, sign);
    for (size_t j = 0; j < y.size(); j++) {
      const long long at = b * p.out_gap + (long long)j * p.out_step;
      if (real_out) ((R *)to)[at] = (R)y[j].real();
      else ((std::complex<R> *)to)[at] = std::complex<R>(y[j]);
    }
    if (real_out && from != to)
      for (long long k = 0; k < bins; k++) ((std::complex<R> *)from)[b * p.in_gap + k * p.in_step] = NAN;
  }
}

cufftResult execute(cufftHandle h, cufftType type, const void *from, void *to, int sign, size_t unit) {
  auto i = plans.find(h);
  if (i == plans.end() || !i->second.made) return CUFFT_INVALID_PLAN;
  const plan p = i->second;
  if (p.type != type || (!p.own && !p.area)) return CUFFT_INVALID_VALUE;
  if ((uintptr_t)from % unit || (uintptr_t)to % unit) return CUFFT_EXEC_FAILED;
  const bool doubles = unit == sizeof(cufftDoubleComplex);
  cudaError_t e = emu::host_task([=] { doubles ? run<double>(p, from, to, sign) : run<float>(p, from, to, sign); }, p.stream);
  return e == cudaSuccess ? CUFFT_SUCCESS : CUFFT_EXEC_FAILED;
}
} // namespace

#define STAND_IN extern "C" __attribute__((visibility("default")))
STAND_IN cufftResult cufftGetVersion(int *v) { return *v = CUFFT_VERSION, CUFFT_SUCCESS; }
STAND_IN cufftResult cufftCreate(cufftHandle *h) {
  plans[*h = ++last] = plan{};
  plans[*h].own = true;
  return CUFFT_SUCCESS;
}
STAND_IN cufftResult cufftDestroy(cufftHandle h) { return plans.erase(h) ? CUFFT_SUCCESS : CUFFT_INVALID_PLAN; }
STAND_IN cufftResult cufftSetAutoAllocation(cufftHandle h, int on) { return plans[h].own = on != 0, CUFFT_SUCCESS; }
STAND_IN cufftResult cufftSetStream(cufftHandle h, cudaStream_t s) { return plans[h].stream = s, CUFFT_SUCCESS; }
STAND_IN cufftResult cufftSetWorkArea(cufftHandle h, void *area) { return plans[h].area = area, CUFFT_SUCCESS; }
STAND_IN cufftResult cufftMakePlanMany64(cufftHandle h, int rank, long long *n, long long *in_size, long long in_step, long long in_gap, long long *out_size,
                                         long long out_step, long long out_gap, cufftType type, long long count, size_t *work) {
  if (!plans.count(h) || plans[h].made) return CUFFT_INVALID_PLAN;
  if (rank != 1 || *n < 1 || count < 1 || !in_size || !out_size || in_step < 1 || out_step < 1) return CUFFT_INVALID_SIZE;
  plan &p = plans[h];
  p.n = *n, p.in_step = in_step, p.in_gap = in_gap, p.out_step = out_step, p.out_gap = out_gap, p.count = count, p.type = type, p.made = true;
  *work = AREA;
  return CUFFT_SUCCESS;
}
STAND_IN cufftResult cufftExecC2C(cufftHandle h, cufftComplex *x, cufftComplex *y, int sign) { return execute(h, CUFFT_C2C, x, y, sign, 8); }
STAND_IN cufftResult cufftExecZ2Z(cufftHandle h, cufftDoubleComplex *x, cufftDoubleComplex *y, int sign) { return execute(h, CUFFT_Z2Z, x, y, sign, 16); }
STAND_IN cufftResult cufftExecR2C(cufftHandle h, cufftReal *x, cufftComplex *y) { return execute(h, CUFFT_R2C, x, y, -1, 8); }
STAND_IN cufftResult cufftExecD2Z(cufftHandle h, cufftDoubleReal *x, cufftDoubleComplex *y) { return execute(h, CUFFT_D2Z, x, y, -1, 16); }
STAND_IN cufftResult cufftExecC2R(cufftHandle h, cufftComplex *x, cufftReal *y) { return execute(h, CUFFT_C2R, x, y, 1, 8); }
STAND_IN cufftResult cufftExecZ2D(cufftHandle h, cufftDoubleComplex *x, cufftDoubleReal *y) { return execute(h, CUFFT_Z2D, x, y, 1, 16); }
