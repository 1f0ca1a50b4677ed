/* capture.c: the recording of kernels and of what else a replay has to know: which memory they used, which gradients were read and set, which
   random numbers drawn. Whatever cannot be repeated without looking at values stops the recording with an error. */
#include "tape.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

TC_THREAD_LOCAL tc_program *tct_now;
const tc_kernels *tct_real;
tc_fault tct_fault;

/* ---- the storages that are alive, by address ---- */
typedef struct living { char *from, *to; int block; } living;
static living *alive;
static int alive_count, alive_room;
static bool suspended;                   /* kernels run unrecorded */

static struct {                          /* the instruction being recorded */
  bool reads_varying;
  int written[16], written_count;
} current;

bool tct_grow(void **list, int *room, int count, size_t bytes) {
  if (count < *room) return true;
  int more = *room ? 2 * *room : 64;
  void *wider = realloc(*list, (size_t)more * bytes);
  if (!wider) return false;
  *list = wider;
  *room = more;
  return true;
}
#define GROW(list, room, count) tct_grow((void **)&(list), &(room), count, sizeof *(list))

/* The first reason why this recording cannot be played. */
void tct_trouble(const char *format, ...) {
  tc_program *p = tct_now;
  if (!p || p->trouble || !(p->trouble = malloc(256))) return;
  va_list args;
  va_start(args, format);
  vsnprintf(p->trouble, 256, format, args);
  va_end(args);
}

void *tct_room(tc_program *p, size_t bytes) {
  bytes = (bytes + 15) & ~(size_t)15;
  if (!p->room || p->room->size - p->room->used < bytes) {
    size_t size = bytes > 16384 ? bytes : 16384;
    tc_room *r = malloc(sizeof *r + size + 16);
    if (!r) {
      tct_trouble("out of memory");
      return NULL;
    }
    *r = (tc_room){.next = p->room, .size = size};
    p->room = r;
  }
  char *at = (char *)(((uintptr_t)p->room->bytes + 15) & ~(uintptr_t)15) + p->room->used;
  p->room->used += bytes;
  return at;
}

/* The index in `alive` of the first storage that begins after p. */
static int after(const char *p) {
  int low = 0, high = alive_count;
  while (low < high) {
    int middle = (low + high) / 2;
    if (alive[middle].from <= p) low = middle + 1;
    else high = middle;
  }
  return low;
}

static int block_at(const void *at) {
  int i = after(at) - 1;
  return i >= 0 && (char *)at < alive[i].to ? alive[i].block : -1;
}

static int new_block(tc_storage *s, int kind, int index) {
  tc_program *p = tct_now;
  if (!GROW(p->blocks, p->block_room, p->block_count) || !GROW(alive, alive_room, alive_count)) {
    tct_trouble("out of memory");
    return -1;
  }
  int b = p->block_count++, at = after(s->data);
  p->blocks[b] = (tc_block){.kind = kind, .index = index, .storage = s, .base = s->data, .bytes = s->bytes, .first = -1, .last = -1,
                            .varies = kind != TCB_INNER, .place = -1};
  memmove(alive + at + 1, alive + at, (size_t)(alive_count++ - at) * sizeof *alive);
  alive[at] = (living){s->data, (char *)s->data + (s->bytes > 0 ? s->bytes : 1), b};
  return b;
}

/* The block of a storage that came from outside, noted when first seen. */
static int see(tc_storage *s, int kind, int index) {
  int b = block_at(s->data);
  return b >= 0 ? b : new_block(s, kind, index);
}

static void *values_of(const tc_block *b) { /* a copy */
  void *copy = malloc(b->bytes > 0 ? (size_t)b->bytes : 1);
  if (copy) memcpy(copy, b->base, (size_t)b->bytes);
  else tct_trouble("out of memory");
  return copy;
}

/* ---- what goes on the tape ---- */
void tct_sign(const void *from, size_t bytes) {
  tc_program *p = tct_now;
  if (p->sign_count + (int64_t)bytes > p->sign_room) {
    int64_t more = 2 * p->sign_room + (int64_t)bytes + 4096;
    char *wider = realloc(p->sign, (size_t)more);
    if (!wider) {
      tct_trouble("out of memory");
      return;
    }
    p->sign = wider;
    p->sign_room = more;
  }
  memcpy(p->sign + p->sign_count, from, bytes);
  p->sign_count += (int64_t)bytes;
}

void *tct_begin(int slot, tc_player play, size_t bytes) {
  tc_program *p = tct_now;
  if (!p || suspended || p->trouble || tci_failed()) return NULL;
  if (!GROW(p->instructions, p->instruction_room, p->count)) {
    tct_trouble("out of memory");
    return NULL;
  }
  void *args = tct_room(p, bytes);
  if (!args) return NULL;
  p->instructions[p->count] = (tc_instruction){.play = play, .args = args, .slot = slot, .first_place = p->place_count,
                                               .sign = p->sign_count, .who = tci_who()};
  current.reads_varying = false;
  current.written_count = 0;
  tct_sign(&slot, sizeof slot);
  return args;
}

void tct_end(bool random) {
  tc_program *p = tct_now;
  tc_instruction *i = &p->instructions[p->count++];
  i->random = random;
  i->places = p->place_count - i->first_place;
  for (int k = 0; k < current.written_count; k++)
    if (random || current.reads_varying) p->blocks[current.written[k]].varies = true;
}

void *tct_struct(const void *from, size_t bytes, size_t signed_bytes) {
  void *to = from ? tct_room(tct_now, bytes) : NULL;
  bool there = from != NULL;
  tct_sign(&there, sizeof there);
  if (!to) return NULL;
  memcpy(to, from, bytes);
  tct_sign(from, signed_bytes);
  return to;
}
void *tct_copy(const void *from, size_t bytes) { return tct_struct(from, bytes, bytes); }

static void use_block(int b, int mode) {
  tc_program *p = tct_now;
  tc_block *block = &p->blocks[b];
  if (block->first < 0) block->first = p->count;
  block->last = p->count;
  if (mode != TCT_WRITE) {
    block->read = true;
    current.reads_varying |= block->varies;
  }
  if (mode == TCT_READ) return;
  bool inner = block->kind == TCB_INNER;
  if (inner && !block->written && block->read && !block->initial) block->initial = values_of(block);
  block->written = true;
  if (current.written_count < 16) current.written[current.written_count++] = b;
  else block->varies = true;
}

/* *at is an address in a tensor's memory: where it is, is looked up anew at each run. */
void tct_place(void **at, int mode) {
  tc_program *p = tct_now;
  int b = *at ? block_at(*at) : -2;
  tct_sign(&b, sizeof b);
  if (b == -2) return;
  if (b < 0) {
    tct_trouble("%s uses memory that the recording has not seen", tci_who());
    return;
  }
  if (!GROW(p->places, p->place_room, p->place_count)) {
    tct_trouble("out of memory");
    return;
  }
  int64_t offset = (char *)*at - p->blocks[b].base;
  p->places[p->place_count++] = (tc_place){(char **)at, b, mode, offset};
  tct_sign(&offset, sizeof offset);
  use_block(b, mode);
}

/* An operand without elements has an address that means nothing. */
void tct_place_of(void **at, int mode, int64_t numel) {
  if (numel == 0 && *at && block_at(*at) < 0) *at = NULL;
  tct_place(at, mode);
}

/* ---- random numbers: a stream counts calls from where its generator stood when the run began ---- */
void tct_stream(tc_stream *s) {
  tc_program *p = tct_now;
  for (int i = 0; i < p->source_count; i++) {
    tc_source *from = &p->sources[i];
    uint64_t ahead = s->call - from->first.call;
    if (s->seed != from->first.seed || ahead >= from->calls) continue;
    if (!GROW(p->draws, p->draw_room, p->draw_count)) break;
    p->draws[p->draw_count++] = (tc_draw_place){s, i, ahead};
    tct_sign(&i, sizeof i);
    tct_sign(&ahead, sizeof ahead);
    return;
  }
  tct_trouble("%s uses a stream of random numbers that was begun before the recording, or seeded inside", tci_who());
}

tc_draw *tct_draw(const tc_draw *d) {
  tc_draw *to = tct_struct(d, sizeof *d, 0);
  if (!to) return NULL;
  tct_sign(&d->op, sizeof d->op);
  tct_sign(&d->a, offsetof(tc_draw, span) + sizeof d->span - offsetof(tc_draw, a));
  tct_stream(&to->stream);
  return to;
}

void tci_watch_stream(tc_generator *g, tc_stream s) {
  tc_program *p = tct_now;
  if (!p) return;
  for (int i = 0; i < p->source_count; i++)
    if (p->sources[i].generator == g) {
      uint64_t ahead = s.call - p->sources[i].first.call;
      if (s.seed != p->sources[i].first.seed) tct_trouble("the random numbers are seeded inside");
      else if (ahead >= p->sources[i].calls) p->sources[i].calls = ahead + 1;
      return;
    }
  if (!GROW(p->sources, p->source_room, p->source_count)) tct_trouble("out of memory");
  else p->sources[p->source_count++] = (tc_source){g, s, 1};
}

/* ---- what operators tell ---- */
void tct_refuse(const char *kernel) {
  tc_program *p = tct_now;
  if (!p || suspended) return;
  tci_fail("tocha.compile cannot record it: the size of its result depends on values, or it has no recorded form ('%s')", kernel);
}

/* Whether what comes from outside requires grad decides which graph there is. */
static void note_flag(tc_program *p, tc_tensor *x, int block) {
  if (x->id >= p->first_id || (p->blocks[block].kind != TCB_OUTER) || !(tci_is_float(x->dtype) || tci_is_complex(x->dtype))) return;
  for (int i = 0; i < p->flag_count; i++)
    if (p->flags[i].x == x) return;
  if (!GROW(p->flags, p->flag_room, p->flag_count)) tct_trouble("out of memory");
  else p->flags[p->flag_count++] = (tc_flag){tci_retain(x), tci_requires_grad(x)};
}

void tci_watch_history(const tc_tensor *x) {
  if (tct_now && x->id < tct_now->first_id) tct_now->rewritten = true;
}

void tct_operands(int n, tc_tensor *const *xs) {
  for (int i = 0; i < n && tct_now; i++) {
    if (!xs[i]) continue;
    if (xs[i]->device > 0) {
      tci_fail("tocha.compile records on the CPU alone, got a tensor on %s", tc_device_name(xs[i]->device));
      return;
    }
    int b = see(xs[i]->storage, TCB_OUTER, 0);
    if (b >= 0) note_flag(tct_now, xs[i], b);
  }
}

void tct_made(tc_storage *s) {
  if (tct_now) new_block(s, TCB_INNER, 0);
}

/* A storage dies. What nothing wrote but the host is a constant of the program. */
void tci_watch_drop(tc_storage *s) {
  tc_program *p = tct_now;
  if (!p) return;
  int i = after(s->data) - 1;
  if (i < 0 || alive[i].from != (char *)s->data) return;
  tc_block *b = &p->blocks[alive[i].block];
  memmove(alive + i, alive + i + 1, (size_t)(--alive_count - i) * sizeof *alive);
  b->storage = NULL;
  if (b->kind != TCB_INNER) b->died = true;
  else if (b->read && !b->written) b->initial = values_of(b), b->kind = TCB_CONSTANT;
}

/* Values are about to be read outside a kernel: no, unless they are the same at every run. */
bool tci_watch_read(const tc_tensor *x) {
  tc_program *p = tct_now;
  if (!p || suspended) return true;
  int b = block_at(x->storage->data);
  if (b >= 0 && !p->blocks[b].varies) return true;
  return tci_fail("values of tensors cannot be read while tocha.compile records: what follows from them would not be computed again. "
                  "Read them outside, or leave the function uncompiled") != NULL;
}

/* Values were written outside a kernel. */
void tci_watch_host(const tc_tensor *x) {
  int b = tct_now ? block_at(x->storage->data) : -1;
  if (b >= 0) tct_now->blocks[b].read = true; /* they are to be there at every run */
}

void tci_watch_grad(tc_tensor *x, bool writes) {
  tc_program *p = tct_now;
  if (!p || x->id >= p->first_id) return;
  int i = 0;
  while (i < p->grad_count && p->grads[i].leaf != x) i++;
  if (i == p->grad_count) {
    if (!GROW(p->grads, p->grad_room, p->grad_count)) {
      tct_trouble("out of memory");
      return;
    }
    p->grads[p->grad_count++] = (tc_grad_slot){.leaf = tci_retain(x), .before = tci_retain(x->grad)};
  }
  tc_grad_slot *g = &p->grads[i];
  if (writes) g->written = true;
  else if (!g->written && !g->read) {
    g->read = true;
    if (g->before) see(g->before->storage, TCB_GRAD, i);
  }
}

/* An update of an optimizer, about to run: it becomes one instruction that also makes the numbers of the pieces. */
static tc_update_args *update_args(int rule, const tc_optim_piece *pieces, int count, int scalars) {
  tc_update_args *q = tct_begin(TCT_update, tct_play_update, sizeof *q);
  if (!q) return NULL;
  *q = (tc_update_args){.rule = rule, .count = count, .scalars = scalars};
  q->pieces = tct_room(tct_now, (size_t)count * sizeof *pieces);
  q->scalar = tct_room(tct_now, (size_t)(count * scalars) * sizeof *q->scalar + 1);
  q->wide = tct_room(tct_now, (size_t)(count * scalars) + 1);
  return q->pieces && q->scalar && q->wide ? q : NULL;
}

void tci_watch_update(int rule, const tc_optim_piece *pieces, int count, int scalars, tc_tensor *const *scalar, const double *h,
                      void (*numbers)(const double *, double *, double *)) {
  if (!tct_now || count == 0) return;
  tc_update_args *q = update_args(rule, pieces, count, scalars);
  if (!q) return;
  q->numbers = numbers;
  memcpy(q->h, h, sizeof q->h);
  tct_sign(&rule, sizeof rule);
  tct_sign(&count, sizeof count);
  tct_sign(&numbers, sizeof numbers);
  for (int i = 0; i < count; i++) {
    q->pieces[i] = pieces[i];
    tct_sign(&pieces[i].numel, sizeof pieces[i].numel);
    tct_place((void **)&q->pieces[i].grad, TCT_READ);
    for (int j = 0; j < TC_OPTIM_STATES; j++) tct_place(&q->pieces[i].state[j], TCT_CHANGE);
    tct_place(&q->pieces[i].param, TCT_CHANGE);
    for (int j = 0; j < scalars; j++) {
      int at = i * scalars + j;
      tct_operands(1, &scalar[at]);
      q->scalar[at] = scalar[at] ? tci_data(scalar[at]) : NULL;
      q->wide[at] = scalar[at] && scalar[at]->dtype == TC_FLOAT64;
      tct_place(&q->scalar[at], TCT_CHANGE);
    }
  }
  tct_end(true);
}
void tci_watch_suspend(bool on) { suspended = on; }

/* ---- beginning and ending ---- */
static int64_t *copy_sizes(tc_program *p, int n, const int64_t *from) {
  int64_t *to = tct_room(p, (size_t)n * sizeof *to + 1);
  if (to) memcpy(to, from, (size_t)n * sizeof *to);
  return to;
}

static bool note_argument(tc_program *p, int i, tc_tensor *x) {
  if (!x) return false;
  int b = see(x->storage, TCB_INPUT, i);
  p->arguments[i] = (tc_argument){.dtype = x->dtype, .ndim = x->ndim, .block = b, .requires_grad = tci_requires_grad(x),
                                  .offset = x->offset, .numel = x->numel, .size = copy_sizes(p, x->ndim, x->size),
                                  .stride = copy_sizes(p, x->ndim, x->stride), .node = p->grad_mode ? tci_grad_node(x) : NULL};
  if (p->arguments[i].node) p->arguments[i].node->refs++;
  return p->arguments[i].size && p->arguments[i].stride;
}

bool tc_capture_begin(tc_tensor *const *inputs, int n) {
  if (tct_now) return tci_fail("a recording runs already") != NULL;
  tc_program *p = calloc(1, sizeof *p);
  if (!p || !(p->arguments = calloc((size_t)n + 1, sizeof *p->arguments)) || !(p->inputs = calloc((size_t)n + 1, sizeof *p->inputs))) {
    if (p) free(p->arguments);
    free(p);
    return tci_fail("out of memory") != NULL;
  }
  tct_now = p;
  alive_count = 0;
  suspended = false;
  p->argument_count = n;
  p->first_id = tci_next_id();
  p->grad_mode = tci_grad_mode();
  p->data_changes = tci_data_changes;
  p->first_node = tci_last_node();
  for (int i = 0; i < n; i++)
    if (!note_argument(p, i, p->inputs[i] = tci_retain(inputs[i]))) tct_trouble("out of memory");
  tct_real = tci_use_kernels(&tct_recorder);
  tci_watching |= TCW_CAPTURE;
  return true;
}

static void stop(void) {
  tc_joint *j = &tct_now->joint;
  for (int i = 0; i < tct_now->argument_count; i++)
    if (tct_now->arguments[i].node) tci_node_drop(tct_now->arguments[i].node);
  for (int i = 0; i < tct_now->argument_count; i++) {
    tct_now->arguments[i].node = NULL;
    tci_release(tct_now->inputs[i]);
  }
  free(tct_now->inputs);
  tct_now->inputs = NULL;
  for (int i = 0; i < j->tangent_count; i++) tci_release(j->tangents[i]);
  free(j->tangents);
  j->tangents = NULL;
  tci_engine_floor = 0;
  tci_watching &= ~TCW_CAPTURE;
  tci_use_kernels(tct_real);
  tct_now = NULL;
  free(alive);
  alive = NULL;
  alive_count = alive_room = 0;
}

bool tc_capturing(void) { return tct_now != NULL; }

/* How many instructions there are so far; or updates of optimizers among them. */
int64_t tc_capture_count(bool updates) {
  int64_t n = 0;
  for (int i = 0; tct_now && i < tct_now->count; i++) n += !updates || tct_now->instructions[i].slot == TCT_update;
  return n;
}

void tc_capture_abort(void) {
  tc_program *p = tct_now;
  if (!p) return;
  stop();
  for (int i = 0; i < p->block_count; i++) p->blocks[i].storage = NULL; /* none is counted yet */
  tc_program_free(p);
}

int tct_block_of(const tc_tensor *x) { return block_at(x->storage->data); }
void tct_note_tangent(int b) {
  tct_now->blocks[b].kind = TCB_INPUT;
  tct_now->blocks[b].index = -1;
  tct_now->blocks[b].varies = tct_now->blocks[b].tangent = true;
}

void tct_note_result(tc_program *p, tc_result *r, tc_tensor *x) {
  int b = block_at(x->storage->data);
  if (b < 0) b = see(x->storage, TCB_OUTER, 0);
  *r = (tc_result){.dtype = x->dtype, .ndim = x->ndim, .block = b, .offset = x->offset, .numel = x->numel, .wants = p->joint.on && tci_requires_grad(x),
                   .size = copy_sizes(p, x->ndim, x->size), .stride = copy_sizes(p, x->ndim, x->stride)};
  if (b < 0 || !r->size || !r->stride) tct_trouble("out of memory");
  else if (p->blocks[b].kind == TCB_INNER) p->blocks[b].kind = TCB_OUTPUT;
}

static void note_grads(tc_program *p) {
  for (int i = 0; i < p->grad_count; i++) {
    tc_grad_slot *g = &p->grads[i];
    g->after = tci_retain(g->leaf->grad);
    int b = g->after ? block_at(g->after->storage->data) : -1;
    if (b >= 0 && p->blocks[b].kind == TCB_INNER) p->blocks[b].kind = TCB_KEPT;
    for (int k = 0; k < p->argument_count; k++)
      if (p->blocks[p->arguments[k].block].storage == g->leaf->storage && g->written)
        tct_trouble("the gradient of an argument is set inside");
  }
}

/* What else is alive is garbage that Lua has not collected, or a tensor put elsewhere, which replays do not change. */
static void note_living(tc_program *p) {
  for (int i = 0; i < p->block_count; i++) {
    tc_block *b = &p->blocks[i];
    const bool touched = b->first >= 0;
    if (b->kind != TCB_INPUT && b->kind != TCB_GRAD && b->died && touched) tct_trouble("a tensor that was read is replaced by another one inside");
    if ((b->kind == TCB_INNER || b->kind == TCB_OUTPUT) && !b->written && (b->read || b->kind == TCB_OUTPUT) && b->storage && !b->initial)
      b->initial = values_of(b);
    if (b->kind == TCB_INNER && !b->written && b->initial) b->kind = TCB_CONSTANT;
    if (b->storage && (b->kind == TCB_OUTER || b->kind == TCB_KEPT)) b->storage->refs++;
    else b->storage = NULL;
  }
}

/* Ends the recording; results are the tensors that the function returned and that were made inside. */
tc_program *tc_capture_end(tc_tensor *const *results, int n) {
  tc_program *p = tct_now;
  if (!p) return tci_fail("no recording runs");
  p->results = calloc((size_t)n + 1, sizeof *p->results);
  if (!p->results) tct_trouble("out of memory");
  note_grads(p);
  for (int i = 0; i < n && p->results; i++) tct_note_result(p, &p->results[i], results[i]);
  p->result_count = p->results ? n : 0;
  note_living(p);
  if (p->data_changes != tci_data_changes) tct_trouble("a tensor gets other data or another shape inside");
  stop();
  return p;
}
