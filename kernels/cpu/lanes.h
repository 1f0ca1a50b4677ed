/* lanes.h: vectors of one element type T and the sums of their lanes; included once for each type, with S(name) making its names, VECTOR_BYTES
   the width of registers, and INDEX an integer as wide as T. */
enum { S(LANES) = VECTOR_BYTES / sizeof(T) };
typedef T S(vec) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* sums of neighbouring lanes: those of a, then those of b */
static inline S(vec) S(pairs)(S(vec) a, S(vec) b) {
  typedef INDEX mask __attribute__((vector_size(VECTOR_BYTES)));
  mask even, odd;
  _Pragma("GCC unroll 16") for (int i = 0; i < S(LANES); i++) even[i] = 2 * i, odd[i] = 2 * i + 1;
  return __builtin_shuffle(a, b, even) + __builtin_shuffle(a, b, odd);
}

/* Each of `many` vectors becomes the sum of its lanes, all of them side by side at v. There must be room up to a multiple of the lanes. */
static inline __attribute__((always_inline)) void S(totals)(S(vec) *v, int many) {
  const S(vec) zero = {0};
  _Pragma("GCC unroll 8") for (int width = S(LANES); width > 1; width /= 2, many = (many + 1) / 2) {
    if (many % 2) v[many] = zero;
    _Pragma("GCC unroll 16") for (int i = 0; i < (many + 1) / 2; i++) v[i] = S(pairs)(v[2 * i], v[2 * i + 1]);
  }
}
