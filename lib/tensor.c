/* tensor.c: the tensor itself: a header over storage, reference-counted, of rank 0 to 64. */
#include "ops/ops.h"
#include <stdlib.h>

static TC_THREAD_LOCAL uint64_t last_id;
static TC_THREAD_LOCAL int64_t live;
uint64_t tci_next_id(void) { return last_id + 1; }
int64_t tc_next_id(void) { return (int64_t)last_id + 1; }
int64_t tc_id(tc_tensor *x) { return (int64_t)x->id; }

int64_t tci_live_tensors(void) { return live; }
double tc_live_tensors(void) {
  tci_bury_all();
  return (double)live;
}

static size_t header_bytes(const tc_tensor *t) {
  return t->flags & TCF_FEW_DIMS ? offsetof(tc_tensor, dims) + 2 * TC_FEW_DIMS * sizeof *t->dims : sizeof *t;
}

/* room for ndim sizes and strides, in the header where they fit */
static bool give_dims(tc_tensor *t, int ndim) {
  const int room = t->flags & TCF_FEW_DIMS ? TC_FEW_DIMS : TC_INLINE_DIMS;
  if (ndim <= room) {
    t->size = t->dims;
    t->stride = t->dims + room;
    return true;
  }
  int64_t *dims = malloc(2 * (size_t)ndim * sizeof *dims);
  if (!dims) return tci_fail("out of memory for a tensor") != NULL;
  t->size = dims;
  t->stride = dims + ndim;
  t->flags |= TCF_MANY_DIMS;
  return true;
}

bool tci_change_dims(tc_tensor *t, int ndim) {
  int64_t *before = t->flags & TCF_MANY_DIMS ? t->size : NULL;
  t->flags &= (uint8_t)~TCF_MANY_DIMS;
  if (!give_dims(t, ndim)) {
    if (before) t->flags |= TCF_MANY_DIMS;
    return false;
  }
  free(before);
  t->ndim = (uint8_t)ndim;
  return true;
}

tc_tensor *tci_header(int dtype, int ndim, tc_device device) {
  if (ndim > TC_MAX_DIMS) return tci_fail("a tensor has at most %d dims, this one would have %d", TC_MAX_DIMS, ndim);
  const bool few = ndim <= TC_FEW_DIMS;
  tc_tensor *t = tci_small_alloc(few ? offsetof(tc_tensor, dims) + 2 * TC_FEW_DIMS * sizeof *t->dims : sizeof *t);
  if (!t) return tci_fail("out of memory for a tensor");
  memset(t, 0, offsetof(tc_tensor, dims));
  t->refs = 1;
  t->flags = few ? TCF_FEW_DIMS : 0;
  t->dtype = (uint8_t)dtype;
  t->ndim = (uint8_t)ndim;
  t->device = (int8_t)device;
  t->id = ++last_id;
  if (!give_dims(t, ndim)) {
    tci_small_free(t, header_bytes(t));
    return NULL;
  }
  live++;
  tci_scope_push(t);
  return t;
}

static bool row_major(tc_tensor *t, const int64_t *size) {
  int64_t step = 1, numel = 1;
  for (int d = t->ndim - 1; d >= 0; d--) {
    if (size[d] < 0) return tci_fail("negative size in %s", tci_sizes(t->ndim, size)) != NULL;
    t->size[d] = size[d];
    t->stride[d] = step;
    if (__builtin_mul_overflow(numel, size[d], &numel) || __builtin_mul_overflow(step, size[d] > 1 ? size[d] : 1, &step))
      return tci_fail("too many elements: %s", tci_sizes(t->ndim, size)) != NULL;
  }
  t->numel = numel;
  return true;
}

static TC_THREAD_LOCAL bool inference; /* within tocha.inference_mode: what is made now is marked, nothing else follows */
bool tc_inference_enabled(void) { return inference; }
bool tc_set_inference_enabled(bool on) {
  bool before = inference;
  inference = on;
  return before;
}
bool tc_is_inference(tc_tensor *x) { return x->flags & TCF_INFERENCE; }

tc_tensor *tci_new(int dtype, int ndim, const int64_t *size, tc_device device) {
  tc_tensor *t = tci_header(dtype, ndim, device);
  int64_t bytes;
  if (!t || !row_major(t, size)) return NULL;
  if (__builtin_mul_overflow(t->numel, (int64_t)tci_elsize(dtype), &bytes))
    return tci_fail("too many elements: %s", tci_sizes(ndim, size));
  t->storage = tci_storage_new(bytes, device);
  if (inference) t->flags |= TCF_INFERENCE;
  if (t->storage && __builtin_expect(t->storage->record, 0)) tci_note_shape(t);
  return t->storage ? t : NULL;
}

tc_tensor *tci_like(const tc_tensor *x, int dtype) { return x ? tci_new(dtype, x->ndim, x->size, x->device) : NULL; }

tc_tensor *tci_over(tc_storage *storage, int dtype, int ndim, const int64_t *size, tc_device device) {
  tc_tensor *t = tci_header(dtype, ndim, device);
  if (!t || !row_major(t, size)) return NULL;
  t->storage = storage;
  storage->refs++;
  return t;
}

tc_tensor *tci_alias(const tc_tensor *x) {
  tc_tensor *t = tci_header(x->dtype, x->ndim, x->device);
  if (!t) return NULL;
  memcpy(t->size, x->size, x->ndim * sizeof *t->size);
  memcpy(t->stride, x->stride, x->ndim * sizeof *t->stride);
  t->numel = x->numel;
  t->offset = x->offset;
  t->storage = x->storage;
  t->storage->refs++;
  return t;
}

tc_tensor *tci_number(double value) {
  bool whole = value == floor(value) && fabs(value) < 9.2e18;
  tc_tensor *t = tci_new(whole ? TC_INT64 : TC_FLOAT64, 0, NULL, 0);
  if (!t) return NULL;
  if (whole) *(int64_t *)t->storage->data = (int64_t)value;
  else *(double *)t->storage->data = value;
  if (whole && value == 0 && signbit(value)) { /* minus zero is a float's business */
    t->dtype = TC_FLOAT64;
    *(double *)t->storage->data = value;
  }
  t->flags |= TCF_WEAK;
  return t;
}

void tci_renew_id(tc_tensor *t) { t->id = ++last_id; }

tc_tensor *tci_retain(tc_tensor *t) {
  if (t) t->refs++;
  return t;
}

static void destroy(tc_tensor *t) {
  tci_storage_drop(t->storage);
  if (t->node) tci_leave_node(t);
  if (t->grad) tci_release(t->grad);
  if (t->base) tci_release(t->base);
  if (t->flags & TCF_MANY_DIMS) free(t->size);
  t->id = 0; /* a handle that outlives its tensor must not match the next one here */
  tci_small_free(t, header_bytes(t));
  live--;
}

void tci_release(tc_tensor *t) {
  if (t && --t->refs == 0) destroy(t);
}

void tci_touch(tc_tensor *t, const char *writer) {
  t->storage->version++;
  t->storage->writer = writer;
}

tc_view tci_view(const tc_tensor *t) {
  return (tc_view){tci_data(t), t->dtype, t->ndim, t->numel, t->size, t->stride};
}

bool tci_contiguous(const tc_tensor *t) {
  int64_t step = 1;
  if (t->numel == 0) return true;
  for (int d = t->ndim - 1; d >= 0; d--) {
    if (t->size[d] == 1) continue;
    if (t->stride[d] != step) return false;
    step *= t->size[d];
  }
  return true;
}

bool tci_same_shape(const tc_tensor *a, const tc_tensor *b) { /* of a few dims mostly: no call of memcmp */
  if (a->ndim != b->ndim) return false;
  for (int d = 0; d < a->ndim; d++)
    if (a->size[d] != b->size[d]) return false;
  return true;
}

/* ---- what the binding asks of a tensor ---- */
int64_t tc_ndim(tc_tensor *x) { return x->ndim; }
int64_t tc_numel(tc_tensor *x) { return x->numel; }
tc_dtype tc_dtype_of(tc_tensor *x) { return x->dtype; }
tc_device tc_device_of(tc_tensor *x) { return x->device; }
const int64_t *tc_sizes_of(tc_tensor *x) { return x->size; }
const int64_t *tc_strides_of(tc_tensor *x) { return x->stride; }
int64_t tc_storage_offset(tc_tensor *x) { return x->offset; }
void *tc_storage_data(tc_tensor *x) { return x->storage->data; }
void *tc_data_of(tc_tensor *x) {
  if (tci_captures()) {
    if (!tci_watch_read(x)) return NULL;
    tci_watch_host(x);
  }
  return tci_data(x);
}
bool tc_is_contiguous(tc_tensor *x) { return tci_contiguous(x); }
int64_t tc_element_size(tc_tensor *x) { return tci_elsize(x->dtype); }
int64_t tc_version(tc_tensor *x) { return x->storage->version; }
void tc_increment_version(tc_tensor *x) { tci_touch(x, "increment_version"); }
int64_t tc_storage_bytes(tc_tensor *x) { return x->storage->bytes; }
bool tc_shares_storage(tc_tensor *a, tc_tensor *b) { return a->storage == b->storage; }
bool tc_is_parameter(tc_tensor *x) { return x->flags & TCF_PARAMETER; }
void tc_set_parameter(tc_tensor *x, bool on) {
  if (on) x->flags |= TCF_PARAMETER;
  else x->flags &= (uint8_t)~TCF_PARAMETER;
}
