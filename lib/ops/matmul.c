/* matmul.c: products of matrices and vectors, on BLAS. Operands in any layout that BLAS can express are used as they lie. */
#include "ops.h"

#define G (g[0])

/* ---- one product: 2-D, or 3-D as a batch ---- */
static int product_type(int dtype, tc_device device) { /* what the kernel takes and gives; GPUs add 16-bit products up in float32 themselves */
  if (tci_is_complex(dtype) || (device > 0 && tci_is_float(dtype))) return dtype;
  return dtype == TC_FLOAT64 ? TC_FLOAT64 : tci_is_float(dtype) ? TC_FLOAT32 : TC_INT64;
}

static bool lies_well(const tc_tensor *x) { /* rows or columns are contiguous, and do not overlap */
  int r = x->ndim - 2, c = x->ndim - 1;
  int64_t rs = x->stride[r], cs = x->stride[c];
  if (x->size[r] == 0 || x->size[c] == 0) return true;
  bool row_major = (cs == 1 || x->size[c] == 1) && (rs >= x->size[c] || x->size[r] == 1);
  bool column_major = (rs == 1 || x->size[r] == 1) && (cs >= x->size[r] || x->size[c] == 1);
  return row_major || column_major;
}

static tc_tensor *prepared(tc_tensor *x, int dtype) {
  x = tci_cast(x, dtype);
  return x && !lies_well(x) ? tci_contig(x) : x;
}

/* c = alpha a b + beta c, with c of the product's computing type */
static bool run_product(tc_tensor *c, tc_tensor *a, tc_tensor *b, double alpha, double beta) {
  a = prepared(a, c->dtype);
  b = prepared(b, c->dtype);
  if (!a || !b) return false;
  tc_view cv = tci_view(c), av = tci_view(a), bv = tci_view(b);
  return tci_status(tci_kernels(c->device)->gemm(&cv, &av, &bv, alpha, beta), NULL, NULL, 0);
}

/* c = a b + bias in one kernel: true if the device has done it */
static bool run_biased(tc_tensor *c, tc_tensor *a, tc_tensor *b, tc_tensor *bias) {
  if (c->device == 0 || c->ndim != 2 || bias->ndim != 1 || bias->size[0] != c->size[1] || bias->dtype != c->dtype || bias->stride[0] != 1) return false;
  a = prepared(a, c->dtype);
  b = prepared(b, c->dtype);
  if (!a || !b) return false;
  tc_view cv = tci_view(c), av = tci_view(a), bv = tci_view(b), added = tci_view(bias);
  int status = tci_kernels(c->device)->gemm_bias(&cv, &av, &bv, &added, 0);
  return status == TC_OK || (status != TC_MISSING && tci_status(status, NULL, NULL, 0));
}

typedef struct scale { double alpha, beta; } scale;
static tc_tensor *times(tc_tensor *x, double number) { return number == 1 ? x : tc_mul(x, tci_number(number)); }
static tc_tensor *flipped(tc_tensor *x) { return tc_transpose(x, -2, -1); }
static tc_tensor *product_of(tc_tensor *a, tc_tensor *b) { return a && a->ndim == 3 ? tc_bmm(a, b) : tc_mm(a, b); }

/* sum += a b in one kernel, where there is a sum of the kernel's own type */
static bool added_product(tc_tensor *sum, tc_tensor *a, tc_tensor *b) {
  if (!sum || !a || !b || sum->dtype != a->dtype || product_type(sum->dtype, sum->device) != sum->dtype) return false;
  return run_product(sum, a, b, 1, 1);
}

static void product_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* inputs a, b and what they are added to */
  const scale *s = n->attr;
  tc_tensor *scaled = times(G, s->alpha);
  if (tci_needs(n, 0) && !added_product(tci_sum_for(n, 0), scaled, flipped(n->in[1]))) dx[0] = product_of(scaled, flipped(n->in[1]));
  if (tci_needs(n, 1) && !added_product(tci_sum_for(n, 1), flipped(n->in[0]), scaled)) dx[1] = product_of(flipped(n->in[0]), scaled);
  if (tci_needs(n, 2)) dx[2] = times(G, s->beta);
}
static const tc_rule product_rule = {"matmul", product_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1)};

/* alpha a b + beta added; added may be NULL, and broadcasts to the product */
static tc_tensor *product(tc_tensor *a, tc_tensor *b, tc_tensor *added, double alpha, double beta) {
  int r = a->ndim - 2;
  int64_t size[3] = {a->size[0], a->size[r], b->size[r + 1]};
  if (r == 0) size[1] = size[2];
  tc_tensor *all[] = {a, b, added};
  tc_device device;
  if (!tci_device_of(3, all, &device)) return NULL;
  int compute = product_type(a->dtype, device);
  tc_tensor *c = tci_new(compute, a->ndim, size, device);
  if (!c) return NULL;
  if (!added || alpha != 1 || beta != 1 || !run_biased(c, a, b, added)) {
    if (tci_failed() || (added && beta != 0 && !tci_copy_into(c, tci_cast(added, compute)))) return NULL;
    if (!run_product(c, a, b, alpha, added ? beta : 0)) return NULL;
  }
  c = tci_cast(c, a->dtype);
  return c ? tci_record(&product_rule, c, 3, all, &(scale){alpha, beta}, sizeof(scale)) : NULL;
}

static bool operands(tc_tensor *a, tc_tensor *b, int ndim) {
  if (!a || !b) return false;
  if (a->ndim != ndim || b->ndim != ndim)
    return tci_fail("takes two tensors of %d dims, got %s and %s", ndim, tci_shape(a), tci_shape(b)) != NULL;
  if (a->dtype != b->dtype) return tci_fail("dtypes differ: %s and %s", tci_dtype_name(a->dtype), tci_dtype_name(b->dtype)) != NULL;
  int64_t inner = a->size[ndim - 1], other = b->size[ndim - 2];
  if (inner != other || (ndim == 3 && a->size[0] != b->size[0]))
    return tci_fail("size mismatch: %s by %s (%lld ~= %lld)", tci_shape(a), tci_shape(b), (long long)(inner != other ? inner : a->size[0]),
                    (long long)(inner != other ? other : b->size[0])) != NULL;
  return true;
}

tc_tensor *tc_mm(tc_tensor *a, tc_tensor *b) { return operands(a, b, 2) ? product(a, b, NULL, 1, 0) : NULL; }
tc_tensor *tc_bmm(tc_tensor *a, tc_tensor *b) { return operands(a, b, 3) ? product(a, b, NULL, 1, 0) : NULL; }

static bool addable(tc_tensor *added, int64_t batch, tc_tensor *a, tc_tensor *b) { /* does it broadcast to the product? */
  int64_t size[3] = {batch, a->size[a->ndim - 2], b->size[b->ndim - 1]};
  int skip = batch < 0, ndim = 3 - skip, shift = ndim - added->ndim;
  bool good = shift >= 0;
  for (int d = 0; good && d < added->ndim; d++) good = added->size[d] == 1 || added->size[d] == size[skip + d + shift];
  return good || tci_fail("input of shape %s does not broadcast to the product of shape %s", tci_shape(added), tci_sizes(ndim, size + skip)) != NULL;
}

tc_tensor *tc_addmm(tc_tensor *input, tc_tensor *a, tc_tensor *b, double beta, double alpha) {
  return input && operands(a, b, 2) && addable(input, -1, a, b) ? product(a, b, input, alpha, beta) : NULL;
}
tc_tensor *tc_baddbmm(tc_tensor *input, tc_tensor *a, tc_tensor *b, double beta, double alpha) {
  return input && operands(a, b, 3) && addable(input, a->size[0], a, b) ? product(a, b, input, alpha, beta) : NULL;
}
/* the batch's products added up: one product of matrices laid side by side */
tc_tensor *tc_addbmm(tc_tensor *input, tc_tensor *a, tc_tensor *b, double beta, double alpha) {
  if (!input || !operands(a, b, 3)) return NULL;
  tc_tensor *wide = tc_reshape(tc_transpose(a, 0, 1), (int64_t[]){a->size[1], a->size[0] * a->size[2]}, 2);
  tc_tensor *tall = tc_reshape(b, (int64_t[]){b->size[0] * b->size[1], b->size[2]}, 2);
  return tc_addmm(input, wide, tall, beta, alpha);
}

/* ---- vectors ---- */
static tc_tensor *column(tc_tensor *v) { return tc_unsqueeze(v, -1); }
static tc_tensor *row(tc_tensor *v) { return tc_unsqueeze(v, 0); }
static tc_tensor *without(tc_tensor *x, int dim) { return tc_squeeze(x, (tc_dim[]){dim}, 1); }

static bool matrix_and_vector(tc_tensor *a, tc_tensor *v) {
  if (!a || !v) return false;
  if (a->ndim != 2 || v->ndim != 1) return tci_fail("takes a matrix and a vector, got %s and %s", tci_shape(a), tci_shape(v)) != NULL;
  if (a->size[1] == v->size[0]) return true;
  return tci_fail("size mismatch: %s by %s (%lld ~= %lld)", tci_shape(a), tci_shape(v), (long long)a->size[1], (long long)v->size[0]) != NULL;
}
tc_tensor *tc_mv(tc_tensor *a, tc_tensor *v) { return matrix_and_vector(a, v) ? without(tc_mm(a, column(v)), 1) : NULL; }
tc_tensor *tc_addmv(tc_tensor *input, tc_tensor *a, tc_tensor *v, double beta, double alpha) {
  if (!input || !matrix_and_vector(a, v)) return NULL;
  tc_tensor *added = input->ndim == 1 ? column(input) : input;
  return without(tc_addmm(added, a, column(v), beta, alpha), 1);
}

static bool two_vectors(tc_tensor *a, tc_tensor *b) {
  if (!a || !b) return false;
  if (a->ndim != 1 || b->ndim != 1) return tci_fail("takes two vectors, got %s and %s", tci_shape(a), tci_shape(b)) != NULL;
  return true;
}
tc_tensor *tc_dot(tc_tensor *a, tc_tensor *b) {
  if (!two_vectors(a, b)) return NULL;
  if (a->size[0] != b->size[0]) return tci_fail("size mismatch: %s by %s", tci_shape(a), tci_shape(b));
  return without(without(tc_mm(row(a), column(b)), 1), 0);
}
tc_tensor *tc_vdot(tc_tensor *a, tc_tensor *b) { return tc_dot(tc_conj(a), b); }
tc_tensor *tc_outer(tc_tensor *a, tc_tensor *b) { return two_vectors(a, b) ? tc_mul(column(a), row(b)) : NULL; }
tc_tensor *tc_addr(tc_tensor *input, tc_tensor *a, tc_tensor *b, double beta, double alpha) {
  if (!input || !a || !b) return NULL;
  int type = tci_promote(input->dtype, tci_promote(a->dtype, b->dtype)); /* also where alpha or beta is a fraction, or not 0 or 1 */
  tc_tensor *product = times(tc_outer(a, b), alpha);
  tc_tensor *sum = beta == 0 ? product : tc_add(product, times(input, beta), 1);
  return sum && sum->dtype != type ? tc_to(sum, type, sum->device, false) : sum;
}
/* sums over the last dims of both */
tc_tensor *tc_inner(tc_tensor *a, tc_tensor *b) {
  if (!a || !b) return NULL;
  if (a->ndim == 0 || b->ndim == 0) return tc_mul(a, b);
  if (a->size[a->ndim - 1] != b->size[b->ndim - 1]) return tci_fail("size mismatch: %s by %s in the last dim", tci_shape(a), tci_shape(b));
  int64_t k = a->size[a->ndim - 1], size[TC_MAX_DIMS];
  if (a->ndim + b->ndim - 2 > TC_MAX_DIMS) return tci_fail("a tensor has at most %d dims", TC_MAX_DIMS);
  memcpy(size, a->size, (size_t)(a->ndim - 1) * sizeof *size);
  memcpy(size + a->ndim - 1, b->size, (size_t)(b->ndim - 1) * sizeof *size);
  int64_t rows = tci_numel(a->ndim - 1, a->size), columns = tci_numel(b->ndim - 1, b->size);
  tc_tensor *left = tc_reshape(a, (int64_t[]){rows, k}, 2), *right = tc_reshape(b, (int64_t[]){columns, k}, 2);
  return tc_reshape(tc_mm(left, flipped(right)), size, a->ndim + b->ndim - 2);
}

/* ---- matmul: vectors, matrices, and batches that broadcast ---- */
static bool inner_sizes(tc_tensor *a, tc_tensor *b) {
  if (a->ndim == 0 || b->ndim == 0) return tci_fail("takes tensors of 1 or more dims, got %s and %s", tci_shape(a), tci_shape(b)) != NULL;
  int64_t k = a->size[a->ndim - 1], l = b->size[b->ndim == 1 ? 0 : b->ndim - 2];
  if (k == l) return true;
  return tci_fail("size mismatch: %s by %s (%lld ~= %lld)", tci_shape(a), tci_shape(b), (long long)k, (long long)l) != NULL;
}

/* many rows by one matrix */
static tc_tensor *folded(tc_tensor *a, tc_tensor *b) {
  int64_t size[TC_MAX_DIMS], k = a->size[a->ndim - 1];
  memcpy(size, a->size, a->ndim * sizeof *size);
  size[a->ndim - 1] = b->size[1];
  int64_t rows = tci_numel(a->ndim - 1, a->size);
  return tc_reshape(tc_mm(tc_reshape(a, (int64_t[]){rows, k}, 2), b), size, a->ndim);
}

static tc_tensor *as_batch(tc_tensor *x, int nbatch, const int64_t *batch) {
  int64_t size[TC_MAX_DIMS], rows = x->size[x->ndim - 2], columns = x->size[x->ndim - 1];
  memcpy(size, batch, (size_t)nbatch * sizeof *size);
  size[nbatch] = rows;
  size[nbatch + 1] = columns;
  return tc_reshape(tc_expand(x, size, nbatch + 2), (int64_t[]){tci_numel(nbatch, batch), rows, columns}, 3);
}

static tc_tensor *batched(tc_tensor *a, tc_tensor *b) {
  int64_t size[TC_MAX_DIMS];
  int n = (a->ndim > b->ndim ? a->ndim : b->ndim) - 2;
  for (int d = 0; d < n; d++) {
    int da = d - (n + 2 - a->ndim), db = d - (n + 2 - b->ndim);
    int64_t x = da < 0 ? 1 : a->size[da], y = db < 0 ? 1 : b->size[db];
    if (x != y && x != 1 && y != 1) return tci_fail("the batches of %s and %s do not broadcast", tci_shape(a), tci_shape(b));
    size[d] = x == 1 ? y : x;
  }
  tc_tensor *c = tc_bmm(as_batch(a, n, size), as_batch(b, n, size));
  size[n] = a->size[a->ndim - 2];
  size[n + 1] = b->size[b->ndim - 1];
  return tc_reshape(c, size, n + 2);
}

tc_tensor *tc_matmul(tc_tensor *a, tc_tensor *b) {
  if (!a || !b || !inner_sizes(a, b)) return NULL;
  if (a->ndim == 2 && b->ndim == 2) return tc_mm(a, b);
  if (a->ndim == 1 && b->ndim == 1) return tc_dot(a, b);
  if (b->ndim == 1) return without(tc_matmul(a, column(b)), a->ndim - 1);
  if (a->ndim == 1) return without(tc_matmul(row(a), b), b->ndim - 2);
  if (b->ndim == 2) return folded(a, b);
  if (a->ndim == 3 && b->ndim == 3 && a->size[0] == b->size[0]) return tc_bmm(a, b);
  return batched(a, b);
}

/* ---- linear: x W' + bias in one pass ---- */
static void linear_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *x = n->in[0], *weight = n->in[1];
  if (tci_needs(n, 0)) dx[0] = tc_mm(G, weight);
  if (tci_needs(n, 1) && !added_product(tci_sum_for(n, 1), flipped(G), x)) dx[1] = tc_mm(flipped(G), x);
  if (tci_needs(n, 2)) dx[2] = tc_sum(G, (tc_dim[]){0}, 1, false, TC_NONE);
}
static const tc_rule linear_rule = {"linear", linear_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1)};

static tc_tensor *linear_rows(tc_tensor *x, tc_tensor *weight, tc_tensor *bias) { /* x is (rows, in) */
  tc_tensor *all[] = {x, weight, bias};
  tc_device device;
  if (!tci_device_of(3, all, &device)) return NULL;
  tc_tensor *y = tci_new(product_type(x->dtype, device), 2, (int64_t[]){x->size[0], weight->size[0]}, device);
  if (!y) return NULL;
  int64_t size[2] = {weight->size[1], weight->size[0]}, stride[2] = {weight->stride[1], weight->stride[0]};
  tc_tensor turned = {.refs = 1, .dtype = weight->dtype, .ndim = 2, .device = weight->device, .numel = weight->numel, .offset = weight->offset,
                      .size = size, .stride = stride, .storage = weight->storage}; /* the transpose, without a node in the graph */
  tc_tensor *w = weight->dtype == y->dtype ? &turned : flipped(tci_cast(tc_detach(weight), y->dtype));
  if (!w) return NULL;
  if (!bias || !run_biased(y, x, w, bias)) {
    if (tci_failed() || (bias && !tci_copy_into(y, bias)) || !run_product(y, x, w, 1, bias ? 1 : 0)) return NULL;
  }
  y = tci_cast(y, x->dtype);
  return y ? tci_record(&linear_rule, y, 3, all, NULL, 0) : NULL;
}

tc_tensor *tc_linear(tc_tensor *x, tc_tensor *weight, tc_tensor *bias) {
  if (!x || !weight) return NULL;
  if (weight->ndim == 1) {
    tc_tensor *y = tc_matmul(x, weight);
    return bias ? tc_add(y, bias, 1) : y;
  }
  if (weight->ndim != 2 || x->ndim < 1) return tci_fail("takes input of 1 or more dims and a weight of 2, got %s and %s", tci_shape(x), tci_shape(weight));
  int64_t in = weight->size[1], out = weight->size[0], size[TC_MAX_DIMS];
  if (x->size[x->ndim - 1] != in)
    return tci_fail("size mismatch: input %s by weight %s (%lld ~= %lld)", tci_shape(x), tci_shape(weight), (long long)x->size[x->ndim - 1], (long long)in);
  if (x->dtype != weight->dtype || (bias && bias->dtype != x->dtype))
    return tci_fail("dtypes differ: input %s, weight %s%s%s", tci_dtype_name(x->dtype), tci_dtype_name(weight->dtype), bias ? ", bias " : "",
                    bias ? tci_dtype_name(bias->dtype) : "");
  if (bias && (bias->ndim > 1 || (bias->ndim == 1 && bias->size[0] != out && bias->size[0] != 1)))
    return tci_fail("bias of shape %s for %lld outputs", tci_shape(bias), (long long)out);
  if (x->ndim == 2) return linear_rows(x, weight, bias);
  memcpy(size, x->size, x->ndim * sizeof *size);
  size[x->ndim - 1] = out;
  return tc_reshape(linear_rows(tc_reshape(x, (int64_t[]){tci_numel(x->ndim - 1, x->size), in}, 2), weight, bias), size, x->ndim);
}
