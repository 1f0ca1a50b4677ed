/* inspect.c: what debugging looks at: where operators were called, results that are NaN, memory that is alive, the nodes of a graph.
   Lua says where it is before each operator while that is wanted (lua/tocha/debug); a place is a number here. */
#include "ops/ops.h"
#include <stdlib.h>

TC_THREAD_LOCAL int32_t tci_origin;
static TC_THREAD_LOCAL int32_t blamed;

void tc_set_origin(int32_t number) { tci_origin = number; }
int32_t tc_get_origin(void) { return tci_origin; }

static void watch(int what, bool on) {
  if (on) tci_watching |= what;
  else tci_watching &= ~what;
}
void tc_watch_origins(bool on) { watch(TCW_ORIGIN, on); }
void tc_watch_nan(bool backward, bool forward) {
  watch(TCW_NAN, backward);
  watch(TCW_NAN_FORWARD, forward);
}

void tci_blame(const tc_node *n) {
  if (!blamed) blamed = n->origin;
}
/* Where the operator was called whose gradient failed; asked once for each error. */
int32_t tc_blamed(void) {
  int32_t number = blamed;
  blamed = 0;
  return number;
}

/* ---- NaN ---- */
static bool has_nan(tc_tensor *t) {
  const int watching = tci_watching;
  bool found = false, before = tci_set_grad_mode(false);
  size_t mark = tci_scope_mark();
  tci_watching = 0;
  tc_tensor *any = tc_any(tc_isnan(t), NULL, 0, false);
  if (any) any = tc_to(any, TC_BOOL, 0, false);
  found = any && *(bool *)tci_data(any);
  tci_watching = watching;
  tci_scope_close(mark, NULL);
  tci_set_grad_mode(before);
  return found;
}

bool tci_check_nan(const tc_tensor *t, const char *what, int number) {
  if (!t || tci_captures() || tci_failed() || !(tci_is_float(t->dtype) || tci_is_complex(t->dtype))) return true;
  if (!strncmp(tci_who(), "empty", 5) || !strncmp(tci_who(), "new_empty", 9)) return true; /* these promise nothing */
  if (!has_nan((tc_tensor *)t)) return true;
  if (number) return tci_fail("the %s %d, a tensor of shape %s, has NaN", what, number, tci_shape(t)) != NULL;
  return tci_fail("the %s, a tensor of shape %s, has NaN", what, tci_shape(t)) != NULL;
}

/* ---- memory that is alive: an array with holes; a storage knows its place in it ---- */
typedef struct entry {
  tc_memory_block block;
  int32_t next_hole;
} entry;
static entry *entries;
static int32_t entry_count, entry_room, first_hole = -1;

static int32_t new_entry(void) {
  if (first_hole >= 0) {
    int32_t i = first_hole;
    first_hole = entries[i].next_hole;
    return i;
  }
  if (entry_count == entry_room) {
    int32_t room = entry_room ? 2 * entry_room : 256;
    entry *wider = realloc(entries, (size_t)room * sizeof *wider);
    if (!wider) return -1;
    entries = wider;
    entry_room = room;
  }
  return entry_count++;
}

void tci_note_storage(tc_storage *s) {
  int32_t i = new_entry();
  if (i < 0) return;
  entries[i].block = (tc_memory_block){.bytes = (double)s->bytes, .origin = tci_origin, .dtype = TC_UINT8, .ndim = -1, .device = s->device};
  s->record = i + 1;
}

void tci_note_shape(const tc_tensor *t) {
  tc_memory_block *b = &entries[t->storage->record - 1].block;
  b->dtype = t->dtype;
  b->ndim = t->ndim;
  for (int d = 0; d < t->ndim && d < 6; d++) b->size[d] = t->size[d];
}

void tci_forget_storage(tc_storage *s) {
  int32_t i = s->record - 1;
  entries[i].block.ndim = -2;
  entries[i].next_hole = first_hole;
  first_hole = i;
  s->record = 0;
}

int32_t tc_live_blocks(void) { return entry_count; }
/* The block of that number, from 0; NULL where nothing lives any more. ndim is -1 if its shape is not known. */
const tc_memory_block *tc_live_block(int32_t i) { return i >= 0 && i < entry_count && entries[i].block.ndim != -2 ? &entries[i].block : NULL; }

/* ---- nodes. What tc_node_of and tc_node_input give is counted: tc_node_free ---- */
static tc_node *counted(tc_node *n) {
  if (n) n->refs++;
  return n;
}
tc_node *tc_node_of(tc_tensor *x) { return x ? counted(tci_grad_node(x)) : NULL; }
void tc_node_free(tc_node *n) {
  if (n) tci_node_drop(n);
}
const char *tc_node_name(tc_node *n) { return n->rule->name; }
double tc_node_function(tc_node *n) { return (double)n->lua; }
int32_t tc_node_inputs(tc_node *n) { return n->nin; }
int32_t tc_node_outputs(tc_node *n) { return n->nout; }
int32_t tc_node_origin(tc_node *n) { return n->origin; }
double tc_node_time(tc_node *n) { return (double)n->seq; }
bool tc_node_freed(tc_node *n) { return n->freed; }
tc_tensor *tc_node_leaf(tc_node *n) { return n->rule == &tci_accumulate_rule ? n->leaf : NULL; }

/* Bytes of the tensors that wait for its gradient, each as large as it looks. */
double tc_node_saved(tc_node *n) {
  double bytes = 0;
  for (int i = 0; n->saved && i < n->nin + n->nout; i++) {
    if (!tci_saved_storage(n, i)) continue;
    const tc_tensor *t = n->saved[i].alias;
    const tc_edge *e = &n->edge[i < n->nin ? i : 0];
    double part = tci_elsize(tci_is_bare(n, i) ? e->dtype : t->dtype);
    if (tci_is_bare(n, i)) for (int d = 0; d < e->ndim; d++) part *= (double)e->size[d];
    else part *= (double)t->numel;
    bytes += part;
  }
  return bytes;
}

bool tc_node_input(tc_node *n, int32_t i, tc_input *input) {
  if (i < 0 || i >= n->nin || !n->edge[i].node) return false;
  const tc_edge *e = &n->edge[i];
  *input = (tc_input){.node = counted(e->node), .index = e->index, .dtype = e->dtype, .ndim = e->ndim, .size = e->size};
  return true;
}

/* The operator that last changed x's memory in place; NULL if none did. */
const char *tc_writer_of(tc_tensor *x) { return x && x->storage->version > 0 ? x->storage->writer : NULL; }
