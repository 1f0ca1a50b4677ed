/* pad.c: borders around a tensor: constant (or cut away), reflected, replicated, circular. */
#include "index.h"

/* ---- constant: pads are per dim here, first dim first; negative ones cut ---- */
typedef struct borders { int ndim; int64_t before[TC_MAX_DIMS], after[TC_MAX_DIMS]; } borders;

static tc_tensor *pad_constant(tc_tensor *x, const borders *b, tc_tensor *value);

/* values: the gradient cuts the borders away again; the value's gradient is what was in them */
static void pad_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const borders *b = n->attr;
  borders back = {.ndim = b->ndim};
  for (int d = 0; d < b->ndim; d++) back.before[d] = -b->before[d], back.after[d] = -b->after[d];
  if (g[0]) dx[0] = pad_constant(g[0], &back, tci_number(0));
}
static const tc_rule pad_rule = {"pad", pad_grad, TC_COMPLEX_RULE};

/* The part that both have, as views of equal shape. */
static bool copy_middle(tc_tensor *y, tc_tensor *x, const borders *b) {
  int64_t size[TC_MAX_DIMS], numel = 1;
  char *to = tci_data(y), *from = tci_data(x);
  int bytes = tci_elsize(x->dtype);
  for (int d = 0; d < x->ndim; d++) {
    int64_t head = b->before[d], tail = b->after[d];
    size[d] = x->size[d] + (head < 0 ? head : 0) + (tail < 0 ? tail : 0);
    if (size[d] <= 0) return true;
    numel *= size[d];
    if (head > 0) to += head * y->stride[d] * bytes;
    else from -= head * x->stride[d] * bytes;
  }
  tc_loop l;
  tci_loop_views(&l, 2, (tc_view[]){{to, y->dtype, y->ndim, numel, size, y->stride}, {from, x->dtype, x->ndim, numel, size, x->stride}});
  return numel == 0 || tci_status(tci_kernels(x->device)->copy(&l), NULL, NULL, 0);
}

static tc_tensor *pad_constant(tc_tensor *x, const borders *b, tc_tensor *value) {
  int64_t size[TC_MAX_DIMS] = {0};
  bool grows = false;
  if (!x || !value) return NULL;
  for (int d = 0; d < x->ndim; d++) {
    size[d] = x->size[d] + b->before[d] + b->after[d];
    grows = grows || b->before[d] > 0 || b->after[d] > 0;
    if (size[d] < 0)
      return tci_fail("pad: %lld and %lld leave nothing of dim %d of size %lld", (long long)b->before[d], (long long)b->after[d], d + 1, (long long)x->size[d]);
  }
  tc_tensor *y = tci_new(x->dtype, x->ndim, size, x->device);
  if (!y || (grows && !tci_copy_into(y, value)) || !copy_middle(y, x, b)) return NULL;
  return tci_record(&pad_rule, y, 1, &x, b, sizeof *b);
}

/* ---- borders made of x itself: an index for each place of the padded dim, in each padded dim ---- */
enum { CONSTANT, REFLECT, REPLICATE, CIRCULAR };

static int64_t cut_off(int64_t before, int64_t after) { return (before < 0 ? before : 0) + (after < 0 ? after : 0); } /* 0 or less */

static int64_t source_of(int64_t i, int64_t n, int mode) { /* place i of x continued on both sides */
  if (mode == REPLICATE) return i < 0 ? 0 : i >= n ? n - 1 : i;
  if (mode == CIRCULAR) return i < 0 ? i + n : i >= n ? i - n : i;
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

static tc_tensor *pad_dim(tc_tensor *x, int d, int64_t before, int64_t after, int mode) {
  static const tc_rule rule = TC_CHOOSE_RULE("pad");
  int64_t length = x->size[d] + before + after;
  tc_tensor *host = tci_new(TC_INT64, 1, &length, 0);
  if (!host) return NULL;
  /* what is cut off does not come back on the other side: circular borders repeat what is left */
  const int64_t cut = mode == CIRCULAR && before < 0 ? -before : 0, left = mode == CIRCULAR ? x->size[d] + cut_off(before, after) : x->size[d];
  for (int64_t i = 0; i < length; i++) ((int64_t *)tci_data(host))[i] = cut + source_of(i - before - cut, left, mode);
  return tci_choose(&rule, x, tc_to(host, TC_INT64, x->device, false), tci_of_dim(d));
}

static bool check_dim(const tc_tensor *x, int d, int64_t before, int64_t after, int mode) {
  static const char *const names[] = {"constant", "reflect", "replicate", "circular"};
  int64_t n = x->size[d], most = before > after ? before : after, limit = mode == REFLECT ? n - 1 : mode == CIRCULAR ? n + cut_off(before, after) : INT64_MAX;
  if (n == 0) return tci_fail("mode '%s': dim %d of %s is empty", names[mode], d + 1, tci_shape(x)) != NULL;
  if (most > limit)
    return tci_fail("mode '%s': pad %lld is too much for dim %d of size %lld, takes at most %lld", names[mode], (long long)most, d + 1, (long long)n,
                    (long long)limit) != NULL;
  if (n + before + after < 1) return tci_fail("pad: %lld and %lld leave nothing of dim %d of size %lld", (long long)before, (long long)after, d + 1, (long long)n) != NULL;
  return true;
}

static tc_tensor *pad_with_itself(tc_tensor *x, const borders *b, int pairs, int mode) {
  if (pairs > 3 || (x->ndim != pairs + 1 && x->ndim != pairs + 2))
    return tci_fail("mode pads the last 1 to 3 dims of a tensor with 1 or 2 more dims: got %d numbers for %s", 2 * pairs, tci_shape(x));
  for (int d = 0; d < x->ndim; d++)
    if ((b->before[d] || b->after[d]) && !check_dim(x, d, b->before[d], b->after[d], mode)) return NULL;
  tc_tensor *y = x;
  for (int d = 0; y && d < x->ndim; d++)
    if (b->before[d] || b->after[d]) y = pad_dim(y, d, b->before[d], b->after[d], mode);
  return y == x ? tc_clone(x) : y;
}

static int mode_of(const char *mode) {
  if (!mode || !strcmp(mode, "constant")) return CONSTANT;
  if (!strcmp(mode, "reflect")) return REFLECT;
  if (!strcmp(mode, "replicate")) return REPLICATE;
  if (!strcmp(mode, "circular")) return CIRCULAR;
  tci_fail("mode: got '%s', takes 'constant', 'reflect', 'replicate' or 'circular'", mode);
  return -1;
}

/* pads come in pairs from the last dim on, as in PyTorch */
tc_tensor *tc_pad(tc_tensor *x, const int64_t *pad, int n, const char *mode, tc_operand *value) {
  if (!x) return NULL;
  int how = mode_of(mode), pairs = n / 2;
  if (how < 0) return NULL;
  if (n % 2) return tci_fail("pad: got %d numbers, takes a pair for each dim", n);
  if (pairs > x->ndim) return tci_fail("pad: got %d numbers for a tensor of %d dims", n, x->ndim);
  borders b = {.ndim = x->ndim};
  for (int i = 0; i < pairs; i++) b.before[x->ndim - 1 - i] = pad[2 * i], b.after[x->ndim - 1 - i] = pad[2 * i + 1];
  if (how != CONSTANT) return pad_with_itself(x, &b, pairs, how);
  if (value && value->ndim != 0) return tci_fail("value: got shape %s, takes a number", tci_shape(value));
  return pad_constant(x, &b, value ? value : tci_number(0));
}
