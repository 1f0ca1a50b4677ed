/* convert.c: copies: between layouts, dtypes and devices. */
#include "ops.h"

/* values of `from` into `to` on the same device */
static bool copy_here(tc_tensor *to, tc_tensor *from) {
  tc_loop l;
  tc_tensor *ops[] = {to, from};
  if (!tci_loop(&l, 2, ops)) return false;
  return tci_status(tci_kernels(to->device)->copy(&l), NULL, NULL, 0);
}

/* set while Lua asks for a copy that need not be waited for */
static TC_THREAD_LOCAL bool non_blocking;
void tc_set_non_blocking(bool on) { non_blocking = on; }

/* Both are made row-major and of one dtype first, that of the two which has fewer bytes to move. */
static bool copy_across(tc_tensor *to, tc_tensor *from) {
  if (tci_elsize(from->dtype) < tci_elsize(to->dtype)) {
    tc_tensor *there = tci_new(from->dtype, from->ndim, from->size, to->device);
    return there && copy_across(there, from) && copy_here(to, there);
  }
  tc_tensor *source = tci_contig(tci_cast(from, to->dtype));
  if (!source) return false;
  if (!tci_same_shape(to, source)) {
    tc_tensor *wide = tci_like(to, to->dtype);
    wide = wide ? tci_new(to->dtype, to->ndim, to->size, from->device) : NULL;
    if (!wide || !copy_here(wide, source)) return false;
    source = wide;
  }
  tc_tensor *landing = tci_contiguous(to) ? to : tci_new(to->dtype, to->ndim, to->size, to->device);
  if (!landing) return false;
  int64_t bytes = to->numel * tci_elsize(to->dtype);
  if (!tci_device_copy(to->device, tci_data(landing), source->device, tci_data(source), bytes, !non_blocking)) return false;
  return landing == to || copy_here(to, landing);
}

bool tci_copy_into(tc_tensor *to, tc_tensor *from) {
  if (!to || !from) return false;
  if (to->numel == 0) return true;
  return to->device == from->device ? copy_here(to, from) : copy_across(to, from);
}

tc_tensor *tci_cast(tc_tensor *x, int dtype) {
  if (!x || x->dtype == dtype) return x;
  tc_tensor *y = tci_like(x, dtype);
  return y && tci_copy_into(y, x) ? y : NULL;
}

tc_tensor *tci_contig(tc_tensor *x) {
  if (!x || tci_contiguous(x)) return x;
  tc_tensor *y = tci_like(x, x->dtype);
  return y && tci_copy_into(y, x) ? y : NULL;
}

bool tci_check_float(tc_tensor *x, const char *argument) {
  if (!x) return false;
  if (tci_is_float(x->dtype) || tci_is_complex(x->dtype)) return true;
  return tci_fail("%s: got %s, takes a floating dtype (x:float() converts)", argument, tci_dtype_name(x->dtype)) != NULL;
}

bool tci_check_index(tc_tensor *index, const char *argument) {
  if (!index) return false;
  if (tci_is_int(index->dtype) && index->dtype != TC_BOOL) return true;
  return tci_fail("%s: got %s, takes an integer tensor (x:long() converts)", argument, tci_dtype_name(index->dtype)) != NULL;
}

/* ---- the operators ---- */
static void copy_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = g[0]; }
static const tc_rule clone_rule = {"clone", copy_grad, TC_COMPLEX_RULE};
static const tc_rule to_rule = {"to", copy_grad, TC_COMPLEX_RULE};
static const tc_rule contiguous_rule = {"contiguous", copy_grad, TC_COMPLEX_RULE};

tc_tensor *tc_clone(tc_tensor *x) {
  if (!x) return NULL;
  tc_tensor *y = tci_like(x, x->dtype);
  if (!y || !tci_copy_into(y, x)) return NULL;
  return tci_record(&clone_rule, y, 1, &x, NULL, 0);
}

tc_tensor *tc_contiguous(tc_tensor *x) {
  if (!x || tci_contiguous(x)) return x;
  tc_tensor *y = tci_contig(x);
  return y ? tci_record(&contiguous_rule, y, 1, &x, NULL, 0) : NULL;
}

/* ---- other orders in memory. perm holds x's dims in the order asked for; gives 0 for row-major, 1 for another, -1 after an error ---- */
static int memory_order(const tc_tensor *x, const char *format, tc_dim *perm) {
  const bool flat = !strcmp(format, "channels_last"), solid = !strcmp(format, "channels_last_3d");
  if (!strcmp(format, "contiguous_format") || !strcmp(format, "preserve_format")) return 0;
  if (!flat && !solid) {
    tci_fail("memory_format: got '%s', takes 'contiguous_format', 'preserve_format', 'channels_last' or 'channels_last_3d'", format);
    return -1;
  }
  if (x->ndim != (flat ? 4 : 5)) {
    tci_fail("memory_format: '%s' takes a tensor of %d dims, got %s", format, flat ? 4 : 5, tci_shape(x));
    return -1;
  }
  perm[0] = 0;
  for (int d = 2; d < x->ndim; d++) perm[d - 1] = d;
  perm[x->ndim - 1] = 1;
  return 1;
}

static tc_tensor *channels_back(tc_tensor *y) { /* (n, ..., c) as (n, c, ...) */
  if (!y) return NULL;
  tc_dim perm[5] = {0, y->ndim - 1};
  for (int d = 2; d < y->ndim; d++) perm[d] = d - 1;
  return tc_permute(y, perm, y->ndim);
}

tc_tensor *tc_contiguous_in(tc_tensor *x, const char *format) {
  tc_dim perm[5];
  int order = x ? memory_order(x, format, perm) : -1;
  if (order <= 0) return order < 0 ? NULL : tc_contiguous(x);
  return tc_is_contiguous_in(x, format) ? x : channels_back(tc_contiguous(tc_permute(x, perm, x->ndim)));
}

tc_tensor *tc_clone_in(tc_tensor *x, const char *format) {
  tc_dim perm[5];
  int order = x ? memory_order(x, format, perm) : -1;
  if (order <= 0) return order < 0 ? NULL : tc_clone(x);
  return channels_back(tc_clone(tc_permute(x, perm, x->ndim)));
}

bool tc_is_contiguous_in(tc_tensor *x, const char *format) {
  tc_dim perm[5];
  int order = x ? memory_order(x, format, perm) : -1;
  if (order <= 0) return order == 0 && tci_contiguous(x);
  int64_t step = 1;
  for (int d = x->ndim - 1; d >= 0; d--) {
    if (x->size[perm[d]] != 1 && x->stride[perm[d]] != step && x->numel > 0) return false;
    step *= x->size[perm[d]];
  }
  return true;
}

/* The gradient of a conversion converts back; the engine does so for the dtype, this for the device. */
static void to_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  dx[0] = tc_to(g[0], n->edge[0].dtype, n->edge[0].device, false);
}
static const tc_rule convert_rule = {"to", to_grad, TC_COMPLEX_RULE};

tc_tensor *tc_to(tc_tensor *x, tc_dtype dtype, tc_device device, bool copy) {
  if (!x) return NULL;
  if (dtype == TC_NONE) dtype = x->dtype;
  if (device == TC_NONE) device = x->device;
  if (dtype == x->dtype && device == x->device) return copy ? tc_clone(x) : x;
  tc_tensor *y = tci_new(dtype, x->ndim, x->size, device);
  if (!y || !tci_copy_into(y, x)) return NULL;
  if (!tci_is_float(dtype) && !tci_is_complex(dtype)) return y;
  return tci_record(device == x->device ? &to_rule : &convert_rule, y, 1, &x, NULL, 0);
}

/* x.copy_(source): source broadcasts to x */
static void copy_into_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  if (tci_needs(n, 0)) dx[0] = tc_zeros_like(g[0], TC_NONE, TC_NONE, false);
  dx[1] = g[0];
}
static const tc_rule copy_into_rule = {"copy_", copy_into_grad, TC_COMPLEX_RULE};

tc_tensor *tc_copy(tc_tensor *x, tc_tensor *source) {
  if (!x || !source) return NULL;
  int64_t size[TC_MAX_DIMS];
  int ndim;
  tc_tensor *both[] = {x, source};
  if (!tci_broadcast(2, both, &ndim, size)) return NULL;
  if (ndim != x->ndim || memcmp(size, x->size, (size_t)ndim * sizeof *size))
    return tci_fail("source %s does not fit into %s", tci_shape(source), tci_shape(x));
  tc_tensor *y = tci_like(x, x->dtype);
  if (!y || !tci_copy_into(y, source)) return NULL;
  return tci_record(&copy_into_rule, y, 2, both, NULL, 0);
}
