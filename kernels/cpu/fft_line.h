/* fft_line.h: a long line in four steps: seen as a matrix n1 x n2, transforms down its columns, a factor for each element, transforms
   along its rows, read out by columns. Each half is a batch of short transforms, W at once. */

static void line_free(line *l) {
  if (!l) return;
  core_free(l->first);
  core_free(l->second);
  line_free(l->convolver);
  free(l->coarse);
  free(l->fine);
  free(l->chirp);
  free(l->spectrum);
  free(l);
}

/* The divisor nearest to the root of n that leaves at least W on both sides, as a product of small factors; 0 if there is none. */
static int64_t split_of(int64_t n) {
  int radix[MOST_FACTORS], count = factorise(n, radix);
  if (count < 0) return 0;
  int64_t best = 0;
  for (int64_t d = (int64_t)sqrt((double)n); d >= 8 && !best; d--)
    if (n % d == 0) best = d;
  return best;
}

static bool line_roots(line *l) {
  const int64_t groups = (l->n2 + W - 1) / W;
  l->coarse = malloc((size_t)(groups * l->n1) * 2 * sizeof(T));
  l->fine = vectors(l->n1 * (int64_t)sizeof(cv));
  if (!l->coarse || !l->fine) return false;
  for (int64_t g = 0; g < groups; g++)
    for (int64_t k = 0; k < l->n1; k++) put_root(l->coarse + 2 * (g * l->n1 + k), g * W * k, l->n);
  for (int64_t k = 0; k < l->n1; k++)
    for (int lane = 0; lane < W; lane++) {
      T w[2];
      put_root(w, k * lane, l->n);
      l->fine[2 * k * W + lane] = w[0];
      l->fine[2 * k * W + W + lane] = w[1];
    }
  return true;
}

enum { MIDDLE_PAD = 8 }; /* complex numbers between the rows of the matrix, so that columns of 2^k rows do not meet in the cache */

/* How many complex numbers the matrix between the two halves takes, and Bluestein's sequence. */
static int64_t line_room(const line *l) {
  if (l->convolver) return l->convolver->n + line_room(l->convolver);
  return l->n2 * (l->n1 + MIDDLE_PAD);
}

/* W neighbouring columns from column c of rows `stride` apart; fewer at the right end. */
ALWAYS void load_columns(cv *a, const T *x, int64_t rows, int64_t stride, int count, bool flip) {
  for (int64_t j = 0; j < rows; j++) {
    cv v;
    if (count == W) v = load_complex(x + 2 * j * stride);
    else {
      v = (cv){everywhere(0), everywhere(0)};
      for (int l = 0; l < count; l++) {
        v.re[l] = x[2 * (j * stride + l)];
        v.im[l] = x[2 * (j * stride + l) + 1];
      }
    }
    a[j] = flip ? exchanged(v) : v;
  }
}

ALWAYS void store_columns(T *y, const cv *a, int64_t rows, int64_t stride, int count, bool flip, T scale) {
  for (int64_t j = 0; j < rows; j++) {
    cv v = scaled(flip ? exchanged(a[j]) : a[j], scale);
    if (count == W) store_complex(y + 2 * j * stride, v);
    else for (int l = 0; l < count; l++) {
      y[2 * (j * stride + l)] = v.re[l];
      y[2 * (j * stride + l) + 1] = v.im[l];
    }
  }
}

/* Columns c.. of x (n1, n2) transformed, turned, into rows c.. of middle (n2, n1). */
static void columns_to_rows(const line *l, const T *x, T *middle, int64_t group, bool flip, cv *a, cv *b) {
  const int64_t c = group * W;
  const int count = (int)least(W, l->n2 - c);
  load_columns(a, x + 2 * c, l->n1, l->n2, count, flip);
  cv *r = run_core(l->first, a, b);
  const T *coarse = l->coarse + 2 * group * l->n1;
  for (int64_t k = 0; k < l->n1; k++) r[k] = times(times_number(r[k], coarse + 2 * k), ((const cv *)l->fine)[k]);
  lanes rows = {middle, l->n1, 1, {0}, 2, count, false};
  for (int lane = 0; lane < W; lane++) rows.start[lane] = 2 * (c + least(lane, count - 1)) * (l->n1 + MIDDLE_PAD);
  store_rows(&rows, (const V *)r, 2 * l->n1, 0, 1);
}

static void rows_to_result(const line *l, const T *middle, T *y, int64_t group, bool flip, T scale, cv *a, cv *b) {
  const int64_t c = group * W;
  const int count = (int)least(W, l->n1 - c);
  load_columns(a, middle + 2 * c, l->n2, l->n1 + MIDDLE_PAD, count, false);
  store_columns(y + 2 * c, run_core(l->second, a, b), l->n2, l->n1, count, flip, scale);
}

static double fft_work(int64_t n) { return 0.25 * (double)n * log2((double)n + 1); }

/* Four steps; x may be y. Threads share the groups. false: no memory. */
static bool four_steps(const line *l, const T *x, T *y, T *middle, bool flip, T scale) {
  const int64_t left = (l->n2 + W - 1) / W, right = (l->n1 + W - 1) / W, room = core_room(l->first) + core_room(l->second);
  bool good = true;
  for (int half = 0; half < 2; half++) {
    TC_PARALLEL(half ? right : left, 1, fft_work(l->n)) {
      cv *a = vectors(2 * room * (int64_t)sizeof *a), *b = a + room;
      if (!a) good = false;
      for (int64_t g = lo; a && g < hi; g++) {
        if (half) rows_to_result(l, middle, y, g, flip, scale, a, b);
        else columns_to_rows(l, x, middle, g, flip, a, b);
      }
      free(a);
    } TC_PARALLEL_END
    if (!good) return false;
  }
  return true;
}

/* to = from * w over n complex numbers; from's parts exchanged before, or to's after */
static void multiply(int64_t n, T *to, const T *from, const T *w, bool before, bool after, T scale) {
  TC_PARALLEL(n, 64, (double)n) {
    for (int64_t j = lo; j < hi; j++) {
      T re = from[2 * j + before], im = from[2 * j + !before];
      T x = (re * w[2 * j] - im * w[2 * j + 1]) * scale, y = (re * w[2 * j + 1] + im * w[2 * j]) * scale;
      to[2 * j + after] = x;
      to[2 * j + !after] = y;
    }
  } TC_PARALLEL_END
}

static bool line_bluestein(const line *l, const T *x, T *y, T *work, bool flip, T scale) {
  const int64_t n = l->n, m = l->convolver->n;
  T *middle = work + 2 * m;
  multiply(n, work, x, l->chirp, flip, false, 1);
  memset(work + 2 * n, 0, (size_t)(m - n) * 2 * sizeof *work);
  if (!four_steps(l->convolver, work, work, middle, false, 1)) return false;
  multiply(m, work, work, l->spectrum, false, true, 1);
  if (!four_steps(l->convolver, work, work, middle, false, 1)) return false;
  multiply(n, y, work, l->chirp, true, flip, scale);
  return true;
}

/* One line of n complex numbers; x may be y; work has line_room(l) complex numbers. flip: parts exchanged before and after. */
static bool run_line(const line *l, const T *x, T *y, T *work, bool flip, T scale) {
  return l->convolver ? line_bluestein(l, x, y, work, flip, scale) : four_steps(l, x, y, work, flip, scale);
}

static line *line_new(int64_t n);

static bool line_chirps(line *l) {
  const int64_t m = good_length(2 * l->n - 1);
  l->convolver = line_new(m);
  l->chirp = chirp_of(l->n);
  l->spectrum = l->chirp ? chirp_kernel(l->chirp, l->n, m) : NULL;
  if (!l->convolver || !l->spectrum) return false;
  T *middle = vectors(line_room(l->convolver) * 2 * (int64_t)sizeof(T));
  bool good = middle && four_steps(l->convolver, l->spectrum, l->spectrum, middle, false, 1);
  free(middle);
  return good;
}

static line *line_new(int64_t n) {
  line *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->n = n;
  l->n1 = split_of(n);
  bool good;
  if (l->n1) {
    l->n2 = n / l->n1;
    l->first = core_new(l->n1);
    l->second = core_new(l->n2);
    good = l->first && l->second && line_roots(l);
  } else good = line_chirps(l);
  if (good) return l;
  line_free(l);
  return NULL;
}

/* ---- real numbers of even length, as in fft_lanes.h, but along one line of interleaved complex numbers ---- */

ALWAYS cv one_lane(const T *p) { return (cv){everywhere(p[0]), everywhere(p[1])}; }
ALWAYS void put_lane(T *p, cv x) { p[0] = x.re[0]; p[1] = x.im[0]; }

/* z has h elements and room for h + 1. join: the way back. */
static void line_pairs(T *z, int64_t h, const T *roots, bool join) {
  TC_PARALLEL((h + 1) / 2, W, (double)h) {
    int64_t k = lo;
    for (; k + W <= hi && 2 * (k + W - 1) < h; k += W) {
      T *left = z + 2 * k, *right = z + 2 * (h - k - W + 1);
      cv p = load_complex(left), q = backwards(load_complex(right)), w = load_complex(roots + 2 * k);
      if (join) join_pair(&p, &q, w);
      else part_pair(&p, &q, w);
      store_complex(left, p);
      store_complex(right, backwards(q));
    }
    for (; k < hi; k++) {
      cv p = one_lane(z + 2 * k), q = one_lane(z + 2 * (h - k)), w = one_lane(roots + 2 * k);
      if (join) join_pair(&p, &q, w);
      else part_pair(&p, &q, w);
      put_lane(z + 2 * k, p);
      put_lane(z + 2 * (h - k), q);
    }
  } TC_PARALLEL_END
  if (h % 2) return;
  const T twice = join ? 2 : 1;
  z[h] *= twice;
  z[h + 1] *= -twice;
}

static void part_line(T *z, int64_t h, const T *roots) {
  z[2 * h] = z[0];
  z[2 * h + 1] = z[1];
  line_pairs(z, h, roots, false);
}

static void weigh_line(T *z, const tc_fft *p) {
  const T weight = (T)p->middle, sign = p->inverse == (p->kind == TC_FFT_FROM_REAL) ? -1 : 1;
  if (weight == 1 && sign == 1) return;
  for (int64_t k = 0; k <= p->n / 2; k++) {
    const T s = k == 0 || 2 * k == p->n ? 1 : weight;
    z[2 * k] *= s;
    z[2 * k + 1] *= s * sign;
  }
}
