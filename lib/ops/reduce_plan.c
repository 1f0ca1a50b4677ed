/* reduce_plan.c: the shapes of reductions, and their plans for the kernels: which axes are kept, which folded, merged and ordered. */
#include "reduce.h"

bool tci_one_dim(tc_dim dim, int ndim, uint64_t *mask) {
  if (dim == TC_NONE) return tci_dim_mask(NULL, 0, ndim, mask);
  return tci_dim_mask(&dim, 1, ndim, mask);
}

int tci_mask_dims(uint64_t mask, int ndim, tc_dim *dims) {
  int n = 0;
  for (int d = 0; d < ndim; d++)
    if (mask >> d & 1) dims[n++] = d;
  return n;
}

int64_t tci_fold_count(const tc_tensor *x, uint64_t mask) {
  int64_t n = 1;
  for (int d = 0; d < x->ndim; d++)
    if (mask >> d & 1) n *= x->size[d];
  return n;
}

tc_tensor *tci_fold_like(tc_tensor *x, uint64_t mask, bool keepdim, int dtype) {
  int64_t size[TC_MAX_DIMS];
  int n = 0;
  for (int d = 0; d < x->ndim; d++) {
    bool gone = mask >> d & 1;
    if (!gone || keepdim) size[n++] = gone ? 1 : x->size[d];
  }
  return tci_new(dtype, n, size, x->device);
}

static int64_t far(int64_t stride) { return stride == 0 ? INT64_MAX : stride < 0 ? -stride : stride; }

static void push_axis(int *n, tc_axis *axis, int64_t size, int64_t in, int64_t out) {
  if (size == 1) return;
  axis[(*n)++] = (tc_axis){size, in, out};
}

/* Insertion sort, the largest steps first, so that the innermost loop runs along memory. */
static void sort_axes(int n, tc_axis *axis) {
  for (int i = 1; i < n; i++)
    for (int k = i; k > 0 && far(axis[k].in) > far(axis[k - 1].in); k--) {
      tc_axis t = axis[k];
      axis[k] = axis[k - 1];
      axis[k - 1] = t;
    }
}

static int merge_axes(int n, tc_axis *axis) {
  int m = 0;
  for (int i = 0; i < n; i++) {
    tc_axis *last = &axis[m - 1], a = axis[i];
    if (m > 0 && last->in == a.in * a.size && last->out == a.out * a.size)
      *last = (tc_axis){last->size * a.size, a.in, a.out};
    else axis[m++] = a;
  }
  if (m == 0) axis[m++] = (tc_axis){1, 0, 0};
  return m;
}

static void plan_axes(tc_reduction *r, const tc_tensor *x, uint64_t mask, bool ordered, int parts) {
  int64_t out = parts;
  r->nkept = r->nreduced = 0;
  for (int d = x->ndim - 1; d >= 0; d--) {                    /* backwards: y's strides grow */
    bool gone = mask >> d & 1;
    if (gone) push_axis(&r->nreduced, r->fold, x->size[d], x->stride[d] * parts, 0);
    else push_axis(&r->nkept, r->keep, x->size[d], x->stride[d] * parts, out);
    if (!gone) out *= x->size[d];
  }
  for (int i = 0; i < r->nreduced / 2; i++) {                 /* into the tensor's order */
    tc_axis t = r->fold[i];
    r->fold[i] = r->fold[r->nreduced - 1 - i];
    r->fold[r->nreduced - 1 - i] = t;
  }
  if (parts == 2) push_axis(&r->nkept, r->keep, 2, 1, 1);
  sort_axes(r->nkept, r->keep);
  if (!ordered) sort_axes(r->nreduced, r->fold);
  r->nkept = merge_axes(r->nkept, r->keep);
  r->nreduced = merge_axes(r->nreduced, r->fold);
}

/* y may be NULL if the kernel writes elsewhere; its dtype then is x's. */
void tci_plan(tc_reduction *r, int op, tc_tensor *y, tc_tensor *x, uint64_t mask, bool ordered) {
  int parts = tci_is_complex(x->dtype) ? 2 : 1;
  r->op = op;
  r->in = tci_data(x);
  r->out = y ? tci_data(y) : NULL;
  r->in_dtype = tci_part_type(x->dtype);
  r->out_dtype = tci_part_type(y ? y->dtype : x->dtype);
  r->compute = r->out_dtype == TC_FLOAT64 || r->in_dtype == TC_FLOAT64 ? TC_FLOAT64
             : tci_is_int(r->in_dtype) && tci_is_int(r->out_dtype) ? TC_INT64 : TC_FLOAT32;
  r->reduced = tci_fold_count(x, mask);
  r->kept = parts;
  for (int d = 0; d < x->ndim; d++)
    if (!(mask >> d & 1)) r->kept *= x->size[d];
  r->divisor = 1;
  r->p = 2;
  plan_axes(r, x, mask, ordered, parts);
}

tc_tensor *tci_fold(int op, tc_tensor *x, uint64_t mask, bool keepdim, int dtype, double divisor, double p) {
  tc_tensor *y = tci_fold_like(x, mask, keepdim, dtype);
  if (!y) return NULL;
  tc_reduction r;
  tci_plan(&r, op, y, x, mask, false);
  if (op == TC_FOLD_POWER) r.compute = TC_FLOAT64;
  r.divisor = divisor;
  r.p = p;
  if (!tci_status(tci_kernels(x->device)->reduce(&r), NULL, NULL, 0)) return NULL;
  return y;
}

tc_tensor *tci_with_dims(tc_tensor *g, const tc_edge *in, uint64_t mask, bool keepdim) {
  int64_t size[TC_MAX_DIMS];
  if (keepdim || !g) return g;
  for (int d = 0; d < in->ndim; d++) size[d] = mask >> d & 1 ? 1 : in->size[d];
  return tc_reshape(g, size, in->ndim);
}

tc_tensor *tci_blow_up(tc_tensor *g, const tc_edge *in, uint64_t mask, bool keepdim) {
  return tc_expand(tci_with_dims(g, in, mask, keepdim), in->size, in->ndim);
}

bool tci_check_real(const tc_tensor *x) {
  return !tci_is_complex(x->dtype) || tci_fail("complex numbers have no order: got %s", tci_dtype_name(x->dtype)) != NULL;
}

bool tci_check_some(const tc_tensor *x, uint64_t mask) {
  if (tci_fold_count(x, mask) > 0) return true;
  for (int d = 0; d < x->ndim; d++)
    if ((mask >> d & 1) && x->size[d] == 0 && x->numel == 0) {
      tci_fail("nothing to choose from: dim %d of %s is empty", d + 1, tci_shape(x));
      return false;
    }
  return true;
}

void tci_known_as(const char *function, const char *name) {
  if (!strcmp(tci_who(), function)) tci_set_who(name);
}
