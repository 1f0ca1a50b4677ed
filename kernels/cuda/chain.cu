/* chain.cu: chains of elementwise operators on the GPU: one launch for each operator; what a block of the CPU's cache holds lies in workspace. */
#include "element.cuh"

namespace {
/* Where each slot begins in the workspace: room for all elements of the widest dtype that it holds. */
size_t place_slots(const tc_chain *c, size_t *at) {
  size_t bytes[TC_CHAIN_SLOTS] = {0}, total = 0;
  for (int i = 0; i < c->count; i++)
    for (int k = 0; k < c->members[i].loop->nop; k++) {
      const int slot = c->members[i].slot[k];
      const size_t one = (size_t)tc::dtype_bytes(c->members[i].loop->dtype[k]);
      if (slot >= 0 && bytes[slot] < one) bytes[slot] = one;
    }
  for (int s = 0; s < TC_CHAIN_SLOTS; s++) {
    at[s] = total;
    total += ((size_t)c->numel * bytes[s] + 255) & ~(size_t)255;
  }
  return total;
}
} // namespace

extern "C" int TC_KERNEL(chain)(const tc_chain *c) {
  size_t at[TC_CHAIN_SLOTS];
  if (c->fold) return TC_MISSING; /* the CPU's alone */
  if (c->numel == 0) return TC_OK;
  tc_workspace room(place_slots(c, at));
  if (!room.data) return TC_NO_MEMORY;
  for (int i = 0; i < c->count; i++) {
    const tc_member *m = &c->members[i];
    tc_loop l = *m->loop;
    for (int k = 0; k < l.nop; k++) {
      if (m->slot[k] < 0) continue;
      int64_t step = 1;
      l.data[k] = room.as<char>(at[m->slot[k]]);
      for (int d = l.ndim - 1; d >= 0; d--) {
        l.stride[k][d] = step;
        step *= l.size[d];
      }
    }
    TC_TRY(TC_KERNEL(pointwise)(m->op, m->compute, &l, m->p));
  }
  return TC_OK;
}
