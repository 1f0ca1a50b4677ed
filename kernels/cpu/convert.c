/* convert.c: elements of any dtype to and from float, double and int64; copies between layouts and dtypes. */
#include "cpu.h"

/* One loader and one storer for each computing type T: a switch over dtypes, a loop in each arm that gcc vectorises at stride 1. */
#define LOAD_ARM(code, S, get) \
  case code: { const S *s = from; \
    if (stride == 1) for (int64_t i = 0; i < n; i++) { S v = s[i]; to[i] = (T)(get); } \
    else for (int64_t i = 0; i < n; i++) { S v = s[i * stride]; to[i] = (T)(get); } } break;
#define LOAD_ALL \
  switch (dtype) { \
    LOAD_ARM(TC_BOOL, uint8_t, v) LOAD_ARM(TC_UINT8, uint8_t, v) LOAD_ARM(TC_INT8, int8_t, v) LOAD_ARM(TC_INT16, int16_t, v) \
    LOAD_ARM(TC_INT32, int32_t, v) LOAD_ARM(TC_INT64, int64_t, v) LOAD_ARM(TC_FLOAT32, float, v) LOAD_ARM(TC_FLOAT64, double, v) \
    LOAD_ARM(TC_FLOAT16, uint16_t, tc_from_float16(v)) LOAD_ARM(TC_BFLOAT16, uint16_t, tc_from_bfloat16(v)) \
    LOAD_ARM(TC_COMPLEX64, tc_c64, v.re) LOAD_ARM(TC_COMPLEX128, tc_c128, v.re) }

void TC_KERNEL(load_f32)(int64_t n, float *to, const void *from, int dtype, int64_t stride) { typedef float T; LOAD_ALL }
void TC_KERNEL(load_f64)(int64_t n, double *to, const void *from, int dtype, int64_t stride) { typedef double T; LOAD_ALL }
void TC_KERNEL(load_i64)(int64_t n, int64_t *to, const void *from, int dtype, int64_t stride) { typedef int64_t T; LOAD_ALL }

#define STORE_ARM(code, S, put) \
  case code: { S *t = to; \
    if (stride == 1) for (int64_t i = 0; i < n; i++) { T v = from[i]; t[i] = put; } \
    else for (int64_t i = 0; i < n; i++) { T v = from[i]; t[i * stride] = put; } } break;
#define STORE_ALL \
  switch (dtype) { \
    STORE_ARM(TC_BOOL, uint8_t, v != 0) STORE_ARM(TC_UINT8, uint8_t, (uint8_t)(int64_t)v) STORE_ARM(TC_INT8, int8_t, (int8_t)(int64_t)v) \
    STORE_ARM(TC_INT16, int16_t, (int16_t)(int64_t)v) STORE_ARM(TC_INT32, int32_t, (int32_t)(int64_t)v) \
    STORE_ARM(TC_INT64, int64_t, (int64_t)v) STORE_ARM(TC_FLOAT32, float, (float)v) STORE_ARM(TC_FLOAT64, double, (double)v) \
    STORE_ARM(TC_FLOAT16, uint16_t, tc_to_float16((float)v)) STORE_ARM(TC_BFLOAT16, uint16_t, tc_to_bfloat16((float)v)) \
    STORE_ARM(TC_COMPLEX64, tc_c64, ((tc_c64){(float)v, 0})) STORE_ARM(TC_COMPLEX128, tc_c128, ((tc_c128){(double)v, 0})) }

void TC_KERNEL(store_f32)(int64_t n, void *to, int dtype, int64_t stride, const float *from) { typedef float T; STORE_ALL }
void TC_KERNEL(store_f64)(int64_t n, void *to, int dtype, int64_t stride, const double *from) { typedef double T; STORE_ALL }
void TC_KERNEL(store_i64)(int64_t n, void *to, int dtype, int64_t stride, const int64_t *from) { typedef int64_t T; STORE_ALL }

/* complex computing types: real numbers get an imaginary part of 0 */
#define LOAD_PAIRS(name, load_real, T, P) \
void TC_KERNEL(name)(int64_t n, T *to, const void *from, int dtype, int64_t stride) { \
  const tc_c64 *c = from; const tc_c128 *z = from; \
  if (dtype == TC_COMPLEX64) for (int64_t i = 0; i < n; i++) to[i] = (T){(P)c[i * stride].re, (P)c[i * stride].im}; \
  else if (dtype == TC_COMPLEX128) for (int64_t i = 0; i < n; i++) to[i] = (T){(P)z[i * stride].re, (P)z[i * stride].im}; \
  else { /* the real parts arrive in the first half and are moved apart from behind */ \
    P *real = (P *)to; \
    TC_KERNEL(load_real)(n, real, from, dtype, stride); \
    for (int64_t i = n - 1; i >= 0; i--) { const P v = real[i]; to[i] = (T){v, 0}; } \
  } \
}
LOAD_PAIRS(load_c64, load_f32, tc_c64, float)
LOAD_PAIRS(load_c128, load_f64, tc_c128, double)

/* to a complex dtype; no operator stores complex numbers as real ones */
#define STORE_PAIRS(name, T) \
void TC_KERNEL(name)(int64_t n, void *to, int dtype, int64_t stride, const T *from) { \
  tc_c64 *c = to; tc_c128 *z = to; \
  if (dtype == TC_COMPLEX64) for (int64_t i = 0; i < n; i++) c[i * stride] = (tc_c64){(float)from[i].re, (float)from[i].im}; \
  else for (int64_t i = 0; i < n; i++) z[i * stride] = (tc_c128){from[i].re, from[i].im}; \
}
STORE_PAIRS(store_c64, tc_c64)
STORE_PAIRS(store_c128, tc_c128)

/* ---- rows: the innermost dim of a copy ---- */
enum { BLOCK = 512 };

static bool whole(int dtype) { return dtype <= TC_INT64; }
static bool is_complex(int dtype) { return dtype >= TC_COMPLEX64; }

static void move_row(int64_t n, char *to, int64_t ts, const char *from, int64_t fs, int bytes) {
  if (ts == 1 && fs == 1) {
    memcpy(to, from, (size_t)(n * bytes));
    return;
  }
  TC_MOVES(bytes, { T *t = (T *)to; const T *f = (const T *)from; for (int64_t i = 0; i < n; i++) t[i * ts] = f[i * fs]; });
}

static void complex_row(int64_t n, char *to, int64_t ts, int to_type, const char *from, int64_t fs) {
  for (int64_t i = 0; i < n; i++) { /* between the two complex types */
    if (to_type == TC_COMPLEX64) {
      tc_c128 v = ((const tc_c128 *)from)[i * fs];
      ((tc_c64 *)to)[i * ts] = (tc_c64){(float)v.re, (float)v.im};
    } else {
      tc_c64 v = ((const tc_c64 *)from)[i * fs];
      ((tc_c128 *)to)[i * ts] = (tc_c128){v.re, v.im};
    }
  }
}

/* through int64 between integers, through double where either side needs it, else through float */
static void convert_row(int64_t n, char *to, int64_t ts, int to_type, const char *from, int64_t fs, int from_type) {
  int tb = tc_dtype_bytes(to_type), fb = tc_dtype_bytes(from_type);
  bool exact = whole(to_type) && whole(from_type), wide = tb >= 4 || fb >= 4;
  for (int64_t at = 0; at < n; at += BLOCK) {
    int64_t m = n - at < BLOCK ? n - at : BLOCK;
    char *t = to + at * ts * tb;
    const char *f = from + at * fs * fb;
    union { int64_t i[BLOCK]; double d[BLOCK]; float f[BLOCK]; } room;
    if (exact) {
      TC_KERNEL(load_i64)(m, room.i, f, from_type, fs);
      TC_KERNEL(store_i64)(m, t, to_type, ts, room.i);
    } else if (wide && !(to_type == TC_FLOAT32 && fb <= 2) && !(from_type == TC_FLOAT32 && (to_type == TC_FLOAT16 || to_type == TC_BFLOAT16))) {
      TC_KERNEL(load_f64)(m, room.d, f, from_type, fs);
      TC_KERNEL(store_f64)(m, t, to_type, ts, room.d);
    } else {
      TC_KERNEL(load_f32)(m, room.f, f, from_type, fs);
      TC_KERNEL(store_f32)(m, t, to_type, ts, room.f);
    }
  }
}

static void copy_row(int64_t n, char *to, int64_t ts, int to_type, const char *from, int64_t fs, int from_type) {
  if (to_type == from_type) move_row(n, to, ts, from, fs, tc_dtype_bytes(to_type));
  else if (is_complex(to_type) && is_complex(from_type)) complex_row(n, to, ts, to_type, from, fs);
  else convert_row(n, to, ts, to_type, from, fs, from_type);
}

/* ---- a matrix whose source runs down the columns: in tiles, so that both sides stay in cache ---- */
static void transpose_rows(const tc_loop *l, char *to, const char *from, int64_t lo, int64_t hi, int bytes) {
  enum { TILE = 32 };
  const int d = l->ndim - 2;
  const int64_t columns = l->size[d + 1], ts = l->stride[0][d], fs = l->stride[1][d], fc = l->stride[1][d + 1];
  TC_MOVES(bytes, {
    for (int64_t r = lo; r < hi; r += TILE)
      for (int64_t c = 0; c < columns; c += TILE) {
        int64_t rows = hi - r < TILE ? hi - r : TILE, width = columns - c < TILE ? columns - c : TILE;
        for (int64_t i = 0; i < rows; i++) {
          T *t = (T *)to + (r + i) * ts + c;
          const T *f = (const T *)from + (r + i) * fs + c * fc;
          for (int64_t k = 0; k < width; k++) t[k] = f[k * fc];
        }
      }
  });
}

static bool is_transpose(const tc_loop *l) {
  int d = l->ndim - 2;
  return l->ndim >= 2 && l->dtype[0] == l->dtype[1] && l->stride[0][d + 1] == 1 && l->stride[1][d] == 1 && l->size[d] >= 8 && l->size[d + 1] >= 8;
}

/* where operand k's row number `row` begins, over the dims before the last `inner` */
static int64_t row_offset(const tc_loop *l, int k, int64_t row, int inner) {
  int64_t at = 0;
  for (int d = l->ndim - 1 - inner; d >= 0; d--) {
    at += row % l->size[d] * l->stride[k][d];
    row /= l->size[d];
  }
  return at;
}

static void copy_flat(const tc_loop *l) { /* one run: shared out by elements */
  int tb = tc_dtype_bytes(l->dtype[0]), fb = tc_dtype_bytes(l->dtype[1]);
  int64_t n = l->numel, ts = l->ndim ? l->stride[0][0] : 1, fs = l->ndim ? l->stride[1][0] : 1;
  TC_PARALLEL(n, 64, (double)n * (tb + fb) / 16) {
    copy_row(hi - lo, l->data[0] + lo * ts * tb, ts, l->dtype[0], l->data[1] + lo * fs * fb, fs, l->dtype[1]);
  } TC_PARALLEL_END
}

static void copy_transposed(const tc_loop *l) {
  int bytes = tc_dtype_bytes(l->dtype[0]), d = l->ndim - 2;
  int64_t rows = l->size[d], sheets = l->numel / (rows * l->size[d + 1]);
  TC_PARALLEL(sheets * rows, 32, (double)l->numel) {
    for (int64_t at = lo; at < hi;) {
      int64_t sheet = at / rows, r = at % rows, end = r + (hi - at) < rows ? r + (hi - at) : rows;
      transpose_rows(l, l->data[0] + row_offset(l, 0, sheet, 2) * bytes, l->data[1] + row_offset(l, 1, sheet, 2) * bytes, r, end, bytes);
      at += end - r;
    }
  } TC_PARALLEL_END
}

int TC_KERNEL(copy)(const tc_loop *l) {
  if (l->numel == 0) return TC_OK;
  if (l->ndim <= 1) copy_flat(l);
  else if (is_transpose(l)) copy_transposed(l);
  else {
    int tb = tc_dtype_bytes(l->dtype[0]), fb = tc_dtype_bytes(l->dtype[1]), d = l->ndim - 1;
    int64_t width = l->size[d], rows = l->numel / width;
    TC_PARALLEL(rows, 1, (double)l->numel) {
      for (int64_t r = lo; r < hi; r++)
        copy_row(width, l->data[0] + row_offset(l, 0, r, 1) * tb, l->stride[0][d], l->dtype[0], l->data[1] + row_offset(l, 1, r, 1) * fb,
                 l->stride[1][d], l->dtype[1]);
    } TC_PARALLEL_END
  }
  return TC_OK;
}

/* to += from, one element after another; half types and bool by way of double */
static void add_row(int64_t n, char *to, int64_t ts, const char *from, int64_t fs, int type) {
  if (type == TC_FLOAT16 || type == TC_BFLOAT16 || type == TC_BOOL) {
    const int bytes = tc_dtype_bytes(type);
    for (int64_t i = 0; i < n; i++) {
      double sum, term;
      TC_KERNEL(load_f64)(1, &sum, to + i * ts * bytes, type, 1);
      TC_KERNEL(load_f64)(1, &term, from + i * fs * bytes, type, 1);
      sum += term;
      TC_KERNEL(store_f64)(1, to + i * ts * bytes, type, 1, &sum);
    }
  } else
    TC_REALS(type, {
      T *sum = (T *)to;
      const T *term = (const T *)from;
      if (ts == 1 && fs == 1) for (int64_t i = 0; i < n; i++) sum[i] += term[i];
      else for (int64_t i = 0; i < n; i++) sum[i * ts] += term[i * fs];
    });
}

/* out += in where several elements may fall on one place of out: strictly one after another */
int TC_KERNEL(accumulate)(const tc_loop *l) {
  int d = l->ndim - 1, type = l->dtype[0], bytes = tc_dtype_bytes(type);
  int64_t width = l->ndim ? l->size[d] : 1, rows = l->numel ? l->numel / width : 0, ts = l->ndim ? l->stride[0][d] : 0, fs = l->ndim ? l->stride[1][d] : 0;
  for (int64_t r = 0; r < rows; r++) {
    char *to = l->data[0] + row_offset(l, 0, r, 1) * bytes;
    const char *from = l->data[1] + row_offset(l, 1, r, 1) * bytes;
    if (is_complex(type)) {
      const int part = type == TC_COMPLEX128 ? TC_FLOAT64 : TC_FLOAT32;
      add_row(width, to, 2 * ts, from, 2 * fs, part);
      add_row(width, to + bytes / 2, 2 * ts, from + bytes / 2, 2 * fs, part);
    } else add_row(width, to, ts, from, fs, type);
  }
  return TC_OK;
}
