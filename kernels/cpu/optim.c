/* optim.c: the update rules of the optimizers over all parameters at once; the formulas are PyTorch's. The half types compute in
   float, a block at a time. The number of threads changes no result: all is elementwise but for LAMB's lengths, which are sums over blocks. */
#include "cpu.h"
#include <stdlib.h>

enum { BLOCK = 1024 };

/* The names each rule uses: p, s0 .. s2 are the parameter and its states, `gradient` is g with sign and decay applied. The test for
   decay is taken out of the loop by the compiler; it is there because 0 * inf is not 0. */
#define PIECE(q) \
  T *restrict p = (q)->param; const T *restrict grad = (q)->grad; \
  T *restrict s0 = (q)->state[0]; T *restrict s1 = (q)->state[1]; T *restrict s2 = (q)->state[2]; \
  const T sign = (T)(q)->sign, decay = (T)(q)->decay, shrink = (T)(q)->shrink; const double *k = (q)->k; \
  (void)grad; (void)s0; (void)s1; (void)s2; (void)sign; (void)decay; (void)shrink; (void)k
#define gradient(i) (decay != 0 ? sign * grad[i] + decay * p[i] : sign * grad[i])
#define EACH(i) for (int64_t i = lo; i < hi; i++)
#define SQRT(x) (T)(sizeof(T) == 8 ? sqrt((double)(x)) : sqrtf((float)(x)))

static void sgd(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T lr = (T)k[0], momentum = (T)k[1], fresh = (T)k[2];
    if (!s0) EACH(i) { p[i] -= lr * gradient(i); }
    else if (k[3] == 0) EACH(i) { s0[i] = momentum * s0[i] + fresh * gradient(i); p[i] -= lr * s0[i]; }
    else EACH(i) {
      const T g = gradient(i);
      s0[i] = momentum * s0[i] + fresh * g;
      p[i] -= lr * (g + momentum * s0[i]);
    }
  });
}

static void adam(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T step = (T)k[0], w1 = (T)k[1], b2 = (T)k[2], w2 = (T)(1 - k[2]), root = (T)(1 / k[3]), eps = (T)k[4];
    if (!s2) EACH(i) {
      const T x = p[i] * shrink, g = gradient(i), m = s0[i] + w1 * (g - s0[i]), v = b2 * s1[i] + w2 * g * g;
      s0[i] = m;
      s1[i] = v;
      p[i] = x - step * m / (SQRT(v) * root + eps);
    }
    else EACH(i) {
      const T x = p[i] * shrink, g = gradient(i), m = s0[i] + w1 * (g - s0[i]), v = b2 * s1[i] + w2 * g * g;
      const T most = v > s2[i] || v != v ? v : s2[i];
      s0[i] = m;
      s1[i] = v;
      s2[i] = most;
      p[i] = x - step * m / (SQRT(most) * root + eps);
    }
  });
}

static void rmsprop(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T lr = (T)k[0], alpha = (T)k[1], rest = (T)(1 - k[1]), eps = (T)k[2], momentum = (T)k[3];
    EACH(i) {
      const T g = gradient(i);
      const T v = s0[i] = alpha * s0[i] + rest * g * g;
      T spread = v;
      if (s1) {
        s1[i] += rest * (g - s1[i]);
        spread = v - s1[i] * s1[i];
      }
      T move = g / (SQRT(spread) + eps);
      if (s2) move = s2[i] = momentum * s2[i] + move;
      p[i] -= lr * move;
    }
  });
}

static void adagrad(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T lr = (T)k[0], eps = (T)k[1];
    EACH(i) {
      const T g = gradient(i);
      s0[i] += g * g;
      p[i] -= lr * g / (SQRT(s0[i]) + eps);
    }
  });
}

static void adadelta(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T lr = (T)k[0], rho = (T)k[1], rest = (T)(1 - k[1]), eps = (T)k[2];
    EACH(i) {
      const T g = gradient(i);
      s0[i] = rho * s0[i] + rest * g * g;
      const T move = SQRT(s1[i] + eps) / SQRT(s0[i] + eps) * g;
      s1[i] = rho * s1[i] + rest * move * move;
      p[i] -= lr * move;
    }
  });
}

static void adamax(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T step = (T)k[0], w1 = (T)k[1], b2 = (T)k[2], eps = (T)k[3];
    EACH(i) {
      const T g = gradient(i), size = (g < 0 ? -g : g) + eps, old = b2 * s1[i];
      s0[i] += w1 * (g - s0[i]);
      s1[i] = size > old || size != size ? size : old;
      p[i] -= step * s0[i] / s1[i];
    }
  });
}

static void nadam(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T w1 = (T)k[0], b2 = (T)k[1], w2 = (T)(1 - k[1]), unbias = (T)k[2], eps = (T)k[3], of_g = (T)k[4], of_mean = (T)k[5];
    EACH(i) {
      const T x = p[i] * shrink, g = gradient(i);
      s0[i] += w1 * (g - s0[i]);
      s1[i] = b2 * s1[i] + w2 * g * g;
      p[i] = x - (of_g * g + of_mean * s0[i]) / (SQRT(s1[i] / unbias) + eps);
    }
  });
}

static void radam(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T step = (T)k[0], w1 = (T)k[1], b2 = (T)k[2], w2 = (T)(1 - k[2]), eps = (T)k[3], rectify = (T)k[4];
    EACH(i) {
      const T x = p[i] * shrink, g = gradient(i);
      s0[i] += w1 * (g - s0[i]);
      s1[i] = b2 * s1[i] + w2 * g * g;
      const T scale = rectify != 0 ? rectify / (SQRT(s1[i]) + eps) : (T)1;
      p[i] = x - step * s0[i] * scale;
    }
  });
}

static void asgd(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T eta = (T)k[0], keep = (T)k[1], weight = (T)k[2];
    EACH(i) {
      const T x = p[i] * keep - eta * gradient(i);
      s0[i] = weight == 1 ? x : s0[i] + (x - s0[i]) * weight;
      p[i] = x;
    }
  });
}

/* Where the gradient changed its sign the step shrinks and the parameter waits. */
static void rprop(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T minus = (T)k[0], plus = (T)k[1], least = (T)k[2], most = (T)k[3];
    EACH(i) {
      T g = gradient(i);
      const T turn = g * s0[i], step = s1[i] * (turn > 0 ? plus : turn < 0 ? minus : (T)1);
      s1[i] = step < least ? least : step > most ? most : step;
      g = turn < 0 ? (T)0 : g;
      p[i] -= g > 0 ? s1[i] : g < 0 ? -s1[i] : (T)0;
      s0[i] = g;
    }
  });
}

static void lion(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T lr = (T)k[0], b1 = (T)k[1], w1 = (T)(1 - k[1]), b2 = (T)k[2], w2 = (T)(1 - k[2]);
    EACH(i) {
      const T g = gradient(i), c = b1 * s0[i] + w1 * g;
      p[i] = p[i] * shrink - (c > 0 ? lr : c < 0 ? -lr : lr * c);
      s0[i] = b2 * s0[i] + w2 * g;
    }
  });
}

/* Muon before and after its moves are made orthogonal. */
static void muon(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    const T k0 = (T)k[0], ahead = (T)k[1];
    if (!s0) EACH(i) { p[i] = p[i] * shrink - k0 * gradient(i); }
    else if (ahead == 0) EACH(i) { p[i] = s0[i] += k0 * (gradient(i) - s0[i]); }
    else EACH(i) {
      const T g = sign * grad[i];
      s0[i] += k0 * (g - s0[i]);
      p[i] = s0[i] + ahead * (g - s0[i]);
    }
  });
}

/* LAMB: Adam's move and the parameter's decay, times the length of the parameter over that of the move. First the averages and the squares of
   both lengths, into the piece's sums; then, with k[0] scaled by the lengths, the step. */
#define MOVE(p, m, v) (unbias * (m) / (SQRT(v) * root + eps) + pull * (p))
#define LAMB_NUMBERS \
  const T unbias = (T)k[1], w1 = (T)k[2], b2 = (T)k[3], w2 = (T)(1 - k[3]), root = (T)(1 / k[4]), eps = (T)k[5], pull = (T)k[6]; \
  (void)w1; (void)b2; (void)w2
enum { LANES = 16 };
#define CELL(i, lane) do { \
    const T g = gradient(i), m = s0[i] + w1 * (g - s0[i]), v = b2 * s1[i] + w2 * g * g, move = MOVE(p[i], m, v); \
    s0[i] = m, s1[i] = v, own[lane] += (double)p[i] * p[i], its[lane] += (double)move * move; \
  } while (0)

static void lamb_averages(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    LAMB_NUMBERS;
    double own[LANES] = {0}, its[LANES] = {0};
    int64_t first = lo;
    for (; first + LANES <= hi; first += LANES)
      for (int j = 0; j < LANES; j++) CELL(first + j, j);
    for (int j = 0; first + j < hi; j++) CELL(first + j, j);
    for (int j = 0; j < LANES; j++) {
      q->sums[0] += own[j];
      q->sums[1] += its[j];
    }
  });
}
static void lamb_step(const tc_optim_piece *q, int64_t lo, int64_t hi) {
  TC_FLOATS(q->dtype, {
    PIECE(q);
    LAMB_NUMBERS;
    const T lr = (T)k[0];
    EACH(i) { p[i] -= lr * MOVE(p[i], s0[i], s1[i]); }
  });
}

typedef void (*tc_rule_body)(const tc_optim_piece *q, int64_t lo, int64_t hi);
static const tc_rule_body bodies[] = {sgd, adam, rmsprop, adagrad, adadelta, adamax, nadam, radam, asgd, rprop, lion, [TC_OPTIM_MUON] = muon};

static char *at(const void *data, int64_t i) { return data ? (char *)data + 2 * i : NULL; }

/* The half types: a block in float, and back. */
static void half_block(tc_rule_body body, const tc_optim_piece *q, int64_t lo, int64_t n) {
  float buffer[2 + TC_OPTIM_STATES][BLOCK];
  tc_optim_piece f = *q;
  f.dtype = TC_FLOAT32;
  f.param = buffer[0];
  f.grad = buffer[1];
  TC_KERNEL(load_f32)(n, buffer[0], at(q->param, lo), q->dtype, 1);
  TC_KERNEL(load_f32)(n, buffer[1], at(q->grad, lo), q->dtype, 1);
  for (int s = 0; s < TC_OPTIM_STATES; s++) {
    f.state[s] = q->state[s] ? buffer[2 + s] : NULL;
    if (q->state[s]) TC_KERNEL(load_f32)(n, buffer[2 + s], at(q->state[s], lo), q->dtype, 1);
  }
  body(&f, 0, n);
  TC_KERNEL(store_f32)(n, at(q->param, lo), q->dtype, 1, buffer[0]);
  for (int s = 0; s < TC_OPTIM_STATES; s++)
    if (q->state[s]) TC_KERNEL(store_f32)(n, at(q->state[s], lo), q->dtype, 1, buffer[2 + s]);
}

static void run(tc_rule_body body, const tc_optim_piece *q, int64_t lo, int64_t hi) {
  if (q->dtype == TC_FLOAT32 || q->dtype == TC_FLOAT64) {
    body(q, lo, hi);
    return;
  }
  for (int64_t i = lo; i < hi; i += BLOCK) half_block(body, q, i, hi - i < BLOCK ? hi - i : BLOCK);
}

static int64_t blocks_of(const tc_optim_piece *q) { return (q->numel + BLOCK - 1) / BLOCK; }

/* All pieces count as one long row, of which each thread takes a share. */
static void run_all(tc_rule_body body, const tc_optim_piece *pieces, int count) {
  int64_t total = 0;
  for (int i = 0; i < count; i++) total += pieces[i].numel;
  TC_PARALLEL(total, 64, 2 * (double)total) {
    int64_t first = 0;
    for (int i = 0; i < count; first += pieces[i++].numel) {
      const int64_t from = lo > first ? lo - first : 0, to = hi - first < pieces[i].numel ? hi - first : pieces[i].numel;
      if (from < to) run(body, &pieces[i], from, to);
    }
  } TC_PARALLEL_END
}

/* The sums of a piece are added up block by block. */
static double rate_of(const tc_optim_piece *q) {
  double own = 0, its = 0;
  for (int64_t b = 0; b < blocks_of(q); b++) {
    own += q->sums[2 * b];
    its += q->sums[2 * b + 1];
  }
  own = sqrt(own), its = sqrt(its);
  if (own > q->k[7]) own = q->k[7];
  return own > 0 && its > 0 ? q->k[0] * (own / its) : q->k[0];
}

static int lamb(tc_optim_piece *pieces, int count) {
  int64_t blocks = 0, total = 0;
  for (int i = 0; i < count; i++) {
    blocks += blocks_of(&pieces[i]);
    total += pieces[i].numel; /* blocks of small parameters are not full */
  }
  double *sums = calloc((size_t)(2 * blocks) + 1, sizeof *sums), *rates = malloc(((size_t)count + 1) * sizeof *rates);
  if (!sums || !rates) {
    free(sums);
    free(rates);
    return TC_NO_MEMORY;
  }
  double *next = sums;
  for (int i = 0; i < count; next += 2 * blocks_of(&pieces[i++])) pieces[i].sums = next;
  TC_PARALLEL(blocks, 1, 4 * (double)total) {
    int64_t first = 0;
    for (int i = 0; i < count; first += blocks_of(&pieces[i++])) {
      const int64_t from = lo > first ? lo - first : 0, to = hi - first < blocks_of(&pieces[i]) ? hi - first : blocks_of(&pieces[i]);
      for (int64_t b = from; b < to; b++) {
        tc_optim_piece q = pieces[i];
        q.sums += 2 * b;
        run(lamb_averages, &q, b * BLOCK, (b + 1) * BLOCK < q.numel ? (b + 1) * BLOCK : q.numel);
      }
    }
  } TC_PARALLEL_END
  for (int i = 0; i < count; i++) { /* k[0] of a step that may be replayed stays as it is */
    rates[i] = pieces[i].k[0];
    pieces[i].k[0] = rate_of(&pieces[i]);
  }
  run_all(lamb_step, pieces, count);
  for (int i = 0; i < count; i++) pieces[i].k[0] = rates[i];
  free(sums);
  free(rates);
  return TC_OK;
}

int TC_KERNEL(optim)(int rule, tc_optim_piece *pieces, int count, void *table) {
  if (table) return TC_MISSING; /* nothing is recorded on the CPU */
  if (rule == TC_OPTIM_LAMB) return lamb(pieces, count);
  run_all(bodies[rule], pieces, count);
  return TC_OK;
}
