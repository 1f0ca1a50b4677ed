/* program.c: a finished recording: comparing it with another one, making it ready, running it with new arguments. A run is one call: it looks
   whether it still fits, puts addresses into the instructions, plays them, and hands out the results. */
#include "tape.h"
#include "glue.h"
#include <stdio.h>
#include <stdlib.h>

static TC_THREAD_LOCAL tc_program *patched; /* updates hand their numbers to this one */
static TC_THREAD_LOCAL int patch_at, patch_count;

/* ---- are two recordings the same work? ---- */
static const char *differs(const char *format, const char *a, const char *b) {
  static TC_THREAD_LOCAL char *text;
  if (!text) text = malloc(256);
  if (text) snprintf(text, 256, format, a, b);
  return text ? text : "it differs";
}

static const char *different_instructions(const tc_program *a, const tc_program *b) {
  for (int i = 0; i < a->count && i < b->count; i++) {
    const tc_instruction *x = &a->instructions[i], *y = &b->instructions[i];
    int64_t m = (i + 1 < a->count ? x[1].sign : a->sign_count) - x->sign, n = (i + 1 < b->count ? y[1].sign : b->sign_count) - y->sign;
    if (x->slot != y->slot) return differs("one call ran '%s' where the next one ran '%s'", x->who, y->who);
    if (m != n || memcmp(a->sign + x->sign, b->sign + y->sign, (size_t)m))
      return differs("two calls ran '%s' with other numbers or on other tensors%s", x->who, "");
  }
  return a->count == b->count ? NULL : differs("one call ran more operators than the next%s%s", "", "");
}

static bool same_values(const tc_block *a, const tc_block *b) {
  if (!a->initial || !b->initial) return a->initial == b->initial;
  return !memcmp(a->initial, b->initial, (size_t)a->bytes);
}

static const char *different_blocks(const tc_program *a, const tc_program *b) {
  if (a->block_count != b->block_count) return "one call made more tensors than the next";
  for (int i = 0; i < a->block_count; i++) {
    const tc_block *x = &a->blocks[i], *y = &b->blocks[i];
    if (x->first < 0 && y->first < 0 && x->kind != TCB_OUTPUT) continue; /* nothing uses it */
    if (x->kind != y->kind || x->bytes != y->bytes || x->varies != y->varies) return "two calls made other tensors";
    if (x->kind == TCB_OUTER && x->base != y->base) return "two calls read other tensors from outside: one was replaced by another";
    if (!same_values(x, y)) return "a number or table made by Lua was another one in the next call";
  }
  return NULL;
}

static bool same_geometry(const tc_result *a, const tc_result *b) {
  return a->dtype == b->dtype && a->ndim == b->ndim && a->block == b->block && a->offset == b->offset &&
         !memcmp(a->size, b->size, (size_t)a->ndim * sizeof *a->size) && !memcmp(a->stride, b->stride, (size_t)a->ndim * sizeof *a->stride);
}

static const char *different_ends(const tc_program *a, const tc_program *b) {
  if (a->result_count != b->result_count) return "two calls gave other results";
  for (int i = 0; i < a->result_count; i++)
    if (!same_geometry(&a->results[i], &b->results[i])) return "two calls gave other results";
  if (a->grad_count != b->grad_count) return "two calls set the gradients of other tensors";
  for (int i = 0; i < a->grad_count; i++) {
    const tc_grad_slot *x = &a->grads[i], *y = &b->grads[i];
    if (x->leaf != y->leaf || x->read != y->read || x->written != y->written || (x->read && !x->before != !y->before))
      return "two calls found or set other gradients";
  }
  return NULL;
}

/* NULL if a and b, recorded one after the other, are the same; else what differs. */
const char *tc_program_difference(tc_program *a, tc_program *b) {
  if (a->trouble) return a->trouble;
  if (b->trouble) return b->trouble;
  const char *text = different_instructions(a, b);
  if (!text) text = different_blocks(a, b);
  if (!text) text = tct_joint_difference(a, b);
  return text ? text : different_ends(a, b);
}

/* ---- making it ready ---- */
static bool moves(const tc_block *b) { return b->kind == TCB_INPUT || b->kind == TCB_GRAD || b->kind == TCB_OUTPUT || b->saved; }

/* The places that move, those of block b from start[b] to start[b + 1]. */
static bool sort_moving(tc_program *p) {
  p->start = calloc((size_t)p->block_count + 1, sizeof *p->start);
  p->moving = malloc((size_t)(p->place_count + 1) * sizeof *p->moving);
  int *next = malloc((size_t)(p->block_count + 1) * sizeof *next);
  const bool good = p->start && p->moving && next;
  for (int i = 0; good && i < p->place_count; i++)
    if (moves(&p->blocks[p->places[i].block])) p->start[p->places[i].block + 1]++;
  for (int b = 0; good && b < p->block_count; b++) next[b] = p->start[b], p->start[b + 1] += p->start[b];
  for (int i = 0; good && i < p->place_count; i++)
    if (moves(&p->blocks[p->places[i].block])) p->moving[next[p->places[i].block]++] = i;
  free(next);
  return good || tci_fail("out of memory") != NULL;
}

/* Blocks that each run has to look at: results to make, gradients to find, values to restore, and what is changed outside. */
static bool list_busy(tc_program *p) {
  p->busy = malloc((size_t)p->block_count * sizeof *p->busy + 1);
  if (!p->busy) return tci_fail("out of memory") != NULL;
  for (int b = 0; b < p->block_count; b++) {
    const tc_block *k = &p->blocks[b];
    const bool restored = k->initial && k->kind != TCB_CONSTANT && (k->kind != TCB_INNER || k->place >= 0);
    if (moves(k) || restored || (k->written && k->kind != TCB_INNER)) p->busy[p->busy_count++] = b;
  }
  return true;
}

static void settle(tc_program *p) { /* what never moves */
  for (int b = 0; b < p->block_count; b++) {
    tc_block *k = &p->blocks[b];
    if (k->saved) k->now = NULL;
    else if (k->kind == TCB_INNER) k->now = k->place >= 0 ? p->arena + k->place : NULL;
    else if (k->kind == TCB_CONSTANT) k->now = k->initial;
    else if (k->storage) k->now = k->storage->data;
    else k->now = NULL;
  }
  for (int i = 0; i < p->place_count; i++) {
    const tc_block *b = &p->blocks[p->places[i].block];
    if (!moves(b) && b->now) *p->places[i].at = b->now + p->places[i].offset;
  }
}

static void squeeze(tc_program *p) { /* dead instructions go */
  int to = 0, split = 0;
  for (int i = 0; i < p->count; i++) {
    if (i == p->joint.split) split = to;
    if (!p->instructions[i].dead) p->instructions[to++] = p->instructions[i];
  }
  if (p->joint.split >= p->count) split = to;
  p->joint.split = split;
  p->count = to;
}

enum { MUCH = 16 << 20 };
/* Plans the memory; false after an error. */
bool tc_program_build(tc_program *p) {
  if (p->built) return true;
  if (p->trouble) return tci_fail("%s", p->trouble) != NULL;
  if (!tct_plan(p)) return false;
  if (p->arena_bytes > MUCH) tc_empty_cache(); /* the eager calls' memory becomes the arena's: fresh pages cost more than the work on them */
  p->arena = tci_device_alloc(0, p->arena_bytes, &p->arena_capacity);
  if (!p->arena) return tci_fail("out of memory: %lld bytes asked for", (long long)p->arena_bytes) != NULL;
  if (!sort_moving(p) || !list_busy(p) || !tct_joint_build(p)) return false;
  settle(p);
  squeeze(p);
  for (int i = 0; i < p->source_count; i++) tci_generator_hold(p->sources[i].generator);
  for (int i = 0; i < p->grad_count; i++)
    if (!p->grads[i].read) tci_release(p->grads[i].before), p->grads[i].before = NULL;
  free(p->sign);
  p->sign = NULL;
  p->built = true;
  return true;
}

void tc_program_free(tc_program *p) {
  if (!p) return;
  if (p->joint.holds > 0) { /* until the last of its runs goes */
    p->joint.abandoned = true;
    return;
  }
  tct_joint_free(p);
  for (int i = 0; i < p->flag_count; i++) tci_release(p->flags[i].x);
  for (int b = 0; b < p->block_count; b++) {
    free(p->blocks[b].initial);
    if (p->blocks[b].kind == TCB_OUTER || p->blocks[b].kind == TCB_KEPT) tci_storage_drop(p->blocks[b].storage);
  }
  for (int i = 0; i < p->grad_count; i++) {
    tci_release(p->grads[i].leaf);
    tci_release(p->grads[i].before);
    tci_release(p->grads[i].after);
  }
  for (int i = 0; p->built && i < p->source_count; i++) tc_generator_free(p->sources[i].generator);
  if (p->arena) tci_device_free(0, p->arena, p->arena_capacity);
  while (p->room) {
    tc_room *next = p->room->next;
    free(p->room);
    p->room = next;
  }
  void *lists[] = {p->instructions, p->blocks, p->places, p->sign, p->draws, p->sources, p->grads, p->arguments, p->results,
                   p->trouble, p->moving, p->start, p->busy, p->flags};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]);
  free(p);
}

/* ---- does it fit? ---- */
static bool fits_argument(const tc_program *p, int i, tc_tensor *x) {
  const tc_argument *a = &p->arguments[i];
  if (!x || x->dtype != a->dtype || x->ndim != a->ndim || x->device != 0 || x->offset != a->offset) return false;
  for (int d = 0; d < a->ndim; d++)
    if (x->size[d] != a->size[d] || x->stride[d] != a->stride[d]) return false;
  return tci_requires_grad(x) == a->requires_grad;
}

/* arguments that shared memory do so still, and others do not */
static bool shared_alike(const tc_program *p, tc_tensor *const *xs) {
  for (int i = 1; i < p->argument_count; i++)
    for (int k = 0; k < i; k++)
      if ((xs[i]->storage == xs[k]->storage) != (p->arguments[i].block == p->arguments[k].block)) return false;
  return true;
}

static bool fits_grads(const tc_program *p) {
  for (int i = 0; i < p->grad_count; i++) {
    const tc_grad_slot *g = &p->grads[i];
    if (!g->read) continue;
    const tc_tensor *x = g->leaf->grad, *y = g->before;
    if (!x != !y) return false;
    if (x && (x->dtype != y->dtype || x->offset != y->offset || !tci_same_shape(x, y) ||
              memcmp(x->stride, y->stride, (size_t)x->ndim * sizeof *x->stride))) return false;
  }
  return true;
}

static bool fits(const tc_program *p, tc_tensor *const *xs, int n) {
  if (n != p->argument_count || tci_grad_mode() != p->grad_mode || p->data_changes != tci_data_changes) return false;
  for (int i = 0; i < n; i++)
    if (!fits_argument(p, i, xs[i])) return false;
  for (int i = 0; i < p->flag_count; i++)
    if (tci_requires_grad(p->flags[i].x) != p->flags[i].requires_grad) return false;
  return shared_alike(p, xs) && fits_grads(p);
}

/* ---- running ---- */
void tct_move(tc_program *p, int b, tc_storage *s, char *to) {
  tc_block *k = &p->blocks[b];
  k->storage = s;
  if (k->now == to) return;
  k->now = to;
  for (int i = p->start[b]; i < p->start[b + 1]; i++) {
    const tc_place *at = &p->places[p->moving[i]];
    *at->at = k->now + at->offset;
  }
}

static void move_block(tc_program *p, int b, tc_storage *s) { tct_move(p, b, s, s->data); }

/* Memory of one stage: all, or of the function and of its gradients (late). */
bool tct_prepare(tc_program *p, bool late) {
  for (int i = 0; i < p->busy_count; i++) {
    const int b = p->busy[i];
    tc_block *k = &p->blocks[b];
    if (k->late != late) continue;
    if (k->kind == TCB_GRAD) move_block(p, b, p->grads[k->index].leaf->grad->storage);
    if (k->kind == TCB_OUTPUT) {
      tc_storage *s = tci_storage_new(k->bytes, 0);
      if (!s) return false;
      move_block(p, b, s);
    }
    if (k->initial && k->kind != TCB_CONSTANT) memcpy(k->now, k->initial, (size_t)k->bytes);
  }
  return true;
}

void tct_draw_from(tc_program *p) {
  for (int i = 0; i < p->draw_count; i++) {
    const tc_draw_place *d = &p->draws[i];
    *d->at = (tc_stream){p->sources[d->generator].first.seed, p->sources[d->generator].first.call + d->ahead, NULL};
  }
}

static bool prepare(tc_program *p, tc_tensor *const *xs, tc_storage *saved) {
  for (int i = 0; i < p->argument_count; i++) move_block(p, p->arguments[i].block, xs[i]->storage);
  for (int i = 0; saved && i < p->busy_count; i++)
    if (p->blocks[p->busy[i]].saved) tct_move(p, p->busy[i], NULL, (char *)saved->data + p->blocks[p->busy[i]].place);
  if (!tct_prepare(p, false)) return false;
  for (int i = 0; i < p->source_count; i++) p->sources[i].first = tci_skip_streams(p->sources[i].generator, p->sources[i].calls);
  tct_draw_from(p);
  return true;
}

static bool fail_at(const tc_instruction *i, int status) {
  tci_set_who(i->who);
  if (status == TC_FAULT)
    return tci_fail("%lld at position %lld is no place there is", (long long)tct_fault.value, (long long)tct_fault.position + 1) != NULL;
  return tci_status(status, NULL, NULL, 0);
}

bool tct_play(tc_program *p, int from, int to) {
  const tc_kernels *k = tci_kernels(0);
  const bool watched = tci_watching & TCW_PROFILE;
  for (int n = from; n < to; n++) {
    const tc_instruction *i = &p->instructions[n];
    if (watched) tci_profile_begin(TC_EVENT_OPERATOR, i->who, 0, NULL);
    int status = i->play(k, i->args);
    if (watched) tci_profile_end();
    if (status != TC_OK) return fail_at(i, status);
  }
  return true;
}

static void finish(tc_program *p) {
  for (int i = 0; i < p->busy_count; i++) {
    tc_block *k = &p->blocks[p->busy[i]];
    if (!k->written || k->kind == TCB_INNER || k->kind == TCB_OUTPUT || !k->storage) continue;
    k->storage->version++;
    k->storage->writer = "a compiled function";
  }
  for (int i = 0; i < p->grad_count; i++) {
    tc_grad_slot *g = &p->grads[i];
    if (!g->written || g->leaf->grad == g->after) continue;
    tci_retain(g->after);
    tci_release(g->leaf->grad);
    g->leaf->grad = g->after;
  }
}

tc_tensor *tct_result(const tc_program *p, const tc_result *r) {
  tc_tensor *t = tci_header(r->dtype, r->ndim, 0);
  if (!t) return NULL;
  memcpy(t->size, r->size, (size_t)r->ndim * sizeof *t->size);
  memcpy(t->stride, r->stride, (size_t)r->ndim * sizeof *t->stride);
  t->numel = r->numel;
  t->offset = r->offset;
  t->storage = p->blocks[r->block].storage;
  if (!t->storage) return tci_fail("internal: a result has no memory");
  t->storage->refs++;
  return t;
}

/* The run's own hold on what it made; results hold it further. */
void tct_let_go(tc_program *p) {
  for (int i = 0; i < p->busy_count; i++) {
    tc_block *k = &p->blocks[p->busy[i]];
    if (k->kind == TCB_OUTPUT) tci_storage_drop(k->storage);
    if (moves(k)) k->storage = NULL;
  }
}

/* 0: done, 1: an error waits, 2: done and memory is tight, 3: this program does not fit the arguments or the state of things. */
int32_t tc_program_run(tc_program *p, tc_handle *const *inputs, int n, tc_handle *const *outputs, int n_outputs) {
  tc_tensor *xs[64], *few[8] = {NULL}, **made = few;
  tc_storage *saved = NULL;
  size_t mark = tci_enter("compile");
  if (n > 64) return 3;
  for (int i = 0; i < n; i++)
    if (!(xs[i] = tci_unwrap(inputs[i], "argument"))) return 1;
  if (n_outputs != p->result_count || !fits(p, xs, n)) return 3;
  const bool watched = tci_watching & TCW_PROFILE;
  if (watched) tci_profile_begin(TC_EVENT_RANGE, "compiled", 0, NULL);
  if (n_outputs > 8 && !(made = calloc((size_t)n_outputs, sizeof *made))) return tci_fail("out of memory"), 1;
  bool good = !p->joint.on || (saved = tci_storage_new(p->joint.saved_bytes, 0));
  good = good && prepare(p, xs, saved) && tct_play(p, 0, p->joint.on ? p->joint.split : p->count);
  if (good) finish(p);
  for (int i = 0; i < n_outputs && good; i++) good = (made[i] = tct_result(p, &p->results[i])) != NULL;
  if (good && p->joint.on) good = tct_joint_connect(p, xs, saved, made);
  tci_storage_drop(saved);
  for (int i = 0; i < n_outputs && good; i++) tci_wrap(outputs[i], made[i]);
  if (made != few) free(made);
  tct_let_go(p);
  if (watched) tci_profile_end();
  tci_scope_close(mark, NULL);
  if (tci_interrupted()) tci_fail("interrupted");
  return tci_failed() ? 1 : tci_pressure() ? 2 : 0;
}

/* ---- numbers of optimizers ---- */
int tct_play_update(const tc_kernels *k, void *args) {
  tc_update_args *q = args;
  if (tci_holding()) {
    tci_fail("an optimizer's step inside a compiled function cannot be recorded in a CUDA graph: call step() beside it");
    return TC_DEVICE_ERROR;
  }
  double s[8] = {0}, before[8] = {0};
  for (int i = 0; i < q->count; i++) {
    double given[8] = {0};
    void **at = q->scalar + i * q->scalars;
    const bool *wide = q->wide + i * q->scalars;
    for (int j = 0; j < q->scalars; j++) given[j] = !at[j] ? 0 : wide[j] ? *(double *)at[j] : *(float *)at[j];
    if (i > 0 && !memcmp(given, before, sizeof given)) memcpy(q->pieces[i].k, q->pieces[i - 1].k, sizeof q->pieces[i].k); /* all at one step */
    else {
      memcpy(before, given, sizeof given);
      memcpy(s, given, sizeof given);
      s[0] += 1;
      q->numbers(q->h, s, q->pieces[i].k);
    }
    for (int j = 0; j < q->scalars; j++) {
      if (!at[j]) continue;
      if (wide[j]) *(double *)at[j] = s[j];
      else *(float *)at[j] = (float)s[j];
    }
  }
  return k->optim(q->rule, q->pieces, q->count, NULL);
}

bool tci_patching(void) { return patched != NULL; }

void tci_patch_update(const double *h, double decay, double shrink, bool maximize) {
  while (patch_at < patched->count && patched->instructions[patch_at].slot != TCT_update) patch_at++;
  patch_count++;
  if (patch_at == patched->count) return;
  tc_update_args *q = patched->instructions[patch_at++].args;
  memcpy(q->h, h, sizeof q->h);
  for (int i = 0; i < q->count; i++) {
    q->pieces[i].decay = decay;
    q->pieces[i].shrink = shrink;
    q->pieces[i].sign = maximize ? -1 : 1;
  }
}

/* Between begin and end the optimizers' updates put their numbers into the program instead of running, in the order of the recording. */
void tc_program_patch_begin(tc_program *p) {
  patched = p;
  patch_at = patch_count = 0;
}
bool tc_program_patch_end(void) { /* false: there were more or fewer than recorded */
  tc_program *p = patched;
  patched = NULL;
  int updates = 0;
  for (int i = 0; p && i < p->count; i++) updates += p->instructions[i].slot == TCT_update;
  return updates == patch_count;
}

/* what: 0 instructions, 1 bytes of the arena, 2 bytes without reuse, 3 elementwise kernels that were merged, 4 updates of optimizers */
double tc_program_figure(tc_program *p, int64_t what) {
  int updates = 0;
  for (int i = 0; i < p->count; i++) updates += p->instructions[i].slot == TCT_update;
  const double figures[] = {p->count, (double)p->arena_bytes, (double)p->naive_bytes, p->fused, updates};
  return what >= 0 && what < 5 ? figures[what] : 0;
}
