/* variate.h: random numbers that need several draws or parameters of their own, for the C compiler and for nvcc: Poisson, gamma, binomial
   variates, the word of one element alone. Contraction into fused operations must be off, so that every device decides alike. */
#ifndef TC_VARIATE_H
#define TC_VARIATE_H
#include "philox.h"
#include <math.h>

/* ---- elements with parameters of their own: element i uses block i, as many draws as it needs ---- */
typedef struct tc_source { tc_stream stream; uint64_t block; uint32_t draw, used, w[4]; } tc_source;

TC_HERE double tc_next_double(tc_source *s) { /* in (0, 1) */
  if (s->used == 0) tc_philox(s->stream, s->block, s->draw++, s->w);
  uint64_t bits = tc_two_words(s->w[s->used], s->w[s->used + 1]);
  s->used = (s->used + 2) % 4;
  return tc_open_double(bits);
}

TC_HERE double tc_next_normal(tc_source *s) {
  double r = sqrt(-2 * log(tc_next_double(s)));
  return r * cos(6.283185307179586476925 * tc_next_double(s));
}

/* Small rates: the first k whose cumulative probability exceeds u. */
TC_HERE double tc_small_poisson(double rate, double u) {
  double p = exp(-rate), sum = p;
  int k = 0;
  while (u > sum && k < 200) {
    p *= rate / ++k;
    sum += p;
  }
  return k;
}

/* Transformed rejection (PTRS) of Hoermann, "The transformed rejection method for generating Poisson random variables" (1993). */
TC_HERE double tc_large_poisson(double rate, tc_source *s) {
  double smu = sqrt(rate), b = 0.931 + 2.53 * smu, a = -0.059 + 0.02483 * b, inverse = 1.1239 + 1.1328 / (b - 3.4);
  double limit = 0.9277 - 3.6224 / (b - 2), log_rate = log(rate);
  for (int turn = 0; turn < 30000; turn++) {
    double u = tc_next_double(s) - 0.5, v = tc_next_double(s), us = 0.5 - fabs(u), k = floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= limit) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (log(v) + log(inverse) - log(a / (us * us) + b) <= k * log_rate - rate - lgamma(k + 1)) return k;
  }
  return rint(rate);
}

TC_HERE double tc_poisson(double rate, tc_source *s) {
  if (!(rate > 0)) return rate == 0 ? 0 : NAN;
  return rate < 10 ? tc_small_poisson(rate, tc_next_double(s)) : tc_large_poisson(rate, s);
}

/* Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); shapes below 1 from the next one. */
TC_HERE double tc_gamma_variate(double shape, tc_source *s) {
  if (!(shape > 0)) return shape == 0 ? 0 : NAN;
  double lift = 1;
  if (shape < 1) {
    lift = pow(tc_next_double(s), 1 / shape);
    shape += 1;
  }
  double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (int turn = 0; turn < 10000; turn++) {
    double x = tc_next_normal(s), v = 1 + c * x;
    if (v <= 0) continue;
    v = v * v * v;
    if (log(tc_next_double(s)) < 0.5 * x * x + d - d * v + d * log(v)) return lift * d * v;
  }
  return lift * d;
}

/* Small means: how many geometric gaps fit into n trials (Devroye 1986, X.4.3). */
TC_HERE double tc_small_binomial(double n, double p, tc_source *s) {
  double trials = 0, hits = -1, scale = 1 / log1p(-p);
  do {
    trials += ceil(log(tc_next_double(s)) * scale);
    hits++;
  } while (trials <= n);
  return hits;
}

/* Transformed rejection (BTRD without its table) of Hoermann, "The generation of binomial random variates" (1993). */
TC_HERE double tc_large_binomial(double n, double p, tc_source *s) {
  double spread = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5;
  double limit = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * spread, odds = log(p / (1 - p)), mode = floor((n + 1) * p);
  double top = lgamma(mode + 1) + lgamma(n - mode + 1);
  for (int turn = 0; turn < 30000; turn++) {
    double u = tc_next_double(s) - 0.5, v = tc_next_double(s), us = 0.5 - fabs(u), k = floor((2 * a / us + b) * u + c);
    if (k < 0 || k > n) continue;
    if (us >= 0.07 && v <= limit) return k;
    if (log(v * alpha / (a / (us * us) + b)) <= top - lgamma(k + 1) - lgamma(n - k + 1) + (k - mode) * odds) return k;
  }
  return mode;
}

TC_HERE double tc_binomial(double n, double p, tc_source *s) {
  if (!(n >= 0 && p >= 0 && p <= 1)) return NAN;
  double q = p > 0.5 ? 1 - p : p, hits = 0; /* the rarer outcome is counted */
  if (q != 0 && n != 0) hits = n * q < 10 ? tc_small_binomial(n, q, s) : tc_large_binomial(n, q, s);
  return p > 0.5 ? n - hits : hits;
}

TC_HERE double tc_variate(int op, double x, double z, tc_source *s) {
  if (op == TC_DRAW_POISSON) return tc_poisson(x, s);
  return op == TC_DRAW_GAMMA ? tc_gamma_variate(x, s) : tc_binomial(x, z, s);
}

/* ---- multinomial ---- */
/* What can be wrong with a row of weights. */
enum { TC_BAD_WEIGHT = 1, TC_NO_WEIGHT, TC_TOO_FEW };

TC_HERE double tc_pair_number(tc_stream s, int64_t i) { /* the 64 bits of element i alone, as group_pairs deals them */
  uint32_t w[4];
  int64_t r = i % (2 * TC_PHILOX_WIDE);
  tc_philox(s, (uint64_t)(i / (2 * TC_PHILOX_WIDE) * TC_PHILOX_WIDE + r % TC_PHILOX_WIDE), 0, w);
  return tc_open_double(r < TC_PHILOX_WIDE ? tc_two_words(w[0], w[1]) : tc_two_words(w[2], w[3]));
}
#endif
