/* halves.c: programs with a backward half. A run of the forward half puts one node into the graph, which keeps what the backward half reads:
   the memory that lies between the halves, arguments and results by reference. When backward comes to the node, it plays the other half. */
#include "tape.h"
#include "glue.h"
#include <stdlib.h>

/* ---- what is known once it is built ---- */
static void *part(tc_program *p, size_t bytes, bool *good) {
  void *at = tct_room(p, bytes + 1);
  if (!at) *good = false;
  else memset(at, 0, bytes);
  return at;
}

static void list_late(tc_program *p, tc_halves *h) {
  for (int b = 0; b < p->block_count; b++) {
    const tc_block *k = &p->blocks[b];
    if (k->late && !k->born_late && ((tct_moves(k) && k->kind != TCB_SAVED) || k->kind == TCB_OUTER)) h->late[h->late_count++] = b;
  }
}

/* The backward half is for these arguments and leaves, from the results of these places; gradient i is that of input of[i]. A run fits only while
   the flags, tensors of any kind, require grad or not as they do now. */
bool tc_program_halves(tc_program *p, const int32_t *arguments, int n_arguments, tc_tensor *const *leaves, int n_leaves, const int32_t *places,
                       int n_places, const int32_t *of, int n_of, tc_tensor *const *flags, int n_flags) {
  bool good = true;
  tc_halves *h = part(p, sizeof *h, &good);
  if (!h) return tci_fail("out of memory") != NULL;
  int nin = n_arguments + n_leaves;
  *h = (tc_halves){.nin = nin, .nout = n_places, .gradients = n_of, .flag_count = n_flags};
  h->argument = part(p, (size_t)nin * sizeof *h->argument, &good);
  h->leaf = part(p, (size_t)nin * sizeof *h->leaf, &good);
  h->place = part(p, (size_t)n_places * sizeof *h->place, &good);
  h->of = part(p, (size_t)n_of * sizeof *h->of, &good);
  h->flag = part(p, (size_t)n_flags * sizeof *h->flag, &good);
  h->on = part(p, (size_t)n_flags * sizeof *h->on, &good);
  h->late = part(p, (size_t)p->block_count * sizeof *h->late, &good);
  if (!good) return tci_fail("out of memory") != NULL;
  for (int i = 0; i < nin; i++) h->argument[i] = i < n_arguments ? arguments[i] : -1;
  for (int i = 0; i < n_leaves; i++) h->leaf[n_arguments + i] = tci_retain(leaves[i]);
  for (int i = 0; i < n_places; i++) h->place[i] = places[i];
  for (int i = 0; i < n_of; i++) h->of[i] = of[i];
  for (int i = 0; i < n_flags; i++) h->flag[i] = tci_retain(flags[i]), h->on[i] = tci_requires_grad(flags[i]);
  list_late(p, h);
  p->halves = h;
  return true;
}

/* ---- runs ---- */
static size_t aligned(size_t n) { return (n + 15) & ~(size_t)15; }

tc_run *tct_new_run(tc_program *p) {
  size_t held = aligned(sizeof(tc_run)), versions = held + aligned((size_t)p->halves->late_count * sizeof(tc_storage *));
  size_t first = versions + aligned((size_t)p->halves->late_count * sizeof(uint32_t)), bytes = first + (size_t)p->source_count * sizeof(tc_stream);
  char *at = tci_small_alloc(bytes);
  tc_storage *saved = at ? tci_storage_new(p->saved_bytes, 0) : NULL;
  if (!saved) {
    if (at) tci_small_free(at, bytes);
    return tci_fail("out of memory");
  }
  tc_run *r = (tc_run *)at;
  *r = (tc_run){.program = p, .bytes = bytes, .saved = saved, .held = (tc_storage **)(at + held), .versions = (uint32_t *)(at + versions),
                .first = (tc_stream *)(at + first)};
  memset(r->held, 0, (size_t)p->halves->late_count * sizeof *r->held);
  p->refs++;
  return r;
}

void tct_free_run(tc_run *r) {
  tc_program *p = r->program;
  for (int i = 0; i < p->halves->late_count; i++) tci_storage_drop(r->held[i]);
  tci_storage_drop(r->saved);
  tci_small_free(r, r->bytes);
  tc_program_free(p);
}

/* While everything of the forward half is still in place. */
static void keep_for_backward(tc_program *p, tc_run *r) {
  for (int i = 0; i < p->source_count; i++) r->first[i] = p->sources[i].first;
  for (int i = 0; i < p->halves->late_count; i++) {
    tc_storage *s = p->blocks[p->halves->late[i]].storage;
    r->held[i] = s;
    if (s) s->refs++, r->versions[i] = s->version;
  }
}

static bool unchanged(const tc_program *p, const tc_run *r) {
  for (int i = 0; i < p->halves->late_count; i++) {
    const tc_storage *s = r->held[i];
    if (!s || s->version == r->versions[i]) continue;
    tci_fail("a compiled function needs a tensor for backward that %s changed in place after the call (version %u, then %u)",
             s->writer ? s->writer : "an operator", r->versions[i], s->version);
    return false;
  }
  return true;
}

/* The gradients that come, as the recording had them: row-major, in memory of their own; zeros where none came. */
static tc_tensor *as_recorded(const tc_argument *a, tc_tensor *g) {
  if (!g) return tc_zeros(a->size, a->ndim, a->dtype, 0, false);
  if (g->dtype != a->dtype || g->numel != a->numel) return tci_fail("internal: a gradient does not fit");
  bool alone = tci_contiguous(g) && g->offset == 0 && g->storage->bytes == g->numel * tci_elsize(g->dtype);
  return alone ? g : tc_clone(g);
}

static bool prepare_backward(tc_program *p, const tc_run *r, tc_tensor **gs) {
  for (int i = p->forward_arguments; i < p->argument_count; i++) {
    tc_tensor *g = as_recorded(&p->arguments[i], gs[i - p->forward_arguments]);
    if (!g) return false;
    tct_lend(p, p->arguments[i].block, g->storage);
  }
  for (int i = 0; i < p->halves->late_count; i++)
    if (r->held[i] && tct_moves(&p->blocks[p->halves->late[i]])) tct_lend(p, p->halves->late[i], r->held[i]);
  for (int i = 0; i < p->busy_count; i++) {
    const int b = p->busy[i];
    tc_block *k = &p->blocks[b];
    if (k->kind == TCB_SAVED) tct_move(p, b, (char *)r->saved->data + k->place);
    if (k->kind == TCB_OUTPUT && k->born_late && !tct_make_output(p, b)) return false;
    if (k->initial && (k->kind == TCB_INNER || (k->kind == TCB_OUTPUT && k->born_late))) memcpy(k->now, k->initial, (size_t)k->bytes);
  }
  for (int i = 0; i < p->source_count; i++) p->sources[i].first = r->first[i];
  tct_aim_draws(p);
  return true;
}

static void mark_changes(tc_program *p) {
  for (int i = 0; i < p->busy_count; i++) {
    tc_block *k = &p->blocks[p->busy[i]];
    if (!k->late_write || k->kind != TCB_OUTER || !k->storage) continue;
    k->storage->version++;
    k->storage->writer = "a compiled function";
  }
}

/* ---- the node ---- */
static tc_run **run_of(const tc_node *n) { return n->attr; }

static void compiled_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_run *r = *run_of(n);
  if (!r) {
    tci_fail("backward came through a compiled function a second time, but what it saved was freed: say {retain_graph = true} the first time");
    return;
  }
  if (tci_grad_mode()) {
    tci_fail("the gradient of a compiled function cannot be differentiated: call the function itself where create_graph is needed");
    return;
  }
  tc_program *p = r->program;
  bool good = unchanged(p, r) && prepare_backward(p, r, g) && tct_play(p, p->split, p->count);
  if (good) mark_changes(p);
  for (int i = 0; i < p->halves->gradients && good; i++) dx[p->halves->of[i]] = tct_result(p, &p->results[p->forward_results + i]);
  tct_let_go(p, true);
}

static void forget_run(tc_node *n) {
  tc_run **r = run_of(n);
  if (*r) tct_free_run(*r);
  *r = NULL;
}

static const tc_rule compiled_rule = {"compiled", compiled_grad, TC_COMPLEX_RULE, forget_run};

/* Makes the node of a run and hands the run over to it. */
bool tct_enter_graph(tc_program *p, tc_run *run, tc_tensor *const *xs, tc_handle *const *outputs) {
  const tc_halves *h = p->halves;
  keep_for_backward(p, run);
  tc_tensor *few[64], **ins = h->nin <= 64 ? few : malloc((size_t)h->nin * sizeof *ins);
  for (int i = 0; ins && i < h->nin; i++) ins[i] = h->argument[i] >= 0 ? xs[h->argument[i]] : h->leaf[i];
  tc_node *n = ins ? tci_node_new(&compiled_rule, h->nin, ins, h->nout, &run, sizeof run) : tci_fail("out of memory");
  if (ins != few) free(ins);
  if (!n) {
    tct_free_run(run);
    return false;
  }
  for (int i = 0; i < h->nout; i++)
    if (outputs[h->place[i]]->t) tci_make_history(outputs[h->place[i]]->t, n, i);
  tci_node_drop(n);
  return true;
}
