/* fuse.c: elementwise kernels that follow each other on equally many elements become one chain (kernels/chain.h), which takes a block of
   elements through all of them while it is in the cache. Values that only the chain uses never reach memory. A sum, an extreme,
   a norm or a count of such a value, over all or over the last dims, becomes the chain's end. */
#include "tape.h"
#include <stdlib.h>

typedef struct access { int block, member, operand, bytes; int64_t offset; bool writes, flat; } access;

typedef struct group {
  tc_program *p;
  int first, count;             /* the first instruction, and how many are in */
  int at[TC_CHAIN_MEMBERS];     /* their numbers */
  access *accesses;             /* at most TC_MAX_OPERANDS for each */
  int access_count;
  int fold, fold_block;         /* the reduction that ends it, and of which block; -1 */
} group;

/* Does the operand lie row-major without gaps in the order of the loop? */
static bool is_flat(const tc_loop *l, int k) {
  int64_t step = 1;
  for (int d = l->ndim - 1; d >= 0; d--) {
    if (l->size[d] != 1 && l->stride[k][d] != step) return false;
    step *= l->size[d];
  }
  return true;
}

static int list_accesses(const tc_program *p, const tc_instruction *i, int member, access *to) {
  const tc_loop *l = tct_member(i).loop;
  int n = 0;
  for (int k = 0; k < i->places; k++) {
    const tc_place *at = &p->places[i->first_place + k];
    int operand = 0;
    while (operand < l->nop && (char **)&l->data[operand] != at->at) operand++;
    if (operand == l->nop) return -1;
    to[n++] = (access){at->block, member, operand, tci_elsize(l->dtype[operand]), at->offset, at->mode != TCT_READ, is_flat(l, operand)};
  }
  return n;
}

/* Two uses of one block, of which one writes, must meet element by element. */
static bool agree(const access *a, const access *b) {
  if (a->block != b->block || !(a->writes || b->writes)) return true;
  return a->flat && b->flat && a->offset == b->offset && a->bytes == b->bytes;
}

static bool joins(group *g, int n) {
  tc_program *p = g->p;
  const tc_instruction *i = &p->instructions[n];
  if (i->slot != TCT_pointwise || g->count == TC_CHAIN_MEMBERS) return false;
  const tc_loop *l = tct_member(i).loop;
  if (l->numel == 0 || (g->count && l->numel != tct_member(&p->instructions[g->at[0]]).loop->numel)) return false;
  access mine[TC_MAX_OPERANDS];
  int count = list_accesses(p, i, g->count, mine);
  if (count < 0) return false;
  for (int k = 0; k < count; k++) {
    if (mine[k].writes && !mine[k].flat) return false;
    for (int j = 0; j < g->access_count; j++)
      if (!agree(&mine[k], &g->accesses[j])) return false;
  }
  memcpy(g->accesses + g->access_count, mine, (size_t)count * sizeof *mine);
  g->access_count += count;
  g->at[g->count++] = n;
  return true;
}

/* ---- which values stay inside ---- */
static bool stays_inside(const group *g, const access *a) {
  const tc_block *b = &g->p->blocks[a->block];
  return b->kind == TCB_INNER && !b->initial && a->writes && a->flat && a->bytes <= 8 && b->first == g->at[a->member] &&
         b->last <= (a->block == g->fold_block ? g->fold : g->at[g->count - 1]);
}

static int last_use(const group *g, int block) {
  int last = -1;
  if (block == g->fold_block) return g->count;
  for (int j = 0; j < g->access_count; j++)
    if (g->accesses[j].block == block) last = g->accesses[j].member;
  return last;
}

/* Gives slots to what stays inside; a slot is free again after the member that uses it last. */
static void give_slots(const group *g, tc_member *members) {
  int busy_until[TC_CHAIN_SLOTS];
  for (int s = 0; s < TC_CHAIN_SLOTS; s++) busy_until[s] = -1;
  for (int j = 0; j < g->access_count; j++) {
    const access *a = &g->accesses[j];
    if (!stays_inside(g, a)) continue;
    int slot = 0;
    while (slot < TC_CHAIN_SLOTS && busy_until[slot] >= a->member) slot++;
    if (slot == TC_CHAIN_SLOTS) continue;
    busy_until[slot] = last_use(g, a->block);
    for (int k = 0; k < g->access_count; k++)
      if (g->accesses[k].block == a->block) members[g->accesses[k].member].slot[g->accesses[k].operand] = (int8_t)slot;
  }
}

/* ---- folds ---- */
static bool lies_in_rows(const tc_reduction *r) { /* kept dims before reduced ones, all without gaps, in and out */
  int64_t in = 1, out = 1;
  for (int d = r->nreduced - 1; d >= 0; in *= r->fold[d].size, d--)
    if (r->fold[d].size != 1 && r->fold[d].in != in) return false;
  for (int d = r->nkept - 1; d >= 0; in *= r->keep[d].size, out *= r->keep[d].size, d--)
    if (r->keep[d].size != 1 && (r->keep[d].in != in || r->keep[d].out != out)) return false;
  return true;
}

/* Instruction n comes after the group: does it fold what a member has written? Then it is the group's end. */
static bool folds(group *g, int n) {
  const tc_program *p = g->p;
  const tc_instruction *i = &p->instructions[n];
  if (g->count == 0 || i->slot != TCT_reduce || i->places != 2) return false;
  const tc_reduction *r = tct_folding(i);
  const tc_place *in = &p->places[i->first_place], *out = in + 1;
  if (in->at != (char **)&r->in || r->op == TC_FOLD_POWER) return false;
  if (r->reduced < 2 || r->kept < 1 || r->kept * r->reduced != tct_member(&p->instructions[g->at[0]]).loop->numel || !lies_in_rows(r)) return false;
  int from = -1;
  for (int j = 0; j < g->access_count; j++) {
    const access *a = &g->accesses[j];
    if (a->block == out->block) return false;
    if (a->block != in->block || !a->writes) continue;
    if (!a->flat || a->offset != in->offset || a->bytes != tci_elsize(r->in_dtype)) return false;
    from = j;
  }
  if (from < 0) return false;
  g->fold = n;
  g->fold_block = in->block;
  return true;
}

/* ---- the new instruction ---- */
static int play_chain(const tc_kernels *k, void *args) { return k->chain(args); }

static int slot_of_fold(const group *g, const tc_member *members) {
  for (int j = 0; j < g->access_count; j++)
    if (g->accesses[j].block == g->fold_block) return members[g->accesses[j].member].slot[g->accesses[j].operand];
  return -1;
}

static bool keep_place(tc_program *p, tc_place at) {
  if (!tct_grow((void **)&p->places, &p->place_room, p->place_count, sizeof *p->places)) return tci_fail("out of memory") != NULL;
  p->places[p->place_count++] = at;
  return true;
}

/* The places that stay: those in slots need no memory. */
static bool keep_places(group *g, const tc_member *members, const tc_chain *c, tc_instruction *to) {
  tc_program *p = g->p;
  to->first_place = p->place_count;
  for (int m = 0; m < g->count; m++) {
    const tc_instruction *i = &p->instructions[g->at[m]];
    for (int k = 0; k < i->places; k++) {
      const tc_place at = p->places[i->first_place + k];
      int operand = (int)(at.at - (char **)members[m].loop->data);
      if (members[m].slot[operand] >= 0) continue;
      if (!keep_place(p, at)) return false;
    }
  }
  for (int k = c->fold_slot >= 0; k < 2 && c->fold; k++) /* what is folded, unless it is in a slot, and the result */
    if (!keep_place(p, p->places[p->instructions[g->fold].first_place + k])) return false;
  to->places = p->place_count - to->first_place;
  return true;
}

static bool make_chain(group *g) {
  tc_program *p = g->p;
  tc_chain *c = tct_room(p, sizeof *c);
  tc_member *members = c ? tct_room(p, (size_t)g->count * sizeof *members) : NULL;
  if (!members) return tci_fail("out of memory") != NULL;
  for (int m = 0; m < g->count; m++) members[m] = tct_member(&p->instructions[g->at[m]]);
  give_slots(g, members);
  *c = (tc_chain){g->count, members[0].loop->numel, members, NULL, -1};
  if (g->fold >= 0) c->fold = tct_folding(&p->instructions[g->fold]), c->fold_slot = slot_of_fold(g, members);
  tc_instruction to = p->instructions[g->at[0]];
  to.play = play_chain;
  to.args = c;
  to.slot = TCT_chain;
  if (!keep_places(g, members, c, &to)) return false;
  for (int m = 0; m < g->count; m++) p->instructions[g->at[m]].dead = true;
  p->instructions[c->fold ? g->fold : g->at[g->count - 1]] = to; /* by then all its inputs are there */
  p->fused += c->fold ? g->count : g->count - 1;
  return true;
}

bool tct_fuse(tc_program *p) {
  group g = {.p = p, .fold = -1, .fold_block = -1, .accesses = malloc((size_t)TC_CHAIN_MEMBERS * TC_MAX_OPERANDS * sizeof *g.accesses)};
  if (!g.accesses) return tci_fail("out of memory") != NULL;
  bool good = true;
  for (int n = 0; n <= p->count && good; n++) {
    const bool apart = p->joint.on && n == p->joint.split; /* gradients are run by themselves */
    if (n < p->count && (p->instructions[n].dead || (!apart && joins(&g, n))) && !(apart && g.count)) continue;
    const bool ends = n < p->count && !apart && folds(&g, n);
    if (g.count > 1 || ends) good = make_chain(&g);
    g.count = g.access_count = 0;
    g.fold = g.fold_block = -1;
    if (n < p->count && !ends && !p->instructions[n].dead) joins(&g, n);
  }
  free(g.accesses);
  return good;
}
