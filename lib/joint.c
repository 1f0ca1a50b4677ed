/* joint.c: compiled functions whose results have a graph. The recording goes on through the gradients of everything that the function took from
   outside: one tape, cut in two. A run plays the first part and makes its results those of one node; backward through that node plays the second. What
   the second part reads of the first lies in memory of its own for each run, so that calls and their gradients may come in any order. */
#include "tape.h"
#include <stdlib.h>

enum { PLAIN, JOINT, EAGER };

/* ---- while recording: what gets gradients ---- */
static bool simple_node(const tc_node *n) { return n->rule != &tci_lua_rule && !n->hooks && !n->packs && !n->leaf; }

static bool add_leaf(tc_program *p, int argument, tc_tensor *x) {
  tc_joint *j = &p->joint;
  for (int i = 0; i < j->leaf_count; i++)
    if (j->leaves[i].argument == argument && (argument >= 0 || j->leaves[i].x == x)) return true;
  if (!tct_grow((void **)&j->leaves, &j->leaf_room, j->leaf_count, sizeof *j->leaves)) return false;
  j->leaves[j->leaf_count++] = (tc_leaf){argument, tci_retain(x)};
  return true;
}

static uint64_t drawn(const tc_program *p) {
  uint64_t calls = 0;
  for (int i = 0; i < p->source_count; i++) calls += p->sources[i].calls;
  return calls;
}

/* An edge to what lies outside: an argument, or a leaf; anything else is a part of a graph that was made before, once and for all. */
static bool outer_edge(void *with, const tc_edge *e) {
  tc_program *p = with;
  for (int i = 0; i < p->argument_count; i++)
    if (p->arguments[i].node == e->node && p->inputs[i]->index == e->index) return add_leaf(p, i, p->inputs[i]);
  if (e->node->rule != &tci_accumulate_rule) return false;
  tc_tensor *x = e->node->leaf;
  return !x || x->id >= p->first_id || (!e->node->hooks && add_leaf(p, -1, x));
}

static bool arguments_kept(const tc_program *p) { /* their places in the graph */
  for (int i = 0; i < p->argument_count; i++)
    if (p->grad_mode && tci_grad_node(p->inputs[i]) != p->arguments[i].node) return false;
  return true;
}

static bool alone(int i, int n, tc_tensor *const *xs) {
  for (int k = 0; k < n; k++)
    if (k != i && xs[k]->storage == xs[i]->storage) return false;
  return true;
}

/* After the function has run: 0: its results have no graph; 1: gradients can be recorded, for tc_capture_leaves leaves; 2: the function has to
   stay as it is, since a replay would leave out something of the graph. */
int32_t tc_capture_graph(tc_tensor *const *results, int n) {
  tc_program *p = tct_now;
  int waiting = 0, wanting = 0;
  bool apart = true, asked = false;
  for (int i = 0; i < n; i++) {
    const bool waits = tc_graph_waits(results[i]), wants = tci_requires_grad(results[i]);
    if (wants && tci_is_leaf(results[i])) return EAGER;
    waiting += waits;
    wanting += wants;
    if (wants) apart = apart && alone(i, n, results) && p->blocks[tct_block_of(results[i])].kind == TCB_INNER;
  }
  for (int i = 0; i < p->argument_count; i++) asked |= p->arguments[i].requires_grad;
  if (p->rewritten || !arguments_kept(p)) return EAGER;
  if (!waiting) return asked && p->grad_mode && p->grad_count ? EAGER : PLAIN;
  if (waiting != wanting || !apart || p->trouble || p->grad_count || tc_capture_count(true)) return EAGER;
  if (!tci_walk_graph(n, results, p->first_node, simple_node, outer_edge, p) || p->joint.leaf_count == 0) return EAGER;
  p->joint.on = true;
  p->joint.split = p->count;
  p->joint.drawn = drawn(p);
  p->joint.tangents = calloc((size_t)n, sizeof *p->joint.tangents);
  p->joint.tangent_blocks = calloc((size_t)n, sizeof *p->joint.tangent_blocks);
  if (!p->joint.tangents || !p->joint.tangent_blocks) return EAGER;
  for (int i = 0; i < n; i++) {
    if (!tci_requires_grad(results[i])) continue;
    size_t mark = tci_scope_mark();
    tci_watch_suspend(true);
    tc_tensor *one = tc_ones_like(results[i], TC_NONE, TC_NONE, false), *flat = one ? tc_contiguous(one) : NULL;
    tci_watch_suspend(false);
    if (flat) p->joint.tangents[p->joint.tangent_count++] = tci_retain(flat);
    if (flat) tct_note_tangent(p->joint.tangent_blocks[p->joint.tangent_count - 1] = tct_block_of(flat));
    tci_scope_close(mark, NULL);
    if (!flat) return EAGER;
  }
  tci_engine_floor = p->first_node;
  return JOINT;
}

int64_t tc_capture_leaves(void) { return tct_now ? tct_now->joint.leaf_count : 0; }
tc_tensor *tc_capture_leaf(int64_t i) { return tct_now->joint.leaves[i].x; }
tc_tensor *tc_capture_tangent(int64_t i) { return i < tct_now->joint.tangent_count ? tct_now->joint.tangents[i] : NULL; }

static bool writes_outside(const tc_program *p) {
  for (int n = p->joint.split; n < p->count; n++)
    for (int k = 0; k < p->instructions[n].places; k++) {
      const tc_place *at = &p->places[p->instructions[n].first_place + k];
      if (at->mode != TCT_READ && p->blocks[at->block].kind != TCB_INNER) return true;
    }
  return false;
}

/* The gradients of the leaves, NULL where there is none; false: they cannot be replayed. */
bool tc_capture_slopes(tc_tensor *const *slopes, int n) {
  tc_program *p = tct_now;
  if (p->trouble || p->grad_count || p->rewritten || writes_outside(p) || drawn(p) != p->joint.drawn) return false;
  p->joint.slopes = calloc((size_t)n + 1, sizeof *p->joint.slopes);
  if (!p->joint.slopes) return false;
  for (int i = 0; i < n; i++)
    if (slopes[i]) tct_note_result(p, &p->joint.slopes[i], slopes[i]);
    else p->joint.slopes[i].block = -1;
  return !p->trouble;
}

const char *tct_joint_difference(const tc_program *a, const tc_program *b) {
  const tc_joint *x = &a->joint, *y = &b->joint;
  if (x->on != y->on || x->split != y->split || x->leaf_count != y->leaf_count) return "two calls gave results with other graphs";
  for (int i = 0; i < x->leaf_count; i++) {
    if (x->leaves[i].argument != y->leaves[i].argument || (x->leaves[i].argument < 0 && x->leaves[i].x != y->leaves[i].x))
      return "two calls gave results with the gradients of other tensors";
    if (x->slopes[i].block != y->slopes[i].block || x->slopes[i].offset != y->slopes[i].offset) return "two calls gave other gradients";
  }
  return NULL;
}

/* ---- making it ready ---- */
static bool from_outside(const tc_block *k) {
  return !k->late && !k->tangent && (k->kind == TCB_INPUT || k->kind == TCB_OUTPUT || k->kind == TCB_OUTER);
}

bool tct_joint_build(tc_program *p) {
  tc_joint *j = &p->joint;
  if (!j->on) return true;
  bool *lent = calloc((size_t)p->block_count + 1, sizeof *lent);
  j->lent = malloc((size_t)p->block_count * sizeof *j->lent + 1);
  if (!lent || !j->lent) {
    free(lent);
    return tci_fail("out of memory") != NULL;
  }
  for (int n = j->split; n < p->count; n++)
    for (int k = 0; k < p->instructions[n].places && !p->instructions[n].dead; k++) lent[p->places[p->instructions[n].first_place + k].block] = true;
  for (int i = 0; i < j->leaf_count; i++)
    if (j->slopes[i].block >= 0) lent[j->slopes[i].block] = true;
  for (int b = 0; b < p->block_count; b++)
    if (lent[b] && from_outside(&p->blocks[b])) j->lent[j->lent_count++] = b;
  free(lent);
  for (int i = 0; i < j->leaf_count; i++) /* arguments come with each call */
    if (j->leaves[i].argument >= 0) tci_release(j->leaves[i].x), j->leaves[i].x = NULL;
  return true;
}

void tct_joint_free(tc_program *p) {
  tc_joint *j = &p->joint;
  for (int i = 0; i < j->leaf_count; i++) tci_release(j->leaves[i].x);
  free(j->leaves);
  free(j->tangent_blocks);
  free(j->slopes);
  free(j->lent);
}

/* ---- a run whose gradients may be asked for: the owner of a storage that the node saves, gone with it ---- */
typedef struct run {
  tc_program *program;
  tc_storage *saved;
  tc_storage **lent;
  tc_stream *first;             /* where the run's random numbers began */
  uint32_t *versions;           /* of what is lent */
} run;

static void end_run(tc_storage *s) {
  run *r = s->owner;
  tc_program *p = r->program;
  for (int i = 0; i < p->joint.lent_count; i++) tci_storage_drop(r->lent[i]);
  tci_storage_drop(r->saved);
  free(r);
  if (--p->joint.holds == 0 && p->joint.abandoned) tc_program_free(p);
}

static tc_tensor *new_run(tc_program *p, tc_storage *saved) {
  const size_t n = (size_t)p->joint.lent_count;
  run *r = malloc(sizeof *r + n * (sizeof *r->lent + sizeof *r->versions) + (size_t)p->source_count * sizeof *r->first);
  tc_storage *s = r ? tci_small_alloc(sizeof *s) : NULL;
  tc_tensor *keep = s ? tci_header(TC_UINT8, 0, 0) : NULL;
  if (!keep) {
    if (s) tci_small_free(s, sizeof *s);
    free(r);
    return tci_fail("out of memory");
  }
  r->program = p;
  r->saved = saved;
  r->lent = (tc_storage **)(r + 1);
  r->first = (tc_stream *)(r->lent + n);
  r->versions = (uint32_t *)(r->first + p->source_count);
  for (int i = 0; i < p->source_count; i++) r->first[i] = p->sources[i].first;
  saved->refs++;
  for (size_t i = 0; i < n; i++) {
    r->lent[i] = p->blocks[p->joint.lent[i]].storage;
    r->lent[i]->refs++;
    r->versions[i] = r->lent[i]->version;
  }
  p->joint.holds++;
  *s = (tc_storage){.refs = 1, .data = r, .bytes = 1, .capacity = 1, .destroy = end_run, .owner = r};
  keep->numel = 1;
  keep->storage = s;
  return keep;
}

/* ---- backward ---- */
static bool unchanged(const run *r) {
  for (int i = 0; i < r->program->joint.lent_count; i++) {
    const tc_storage *s = r->lent[i];
    if (s->version == r->versions[i]) continue;
    return tci_fail("a compiled function needs a tensor for backward that %s changed in place after the call (version %u, then %u)",
                   s->writer ? s->writer : "an operator", r->versions[i], s->version) != NULL;
  }
  return true;
}

/* Gradients of results, in the order of the recording, as it saw them: row-major, from the beginning of their memory. */
static bool bring_tangents(tc_program *p, tc_tensor **g) {
  int at = 0;
  for (int i = 0; i < p->result_count; i++) {
    const tc_result *to = &p->results[i];
    if (!to->wants) continue;
    tc_tensor *t = g[at] ? tc_contiguous(g[at]) : tc_zeros(to->size, to->ndim, to->dtype, 0, false);
    if (t && t->offset) t = tc_clone(t);
    if (!t) return false;
    tct_move(p, p->joint.tangent_blocks[at++], t->storage, t->storage->data);
  }
  return true;
}

static void joint_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const run *r = n->in[0]->storage->owner;
  tc_program *p = r->program;
  const tc_joint *j = &p->joint;
  if (tci_grad_mode()) {
    tci_fail("the gradients of a compiled function cannot be differentiated again (create_graph): leave it uncompiled, or compile what needs them too");
    return;
  }
  if (tct_now) {
    tci_fail("tocha.compile records a backward through another compiled function's result: call that function inside");
    return;
  }
  if (!unchanged(r) || !bring_tangents(p, g)) return;
  for (int i = 0; i < p->busy_count; i++)
    if (p->blocks[p->busy[i]].saved) tct_move(p, p->busy[i], NULL, (char *)r->saved->data + p->blocks[p->busy[i]].place);
  for (int i = 0; i < j->lent_count; i++)
    if (p->blocks[j->lent[i]].kind != TCB_OUTER) {
      tct_move(p, j->lent[i], r->lent[i], r->lent[i]->data);
      if (p->blocks[j->lent[i]].kind == TCB_OUTPUT) r->lent[i]->refs++; /* as if made by this stage, which lets go of it */
    }
  for (int i = 0; i < p->source_count; i++) p->sources[i].first = r->first[i];
  tct_draw_from(p);
  bool good = tct_prepare(p, true) && tct_play(p, j->split, p->count);
  for (int i = 0; i < j->leaf_count && good; i++) {
    if (j->slopes[i].block < 0) continue;
    good = (dx[i + 1] = tct_result(p, &j->slopes[i])) != NULL;
  }
  tct_let_go(p);
}

static const tc_rule joint_rule = {"compiled function", joint_grad, TC_SAVE_IN(0) | TC_COMPLEX_RULE};

/* Results that want gradients become those of one node. */
bool tct_joint_connect(tc_program *p, tc_tensor *const *xs, tc_storage *saved, tc_tensor **made) {
  const tc_joint *j = &p->joint;
  tc_tensor **ins = malloc((size_t)(j->leaf_count + 1 + p->result_count) * sizeof *ins), **outs = ins + j->leaf_count + 1;
  if (!ins) return tci_fail("out of memory") != NULL;
  int n = 0;
  for (int i = 0; i < p->result_count; i++)
    if (p->results[i].wants) outs[n++] = made[i];
  for (int i = 0; i < j->leaf_count; i++) ins[i + 1] = j->leaves[i].argument >= 0 ? xs[j->leaves[i].argument] : j->leaves[i].x;
  ins[0] = new_run(p, saved);
  const bool good = ins[0] && tci_record_n(&joint_rule, n, outs, j->leaf_count + 1, ins, NULL, 0);
  free(ins);
  return good;
}
