/* patches.c: all patches of an image as columns (unfold), and columns added up into an image (fold): windows of a padded tensor. */
#include "ops.h"

/* Geometry of the padded image and of its windows (n, c, kernel rows, kernel columns, rows, columns). */
typedef struct patches {
  int64_t n, c, image[2], k[2], dilation[2], pad[2], step[2], places[2];
  int64_t whole[4], size[6], stride[6];
} patches;

enum { MOST = 1 << 28 }; /* of any of the numbers, so that their products fit */

/* two numbers; an omitted list means the least value, which is the default of all of them */
static bool pair(const char *name, const int64_t *v, int n, int64_t least, int64_t *to) {
  if (n == 0) v = &least, n = 1;
  if (n != 1 && n != 2) return tci_fail("%s: got %d numbers, takes 1 or 2", name, n) != NULL;
  for (int d = 0; d < 2; d++) {
    to[d] = v[n == 1 ? 0 : d];
    if (to[d] < least || to[d] > MOST) return tci_fail("%s: got %lld, takes %lld to %d", name, (long long)to[d], (long long)least, MOST) != NULL;
  }
  return true;
}

static bool complete(patches *p) { /* needs n, c, image and the windows' numbers */
  int64_t row = p->image[1] + 2 * p->pad[1], plane = (p->image[0] + 2 * p->pad[0]) * row;
  int64_t whole[4] = {p->n, p->c, p->image[0] + 2 * p->pad[0], row}, unit[2] = {row, 1};
  for (int d = 0; d < 2; d++) {
    int64_t room = whole[2 + d] - p->dilation[d] * (p->k[d] - 1) - 1;
    if (room < 0)
      return tci_fail("a window of %lld places is larger than the padded image %s", (long long)(p->dilation[d] * (p->k[d] - 1) + 1), tci_sizes(2, whole + 2)) != NULL;
    p->places[d] = room / p->step[d] + 1;
  }
  int64_t size[6] = {p->n, p->c, p->k[0], p->k[1], p->places[0], p->places[1]};
  int64_t stride[6] = {p->c * plane, plane, unit[0] * p->dilation[0], unit[1] * p->dilation[1], unit[0] * p->step[0], unit[1] * p->step[1]};
  memcpy(p->whole, whole, sizeof whole);
  memcpy(p->size, size, sizeof size);
  memcpy(p->stride, stride, sizeof stride);
  return true;
}

static tc_tensor *first_of_batch(tc_tensor *y) { return tc_squeeze(y, (tc_dim[]){0}, 1); }

tc_tensor *tc_im2col(tc_tensor *x, const int64_t *k, int nk, const int64_t *dilation, int nd, const int64_t *pad, int np, const int64_t *step, int ns) {
  patches p;
  if (!x) return NULL;
  if (x->ndim == 3) return first_of_batch(tc_im2col(tc_unsqueeze(x, 0), k, nk, dilation, nd, pad, np, step, ns));
  if (x->ndim != 4) return tci_fail("input: got %s, takes 4 dims, or 3 without a batch", tci_shape(x));
  if (!pair("kernel_size", k, nk, 1, p.k) || !pair("dilation", dilation, nd, 1, p.dilation) || !pair("padding", pad, np, 0, p.pad) ||
      !pair("stride", step, ns, 1, p.step))
    return NULL;
  p.n = x->size[0], p.c = x->size[1], p.image[0] = x->size[2], p.image[1] = x->size[3];
  if (!complete(&p)) return NULL;
  tc_tensor *padded = p.pad[0] || p.pad[1] ? tc_pad(x, (int64_t[]){p.pad[1], p.pad[1], p.pad[0], p.pad[0]}, 4, "constant", NULL) : x;
  tc_tensor *windows = tc_window(padded, p.size, 6, p.stride, 6, 0);
  return tc_reshape(tc_clone(windows), (int64_t[]){p.n, p.c * p.k[0] * p.k[1], p.places[0] * p.places[1]}, 3);
}

tc_tensor *tc_col2im(tc_tensor *x, const int64_t *output, int no, const int64_t *k, int nk, const int64_t *dilation, int nd, const int64_t *pad, int np,
                     const int64_t *step, int ns) {
  patches p;
  if (!x) return NULL;
  if (x->ndim == 2) return first_of_batch(tc_col2im(tc_unsqueeze(x, 0), output, no, k, nk, dilation, nd, pad, np, step, ns));
  if (x->ndim != 3) return tci_fail("input: got %s, takes 3 dims, or 2 without a batch", tci_shape(x));
  if (!pair("output_size", output, no, 1, p.image) || !pair("kernel_size", k, nk, 1, p.k) || !pair("dilation", dilation, nd, 1, p.dilation) ||
      !pair("padding", pad, np, 0, p.pad) || !pair("stride", step, ns, 1, p.step))
    return NULL;
  int64_t taps = p.k[0] * p.k[1];
  if (x->size[1] % taps)
    return tci_fail("input: %s has %lld rows, not a multiple of the kernel's %lld places", tci_shape(x), (long long)x->size[1], (long long)taps);
  p.n = x->size[0], p.c = x->size[1] / taps;
  if (!complete(&p)) return NULL;
  if (x->size[2] != p.places[0] * p.places[1])
    return tci_fail("input: %s has %lld columns, output_size takes %lld x %lld", tci_shape(x), (long long)x->size[2], (long long)p.places[0], (long long)p.places[1]);
  tc_tensor *y = tc_window_add(tc_reshape(x, p.size, 6), p.whole, 4, p.size, 6, p.stride, 6, 0);
  for (int d = 0; d < 2; d++)
    if (p.pad[d]) y = tc_narrow(y, 2 + d, p.pad[d], p.image[d]);
  return tc_contiguous(y);
}
