/* fft_plan.h: what a transform of one length needs beforehand (factors, roots of unity), and a cache of it.
   A core transforms W lines at once, a line one long line by way of two cores. */

enum { MOST_FACTORS = 64, LARGEST_RADIX = 61, CACHED_PLANS = 32 };

typedef struct core {
  int64_t n;
  int factors, radix[MOST_FACTORS];
  T *roots[MOST_FACTORS];    /* of each pass: (ido, radix - 1) complex numbers exp(-2 pi i l1 i b / n) */
  T *turns[MOST_FACTORS];    /* of radices without a pass of their own: radix complex numbers exp(-2 pi i j / radix) */
  struct core *convolver;    /* Bluestein's way: of a length m >= 2n - 1 with small factors */
  T *chirp, *spectrum;       /* n numbers exp(-pi i j^2 / n); the transform of their conjugates, divided by m */
} core;

typedef struct line {
  int64_t n, n1, n2;         /* n = n1 n2, of nearly equal size */
  core *first, *second;      /* of lengths n1 and n2 */
  T *coarse, *fine;          /* (groups of n2, n1) and (n1, W real, W imaginary): their product is exp(-2 pi i j2 k1 / n) */
  struct line *convolver;    /* Bluestein's way, as above */
  T *chirp, *spectrum;
} line;

/* exp(-2 pi i k / n), right to the last bit or nearly: reduced to an eighth of a turn, the angle in two parts. */
static void root(int64_t k, int64_t n, double *re, double *im) {
  const double quarter_pi = 0.78539816339744828, rest_of_it = 3.0616169978683830e-17;
  int64_t eighths = 8 * (k % n), octant = eighths / n, within = eighths % n;
  if (octant & 1) within = n - within;
  double part = (double)within / (double)n, lost = fma(-part, (double)n, (double)within) / (double)n;
  double angle = quarter_pi * part, low = fma(quarter_pi, part, -angle) + quarter_pi * lost + rest_of_it * part;
  double s = sin(angle), c = cos(angle), sine = fma(low, c, s), cosine = fma(-low, s, c);
  bool steep = (octant + 1) & 2, left = octant >= 2 && octant < 6, down = octant >= 4;
  double x = steep ? sine : cosine, y = steep ? cosine : sine;
  *re = left ? -x : x;
  *im = down ? y : -y;
}

static void put_root(T *to, int64_t k, int64_t n) {
  double re, im;
  root(k, n, &re, &im);
  to[0] = (T)re;
  to[1] = (T)im;
}

/* Memory that vectors may live in; at least one of them. */
static void *vectors(int64_t bytes) { return aligned_alloc(64, (size_t)((bytes + 64 + 63) / 64 * 64)); }

static int factorise(int64_t n, int *radix) { /* 0 if a factor is too large */
  static const int small[] = {4, 2, 3, 5, 7};
  int count = 0;
  for (int s = 0; s < 5; s++)
    for (; n % small[s] == 0; n /= small[s]) radix[count++] = small[s];
  for (int f = 11; f <= LARGEST_RADIX; f += 2)
    for (; n % f == 0; n /= f) radix[count++] = f;
  return n == 1 ? count : -1;
}

/* The smallest 2^a 3^b 5^c from n on; even, so that both halves of a line can be vectors. */
static int64_t good_length(int64_t n) {
  int64_t best = INT64_MAX;
  for (int64_t five = 1; five < 2 * n; five *= 5)
    for (int64_t three = five; three < 2 * n; three *= 3) {
      int64_t m = three * 4;
      while (m < n) m *= 2;
      if (m < best) best = m;
    }
  return best;
}

static void core_free(core *c) {
  if (!c) return;
  for (int f = 0; f < c->factors; f++) {
    free(c->roots[f]);
    free(c->turns[f]);
  }
  core_free(c->convolver);
  free(c->chirp);
  free(c->spectrum);
  free(c);
}

static bool core_roots(core *c) {
  int64_t l1 = 1;
  for (int f = 0; f < c->factors; f++) {
    int r = c->radix[f];
    int64_t ido = c->n / (l1 * r);
    c->roots[f] = malloc((size_t)(ido * (r - 1)) * 2 * sizeof(T));
    c->turns[f] = malloc((size_t)r * 2 * sizeof(T));
    if (!c->roots[f] || !c->turns[f]) return false;
    for (int64_t i = 0; i < ido; i++)
      for (int b = 1; b < r; b++) put_root(c->roots[f] + 2 * (i * (r - 1) + b - 1), l1 * i * b, c->n);
    for (int j = 0; j < r; j++) put_root(c->turns[f] + 2 * j, j, r);
    l1 *= r;
  }
  return true;
}

static T *chirp_of(int64_t n) { /* j^2 modulo 2n grows by 2j - 1 */
  T *chirp = malloc((size_t)n * 2 * sizeof(T));
  for (int64_t j = 0, square = 0; chirp && j < n; j++, square = (square + 2 * j - 1) % (2 * n)) put_root(chirp + 2 * j, square, 2 * n);
  return chirp;
}

/* m complex numbers: the conjugate chirp at j and -j, divided by m */
static T *chirp_kernel(const T *chirp, int64_t n, int64_t m) {
  T *k = calloc((size_t)m * 2, sizeof(T));
  for (int64_t j = 0; k && j < n; j++) {
    int64_t other = j ? m - j : 0;
    k[2 * j] = k[2 * other] = chirp[2 * j] / (T)m;
    k[2 * j + 1] = k[2 * other + 1] = -chirp[2 * j + 1] / (T)m;
  }
  return k;
}
