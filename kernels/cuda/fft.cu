/* fft.cu: Fourier transforms by cuFFT. Plans for one length, kind and arrangement are kept, those unused for longest go first; their workspace
   comes from the allocator. What cuFFT does not do, cutting, padding, scaling, the other sign of real transforms, is done on the way in and out. */
#include "library.h"
#include "element.cuh"
#include <cufft.h>
#include <cstring>
#include <vector>

namespace {
enum { KEPT_PLANS = 64, FEW = 16 };
/* one transform: lines of n, elements `step` apart, of which `count` lie `gap` apart; compared byte by byte */
struct key { int64_t n, count, in_step, in_gap, out_step, out_gap; int32_t type, device; };
struct plan {
  key k;
  cufftHandle handle;
  size_t workspace;
  uint64_t used;
  bool stays;                 /* a CUDA graph holds its kernels, which read its tables */
};
std::vector<plan> &plans = *new std::vector<plan>;
uint64_t uses;
} // namespace

#define FFT(name) TC_LIBRARY_CALL(cufft, name)

static int answer(cufftResult s, const char *doing) {
  if (s == CUFFT_SUCCESS) return TC_OK;
  if (s == CUFFT_ALLOC_FAILED) return tc_cuda_say(TC_NO_MEMORY, "cuFFT is out of memory (%s)", doing);
  return tc_cuda_say(TC_DEVICE_ERROR, "cuFFT: %s gives status %d in %s", doing, (int)s, tc_cuda_who());
}

static int make_plan(const key &k, plan *p) {
  if (!FFT(cufftCreate)) return TC_DEVICE_ERROR; /* the text says that the library is not here */
  long long n = k.n, in_size = k.n * k.in_step, out_size = k.n * k.out_step; /* of one dim; what counts is that they are given */
  *p = {k, 0, 0, 0, false};
  TC_TRY(answer(FFT(cufftCreate)(&p->handle), "cufftCreate"));
  int s = answer(FFT(cufftSetAutoAllocation)(p->handle, 0), "cufftSetAutoAllocation");
  if (s == TC_OK)
    s = answer(FFT(cufftMakePlanMany64)(p->handle, 1, &n, &in_size, k.in_step, k.in_gap, &out_size, k.out_step, k.out_gap, (cufftType)k.type, k.count,
                                        &p->workspace), "cufftMakePlanMany64");
  if (s != TC_OK) FFT(cufftDestroy)(p->handle);
  return s;
}

/* a place for one more: that of the plan which was not used for longest, unless all of them stay */
static void make_place(void) {
  if (plans.size() < KEPT_PLANS) return;
  size_t oldest = plans.size();
  for (size_t i = 0; i < plans.size(); i++)
    if (!plans[i].stays && (oldest == plans.size() || plans[i].used < plans[oldest].used)) oldest = i;
  if (oldest == plans.size()) return;
  tc_on_device there(plans[oldest].k.device);
  cudaDeviceSynchronize(); /* work in its streams may still read its tables */
  FFT(cufftDestroy)(plans[oldest].handle);
  plans.erase(plans.begin() + (std::ptrdiff_t)oldest);
}

static int plan_for(const key &k, plan **found) {
  const bool capturing = tc_cuda_state(k.device)->capturing;
  *found = nullptr;
  for (plan &p : plans)
    if (!memcmp(&p.k, &k, sizeof k)) *found = &p;
  if (!*found) {
    plan p;
    if (!capturing) make_place();
    TC_TRY(make_plan(k, &p));
    plans.push_back(p);
    *found = &plans.back();
  }
  (*found)->used = ++uses;
  (*found)->stays |= capturing;
  return TC_OK;
}

/* ---- on the way in and out: out[o][j][i] from in[o][j][i], j < both lengths, zero beyond; elements through (outer, line, inner) steps ---- */
namespace {
struct side { void *data; int64_t n, outer, line, inner; }; /* n elements along the line; the steps of the three dims */
struct passage {
  side to, from;
  int64_t outer, inner;
  double scale, middle;
  int64_t nyquist;            /* the bin of n/2 where n is even, else -1 */
  bool conjugate, bins;       /* bins: the factor `middle` counts, but for the first and n/2 */
  bool clean;                 /* imaginary parts of the first bin and n/2 count as zero */
};

template <class T> __device__ inline T changed(const passage &, int64_t, T v, double by) { return (T)(v * by); }
template <class C> __device__ inline C changed_complex(const passage &p, int64_t j, C v, double by) {
  const bool edge = j == 0 || j == p.nyquist;
  if (p.bins && !edge) by *= p.middle;
  C w;
  w.re = (decltype(v.re))(v.re * by);
  w.im = (decltype(v.re))(p.clean && edge ? 0 : (p.conjugate ? -v.im : v.im) * by);
  return w;
}
template <> __device__ inline tc_c64 changed(const passage &p, int64_t j, tc_c64 v, double by) { return changed_complex(p, j, v, by); }
template <> __device__ inline tc_c128 changed(const passage &p, int64_t j, tc_c128 v, double by) { return changed_complex(p, j, v, by); }

template <class T> __global__ void pass(passage p) {
  TC_EACH(e, p.outer * p.to.n * p.inner) {
    const int64_t i = e % p.inner, j = e / p.inner % p.to.n, o = e / p.inner / p.to.n;
    T v;
    memset(&v, 0, sizeof v);
    if (j < p.from.n) v = changed(p, j, ((const T *)p.from.data)[o * p.from.outer + j * p.from.line + i * p.from.inner], p.scale);
    ((T *)p.to.data)[o * p.to.outer + j * p.to.line + i * p.to.inner] = v;
  }
}
} // namespace

static int run_pass(const passage &p, int dtype) {
  const int64_t blocks = tc_blocks(p.outer * p.to.n * p.inner, 256, 64);
  if (dtype == TC_COMPLEX64) return tc_run(pass<tc_c64>, blocks, 256, 0, p);
  if (dtype == TC_COMPLEX128) return tc_run(pass<tc_c128>, blocks, 256, 0, p);
  if (dtype == TC_FLOAT64) return tc_run(pass<double>, blocks, 256, 0, p);
  return tc_run(pass<float>, blocks, 256, 0, p);
}

static int execute(const plan *p, void *to, void *from, int direction) {
  switch (p->k.type) {
    case CUFFT_C2C: return answer(FFT(cufftExecC2C)(p->handle, (cufftComplex *)from, (cufftComplex *)to, direction), "cufftExecC2C");
    case CUFFT_Z2Z: return answer(FFT(cufftExecZ2Z)(p->handle, (cufftDoubleComplex *)from, (cufftDoubleComplex *)to, direction), "cufftExecZ2Z");
    case CUFFT_R2C: return answer(FFT(cufftExecR2C)(p->handle, (cufftReal *)from, (cufftComplex *)to), "cufftExecR2C");
    case CUFFT_D2Z: return answer(FFT(cufftExecD2Z)(p->handle, (cufftDoubleReal *)from, (cufftDoubleComplex *)to), "cufftExecD2Z");
    case CUFFT_C2R: return answer(FFT(cufftExecC2R)(p->handle, (cufftComplex *)from, (cufftReal *)to), "cufftExecC2R");
    default: return answer(FFT(cufftExecZ2D)(p->handle, (cufftDoubleComplex *)from, (cufftDoubleReal *)to), "cufftExecZ2D");
  }
}

/* The transforms themselves. Both sides are row-major (outer, n, inner), or lines one after another where a side's `line` is 1. */
static int transform(const tc_fft *p, int type, const side &to, const side &from, int in_bytes, int out_bytes) {
  const bool lines = p->inner == 1 || (to.line == 1 && from.line == 1);
  key k;
  memset(&k, 0, sizeof k);
  k.n = p->n, k.type = type, k.device = tc_cuda_device_now();
  k.count = lines ? p->outer * p->inner : p->inner;
  k.in_step = from.line, k.out_step = to.line, k.in_gap = lines ? from.n : 1, k.out_gap = lines ? to.n : 1;
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  plan *f = nullptr;
  TC_TRY(plan_for(k, &f));
  tc_workspace room(f->workspace);
  if (!room.data) return TC_NO_MEMORY;
  TC_TRY(answer(FFT(cufftSetStream)(f->handle, tc_cuda_stream()), "cufftSetStream"));
  TC_TRY(answer(FFT(cufftSetWorkArea)(f->handle, room.data), "cufftSetWorkArea"));
  for (int64_t o = 0; o < (lines ? 1 : p->outer); o++)
    TC_TRY(execute(f, (char *)to.data + o * to.outer * out_bytes, (char *)from.data + o * from.outer * in_bytes,
                   p->inverse ? CUFFT_INVERSE : CUFFT_FORWARD));
  return tc_cuda_launched(cudaSuccess);
}

static int complex_of(bool doubles) { return doubles ? TC_COMPLEX128 : TC_COMPLEX64; }
static int real_of(bool doubles) { return doubles ? TC_FLOAT64 : TC_FLOAT32; }
static side rows_of(const void *data, int64_t n, int64_t inner) { return {(void *)data, n, n * inner, inner, 1}; }
static side lines_of(void *data, int64_t n, int64_t inner) { return {data, n, n * inner, 1, n}; }

/* y's dtype: see fft.h. Without a copy where cuFFT can read x and write y as they lie. */
extern "C" int TC_KERNEL(fft)(const tc_fft *p, int dtype, void *y, const void *x) {
  const bool doubles = dtype == TC_FLOAT64 || dtype == TC_COMPLEX128, from_real = p->kind == TC_FFT_FROM_REAL, to_real = p->kind == TC_FFT_TO_REAL;
  const int in_type = from_real ? real_of(doubles) : complex_of(doubles), out_type = to_real ? real_of(doubles) : complex_of(doubles);
  const int in_bytes = tc::dtype_bytes(in_type), out_bytes = tc::dtype_bytes(out_type);
  const int64_t bins = p->n / 2 + 1, native_in = to_real ? bins : p->n, native_out = from_real ? bins : p->n;
  if (p->outer * p->inner * p->out == 0) return TC_OK;
  if (p->in > 0 && !x) return TC_DEVICE_ERROR;
  const bool gather = p->inner > 1 && p->outer > 1 && (p->outer > FEW || p->kind != TC_FFT_COMPLEX);
  const bool copy_in = gather || to_real || p->in != native_in || !tc::aligned(x, (size_t)in_bytes * (from_real ? 2 : 1));
  const bool copy_out = gather || p->out != native_out || !tc::aligned(y, (size_t)out_bytes * (to_real ? 2 : 1));
  const int64_t each = p->outer * p->inner;
  tc_workspace before(copy_in ? (size_t)(each * native_in * in_bytes) : 1), after(copy_out ? (size_t)(each * native_out * out_bytes) : 1);
  if (!before.data || !after.data) return TC_NO_MEMORY;

  side from = rows_of(x, p->in, p->inner), to = rows_of(y, p->out, p->inner);
  passage way = {};
  way.outer = p->outer, way.inner = p->inner, way.scale = 1, way.middle = p->middle, way.nyquist = p->n % 2 ? -1 : p->n / 2;
  if (copy_in) {
    const side packed = gather ? lines_of(before.data, native_in, p->inner) : rows_of(before.data, native_in, p->inner);
    way.to = packed, way.from = from;
    way.bins = way.clean = to_real, way.conjugate = to_real && !p->inverse; /* cuFFT's sign is that of the inverse */
    TC_TRY(run_pass(way, in_type));
    from = packed;
  }
  const side made = !copy_out ? to : gather ? lines_of(after.data, native_out, p->inner) : rows_of(after.data, native_out, p->inner);
  const int type = to_real ? (doubles ? CUFFT_Z2D : CUFFT_C2R) : from_real ? (doubles ? CUFFT_D2Z : CUFFT_R2C) : doubles ? CUFFT_Z2Z : CUFFT_C2C;
  TC_TRY(transform(p, type, made, from, in_bytes, out_bytes));
  const bool turn = from_real && p->inverse, bend = from_real && p->middle != 1;
  if (!copy_out && p->scale == 1 && !turn && !bend) return TC_OK;
  way.to = to, way.from = made, way.scale = p->scale;
  way.conjugate = turn, way.bins = from_real, way.clean = false;
  return run_pass(way, out_type);
}
