/* conv.c: convolution over one to three dims as matrix products. The patches of a tile of output positions are laid out as the columns of
   a matrix small enough for the second-level cache, which BLAS then multiplies; nothing as large as all patches is ever stored.
   Tensors are row-major: x (n, c, in), w (o, c / groups, k), y (n, o, out). */
#include "cpu.h"
#include <cblas.h>
#include <stdlib.h>

typedef struct tile { int64_t row, rows; } tile; /* rows of the output's last dim, of all its planes */

static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }
static int64_t patch(const tc_conv *p) { return p->c / p->groups * volume(p->k); } /* numbers under one output */

static bool plain(const tc_conv *p) { /* 1 x 1 without steps: the patches are the input itself */
  for (int d = 0; d < 3; d++)
    if (p->k[d] != 1 || p->stride[d] != 1 || p->pad[d] != 0) return false;
  return true;
}

enum { TILE_BYTES = 384 << 10 };
static int64_t tile_rows(const tc_conv *p, int bytes) {
  int64_t width = p->out[2], rows = p->out[0] * p->out[1], fit = TILE_BYTES / (patch(p) * bytes * width + 1);
  return fit < 1 ? 1 : fit > rows ? rows : fit;
}

/* where output positions meet input positions lo..hi-1 along the last dim, for tap k */
static void valid_span(const tc_conv *p, int64_t k, int64_t *from, int64_t *to) {
  int64_t shift = k * p->dilation[2] - p->pad[2], step = p->stride[2];
  int64_t lo = shift >= 0 ? 0 : (-shift + step - 1) / step, hi = p->in[2] - shift <= 0 ? 0 : (p->in[2] - shift - 1) / step + 1;
  *from = lo < p->out[2] ? lo : p->out[2];
  *to = hi < p->out[2] ? (hi > *from ? hi : *from) : p->out[2];
}

/* Runs `inside(lo, hi, input row, column)` over the rows of a tile for one tap; rows that fall outside the input get `outside(column)`. */
#define EACH_ROW(p, t, kd, kh, kw, inside, outside) do { \
  int64_t lo, hi, width = (p)->out[2]; \
  valid_span(p, kw, &lo, &hi); \
  for (int64_t r = 0; r < (t)->rows; r++) { \
    int64_t od = ((t)->row + r) / (p)->out[1], oh = ((t)->row + r) % (p)->out[1]; \
    int64_t id = od * (p)->stride[0] - (p)->pad[0] + (kd) * (p)->dilation[0], ih = oh * (p)->stride[1] - (p)->pad[1] + (kh) * (p)->dilation[1]; \
    int64_t column = r * width; \
    bool in = id >= 0 && id < (p)->in[0] && ih >= 0 && ih < (p)->in[1]; \
    int64_t base = (id * (p)->in[1] + ih) * (p)->in[2] + (kw) * (p)->dilation[2] - (p)->pad[2], step = (p)->stride[2]; \
    (void)base; (void)step; (void)column; \
    if (in) { inside } else { outside } \
  } } while (0)

/* One body for float and double. x points at the first channel of a sample's group. */
#define CONV(T, S, gemm) \
  static void unfold_##S(const tc_conv *p, const tile *t, const T *x, T *columns) { /* columns is (patch, tile positions) */ \
    int64_t plane = volume(p->in), positions = t->rows * p->out[2]; \
    for (int64_t c = 0; c < p->c / p->groups; c++, x += plane) \
      for (int64_t kd = 0; kd < p->k[0]; kd++) for (int64_t kh = 0; kh < p->k[1]; kh++) for (int64_t kw = 0; kw < p->k[2]; kw++) { \
        EACH_ROW(p, t, kd, kh, kw, { \
          T *to = columns + column; const T *from = x + base; \
          for (int64_t i = 0; i < lo; i++) to[i] = 0; \
          if (step == 1) memcpy(to + lo, from + lo, (size_t)(hi - lo) * sizeof(T)); \
          else for (int64_t i = lo; i < hi; i++) to[i] = from[i * step]; \
          for (int64_t i = hi; i < width; i++) to[i] = 0; \
        }, { memset(columns + column, 0, (size_t)width * sizeof(T)); }); \
        columns += positions; \
      } \
  } \
  static void fold_##S(const tc_conv *p, const tile *t, T *x, const T *columns) { /* the other way, adding */ \
    int64_t plane = volume(p->in), positions = t->rows * p->out[2]; \
    for (int64_t c = 0; c < p->c / p->groups; c++, x += plane) \
      for (int64_t kd = 0; kd < p->k[0]; kd++) for (int64_t kh = 0; kh < p->k[1]; kh++) for (int64_t kw = 0; kw < p->k[2]; kw++) { \
        EACH_ROW(p, t, kd, kh, kw, { \
          const T *from = columns + column; T *to = x + base; \
          if (step == 1) for (int64_t i = lo; i < hi; i++) to[i] += from[i]; \
          else for (int64_t i = lo; i < hi; i++) to[i * step] += from[i]; \
        }, {}); \
        columns += positions; \
      } \
  } \
  /* one tile of one sample and group: y (o, positions) = w (o, patch) columns + bias */ \
  static void forward_##S(const tc_conv *p, const tile *t, T *y, const T *x, const T *w, const T *bias, T *columns) { \
    int64_t out = volume(p->out), o = p->o / p->groups, k = patch(p), at = t->row * p->out[2], m = t->rows * p->out[2]; \
    const T *matrix = columns; int64_t ld = m; \
    if (plain(p)) { matrix = x + at; ld = out; } else unfold_##S(p, t, x, columns); \
    if (bias) for (int64_t i = 0; i < o; i++) for (int64_t j = 0; j < m; j++) y[i * out + at + j] = bias[i]; \
    gemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)o, (int)m, (int)k, 1, w, (int)k, matrix, (int)ld, bias ? 1 : 0, y + at, (int)out); \
  } \
  /* x += w' g, spread back over the patches */ \
  static void back_input_##S(const tc_conv *p, const tile *t, T *x, const T *g, const T *w, T *columns) { \
    int64_t out = volume(p->out), o = p->o / p->groups, k = patch(p), at = t->row * p->out[2], m = t->rows * p->out[2]; \
    if (plain(p)) { \
      gemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)k, (int)m, (int)o, 1, w, (int)k, g + at, (int)out, 0, x + at, (int)out); \
      return; \
    } \
    gemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)k, (int)m, (int)o, 1, w, (int)k, g + at, (int)out, 0, columns, (int)m); \
    fold_##S(p, t, x, columns); \
  } \
  /* w += g columns' */ \
  static void back_weight_##S(const tc_conv *p, const tile *t, T *w, const T *g, const T *x, T *columns) { \
    int64_t out = volume(p->out), o = p->o / p->groups, k = patch(p), at = t->row * p->out[2], m = t->rows * p->out[2]; \
    const T *matrix = columns; int64_t ld = m; \
    if (plain(p)) { matrix = x + at; ld = out; } else unfold_##S(p, t, x, columns); \
    gemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)o, (int)k, (int)m, 1, g + at, (int)out, matrix, (int)ld, 1, w, (int)k); \
  } \
  /* groups of one channel and one output each: no product to speak of, but a sum of shifted rows */ \
  static void depth_forward_##S(const tc_conv *p, T *y, const T *x, const T *w, const T *bias) { \
    tile t = {0, p->out[0] * p->out[1]}; int64_t out = volume(p->out); \
    for (int64_t i = 0; i < out; i++) y[i] = bias ? *bias : 0; \
    for (int64_t kd = 0; kd < p->k[0]; kd++) for (int64_t kh = 0; kh < p->k[1]; kh++) for (int64_t kw = 0; kw < p->k[2]; kw++) { \
      T tap = *w++; \
      EACH_ROW(p, &t, kd, kh, kw, { \
        T *to = y + column; const T *from = x + base; \
        if (step == 1) for (int64_t i = lo; i < hi; i++) to[i] += tap * from[i]; \
        else for (int64_t i = lo; i < hi; i++) to[i] += tap * from[i * step]; \
      }, {}); \
    } \
  } \
  static void depth_input_##S(const tc_conv *p, T *x, const T *g, const T *w) { \
    tile t = {0, p->out[0] * p->out[1]}; \
    for (int64_t kd = 0; kd < p->k[0]; kd++) for (int64_t kh = 0; kh < p->k[1]; kh++) for (int64_t kw = 0; kw < p->k[2]; kw++) { \
      T tap = *w++; \
      EACH_ROW(p, &t, kd, kh, kw, { \
        const T *from = g + column; T *to = x + base; \
        if (step == 1) for (int64_t i = lo; i < hi; i++) to[i] += tap * from[i]; \
        else for (int64_t i = lo; i < hi; i++) to[i * step] += tap * from[i]; \
      }, {}); \
    } \
  } \
  static void depth_weight_##S(const tc_conv *p, T *w, const T *g, const T *x) { \
    tile t = {0, p->out[0] * p->out[1]}; \
    for (int64_t kd = 0; kd < p->k[0]; kd++) for (int64_t kh = 0; kh < p->k[1]; kh++) for (int64_t kw = 0; kw < p->k[2]; kw++) { \
      T lanes[16] = {0}; \
      EACH_ROW(p, &t, kd, kh, kw, { \
        const T *a = g + column; const T *b = x + base; int64_t i = lo; \
        if (step == 1) for (; i + 16 <= hi; i += 16) for (int l = 0; l < 16; l++) lanes[l] += a[i + l] * b[i + l]; \
        for (; i < hi; i++) lanes[0] += a[i] * b[i * step]; \
      }, {}); \
      T sum = 0; \
      for (int l = 0; l < 16; l++) sum += lanes[l]; \
      *w++ += sum; \
    } \
  }
CONV(float, f32, cblas_sgemm)
CONV(double, f64, cblas_dgemm)

static bool depthwise(const tc_conv *p) { return p->c == p->groups && p->o == p->groups; }

static void *workspace(const tc_conv *p, int dtype, int64_t rows) {
  return aligned_alloc(64, (size_t)((patch(p) * rows * p->out[2] * tc_dtype_bytes(dtype) + 127) & ~(int64_t)63));
}

static double work_of(const tc_conv *p) { return (double)p->n * (double)p->o * (double)volume(p->out) * (double)patch(p) / 16; }

/* One thread's share: items lo..hi of samples x groups x tiles. Failure to get a workspace is told through *status. */
int TC_KERNEL(conv_forward)(const tc_conv *p, int dtype, void *y_, const void *x_, const void *w_, const void *bias_) {
  int64_t step = tile_rows(p, tc_dtype_bytes(dtype)), rows = p->out[0] * p->out[1], tiles = (rows + step - 1) / step;
  int64_t in = volume(p->in), out = volume(p->out), c = p->c / p->groups, o = p->o / p->groups, k = patch(p);
  int status = TC_OK;
  if (rows * p->out[2] == 0) return TC_OK;
  if (depthwise(p)) tiles = 1;
  TC_PARALLEL(p->n * p->groups * tiles, 1, work_of(p)) {
    void *columns = depthwise(p) || plain(p) ? NULL : workspace(p, dtype, step);
    if (!columns && !depthwise(p) && !plain(p)) status = TC_NO_MEMORY;
    else for (int64_t i = lo; i < hi; i++) {
      int64_t group = i / tiles % p->groups, sample = i / tiles / p->groups, row = i % tiles * step;
      tile t = {row, rows - row < step ? rows - row : step};
      int64_t xa = (sample * p->c + group * c) * in, ya = (sample * p->o + group * o) * out, wa = group * o * k;
      TC_FLOATS(dtype, {
        T *y = (T *)y_ + ya; const T *x = (const T *)x_ + xa, *w = (const T *)w_ + wa, *bias = bias_ ? (const T *)bias_ + group * o : NULL;
        if (sizeof(T) == 4 && depthwise(p)) depth_forward_f32(p, (float *)y, (const float *)x, (const float *)w, (const float *)bias);
        else if (depthwise(p)) depth_forward_f64(p, (double *)y, (const double *)x, (const double *)w, (const double *)bias);
        else if (sizeof(T) == 4) forward_f32(p, &t, (float *)y, (const float *)x, (const float *)w, (const float *)bias, columns);
        else forward_f64(p, &t, (double *)y, (const double *)x, (const double *)w, (const double *)bias, columns);
      });
    }
    free(columns);
  } TC_PARALLEL_END
  return status;
}

/* x must be zero on entry */
int TC_KERNEL(conv_input)(const tc_conv *p, int dtype, void *x_, const void *g_, const void *w_) {
  int64_t step = tile_rows(p, tc_dtype_bytes(dtype)), rows = p->out[0] * p->out[1];
  int64_t in = volume(p->in), out = volume(p->out), c = p->c / p->groups, o = p->o / p->groups, k = patch(p);
  int status = TC_OK;
  if (rows * p->out[2] == 0) return TC_OK;
  TC_PARALLEL(p->n * p->groups, 1, work_of(p)) { /* tiles of one sample overlap in x: one thread has them all */
    void *columns = depthwise(p) || plain(p) ? NULL : workspace(p, dtype, step);
    if (!columns && !depthwise(p) && !plain(p)) status = TC_NO_MEMORY;
    else for (int64_t i = lo; i < hi; i++) {
      int64_t group = i % p->groups, sample = i / p->groups;
      int64_t xa = (sample * p->c + group * c) * in, ga = (sample * p->o + group * o) * out, wa = group * o * k;
      for (int64_t row = 0; row < (depthwise(p) ? 1 : rows); row += step) {
        tile t = {row, rows - row < step ? rows - row : step};
        if (dtype != TC_FLOAT64 && depthwise(p)) depth_input_f32(p, (float *)x_ + xa, (const float *)g_ + ga, (const float *)w_ + wa);
        else if (depthwise(p)) depth_input_f64(p, (double *)x_ + xa, (const double *)g_ + ga, (const double *)w_ + wa);
        else if (dtype != TC_FLOAT64) back_input_f32(p, &t, (float *)x_ + xa, (const float *)g_ + ga, (const float *)w_ + wa, columns);
        else back_input_f64(p, &t, (double *)x_ + xa, (const double *)g_ + ga, (const double *)w_ + wa, columns);
      }
    }
    free(columns);
  } TC_PARALLEL_END
  return status;
}

/* samples lo..hi of one group into w */
static void weight_share(const tc_conv *p, int dtype, int64_t group, int64_t first, int64_t last, void *w_, const void *g_, const void *x_, void *columns) {
  int64_t step = tile_rows(p, tc_dtype_bytes(dtype)), rows = p->out[0] * p->out[1];
  int64_t in = volume(p->in), out = volume(p->out), c = p->c / p->groups, o = p->o / p->groups, wa = group * o * patch(p);
  for (int64_t sample = first; sample < last; sample++) {
    int64_t xa = (sample * p->c + group * c) * in, ga = (sample * p->o + group * o) * out;
    for (int64_t row = 0; row < (depthwise(p) ? 1 : rows); row += step) {
      tile t = {row, rows - row < step ? rows - row : step};
      if (dtype != TC_FLOAT64 && depthwise(p)) depth_weight_f32(p, (float *)w_ + wa, (const float *)g_ + ga, (const float *)x_ + xa);
      else if (depthwise(p)) depth_weight_f64(p, (double *)w_ + wa, (const double *)g_ + ga, (const double *)x_ + xa);
      else if (dtype != TC_FLOAT64) back_weight_f32(p, &t, (float *)w_ + wa, (const float *)g_ + ga, (const float *)x_ + xa, columns);
      else back_weight_f64(p, &t, (double *)w_ + wa, (const double *)g_ + ga, (const double *)x_ + xa, columns);
    }
  }
}

/* w must be zero on entry. The batch is cut into a fixed number of parts, each summed by itself and then added in order, so that the
   result does not depend on the number of threads. */
int TC_KERNEL(conv_weight)(const tc_conv *p, int dtype, void *w_, const void *g_, const void *x_) {
  int64_t size = p->o * patch(p), bytes = size * tc_dtype_bytes(dtype), step = tile_rows(p, tc_dtype_bytes(dtype));
  int64_t parts = p->n < 8 ? p->n : 8;
  if (p->n * volume(p->out) == 0 || size == 0) return TC_OK;
  char *sums = parts > 1 ? calloc((size_t)parts, (size_t)bytes) : w_;
  if (!sums) return TC_NO_MEMORY;
  int status = TC_OK;
  TC_PARALLEL(parts * p->groups, 1, work_of(p)) {
    void *columns = depthwise(p) || plain(p) ? NULL : workspace(p, dtype, step);
    if (!columns && !depthwise(p) && !plain(p)) status = TC_NO_MEMORY;
    else for (int64_t i = lo; i < hi; i++) {
      int64_t part = i / p->groups, group = i % p->groups;
      weight_share(p, dtype, group, p->n * part / parts, p->n * (part + 1) / parts, sums + part * bytes, g_, x_, columns);
    }
    free(columns);
  } TC_PARALLEL_END
  if (parts > 1) {
    for (int64_t part = 0; part < parts; part++)
      TC_FLOATS(dtype, { const T *from = (const T *)(sums + part * bytes); for (int64_t i = 0; i < size; i++) ((T *)w_)[i] += from[i]; });
    free(sums);
  }
  return status;
}
