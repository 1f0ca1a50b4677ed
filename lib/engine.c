/* engine.c: the walk backwards. Nodes wait in a heap by the number they were recorded under; the largest comes next, so that all
   gradients of a node have arrived when its turn comes. The engine never calls Lua: it returns when a node needs it. */
#include "ops/ops.h"
#include <stdlib.h>

typedef struct capture { tc_node *node; int index; tc_tensor *result; } capture;

struct tc_engine {
  tc_node **heap;
  int count, room;
  bool keep_graph, create_graph, aimed; /* aimed: only the captures are wanted, leaves accumulate nothing */
  bool hooked;                          /* the hooks of the node on top have run */
  bool posted, unpacked, answered;      /* answered: Lua has given the gradients of a custom function */
  tc_node *current;                     /* waiting for Lua */
  tc_tensor **results;                  /* the gradients that it gives, while its hooks look at them */
  capture *captures;
  int capture_count;
  tc_node **roots;
  int root_count;
  uint64_t pass, floor;                 /* nodes up to floor give nothing on */
};

TC_THREAD_LOCAL uint64_t tci_engine_floor;
static TC_THREAD_LOCAL uint64_t last_pass;

/* ---- the heap: a node is in it once; the engine holds it there ---- */
static void sift_up(tc_engine *e, int i) {
  while (i > 0 && e->heap[(i - 1) / 2]->seq < e->heap[i]->seq) {
    tc_node *t = e->heap[i];
    e->heap[i] = e->heap[(i - 1) / 2];
    e->heap[(i - 1) / 2] = t;
    i = (i - 1) / 2;
  }
}

static void sift_down(tc_engine *e) {
  for (int i = 0;;) {
    int top = i, left = 2 * i + 1, right = left + 1;
    if (left < e->count && e->heap[left]->seq > e->heap[top]->seq) top = left;
    if (right < e->count && e->heap[right]->seq > e->heap[top]->seq) top = right;
    if (top == i) return;
    tc_node *t = e->heap[i];
    e->heap[i] = e->heap[top];
    e->heap[top] = t;
    i = top;
  }
}

static bool push(tc_engine *e, tc_node *n) {
  if (n->engine == e) return true;
  if (n->engine)
    return tci_fail("backward runs inside a hook or custom function over a part of the graph that is being walked already") != NULL;
  if (e->count == e->room) {
    int room = e->room ? 2 * e->room : 32;
    tc_node **wider = realloc(e->heap, (size_t)room * sizeof *wider);
    if (!wider) return tci_fail("out of memory") != NULL;
    e->heap = wider;
    e->room = room;
  }
  n->refs++;
  n->engine = e;
  e->heap[e->count] = n;
  sift_up(e, e->count++);
  return true;
}

static tc_node *pop(tc_engine *e) { /* the caller takes over the reference */
  tc_node *n = e->heap[0];
  e->heap[0] = e->heap[--e->count];
  sift_down(e);
  return n;
}

static void finish_node(tc_node *n) {
  for (int i = 0; i < n->nout; i++) {
    tci_release(n->pending[i]);
    n->pending[i] = NULL;
  }
  n->engine = NULL;
  tci_node_drop(n);
}

/* ---- adding gradients up ---- */
static bool ours_alone(const tc_tensor *t) { return t->refs == 1 && t->storage->refs == 1 && tci_contiguous(t) && !(t->flags & TCF_WEAK); }

bool tci_add_into(tc_tensor *sum, tc_tensor *g) {
  tc_loop l;
  if (!tci_loop(&l, 3, (tc_tensor *[]){sum, sum, g})) return false;
  int compute = sum->dtype == TC_FLOAT64 ? TC_FLOAT64 : TC_FLOAT32;
  return tci_status(tci_kernels(sum->device)->pointwise(TC_BINARY_add, compute, &l, (double[4]){1}), NULL, NULL, 0);
}

/* *slot += g; both are counted by the slot's owner */
static bool add_up(tc_tensor **slot, tc_tensor *g, bool record) {
  if (!*slot) {
    *slot = tci_retain(g);
    return true;
  }
  if (!record && ours_alone(*slot) && (*slot)->dtype == g->dtype && tci_is_float(g->dtype)) return tci_add_into(*slot, g);
  tc_tensor *sum = tci_scope_take(tc_add(*slot, g, 1));
  if (!sum) return false;
  tci_release(*slot);
  *slot = sum;
  return true;
}

/* The first gradient of a leaf is taken as it is if nothing else holds it; a leaf's grad is always dense. */
static bool accumulate(tc_engine *e, tc_node *n, tc_tensor *g) {
  tc_tensor *x = n->leaf;
  if (!x || !g) return true;
  if (tci_captures()) tci_watch_grad(x, false), tci_watch_grad(x, true);
  if (x->grad) {
    if (!e->create_graph && x->grad->storage->refs == 1 && tci_is_float(g->dtype)) {
      tci_touch(x->grad, "backward");
      return tci_add_into(x->grad, g);
    }
    return add_up(&x->grad, g, e->create_graph);
  }
  if (e->create_graph || (g->storage->refs == 1 && g->refs == 1 && tci_contiguous(g))) x->grad = tci_retain(g);
  else x->grad = tci_scope_take(tc_clone(g));
  return x->grad != NULL;
}

/* ---- handing a gradient to an input ---- */
static tc_tensor *sum_to_shape(tc_tensor *g, int ndim, const int64_t *size) {
  tc_dim dims[TC_MAX_DIMS];
  int n = 0, skip = g->ndim - ndim;
  for (int d = 0; d < g->ndim; d++)
    if (d < skip || (size[d - skip] == 1 && g->size[d] != 1)) dims[n++] = d;
  if (n > 0) g = tc_sum(g, dims, n, true, TC_NONE);
  return g ? tc_reshape(g, size, ndim) : NULL;
}

static bool fits(const tc_tensor *g, const tc_edge *x) {
  return g->ndim == x->ndim && !memcmp(g->size, x->size, x->ndim * sizeof *x->size);
}

static tc_tensor *shaped_for(tc_tensor *g, const tc_edge *x) {
  if (!fits(g, x)) {
    if (g->ndim < x->ndim) return tci_fail("a gradient of shape %s came for an input of shape %s", tci_shape(g), tci_sizes(x->ndim, x->size));
    g = sum_to_shape(g, x->ndim, x->size);
  }
  return g && g->dtype != x->dtype ? tc_to(g, x->dtype, TC_NONE, false) : g;
}

/* ---- complex numbers (see TC_COMPLEX_RULE) ---- */
static bool meets_complex(const tc_node *n) {
  for (int i = 0; i < n->nout; i++)
    if (n->pending[i] && tci_is_complex(n->pending[i]->dtype)) return true;
  for (int i = 0; i < n->nin; i++)
    if (n->edge[i].node && tci_is_complex(n->edge[i].dtype)) return true;
  return false;
}

static bool conjugate_pending(tc_node *n) {
  for (int i = 0; i < n->nout; i++) {
    tc_tensor *g = n->pending[i];
    if (!g || !tci_is_complex(g->dtype)) continue;
    tc_tensor *turned = tci_scope_take(tc_conj(g));
    if (!turned) return false;
    tci_release(g);
    n->pending[i] = turned;
  }
  return true;
}

static void run_gradient(tc_node *n, tc_tensor **dx) {
  bool conjugate = !(n->rule->save & TC_COMPLEX_RULE) && meets_complex(n);
  if (conjugate && !conjugate_pending(n)) return;
  n->rule->grad(n, n->pending, dx);
  for (int i = 0; conjugate && i < n->nin; i++)
    if (dx[i] && tci_is_complex(dx[i]->dtype)) dx[i] = tc_conj(dx[i]);
}

static bool wanted(const tc_engine *e, const tc_node *n) { return !e->aimed || n->mark == 2 * e->pass + 1; }

static bool deliver(tc_engine *e, const tc_edge *to, tc_tensor *g) {
  if (!g || !to->node || !wanted(e, to->node)) return !tci_failed();
  g = shaped_for(g, to);
  if (!g) return false;
  tc_node *n = to->node;
  if (!e->aimed && n->rule == &tci_accumulate_rule && !n->hooks) return accumulate(e, n, g);
  return push(e, n) && add_up(&n->pending[to->index], g, e->create_graph);
}

/* ---- sums that rules add to by themselves ---- */
static TC_THREAD_LOCAL tc_engine *walking;

static tc_tensor *sum_of_leaf(tc_tensor *x) { /* as accumulate does it */
  tc_tensor *sum = x ? x->grad : NULL;
  if (!sum || sum->storage->refs != 1 || !tci_contiguous(sum)) return NULL;
  if (tci_captures()) tci_watch_grad(x, false), tci_watch_grad(x, true);
  tci_touch(sum, "backward");
  return sum;
}

tc_tensor *tci_sum_for(const tc_node *n, int i) {
  tc_engine *e = walking;
  const tc_edge *from = &n->edge[i];
  tc_node *to = from->node;
  if (!e || !to || e->create_graph || n->after || tci_watching & TCW_NAN || !wanted(e, to) || !tci_is_float(from->dtype)) return NULL;
  tc_tensor *sum = NULL;
  if (!e->aimed && to->rule == &tci_accumulate_rule && !to->hooks) {
    tc_tensor *grad = to->leaf ? to->leaf->grad : NULL;
    return grad && grad->dtype == from->dtype && fits(grad, from) ? sum_of_leaf(to->leaf) : NULL;
  }
  if (to->engine == e) sum = to->pending[from->index];
  return sum && ours_alone(sum) && sum->dtype == from->dtype && fits(sum, from) ? sum : NULL;
}

/* ---- hooks of nodes: what a rule has given waits in e->results until Lua has seen it ---- */
static void drop_results(tc_engine *e, int n) {
  for (int i = 0; e->results && i < n; i++) tci_release(e->results[i]);
  free(e->results);
  e->results = NULL;
}

static bool hold_results(tc_engine *e, const tc_node *n, tc_tensor **dx) {
  e->results = calloc((size_t)n->nin + 1, sizeof *e->results);
  if (!e->results) return tci_fail("out of memory") != NULL;
  for (int i = 0; i < n->nin; i++) {
    tc_tensor *g = dx[i] && n->edge[i].node ? shaped_for(dx[i], &n->edge[i]) : NULL;
    if (dx[i] && n->edge[i].node && !g) return false;
    if (g) e->results[i] = tci_retain(g);
  }
  return true;
}

static bool deliver_results(tc_engine *e, tc_node *n) {
  bool good = true;
  size_t mark = tci_scope_mark();
  for (int i = 0; i < n->nin && good; i++) good = deliver(e, &n->edge[i], e->results[i]);
  tci_scope_close(mark, NULL);
  drop_results(e, n->nin);
  return good;
}

tc_tensor *tc_engine_result(tc_engine *e, int64_t i) { return e->results && i < e->current->nin ? e->results[i] : NULL; }

bool tc_engine_change(tc_engine *e, int64_t i, tc_tensor *g) {
  if (!e->results || !g || i < 0 || i >= e->current->nin) return false;
  const tc_edge *to = &e->current->edge[i];
  if (!to->node) return true;
  if (!fits(g, to)) return tci_fail("a hook gave a gradient of shape %s for %s", tci_shape(g), tci_sizes(to->ndim, to->size)) != NULL;
  tci_release(e->results[i]);
  e->results[i] = tci_retain(g);
  return true;
}

/* ---- running a node ---- */
static bool run_rule(tc_engine *e, tc_node *n) {
  if (n->freed && n->saved)
    return tci_fail("backward came through %s a second time, but its saved tensors were freed: say {retain_graph = true} the first time",
                    n->rule->name) != NULL;
  tc_tensor *few[8] = {NULL}, **dx = n->nin <= 8 ? few : calloc((size_t)n->nin, sizeof *dx);
  if (!dx) return tci_fail("out of memory") != NULL;
  size_t mark = tci_scope_mark();
  const char *who = tci_set_who(n->rule->name);
  const int32_t origin = tci_origin;
  tc_engine *outer = walking;
  walking = e;
  const bool watched = tci_watching & TCW_PROFILE;
  tci_origin = n->origin; /* what its gradient makes comes from the same place */
  if (watched) tci_profile_begin(TC_EVENT_BACKWARD, n->rule->name, n->nout, n->pending);
  bool good = tci_unpack(n, e->create_graph);
  if (good) {
    run_gradient(n, dx);
    if (!e->keep_graph) tci_free_saved(n);
    if (n->packs) tci_pack_again(n);
    for (int i = 0; i < n->nout; i++) { /* what only the engine held may now be added into */
      if (e->create_graph || n->after) continue;
      bool passed_on = false;
      for (int k = 0; k < n->nin; k++) passed_on |= dx[k] == n->pending[i];
      if (passed_on && n->pending[i]) {
        tci_scope_push(n->pending[i]);
        n->pending[i] = NULL;
      }
    }
    good = !tci_failed();
    for (int i = 0; tci_watching & TCW_NAN && i < n->nin && good; i++) good = tci_check_nan(dx[i], "gradient of its input", i + 1);
    if (good && n->after) good = hold_results(e, n, dx);
    else
      for (int i = 0; i < n->nin && good; i++) good = deliver(e, &n->edge[i], dx[i]);
  }
  if (!good) tci_blame(n);
  tci_origin = origin;
  walking = outer;
  tci_set_who(who);
  tci_scope_close(mark, NULL);
  if (watched) tci_profile_end();
  if (dx != few) free(dx);
  return good;
}

static void collect(tc_engine *e, tc_node *n) {
  for (int i = 0; i < e->capture_count; i++) {
    capture *c = &e->captures[i];
    if (c->node == n && !c->result) c->result = tci_retain(n->pending[c->index]);
  }
}

static bool retain_grad(tc_engine *e, tc_node *n) { /* x:retain_grad() of a tensor inside the graph */
  tc_tensor *x = n->leaf, *g = n->rule != &tci_accumulate_rule && x ? n->pending[x->index] : NULL;
  if (!g || e->aimed) return true;
  if (tci_captures()) tci_watch_grad(x, false), tci_watch_grad(x, true);
  return add_up(&x->grad, g, e->create_graph);
}

/* Does anything behind it have a gradient that is asked for? */
static bool leads_on(const tc_engine *e, const tc_node *n) {
  for (int i = 0; i < n->nin; i++)
    if (n->edge[i].node && wanted(e, n->edge[i].node)) return true;
  return false;
}

enum { DONE = 0, FAILED = 1, HOOKS = 3, LUA_NODE = 4, POST_HOOKS = 5, PACKED = 6, GIVEN = 7 };

static int run_node(tc_engine *e, tc_node *n) {
  if (e->results) return deliver_results(e, n) ? DONE : FAILED;
  if (n->hooks && !e->hooked) return HOOKS;
  collect(e, n);
  if (!retain_grad(e, n)) return FAILED;
  if (e->aimed && !leads_on(e, n)) return DONE;
  if (n->rule == &tci_accumulate_rule) {
    if (!e->posted && !accumulate(e, n, n->pending[0])) return FAILED;
    return n->hooks && !e->posted ? POST_HOOKS : DONE;
  }
  if (n->seq <= e->floor) return DONE;
  if (n->rule == &tci_lua_rule) return LUA_NODE;
  if (n->packs && !n->freed && !e->unpacked) return PACKED;
  return !run_rule(e, n) ? FAILED : e->results ? GIVEN : DONE;
}

/* Runs until all is done (0), an error (1), or something only Lua can do: tensor hooks before a node (3) or after a leaf has
   accumulated (5), a custom function (4), tensors that hooks keep (6), hooks on the gradients that a node gives (7). Lua does it and calls again. */
int32_t tc_engine_step(tc_engine *e) {
  bool before = tci_set_grad_mode(e->create_graph);
  int status = DONE;
  const bool watched = tci_watching & TCW_PROFILE;
  if (watched) tci_profile_begin(TC_EVENT_WALK, "backward", 0, NULL);
  if (e->current && e->answered) {
    finish_node(e->current);
    e->current = NULL;
  }
  while (status == DONE && (e->current || e->count > 0)) {
    if (!e->current) {
      e->current = pop(e);
      e->hooked = e->posted = e->unpacked = e->answered = false;
    }
    if (tci_interrupted()) tci_fail("interrupted");
    status = tci_failed() ? FAILED : run_node(e, e->current);
    if (status == HOOKS) e->hooked = true;
    if (status == LUA_NODE) e->answered = true;
    if (status == POST_HOOKS) e->posted = true;
    if (status == PACKED) e->hooked = e->unpacked = true;
    if (status != DONE) break;
    finish_node(e->current);
    e->current = NULL;
  }
  if (watched) tci_profile_end();
  tci_set_grad_mode(before);
  return status;
}

/* ---- setting out ---- */
tc_engine *tc_engine_new(bool keep_graph, bool create_graph) {
  tc_engine *e = calloc(1, sizeof *e);
  tci_set_who("backward");
  if (!e) return tci_fail("out of memory");
  e->keep_graph = keep_graph || create_graph;
  e->create_graph = create_graph;
  e->pass = ++last_pass;
  e->floor = tci_engine_floor;
  return e;
}

void tc_engine_free(tc_engine *e) {
  if (!e) return;
  if (e->current) drop_results(e, e->current->nin);
  if (e->current) finish_node(e->current);
  while (e->count > 0) finish_node(pop(e));
  for (int i = 0; i < e->capture_count; i++) {
    tci_release(e->captures[i].result);
    tci_node_drop(e->captures[i].node);
  }
  for (int i = 0; i < e->root_count; i++) tci_node_drop(e->roots[i]);
  free(e->captures);
  free(e->roots);
  free(e->heap);
  free(e);
}

static tc_tensor *first_gradient(tc_tensor *x, tc_tensor *g) {
  if (g) {
    if (!tci_same_shape(x, g)) return tci_fail("the gradient has shape %s, the tensor %s", tci_shape(g), tci_shape(x));
    return g->dtype == x->dtype ? g : tc_to(g, x->dtype, x->device, false);
  }
  if (tci_is_complex(x->dtype)) return tci_fail("a gradient is needed to start from a tensor of %s: only a real loss can do without", tci_dtype_name(x->dtype));
  if (x->numel == 1) return tc_ones_like(x, TC_NONE, TC_NONE, false);
  return tci_fail("a gradient is needed to start from a tensor of shape %s: only one element can do without", tci_shape(x));
}

/* Start from x with gradient g (NULL: 1, for one element). Captures must be named before. */
bool tc_engine_root(tc_engine *e, tc_tensor *x, tc_tensor *g) {
  if (!e || !x) return false;
  tc_node *n = tci_grad_node(x);
  if (!n) return tci_fail("the tensor does not require grad and has no grad_fn") != NULL;
  size_t mark = tci_scope_mark();
  bool before = tci_set_grad_mode(e->create_graph);
  g = first_gradient(x, g);
  tc_node **wider = realloc(e->roots, (size_t)(e->root_count + 1) * sizeof *wider);
  bool good = g && wider;
  if (wider) e->roots = wider;
  if (good) {
    n->refs++;
    e->roots[e->root_count++] = n;
    if (!e->aimed && n->rule == &tci_accumulate_rule && !n->hooks) good = accumulate(e, n, g);
    else good = push(e, n) && add_up(&n->pending[x->index], g, e->create_graph);
  }
  tci_set_grad_mode(before);
  tci_scope_close(mark, NULL);
  return good;
}

/* The gradient of a node's result, counted from 0. */
bool tc_engine_capture_edge(tc_engine *e, tc_node *n, int32_t index) {
  if (!e || !n) return false;
  capture *wider = realloc(e->captures, (size_t)(e->capture_count + 1) * sizeof *wider);
  if (!wider) return tci_fail("out of memory") != NULL;
  e->captures = wider;
  n->refs++;
  e->captures[e->capture_count++] = (capture){n, index, NULL};
  e->aimed = true;
  return true;
}

bool tc_engine_capture(tc_engine *e, tc_tensor *x) {
  if (!e || !x) return false;
  tc_node *n = tci_grad_node(x);
  if (!n) return tci_fail("input %d does not require grad", e->capture_count + 1) != NULL;
  return tc_engine_capture_edge(e, n, x->index);
}

/* ---- which nodes lie between the roots and the captures ---- */
typedef struct nodes { tc_node **at; size_t count, room; } nodes;

static bool list_node(nodes *l, tc_node *n) {
  if (l->count == l->room) {
    size_t room = l->room ? 2 * l->room : 256;
    tc_node **wider = realloc(l->at, room * sizeof *wider);
    if (!wider) return tci_fail("out of memory") != NULL;
    l->at = wider;
    l->room = room;
  }
  l->at[l->count++] = n;
  return true;
}

static bool list_reachable(tc_engine *e, nodes *l) {
  uint64_t seen = 2 * e->pass;
  for (int i = 0; i < e->root_count; i++)
    if (e->roots[i]->mark < seen) {
      e->roots[i]->mark = seen;
      if (!list_node(l, e->roots[i])) return false;
    }
  for (size_t k = 0; k < l->count; k++)
    for (int i = 0; l->at[k]->seq > e->floor && i < l->at[k]->nin; i++) {
      tc_node *to = l->at[k]->edge[i].node;
      if (!to || to->mark >= seen) continue;
      to->mark = seen;
      if (!list_node(l, to)) return false;
    }
  return true;
}

static int older_first(const void *a, const void *b) {
  uint64_t x = (*(tc_node *const *)a)->seq, y = (*(tc_node *const *)b)->seq;
  return x < y ? -1 : x > y;
}

/* After the roots and captures are named: marks what has to run. Inputs of a node are always older than the node. */
bool tc_engine_aim(tc_engine *e) {
  if (!e->aimed) return true;
  nodes l = {0};
  bool good = list_reachable(e, &l);
  if (good && l.count) qsort(l.at, l.count, sizeof *l.at, older_first);
  for (int i = 0; good && i < e->capture_count; i++) e->captures[i].node->mark = 2 * e->pass + 1;
  for (size_t k = 0; good && k < l.count; k++)
    for (int i = 0; i < l.at[k]->nin; i++) {
      tc_node *to = l.at[k]->edge[i].node;
      if (to && to->mark == 2 * e->pass + 1) l.at[k]->mark = 2 * e->pass + 1;
    }
  free(l.at);
  return good;
}

bool tci_walk_graph(int n, tc_tensor *const *xs, uint64_t floor, bool (*inside)(const tc_node *), bool (*edge)(void *, const tc_edge *), void *with) {
  nodes l = {0};
  const uint64_t seen = 2 * ++last_pass;
  bool good = true;
  for (int i = 0; i < n && good; i++) {
    tc_node *from = tci_grad_node(xs[i]);
    if (!from || from->mark >= seen || from->seq <= floor) continue;
    from->mark = seen;
    good = list_node(&l, from);
  }
  for (size_t k = 0; k < l.count && good; k++) {
    good = inside(l.at[k]);
    for (int i = 0; i < l.at[k]->nin && good; i++) {
      tc_node *to = l.at[k]->edge[i].node;
      if (to && to->seq <= floor) good = edge(with, &l.at[k]->edge[i]);
      if (!to || to->seq <= floor || to->mark >= seen) continue;
      to->mark = seen;
      good = list_node(&l, to);
    }
  }
  free(l.at);
  return good;
}

/* Will the walk come to x, or has it? */
bool tc_engine_reaches(tc_engine *e, tc_tensor *x) {
  tc_node *to = x && tci_requires_grad(x) ? x->node : NULL;
  if (!e || !to) return false;
  if (e->aimed) return to->mark == 2 * e->pass + 1;
  nodes l = {0};
  bool good = list_reachable(e, &l);
  free(l.at);
  return good && to->mark >= 2 * e->pass;
}

/* ---- what Lua reads and writes between steps ---- */
double tc_engine_hooks(tc_engine *e) { return e->current ? (double)e->current->hooks : 0; }
double tc_engine_function(tc_engine *e) { return e->current ? (double)e->current->lua : 0; }
int64_t tc_engine_outputs(tc_engine *e) { return e->current ? e->current->nout : 0; }
int64_t tc_engine_inputs(tc_engine *e) { return e->current ? e->current->nin : 0; }
bool tc_engine_needs(tc_engine *e, int64_t i) {
  return e->current && i >= 0 && i < e->current->nin && e->current->edge[i].node && wanted(e, e->current->edge[i].node);
}
tc_tensor *tc_engine_gradient(tc_engine *e, int64_t i) {
  return e && e->current && i >= 0 && i < e->current->nout ? e->current->pending[i] : NULL;
}
bool tc_engine_replace(tc_engine *e, int64_t i, tc_tensor *g) { /* a hook gave another gradient */
  if (!e->current || i < 0 || i >= e->current->nout || !g) return false;
  tc_tensor *old = e->current->pending[i];
  if (old && !tci_same_shape(old, g)) return tci_fail("a hook gave a gradient of shape %s for one of %s", tci_shape(g), tci_shape(old)) != NULL;
  tci_retain(g);
  tci_release(old);
  e->current->pending[i] = g;
  return true;
}
bool tc_engine_give(tc_engine *e, int64_t i, tc_tensor *g) { /* the gradient of input i of a custom function */
  if (!e->current || i < 0 || i >= e->current->nin || !g) return false;
  if (tci_watching & TCW_NAN && !tci_check_nan(g, "gradient of its input", (int)i + 1)) return false;
  size_t mark = tci_scope_mark();
  bool before = tci_set_grad_mode(e->create_graph), good = deliver(e, &e->current->edge[i], g);
  tci_set_grad_mode(before);
  tci_scope_close(mark, NULL);
  return good;
}
tc_node *tc_engine_node(tc_engine *e) { return e ? e->current : NULL; }
tc_tensor *tc_engine_leaf(tc_engine *e) { return e->current ? e->current->leaf : NULL; }
tc_tensor *tc_engine_captured(tc_engine *e, int64_t i) {
  return e && i >= 0 && i < e->capture_count ? e->captures[i].result : NULL;
}
/* An output that a custom function saved apart from the graph, as it is inside the graph: needed for its second derivative. */
tc_tensor *tc_engine_output(tc_engine *e, tc_tensor *saved, int64_t i) {
  if (!e || !e->current || !saved) return NULL;
  tc_tensor *t = tci_alias(saved);
  if (t) tci_make_history(t, e->current, (int)i);
  return t;
}
