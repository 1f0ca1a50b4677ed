/* fft_lanes.h: short transforms, W lines at once: bringing the elements of W lines side by side into vectors, and back; and what makes
   a complex transform of half the length one of real numbers. */

/* W lines (fewer at the end) of a (outer, length, inner) array whose elements have `parts` numbers each. */
typedef struct lanes {
  T *data;
  int64_t length, inner, start[W];   /* where each line begins; the last line again where there are fewer */
  int parts, count;
  bool neighbours;                   /* the lines lie side by side */
} lanes;

static lanes lanes_at(void *data, int64_t length, int64_t inner, int parts, int64_t first, int count) {
  lanes g = {data, length, inner, {0}, parts, count, count == W && first / inner == (first + W - 1) / inner};
  for (int l = 0; l < W; l++) {
    int64_t line = first + (l < count ? l : count - 1);
    g.start[l] = (line / inner * length * inner + line % inner) * parts;
  }
  return g;
}

/* Numbers u.. of each line as vectors. flip is 1 to exchange real and imaginary parts, which lie at even and odd places. */
static void load_scattered(const lanes *g, V *s, int64_t from, int64_t to, int flip) {
  for (int64_t u = from; u < to; u++) {
    V v;
    const T *p = g->data + u / g->parts * g->inner * g->parts + u % g->parts;
    for (int l = 0; l < W; l++) v[l] = p[g->start[l]];
    s[u ^ flip] = v;
  }
}

static void load_rows(const lanes *g, V *s, int64_t numbers, int flip) {
  int64_t u = 0;
  for (; u + W <= numbers; u += W) {
    V m[W];
#pragma GCC unroll 16
    for (int l = 0; l < W; l++) m[l] = load(g->data + g->start[l] + u);
    transpose_block(m);
#pragma GCC unroll 16
    for (int l = 0; l < W; l++) s[(u + l) ^ flip] = m[l];
  }
  load_scattered(g, s, u, numbers, flip);
}

static void load_neighbours(const lanes *g, V *s, int64_t numbers, int flip) {
  const T *p = g->data + g->start[0];
  if (g->parts == 1) {
    for (int64_t u = 0; u < numbers; u++) s[u] = load(p + u * g->inner);
    return;
  }
  for (int64_t e = 0; e < numbers / 2; e++) {
    cv x = load_complex(p + 2 * e * g->inner);
    ((cv *)s)[e] = flip ? exchanged(x) : x;
  }
}

/* `numbers` of each line into s, zeros from there to `room`. */
static void load_lanes(const lanes *g, V *s, int64_t numbers, int64_t room, int flip) {
  if (g->inner == 1) load_rows(g, s, numbers, flip);
  else if (g->neighbours) load_neighbours(g, s, numbers, flip);
  else load_scattered(g, s, 0, numbers, flip);
  if (room > numbers) memset(s + numbers, 0, (size_t)(room - numbers) * sizeof *s);
}

static void store_scattered(const lanes *g, const V *s, int64_t from, int64_t to, int flip, T scale) {
  for (int64_t u = from; u < to; u++) {
    V v = s[u ^ flip] * scale;
    T *p = g->data + u / g->parts * g->inner * g->parts + u % g->parts;
    for (int l = 0; l < g->count; l++) p[g->start[l]] = v[l];
  }
}

static void store_rows(const lanes *g, const V *s, int64_t numbers, int flip, T scale) {
  int64_t u = 0;
  for (; g->count == W && u + W <= numbers; u += W) {
    V m[W];
#pragma GCC unroll 16
    for (int l = 0; l < W; l++) m[l] = s[(u + l) ^ flip] * scale;
    transpose_block(m);
#pragma GCC unroll 16
    for (int l = 0; l < W; l++) store(g->data + g->start[l] + u, m[l]);
  }
  store_scattered(g, s, u, numbers, flip, scale);
}

static void store_neighbours(const lanes *g, const V *s, int64_t numbers, int flip, T scale) {
  T *p = g->data + g->start[0];
  if (g->parts == 1) {
    for (int64_t u = 0; u < numbers; u++) store(p + u * g->inner, s[u ^ flip] * scale);
    return;
  }
  for (int64_t e = 0; e < numbers / 2; e++) {
    cv x = scaled(((const cv *)s)[e], scale);
    store_complex(p + 2 * e * g->inner, flip ? exchanged(x) : x);
  }
}

/* `numbers` of s into each line, zeros into the rest of it. */
static void store_lanes(const lanes *g, const V *s, int64_t numbers, int flip, T scale) {
  if (g->inner == 1) store_rows(g, s, numbers, flip, scale);
  else if (g->neighbours) store_neighbours(g, s, numbers, flip, scale);
  else store_scattered(g, s, 0, numbers, flip, scale);
  for (int64_t u = numbers; u < g->length * g->parts; u++)
    for (int l = 0; l < g->count; l++) g->data[g->start[l] + u / g->parts * g->inner * g->parts + u % g->parts] = 0;
}

/* ---- real numbers of even length n = 2h as h complex ones: even places are real parts, odd ones imaginary ---- */

/* From the transform's elements k and h - k to bins k and h - k of the real numbers; w is exp(-2 pi i k / n). */
ALWAYS void part_pair(cv *p, cv *q, cv w) {
  cv other = conjugate(*q), even = scaled(plus(*p, other), (T)0.5), odd = times(scaled(minus(*p, other), (T)0.5), w);
  *p = plus(even, times_minus_i(odd));
  *q = conjugate(plus(even, times_i(odd)));
}

/* The way back, twice as large. */
ALWAYS void join_pair(cv *p, cv *q, cv w) {
  cv other = conjugate(*q), even = plus(*p, other), odd = times(minus(*p, other), conjugate(w));
  *p = plus(even, times_i(odd));
  *q = conjugate(plus(even, times_minus_i(odd)));
}

ALWAYS cv number_everywhere(const T *w) { return (cv){everywhere(w[0]), everywhere(w[1])}; }

/* z has h elements and becomes h + 1 bins. */
static void part_bins(cv *z, int64_t h, const T *roots) {
  z[h] = z[0];
  for (int64_t k = 0; 2 * k < h; k++) part_pair(z + k, z + h - k, number_everywhere(roots + 2 * k));
  if (h % 2 == 0) z[h / 2] = conjugate(z[h / 2]); /* w is -i there */
}

static void join_bins(cv *z, int64_t h, const T *roots) {
  for (int64_t k = 0; 2 * k < h; k++) join_pair(z + k, z + h - k, number_everywhere(roots + 2 * k));
  if (h % 2 == 0) z[h / 2] = scaled(conjugate(z[h / 2]), 2);
}

/* Bins between the first and the one of n/2 times a factor; all of them conjugated if asked. */
static void weigh_bins(cv *z, const tc_fft *p) {
  const T weight = (T)p->middle, sign = p->inverse == (p->kind == TC_FFT_FROM_REAL) ? -1 : 1;
  if (weight == 1 && sign == 1) return;
  for (int64_t k = 0; k <= p->n / 2; k++) {
    const T s = k == 0 || 2 * k == p->n ? 1 : weight;
    z[k] = (cv){z[k].re * s, z[k].im * (s * sign)};
  }
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void complex_lanes(const tc_fft *p, const core *c, const lanes *x, const lanes *y, cv *a, cv *b) {
  const int flip = p->inverse;
  load_lanes(x, (V *)a, 2 * least(p->in, p->n), 2 * p->n, flip);
  store_lanes(y, (V *)run_core(c, a, b), 2 * least(p->out, p->n), flip, (T)p->scale);
}

/* c is of half the length where that is a whole number */
static void from_real_lanes(const tc_fft *p, const core *c, const T *roots, const lanes *x, const lanes *y, cv *a, cv *b) {
  const int64_t n = p->n, bins = n / 2 + 1;
  cv *z;
  if (n % 2) {
    load_lanes(x, (V *)b, least(p->in, n), n, 0);
    for (int64_t j = 0; j < n; j++) a[j] = (cv){((V *)b)[j], everywhere(0)};
    z = run_core(c, a, b);
  } else {
    load_lanes(x, (V *)a, least(p->in, n), n, 0);
    z = run_core(c, a, b);
    part_bins(z, n / 2, roots);
  }
  weigh_bins(z, p);
  store_lanes(y, (V *)z, 2 * least(p->out, bins), 0, (T)p->scale);
}

static void to_real_lanes(const tc_fft *p, const core *c, const T *roots, const lanes *x, const lanes *y, cv *a, cv *b) {
  const int64_t n = p->n, h = n / 2, bins = h + 1;
  load_lanes(x, (V *)a, 2 * least(p->in, bins), 2 * bins, 0);
  weigh_bins(a, p);
  a[0].im = everywhere(0);
  if (n % 2 == 0) {
    a[h].im = everywhere(0);
    join_bins(a, h, roots);
    for (int64_t k = 0; k < h; k++) a[k] = exchanged(a[k]);
    store_lanes(y, (V *)run_core(c, a, b), least(p->out, n), 1, (T)p->scale);
    return;
  }
  for (int64_t k = 1; k <= h; k++) a[n - k] = a[k];
  for (int64_t k = 1; k <= h; k++) a[k] = conjugate(a[k]); /* the forward transform of the conjugates: real as well */
  cv *z = run_core(c, a, b);
  V *reals = (V *)(z == a ? b : a);
  for (int64_t j = 0; j < n; j++) reals[j] = z[j].re;
  store_lanes(y, reals, least(p->out, n), 0, (T)p->scale);
}
