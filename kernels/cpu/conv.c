/* conv.c: convolution over one to three dims by sliding over a padded copy of a tile of the input that stays in the second-level cache (see
   slide.h). A step of s splits the copy into s phases for each dim, so that neighbouring outputs always read neighbouring inputs. The gradient
   to the input is a convolution of the outputs' gradient with turned weights, one for each phase; that to the weights is a sum of products
   of the same two layouts. Tensors are row-major: x (n, c, in), w (o, c / groups, k), y (n, o, out). */
#include "winograd.h"
#include <stdlib.h>

/* registers: vectors of VECTOR_BYTES; a block of ROWS outputs by 3 vectors of positions; OUTPUTS (or FEW)
   by TAPS (or 6) sums for weights */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#define SLIDE_ROWS 8
#define SLIDE_OUTPUTS 4
#define SLIDE_FEW 2
#define SLIDE_TAPS 6
#else
#ifdef __AVX2__
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
#define SLIDE_ROWS 4
#define SLIDE_OUTPUTS 4
#define SLIDE_FEW 2
#define SLIDE_TAPS 3
#endif

static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }

/* One sliding sum, of one group: c and o are the group's. pad may be negative. Weight (o, c, kd, kh, kw) lies at w_base + o w_o + c w_c +
   kd w_k[0] + ...; output (o, d, h, w) at y_base + o y_o + d y_step[0] + ... */
typedef struct slide {
  int64_t n, c, o, groups, in[3], out[3], k[3], stride[3], pad[3], dilation[3];
  int64_t w_group, w_base, w_o, w_c, w_k[3], y_base, y_n, y_o, y_step[3];
} slide;

/* The padded copy of a tile of `tile` output planes and rows. Rows are `pitch` apart; where a border is zero on both sides, the
   right one of a row is the left one of the next. off: where each tap of each channel begins. */
typedef struct layout {
  int64_t tile[2], samples, phases[3], extent[2], pitch, plane, total, stretch;
  int32_t *off;
} layout;

enum { TILE_BYTES = 448 << 10, SLACK = 512 };

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t pitch_of(const slide *s) {
  int64_t reach = s->dilation[2] * (s->k[2] - 1), extent = s->out[2] + reach / s->stride[2], p = s->pad[2], in = s->in[2];
  if (s->stride[2] == 1 && p >= 0 && extent <= in + 2 * p && s->out[2] <= in + p && in + p < extent) return in + p;
  return extent;
}

static void lay_out(const slide *s, layout *l, int64_t planes, int64_t rows, int64_t samples) {
  l->tile[0] = planes, l->tile[1] = rows, l->samples = samples;
  for (int d = 0; d < 3; d++) l->phases[d] = smaller(s->stride[d], s->dilation[d] * (s->k[d] - 1) + 1);
  for (int d = 0; d < 2; d++) l->extent[d] = l->tile[d] + s->dilation[d] * (s->k[d] - 1) / s->stride[d];
  l->pitch = pitch_of(s);
  l->plane = l->extent[0] * l->extent[1] * l->pitch;
  l->total = volume(l->phases) * s->c * samples * l->plane;
}

/* a tile that fits the cache: whole planes if several fit, else rows of one; at least `wanted` tiles if there are so many rows */
static void choose_tile(const slide *s, layout *l, int bytes, int64_t wanted) {
  int64_t planes = s->out[0], rows = s->out[1];
  for (;;) {
    lay_out(s, l, planes, rows, 1);
    bool small = l->total * bytes <= TILE_BYTES && (s->out[0] / planes) * (s->out[1] / rows) >= wanted;
    if (small || (planes == 1 && rows == 1)) break;
    if (planes > 1) planes = (planes + 1) / 2;
    else rows = (rows + 1) / 2;
  }
}

static bool find_offsets(const slide *s, layout *l) {
  l->off = malloc((size_t)(s->c * volume(s->k) + 1) * sizeof *l->off);
  if (!l->off) return false;
  int32_t *to = l->off;
  for (int64_t c = 0; c < s->c; c++) {
    int64_t k[3];
    for (k[0] = 0; k[0] < s->k[0]; k[0]++) for (k[1] = 0; k[1] < s->k[1]; k[1]++) for (k[2] = 0; k[2] < s->k[2]; k[2]++) {
      int64_t phase = 0, shift[3];
      for (int d = 0; d < 3; d++) {
        int64_t at = k[d] * s->dilation[d];
        phase = phase * l->phases[d] + at % s->stride[d];
        shift[d] = at / s->stride[d];
      }
      *to++ = (int32_t)((phase * s->c + c) * l->samples * l->plane + (shift[0] * l->extent[1] + shift[1]) * l->pitch + shift[2]);
    }
  }
  return true;
}

/* Room that a thread keeps from call to call, so that the system need not hand out zeroed pages each time. */
typedef struct scratch { void *data; size_t bytes; } scratch;
static void *room(scratch *s, int64_t bytes) {
  bytes += 64; /* something even for nothing */
  if ((size_t)bytes > s->bytes) {
    free(s->data);
    s->bytes = ((size_t)bytes + 4095) & ~(size_t)4095;
    s->data = aligned_alloc(64, s->bytes);
    if (!s->data) s->bytes = 0;
  }
  return s->data;
}
static _Thread_local scratch inputs, weights, gradients;

static double work_of(const slide *s) {
  return (double)s->n * (double)s->groups * (double)s->o * (double)volume(s->out) * (double)s->c * (double)volume(s->k) / 24;
}

#define T float
#define INDEX int32_t
#define S(name) f32_##name
#include "slide.h"
#include "depthwise.h"
#undef T
#undef INDEX
#undef S
#define T double
#define INDEX int64_t
#define S(name) f64_##name
#include "slide.h"
#include "depthwise.h"
#undef T
#undef INDEX
#undef S

/* Can the input serve as its own padded copy? Vectors read past the end of a sample, so enough must follow it. */
static bool in_place(const slide *s, const layout *l, int64_t sample, int64_t group) {
  return volume(l->phases) == 1 && s->pad[0] == 0 && s->pad[1] == 0 && s->pad[2] == 0 && volume(s->stride) == 1 && l->tile[0] == s->out[0] &&
         l->tile[1] == s->out[1] && l->extent[0] == s->in[0] && l->extent[1] == s->in[1] && l->pitch == s->in[2] &&
         ((s->n - sample) * s->groups - group - 1) * s->c * volume(s->in) >= SLACK;
}

/* one tile of one sample and group */
#define TILE(T, S) \
  static void S##_tile(const slide *s, const layout *l, int rows, int64_t sample, int64_t group, int64_t d0, int64_t h0, T *y, const T *x, \
                       const T *packed, const T *bias, T *buffer) { \
    int64_t taps = s->c * volume(s->k), blocks = (s->o + rows - 1) / rows; \
    const T *from = x + (sample * s->groups + group) * s->c * volume(s->in); \
    const T *source = from; \
    if (!in_place(s, l, sample, group)) { S##_fill(s, l, buffer, from, 0, d0, h0); source = buffer; } \
    for (int64_t d = 0; d < smaller(l->tile[0], s->out[0] - d0); d++) \
      S##_run(s, l, rows, y + s->y_base + sample * s->y_n + group * s->o * s->y_o + (d0 + d) * s->y_step[0] + h0 * s->y_step[1], \
              source + d * l->extent[1] * l->pitch, packed + group * blocks * rows * taps, bias ? bias + group * s->o : NULL, \
              smaller(l->tile[1], s->out[1] - h0)); \
  }
TILE(float, f32)
TILE(double, f64)

/* Winograd's way needs 3 x 3 taps and pays from some channels on: fewer make its products too thin. Where the borders come is measured. */
enum { WINOGRAD_CHANNELS = 96, WINOGRAD_WIDTH = 10 };
static bool by_winograd(const slide *s, int dtype) {
  return dtype == TC_FLOAT32 && s->groups == 1 && s->c >= WINOGRAD_CHANNELS && s->o >= WINOGRAD_CHANNELS && s->in[0] == 1 && s->out[0] == 1 &&
         s->k[0] == 1 && s->k[1] == 3 && s->k[2] == 3 && volume(s->stride) == 1 && volume(s->dilation) == 1 && s->pad[0] == 0 &&
         s->y_step[2] == 1 && s->out[1] >= WINOGRAD_WIDTH && s->out[2] >= WINOGRAD_WIDTH;
}

static int winograd(const slide *s, float *y, const float *x, const float *w, const float *bias) {
  tc_winograd p = {.n = s->n, .c = s->c, .o = s->o, .in = {s->in[1], s->in[2]}, .out = {s->out[1], s->out[2]}, .pad = {s->pad[1], s->pad[2]},
                   .w_o = s->w_o, .w_c = s->w_c, .w_k = {s->w_k[1], s->w_k[2]}, .y_n = s->y_n, .y_o = s->y_o, .y_row = s->y_step[1],
                   .x = x, .w = w + s->w_base, .bias = bias, .y = y + s->y_base};
  return TC_KERNEL(winograd)(&p);
}

static int slide_over(const slide *s, int dtype, void *y, const void *x, const void *w, const void *bias) {
  int bytes = tc_dtype_bytes(dtype), rows = s->o == 1 ? 1 : SLIDE_ROWS;
  int64_t taps = s->c * volume(s->k), packed_group = (s->o + rows - 1) / rows * rows * taps, items = s->n * s->groups;
  if (items * s->o * volume(s->out) == 0) return TC_OK;
  if (by_winograd(s, dtype)) return winograd(s, y, x, w, bias);
  char *packed = room(&weights, packed_group * s->groups * bytes);
  if (!packed) return TC_NO_MEMORY;
  for (int64_t g = 0; g < s->groups; g++) {
    if (dtype == TC_FLOAT64) f64_pack(s, rows, (double *)packed + g * packed_group, (const double *)w + g * s->w_group);
    else f32_pack(s, rows, (float *)packed + g * packed_group, (const float *)w + g * s->w_group);
  }
  if (dtype == TC_FLOAT64 ? f64_is_depthwise(s) : f32_is_depthwise(s)) {
    return dtype == TC_FLOAT64 ? f64_depthwise(s, y, x, (const double *)packed, bias) : f32_depthwise(s, y, x, (const float *)packed, bias);
  }
  layout l;
  choose_tile(s, &l, bytes, items >= tc_kernel_threads ? 1 : (tc_kernel_threads + items - 1) / items);
  l.stretch = (192 << 10) / (s->c * bytes * larger(1, s->k[1]) / larger(1, s->stride[1]) + 1);
  if (!find_offsets(s, &l)) return TC_NO_MEMORY;
  int64_t across = (s->out[1] + l.tile[1] - 1) / l.tile[1], tiles = (s->out[0] + l.tile[0] - 1) / l.tile[0] * across;
  int status = TC_OK;
  TC_PARALLEL(items * tiles, 1, work_of(s)) {
    char *buffer = room(&inputs, (l.total + SLACK) * bytes);
    if (!buffer) status = TC_NO_MEMORY;
    else {
      memset(buffer + l.total * bytes, 0, (size_t)(SLACK * bytes));
      for (int64_t i = lo; i < hi; i++) {
        int64_t tile = i % tiles, group = i / tiles % s->groups, sample = i / tiles / s->groups, d0 = tile / across * l.tile[0], h0 = tile % across * l.tile[1];
        if (dtype == TC_FLOAT64) f64_tile(s, &l, rows, sample, group, d0, h0, y, x, (const double *)packed, bias, (double *)buffer);
        else f32_tile(s, &l, rows, sample, group, d0, h0, y, x, (const float *)packed, bias, (float *)buffer);
      }
    }
  } TC_PARALLEL_END
  free(l.off);
  return status;
}

/* the convolution itself */
static slide of_convolution(const tc_conv *p) {
  slide s = {.n = p->n, .c = p->c / p->groups, .o = p->o / p->groups, .groups = p->groups};
  int64_t k = volume(p->k), out = volume(p->out);
  memcpy(s.in, p->in, sizeof s.in);
  memcpy(s.out, p->out, sizeof s.out);
  memcpy(s.k, p->k, sizeof s.k);
  memcpy(s.stride, p->stride, sizeof s.stride);
  memcpy(s.pad, p->pad, sizeof s.pad);
  memcpy(s.dilation, p->dilation, sizeof s.dilation);
  s.w_o = s.c * k, s.w_c = k, s.w_group = s.o * s.w_o;
  s.w_k[0] = p->k[1] * p->k[2], s.w_k[1] = p->k[2], s.w_k[2] = 1;
  s.y_o = out, s.y_n = p->o * out;
  s.y_step[0] = p->out[1] * p->out[2], s.y_step[1] = p->out[2], s.y_step[2] = 1;
  return s;
}

int TC_KERNEL(conv_forward)(const tc_conv *p, int dtype, void *y, const void *x, const void *w, const void *bias) {
  slide s = of_convolution(p);
  return slide_over(&s, dtype, y, x, w, bias);
}

/* Phase `phase` of dim d of the input's gradient: places u with input position u * stride + phase - pad. Tap k reaches it if
   k * dilation is phase modulo stride; such taps are `between` apart. false: none does, or there is no such place. */
static bool of_phase(const tc_conv *p, int d, int64_t phase, slide *s, const int64_t *w_k) {
  int64_t step = p->stride[d], first = -1, count = 0, between = 0;
  for (int64_t k = 0; k < p->k[d]; k++) {
    if (k * p->dilation[d] % step != phase) continue;
    if (count == 1) between = k - first;
    if (count++ == 0) first = k;
  }
  int64_t low = phase >= p->pad[d] ? 0 : (p->pad[d] - phase + step - 1) / step, high = (p->in[d] + p->pad[d] - phase + step - 1) / step;
  if (count == 0 || high <= low) return false;
  int64_t spread = between * p->dilation[d] / step, last = first + (count - 1) * between;
  s->in[d] = p->out[d], s->out[d] = high - low, s->k[d] = count, s->stride[d] = 1;
  s->dilation[d] = count > 1 ? spread : 1;
  s->pad[d] = (last * p->dilation[d] - phase) / step - low;
  s->w_base += last * w_k[d], s->w_k[d] = -between * w_k[d]; /* taps backwards */
  s->y_base += (low * step + phase - p->pad[d]) * s->y_step[d], s->y_step[d] *= step;
  return true;
}

/* Does some phase of some dim have no tap? Its places stay zero. */
static bool leaves_gaps(const tc_conv *p) {
  for (int d = 0; d < 3; d++)
    for (int64_t phase = 0; phase < p->stride[d]; phase++) {
      bool reached = false;
      for (int64_t k = 0; k < p->k[d]; k++) reached |= k * p->dilation[d] % p->stride[d] == phase;
      if (!reached) return true;
    }
  return false;
}

int TC_KERNEL(conv_input)(const tc_conv *p, int dtype, void *x, const void *g, const void *w) {
  int64_t c = p->c / p->groups, o = p->o / p->groups, k = volume(p->k), in = volume(p->in);
  const int64_t w_k[3] = {p->k[1] * p->k[2], p->k[2], 1};
  if (leaves_gaps(p)) memset(x, 0, (size_t)(p->n * p->c * in * tc_dtype_bytes(dtype)));
  for (int64_t i = 0; i < volume(p->stride); i++) {
    int64_t phase[3] = {i / p->stride[2] / p->stride[1], i / p->stride[2] % p->stride[1], i % p->stride[2]};
    slide s = {.n = p->n, .c = o, .o = c, .groups = p->groups, .w_group = o * c * k, .w_o = k, .w_c = c * k, .y_o = in, .y_n = p->c * in,
               .y_step = {p->in[1] * p->in[2], p->in[2], 1}};
    bool some = true;
    for (int d = 0; some && d < 3; d++) some = of_phase(p, d, phase[d], &s, w_k);
    int status = some ? slide_over(&s, dtype, x, g, w, NULL) : TC_OK;
    if (status != TC_OK) return status;
  }
  return TC_OK;
}

/* ---- gradient to the weights ---- */
/* how many samples share a buffer: small planes give short sums, which cost more to finish than to make */
static int64_t samples_together(const slide *s, const layout *l, int bytes) {
  int64_t most = TILE_BYTES / (l->total * bytes + 1), positions = l->tile[0] * l->tile[1] * l->pitch, wanted = 2048 / (positions + 1) + 1;
  return l->tile[0] < s->out[0] || l->tile[1] < s->out[1] ? 1 : larger(1, smaller(most, wanted));
}

/* samples first..last-1 of one group and s->o of its outputs, which begin at channel `channel` of g's `channels` */
static void weight_share(const slide *s, const layout *l, int dtype, int64_t channel, int64_t group, int64_t first, int64_t last, char *w, const char *g,
                         const char *x, int64_t channels, char *buffer, char *turned) {
  int bytes = tc_dtype_bytes(dtype), lanes = VECTOR_BYTES / bytes;
  int64_t in = volume(s->in) * s->c * bytes, out = volume(s->out);
  for (int64_t sample = first; sample < last; sample += l->samples)
    for (int64_t d0 = 0; d0 < s->out[0]; d0 += l->tile[0])
      for (int64_t h0 = 0; h0 < s->out[1]; h0 += l->tile[1]) {
        int64_t many = smaller(l->samples, last - sample), dn = smaller(l->tile[0], s->out[0] - d0), hn = smaller(l->tile[1], s->out[1] - h0);
        int64_t run = ((hn - 1) * l->pitch + s->out[2] + lanes - 1) / lanes * lanes, g_o = l->samples * l->tile[0] * (l->tile[1] * l->pitch + lanes);
        for (int64_t b = 0; b < many; b++) {
          const char *xs = x + ((sample + b) * s->groups + group) * in;
          if (dtype == TC_FLOAT64) f64_fill(s, l, (double *)buffer, (const double *)xs, b, d0, h0);
          else f32_fill(s, l, (float *)buffer, (const float *)xs, b, d0, h0);
          for (int64_t o = 0; o < s->o; o++) {
            const char *gs = g + (((sample + b) * channels + channel + o) * out + (d0 * s->out[1] + h0) * s->out[2]) * bytes;
            char *to = turned + (o * g_o + b * dn * run) * bytes;
            if (dtype == TC_FLOAT64) f64_fill_gradient(s, l, (double *)to, (const double *)gs, dn, hn, run);
            else f32_fill_gradient(s, l, (float *)to, (const float *)gs, dn, hn, run);
          }
        }
        for (int64_t b = 0; b < (dn == 1 ? 1 : many); b++) { /* one plane a sample: the samples' planes are evenly spaced */
          int64_t runs = dn == 1 ? many : dn, x_run = dn == 1 ? l->plane : l->extent[1] * l->pitch;
          const char *gs = turned + b * dn * run * bytes, *xs = buffer + b * l->plane * bytes;
          if (dtype == TC_FLOAT64) f64_add_weights(s, l, (double *)w, (const double *)gs, g_o, runs, run, x_run, (const double *)xs);
          else f32_add_weights(s, l, (float *)w, (const float *)gs, g_o, runs, run, x_run, (const float *)xs);
        }
      }
}

/* Into how many parts the batch is cut: each has sums of its own in memory, and should have some thousand positions to add up. */
static int64_t parts_of(const slide *s, int64_t bytes) {
  int64_t by_memory = (8 << 20) / (bytes + 1), by_length = s->n * volume(s->out) / 2048;
  return larger(1, smaller(smaller(8, s->n), larger(2, smaller(by_memory, by_length))));
}

/* How many outputs one thread takes on where parts and groups are few. */
static int64_t chunk_of(const slide *s, int64_t parts) {
  int64_t wanted = (8 + parts * s->groups - 1) / (parts * s->groups), chunk = (s->o + wanted - 1) / wanted;
  return smaller(s->o, larger(16, (chunk + 3) / 4 * 4));
}

/* Winograd's way pays from some channels on here too; where is measured. */
enum { WINOGRAD_WEIGHT_CHANNELS = 48 };
static bool weight_by_winograd(const slide *s, int dtype) {
  return dtype == TC_FLOAT32 && s->groups == 1 && s->c >= WINOGRAD_WEIGHT_CHANNELS && s->o >= WINOGRAD_WEIGHT_CHANNELS && s->in[0] == 1 &&
         s->out[0] == 1 && s->k[0] == 1 && s->k[1] == 3 && s->k[2] == 3 && volume(s->stride) == 1 && volume(s->dilation) == 1 && s->pad[0] == 0;
}

static int winograd_weight(const slide *s, float *w, const float *g, const float *x) {
  tc_winograd_weight p = {.n = s->n, .c = s->c, .o = s->o, .in = {s->in[1], s->in[2]}, .out = {s->out[1], s->out[2]},
                          .pad = {s->pad[1], s->pad[2]}, .x = x, .g = g, .w = w};
  return TC_KERNEL(winograd_weight)(&p);
}

/* The batch is cut into a number of parts that depends on the sizes alone, each summed by itself and then added
   in order, so that the result does not depend on the number of threads. */
int TC_KERNEL(conv_weight)(const tc_conv *p, int dtype, void *w, const void *g, const void *x) {
  slide s = of_convolution(p);
  int bytes = tc_dtype_bytes(dtype);
  int64_t group_size = s.o * s.c * volume(s.k), size = s.groups * group_size;
  memset(w, 0, (size_t)(size * bytes));
  if (s.n * volume(s.out) * size == 0) return TC_OK;
  if (weight_by_winograd(&s, dtype)) return winograd_weight(&s, w, g, x);
  int64_t parts = parts_of(&s, size * bytes), chunk = chunk_of(&s, parts), chunks = (s.o + chunk - 1) / chunk;
  layout l;
  choose_tile(&s, &l, bytes, 1);
  lay_out(&s, &l, l.tile[0], l.tile[1], smaller(samples_together(&s, &l, bytes), (s.n + parts - 1) / parts));
  char *sums = parts > 1 ? calloc((size_t)(parts * size), (size_t)bytes) : w;
  if (!sums) return TC_NO_MEMORY;
  int64_t turned_size = chunk * l.samples * l.tile[0] * (l.tile[1] * l.pitch + VECTOR_BYTES / bytes);
  int status = find_offsets(&s, &l) ? TC_OK : TC_NO_MEMORY;
  TC_PARALLEL(status == TC_OK ? parts * s.groups * chunks : 0, 1, work_of(&s)) {
    char *buffer = room(&inputs, (l.total + SLACK) * bytes), *turned = room(&gradients, turned_size * bytes);
    if (!buffer || !turned) status = TC_NO_MEMORY;
    else {
      memset(buffer, 0, (size_t)((l.total + SLACK) * bytes));
      for (int64_t i = lo; i < hi; i++) {
        int64_t part = i / chunks / s.groups, group = i / chunks % s.groups, first = i % chunks * chunk;
        slide own = s; /* outputs first .. first + own.o - 1 */
        own.o = smaller(chunk, s.o - first);
        weight_share(&own, &l, dtype, group * s.o + first, group, s.n * part / parts, s.n * (part + 1) / parts,
                     sums + (part * size + group * group_size + first * s.c * volume(s.k)) * bytes, g, x, s.o * s.groups, buffer, turned);
      }
    }
  } TC_PARALLEL_END
  if (parts > 1) {
    for (int64_t part = 0; part < parts && status == TC_OK; part++)
      TC_FLOATS(dtype, { const T *from = (const T *)sums + part * size; for (int64_t i = 0; i < size; i++) ((T *)w)[i] += from[i]; });
    free(sums);
  }
  free(l.off);
  return status;
}
