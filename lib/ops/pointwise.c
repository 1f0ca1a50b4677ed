/* pointwise.c: what all elementwise operators share: promotion, broadcasting, the output, the call of the kernel. */
#include "ops.h"

enum { FLOAT = 1, INT, ANY, TESTS };

static const uint8_t classes[TC_POINTWISE_COUNT] = {
#define TC_UNARY(name, class, expr) [TC_UNARY_##name] = class,
#define TC_TEST(name, class, expr) [TC_UNARY_##name] = TESTS,
#define TC_BINARY(name, class, expr) [TC_BINARY_##name] = class,
#define TC_COMPARE(name, class, expr) [TC_BINARY_##name] = TESTS,
#define TC_TERNARY(name, class, expr) [TC_TERNARY_##name] = class,
#include "../../kernels/scalar.h"
};

enum { PAIR = 1, PART, TEST }; /* what comes of complex operands */
static const uint8_t complex_classes[TC_POINTWISE_COUNT] = {
#define TC_COMPLEX(kind, name, precision, expr) [TC_##kind##_##name] = PAIR,
#define TC_PART(kind, name, precision, expr) [TC_##kind##_##name] = PART,
#define TC_COMPLEX_TEST(kind, name, precision, expr) [TC_##kind##_##name] = TEST,
#include "../../kernels/scalar_complex.h"
};

/* the dtype the operands meet in, or -1 */
static int common_type(int op, int n, tc_tensor *const *xs) {
  int dtype = op == TC_TERNARY_where ? tci_result_type(2, xs + 1) : tci_result_type(n, xs);
  if (op == TC_TERNARY_where && xs[0]->ndim > 0 && xs[1]->ndim == 0 && xs[2]->ndim == 0 && xs[1]->flags & xs[2]->flags & TCF_WEAK &&
      tci_is_float(dtype)) dtype = tci_default_dtype;
  if (tci_is_complex(dtype)) return complex_classes[op] ? dtype : (tci_fail("got %s, takes real numbers", tci_dtype_name(dtype)), -1);
  if (classes[op] == FLOAT) return tci_float_type(dtype);
  if (classes[op] == INT && !tci_is_int(dtype)) return tci_fail("got %s, takes integers or bool", tci_dtype_name(dtype)), -1;
  return dtype;
}

static int compute_type(int dtype) {
  if (tci_is_complex(dtype)) return dtype;
  return dtype == TC_FLOAT64 ? TC_FLOAT64 : tci_is_float(dtype) ? TC_FLOAT32 : TC_INT64;
}

static int result_of(int op, int common) {
  if (classes[op] == TESTS) return TC_BOOL;
  return tci_is_complex(common) && complex_classes[op] == PART ? tci_part_type(common) : common;
}

static tc_tensor *output(int dtype, int n, tc_tensor *const *xs, tc_device device, bool alike) {
  int64_t size[TC_MAX_DIMS];
  int ndim;
  if (n == 1 || alike) {
    tc_tensor *y = tci_target(dtype, xs[0]->ndim, xs[0]->size, n, xs);
    return y ? y : tci_new(dtype, xs[0]->ndim, xs[0]->size, device);
  }
  if (!tci_broadcast(n, xs, &ndim, size)) return NULL;
  tc_tensor *y = tci_target(dtype, ndim, size, n, xs);
  return y ? y : tci_new(dtype, ndim, size, device);
}

/* 0-dim operands may live on the CPU while the others do not: their value travels with the launch */
static void mark_host(tc_loop *l, int n, tc_tensor *const *ops, tc_device device) {
  for (int i = 1; i <= n && device > 0; i++)
    if (ops[i]->device == 0) l->host |= 1u << i;
}

/* Most calls need no planning: operands of one shape, device and computing dtype, row by row. */
static bool are_alike(int op, int n, tc_tensor *const *xs) {
  const tc_tensor *x = xs[0];
  bool native = classes[op] == INT ? x->dtype == TC_INT64 : x->dtype == TC_FLOAT32 || x->dtype == TC_FLOAT64;
  if (!native || x->flags & TCF_WEAK || !tci_contiguous(x)) return false;
  for (int i = 1; i < n; i++)
    if (xs[i]->dtype != x->dtype || xs[i]->device != x->device || !tci_same_shape(x, xs[i]) || !tci_contiguous(xs[i])) return false;
  return true;
}

static void flat_loop(tc_loop *l, int nop, tc_tensor *const *ops) {
  l->nop = nop;
  l->host = 0;
  l->ndim = 1;
  l->numel = l->size[0] = ops[0]->numel;
  for (int k = 0; k < nop; k++) {
    l->dtype[k] = ops[k]->dtype;
    l->data[k] = tci_data(ops[k]);
    l->stride[k][0] = 1;
  }
}

static tc_tensor *pointwise(int op, const tc_rule *rule, int n, tc_tensor *const *xs, const double *p) {
  tc_device device;
  tc_loop l;
  for (int i = 0; i < n; i++)
    if (!xs[i]) return NULL;
  bool alike = are_alike(op, n, xs);
  if (alike) device = xs[0]->device;
  else if (!tci_device_of(n, xs, &device)) return NULL;
  int common = alike ? xs[0]->dtype : common_type(op, n, xs);
  if (common < 0) return NULL;
  tc_tensor *ops[TC_MAX_OPERANDS] = {output(result_of(op, common), n, xs, device, alike)};
  if (!ops[0]) return NULL;
  for (int i = 0; i < n; i++) ops[i + 1] = xs[i];
  if (alike && tci_contiguous(ops[0])) flat_loop(&l, n + 1, ops);
  else if (!tci_loop(&l, n + 1, ops)) return NULL;
  else mark_host(&l, n, ops, device);
  if (!tci_status(tci_kernels(device)->pointwise(op, compute_type(common), &l, p), NULL, NULL, 0)) return NULL;
  return rule ? tci_record(rule, ops[0], n, xs, p, p ? 4 * sizeof *p : 0) : ops[0];
}

tc_tensor *tci_unary(int op, const tc_rule *rule, tc_tensor *x, const double *p) { return pointwise(op, rule, 1, &x, p); }
tc_tensor *tci_binary(int op, const tc_rule *rule, tc_tensor *a, tc_tensor *b, const double *p) {
  return pointwise(op, rule, 2, (tc_tensor *[]){a, b}, p);
}
tc_tensor *tci_ternary(int op, const tc_rule *rule, tc_tensor *a, tc_tensor *b, tc_tensor *c, const double *p) {
  return pointwise(op, rule, 3, (tc_tensor *[]){a, b, c}, p);
}
