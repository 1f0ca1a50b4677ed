/* runtime.h: what crosses files inside the runtime: tensors, storage, scopes, errors, graph nodes. Not for users. */
#ifndef TC_RUNTIME_H
#define TC_RUNTIME_H
#include "tocha.h"
#include "../kernels/kernels.h"

#define TC_INLINE_DIMS 6
#define TC_FEW_DIMS 2              /* with so few a header is two cache lines */
#define TC_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/* ---- storage.c: bytes on a device, shared by views ---- */
typedef struct tc_storage {
  int32_t refs;
  tc_device device;
  void *data;
  int64_t bytes, capacity;      /* asked for; what the allocator gave */
  uint32_t version;             /* counts in-place changes */
  int32_t record;               /* inspect.c: its entry among the living, from 1 */
  const char *writer;           /* the operator that made the last one */
  void (*destroy)(struct tc_storage *); /* NULL: the device's allocator; else foreign memory such as a mapped file */
  void *owner;                  /* for destroy */
} tc_storage;
tc_storage *tci_storage_new(int64_t bytes, tc_device device);
void tci_storage_drop(tc_storage *s);

/* ---- alloc.c ---- */
void *tci_small_alloc(size_t bytes);            /* pooled headers and nodes, at most TC_SMALL_MAX bytes else malloc */
void tci_small_free(void *p, size_t bytes);
bool tci_small_owns(const void *p);             /* does p point into a pool? */
int64_t tci_small_bytes(void);                  /* in use, of the pools */
int64_t tci_live_bytes(void);
bool tci_pressure(void);                        /* handle.c: is it time to collect garbage? */
void tci_bury_all(void);                        /* handle.c: releases what the collector has found dead, some of which may wait */
void *tci_block_alloc(int64_t bytes, int64_t *capacity);
void tci_block_free(void *p, int64_t capacity);

/* ---- tensor.c ---- */
enum { TCF_REQUIRES_GRAD = 1, TCF_WEAK = 2, TCF_PARAMETER = 4, TCF_INFERENCE = 8, TCF_RETAIN_GRAD = 16, TCF_MANY_DIMS = 32, TCF_FEW_DIMS = 64 };
typedef struct tc_node tc_node;
struct tc_tensor {
  int32_t refs;
  uint8_t dtype, ndim, flags;
  int8_t device;
  int64_t numel, offset;        /* offset in elements */
  int64_t *size, *stride;       /* into dims, or a block of their own where they have no room there */
  tc_storage *storage;
  uint64_t id;                  /* never used twice */
  tc_node *node;                /* what computed it, or the accumulator of a leaf; NULL outside any graph */
  int32_t index;                /* which output of node */
  int32_t handles;              /* how many handles of Lua count among refs */
  uint32_t base_changes;        /* views: base->changes when node was made */
  uint32_t changes;             /* bases: how often in-place operators gave it a new node */
  tc_tensor *grad;
  tc_tensor *base;              /* differentiable views: the tensor viewed */
  int64_t dims[2 * TC_INLINE_DIMS]; /* TCF_FEW_DIMS: 2 * TC_FEW_DIMS */
};
int tci_elsize(int dtype);
int tci_kind(int dtype);
const char *tci_dtype_name(int dtype);
static inline char *tci_data(const tc_tensor *t) { return (char *)t->storage->data + t->offset * tci_elsize(t->dtype); }
tc_view tci_view(const tc_tensor *t);
bool tci_contiguous(const tc_tensor *t);
tc_tensor *tci_header(int dtype, int ndim, tc_device device);               /* no storage, sizes unset, in the scope */
tc_tensor *tci_new(int dtype, int ndim, const int64_t *size, tc_device device); /* row-major, not initialised */
tc_tensor *tci_like(const tc_tensor *x, int dtype);                          /* x's shape and device, row-major */
tc_tensor *tci_alias(const tc_tensor *x);                                    /* same storage and geometry, no graph */
tc_tensor *tci_over(tc_storage *storage, int dtype, int ndim, const int64_t *size, tc_device device); /* row-major, from its beginning */
bool tci_change_dims(tc_tensor *t, int ndim);                                /* other rank, sizes unset */
tc_tensor *tci_number(double value);                                         /* a weak 0-dim tensor of a Lua number */
tc_tensor *tci_retain(tc_tensor *t);
void tci_release(tc_tensor *t);
void tci_touch(tc_tensor *t, const char *writer);                            /* an in-place change happened */
int64_t tci_live_tensors(void);
void tci_renew_id(tc_tensor *t);                                             /* handles of t become void */
bool tci_noting(void);                                                       /* is a tocha.scope open? */
void tci_note(tc_tensor *t);                                                 /* t was handed to Lua inside it */

/* ---- scope.c: temporaries ---- */
void tci_scope_push(tc_tensor *t);                     /* the current scope takes over the caller's reference */
size_t tci_scope_mark(void);
tc_tensor *tci_scope_close(size_t mark, tc_tensor *result); /* frees the scope's tensors; result moves to the outer scope */
tc_tensor *tci_scope_take(tc_tensor *t);               /* a reference for the caller, stolen from the scope if it can be */

/* ---- error.c: tci_fail returns NULL so that operators can `return tci_fail(...)` ---- */
void *tci_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool tci_failed(void);
const char *tci_who(void);                             /* the operator that errors name */
const char *tci_set_who(const char *name);             /* gives the one before */
const char *tci_shape(const tc_tensor *t);             /* "[2 x 3]", in one of a few rotating buffers */
const char *tci_sizes(int n, const int64_t *size);

/* ---- profile.c: who looks on; while nobody does, wrappers and allocations pass one branch ---- */
enum { TCW_PROFILE = 1, TCW_CAPTURE = 2, TCW_ORIGIN = 4, TCW_NAN = 8, TCW_NAN_FORWARD = 16, TCW_PACK = 32 };
extern int tci_watching;
void tci_watch_enter(int n, tc_tensor *const *xs);     /* an operator that Lua called begins, with these operands */
void tci_watch_leave(void);
void tci_watch_storage(tc_storage *s);                 /* a storage was made */
void tci_watch_dropped(tc_storage *s);                 /* a storage is about to be freed */
/* What a recording (capture.c) wants to know; to be called where tci_watching has TCW_CAPTURE alone. */
void tci_watch_drop(tc_storage *s);                    /* a storage is about to be freed */
bool tci_watch_read(const tc_tensor *x);               /* the host is about to read values; false after an error */
void tci_watch_host(const tc_tensor *x);               /* the host has written values */
void tci_watch_grad(tc_tensor *x, bool writes);        /* x->grad is about to be read or replaced */
void tci_watch_history(const tc_tensor *x);             /* an in-place operator is about to give x another node */
void tci_watch_list(int n, tc_tensor *const *xs);      /* further operands */
void tci_watch_suspend(bool on);                       /* the kernels that follow are not to be recorded, or again are */
void tci_watch_update(int rule, const tc_optim_piece *pieces, int count, int scalars, tc_tensor *const *scalar, const double *h,
                      void (*numbers)(const double *, double *, double *));
bool tci_patching(void);                               /* do updates hand over their numbers instead of running? (program.c) */
void tci_patch_update(const double *h, double decay, double shrink, bool maximize);
/* Updates inside a graph of a device (updates.c). */
bool tci_holding(void);                                /* is such a graph being recorded? */
bool tci_hold_update(int rule, const tc_optim_piece *pieces, int count, int scalars, tc_tensor *const *scalar, const double *h,
                     void (*numbers)(const double *, double *, double *), tc_device device);
bool tci_replacing(void);                              /* do updates hand over their numbers instead of running? */
void tci_replace_update(const double *h, double decay, double shrink, bool maximize);
static inline bool tci_captures(void) { return __builtin_expect(tci_watching & TCW_CAPTURE, 0); }
void tct_operands(int n, tc_tensor *const *xs);
void tct_made(tc_storage *s);
int tct_play_update(const tc_kernels *k, void *args);
uint64_t tci_next_id(void);                            /* the id of the next tensor */
const tc_kernels *tci_use_kernels(const tc_kernels *table); /* the CPU's from now on; gives those before */
extern int64_t tci_data_changes;                       /* how often tensors got other data */

/* ---- inspect.c: what debugging looks at ---- */
typedef struct tc_node tc_node;
extern TC_THREAD_LOCAL int32_t tci_origin;             /* Lua's number for the place that called the operator; 0 unless that is recorded */
void tci_note_storage(tc_storage *s);                  /* TCW_ORIGIN: where it came from */
void tci_forget_storage(tc_storage *s);
void tci_note_shape(const tc_tensor *t);
void tci_blame(const tc_node *n);                      /* the error came up in the gradient of this node's operator */
bool tci_check_nan(const tc_tensor *t, const char *what, int number); /* TCW_NAN, TCW_NAN_FORWARD: false, and an error, if t has NaN */
#define TC_PACKED_NUMBERS (1LL << 52)                  /* on the Lua side they begin here */
bool tci_pack_later(tc_node *n, int slot);             /* TCW_PACK: saved-tensor hooks will be asked about this one */
void tci_pack_again(tc_node *n);                       /* drops what was unpacked for one run */

void tci_profile_begin(int kind, const char *name, int n, tc_tensor *const *xs);
void tci_profile_end(void);

bool tci_interrupted(void);                            /* Ctrl-C was pressed and nobody has taken notice yet */

/* ---- device.c ---- */
void *tci_device_alloc(tc_device device, int64_t bytes, int64_t *capacity);
void tci_device_free(tc_device device, void *data, int64_t capacity);
const tc_kernels *tci_kernels(tc_device device);
bool tci_device_copy(tc_device to, void *target, tc_device from, const void *source, int64_t bytes, bool wait); /* contiguous bytes */
void *tci_no_memory(tc_device device, int64_t bytes);  /* an error that says what memory is used for */
const char *tci_device_text(void);
bool tci_device_of(int n, tc_tensor *const *xs, tc_device *device); /* the common device (0-dim CPU tensors go anywhere), or an error */

/* ---- autograd.c: recording ---- */
#define TC_SAVE_IN(i) (1u << (i))
#define TC_SAVE_OUT(i) (1u << (16 + (i)))
/* The gradient g of a complex tensor is PyTorch's: dL/d(re) + i dL/d(im), the direction of steepest ascent. For a holomorphic function f that is
   g conj(f'). Rules are written as for real numbers, g f', and the engine conjugates what they get and what they give. Rules of functions that
   are not holomorphic (abs, conj, real) work in PyTorch's convention themselves and say so with this flag; so may those that are linear with
   real coefficients (sums, views, copies), for which both is the same and the flag saves time. */
#define TC_COMPLEX_RULE (1u << 31)

/* How an operator differentiates. grad gets the gradients of the outputs in g (NULL where none came) and leaves those of the inputs
   in dx; both are made of public operators, so every order of derivative exists. */
typedef struct tc_rule {
  const char *name;
  void (*grad)(const tc_node *n, tc_tensor **g, tc_tensor **dx);
  uint32_t save;                /* which inputs and outputs grad reads from n->in and n->out */
} tc_rule;

typedef struct tc_edge {        /* to the node that made an input */
  tc_node *node;                /* NULL: the input needs no gradient */
  int32_t index;
  uint8_t dtype, ndim;
  int8_t device;
  int64_t *size;                /* the input's shape, in the node's block */
} tc_edge;

typedef struct tc_saved {       /* a tensor kept for backward, apart from the graph so that no cycle can arise */
  union {
    tc_tensor *alias;           /* NULL also where a hook keeps it on the Lua side */
    tc_storage *storage;        /* "bare": a whole row-major tensor, shaped as its edge says (results: as edge 0), needs no header meanwhile */
  };
  uint32_t version;
  int32_t packed;               /* the number there */
} tc_saved;

struct tc_node {
  int32_t refs;
  int32_t nin, nout;
  bool freed;                   /* backward has used it up */
  bool packs;                   /* hooks keep some of its saved tensors on the Lua side */
  bool after;                   /* hooks want to see the gradients that it gives */
  const tc_rule *rule;
  uint64_t seq;                 /* later nodes have larger ones; backward runs downwards */
  tc_edge *edge;                /* nin */
  tc_saved *saved;              /* nin + nout, alias NULL where not saved */
  tc_tensor **in, **out;        /* while grad runs: the saved tensors */
  void *attr;                   /* the operator's numbers */
  tc_tensor **pending;          /* nout gradients on their way */
  tc_tensor *leaf;              /* accumulators, and nodes under retain_grad: the tensor whose grad is set (not counted) */
  int64_t lua;                  /* custom functions: their number on the Lua side */
  int64_t hooks;                /* the number of the hooks on the Lua side, 0 for none */
  uint64_t mark;                /* engine: 2 * pass, + 1 if a wanted gradient lies behind this node */
  struct tc_engine *engine;     /* that holds its pending gradients */
  tc_node *dying;               /* the next to be freed */
  uint32_t bytes;
  int32_t origin;               /* tci_origin when it was recorded */
  uint32_t bare;                /* bit i: slot i of saved is bare */
};
static inline bool tci_is_bare(const tc_node *n, int slot) { return slot < 32 && n->bare >> slot & 1; }
static inline tc_storage *tci_saved_storage(const tc_node *n, int slot) {
  const tc_saved *s = &n->saved[slot];
  return tci_is_bare(n, slot) ? s->storage : s->alias ? s->alias->storage : NULL;
}
static inline bool tci_needs(const tc_node *n, int i) { return n->edge[i].node != NULL; }
/* For a rule's grad: the sum that the gradient of input i is about to be added to, if the rule may add to it by itself and leave dx[i] NULL:
   row-major, of the input's shape and dtype, nobody else's. NULL: no such sum. engine.c */
tc_tensor *tci_sum_for(const tc_node *n, int i);
bool tci_add_into(tc_tensor *sum, tc_tensor *g);      /* sum += g, of one shape and real floating dtypes */
bool tci_grad_mode(void);
bool tci_set_grad_mode(bool on);                       /* gives the one before */
bool tci_recording(int n, tc_tensor *const *xs);       /* will tci_record make a node for these inputs? */
/* Makes the node of an operator with the given outputs and inputs, if recording; returns outs[0]. attr is copied.
   Outputs that cannot have a gradient (indices, masks) are not named. */
uint64_t tci_last_node(void);                          /* nodes made from now on have larger numbers */
tc_node *tci_node_new(const tc_rule *rule, int nin, tc_tensor *const *ins, int nout, const void *attr, size_t attr_bytes);
tc_tensor *tci_record_n(const tc_rule *rule, int nout, tc_tensor **outs, int nin, tc_tensor *const *ins, const void *attr, size_t attr_bytes);
tc_tensor *tci_record(const tc_rule *rule, tc_tensor *out, int nin, tc_tensor *const *ins, const void *attr, size_t attr_bytes);
/* Like tci_record for an output that shares storage with input 0: in-place changes of either reach the other. */
tc_tensor *tci_record_view(const tc_rule *rule, tc_tensor *out, tc_tensor *in, const void *attr, size_t attr_bytes);
void tci_node_drop(tc_node *n);
/* Goes through what lies behind xs down to nodes numbered up to `floor`: `edge` is told of each edge to one of those, `inside` of each node above.
   false as soon as one of them says so. engine.c */
bool tci_walk_graph(int n, tc_tensor *const *xs, uint64_t floor, bool (*inside)(const tc_node *), bool (*edge)(void *, const tc_edge *), void *with);
extern TC_THREAD_LOCAL uint64_t tci_engine_floor;      /* engines made now end at nodes numbered up to this */
void tci_leave_node(tc_tensor *t);                     /* t is going away */
tc_node *tci_grad_node(tc_tensor *t);                  /* the node gradients of t go to, NULL if it needs none */
bool tci_requires_grad(tc_tensor *t);
bool tci_is_leaf(const tc_tensor *t);
extern const tc_rule tci_accumulate_rule, tci_lua_rule;
bool tci_unpack(tc_node *n, bool connected);           /* fills n->in and n->out from what was saved, into the scope */
void tci_free_saved(tc_node *n);
void tci_make_history(tc_tensor *t, tc_node *n, int index); /* t is from now on output `index` of n */
tc_node *tci_window_node(tc_tensor *base, tc_tensor *view);                       /* view = as_strided(base) */
tc_node *tci_scatter_node(tc_tensor *base, tc_tensor *view, tc_tensor *source);   /* base with the view's window replaced */
/* In-place operators: before one computes, and where pointwise operators may write. */
tc_tensor *tci_inplace_begin(tc_tensor *x, bool direct);
tc_tensor *tci_target(int dtype, int ndim, const int64_t *size, int nin, tc_tensor *const *ins);
/* x takes over the values and the history of result, which was computed from it: the end of every in-place operator. */
tc_tensor *tci_inplace(tc_tensor *x, tc_tensor *result);
#endif
