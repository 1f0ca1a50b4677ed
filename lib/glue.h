/* glue.h: what the generated wrappers (build/gen/handles.c) are made of: from handles to tensors and back. A handle is the cdata that
   Lua holds; it owns one reference to its tensor. Wrappers return 0, 1 (an error waits in tc_error_text), 2 (done, and memory is
   getting tight: Lua should collect its garbage) or 3 (memory is tight, nothing was done: Lua should collect and call again). */
#ifndef TC_GLUE_H
#define TC_GLUE_H
#include "runtime.h"
#include <string.h>

typedef struct tc_handle {
  tc_tensor *t;
  uint64_t id; /* the tensor's, so that a handle whose tensor was released is noticed */
} tc_handle;

/* header.c: where tocha.h documents what Lua calls by a key (tools/handles.lua makes the table, in the order of strcmp) */
typedef struct tci_place {
  const char *key;
  int offset, length;
  bool inplace;
} tci_place;
extern const tci_place tci_places[];
extern const int tci_place_count;

/* Lua keeps the types of its values in bits of NaN: only the plain one may reach it. */
static inline double tci_plain_number(double v) { return v == v ? v : __builtin_nan(""); }

extern TC_THREAD_LOCAL unsigned tci_burials; /* handle.c: tensors that the collector found dead and that wait to be released */

static inline size_t tci_enter(const char *name) {
  if (__builtin_expect(tci_burials > 0, 0)) tci_bury_all();
  tci_set_who(name);
  tc_clear_error();
  return tci_scope_mark();
}

/* the operands are known, the operator begins */
#define TCI_BEGIN(n, ...) do { if (__builtin_expect(tci_watching, 0)) tci_watch_enter(n, (tc_tensor *[]){__VA_ARGS__}); } while (0)

static inline tc_tensor *tci_unwrap(const tc_handle *h, const char *argument) {
  if (h && h->t && h->t->id == h->id) return h->t;
  return tci_fail(h ? "%s: the tensor was released" : "%s is missing: takes a tensor", argument);
}

static inline tc_tensor *tci_unwrap_optional(const tc_handle *h, const char *argument) { return h ? tci_unwrap(h, argument) : NULL; }

static inline tc_tensor *tci_unwrap_operand(const tc_handle *h, double number, const char *argument) {
  return h ? tci_unwrap(h, argument) : tci_number(number);
}

/* an omitted operand comes as no handle and the number nan with these bits */
static inline tc_tensor *tci_unwrap_optional_operand(const tc_handle *h, double number, bool given, const char *argument) {
  return h ? tci_unwrap(h, argument) : given ? tci_number(number) : NULL;
}

static inline tc_dim tci_from_one(int64_t position, const char *argument) { /* dims and positions count from 1 in Lua */
  if (position == 0) tci_fail("%s: got 0, counting starts at 1", argument);
  return position > 0 ? position - 1 : position;
}

static inline bool tci_unwrap_list(tc_handle *const *from, int n, tc_tensor **to, const char *argument) {
  for (int i = 0; i < n; i++)
    if (from[i] && !(to[i] = tci_unwrap(from[i], argument))) return false;
    else if (!from[i]) to[i] = NULL;
  return true;
}

/* amp.c: mixed precision. The operand as the operator takes it under autocast: LOW the 16-bit dtype, FULL float32. */
enum { TCI_CAST_NOT, TCI_CAST_LOW, TCI_CAST_FULL, TCI_CAST_REFUSED };
extern TC_THREAD_LOCAL bool tci_autocast_on;
tc_tensor *tci_autocast(tc_tensor *x, int on_cpu, int on_cuda);

/* Tensors of one call lie on one device. Positions, and single elements on the CPU, are taken there, but for those that may stand for numbers
   (bit i of `numbers`); anything else apart is an error. device.c */
void tci_meet_apart(int n, tc_tensor **xs, unsigned movable, unsigned numbers);
static inline void tci_meet(int n, tc_tensor **xs, unsigned movable, unsigned numbers) {
  int seen = 0;
  for (int i = 0; i < n; i++)
    if (xs[i]) seen |= xs[i]->device;
  if (seen) tci_meet_apart(n, xs, movable, numbers);
}

static inline void tci_wrap(tc_handle *h, tc_tensor *t) {
  t = tci_failed() ? NULL : tci_scope_take(t);
  h->t = t;
  h->id = t ? t->id : 0;
  if (!t) return;
  t->handles++;
  if (tci_noting()) tci_note(t);
  if (__builtin_expect(tci_watching & TCW_NAN_FORWARD, 0)) tci_check_nan(t, "result", 0);
}

/* Functions that make a tensor collect before they begin: then the last result is garbage too where it was dropped, and the new one gets its
   block, the warmest there is. schema.collects_first says which. */
#define TCI_COLLECT_FIRST() do { if (__builtin_expect(tci_pressure(), 0)) return 3; } while (0)

static inline int tci_leave_calmly(size_t mark) {
  if (__builtin_expect(tci_watching, 0)) tci_watch_leave();
  tci_scope_close(mark, NULL);
  if (tci_interrupted()) tci_fail("interrupted");
  return tci_failed();
}

static inline int tci_leave(size_t mark) {
  return tci_leave_calmly(mark) ? 1 : tci_pressure() ? 2 : 0;
}
#endif
