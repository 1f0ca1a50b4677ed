/* depthwise.h: sliding sums of one channel onto one, for one element type T; included once for each with S(name) making its names. There is so
   little arithmetic that a padded copy would cost more: taps are read where they lie. Where a tap of some column lies beyond the row's border, what
   was read there, an element of a neighbouring row, is masked out. */
typedef INDEX S(mask) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

static bool S(is_depthwise)(const slide *s) {
  return s->c == 1 && s->o == 1 && volume(s->stride) == 1 && s->in[0] == 1 && s->k[0] == 1 && s->out[0] == 1 && s->pad[0] == 0 &&
         s->y_step[2] == 1 && s->out[2] >= S(LANES);
}

static int64_t S(vectors_of_row)(const slide *s) { return (s->out[2] + S(LANES) - 1) / S(LANES); }
/* the first column of vector v; the last vector overlaps the one before */
static inline int64_t S(column)(const slide *s, int64_t v) { return smaller(v * S(LANES), s->out[2] - S(LANES)); }

/* masks[v * k + j]: the lanes of vector v whose tap j is inside the row */
static void S(find_masks)(const slide *s, S(mask) *masks) {
  for (int64_t v = 0; v < S(vectors_of_row)(s); v++)
    for (int64_t j = 0; j < s->k[2]; j++)
      for (int lane = 0; lane < S(LANES); lane++) {
        int64_t at = S(column)(s, v) + lane + j * s->dilation[2] - s->pad[2];
        masks[v * s->k[2] + j][lane] = at >= 0 && at < s->in[2] ? -1 : 0;
      }
}

/* One output row: x is the input row of the first of the `kh` tap rows inside the input, w its weights. kw is k[2], a constant where known. */
static inline __attribute__((always_inline)) void S(depthwise_row)(const slide *s, int64_t kw, T *y, const T *x, const T *w, int64_t kh, T bias,
                                                                   const S(mask) *masks) {
  const int64_t down = s->dilation[1] * s->in[2], right = s->dilation[2], n = S(vectors_of_row)(s);
  const S(vec) zero = {0};
  for (int64_t v = 0; v < n; v++, masks += kw) {
    const T *from = x + S(column)(s, v) - s->pad[2];
    S(vec) sum = zero + bias;
    for (int64_t i = 0; i < kh; i++)
      _Pragma("GCC unroll 5") for (int64_t j = 0; j < kw; j++)
        sum += w[i * kw + j] * (S(vec))(*(const S(mask) *)(from + i * down + j * right) & masks[j]);
    *(S(vec) *)(y + S(column)(s, v)) = sum;
  }
}

/* Four output rows of 3 x 3 taps, all inside the input: what is read serves up to three of them. */
static void S(depthwise_four)(const slide *s, T *y, const T *x, const T *w, T bias, const S(mask) *masks) {
  const int64_t down = s->in[2], right = s->dilation[2], step = s->y_step[1], n = S(vectors_of_row)(s);
  const S(vec) zero = {0};
  for (int64_t v = 0; v < n; v++, masks += 3) {
    const int64_t column = S(column)(s, v);
    const T *from = x + column - s->pad[2];
    S(vec) sum[4];
    _Pragma("GCC unroll 4") for (int o = 0; o < 4; o++) sum[o] = zero + bias;
    _Pragma("GCC unroll 6") for (int r = 0; r < 6; r++)
      _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
        const S(vec) tap = (S(vec))(*(const S(mask) *)(from + r * down + j * right) & masks[j]);
        _Pragma("GCC unroll 4") for (int o = 0; o < 4; o++)
          if (r - o >= 0 && r - o < 3) sum[o] += w[(r - o) * 3 + j] * tap;
      }
    _Pragma("GCC unroll 4") for (int o = 0; o < 4; o++) *(S(vec) *)(y + o * step + column) = sum[o];
  }
}

/* may four rows from h on go at once? */
static bool S(four_fit)(const slide *s, int64_t h, const T *x, const T *begin, const T *end) {
  const int64_t top = h - s->pad[1], reach = 2 * s->dilation[2] + s->out[2] - s->pad[2];
  return s->k[1] == 3 && s->k[2] == 3 && s->dilation[1] == 1 && h + 4 <= s->out[1] && top >= 0 && top + 6 <= s->in[1] &&
         x + top * s->in[2] - s->pad[2] >= begin && x + (top + 5) * s->in[2] + reach <= end;
}

/* one row where vectors would reach beyond the whole input */
static void S(depthwise_edge)(const slide *s, T *y, const T *x, const T *w, int64_t kh, T bias) {
  const int64_t down = s->dilation[1] * s->in[2];
  for (int64_t q = 0; q < s->out[2]; q++) {
    T sum = bias;
    for (int64_t j = 0; j < s->k[2]; j++) {
      int64_t at = q + j * s->dilation[2] - s->pad[2];
      if (at < 0 || at >= s->in[2]) continue;
      for (int64_t i = 0; i < kh; i++) sum += w[i * s->k[2] + j] * x[i * down + at];
    }
    y[q] = sum;
  }
}

/* x: one plane of the input, which goes from `begin` to `end` */
static void S(depthwise_plane)(const slide *s, T *y, const T *x, const T *w, T bias, const S(mask) *masks, const T *begin, const T *end) {
  const int64_t dilation = s->dilation[1], kw = s->k[2], reach = s->dilation[2] * (kw - 1);
  for (int64_t h = 0; h < s->out[1]; h++, y += s->y_step[1]) {
    if (S(four_fit)(s, h, x, begin, end)) {
      S(depthwise_four)(s, y, x + (h - s->pad[1]) * s->in[2], w, bias, masks);
      h += 3, y += 3 * s->y_step[1];
      continue;
    }
    int64_t top = h - s->pad[1], from = top < 0 ? (-top + dilation - 1) / dilation : 0; /* the tap rows inside the input */
    int64_t left = s->in[1] - 1 - top, to = left < 0 ? 0 : smaller(s->k[1], left / dilation + 1), kh = larger(0, to - from);
    const T *first = x + (top + from * dilation) * s->in[2], *weights = w + from * kw;
    const T *low = first - s->pad[2], *high = first + (kh - 1) * dilation * s->in[2] + s->out[2] + reach - s->pad[2];
    if (kh > 0 && (low < begin || high > end)) S(depthwise_edge)(s, y, first, weights, kh, bias);
    else if (kw == 3) S(depthwise_row)(s, 3, y, first, weights, kh, bias, masks);
    else if (kw == 5) S(depthwise_row)(s, 5, y, first, weights, kh, bias, masks);
    else S(depthwise_row)(s, kw, y, first, weights, kh, bias, masks);
  }
}

static int S(depthwise)(const slide *s, T *y, const T *x, const T *packed, const T *bias) {
  const int64_t taps = volume(s->k), in = volume(s->in), planes = s->n * s->groups;
  S(mask) *masks = room(&inputs, S(vectors_of_row)(s) * s->k[2] * VECTOR_BYTES);
  if (!masks) return TC_NO_MEMORY;
  S(find_masks)(s, masks);
  TC_PARALLEL(planes, 1, work_of(s)) {
    for (int64_t i = lo; i < hi; i++) {
      int64_t group = i % s->groups;
      S(depthwise_plane)(s, y + s->y_base + i / s->groups * s->y_n + group * s->y_o, x + i * in, packed + group * taps, bias ? bias[group] : 0,
                         masks, x, x + planes * in);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
