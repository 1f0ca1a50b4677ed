/* winograd.h: 3 x 3 convolution of floats in 2.25 times fewer products; see winograd.c. */
#ifndef TC_WINOGRAD_H
#define TC_WINOGRAD_H
#include "cpu.h"

/* x (n, c, in), y (n, o, out), step 1, zeros of width `pad` around the input. Weight (o, c, kh, kw) lies at w + o w_o + c w_c + kh w_k[0] + kw w_k[1];
   output row h of (sample, o) at y + sample y_n + o y_o + h y_row. bias may be NULL. */
typedef struct tc_winograd {
  int64_t n, c, o, in[2], out[2], pad[2], w_o, w_c, w_k[2], y_n, y_o, y_row;
  const float *x, *w, *bias;
  float *y;
} tc_winograd;

int TC_KERNEL(winograd)(const tc_winograd *p);
#endif
