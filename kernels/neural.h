/* neural.h: the shapes that row-wise neural functions hand to their kernels: softmax, losses, norms. */
#ifndef TC_NEURAL_H
#define TC_NEURAL_H
#include <stdint.h>

/* A function of rows: x is (outer, n, inner) row-major, a row its n elements `inner` apart. */
typedef struct tc_rows { int64_t outer, n, inner; } tc_rows;

/* Classification losses on logits or log-probabilities (outer, n, inner), labels (outer, inner) that count from 1. */
enum { TC_LOSS_NONE, TC_LOSS_MEAN, TC_LOSS_SUM, TC_LOSS_BATCHMEAN };
typedef struct tc_label_loss {
  tc_rows rows;
  int64_t ignore;               /* the label that counts for nothing */
  double smoothing;
  int logits, reduction;
} tc_label_loss;

/* Elementwise losses of a pair. */
enum { TC_PAIR_MSE, TC_PAIR_L1, TC_PAIR_SMOOTH_L1, TC_PAIR_HUBER, TC_PAIR_BCE, TC_PAIR_BCE_LOGITS, TC_PAIR_KL, TC_PAIR_KL_LOG };

/* Normalisation of groups: x is (batch, groups, channels, inner), one mean and variance for each (batch, group), one weight for
   each (group, channel). rms: no mean is subtracted. */
typedef struct tc_norm_groups { int64_t batch, groups, channels, inner; double eps; int rms; } tc_norm_groups;

/* Normalisation of channels: x is (batch, channels, inner), one mean and variance for each channel. */
typedef struct tc_norm_channels { int64_t batch, channels, inner; double eps, momentum; int training; } tc_norm_channels;

/* One direction of one layer of a recurrent network over whole sequences, for a device's own library. All is row-major and of one dtype:
   x (time, batch, input), y (time, batch, hidden), states (batch, hidden); w_ih (gates hidden, input), w_hh (gates hidden, hidden), biases
   (gates hidden) or NULL, gates in the order of nn.LSTM and nn.GRU. FORWARD keeps in reserve what BACKWARD wants, which may write there; with
   reserve NULL it keeps nothing. SIZES gives reserve_bytes. g_h, g_c and dw_ih, with the other weights' gradients, may be NULL. */
enum { TC_RNN_SIZES, TC_RNN_FORWARD, TC_RNN_BACKWARD };
enum { TC_RNN_TANH, TC_RNN_RELU, TC_RNN_LSTM, TC_RNN_GRU };
typedef struct tc_rnn {
  int kind, dtype;
  int64_t time, batch, input, hidden, reserve_bytes;
  const void *x, *h, *c, *w_ih, *w_hh, *b_ih, *b_hh, *g_y, *g_h, *g_c;
  void *y, *h_n, *c_n, *reserve, *dx, *dh, *dc, *dw_ih, *dw_hh, *db_ih, *db_hh;
} tc_rnn;

#endif
