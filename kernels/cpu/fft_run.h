/* fft_run.h: a whole call: many lines side by side, or long lines one after another; and the cache of plans. */
#include <pthread.h>

/* What a call needs: roots serve real transforms of even length. */
typedef struct plan {
  int64_t n;
  int kind, users;
  bool longer;               /* lines one after another */
  uint64_t used;
  core *c;
  line *l;
  T *roots;
} plan;

static plan *cache[CACHED_PLANS];
static uint64_t uses;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void plan_free(plan *p) {
  if (!p) return;
  core_free(p->c);
  line_free(p->l);
  free(p->roots);
  free(p);
}

/* The length of the complex transform that does the work. */
static int64_t inner_length(int kind, int64_t n) { return kind == TC_FFT_COMPLEX || n % 2 ? n : n / 2; }

static plan *plan_new(int kind, int64_t n, bool longer) {
  plan *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  *p = (plan){n, kind, 1, longer};
  const int64_t length = inner_length(kind, n);
  if (longer) p->l = line_new(length);
  else p->c = core_new(length);
  bool good = p->l || p->c;
  if (good && kind != TC_FFT_COMPLEX) {
    p->roots = malloc((size_t)(n / 4 + 2) * 2 * sizeof(T));
    for (int64_t k = 0; p->roots && k < n / 4 + 2; k++) put_root(p->roots + 2 * k, k, n);
    good = p->roots != NULL;
  }
  if (good) return p;
  plan_free(p);
  return NULL;
}

static plan *plan_find(int kind, int64_t n, bool longer) {
  for (int i = 0; i < CACHED_PLANS; i++) {
    plan *p = cache[i];
    if (p && p->n == n && p->longer == longer && (p->kind == TC_FFT_COMPLEX) == (kind == TC_FFT_COMPLEX)) {
      p->users++;
      p->used = ++uses;
      return p;
    }
  }
  return NULL;
}

/* Puts a new plan in the place of the one that was not used for the longest; a plan that finds no place is freed after use. */
static bool plan_keep(plan *p) {
  int oldest = -1;
  for (int i = 0; i < CACHED_PLANS; i++) {
    if (!cache[i]) { oldest = i; break; }
    if (!cache[i]->users && (oldest < 0 || cache[i]->used < cache[oldest]->used)) oldest = i;
  }
  if (oldest < 0) return false;
  plan_free(cache[oldest]);
  p->used = ++uses;
  cache[oldest] = p;
  return true;
}

static plan *plan_take(int kind, int64_t n, bool longer) {
  pthread_mutex_lock(&guard);
  plan *p = plan_find(kind, n, longer);
  pthread_mutex_unlock(&guard);
  return p ? p : plan_new(kind, n, longer);
}

static void plan_give(plan *p) {
  pthread_mutex_lock(&guard);
  bool ours = false;
  p->users--;
  for (int i = 0; i < CACHED_PLANS; i++) ours = ours || cache[i] == p;
  if (!ours && !plan_keep(p)) plan_free(p);
  pthread_mutex_unlock(&guard);
}

/* ---- many lines ---- */
static bool side_by_side(const tc_fft *p, const plan *plan, const void *x, void *y) {
  const int64_t count = p->outer * p->inner, room = core_room(plan->c) + 2, groups = (count + W - 1) / W;
  const int from = p->kind == TC_FFT_FROM_REAL ? 1 : 2, to = p->kind == TC_FFT_TO_REAL ? 1 : 2;
  bool good = true;
  TC_PARALLEL(groups, 1, (double)count * fft_work(p->n)) {
    cv *a = vectors(2 * room * (int64_t)sizeof *a), *b = a + room;
    if (!a) good = false;
    for (int64_t g = lo; a && g < hi; g++) {
      const int width = (int)least(W, count - g * W);
      lanes in = lanes_at((void *)x, p->in, p->inner, from, g * W, width), out = lanes_at(y, p->out, p->inner, to, g * W, width);
      if (p->kind == TC_FFT_COMPLEX) complex_lanes(p, plan->c, &in, &out, a, b);
      else if (p->kind == TC_FFT_FROM_REAL) from_real_lanes(p, plan->c, plan->roots, &in, &out, a, b);
      else to_real_lanes(p, plan->c, plan->roots, &in, &out, a, b);
    }
    free(a);
  } TC_PARALLEL_END
  return good;
}

/* ---- long lines ---- */

/* `count` elements of `parts` numbers, `stride` elements apart, zeros up to `room` elements */
static void gather_line(T *to, const T *from, int64_t count, int64_t room, int64_t stride, int parts) {
  if (stride == 1) memcpy(to, from, (size_t)(count * parts) * sizeof *to);
  else for (int64_t j = 0; j < count; j++)
    for (int k = 0; k < parts; k++) to[j * parts + k] = from[j * stride * parts + k];
  if (room > count) memset(to + count * parts, 0, (size_t)((room - count) * parts) * sizeof *to);
}

static void scatter_line(T *to, const T *from, int64_t count, int64_t room, int64_t stride, int parts) {
  for (int64_t j = 0; j < room; j++)
    for (int k = 0; k < parts; k++) to[j * stride * parts + k] = j < count ? from[j * parts + k] : 0;
}

static bool complex_line(const tc_fft *p, const plan *plan, const T *x, T *y, T *buffer, T *work) {
  const bool whole_in = p->inner == 1 && p->in >= p->n, whole_out = p->inner == 1 && p->out == p->n;
  if (!whole_in) gather_line(buffer, x, least(p->in, p->n), p->n, p->inner, 2);
  T *to = whole_out ? y : buffer;
  if (!run_line(plan->l, whole_in ? x : buffer, to, work, p->inverse, (T)p->scale)) return false;
  if (!whole_out) scatter_line(y, buffer, least(p->out, p->n), p->out, p->inner, 2);
  return true;
}

static bool from_real_line(const tc_fft *p, const plan *plan, const T *x, T *y, T *buffer, T *work) {
  const int64_t n = p->n, bins = n / 2 + 1;
  const bool whole_in = p->inner == 1 && p->in >= n && n % 2 == 0, whole_out = p->inner == 1 && p->out == bins && n % 2 == 0;
  T *z = whole_out ? y : buffer;
  if (!whole_in) gather_line(buffer, x, least(p->in, n), n, p->inner, 1);
  if (n % 2)
    for (int64_t j = n - 1; j >= 0; j--) {
      buffer[2 * j] = buffer[j];
      buffer[2 * j + 1] = 0;
    }
  if (!run_line(plan->l, whole_in ? x : buffer, z, work, false, (T)p->scale)) return false;
  if (n % 2 == 0) part_line(z, n / 2, plan->roots);
  weigh_line(z, p);
  if (!whole_out) scatter_line(y, z, least(p->out, bins), p->out, p->inner, 2);
  return true;
}

static bool to_real_line(const tc_fft *p, const plan *plan, const T *x, T *y, T *buffer, T *work) {
  const int64_t n = p->n, h = n / 2, bins = h + 1;
  const bool whole_out = p->inner == 1 && p->out == n && n % 2 == 0;
  T *z = whole_out ? y : buffer;
  gather_line(buffer, x, least(p->in, bins), bins, p->inner, 2);
  weigh_line(buffer, p);
  buffer[1] = 0;
  if (n % 2 == 0) {
    buffer[2 * h + 1] = 0;
    line_pairs(buffer, h, plan->roots, true);
  } else
    for (int64_t k = 1; k <= h; k++) {
      buffer[2 * (n - k)] = buffer[2 * k];
      buffer[2 * (n - k) + 1] = -buffer[2 * k + 1];
    }
  if (!run_line(plan->l, buffer, z, work, true, (T)p->scale)) return false;
  if (n % 2)
    for (int64_t j = 0; j < n; j++) z[j] = z[2 * j];
  if (!whole_out) scatter_line(y, z, least(p->out, n), p->out, p->inner, 1);
  return true;
}

static bool one_by_one(const tc_fft *p, const plan *plan, const T *x, T *y) {
  const int64_t count = p->outer * p->inner, room = line_room(plan->l);
  const int from = p->kind == TC_FFT_FROM_REAL ? 1 : 2, to = p->kind == TC_FFT_TO_REAL ? 1 : 2;
  const double work = count < 2 * tc_kernel_threads ? 0 : (double)count * fft_work(p->n); /* few lines: threads share each of them */
  bool good = true;
  TC_PARALLEL(count, 1, work) {
    T *buffer = vectors((p->n + 2 + room) * 2 * (int64_t)sizeof *buffer), *scratch = buffer + 2 * (p->n + 2);
    if (!buffer) good = false;
    for (int64_t i = lo; good && i < hi; i++) {
      const T *in = x + (i / p->inner * p->in * p->inner + i % p->inner) * from;
      T *out = y + (i / p->inner * p->out * p->inner + i % p->inner) * to;
      bool done = p->kind == TC_FFT_COMPLEX ? complex_line(p, plan, in, out, buffer, scratch)
        : p->kind == TC_FFT_FROM_REAL ? from_real_line(p, plan, in, out, buffer, scratch) : to_real_line(p, plan, in, out, buffer, scratch);
      if (!done) good = false;
    }
    free(buffer);
  } TC_PARALLEL_END
  return good;
}

/* W long lines at once do not fit into the cache, and one short line does not fill the vectors. */
static bool lines_one_by_one(const tc_fft *p) {
  const int64_t length = inner_length(p->kind, p->n), count = p->outer * p->inner;
  if (length < 256) return false;
  if (count < W / 2 || length > (p->inner >= W ? 8192 : 1024)) return split_of(length) || length > 1024;
  return false;
}

static int transform(const tc_fft *p, const void *x, void *y) {
  if (!p->out || !p->outer || !p->inner) return TC_OK;
  const bool longer = lines_one_by_one(p);
  plan *plan = plan_take(p->kind, p->n, longer);
  if (!plan) return TC_NO_MEMORY;
  bool good = longer ? one_by_one(p, plan, x, y) : side_by_side(p, plan, x, y);
  plan_give(plan);
  return good ? TC_OK : TC_NO_MEMORY;
}
