/* view_inplace.c: views that take the place of the tensor itself: its sizes and strides change, its elements stay where they are. */
#include "ops.h"

/* x takes over the geometry of y, a view of it, and y's place in the graph */
static tc_tensor *become(tc_tensor *x, tc_tensor *y) {
  if (!x || !y || y == x) return y ? x : NULL;
  if (tc_grad_enabled() && tci_requires_grad(x) && tci_is_leaf(x))
    return tci_fail("a leaf that requires grad cannot be changed in place: use tocha.no_grad(f) or detach()");
  if (!tc_set_data(x, y)) return NULL;
  tci_touch(x, tci_who());
  if (y->node && tci_requires_grad(y)) tci_make_history(x, y->node, y->index);
  return x;
}

tc_tensor *tc_transpose_(tc_tensor *x, tc_dim dim0, tc_dim dim1) { return become(x, tc_transpose(x, dim0, dim1)); }
tc_tensor *tc_t_(tc_tensor *x) { return become(x, tc_t(x)); }
tc_tensor *tc_squeeze_(tc_tensor *x, const tc_dim *dim, int n_dim) { return become(x, tc_squeeze(x, dim, n_dim)); }
tc_tensor *tc_unsqueeze_(tc_tensor *x, tc_dim dim) { return become(x, tc_unsqueeze(x, dim)); }
