/* view.h: what a kernel sees of a tensor: dtypes, pointers, sizes, strides. It knows nothing of graphs or memory. */
#ifndef TC_VIEW_H
#define TC_VIEW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TC_MAX_DIMS 64
#define TC_MAX_OPERANDS 4

/* Every dtype once: X(CODE, name, C type, bytes, class). The order is the order of promotion within a class. */
#define TC_DTYPES(X) \
  X(BOOL,       bool,       uint8_t,   1, KIND_BOOL)    \
  X(UINT8,      uint8,      uint8_t,   1, KIND_INT)     \
  X(INT8,       int8,       int8_t,    1, KIND_INT)     \
  X(INT16,      int16,      int16_t,   2, KIND_INT)     \
  X(INT32,      int32,      int32_t,   4, KIND_INT)     \
  X(INT64,      int64,      int64_t,   8, KIND_INT)     \
  X(FLOAT16,    float16,    uint16_t,  2, KIND_FLOAT)   \
  X(BFLOAT16,   bfloat16,   uint16_t,  2, KIND_FLOAT)   \
  X(FLOAT32,    float32,    float,     4, KIND_FLOAT)   \
  X(FLOAT64,    float64,    double,    8, KIND_FLOAT)   \
  X(COMPLEX64,  complex64,  tc_c64,    8, KIND_COMPLEX) \
  X(COMPLEX128, complex128, tc_c128,  16, KIND_COMPLEX)

typedef struct { float re, im; } tc_c64;
typedef struct { double re, im; } tc_c128;

enum { KIND_BOOL, KIND_INT, KIND_FLOAT, KIND_COMPLEX };
enum {
#define X(code, name, type, bytes, kind) TC_##code,
  TC_DTYPES(X)
#undef X
  TC_DTYPE_COUNT
};

/* One operand: `data` is its first element (the offset is applied), strides count elements and may be 0.
   size and stride point at ndim entries that the caller keeps alive. */
typedef struct tc_view {
  void *data;
  int dtype, ndim;
  int64_t numel;
  const int64_t *size, *stride;
} tc_view;

/* Operands of one common shape, merged into as few dims as their strides allow; the last dim runs fastest.
   Operand 0 is the output of pointwise kernels. No dims: one element. */
typedef struct tc_loop {
  int nop, ndim;
  int64_t numel;
  int dtype[TC_MAX_OPERANDS];
  char *data[TC_MAX_OPERANDS];
  int64_t size[TC_MAX_DIMS];
  int64_t stride[TC_MAX_OPERANDS][TC_MAX_DIMS]; /* in elements */
  unsigned host;               /* bit k: operand k is a single element in the host's memory, though the others are on a device (pointwise only) */
} tc_loop;

#endif
