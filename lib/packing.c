/* packing.c: saved-tensor hooks. What an operator saves for backward while they are on waits here until Lua asks for it, right after the
   operator; Lua keeps whatever its hook makes of it under a number, and gives a tensor back when backward comes to the node. */
#include "ops/ops.h"
#include <stdlib.h>

typedef struct waiting { tc_node *node; int slot; } waiting;
static TC_THREAD_LOCAL waiting *list;
static TC_THREAD_LOCAL size_t count, room;

void tc_watch_saves(bool on) {
  if (on) tci_watching |= TCW_PACK;
  else tci_watching &= ~TCW_PACK;
}

bool tci_pack_later(tc_node *n, int slot) {
  if (count == room) {
    size_t more = room ? 2 * room : 16;
    waiting *wider = realloc(list, more * sizeof *wider);
    if (!wider) return tci_fail("out of memory") != NULL;
    list = wider;
    room = more;
  }
  n->refs++;
  list[count++] = (waiting){n, slot};
  return true;
}

/* The saved tensor that Lua has to pack next; NULL when all are. */
tc_tensor *tc_pack_next(void) { return count ? list[count - 1].node->saved[list[count - 1].slot].alias : NULL; }

/* Lua keeps it under this number; 0: it stays where it was saved. */
void tc_pack_done(int32_t number) {
  if (!count) return;
  waiting w = list[--count];
  if (number) {
    w.node->saved[w.slot].packed = number;
    w.node->packs = true;
    tci_release(w.node->saved[w.slot].alias);
    w.node->saved[w.slot].alias = NULL;
  }
  tci_node_drop(w.node);
}

int32_t tc_pack_slots(tc_node *n) { return n->saved ? n->nin + n->nout : 0; }
int32_t tc_packed(tc_node *n, int32_t slot) { return slot >= 0 && slot < tc_pack_slots(n) ? n->saved[slot].packed : 0; }

bool tc_unpacked(tc_node *n, int32_t slot, tc_tensor *x) {
  if (!x || !tc_packed(n, slot)) return false;
  tc_tensor *alias = tci_scope_take(tci_alias(x));
  if (!alias) return false;
  tci_release(n->saved[slot].alias);
  n->saved[slot].alias = alias;
  n->saved[slot].version = x->storage->version;
  return true;
}

void tci_pack_again(tc_node *n) {
  for (int i = 0; i < tc_pack_slots(n); i++)
    if (n->saved[i].packed) {
      tci_release(n->saved[i].alias);
      n->saved[i].alias = NULL;
    }
}
