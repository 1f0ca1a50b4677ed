/* walk.h: steps through the axes of a plan like the wheels of a counter, keeping the offset into the tensor. */
#ifndef TC_WALK_H
#define TC_WALK_H
#include "../reduce.h"

typedef struct walk {
  int n;
  const tc_axis *axis;
  int64_t in, out;              /* offsets of the current position, in elements */
  int64_t index[TC_MAX_DIMS + 1];
} walk;

/* Stands at the position with the given number, counting in row-major order. */
static inline void walk_to(walk *w, int n, const tc_axis *axis, int64_t position) {
  w->n = n;
  w->axis = axis;
  w->in = w->out = 0;
  for (int d = n - 1; d >= 0; d--) {
    int64_t size = axis[d].size > 0 ? axis[d].size : 1, i = position % size;
    w->index[d] = i;
    w->in += i * axis[d].in;
    w->out += i * axis[d].out;
    position /= size;
  }
}

static inline void walk_next(walk *w) {
  for (int d = w->n - 1; d >= 0; d--) {
    const tc_axis *a = &w->axis[d];
    w->in += a->in;
    w->out += a->out;
    if (++w->index[d] < a->size) return;
    w->index[d] = 0;
    w->in -= a->size * a->in;
    w->out -= a->size * a->out;
  }
}
#endif
