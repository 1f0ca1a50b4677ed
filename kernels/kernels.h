/* kernels.h: the table of kernels that a device provides, each signature once. kernels/cpu and kernels/cuda fill it.
   A kernel gets views whose shapes and dtypes the operator has checked; it makes no tensors and raises no errors.
   It returns TC_OK, or TC_FAULT after describing the first bad value (an index out of range, say) in `fault`. */
#ifndef TC_KERNELS_H
#define TC_KERNELS_H
#include "view.h"
#include "chain.h"
#include "reduce.h"
#include "index.h"
#include "philox.h"
#include "reduce.h"
#include "neural.h"
#include "resample.h"
#include "fft.h"
#include "lapack.h"
#include "optim.h"
#include "attention.h"

enum { TC_OK = 0, TC_FAULT = 1, TC_NO_MEMORY = 2, TC_DEVICE_ERROR = 3, TC_MISSING = 4 };

/* What a kernel found wrong: the flat position in the index tensor, and the value there. */
typedef struct tc_fault { int64_t position, value; } tc_fault;

/* A convolution over three dims: sizes and steps of each; c and o are all channels, weights see c / groups of them. */
typedef struct tc_conv {
  int64_t n, c, o, groups, in[3], out[3], k[3], stride[3], pad[3], dilation[3];
} tc_conv;

/* Pooling over three dims of each plane. adaptive: the windows follow from in and out alone. divisor: 0 for the size of the window. */
typedef struct tc_pool {
  int64_t planes, in[3], out[3], k[3], stride[3], pad[3], dilation[3], divisor;
  bool adaptive, count_borders;
} tc_pool;

/* Pointwise operators, one code each, from the rows of scalar.h. */
enum {
#define TC_UNARY(name, classes, expr) TC_UNARY_##name,
#define TC_TEST(name, classes, expr) TC_UNARY_##name,
#define TC_BINARY(name, classes, expr) TC_BINARY_##name,
#define TC_COMPARE(name, classes, expr) TC_BINARY_##name,
#define TC_TERNARY(name, classes, expr) TC_TERNARY_##name,
#include "scalar.h"
  TC_POINTWISE_COUNT
};

/* X(name, parameters). Operands: outputs first. Sizes and strides count elements.
   pointwise: out[i] = f(a[i], b[i], c[i]; p), computed in `compute` (FLOAT32, FLOAT64, INT64 or complex; bool computes as INT64); operands of
              other dtypes are converted on the way, operand 0 of the loop is the output, p holds 4 numbers or is NULL.
   chain:     several of these on the same elements, block by block, see chain.h.
   copy:      out <- in, converting between any two dtypes.
   accumulate: out += in, where several elements of in may fall on one of out; one after another.
   max_pool:  the largest of each window and its place in the plane, from 1; avg_pool: the mean; avg_unpool: its gradient.
   plane_put: x is zero but for x[plane][index] = or += g; plane_take: y = x[plane][index]; places count from 1.
   conv_*:    convolutions of row-major float or double data (on GPUs of the 16-bit types too): y from x and w, the gradient x from g and w, w from g and x.
   fft:       Fourier transforms of row-major data along one dim, see fft.h.
   lapack:    factorisations and solutions over batches of column-major matrices, see lapack.h.
   gemm:      c = alpha a b + beta c, for matrices or a batch of them (3 dims); rows or columns of a and b lie without gaps.
   rnn:       a recurrent layer by the device's own library, see neural.h. TC_MISSING where there is none.
   attention: scaled-dot-product attention and its gradients, see attention.h. TC_MISSING where it is not faster than its parts.
   optim:     one update by the rule over all pieces. table: NULL; or, while a graph is recorded, memory of the device for the pieces: the kernel
              reads them there, where the caller puts them before each replay (none is empty).
   gemm_bias: c = act(a b + bias), bias along the columns, act: 0 none, 1 relu, 2 gelu (tanh). TC_MISSING where it is not faster than
              its parts. */
#define TC_KERNEL_SLOTS(X) \
  X(pointwise, (int op, int compute, const tc_loop *l, const double *p)) \
  X(chain, (const tc_chain *c)) \
  X(copy, (const tc_loop *l)) \
  X(accumulate, (const tc_loop *l)) \
  X(max_pool, (const tc_pool *p, int dtype, void *y, int64_t *index, const void *x)) \
  X(avg_pool, (const tc_pool *p, int dtype, void *y, const void *x)) \
  X(avg_unpool, (const tc_pool *p, int dtype, void *x, const void *g)) \
  X(plane_put, (int64_t planes, int64_t size, int64_t count, bool add, int dtype, void *x, const void *g, const int64_t *index, tc_fault *fault)) \
  X(plane_take, (int64_t planes, int64_t size, int64_t count, int dtype, void *y, const void *x, const int64_t *index, tc_fault *fault)) \
  X(conv_forward, (const tc_conv *p, int dtype, void *y, const void *x, const void *w, const void *bias)) \
  X(conv_input, (const tc_conv *p, int dtype, void *x, const void *g, const void *w)) \
  X(conv_weight, (const tc_conv *p, int dtype, void *w, const void *g, const void *x)) \
  X(gemm, (const tc_view *c, const tc_view *a, const tc_view *b, double alpha, double beta)) \
  X(gemm_bias, (const tc_view *c, const tc_view *a, const tc_view *b, const tc_view *bias, int activation)) \
  X(reduce, (const tc_reduction *r)) \
  X(softmax, (const tc_view *y, const tc_view *x, const tc_rows *r, int as_log)) \
  X(softmax_backward, (const tc_view *dx, const tc_view *g, const tc_view *y, const tc_rows *r, int as_log)) \
  X(label_loss, (const tc_view *result, const tc_view *each, const tc_view *stats, const tc_view *total, const tc_view *x, \
                 const tc_view *target, const tc_view *weight, const tc_label_loss *p, tc_fault *fault)) \
  X(label_loss_backward, (const tc_view *dx, const tc_view *g, const tc_view *x, const tc_view *stats, const tc_view *total, \
                          const tc_view *target, const tc_view *weight, const tc_label_loss *p)) \
  X(pair_loss, (int kind, const tc_view *out, const tc_view *a, const tc_view *b, int reduce, double p, double scale)) \
  X(pair_loss_backward, (int kind, const tc_view *dx, const tc_view *g, const tc_view *a, const tc_view *b, int reduce, double p, \
                         double scale)) \
  X(group_norm, (const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *x, const tc_view *weight, \
                 const tc_view *bias, const tc_norm_groups *p)) \
  X(group_norm_backward, (const tc_view *dx, const tc_view *dw, const tc_view *db, const tc_view *g, const tc_view *mean, \
                          const tc_view *rstd, const tc_view *x, const tc_view *weight, const tc_norm_groups *p)) \
  X(batch_norm, (const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *running_mean, \
                 const tc_view *running_var, const tc_view *x, const tc_view *weight, const tc_view *bias, const tc_norm_channels *p)) \
  X(batch_norm_backward, (const tc_view *dx, const tc_view *dw, const tc_view *db, const tc_view *g, const tc_view *mean, \
                          const tc_view *rstd, const tc_view *x, const tc_view *weight, const tc_norm_channels *p)) \
  X(embedding, (const tc_view *y, const tc_view *table, const tc_view *index, const tc_view *scale, tc_fault *fault)) \
  X(embedding_backward, (const tc_view *dtable, const tc_view *g, const tc_view *index, const tc_view *scale)) \
  X(bag_argmax, (const tc_view *most, const tc_view *x, const tc_view *bag, const tc_view *skip)) \
  X(ctc, (const tc_view *loss, const tc_view *slope, const tc_view *x, const tc_view *targets, const tc_view *input_lengths, \
          const tc_view *target_lengths, const tc_view *offsets, int64_t blank, int zero_infinity, tc_fault *fault)) \
  X(lstm_step, (const tc_view *out, const tc_view *cell, const tc_view *acts, const tc_view *x, const tc_view *h, const tc_view *c)) \
  X(lstm_step_backward, (const tc_view *dgates, const tc_view *dc, const tc_view *dh, const tc_view *dcell, const tc_view *acts, \
                         const tc_view *c)) \
  X(gru_step, (const tc_view *out, const tc_view *acts, const tc_view *x, const tc_view *h, const tc_view *before)) \
  X(gru_step_backward, (const tc_view *dx, const tc_view *dh, const tc_view *dbefore, const tc_view *g, const tc_view *acts, \
                        const tc_view *before)) \
  X(rnn, (int what, tc_rnn *p)) \
  X(arg_reduce, (const tc_reduction *r, int64_t *index)) \
  X(moments, (const tc_reduction *r, void *mean)) \
  X(scan, (int op, int direction, int compute, const tc_view *y, const tc_view *x, int dim, int64_t *index)) \
  X(positions, (const tc_loop *l, int64_t size, tc_fault *fault)) \
  X(offsets, (int64_t *out, const int64_t *flat, int64_t n, int ndim, const int64_t *size, const int64_t *stride)) \
  X(gather, (const tc_lanes *k)) \
  X(scatter, (const tc_lanes *k, int op)) \
  X(nonzero, (const tc_view *x, int64_t *positions, int64_t *count)) \
  X(triangle, (const tc_view *y, const tc_view *x, int64_t diagonal, int upper)) \
  X(sort, (const tc_view *values, int64_t *index, const tc_view *x, int dim, int descending)) \
  X(topk, (const tc_view *values, int64_t *index, const tc_view *x, int dim, int64_t count, int largest)) \
  X(rank, (int which, const tc_view *values, int64_t *index, const tc_view *x, int dim, int64_t k_th)) \
  X(mode, (const tc_view *values, int64_t *index, const tc_view *x, int dim)) \
  X(random, (const tc_view *y, const tc_draw *d)) \
  X(random_from, (const tc_view *y, const tc_view *x, const tc_view *z, const tc_draw *d)) \
  X(gamma_slope, (const tc_view *y, const tc_view *shape, const tc_view *x)) \
  X(dropout, (const tc_view *y, const tc_view *x, const tc_draw *d)) \
  X(multinomial, (const tc_view *y, const tc_view *w, tc_stream s, bool replacement, tc_fault *fault)) \
  X(searchsorted, (const tc_view *out, const tc_view *seq, const int64_t *order, const tc_view *values, int right)) \
  X(bincount, (const tc_view *out, const tc_view *x, const tc_view *weights, tc_fault *fault)) \
  X(histc, (const tc_view *count, const tc_view *x, double low, double high)) \
  X(unique, (const tc_view *x, int sorted, int64_t *group, int64_t *first, int64_t *count, int64_t *groups)) \
  X(attention, (const tc_attention *p)) \
  X(attention_backward, (const tc_attention *p)) \
  X(optim, (int rule, tc_optim_piece *pieces, int count, void *table)) \
  X(cdist, (const tc_view *y, const tc_view *a, const tc_view *b, double p)) \
  X(resample, (const tc_taps *t, int dtype, void *y, const void *x)) \
  X(fft, (const tc_fft *p, int dtype, void *y, const void *x)) \
  X(lapack, (const tc_lapack *p)) \
  /* end */

#define X(name, params) int (*name) params;
typedef struct tc_kernels { TC_KERNEL_SLOTS(X) } tc_kernels;
#undef X

/* What a device library brings. Device numbers count from 0; -1 is the CPU. copy gives a status; without `wait` it may go on while the caller does,
   if the host's side is pinned. text says what went wrong last; memory_text why `bytes` could not be had. `who` is set by the runtime: the
   operator that runs. */
typedef struct tc_backend {
  unsigned abi; /* TC_ABI, from the headers of this folder: a library built from others is refused */
  const tc_kernels *kernels;
  int count;
  void (*use)(int device); /* what the calling thread does next, it does there */
  void *(*alloc)(int device, int64_t bytes, int64_t *capacity);
  void (*free)(int device, void *data, int64_t capacity);
  int (*copy)(int to, void *target, int from, const void *source, int64_t bytes, bool wait);
  void *(*pin)(int64_t bytes);
  void (*unpin)(void *data);
  const char *(*text)(void);
  int (*memory_text)(int device, int64_t bytes, char *text, int room);
  const char *(*who)(void);
} tc_backend;

extern const tc_kernels tc_kernels_base, tc_kernels_avx2, tc_kernels_avx512;
extern int tc_kernel_threads; /* how many threads CPU kernels may use */
extern int64_t tc_alone_until; /* not 0: other programs held a thread up, small regions keep to one until then (lib/crowd.c) */
int64_t tc_now(void);         /* nanoseconds */
bool tc_crowded(void);
void tc_region_took(int64_t began, int64_t own, int64_t all);
#endif
