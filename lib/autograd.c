/* autograd.c: the graph: nodes are recorded as operators run, views keep up with their base, in-place operators rewrite history.
   Walking the graph backwards is engine.c. */
#include "ops/ops.h"
#include <stdlib.h>

static TC_THREAD_LOCAL bool no_grad;
static TC_THREAD_LOCAL uint64_t last_seq;
static TC_THREAD_LOCAL tc_node *dying;
static TC_THREAD_LOCAL bool burying;

bool tci_grad_mode(void) { return !no_grad; }
bool tci_set_grad_mode(bool on) {
  bool before = !no_grad;
  no_grad = !on;
  return before;
}
bool tc_grad_enabled(void) { return !no_grad; }
bool tc_set_grad_enabled(bool on) { return tci_set_grad_mode(on); }

const tc_rule tci_accumulate_rule = {"accumulate", NULL, 0};
const tc_rule tci_lua_rule = {"custom function", NULL, 0};

/* ---- nodes ---- */
/* The shape goes where `size` points; gives what lies behind it. */
static int64_t *edge_to(tc_edge *e, tc_tensor *x, int64_t *size) {
  *e = (tc_edge){.size = size};
  if (!x) return size;
  e->node = tci_grad_node(x);
  e->index = x->index;
  e->dtype = x->dtype;
  e->ndim = x->ndim;
  e->device = x->device;
  for (int d = 0; d < x->ndim; d++) size[d] = x->size[d];
  if (e->node) e->node->refs++;
  return size + x->ndim;
}

static size_t aligned(size_t n) { return (n + 7) & ~(size_t)7; }

/* One block: the node, its edges, saved tensors with the slots grad reads them from, pending gradients, the operator's numbers, the inputs' shapes. */
static tc_node *node_new(const tc_rule *rule, int nin, tc_tensor *const *ins, int nout, const void *attr, size_t attr_bytes) {
  size_t saves = rule->save & ~TC_COMPLEX_RULE ? (size_t)(nin + nout) : 0;
  size_t edges = aligned(sizeof(tc_node)), saved = edges + (size_t)nin * sizeof(tc_edge), slots = saved + saves * sizeof(tc_saved);
  size_t pending = slots + saves * sizeof(tc_tensor *), numbers = pending + (size_t)nout * sizeof(tc_tensor *);
  size_t sizes = numbers + aligned(attr_bytes), bytes = sizes;
  for (int i = 0; i < nin; i++) bytes += ins[i] ? ins[i]->ndim * sizeof(int64_t) : 0;
  char *p = bytes <= UINT32_MAX ? tci_small_alloc(bytes) : NULL;
  if (!p) return tci_fail("out of memory for the graph");
  memset(p, 0, edges);
  memset(p + saved, 0, numbers - saved);
  if (attr_bytes) memcpy(p + numbers, attr, attr_bytes);
  tc_node *n = (tc_node *)p;
  n->refs = 1;
  n->nin = nin;
  n->nout = nout;
  n->rule = rule;
  n->seq = ++last_seq;
  n->bytes = (uint32_t)bytes;
  n->origin = tci_origin;
  n->edge = (tc_edge *)(p + edges);
  n->saved = saves ? (tc_saved *)(p + saved) : NULL;
  n->in = saves ? (tc_tensor **)(p + slots) : NULL;
  n->out = saves ? n->in + nin : NULL;
  n->pending = (tc_tensor **)(p + pending);
  n->attr = attr_bytes ? p + numbers : NULL;
  int64_t *size = (int64_t *)(p + sizes);
  for (int i = 0; i < nin; i++) size = edge_to(&n->edge[i], ins[i], size);
  return n;
}

uint64_t tci_last_node(void) { return last_seq; }

tc_node *tci_node_new(const tc_rule *rule, int nin, tc_tensor *const *ins, int nout, const void *attr, size_t attr_bytes) {
  return node_new(rule, nin, ins, nout, attr, attr_bytes);
}

/* ---- numbers of custom functions, hooks and packed tensors whose node is gone: the Lua side forgets them ---- */
static TC_THREAD_LOCAL int64_t *dropped;
static TC_THREAD_LOCAL size_t dropped_count, dropped_room;

static void drop_number(int64_t number) {
  if (!number) return;
  if (dropped_count == dropped_room) {
    size_t room = dropped_room ? 2 * dropped_room : 64;
    int64_t *wider = realloc(dropped, room * sizeof *wider);
    if (!wider) return;
    dropped = wider;
    dropped_room = room;
  }
  dropped[dropped_count++] = number;
}
double tc_next_dropped(void) { return dropped_count ? (double)dropped[--dropped_count] : 0; }

void tci_free_saved(tc_node *n) {
  for (int i = 0; n->saved && i < n->nin + n->nout; i++) {
    if (tci_is_bare(n, i)) tci_storage_drop(n->saved[i].storage);
    else tci_release(n->saved[i].alias);
    n->saved[i].alias = NULL;
    if (n->saved[i].packed) drop_number(TC_PACKED_NUMBERS + n->saved[i].packed);
    n->saved[i].packed = 0;
  }
  n->bare = 0;
  n->freed = true;
}

static void bury(tc_node *n) {
  tci_free_saved(n);
  drop_number(n->lua);
  drop_number(n->hooks);
  for (int i = 0; i < n->nout; i++) tci_release(n->pending[i]);
  for (int i = 0; i < n->nin; i++)
    if (n->edge[i].node) tci_node_drop(n->edge[i].node);
  tci_small_free(n, n->bytes);
}

/* A long chain must not recurse: nodes that die while another is being buried wait in a list. */
void tci_node_drop(tc_node *n) {
  if (--n->refs > 0) return;
  n->dying = dying;
  dying = n;
  if (burying) return;
  burying = true;
  while (dying) {
    tc_node *next = dying;
    dying = next->dying;
    bury(next);
  }
  burying = false;
}

void tci_leave_node(tc_tensor *t) {
  tc_node *n = t->node;
  t->node = NULL;
  if (n->leaf == t) n->leaf = NULL;
  tci_node_drop(n);
}

/* ---- which node a tensor's gradient goes to ---- */
void tci_make_history(tc_tensor *t, tc_node *n, int index) {
  n->refs++;
  if (t->node) tci_leave_node(t);
  t->node = n;
  t->index = index;
  t->flags |= TCF_REQUIRES_GRAD;
}

/* The base of a view got a new history from an in-place operator: the view is now a window on that. */
static void refresh_view(tc_tensor *t) {
  tc_tensor *base = t->base;
  t->base_changes = base->changes;
  if (!tci_requires_grad(base)) return;
  tc_node *n = tci_window_node(base, t);
  if (!n) return;
  tci_make_history(t, n, 0);
  tci_node_drop(n);
}

bool tci_requires_grad(tc_tensor *t) {
  if (t->base && t->base_changes != t->base->changes) refresh_view(t);
  return t->flags & TCF_REQUIRES_GRAD;
}

bool tci_is_leaf(const tc_tensor *t) { return !t->node || t->node->rule == &tci_accumulate_rule; }

tc_node *tci_grad_node(tc_tensor *t) {
  if (!tci_requires_grad(t)) return NULL;
  if (t->node) return t->node;
  tc_node *n = node_new(&tci_accumulate_rule, 0, NULL, 1, NULL, 0);
  if (!n) return NULL;
  n->leaf = t;
  n->seq = 0;
  t->node = n;
  t->index = 0;
  return n;
}

/* ---- recording ---- */
bool tci_recording(int n, tc_tensor *const *xs) {
  if (no_grad) return false;
  for (int i = 0; i < n; i++)
    if (xs[i] && tci_requires_grad(xs[i])) return true;
  return false;
}

static TC_THREAD_LOCAL tc_tensor *subject; /* what an in-place operator is about to change */

/* A copy, where an alias would not keep its values. */
static tc_tensor *copy_of(tc_tensor *t) {
  tc_tensor *y = tci_like(t, t->dtype);
  return y && tci_copy_into(y, t) ? y : NULL;
}

/* Can slot do without a header for t? Then its shape is that of an edge. */
static bool may_be_bare(const tc_node *n, int slot, const tc_tensor *t) {
  if (slot >= 32 || t->offset != 0 || t->flags & TCF_WEAK || tci_watching & TCW_PACK || !tci_contiguous(t)) return false;
  if (subject && t->storage == subject->storage) return false;
  if (slot < n->nin) return true;
  const tc_edge *e = &n->edge[0];
  if (e->ndim != t->ndim || e->dtype != t->dtype || e->device != t->device) return false;
  for (int d = 0; d < t->ndim; d++)
    if (e->size[d] != t->size[d]) return false;
  return true;
}

static bool save(tc_node *n, int slot, tc_tensor *t) {
  if (!t) return true;
  if (may_be_bare(n, slot, t)) {
    n->bare |= 1u << slot;
    n->saved[slot].storage = t->storage;
    n->saved[slot].version = t->storage->version;
    t->storage->refs++;
    return true;
  }
  tc_tensor *alias = subject && t->storage == subject->storage ? copy_of(t) : tci_alias(t);
  if (!alias) return false;
  alias->flags |= t->flags & TCF_WEAK;
  n->saved[slot].alias = tci_scope_take(alias);
  n->saved[slot].version = n->saved[slot].alias->storage->version;
  return !__builtin_expect(tci_watching & TCW_PACK, 0) || tci_pack_later(n, slot);
}

static bool differentiable(const tc_tensor *t) { return tci_is_float(t->dtype) || tci_is_complex(t->dtype); }

tc_tensor *tci_record_n(const tc_rule *rule, int nout, tc_tensor **outs, int nin, tc_tensor *const *ins, const void *attr, size_t attr_bytes) {
  for (int i = 0; i < nout; i++)
    if (!outs[i]) return NULL;
  if (!tci_recording(nin, ins) || !differentiable(outs[0])) return outs[0];
  tc_node *n = tci_node_new(rule, nin, ins, nout, attr, attr_bytes);
  if (!n) return NULL;
  bool good = true;
  for (int i = 0; i < nin && good; i++)
    if (rule->save & TC_SAVE_IN(i < 15 ? i : 15)) good = save(n, i, ins[i]);
  for (int i = 0; i < nout && i < 15 && good; i++)
    if (rule->save & TC_SAVE_OUT(i)) good = save(n, nin + i, outs[i]);
  for (int i = 0; i < nout && good; i++)
    if (differentiable(outs[i])) tci_make_history(outs[i], n, i);
  tci_node_drop(n);
  return good ? outs[0] : NULL;
}

tc_tensor *tci_record(const tc_rule *rule, tc_tensor *out, int nin, tc_tensor *const *ins, const void *attr, size_t attr_bytes) {
  return tci_record_n(rule, 1, &out, nin, ins, attr, attr_bytes);
}

tc_tensor *tci_record_view(const tc_rule *rule, tc_tensor *out, tc_tensor *in, const void *attr, size_t attr_bytes) {
  if (!out || !in) return NULL;
  if (out == in || no_grad) return out;
  if (!tci_record(rule, out, 1, &in, attr, attr_bytes)) return NULL;
  out->base = tci_retain(in->base ? in->base : in);
  out->base_changes = out->base->changes;
  return out;
}

/* ---- what backward reads ---- */
static bool changed_since(const tc_node *n, int slot) {
  const tc_storage *storage = tci_saved_storage(n, slot);
  if (n->saved[slot].version == storage->version) return false;
  const bool input = slot < n->nin, bare = tci_is_bare(n, slot);
  const tc_edge *e = &n->edge[input ? slot : 0];
  tci_fail("%s saved its %s %d, a tensor of shape %s, for backward, but %s changed it in place afterwards (version %u, saved %u)",
           n->rule->name, input ? "input" : "result", 1 + (input ? slot : slot - n->nin),
           bare ? tci_sizes(e->ndim, e->size) : tci_shape(n->saved[slot].alias),
           storage->writer ? storage->writer : "an operator", storage->version, n->saved[slot].version);
  return true;
}

/* the tensor whose storage alone was saved */
static tc_tensor *dressed(const tc_node *n, int slot) {
  const tc_edge *e = &n->edge[slot < n->nin ? slot : 0];
  return tci_over(n->saved[slot].storage, e->dtype, e->ndim, e->size, e->device);
}

/* t, fresh, becomes the input or result in the graph that slot holds */
static tc_tensor *connect(tc_node *n, int slot, tc_tensor *t) {
  const bool input = slot < n->nin;
  tc_node *to = input ? n->edge[slot].node : n;
  if (t && to) tci_make_history(t, to, input ? n->edge[slot].index : slot - n->nin);
  return t;
}

bool tci_unpack(tc_node *n, bool connected) {
  for (int i = 0; n->saved && i < n->nin + n->nout; i++) {
    n->in[i] = NULL; /* n->out follows n->in */
    if (!tci_saved_storage(n, i)) continue;
    if (changed_since(n, i)) return false;
    tc_tensor *t = tci_is_bare(n, i) ? dressed(n, i) : n->saved[i].alias;
    if (connected) t = connect(n, i, tci_is_bare(n, i) ? t : tci_alias(t));
    if (!(n->in[i] = t)) return false;
  }
  return true;
}

/* ---- in-place operators ---- */
static TC_THREAD_LOCAL tc_tensor *target;

static bool overlaps_itself(const tc_tensor *x) {
  for (int d = 0; d < x->ndim; d++)
    if (x->stride[d] == 0 && x->size[d] > 1) return true;
  return false;
}

static bool may_change(tc_tensor *x) {
  if (overlaps_itself(x)) return tci_fail("an expanded tensor of shape %s cannot be changed in place: clone() it first", tci_shape(x)) != NULL;
  if (no_grad) return true;
  bool leaf = tci_requires_grad(x) && tci_is_leaf(x);
  if (leaf || (x->base && tci_requires_grad(x->base) && tci_is_leaf(x->base)))
    return tci_fail("%s that requires grad cannot be changed in place: use tocha.no_grad(f) or detach()", leaf ? "a leaf" : "a view of a leaf") != NULL;
  return true;
}

/* Until tci_inplace: what is recorded keeps copies of x's values; a direct operator, which is one pointwise kernel, may write into x. */
tc_tensor *tci_inplace_begin(tc_tensor *x, bool direct) {
  target = subject = NULL;
  if (!x || !may_change(x)) return NULL;
  subject = x;
  target = direct ? x : NULL;
  return x;
}

/* Pointwise operators may write straight into the tensor that is being changed, if it has the result's shape and dtype, no input shares
   its memory in another arrangement, and nothing is recorded. */
tc_tensor *tci_target(int dtype, int ndim, const int64_t *size, int nin, tc_tensor *const *ins) {
  tc_tensor *x = target;
  target = NULL;
  if (!x || x->dtype != dtype || x->ndim != ndim || memcmp(x->size, size, (size_t)ndim * sizeof *size)) return NULL;
  if (tci_recording(nin, ins)) return NULL;
  for (int i = 0; i < nin; i++)
    if (ins[i] && ins[i] != x && ins[i]->storage == x->storage) return NULL;
  return x;
}

static tc_tensor *fitting(tc_tensor *x, tc_tensor *result) {
  if (!tci_same_shape(x, result))
    return tci_fail("the result has shape %s and cannot be stored in a tensor of shape %s", tci_shape(result), tci_shape(x));
  if (x->dtype == result->dtype) return result;
  if (tci_kind(result->dtype) > tci_kind(x->dtype))
    return tci_fail("the result is %s and cannot be stored in a tensor of %s", tci_dtype_name(result->dtype), tci_dtype_name(x->dtype));
  return tc_to(result, x->dtype, TC_NONE, false);
}

static bool rewrite_history(tc_tensor *x, tc_tensor *result) {
  if (tci_captures()) tci_watch_history(x->base ? x->base : x);
  if (!x->base) {
    if (result->node) tci_make_history(x, result->node, result->index);
    x->changes++;
    return true;
  }
  tc_node *n = tci_scatter_node(x->base, x, result); /* the base, with the window that x is replaced by result */
  if (!n) return false;
  tci_make_history(x->base, n, 0);
  x->base->changes++;
  tci_node_drop(n);
  return true;
}

tc_tensor *tci_inplace(tc_tensor *x, tc_tensor *result) {
  target = subject = NULL;
  if (!x || !result) return NULL;
  if (result != x) {
    result = fitting(x, result);
    if (!result || !tci_copy_into(x, result)) return NULL;
  }
  tci_touch(x, tci_who());
  if (!no_grad && result != x && tci_requires_grad(result) && !rewrite_history(x, result)) return NULL;
  return x;
}

/* ---- fields of tensors ---- */
bool tc_get_requires_grad(tc_tensor *x) { return tci_requires_grad(x); }
/* Is there a graph behind x that backward has not used up? */
bool tc_graph_waits(tc_tensor *x) { return tci_requires_grad(x) && !tci_is_leaf(x) && !x->node->freed; }
bool tc_is_leaf(tc_tensor *x) { return !tci_requires_grad(x) || tci_is_leaf(x); }
tc_tensor *tc_grad_of(tc_tensor *x) {
  if (x && tci_captures()) tci_watch_grad(x, false);
  return x ? x->grad : NULL;
}
const char *tc_grad_fn_name(tc_tensor *x) { return tci_requires_grad(x) && !tci_is_leaf(x) ? x->node->rule->name : NULL; }

tc_tensor *tc_requires_grad(tc_tensor *x, bool on) {
  if (!x) return NULL;
  if (!on && !tci_is_leaf(x)) return tci_fail("only a leaf can stop requiring grad: use detach()");
  if (on && !differentiable(x)) return tci_fail("got %s, only floating and complex tensors can require grad", tci_dtype_name(x->dtype));
  if (on) x->flags |= TCF_REQUIRES_GRAD;
  else x->flags &= (uint8_t)~TCF_REQUIRES_GRAD;
  return x;
}

bool tc_set_grad(tc_tensor *x, tc_tensor *grad) {
  if (tci_captures()) tci_watch_grad(x, true);
  if (grad && (!tci_same_shape(x, grad) || x->dtype != grad->dtype))
    return tci_fail("grad: got %s %s for a tensor of %s %s", tci_dtype_name(grad->dtype), tci_shape(grad), tci_dtype_name(x->dtype), tci_shape(x)) != NULL;
  tci_retain(grad);
  tci_release(x->grad);
  x->grad = grad;
  return true;
}

tc_tensor *tc_detach(tc_tensor *x) {
  tc_tensor *y = x ? tci_alias(x) : NULL;
  if (y) y->flags |= x->flags & TCF_WEAK;
  return y;
}

/* x.detach_(): forgets its history */
tc_tensor *tc_detach_(tc_tensor *x) {
  if (!x) return NULL;
  if (x->base) return tci_fail("a view cannot be detached in place: use detach()");
  if (x->node) tci_leave_node(x);
  x->flags &= (uint8_t)~TCF_REQUIRES_GRAD;
  return x;
}

bool tc_retain_grad(tc_tensor *x) {
  if (!tci_requires_grad(x)) return tci_fail("the tensor does not require grad") != NULL;
  if (!tci_is_leaf(x)) x->node->leaf = x;
  return true;
}

int64_t tci_data_changes;

/* x.data = y: other storage and geometry, same place in the graph */
bool tc_set_data(tc_tensor *x, tc_tensor *y) {
  if (!x || !y) return false;
  if (x->ndim != y->ndim && !tci_change_dims(x, y->ndim)) return false;
  tci_data_changes++;
  y->storage->refs++;
  tci_storage_drop(x->storage);
  x->storage = y->storage;
  x->dtype = y->dtype;
  x->device = y->device;
  x->numel = y->numel;
  x->offset = y->offset;
  memcpy(x->size, y->size, y->ndim * sizeof *x->size);
  memcpy(x->stride, y->stride, y->ndim * sizeof *x->stride);
  return true;
}

/* ---- custom functions written in Lua ---- */
bool tc_lua_node(int64_t number, tc_tensor *const *ins, int n_ins, tc_tensor *const *outs, int n_outs) {
  for (int i = 0; i < n_outs; i++)
    if (!outs[i]) return false;
  if (!tci_recording(n_ins, ins)) return true;
  tc_node *n = tci_node_new(&tci_lua_rule, n_ins, ins, n_outs, NULL, 0);
  if (!n) return false;
  n->lua = number;
  for (int i = 0; i < n_outs; i++)
    if (differentiable(outs[i])) tci_make_history(outs[i], n, i);
  tci_node_drop(n);
  return true;
}

/* The number under which the Lua side keeps the hooks of a node, given at the first call; after: it has some for the gradients of its inputs. */
double tc_node_hooks(tc_node *n, bool after) {
  static TC_THREAD_LOCAL int64_t last;
  if (!n->hooks) n->hooks = -++last; /* negative, so that they differ from the numbers of custom functions */
  n->after |= after;
  return (double)n->hooks;
}
double tc_hook_number(tc_tensor *x) {
  tc_node *n = tci_grad_node(x);
  if (n) return tc_node_hooks(n, false);
  tci_fail("the tensor does not require grad");
  return 0;
}

/* Which output of its node x is: hooks are kept by it. */
int64_t tc_output_index(tc_tensor *x) { return tci_grad_node(x) ? x->index : 0; }
