/* plan.c: what a program needs of its recording: work that nobody sees the result of is dropped, and memory that lives only inside gets a
   place in one arena, reused as soon as its values have been read for the last time. */
#include "tape.h"
#include <stdlib.h>

/* ---- dead work ---- */
static bool has_effect(const tc_program *p, const tc_instruction *i, const bool *needed) {
  bool writes = false;
  for (int k = 0; k < i->places; k++) {
    const tc_place *at = &p->places[i->first_place + k];
    if (at->mode == TCT_READ) continue;
    writes = true;
    if (p->blocks[at->block].kind != TCB_INNER || needed[at->block]) return true;
  }
  return !writes;
}

static bool drop_dead_work(tc_program *p) {
  bool *needed = calloc((size_t)p->block_count + 1, sizeof *needed);
  if (!needed) return tci_fail("out of memory") != NULL;
  for (int n = p->count - 1; n >= 0; n--) {
    tc_instruction *i = &p->instructions[n];
    i->dead = !has_effect(p, i, needed);
    for (int k = 0; k < i->places && !i->dead; k++) {
      const tc_place *at = &p->places[i->first_place + k];
      if (at->mode != TCT_WRITE) needed[at->block] = true;
    }
  }
  free(needed);
  return true;
}

static void find_lifetimes(tc_program *p) {
  for (int b = 0; b < p->block_count; b++) p->blocks[b].first = p->blocks[b].last = -1;
  for (int n = 0; n < p->count; n++) {
    const tc_instruction *i = &p->instructions[n];
    for (int k = 0; k < i->places && !i->dead; k++) {
      tc_block *b = &p->blocks[p->places[i->first_place + k].block];
      if (b->first < 0) b->first = n;
      b->last = n;
    }
  }
}

/* ---- the arena: free stretches in the order of their addresses ---- */
typedef struct gap { int64_t from, bytes; } gap;
typedef struct gaps { gap *at; int count, room; int64_t end; } gaps;

static int64_t rounded(int64_t bytes) { return bytes <= 0 ? 64 : (bytes + 63) & ~(int64_t)63; }

static int64_t take(gaps *g, int64_t bytes) { /* the tightest gap; else at the end */
  int best = -1;
  for (int i = 0; i < g->count; i++)
    if (g->at[i].bytes >= bytes && (best < 0 || g->at[i].bytes < g->at[best].bytes)) best = i;
  if (best >= 0) {
    int64_t from = g->at[best].from;
    g->at[best].from += bytes;
    g->at[best].bytes -= bytes;
    if (g->at[best].bytes == 0) memmove(g->at + best, g->at + best + 1, (size_t)(--g->count - best) * sizeof *g->at);
    return from;
  }
  gap *last = g->count ? &g->at[g->count - 1] : NULL;
  int64_t from = last && last->from + last->bytes == g->end ? last->from : g->end;
  if (from < g->end) g->count--;
  g->end = from + bytes;
  return from;
}

static bool give(gaps *g, int64_t from, int64_t bytes) {
  int i = 0;
  if (!tct_grow((void **)&g->at, &g->room, g->count, sizeof *g->at)) return tci_fail("out of memory") != NULL;
  while (i < g->count && g->at[i].from < from) i++;
  const bool joins_before = i > 0 && g->at[i - 1].from + g->at[i - 1].bytes == from;
  const bool joins_after = i < g->count && from + bytes == g->at[i].from;
  if (joins_before) {
    g->at[i - 1].bytes += bytes + (joins_after ? g->at[i].bytes : 0);
    if (joins_after) memmove(g->at + i, g->at + i + 1, (size_t)(--g->count - i) * sizeof *g->at);
  } else if (joins_after) {
    g->at[i].from = from;
    g->at[i].bytes += bytes;
  } else {
    memmove(g->at + i + 1, g->at + i, (size_t)(g->count++ - i) * sizeof *g->at);
    g->at[i] = (gap){from, bytes};
  }
  return true;
}

static bool planned(const tc_block *b) { return b->kind == TCB_INNER && b->last >= 0 && !b->saved; }

/* What gradients read of what the function made lies apart from the arena: it has to wait for backward, which may come after other calls. */
static void save_for_gradients(tc_program *p) {
  if (!p->joint.on) return;
  for (int b = 0; b < p->block_count; b++) {
    tc_block *k = &p->blocks[b];
    k->late = k->first >= p->joint.split;
    if (!planned(k) || k->late || k->last < p->joint.split) continue;
    k->saved = true;
    k->place = p->joint.saved_bytes;
    p->joint.saved_bytes += rounded(k->bytes);
  }
}

/* An elementwise kernel may write over an operand that it reads for the last time, if both lie alike and begin their blocks. */
static void take_over(tc_program *p, const tc_instruction *i, int n) {
  if (i->slot != TCT_pointwise || i->places == 0) return;
  const tc_place *out = &p->places[i->first_place + i->places - 1];
  tc_block *to = &p->blocks[out->block];
  if (!planned(to) || to->first != n || out->offset || to->initial) return;
  const tc_loop *l = tct_member(i).loop;
  for (int k = 0; k < i->places - 1; k++) {
    const tc_place *in = &p->places[i->first_place + k];
    tc_block *from = &p->blocks[in->block];
    if (!planned(from) || from->last != n || in->offset || rounded(from->bytes) != rounded(to->bytes) || from->place < 0) continue;
    int at = 0;
    while (at < l->nop && (char **)&l->data[at] != in->at) at++;
    if (at == l->nop || l->dtype[at] != l->dtype[0] || memcmp(l->stride[at], l->stride[0], (size_t)l->ndim * sizeof **l->stride)) continue;
    to->place = from->place;
    from->last = -2; /* has nothing to give back */
    return;
  }
}

static bool give_places(tc_program *p) {
  gaps g = {0};
  bool good = true;
  for (int b = 0; b < p->block_count; b++) {
    tc_block *block = &p->blocks[b];
    if (planned(block)) p->naive_bytes += rounded(block->bytes);
    if (planned(block) && block->initial) block->place = take(&g, rounded(block->bytes)), block->last = p->count;
  }
  for (int n = 0; n < p->count && good; n++) {
    const tc_instruction *i = &p->instructions[n];
    if (i->dead) continue;
    take_over(p, i, n);
    for (int k = 0; k < i->places; k++) {
      tc_block *b = &p->blocks[p->places[i->first_place + k].block];
      if (planned(b) && b->place < 0) b->place = take(&g, rounded(b->bytes));
    }
    for (int k = 0; k < i->places && good; k++) {
      tc_block *b = &p->blocks[p->places[i->first_place + k].block];
      if (!planned(b) || b->last != n) continue;
      good = give(&g, b->place, rounded(b->bytes));
      b->last = -2;
    }
  }
  p->arena_bytes = g.end;
  free(g.at);
  return good;
}

bool tct_plan(tc_program *p) {
  if (!drop_dead_work(p)) return false;
  find_lifetimes(p);
  if (!tct_fuse(p)) return false;
  find_lifetimes(p);
  save_for_gradients(p);
  return give_places(p);
}
