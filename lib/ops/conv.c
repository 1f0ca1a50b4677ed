/* conv.c: convolutions over one to three dims, and transposed ones. Forward, gradient to the input and gradient to the weight are linear in
   each argument and are each other's derivatives, so three operators close the family for every order. */
#include "ops.h"

typedef struct conv { int nd; int64_t stride[3], pad[3], dilation[3], groups; } conv; /* the last nd places of each are used */

#define G (g[0])

/* the kernel's view of the sizes; x is (n, c, ...), w (o, c / groups, ...); missing dims count as 1 */
static tc_conv geometry(const conv *a, const int64_t *x, const int64_t *w) {
  tc_conv p = {.n = x[0], .c = x[1], .o = w[0], .groups = a->groups};
  for (int d = 0; d < 3; d++) {
    int at = d - (3 - a->nd) + 2;
    p.in[d] = at >= 2 ? x[at] : 1;
    p.k[d] = at >= 2 ? w[at] : 1;
    p.stride[d] = a->stride[d];
    p.pad[d] = a->pad[d];
    p.dilation[d] = a->dilation[d];
    p.out[d] = (p.in[d] + 2 * p.pad[d] - p.dilation[d] * (p.k[d] - 1) - 1) / p.stride[d] + 1;
  }
  return p;
}

/* GPUs take the 16-bit types as they are and add up in float32 */
static int compute_type(const tc_tensor *x) {
  if (tci_is_int(x->dtype)) return TC_FLOAT64; /* check_inputs has seen that it holds every sum */
  return x->dtype == TC_FLOAT64 || x->device > 0 ? x->dtype : TC_FLOAT32;
}
static tc_tensor *ready(tc_tensor *x, int dtype) { return tci_contig(tci_cast(x, dtype)); }
static tc_tensor *finished(tc_tensor *y, int dtype, int status) { return tci_status(status, NULL, NULL, 0) ? tci_cast(y, dtype) : NULL; }

static tc_tensor *forward(const conv *a, tc_tensor *x, tc_tensor *w, tc_tensor *bias);
static tc_tensor *to_input(const conv *a, tc_tensor *g, tc_tensor *w, const int64_t *x_size);
static tc_tensor *to_weight(const conv *a, tc_tensor *g, tc_tensor *x, const int64_t *w_size);

static tc_tensor *sum_of_channels(tc_tensor *g) { /* over all dims but the second */
  tc_dim dims[4] = {0, 2, 3, 4};
  return tc_sum(g, dims, g->ndim - 1, false, TC_NONE);
}

static void forward_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* inputs x, w, bias */
  const conv *a = n->attr;
  if (tci_needs(n, 0)) dx[0] = to_input(a, G, n->in[1], n->edge[0].size);
  if (tci_needs(n, 1)) dx[1] = to_weight(a, G, n->in[0], n->edge[1].size);
  if (tci_needs(n, 2)) dx[2] = sum_of_channels(G);
}
static const tc_rule forward_rule = {"convolution", forward_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1)};

static void to_input_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* inputs g, w; G has the shape of x */
  const conv *a = n->attr;
  if (tci_needs(n, 0)) dx[0] = forward(a, G, n->in[1], NULL);
  if (tci_needs(n, 1)) dx[1] = to_weight(a, n->in[0], G, n->edge[1].size);
}
static const tc_rule to_input_rule = {"convolution to input", to_input_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1)};

static void to_weight_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* inputs g, x; G has the shape of w */
  const conv *a = n->attr;
  if (tci_needs(n, 0)) dx[0] = forward(a, n->in[1], G, NULL);
  if (tci_needs(n, 1)) dx[1] = to_input(a, n->in[0], G, n->edge[1].size);
}
static const tc_rule to_weight_rule = {"convolution to weight", to_weight_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1)};

static tc_tensor *forward(const conv *a, tc_tensor *x, tc_tensor *w, tc_tensor *bias) {
  if (!x || !w) return NULL;
  tc_conv p = geometry(a, x->size, w->size);
  int64_t size[5] = {p.n, p.o};
  for (int d = 0; d < a->nd; d++) size[2 + d] = p.out[3 - a->nd + d];
  int dtype = compute_type(x);
  tc_tensor *y = tci_new(dtype, 2 + a->nd, size, x->device), *xs = ready(x, dtype), *ws = ready(w, dtype), *bs = bias ? ready(bias, dtype) : NULL;
  if (!y || !xs || !ws || (bias && !bs)) return NULL;
  int status = tci_kernels(x->device)->conv_forward(&p, dtype, tci_data(y), tci_data(xs), tci_data(ws), bs ? tci_data(bs) : NULL);
  return tci_record(&forward_rule, finished(y, x->dtype, status), 3, (tc_tensor *[]){x, w, bias}, a, sizeof *a);
}

static tc_tensor *to_input(const conv *a, tc_tensor *g, tc_tensor *w, const int64_t *x_size) {
  if (!g || !w) return NULL;
  tc_conv p = geometry(a, x_size, w->size);
  int dtype = compute_type(g);
  tc_tensor *y = tci_new(dtype, 2 + a->nd, x_size, g->device), *gs = ready(g, dtype), *ws = ready(w, dtype);
  if (!y || !gs || !ws) return NULL;
  int status = tci_kernels(g->device)->conv_input(&p, dtype, tci_data(y), tci_data(gs), tci_data(ws));
  return tci_record(&to_input_rule, finished(y, g->dtype, status), 2, (tc_tensor *[]){g, w}, a, sizeof *a);
}

static tc_tensor *to_weight(const conv *a, tc_tensor *g, tc_tensor *x, const int64_t *w_size) {
  if (!g || !x) return NULL;
  tc_conv p = geometry(a, x->size, w_size);
  int dtype = compute_type(g);
  tc_tensor *y = tci_new(dtype, 2 + a->nd, w_size, g->device), *gs = ready(g, dtype), *xs = ready(x, dtype);
  if (!y || !gs || !xs) return NULL;
  int status = tci_kernels(g->device)->conv_weight(&p, dtype, tci_data(y), tci_data(gs), tci_data(xs));
  return tci_record(&to_weight_rule, finished(y, g->dtype, status), 2, (tc_tensor *[]){g, x}, a, sizeof *a);
}

/* ---- reading arguments ---- */
static bool check_inputs(int nd, tc_tensor *x, tc_tensor *w, tc_tensor *bias) {
  if (!x || !w) return false;
  if (w->ndim != nd + 2) return tci_fail("weight: got %s, takes %d dims", tci_shape(w), nd + 2) != NULL;
  if (x->ndim != nd + 2 && x->ndim != nd + 1) return tci_fail("input: got %s, takes %d dims, or %d without a batch", tci_shape(x), nd + 2, nd + 1) != NULL;
  if (x->dtype == TC_BOOL || tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes numbers, of the same kind as the weight", tci_dtype_name(x->dtype)) != NULL;
  if (x->dtype != w->dtype || (bias && bias->dtype != x->dtype))
    return tci_fail("dtypes differ: input %s, weight %s%s%s", tci_dtype_name(x->dtype), tci_dtype_name(w->dtype), bias ? ", bias " : "",
                    bias ? tci_dtype_name(bias->dtype) : "") != NULL;
  if (!tci_is_int(x->dtype) || !x->numel || !w->numel) return true;
  const double terms = (double)w->numel / (double)(w->size[0] < w->size[1] ? w->size[0] : w->size[1]);
  if (tci_largest(x) * tci_largest(w) * terms + (bias && bias->numel ? tci_largest(bias) : 0) <= TCI_EXACT) return true;
  return tci_fail("input and weight: takes integers whose sums of products stay below 2^53, which float64 holds exactly") != NULL;
}

static bool check_bias(tc_tensor *bias, int64_t outputs) {
  if (!bias || (bias->ndim == 1 && bias->size[0] == outputs)) return true;
  return tci_fail("bias: got %s, takes [%lld], one for each output channel", tci_shape(bias), (long long)outputs) != NULL;
}

static tc_tensor *convolution(int nd, tc_tensor *x, tc_tensor *w, tc_tensor *bias, const conv *a) {
  if (x->ndim == nd + 1) return tc_squeeze(convolution(nd, tc_unsqueeze(x, 0), w, bias, a), (tc_dim[]){0}, 1);
  if (x->size[1] != w->size[1] * a->groups)
    return tci_fail("input %s has %lld channels, weight %s with %lld groups takes %lld", tci_shape(x), (long long)x->size[1], tci_shape(w),
                    (long long)a->groups, (long long)(w->size[1] * a->groups));
  if (w->size[0] % a->groups) return tci_fail("%lld output channels do not divide into %lld groups", (long long)w->size[0], (long long)a->groups);
  tc_conv p = geometry(a, x->size, w->size);
  for (int d = 3 - nd; d < 3; d++)
    if (p.out[d] < 1 || p.in[d] + 2 * p.pad[d] < p.dilation[d] * (p.k[d] - 1) + 1)
      return tci_fail("the kernel %s is larger than the padded input %s", tci_shape(w), tci_shape(x));
  return forward(a, x, w, bias);
}

/* 'same': as many outputs as inputs; an odd border goes to the end */
static tc_tensor *pad_same(int nd, tc_tensor *x, tc_tensor *w, conv *a) {
  int64_t borders[6] = {0};
  bool odd = false;
  for (int d = 0; d < nd; d++) {
    if (a->stride[3 - nd + d] != 1) return tci_fail("padding 'same' takes stride 1");
    int64_t total = a->dilation[3 - nd + d] * (w->size[2 + d] - 1);
    a->pad[3 - nd + d] = total / 2;
    borders[2 * (nd - 1 - d) + 1] = total % 2;
    odd |= total % 2;
  }
  return odd ? tc_pad(x, borders, 2 * nd, "constant", NULL) : x;
}

/* (a + bi)(c + di) by the convolutions of parts, which part(x, w, bias) makes; both operands are complex */
#define COMPLEX_CONV(x, w, bias, part) \
  tc_complex(tc_sub(part(tc_real(x), tc_real(w), bias ? tc_real(bias) : NULL), part(tc_imag(x), tc_imag(w), NULL), 1), \
             tc_add(part(tc_real(x), tc_imag(w), bias ? tc_imag(bias) : NULL), part(tc_imag(x), tc_real(w), NULL), 1))
static bool all_complex(tc_tensor *x, tc_tensor *w, tc_tensor *bias) {
  return x && w && tci_is_complex(x->dtype) && x->dtype == w->dtype && (!bias || bias->dtype == x->dtype);
}

static tc_tensor *conv_nd(int nd, tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding,
                          int n_padding, const int64_t *dilation, int n_dilation, int64_t groups) {
  conv a = {.nd = nd, .groups = groups};
#define PART(x, w, bias) conv_nd(nd, x, w, bias, stride, n_stride, padding, n_padding, dilation, n_dilation, groups)
  if (all_complex(x, w, bias)) return COMPLEX_CONV(x, w, bias, PART);
#undef PART
  if (!check_inputs(nd, x, w, bias) || !check_bias(bias, w->size[0])) return NULL;
  if (groups < 1) return tci_fail("groups: got %lld, takes 1 or more", (long long)groups);
  if (!tci_spread("stride", stride, n_stride, nd, 1, 1, a.stride) || !tci_spread("dilation", dilation, n_dilation, nd, 1, 1, a.dilation)) return NULL;
  if (padding && n_padding && padding[0] == TC_NONE) x = pad_same(nd, x, w, &a);
  else if (!tci_spread("padding", padding, n_padding, nd, 0, 0, a.pad)) return NULL;
  return x ? convolution(nd, x, w, bias, &a) : NULL;
}

tc_tensor *tc_conv1d(tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding,
                     const int64_t *dilation, int n_dilation, int64_t groups) {
  return conv_nd(1, x, w, bias, stride, n_stride, padding, n_padding, dilation, n_dilation, groups);
}
tc_tensor *tc_conv2d(tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding,
                     const int64_t *dilation, int n_dilation, int64_t groups) {
  return conv_nd(2, x, w, bias, stride, n_stride, padding, n_padding, dilation, n_dilation, groups);
}
tc_tensor *tc_conv3d(tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding,
                     const int64_t *dilation, int n_dilation, int64_t groups) {
  return conv_nd(3, x, w, bias, stride, n_stride, padding, n_padding, dilation, n_dilation, groups);
}

/* ---- transposed: the gradient of a convolution to its input; the weight is (in, out / groups, ...) ---- */
/* An output so large that the convolution back would have more places than x: all that x gives without padding, of which `size` is cut out. */
static tc_tensor *cut_from_whole(int nd, tc_tensor *x, tc_tensor *w, const conv *a, const int64_t *size) {
  conv open = *a;
  int64_t whole[5] = {size[0], size[1]}, borders[6];
  for (int d = 0; d < nd; d++) {
    int at = 3 - nd + d;
    open.pad[at] = 0;
    whole[2 + d] = (x->size[2 + d] - 1) * a->stride[at] + a->dilation[at] * (w->size[2 + d] - 1) + 1;
    borders[2 * (nd - 1 - d)] = -a->pad[at];
    borders[2 * (nd - 1 - d) + 1] = size[2 + d] + a->pad[at] - whole[2 + d];
  }
  tc_tensor *y = to_input(&open, x, w, whole);
  return y ? tc_pad(y, borders, 2 * nd, "constant", NULL) : NULL;
}

static tc_tensor *transposed(int nd, tc_tensor *x, tc_tensor *w, tc_tensor *bias, const conv *a, const int64_t *extra) {
  if (x->ndim == nd + 1) return tc_squeeze(transposed(nd, tc_unsqueeze(x, 0), w, bias, a, extra), (tc_dim[]){0}, 1);
  if (x->size[1] != w->size[0] || x->size[1] % a->groups)
    return tci_fail("input %s has %lld channels, weight %s takes %lld in %lld groups", tci_shape(x), (long long)x->size[1], tci_shape(w),
                    (long long)w->size[0], (long long)a->groups);
  int64_t size[5] = {x->size[0], w->size[1] * a->groups};
  bool beyond = false;
  for (int d = 0; d < nd; d++) {
    int at = 3 - nd + d;
    beyond |= extra[at] >= a->stride[at];
    if (extra[at] >= a->stride[at] && extra[at] >= a->dilation[at])
      return tci_fail("output_padding %lld must be below stride or dilation", (long long)extra[at]);
    size[2 + d] = (x->size[2 + d] - 1) * a->stride[at] - 2 * a->pad[at] + a->dilation[at] * (w->size[2 + d] - 1) + extra[at] + 1;
    if (size[2 + d] < 1) return tci_fail("the output would have size %lld in dim %d", (long long)size[2 + d], 3 + d);
  }
  tc_tensor *y = beyond ? cut_from_whole(nd, x, w, a, size) : to_input(a, x, w, size);
  if (!bias) return y;
  int64_t channels[5] = {1, size[1], 1, 1, 1};
  return tc_add(y, tc_reshape(bias, channels, 2 + nd), 1);
}

static tc_tensor *conv_transpose_nd(int nd, tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding,
                                    int n_padding, const int64_t *output_padding, int n_output_padding, int64_t groups, const int64_t *dilation,
                                    int n_dilation) {
  conv a = {.nd = nd, .groups = groups};
  int64_t extra[3];
#define PART(x, w, bias) conv_transpose_nd(nd, x, w, bias, stride, n_stride, padding, n_padding, output_padding, n_output_padding, groups, dilation, n_dilation)
  if (all_complex(x, w, bias)) return COMPLEX_CONV(x, w, bias, PART);
#undef PART
  if (!check_inputs(nd, x, w, bias)) return NULL;
  if (groups < 1) return tci_fail("groups: got %lld, takes 1 or more", (long long)groups);
  if (!check_bias(bias, w->size[1] * groups)) return NULL;
  if (!tci_spread("stride", stride, n_stride, nd, 1, 1, a.stride) || !tci_spread("padding", padding, n_padding, nd, 0, 0, a.pad) ||
      !tci_spread("dilation", dilation, n_dilation, nd, 1, 1, a.dilation) || !tci_spread("output_padding", output_padding, n_output_padding, nd, 0, 0, extra))
    return NULL;
  return transposed(nd, x, w, bias, &a, extra);
}

tc_tensor *tc_conv_transpose1d(tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding,
                               const int64_t *output_padding, int n_output_padding, int64_t groups, const int64_t *dilation, int n_dilation) {
  return conv_transpose_nd(1, x, w, bias, stride, n_stride, padding, n_padding, output_padding, n_output_padding, groups, dilation, n_dilation);
}
tc_tensor *tc_conv_transpose2d(tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding,
                               const int64_t *output_padding, int n_output_padding, int64_t groups, const int64_t *dilation, int n_dilation) {
  return conv_transpose_nd(2, x, w, bias, stride, n_stride, padding, n_padding, output_padding, n_output_padding, groups, dilation, n_dilation);
}
tc_tensor *tc_conv_transpose3d(tc_tensor *x, tc_tensor *w, tc_tensor *bias, const int64_t *stride, int n_stride, const int64_t *padding, int n_padding,
                               const int64_t *output_padding, int n_output_padding, int64_t groups, const int64_t *dilation, int n_dilation) {
  return conv_transpose_nd(3, x, w, bias, stride, n_stride, padding, n_padding, output_padding, n_output_padding, groups, dilation, n_dilation);
}
