/* slide.h: the inner loops of convolution, for one element type T; included once for each with S(name) making its names. An input is seen
   through shifted pointers: tap t of output position q reads x[off[t] + q], so that positions lie side by side in vectors and no patch is
   ever copied. */
#include "lanes.h"

/* MR outputs at NR vectors of positions: to[m * step + q] = bias[m] + sum over t of w[t][m] x[off[t] + q] */
#define SLIDE_FORWARD(KIND, MR, NR) \
  static void S(forward_##KIND##NR)(int64_t taps, const int32_t *off, const T *w, const T *x, const T *bias, T *to, int64_t step) { \
    S(vec) acc[MR][NR]; const S(vec) zero = {0}; \
    _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) _Pragma("GCC unroll 8") for (int n = 0; n < NR; n++) acc[m][n] = zero + bias[m]; \
    for (int64_t t = 0; t < taps; t++, w += MR) { \
      const T *p = x + off[t]; S(vec) v[NR]; \
      _Pragma("GCC unroll 8") for (int n = 0; n < NR; n++) v[n] = *(const S(vec) *)(p + n * S(LANES)); \
      _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) { \
        T b = w[m]; \
        _Pragma("GCC unroll 8") for (int n = 0; n < NR; n++) acc[m][n] += b * v[n]; \
      } \
    } \
    _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) \
      _Pragma("GCC unroll 8") for (int n = 0; n < NR; n++) *(S(vec) *)(to + m * step + n * S(LANES)) = acc[m][n]; \
  }
SLIDE_FORWARD(block, SLIDE_ROWS, 1)
SLIDE_FORWARD(block, SLIDE_ROWS, 2)
SLIDE_FORWARD(block, SLIDE_ROWS, 3)
SLIDE_FORWARD(single, 1, 1)
SLIDE_FORWARD(single, 1, 2)
SLIDE_FORWARD(single, 1, 3)
SLIDE_FORWARD(single, 1, 8)
#undef SLIDE_FORWARD

typedef void (*S(forward_kernel))(int64_t, const int32_t *, const T *, const T *, const T *, T *, int64_t);

/* the widest kernel for `left` more positions; *vectors says how many vectors it takes */
static S(forward_kernel) S(pick)(int rows, int64_t left, int *vectors) {
  int64_t want = (left + S(LANES) - 1) / S(LANES);
  if (rows == 1 && want >= 6) return *vectors = 8, S(forward_single8);
  *vectors = want > 3 ? 3 : (int)want;
  if (rows == 1) return want == 1 ? S(forward_single1) : want == 2 ? S(forward_single2) : S(forward_single3);
  return want == 1 ? S(forward_block1) : want == 2 ? S(forward_block2) : S(forward_block3);
}

/* MO rows of g by MT shifted views of x, over `runs` stretches of n vectors: sums[m * MT + t]. Inputs' rows lie g_row apart; stretches g_run and x_run. */
#define SLIDE_WEIGHT(KIND, MO, MT) \
  static void S(weight_##KIND)(int64_t runs, int64_t n, const T *const *g, int64_t g_run, const T *const *x, int64_t x_run, T *sums) { \
    S(vec) acc[MO][MT]; const S(vec) zero = {0}; \
    _Pragma("GCC unroll 8") for (int m = 0; m < MO; m++) _Pragma("GCC unroll 8") for (int t = 0; t < MT; t++) acc[m][t] = zero; \
    const T *gp[MO], *xp[MT]; \
    _Pragma("GCC unroll 8") for (int m = 0; m < MO; m++) gp[m] = g[m]; \
    _Pragma("GCC unroll 8") for (int t = 0; t < MT; t++) xp[t] = x[t]; \
    for (int64_t r = 0; r < runs; r++) \
      for (int64_t i = 0; i < n; i++) { \
        int64_t ga = r * g_run + i * S(LANES), xa = r * x_run + i * S(LANES); S(vec) v[MO]; \
        _Pragma("GCC unroll 8") for (int m = 0; m < MO; m++) v[m] = *(const S(vec) *)(gp[m] + ga); \
        _Pragma("GCC unroll 8") for (int t = 0; t < MT; t++) { \
          S(vec) b = *(const S(vec) *)(xp[t] + xa); \
          _Pragma("GCC unroll 8") for (int m = 0; m < MO; m++) acc[m][t] += v[m] * b; \
        } \
      } \
    S(vec) all[SLIDE_OUTPUTS * 6 + 1]; \
    for (int m = 0; m < MO; m++) for (int t = 0; t < MT; t++) all[m * MT + t] = acc[m][t]; \
    S(totals)(all, MO * MT); \
    memcpy(sums, all, MO * MT * sizeof(T)); \
  }
SLIDE_WEIGHT(block, SLIDE_OUTPUTS, SLIDE_TAPS) /* many outputs: little is read for each product */
SLIDE_WEIGHT(few, SLIDE_FEW, 6)
SLIDE_WEIGHT(single, 1, 6)
#undef SLIDE_WEIGHT

/* ---- the padded input: (phase, channel, sample, depth, height, pitch) ---- */
/* n elements, often a few vectors: a call of the C library's memcpy would cost more than the copy, and gcc makes one of any loop that it knows for
   a copy: OPAQUE hides from it that i goes up by one step. The rows do not overlap. */
#define OPAQUE(i) __asm__("" : "+r"(i))
static inline void S(copy_row)(T *restrict to, const T *restrict from, int64_t n) {
  enum { SHORT = 16 / sizeof(T) };
  int64_t i = 0;
  for (; i + S(LANES) <= n; i += S(LANES)) {
    *(S(vec) *)(to + i) = *(const S(vec) *)(from + i);
    OPAQUE(i);
  }
  for (; i + SHORT <= n; i += SHORT) {
    memcpy(to + i, from + i, 16);
    OPAQUE(i);
  }
  for (; i < n; i++) {
    to[i] = from[i];
    OPAQUE(i);
  }
}

static inline void S(clear_row)(T *to, int64_t from, int64_t end) {
  for (int64_t i = from; i < end; i++) {
    to[i] = 0;
    OPAQUE(i);
  }
}

/* every second of 2 n - 1 elements */
static inline void S(copy_even)(T *restrict to, const T *restrict from, int64_t n) {
  typedef INDEX mask __attribute__((vector_size(VECTOR_BYTES)));
  mask even;
  int64_t i = 0;
  _Pragma("GCC unroll 16") for (int j = 0; j < S(LANES); j++) even[j] = 2 * j;
  for (; i + S(LANES) < n; i += S(LANES)) { /* the pair of vectors ends before the last element */
    const S(vec) *at = (const S(vec) *)(from + 2 * i);
    *(S(vec) *)(to + i) = __builtin_shuffle(at[0], at[1], even);
  }
  for (; i < n; i++) to[i] = from[2 * i];
}

/* What of a padded row comes from the input: places lo..hi-1, every step-th input from `first` on, which may be negative; the rest are zeros. */
typedef struct S(span) { int64_t lo, hi, first, step; } S(span);
static S(span) S(span_of)(const slide *s, const layout *l, int64_t phase) {
  const int64_t step = s->stride[2], first = phase - s->pad[2], n = s->in[2];
  int64_t lo = first >= 0 ? 0 : (-first + step - 1) / step, hi = n - first <= 0 ? 0 : (n - first - 1) / step + 1;
  if (lo > l->pitch) lo = l->pitch;
  if (hi > l->pitch) hi = l->pitch;
  return (S(span)){lo, hi < lo ? lo : hi, first, step};
}

static inline void S(fill_row)(T *to, int64_t pitch, const T *from, const S(span) *p) {
  const T *at = from + p->first + p->lo * p->step;
  S(clear_row)(to, 0, p->lo);
  if (p->step == 1) S(copy_row)(to + p->lo, at, p->hi - p->lo);
  else if (p->step == 2) S(copy_even)(to + p->lo, at, p->hi - p->lo);
  else for (int64_t i = p->lo; i < p->hi; i++, at += p->step) to[i] = *at;
  S(clear_row)(to, p->hi, pitch);
}

/* one channel of one sample into one phase: rows of the tile that begins at output (d0, h0) */
static void S(fill_plane)(const slide *s, const layout *l, T *to, const T *from, int64_t d0, int64_t h0, const int64_t *phase,
                          const S(span) *columns) {
  for (int64_t d = 0; d < l->extent[0]; d++)
    for (int64_t h = 0; h < l->extent[1]; h++, to += l->pitch) {
      int64_t id = (d0 + d) * s->stride[0] + phase[0] - s->pad[0], ih = (h0 + h) * s->stride[1] + phase[1] - s->pad[1];
      if (id < 0 || id >= s->in[0] || ih < 0 || ih >= s->in[1]) memset(to, 0, (size_t)l->pitch * sizeof(T));
      else S(fill_row)(to, l->pitch, from + (id * s->in[1] + ih) * s->in[2], columns);
    }
}

/* x points at the first channel of the group in sample `sample`; b is the sample's place in the buffer */
static void S(fill)(const slide *s, const layout *l, T *buffer, const T *x, int64_t b, int64_t d0, int64_t h0) {
  int64_t phase[3], in = volume(s->in), i = 0;
  for (phase[0] = 0; phase[0] < l->phases[0]; phase[0]++)
    for (phase[1] = 0; phase[1] < l->phases[1]; phase[1]++)
      for (phase[2] = 0; phase[2] < l->phases[2]; phase[2]++, i++) {
        const S(span) columns = S(span_of)(s, l, phase[2]);
        for (int64_t c = 0; c < s->c; c++)
          S(fill_plane)(s, l, buffer + ((i * s->c + c) * l->samples + b) * l->plane, x + c * in, d0, h0, phase, &columns);
      }
}

/* ---- forward ---- */
/* weights of one group as (output block, tap, rows), zeros behind the last output */
static void S(pack)(const slide *s, int rows, T *to, const T *w) {
  for (int64_t o = 0; o < s->o; o += rows)
    for (int64_t c = 0; c < s->c; c++)
      for (int64_t kd = 0; kd < s->k[0]; kd++) for (int64_t kh = 0; kh < s->k[1]; kh++) for (int64_t kw = 0; kw < s->k[2]; kw++) {
        const T *from = w + s->w_base + o * s->w_o + c * s->w_c + kd * s->w_k[0] + kh * s->w_k[1] + kw * s->w_k[2];
        for (int m = 0; m < rows; m++) *to++ = o + m < s->o ? from[m * s->w_o] : 0;
      }
}

/* positions q.. of a run, computed into `tile`, go to their rows of y; columns beyond the output's are dropped */
static void S(deliver)(const slide *s, const layout *l, T *y, int64_t q, int64_t n, const T *tile, int64_t step, int64_t rows) {
  int64_t row = q / l->pitch, column = q % l->pitch;
  for (int64_t i = 0; i < n; row++) {
    int64_t take = l->pitch - column < n - i ? l->pitch - column : n - i, good = s->out[2] - column < take ? s->out[2] - column : take;
    T *to = y + row * s->y_step[1] + column * s->y_step[2];
    for (int64_t m = 0; m < rows && good > 0; m++) {
      const T *from = tile + m * step + i; T *at = to + m * s->y_o;
      if (s->y_step[2] == 1) S(copy_row)(at, from, good);
      else for (int64_t j = 0; j < good; j++) at[j * s->y_step[2]] = from[j];
    }
    i += take;
    column = 0;
  }
}

/* one plane of output rows (n of them) of one group: all blocks of outputs at a stretch of positions, then the next stretch */
static void S(run)(const slide *s, const layout *l, int rows, T *y, const T *x, const T *packed, const T *bias, int64_t n) {
  T tile[SLIDE_ROWS * 3 * S(LANES) > 8 * S(LANES) ? SLIDE_ROWS * 3 * S(LANES) : 8 * S(LANES)], zeros[SLIDE_ROWS] = {0}, biases[SLIDE_ROWS];
  int64_t last = (n - 1) * l->pitch + s->out[2], taps = s->c * volume(s->k);
  int64_t stretch = l->stretch / S(LANES) / 24 * 24 * S(LANES);
  if (stretch < 24 * S(LANES)) stretch = 24 * S(LANES);
  bool direct = l->pitch == s->out[2] && s->y_step[2] == 1 && s->y_step[1] == s->out[2];
  for (int64_t from = 0; from < last; from += stretch) {
    int64_t to = from + stretch < last ? from + stretch : last;
    for (int64_t o = 0; o < s->o; o += rows) {
      const T *w = packed + o * taps, *b = zeros; int64_t many = s->o - o < rows ? s->o - o : rows;
      if (bias) {
        for (int64_t m = 0; m < rows; m++) biases[m] = m < many ? bias[o + m] : 0;
        b = biases;
      }
      for (int64_t q = from; q < to;) {
        int vectors; S(forward_kernel) f = S(pick)(rows, to - q, &vectors);
        int64_t width = vectors * S(LANES), n_good = to - q < width ? to - q : width;
        if (direct && many == rows && n_good == width) f(taps, l->off, w, x + q, b, y + o * s->y_o + q, s->y_o);
        else {
          f(taps, l->off, w, x + q, b, tile, width);
          S(deliver)(s, l, y + o * s->y_o, q, n_good, tile, width, many);
        }
        q += width;
      }
    }
  }
}

/* ---- weights ---- */
/* rows of g for one output channel at the input's pitch, zeros between, each plane rounded up to whole vectors */
static void S(fill_gradient)(const slide *s, const layout *l, T *to, const T *g, int64_t dn, int64_t hn, int64_t run) {
  for (int64_t d = 0; d < dn; d++, to += run, g += s->out[1] * s->out[2])
    for (int64_t h = 0, at = 0; h < hn || at < run; h++, at += l->pitch) {
      int64_t room = run - at < l->pitch ? run - at : l->pitch, good = h < hn ? (s->out[2] < room ? s->out[2] : room) : 0;
      if (good > 0) S(copy_row)(to + at, g + h * s->out[2], good);
      S(clear_row)(to + at, good, room);
    }
}

typedef void (*S(weight_kernel))(int64_t, int64_t, const T *const *, int64_t, const T *const *, int64_t, T *);

/* w (o, taps) += sums over what the buffers hold */
static void S(add_weights)(const slide *s, const layout *l, T *w, const T *g, int64_t g_o, int64_t runs, int64_t run, int64_t x_run, const T *x) {
  int64_t taps = s->c * volume(s->k);
  T sums[SLIDE_OUTPUTS * 6]; const T *rows[SLIDE_OUTPUTS], *views[6];
  for (int64_t o = 0, many; o < s->o; o += many) {
    int64_t left = s->o - o, wide = left > SLIDE_FEW ? SLIDE_TAPS : 6;
    many = left > SLIDE_FEW ? SLIDE_OUTPUTS : left > 1 ? SLIDE_FEW : 1;
    S(weight_kernel) f = left > SLIDE_FEW ? S(weight_block) : left > 1 ? S(weight_few) : S(weight_single);
    for (int m = 0; m < many; m++) rows[m] = g + (o + m < s->o ? o + m : s->o - 1) * g_o;
    for (int64_t t = 0; t < taps; t += wide) {
      for (int k = 0; k < wide; k++) views[k] = x + l->off[t + k < taps ? t + k : taps - 1];
      f(runs, run / S(LANES), rows, run, views, x_run, sums);
      for (int64_t m = 0; m < many && o + m < s->o; m++)
        for (int64_t k = 0; k < wide && t + k < taps; k++) w[(o + m) * taps + t + k] += sums[m * wide + k];
    }
  }
}
