/* fft_pass.h: transforms of W lines at once: one pass for each factor of the length (Stockham's order, nothing is permuted), or
   Bluestein's convolution where a factor is large. Forward only; backwards is the same with real and imaginary parts exchanged. */

ALWAYS void butterfly_2(cv *x) {
  cv a = x[0];
  x[0] = plus(a, x[1]);
  x[1] = minus(a, x[1]);
}

ALWAYS void butterfly_3(cv *x) {
  const T half = (T)0.5, s = (T)0.86602540378443864676; /* sin(2 pi / 3) */
  cv sum = plus(x[1], x[2]), turned = scaled(times_minus_i(minus(x[1], x[2])), s), a = minus(x[0], scaled(sum, half));
  x[0] = plus(x[0], sum);
  x[1] = plus(a, turned);
  x[2] = minus(a, turned);
}

ALWAYS void butterfly_4(cv *x) {
  cv a = plus(x[0], x[2]), b = minus(x[0], x[2]), c = plus(x[1], x[3]), d = times_minus_i(minus(x[1], x[3]));
  x[0] = plus(a, c);
  x[1] = plus(b, d);
  x[2] = minus(a, c);
  x[3] = minus(b, d);
}

/* cosines and sines of 2 pi j / R for j = 1 .. (R-1)/2; x[q] = x[0] + sum_j (x[j] + x[R-j]) cos(jq) - i (x[j] - x[R-j]) sin(jq) */
ALWAYS void butterfly_odd(const int R, cv *x, const T *cosine, const T *sine) {
  const int half = (R - 1) / 2;
  cv sum[half], difference[half], first = x[0], total = x[0];
#pragma GCC unroll 8
  for (int j = 0; j < half; j++) {
    sum[j] = plus(x[j + 1], x[R - 1 - j]);
    difference[j] = times_minus_i(minus(x[j + 1], x[R - 1 - j]));
    total = plus(total, sum[j]);
  }
  x[0] = total;
#pragma GCC unroll 8
  for (int q = 1; q <= half; q++) {
    cv even = first, odd = {everywhere(0), everywhere(0)};
#pragma GCC unroll 8
    for (int j = 1; j <= half; j++) {
      const int turn = j * q % R, mirrored = turn > half ? R - turn : turn;
      const T s = turn > half ? -sine[mirrored - 1] : sine[mirrored - 1];
      even = plus(even, scaled(sum[j - 1], cosine[mirrored - 1]));
      odd = plus(odd, scaled(difference[j - 1], s));
    }
    x[q] = plus(even, odd);
    x[R - q] = minus(even, odd);
  }
}

ALWAYS void butterfly_5(cv *x) {
  butterfly_odd(5, x, (const T[]){(T)0.30901699437494742410, (T)-0.80901699437494742410},
                (const T[]){(T)0.95105651629515357212, (T)0.58778525229247312917});
}

ALWAYS void butterfly_7(cv *x) {
  butterfly_odd(7, x, (const T[]){(T)0.62348980185873353053, (T)-0.22252093395631440429, (T)-0.90096886790241912624},
                (const T[]){(T)0.78183148246802980871, (T)0.97492791218182360702, (T)0.43388373911755812048});
}

ALWAYS void butterfly(const int R, cv *x) {
  if (R == 2) butterfly_2(x);
  if (R == 3) butterfly_3(x);
  if (R == 4) butterfly_4(x);
  if (R == 5) butterfly_5(x);
  if (R == 7) butterfly_7(x);
}

/* One factor R of n = l1 R ido: `from` is (l1, R, ido), `to` is (R, l1, ido). */
ALWAYS void pass(const int R, const int64_t ido, const int64_t l1, const cv *restrict from, cv *restrict to, const T *restrict w) {
  if (ido == 1) { /* the last pass has no roots */
    for (int64_t k = 0; k < l1; k++) {
      cv x[R];
#pragma GCC unroll 8
      for (int b = 0; b < R; b++) x[b] = from[b + R * k];
      butterfly(R, x);
#pragma GCC unroll 8
      for (int b = 0; b < R; b++) to[k + l1 * b] = x[b];
    }
    return;
  }
  for (int64_t k = 0; k < l1; k++)
    for (int64_t i = 0; i < ido; i++) {
      cv x[R];
#pragma GCC unroll 8
      for (int b = 0; b < R; b++) x[b] = from[i + ido * (b + R * k)];
      butterfly(R, x);
      to[i + ido * k] = x[0];
#pragma GCC unroll 8
      for (int b = 1; b < R; b++) to[i + ido * (k + l1 * b)] = times_number(x[b], w + 2 * (i * (R - 1) + b - 1));
    }
}

/* The same for a radix without a butterfly of its own; turns are its roots of unity. */
static void pass_any(const int R, int64_t ido, int64_t l1, const cv *restrict from, cv *restrict to, const T *restrict w, const T *turns) {
  const int half = (R - 1) / 2;
  T cosine[LARGEST_RADIX / 2 + 1], sine[LARGEST_RADIX / 2 + 1];
  for (int j = 0; j < half; j++) {
    cosine[j] = turns[2 * (j + 1)];
    sine[j] = -turns[2 * (j + 1) + 1];
  }
  for (int64_t k = 0; k < l1; k++)
    for (int64_t i = 0; i < ido; i++) {
      cv x[LARGEST_RADIX], sum[LARGEST_RADIX / 2 + 1], difference[LARGEST_RADIX / 2 + 1];
      for (int b = 0; b < R; b++) x[b] = from[i + ido * (b + R * k)];
      cv total = x[0];
      for (int j = 0; j < half; j++) {
        sum[j] = plus(x[j + 1], x[R - 1 - j]);
        difference[j] = times_minus_i(minus(x[j + 1], x[R - 1 - j]));
        total = plus(total, sum[j]);
      }
      to[i + ido * k] = total;
      for (int q = 1; q <= half; q++) {
        cv even = x[0], odd = {everywhere(0), everywhere(0)};
        for (int j = 1, turn = q; j <= half; j++, turn = turn + q >= R ? turn + q - R : turn + q) {
          const int mirrored = turn > half ? R - turn : turn;
          even = plus(even, scaled(sum[j - 1], cosine[mirrored - 1]));
          odd = plus(odd, scaled(difference[j - 1], turn > half ? -sine[mirrored - 1] : sine[mirrored - 1]));
        }
        to[i + ido * (k + l1 * q)] = times_number(plus(even, odd), w + 2 * (i * (R - 1) + q - 1));
        to[i + ido * (k + l1 * (R - q))] = times_number(minus(even, odd), w + 2 * (i * (R - 1) + R - q - 1));
      }
    }
}

static void one_pass(const core *c, int f, int64_t l1, const cv *from, cv *to) {
  const int64_t ido = c->n / (l1 * c->radix[f]);
  const T *w = c->roots[f];
  switch (c->radix[f]) {
    case 2: pass(2, ido, l1, from, to, w); break;
    case 3: pass(3, ido, l1, from, to, w); break;
    case 4: pass(4, ido, l1, from, to, w); break;
    case 5: pass(5, ido, l1, from, to, w); break;
    case 7: pass(7, ido, l1, from, to, w); break;
    default: pass_any(c->radix[f], ido, l1, from, to, w, c->turns[f]);
  }
}

static cv *run_passes(const core *c, cv *a, cv *b) {
  int64_t l1 = 1;
  for (int f = 0; f < c->factors; f++) {
    one_pass(c, f, l1, a, b);
    l1 *= c->radix[f];
    cv *t = a;
    a = b;
    b = t;
  }
  return a;
}

/* How many complex vectors each of the two buffers of a run has to hold. */
static int64_t core_room(const core *c) { return c->convolver ? c->convolver->n : c->n; }

/* The transform of the n vectors in a; the result is in the buffer that is returned, a or b. */
static cv *run_core(const core *c, cv *a, cv *b) {
  if (!c->convolver) return run_passes(c, a, b);
  const int64_t n = c->n, m = c->convolver->n;
  for (int64_t j = 0; j < n; j++) a[j] = times_number(a[j], c->chirp + 2 * j);
  memset(a + n, 0, (size_t)(m - n) * sizeof *a);
  cv *r = run_passes(c->convolver, a, b), *other = r == a ? b : a;
  for (int64_t j = 0; j < m; j++) r[j] = exchanged(times_number(r[j], c->spectrum + 2 * j));
  cv *y = run_passes(c->convolver, r, other);
  for (int64_t j = 0; j < n; j++) y[j] = times_number(exchanged(y[j]), c->chirp + 2 * j);
  return y;
}

static core *core_new(int64_t n);

/* The transform of the chirp, taken in lane 0. */
static bool core_bluestein(core *c) {
  const int64_t m = good_length(2 * c->n - 1);
  c->convolver = core_new(m);
  c->chirp = chirp_of(c->n);
  c->spectrum = c->chirp ? chirp_kernel(c->chirp, c->n, m) : NULL;
  cv *a = vectors(m * (int64_t)sizeof *a), *b = vectors(m * (int64_t)sizeof *b);
  const bool good = c->convolver && c->spectrum && a && b;
  if (good) {
    for (int64_t j = 0; j < m; j++) a[j] = (cv){everywhere(c->spectrum[2 * j]), everywhere(c->spectrum[2 * j + 1])};
    cv *r = run_passes(c->convolver, a, b);
    for (int64_t j = 0; j < m; j++) {
      c->spectrum[2 * j] = r[j].re[0];
      c->spectrum[2 * j + 1] = r[j].im[0];
    }
  }
  free(a);
  free(b);
  return good;
}

static core *core_new(int64_t n) {
  core *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->n = n;
  int count = factorise(n, c->radix);
  c->factors = count < 0 ? 0 : count;
  if (count < 0 ? core_bluestein(c) : core_roots(c)) return c;
  core_free(c);
  return NULL;
}
