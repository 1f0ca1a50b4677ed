/* cut.h: divides a reduction into units of work. The outputs are cut into tiles, and where there are few outputs the reduced range into
 * chunks; each (chunk, tile) is a unit, and the chunks of a tile are joined in order at the end. The cuts depend on shapes and strides
 * alone, never on the number of threads, and so do the results. */
#ifndef TC_CUT_H
#define TC_CUT_H
#include "walk.h"
enum { TILE = 1024, BLOCK = 1024, FEW = 32, MOST_CHUNKS = 64, CHUNK = 32768 };

typedef struct cut {
  bool columns;                 /* a kept axis is the dense one: whole lines of outputs at once; else rows, output by output */
  bool banded;                  /* short rows, whose neighbours in memory belong to the next output */
  int64_t tile, tiles;          /* outputs in a tile, tiles */
  int64_t chunk, chunks;        /* reduced positions in a chunk (banded: whole rows), chunks */
} cut;

static inline int64_t stride_size(int64_t stride) { return stride == 0 ? INT64_MAX : stride < 0 ? -stride : stride; }

static inline bool along_kept(const tc_reduction *r) {
  return stride_size(r->keep[r->nkept - 1].in) < stride_size(r->fold[r->nreduced - 1].in);
}

static inline bool short_rows(const tc_reduction *r) {
  return r->nreduced > 1 && r->fold[r->nreduced - 1].size < BLOCK &&
         stride_size(r->keep[r->nkept - 1].in) < stride_size(r->fold[r->nreduced - 2].in);
}

/* A tile of columns must not cross the end of the innermost kept axis. */
static inline int64_t tile_span(const cut *c, const tc_reduction *r) { return c->columns ? r->keep[r->nkept - 1].size : r->kept; }

static inline int64_t row_tile(const cut *c, int64_t reduced) {
  int64_t tile = c->banded ? 64 : CHUNK / 2 / reduced;
  return tile < 1 ? 1 : tile > 256 ? 256 : tile;
}

/* How much of the reduced range a unit takes: all of it if there are tiles enough. */
static inline int64_t chunk_of(const cut *c, const tc_reduction *r, int64_t least) {
  int64_t fewest = (r->reduced + MOST_CHUNKS - 1) / MOST_CHUNKS, chunk = least > fewest ? least : fewest;
  int64_t inner = c->banded ? r->fold[r->nreduced - 1].size : 1;
  return chunk > r->reduced || c->tiles >= FEW ? r->reduced : (chunk + inner - 1) / inner * inner;
}

static inline void cut_up(cut *c, const tc_reduction *r) {
  int64_t reduced = r->reduced > 0 ? r->reduced : 1;
  c->columns = along_kept(r);
  c->banded = !c->columns && r->reduced > 0 && short_rows(r);
  c->tile = c->columns ? TILE : row_tile(c, reduced);
  int64_t span = tile_span(c, r);
  c->tiles = (span + c->tile - 1) / c->tile * (r->kept / span);
  c->chunk = chunk_of(c, r, CHUNK / (span < c->tile ? span : c->tile));
  if (c->chunk == 0) c->chunk = 1;
  c->chunks = (reduced + c->chunk - 1) / c->chunk;
}

static inline void tile_bounds(const cut *c, const tc_reduction *r, int64_t t, int64_t *first, int64_t *last) {
  int64_t span = tile_span(c, r), each = (span + c->tile - 1) / c->tile, base = t / each * span;
  *first = base + t % each * c->tile;
  *last = *first + c->tile < base + span ? *first + c->tile : base + span;
}

/* The outputs first .. last-1 and the reduced positions lo .. hi-1 of unit u = chunk * tiles + tile. */
static inline void unit_bounds(const cut *c, const tc_reduction *r, int64_t u, int64_t *first, int64_t *last, int64_t *lo, int64_t *hi) {
  tile_bounds(c, r, u % c->tiles, first, last);
  *lo = u / c->tiles * c->chunk;
  *hi = *lo + c->chunk < r->reduced ? *lo + c->chunk : r->reduced;
}

/* Runs `call` for u = 0 .. n-1. One thread does without a parallel region: even for a team of one that costs more than a small tensor. */
#define EACH_UNIT(n, work, call) do { \
  const double unit_work = (work); \
  if (tc_threads_for(unit_work) == 1) for (int64_t u = 0; u < (n); u++) call; \
  else TC_PARALLEL(n, 1, unit_work) for (int64_t u = lo; u < hi; u++) call; TC_PARALLEL_END } while (0)

/* How many of the outputs first .. last-1 lie one stride apart (that of the last kept axis), and the offset of the first. */
static inline int64_t output_run(const tc_reduction *r, int64_t first, int64_t last, int64_t *offset) {
  walk w;
  walk_to(&w, r->nkept, r->keep, first);
  *offset = w.out;
  int64_t inner = r->keep[r->nkept - 1].size, n = inner - first % inner;
  return n < last - first ? n : last - first;
}
#endif
