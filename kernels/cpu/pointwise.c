/* pointwise.c: elementwise operators. Each formula becomes one loop over contiguous numbers for each computing type; operands in other
   layouts or dtypes pass through buffers that stay in the first-level cache. */
#define TC_MATH_NAMES
#include "cpu.h"
#include "../complex.h"
#include "math.h"
#include "folding.h"
#include <stdlib.h>
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wabsolute-value"
#pragma GCC diagnostic ignored "-Wbool-compare"

typedef void loop_fn(int64_t n, void *out, const void *a, const void *b, const void *c, const double *p);

#define NUMBERS const T p0 = (T)p[0], p1 = (T)p[1], p2 = (T)p[2], p3 = (T)p[3];
#define LOOP(kind, name, suffix, type, result, loads, expr) \
  static void kind##_##name##_##suffix(int64_t n, void *o_, const void *a_, const void *b_, const void *c_, const double *p) { \
    typedef type T; NUMBERS result *o = o_; const T *a = a_, *b = b_, *c = c_; (void)b; (void)c; \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) { loads o[i] = (result)(expr); } }
#define ONE   const T x = a[i];
#define TWO   const T x = a[i]; const T y = b[i];
#define THREE const T x = a[i]; const T y = b[i]; const T z = c[i];

#define FLOAT_LOOPS(kind, name, loads, expr) LOOP(kind, name, f32, float, T, loads, expr) LOOP(kind, name, f64, double, T, loads, expr)
#define INT_LOOPS(kind, name, loads, expr) LOOP(kind, name, i64, int64_t, T, loads, expr)
#define ANY_LOOPS(kind, name, loads, expr) FLOAT_LOOPS(kind, name, loads, expr) INT_LOOPS(kind, name, loads, expr)
#define BOOL_LOOPS(kind, name, loads, expr) \
  LOOP(kind, name, f32, float, uint8_t, loads, expr) LOOP(kind, name, f64, double, uint8_t, loads, expr) LOOP(kind, name, i64, int64_t, uint8_t, loads, expr)

#define TC_UNARY(name, classes, expr) classes##_LOOPS(unary, name, ONE, expr)
#define TC_TEST(name, classes, expr) BOOL_LOOPS(unary, name, ONE, expr)
#define TC_BINARY(name, classes, expr) classes##_LOOPS(binary, name, TWO, expr)
#define TC_COMPARE(name, classes, expr) BOOL_LOOPS(binary, name, TWO, expr)
#define TC_TERNARY(name, classes, expr) classes##_LOOPS(ternary, name, THREE, expr)
#include "../scalar.h"

/* ---- binary formulas with one operand that stays, a column's element or a number: left the first, right the second ---- */
#define STILL_LOOP(kind, name, suffix, type, result, load, still, moving, expr) \
  static void kind##_##name##_##suffix(int64_t n, void *o_, const void *a_, const void *b_, const void *c_, const double *p) { \
    typedef type T; NUMBERS result *o = o_; const T *a = a_, *b = b_; const T still = *load; (void)c_; \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) { const T moving; o[i] = (result)(expr); } }
#define STILL_LOOPS(name, result32, result64, expr) \
  STILL_LOOP(left, name, f32, float, result32, a, x, y = b[i], expr) STILL_LOOP(left, name, f64, double, result64, a, x, y = b[i], expr) \
  STILL_LOOP(right, name, f32, float, result32, b, y, x = a[i], expr) STILL_LOOP(right, name, f64, double, result64, b, y, x = a[i], expr)
#define STILL_FLOAT(name, expr) STILL_LOOPS(name, float, double, expr)
#define STILL_ANY(name, expr) STILL_FLOAT(name, expr)
#define STILL_INT(name, expr)
#define TC_BINARY(name, classes, expr) STILL_##classes(name, expr)
#define TC_COMPARE(name, classes, expr) STILL_LOOPS(name, uint8_t, uint8_t, expr)
#include "../scalar.h"

/* ---- complex numbers: E is what an element is, W what the formula computes in ---- */
#define COMPLEX_LOOP(kind, name, suffix, E, W, P, O, put, expr) \
  static void COMPLEX_##kind##_##name##_##suffix(int64_t n, void *o_, const void *a_, const void *b_, const void *c_, const double *p) { \
    typedef P T; typedef W number; NUMBERS O *o = o_; const E *a = a_, *b = b_, *c = c_; (void)b; (void)c; \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) { LOAD_##kind put(O, expr) } }
#define LOAD_UNARY   const number x = {a[i].re, a[i].im};
#define LOAD_BINARY  LOAD_UNARY const number y = {b[i].re, b[i].im};
#define LOAD_TERNARY LOAD_BINARY const number z = {c[i].re, c[i].im};
#define PUT_PAIR(O, expr) const number v = expr; o[i] = (O){v.re, v.im};
#define PUT_ONE(O, expr) o[i] = (O)(expr);
#define SAME_LOOPS(kind, name, O32, O64, put, expr) \
  COMPLEX_LOOP(kind, name, c64, tc_c64, tc_c64, float, O32, put, expr) COMPLEX_LOOP(kind, name, c128, tc_c128, tc_c128, double, O64, put, expr)
#define WIDE_LOOPS(kind, name, O32, O64, put, expr) \
  COMPLEX_LOOP(kind, name, c64, tc_c64, tc_c128, double, O32, put, expr) COMPLEX_LOOP(kind, name, c128, tc_c128, tc_c128, double, O64, put, expr)
#define C(re, im) ((number){(T)(re), (T)(im)})
#define NUMBER_OF(x) ((x) != (x) ? p0 : (x) == (T)INFINITY ? p1 : (x) == -(T)INFINITY ? p2 : (x))
#define TC_COMPLEX(kind, name, precision, expr) precision##_LOOPS(kind, name, tc_c64, tc_c128, PUT_PAIR, expr)
#define TC_PART(kind, name, precision, expr) precision##_LOOPS(kind, name, float, double, PUT_ONE, expr)
#define TC_COMPLEX_TEST(kind, name, precision, expr) precision##_LOOPS(kind, name, uint8_t, uint8_t, PUT_ONE, expr)
#include "../scalar_complex.h"

/* ---- the tables of loops ---- */
typedef struct formula { loop_fn *f32, *f64, *i64; uint8_t inputs, tests; } formula;
enum { PAIR = 1, PART, TEST }; /* what a complex loop writes */
typedef struct complex_formula { loop_fn *c64, *c128; uint8_t gives; } complex_formula;
static const complex_formula complex_formulas[TC_POINTWISE_COUNT] = {
#define COMPLEX_ROW(kind, name, gives) [TC_##kind##_##name] = {COMPLEX_##kind##_##name##_c64, COMPLEX_##kind##_##name##_c128, gives},
#define TC_COMPLEX(kind, name, precision, expr) COMPLEX_ROW(kind, name, PAIR)
#define TC_PART(kind, name, precision, expr) COMPLEX_ROW(kind, name, PART)
#define TC_COMPLEX_TEST(kind, name, precision, expr) COMPLEX_ROW(kind, name, TEST)
#include "../scalar_complex.h"
};

typedef struct still_formula { loop_fn *left_f32, *left_f64, *right_f32, *right_f64; } still_formula;
static const still_formula still_formulas[TC_POINTWISE_COUNT] = {
#define STILL_ROW_FLOAT(name) [TC_BINARY_##name] = {left_##name##_f32, left_##name##_f64, right_##name##_f32, right_##name##_f64},
#define STILL_ROW_ANY(name) STILL_ROW_FLOAT(name)
#define STILL_ROW_INT(name)
#define TC_BINARY(name, classes, expr) STILL_ROW_##classes(name)
#define TC_COMPARE(name, classes, expr) STILL_ROW_FLOAT(name)
#include "../scalar.h"
};

#define FLOAT_ROW(kind, name) kind##_##name##_f32, kind##_##name##_f64, NULL
#define INT_ROW(kind, name) NULL, NULL, kind##_##name##_i64
#define ANY_ROW(kind, name) kind##_##name##_f32, kind##_##name##_f64, kind##_##name##_i64
static const formula formulas[TC_POINTWISE_COUNT] = {
#define TC_UNARY(name, classes, expr) [TC_UNARY_##name] = {classes##_ROW(unary, name), 1, 0},
#define TC_TEST(name, classes, expr) [TC_UNARY_##name] = {ANY_ROW(unary, name), 1, 1},
#define TC_BINARY(name, classes, expr) [TC_BINARY_##name] = {classes##_ROW(binary, name), 2, 0},
#define TC_COMPARE(name, classes, expr) [TC_BINARY_##name] = {ANY_ROW(binary, name), 2, 1},
#define TC_TERNARY(name, classes, expr) [TC_TERNARY_##name] = {classes##_ROW(ternary, name), 3, 0},
#include "../scalar.h"
};

/* ---- running a loop over operands of any layout ---- */
enum { BLOCK = 512, PAST_CACHE = 32 << 20 };
typedef union buffer { float f32[BLOCK]; double f64[BLOCK]; int64_t i64[BLOCK]; uint8_t u8[BLOCK]; tc_c64 c64[BLOCK]; tc_c128 c128[BLOCK]; } buffer;

typedef struct plan {
  const tc_loop *l;
  loop_fn *run, *still[2];      /* still: those for a first, a second operand that does not move; NULL where there is none */
  const double *p;
  int compute, result, inputs;  /* dtypes of the loop's operands and of what it writes */
  bool past_cache;              /* the result is larger than caches: it goes to memory without being fetched first */
  bool direct[TC_MAX_OPERANDS]; /* the loop can work on the operand's own memory */
  int bytes[TC_MAX_OPERANDS];
} plan;

static void load(const plan *q, void *to, int64_t n, const char *from, int dtype, int64_t stride) {
  if (q->compute == TC_FLOAT32) TC_KERNEL(load_f32)(n, to, from, dtype, stride);
  else if (q->compute == TC_FLOAT64) TC_KERNEL(load_f64)(n, to, from, dtype, stride);
  else if (q->compute == TC_COMPLEX64) TC_KERNEL(load_c64)(n, to, from, dtype, stride);
  else if (q->compute == TC_COMPLEX128) TC_KERNEL(load_c128)(n, to, from, dtype, stride);
  else TC_KERNEL(load_i64)(n, to, from, dtype, stride);
}

/* the one element of an operand of stride 0, n times */
static void load_same(const plan *q, buffer *to, int64_t n, const char *from, int dtype) {
  load(q, to, 1, from, dtype, 1);
  const float f = to->f32[0];
  const int64_t v = q->compute == TC_FLOAT32 ? 0 : to->i64[0];
  if (q->compute == TC_FLOAT32) for (int64_t i = 1; i < n; i++) to->f32[i] = f;
  else if (q->compute == TC_COMPLEX128) for (int64_t i = 1; i < n; i++) to->c128[i] = to->c128[0];
  else for (int64_t i = 1; i < n; i++) to->i64[i] = v; /* doubles and pairs of floats too: eight bytes each */
}

static void store(const plan *q, const void *from, int64_t n, char *to, int dtype, int64_t stride) {
  if (q->result == TC_BOOL) {
    int64_t wide[BLOCK];
    TC_KERNEL(load_i64)(n, wide, from, TC_BOOL, 1);
    TC_KERNEL(store_i64)(n, to, dtype, stride, wide);
  } else if (q->result == TC_FLOAT32) TC_KERNEL(store_f32)(n, to, dtype, stride, from);
  else if (q->result == TC_FLOAT64) TC_KERNEL(store_f64)(n, to, dtype, stride, from);
  else if (q->result == TC_COMPLEX64) TC_KERNEL(store_c64)(n, to, dtype, stride, from);
  else if (q->result == TC_COMPLEX128) TC_KERNEL(store_c128)(n, to, dtype, stride, from);
  else TC_KERNEL(store_i64)(n, to, dtype, stride, from);
}

/* the loop for a row in which one of two operands stays and all the rest lies as the loop wants it, or NULL */
static loop_fn *still_loop(const plan *q, const int64_t *stride) {
  if (q->inputs != 2 || !q->direct[0] || !q->direct[1] || !q->direct[2] || stride[0] != 1 || stride[1] + stride[2] != 1) return NULL;
  return stride[1] == 0 ? q->still[0] : stride[2] == 0 ? q->still[1] : NULL;
}

#ifdef __SSE2__
#include <emmintrin.h>
/* n bytes, both places at multiples of 16 */
static void stream_out(char *to, const char *from, int64_t n) {
  for (int64_t i = 0; i + 16 <= n; i += 16) _mm_stream_si128((__m128i *)(to + i), _mm_load_si128((const __m128i *)(from + i)));
  if (n % 16) memcpy(to + n / 16 * 16, from + n / 16 * 16, (size_t)(n % 16));
}
static bool may_stream(const plan *q, const char *to) { return q->past_cache && (uintptr_t)to % 64 == 0; }
static void end_stream(void) { _mm_sfence(); }
#else
static void stream_out(char *to, const char *from, int64_t n) { memcpy(to, from, (size_t)n); }
static bool may_stream(const plan *q, const char *to) { return false; }
static void end_stream(void) {}
#endif

/* a row all of whose operands lie as the loop wants them, by way of a buffer in the first-level cache */
static void run_past_cache(const plan *q, int64_t n, char *const *at) {
  buffer room __attribute__((aligned(64)));
  for (int64_t i = 0; i < n; i += BLOCK) {
    const int64_t m = n - i < BLOCK ? n - i : BLOCK;
    const void *in[3] = {NULL, NULL, NULL};
    for (int k = 1; k <= q->inputs; k++) in[k - 1] = at[k] + i * q->bytes[k];
    q->run(m, &room, in[0], in[1], in[2], q->p);
    stream_out(at[0] + i * q->bytes[0], (const char *)&room, m * q->bytes[0]);
  }
  end_stream();
}

/* n elements from the given places, `stride` apart in each operand. Operands of stride 0 are loaded once. */
static void run_row(const plan *q, int64_t n, char *const *at, const int64_t *stride) {
  buffer room[TC_MAX_OPERANDS];
  const void *in[3] = {NULL, NULL, NULL};
  bool all_direct = q->direct[0] && stride[0] == 1;
  for (int k = 1; k <= q->inputs; k++) all_direct &= q->direct[k] && stride[k] == 1;
  if (all_direct && may_stream(q, at[0])) {
    run_past_cache(q, n, at);
    return;
  }
  if (all_direct) {
    q->run(n, at[0], at[1], q->inputs > 1 ? at[2] : NULL, q->inputs > 2 ? at[3] : NULL, q->p);
    return;
  }
  loop_fn *const still = still_loop(q, stride);
  if (still) {
    still(n, at[0], at[1], at[2], NULL, q->p);
    return;
  }
  for (int k = 1; k <= q->inputs; k++)
    if (stride[k] == 0) load_same(q, &room[k], n < BLOCK ? n : BLOCK, at[k], q->l->dtype[k]);
  for (int64_t i = 0; i < n; i += BLOCK) {
    int64_t m = n - i < BLOCK ? n - i : BLOCK;
    for (int k = 1; k <= q->inputs; k++) {
      const char *from = at[k] + i * stride[k] * q->bytes[k];
      bool own = q->direct[k] && stride[k] == 1;
      if (!own && stride[k] != 0) load(q, &room[k], m, from, q->l->dtype[k], stride[k]);
      in[k - 1] = own ? (const void *)from : &room[k];
    }
    char *to = at[0] + i * stride[0] * q->bytes[0];
    bool own = q->direct[0] && stride[0] == 1;
    q->run(m, own ? (void *)to : &room[0], in[0], in[1], in[2], q->p);
    if (!own) store(q, &room[0], m, to, q->l->dtype[0], stride[0]);
  }
}

/* elements lo..hi of a loop of at most one dim */
static void run_line(const plan *q, int64_t lo, int64_t hi) {
  const tc_loop *l = q->l;
  char *at[TC_MAX_OPERANDS];
  int64_t stride[TC_MAX_OPERANDS];
  for (int k = 0; k < l->nop; k++) {
    stride[k] = l->ndim ? l->stride[k][0] : 1;
    at[k] = l->data[k] + lo * stride[k] * q->bytes[k];
  }
  run_row(q, hi - lo, at, stride);
}

/* ---- rows of two and more dims ---- */
typedef struct place { char *at[TC_MAX_OPERANDS]; int64_t index[TC_MAX_DIMS]; } place; /* where a row begins in each operand */

static void go_to_row(const plan *q, place *w, int64_t row) {
  const tc_loop *l = q->l;
  for (int k = 0; k < l->nop; k++) w->at[k] = l->data[k];
  for (int d = l->ndim - 2; d >= 0; d--) {
    w->index[d] = row % l->size[d];
    row /= l->size[d];
    for (int k = 0; k < l->nop; k++) w->at[k] += w->index[d] * l->stride[k][d] * q->bytes[k];
  }
}

/* goes on by rows that do not lead past the end of the last dim but one */
static void go_on(const plan *q, place *w, int64_t rows) {
  const tc_loop *l = q->l;
  for (int d = l->ndim - 2; d >= 0; d--, rows = 1) {
    for (int k = 0; k < l->nop; k++) w->at[k] += rows * l->stride[k][d] * q->bytes[k];
    if ((w->index[d] += rows) < l->size[d]) return;
    w->index[d] = 0;
    for (int k = 0; k < l->nop; k++) w->at[k] -= l->size[d] * l->stride[k][d] * q->bytes[k];
  }
}

#include "tile.h"

/* elements lo..hi of the loop in row-major order: whole rows, or in tiles of several where rows are short or lie across */
static void run_span(const plan *q, int64_t lo, int64_t hi) {
  const tc_loop *l = q->l;
  if (l->ndim <= 1 || lo >= hi) {
    if (lo < hi) run_line(q, lo, hi);
    return;
  }
  const int64_t width = l->size[l->ndim - 1], columns = tile_columns(l);
  int64_t stride[TC_MAX_OPERANDS];
  place w;
  for (int k = 0; k < l->nop; k++) stride[k] = l->stride[k][l->ndim - 1];
  for (go_to_row(q, &w, lo / width); lo < hi;) {
    const int64_t column = lo % width, n = width - column < hi - lo ? width - column : hi - lo;
    char *at[TC_MAX_OPERANDS];
    if (columns && column == 0 && hi - lo >= width) {
      const int64_t rows = run_tiles(q, &w, columns, (hi - lo) / width);
      go_on(q, &w, rows);
      lo += rows * width;
      continue;
    }
    for (int k = 0; k < l->nop; k++) at[k] = w.at[k] + column * stride[k] * q->bytes[k];
    run_row(q, n, at, stride);
    go_on(q, &w, 1);
    lo += n;
  }
}

/* the loop, and the dtype of what it writes */
static bool choose_loop(plan *q, int op, int compute) {
  const formula *f = &formulas[op];
  const complex_formula *c = &complex_formulas[op];
  q->inputs = f->inputs;
  q->result = f->tests ? TC_BOOL : compute;
  const still_formula *still = &still_formulas[op];
  if (compute == TC_FLOAT32) q->still[0] = still->left_f32, q->still[1] = still->right_f32;
  if (compute == TC_FLOAT64) q->still[0] = still->left_f64, q->still[1] = still->right_f64;
  if (compute < TC_COMPLEX64) q->run = compute == TC_FLOAT32 ? f->f32 : compute == TC_FLOAT64 ? f->f64 : f->i64;
  else {
    q->run = compute == TC_COMPLEX64 ? c->c64 : c->c128;
    if (c->gives == PART) q->result = compute == TC_COMPLEX64 ? TC_FLOAT32 : TC_FLOAT64;
  }
  return q->run != NULL;
}

static const double no_numbers[4];

/* false: there is no such loop */
static bool make_plan(plan *q, int op, int compute, const tc_loop *l, const double *p) {
  *q = (plan){.l = l, .p = p ? p : no_numbers, .compute = compute};
  if (!choose_loop(q, op, compute)) return false;
  for (int k = 0; k < l->nop; k++) {
    q->direct[k] = l->dtype[k] == (k ? compute : q->result);
    q->bytes[k] = tc_dtype_bytes(l->dtype[k]);
  }
  q->past_cache = l->numel * q->bytes[0] >= PAST_CACHE;
  return true;
}

enum { FEW = 4096 }; /* elements that are not worth a second thread */

/* One row as the loop wants it, and few elements: the loop alone, there is nothing to plan. */
static loop_fn *plain_loop(int op, int compute, const tc_loop *l) {
  const formula *f = &formulas[op];
  if (l->ndim != 1 || l->numel > FEW || compute >= TC_COMPLEX64) return NULL;
  if (l->dtype[0] != (f->tests ? TC_BOOL : compute) || l->stride[0][0] != 1) return NULL;
  for (int k = 1; k <= f->inputs; k++)
    if (l->dtype[k] != compute || l->stride[k][0] != 1) return NULL;
  return compute == TC_FLOAT32 ? f->f32 : compute == TC_FLOAT64 ? f->f64 : f->i64;
}

int TC_KERNEL(pointwise)(int op, int compute, const tc_loop *l, const double *p) {
  loop_fn *const plain = plain_loop(op, compute, l);
  if (plain) {
    plain(l->numel, l->data[0], l->data[1], l->nop > 2 ? l->data[2] : NULL, l->nop > 3 ? l->data[3] : NULL, p ? p : no_numbers);
    return TC_OK;
  }
  plan q;
  if (!make_plan(&q, op, compute, l, p)) return TC_MISSING;
  if (l->numel <= FEW) run_span(&q, 0, l->numel);
  else TC_PARALLEL(l->numel, 64, (double)l->numel) run_span(&q, lo, hi); TC_PARALLEL_END
  return TC_OK;
}

/* ---- chains: all members on one block, then on the next ---- */
typedef char slots[TC_CHAIN_SLOTS][TC_CHAIN_BLOCK * 8] __attribute__((aligned(64)));

/* elements lo..hi of one member, a row at a time; what has a slot begins there with element `first` */
static void run_member(const plan *q, const tc_member *m, slots room, int64_t first, int64_t lo, int64_t hi) {
  const tc_loop *l = q->l;
  const int inner = l->ndim - 1;
  const int64_t width = l->ndim > 1 ? l->size[inner] : hi;
  while (lo < hi) {
    char *at[TC_MAX_OPERANDS];
    int64_t stride[TC_MAX_OPERANDS], column = l->ndim > 1 ? lo % width : lo, n = width - column < hi - lo ? width - column : hi - lo;
    for (int k = 0; k < l->nop; k++) {
      stride[k] = l->ndim && m->slot[k] < 0 ? l->stride[k][inner] : 1;
      if (m->slot[k] >= 0) {
        at[k] = room[m->slot[k]] + (lo - first) * q->bytes[k];
        continue;
      }
      int64_t offset = column * stride[k], rest = l->ndim > 1 ? lo / width : 0;
      for (int d = inner - 1; d >= 0; d--) {
        offset += rest % l->size[d] * l->stride[k][d];
        rest /= l->size[d];
      }
      at[k] = l->data[k] + offset * q->bytes[k];
    }
    run_row(q, n, at, stride);
    lo += n;
  }
}

static void run_chain(const tc_chain *c, const plan *plans, int64_t lo, int64_t hi) {
  slots room;
  for (int64_t first = lo; first < hi; first += TC_CHAIN_BLOCK) {
    const int64_t last = first + TC_CHAIN_BLOCK < hi ? first + TC_CHAIN_BLOCK : hi;
    for (int i = 0; i < c->count; i++) run_member(&plans[i], &c->members[i], room, first, first, last);
  }
}

/* ---- chains that end in a fold: each block is folded while it is in the cache ---- */
static void run_block(const tc_chain *c, const plan *plans, slots room, int64_t lo, int64_t hi) {
  for (int i = 0; i < c->count; i++) run_member(&plans[i], &c->members[i], room, lo, lo, hi);
}

/* acc takes in n elements of the block that begins with element `first`, those from number `at` of the loop on */
static void fold_stretch(const tc_chain *c, const fold *f, slots room, int64_t first, int64_t at, int64_t n, void *acc) {
  const tc_reduction *r = c->fold;
  const int bytes = tc_dtype_bytes(r->in_dtype);
  const char *p = c->fold_slot >= 0 ? room[c->fold_slot] + (at - first) * bytes : r->in + at * bytes;
  double wide[TC_CHAIN_BLOCK];
  if (r->in_dtype != r->compute) {
    if (r->compute == TC_FLOAT32) TC_KERNEL(load_f32)(n, (float *)wide, p, r->in_dtype, 1);
    else if (r->compute == TC_FLOAT64) TC_KERNEL(load_f64)(n, wide, p, r->in_dtype, 1);
    else TC_KERNEL(load_i64)(n, (int64_t *)wide, p, r->in_dtype, 1);
    p = (const char *)wide;
  }
  f->row(n, acc, p);
}

static void store_folds(const tc_reduction *r, const fold *f, int64_t row, int64_t n, void *acc) {
  double *x = acc;
  char *out = r->out + row * tc_dtype_bytes(r->out_dtype);
  if (f->kind == TC_FLOAT32) TC_KERNEL(store_f32)(n, out, r->out_dtype, 1, acc);
  if (f->kind == TC_INT64) TC_KERNEL(store_i64)(n, out, r->out_dtype, 1, acc);
  if (f->kind != TC_FLOAT64) return;
  if (r->divisor != 1) for (int64_t i = 0; i < n; i++) x[i] /= r->divisor;
  if (r->op == TC_FOLD_EUCLID) for (int64_t i = 0; i < n; i++) x[i] = sqrt(x[i]);
  TC_KERNEL(store_f64)(n, out, r->out_dtype, 1, x);
}

/* short rows: several whole ones at a time */
static void fold_rows(const tc_chain *c, const plan *plans, const fold *f) {
  const tc_reduction *r = c->fold;
  const int64_t width = r->reduced, together = TC_CHAIN_BLOCK / width, blocks = (r->kept + together - 1) / together;
  TC_PARALLEL(blocks, 1, c->numel <= 4096 ? 0 : (double)c->numel * c->count) {
    slots room;
    double acc[TC_CHAIN_BLOCK];
    for (int64_t b = lo; b < hi; b++) {
      const int64_t row = b * together, rows = row + together < r->kept ? together : r->kept - row, first = row * width;
      run_block(c, plans, room, first, first + rows * width);
      f->init(rows, acc);
      for (int64_t i = 0; i < rows; i++) fold_stretch(c, f, room, first, first + i * width, width, (char *)acc + i * f->bytes);
      store_folds(r, f, row, rows, acc);
    }
  } TC_PARALLEL_END
}

/* long rows: parts of each, which are joined in order */
static int fold_pieces(const tc_chain *c, const plan *plans, const fold *f) {
  const tc_reduction *r = c->fold;
  const int64_t width = r->reduced, pieces = (width + TC_CHAIN_BLOCK - 1) / TC_CHAIN_BLOCK;
  char *parts = malloc((size_t)(r->kept * pieces * f->bytes));
  if (!parts) return TC_NO_MEMORY;
  f->init(r->kept * pieces, parts);
  TC_PARALLEL(r->kept * pieces, 1, (double)c->numel * c->count) {
    slots room;
    for (int64_t b = lo; b < hi; b++) {
      const int64_t at = b % pieces * TC_CHAIN_BLOCK, first = b / pieces * width + at, n = width - at < TC_CHAIN_BLOCK ? width - at : TC_CHAIN_BLOCK;
      run_block(c, plans, room, first, first + n);
      fold_stretch(c, f, room, first, first, n, parts + b * f->bytes);
    }
  } TC_PARALLEL_END
  for (int64_t row = 0; row < r->kept; row++) {
    char *part = parts + row * pieces * f->bytes;
    for (int64_t i = 1; i < pieces; i++) f->join(1, part, part + i * f->bytes);
    store_folds(r, f, row, 1, part);
  }
  free(parts);
  return TC_OK;
}

static int fold_chain(const tc_chain *c, const plan *plans) {
  const fold *f = TC_KERNEL(fold_for)(c->fold->op, c->fold->compute);
  if (c->fold->reduced > TC_CHAIN_BLOCK) return fold_pieces(c, plans, f);
  fold_rows(c, plans, f);
  return TC_OK;
}

int TC_KERNEL(chain)(const tc_chain *c) {
  plan plans[TC_CHAIN_MEMBERS];
  for (int i = 0; i < c->count; i++) {
    const tc_member *m = &c->members[i];
    if (!make_plan(&plans[i], m->op, m->compute, m->loop, m->p)) return TC_MISSING;
    plans[i].past_cache &= m->slot[0] < 0 && !c->fold;
  }
  if (c->fold) return fold_chain(c, plans);
  if (c->numel <= 4096) run_chain(c, plans, 0, c->numel);
  else TC_PARALLEL(c->numel, 64, (double)c->numel * c->count) run_chain(c, plans, lo, hi); TC_PARALLEL_END
  return TC_OK;
}
