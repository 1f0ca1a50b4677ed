/* updates.c: optimizers' updates inside a recorded graph of a device. The graph holds the launch; what changes from step to step (the step's
   number, learning rates) lies in a table on the device, which the host works out anew and sends ahead of each replay. */
#include "ops/ops.h"
#include <stdlib.h>

typedef struct tc_held {        /* one update: its launch reads `table` */
  tc_optim_piece *pieces;
  tc_tensor **scalar;           /* count x scalars, retained */
  void *table;                  /* in the room of the updates */
  tc_device device;
  int rule, count, scalars;
  double h[TC_OPTIM_NUMBERS];
  void (*numbers)(const double *h, double *s, double *k);
} tc_held;

/* The tables lie in memory that was there before the recording: what a graph takes for itself is used again by its own tensors, which are
   written at a replay after the tables have been sent. */
enum { ROOM = 1 << 20 };
struct tc_updates { tc_held *held; int count, room, patched; tc_tensor *tables; int64_t used; };

static TC_THREAD_LOCAL tc_updates *recorded, *patched;

bool tci_holding(void) { return recorded != NULL; }
bool tci_replacing(void) { return patched != NULL; }

tc_updates *tc_updates_begin(int device) {
  const int64_t bytes = ROOM;
  tc_updates *u = calloc(1, sizeof *u);
  if (u) u->tables = tci_new(TC_UINT8, 1, &bytes, device);
  if (u && u->tables) {
    tci_retain(u->tables);
    return recorded = u;
  }
  free(u);
  return NULL;
}
void tc_updates_stop(void) { recorded = NULL; }
int64_t tc_updates_count(tc_updates *u) { return u->count; }

static void release(tc_held *q) {
  for (int i = 0; q->scalar && i < q->count * q->scalars; i++)
    if (q->scalar[i]) tci_release(q->scalar[i]);
  free(q->scalar);
  free(q->pieces);
}

void tc_updates_free(tc_updates *u) {
  for (int i = 0; u && i < u->count; i++) release(&u->held[i]);
  if (u) {
    free(u->held);
    tci_release(u->tables);
  }
  free(u);
}

static tc_held *another(tc_updates *u) {
  if (u->count == u->room) {
    tc_held *more = realloc(u->held, (size_t)(2 * u->room + 4) * sizeof *more);
    if (!more) return tci_fail("out of memory");
    u->held = more;
    u->room = 2 * u->room + 4;
  }
  return memset(&u->held[u->count++], 0, sizeof(tc_held));
}

/* The pieces that have elements; `scalar` holds `scalars` tensors for each of the count pieces, NULL where the rule has none. */
static bool keep(tc_held *q, const tc_optim_piece *pieces, int count, tc_tensor *const *scalar) {
  q->pieces = malloc((size_t)count * sizeof *pieces + 1);
  q->scalar = malloc((size_t)(count * q->scalars) * sizeof *scalar + 1);
  if (!q->pieces || !q->scalar) return tci_fail("out of memory") != NULL;
  for (int i = 0; i < count; i++) {
    if (pieces[i].numel == 0) continue;
    for (int j = 0; j < q->scalars; j++) {
      tc_tensor *s = scalar[i * q->scalars + j];
      q->scalar[q->count * q->scalars + j] = s ? tci_retain(s) : NULL;
    }
    q->pieces[q->count++] = pieces[i];
  }
  const int64_t bytes = ((int64_t)q->count * (int64_t)sizeof *pieces + 255) & ~(int64_t)255;
  if (q->device != recorded->tables->device) return tci_fail("a parameter is on another device than the graph") != NULL;
  if (recorded->used + bytes > ROOM) return tci_fail("a graph holds updates of at most %d parameters", (int)(ROOM / sizeof *pieces)) != NULL;
  q->table = (char *)tci_data(recorded->tables) + recorded->used;
  recorded->used += bytes;
  return true;
}

bool tci_hold_update(int rule, const tc_optim_piece *pieces, int count, int scalars, tc_tensor *const *scalar, const double *h,
                     void (*numbers)(const double *, double *, double *), tc_device device) {
  if (device == 0) return tci_fail("a parameter is on the CPU, where no graph can be recorded") != NULL;
  tc_held *q = another(recorded);
  if (!q) return false;
  *q = (tc_held){.rule = rule, .scalars = scalars, .numbers = numbers, .device = device};
  memcpy(q->h, h, sizeof q->h);
  if (!keep(q, pieces, count, scalar)) return false;
  return q->count == 0 || tci_status(tci_kernels(device)->optim(rule, q->pieces, q->count, q->table), NULL, NULL, 0);
}

/* ---- replays ---- */
/* Between on and off the optimizers' updates hand over their numbers in the order of the recording. false: there were more or fewer. */
bool tc_updates_patch(tc_updates *u, bool on) {
  patched = on ? u : NULL;
  if (on) u->patched = 0;
  return u->patched == u->count;
}

void tci_replace_update(const double *h, double decay, double shrink, bool maximize) {
  if (patched->patched++ >= patched->count) return;
  tc_held *q = &patched->held[patched->patched - 1];
  memcpy(q->h, h, sizeof q->h);
  for (int i = 0; i < q->count; i++) {
    q->pieces[i].decay = decay;
    q->pieces[i].shrink = shrink;
    q->pieces[i].sign = maximize ? -1 : 1;
  }
}

static double value_of(tc_tensor *t) { return !t ? 0 : t->dtype == TC_FLOAT64 ? *(double *)tci_data(t) : *(float *)tci_data(t); }
static void set_value(tc_tensor *t, double v) {
  if (t && t->dtype == TC_FLOAT64) *(double *)tci_data(t) = v;
  else if (t) *(float *)tci_data(t) = (float)v;
}

/* Counts the step of each parameter on and works out its numbers; those at the same step share them. */
static void advance(tc_held *q) {
  double before[8] = {0}, given[8], s[8] = {0};
  for (int i = 0; i < q->count; i++) {
    tc_tensor **t = q->scalar + i * q->scalars;
    memset(given, 0, sizeof given);
    for (int j = 0; j < q->scalars; j++) given[j] = value_of(t[j]);
    if (i > 0 && !memcmp(given, before, sizeof given)) memcpy(q->pieces[i].k, q->pieces[i - 1].k, sizeof q->pieces[i].k);
    else {
      memcpy(before, given, sizeof given);
      memcpy(s, given, sizeof given);
      s[0] += 1;
      q->numbers(q->h, s, q->pieces[i].k);
    }
    for (int j = 0; j < q->scalars; j++) set_value(t[j], s[j]);
  }
}

/* One step on: the tables are sent, in the order of the current stream. */
bool tc_updates_advance(tc_updates *u) {
  for (int i = 0; i < u->count; i++) {
    tc_held *q = &u->held[i];
    if (q->count == 0) continue;
    advance(q);
    if (!tci_device_copy(q->device, q->table, 0, q->pieces, (int64_t)q->count * (int64_t)sizeof *q->pieces, false)) return false;
  }
  return true;
}
