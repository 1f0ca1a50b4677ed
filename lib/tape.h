/* tape.h: recording kernels and playing them again: tocha.compile. While a capture runs, tci_kernels gives a table whose kernels write their
   arguments on a tape and then run (build/gen/tape.c, made by tools/tape.lua). What the tape needs of memory are blocks: storages that came
   from outside, and those made on the way, for which a program plans one arena. capture.c and tape.c record, plan.c plans, fuse.c merges elementwise
   kernels, program.c runs. */
#ifndef TC_TAPE_H
#define TC_TAPE_H
#include "ops/ops.h"
#include "random.h"

enum { TCT_READ, TCT_WRITE, TCT_CHANGE };                /* what a kernel does with an operand; CHANGE: reads and writes */
enum {
#define X(name, params) TCT_##name,
  TC_KERNEL_SLOTS(X)
#undef X
  TCT_update
};

/* INNER blocks were made while recording, the others before; INPUT: of an argument, GRAD: of a tensor's gradient. OUTPUT, KEPT and CONSTANT
   are inner ones whose memory is their own: made anew for each run; a gradient, which outlives it; never written by a kernel. */
enum { TCB_INNER, TCB_OUTER, TCB_INPUT, TCB_GRAD, TCB_OUTPUT, TCB_KEPT, TCB_CONSTANT };
typedef struct tc_block {
  int kind, index;              /* index: of the argument or gradient */
  tc_storage *storage;          /* while recording, if alive; afterwards counted, for OUTER, KEPT, CONSTANT */
  char *base;                   /* its address when recorded */
  int64_t bytes;
  int first, last;              /* instructions that use it */
  bool read, written;           /* by instructions */
  bool varies;                  /* its values may be others at the next run */
  bool died;                    /* outer, and gone before the recording ended */
  void *initial;                /* values to begin each run with, or those of a constant whose storage died */
  int64_t place;                /* in the arena, or among what is saved; -1 for none */
  bool saved;                   /* made by the function, read by its gradients */
  bool late;                    /* used by the gradients alone */
  bool tangent;                 /* the gradient of a result */
  char *now;                    /* where it is in this run */
} tc_block;

typedef struct tc_place {       /* an address inside an instruction's arguments */
  char **at;
  int block;
  int mode;
  int64_t offset;
} tc_place;

typedef int (*tc_player)(const tc_kernels *k, void *args);
typedef struct tc_instruction {
  tc_player play;
  void *args;
  int slot;
  bool random, dead;
  int first_place, places;
  int64_t sign;                 /* where its signature begins */
  const char *who;              /* the operator that ran it */
} tc_instruction;

typedef struct tc_draw_place { tc_stream *at; int generator; uint64_t ahead; } tc_draw_place; /* calls after the run's first */
typedef struct tc_source { tc_generator *generator; tc_stream first; uint64_t calls; } tc_source;

typedef struct tc_grad_slot {   /* a leaf whose gradient is read or replaced */
  tc_tensor *leaf, *before, *after;
  bool read, written;
} tc_grad_slot;

typedef struct tc_argument {    /* an argument as the recording saw it */
  int dtype, ndim, block;
  bool requires_grad;
  int64_t offset, numel;
  int64_t *size, *stride;
  tc_node *node;                /* while recording: where its gradients go, counted */
} tc_argument;

typedef struct tc_result {
  int dtype, ndim, block;       /* block -1: there is none */
  bool wants;                   /* gradients, in a program that has them */
  int64_t offset, numel;
  int64_t *size, *stride;
} tc_result;

/* A program whose results have a graph goes on with their gradients: joint.c. */
typedef struct tc_leaf { int argument; tc_tensor *x; } tc_leaf; /* what gets a gradient: an argument (from 0), or x, counted */
typedef struct tc_joint {
  bool on;
  int split;                    /* the first instruction of the gradients */
  uint64_t drawn;               /* random numbers that the function itself draws; gradients may repeat those */
  tc_leaf *leaves;
  int leaf_count, leaf_room;
  tc_tensor **tangents;         /* while recording */
  int *tangent_blocks, tangent_count;
  tc_result *slopes;            /* the gradients of the leaves */
  int64_t saved_bytes;
  int *lent, lent_count;        /* blocks that gradients read though they are not saved: arguments, results, what lies outside */
  int holds;                    /* runs whose gradients may still be asked for */
  bool abandoned;               /* free when the last of them goes */
} tc_joint;

typedef struct tc_flag { tc_tensor *x; bool requires_grad; } tc_flag; /* a tensor from outside, counted */

/* One update of an optimizer: its pieces, and how their numbers follow from the steps. */
typedef struct tc_update_args {
  int rule, count, scalars;
  tc_optim_piece *pieces;
  void **scalar;                /* count x scalars: float or double, as wide says */
  bool *wide;
  void (*numbers)(const double *h, double *s, double *k);
  double h[TC_OPTIM_NUMBERS];
} tc_update_args;

typedef struct tc_room { struct tc_room *next; size_t used, size; char bytes[]; } tc_room;

struct tc_program {
  tc_room *room;                /* everything the instructions point at */
  tc_instruction *instructions;
  int count, instruction_room;
  tc_block *blocks;
  int block_count, block_room;
  tc_place *places;
  int place_count, place_room;
  char *sign;                   /* what two recordings of the same work have in common */
  int64_t sign_count, sign_room;
  tc_draw_place *draws;
  int draw_count, draw_room;
  tc_source *sources;
  int source_count, source_room;
  tc_grad_slot *grads;
  int grad_count, grad_room;
  tc_argument *arguments;
  tc_tensor **inputs;           /* while recording: the arguments themselves */
  int argument_count;
  tc_result *results;
  int result_count;
  uint64_t first_id;            /* tensors from here on were made while recording */
  uint64_t first_node;          /* nodes of the graph from beyond here were made while recording */
  tc_joint joint;
  tc_flag *flags;
  int flag_count, flag_room;
  bool rewritten;               /* a tensor from outside got another node */
  bool grad_mode;
  char *trouble;                /* why it cannot be played; NULL if it can */
  /* after tc_program_build */
  bool built;
  int64_t arena_bytes, arena_capacity, naive_bytes;
  char *arena;
  int *moving;                  /* places of blocks that may move, sorted by block: from moving[start[b]] to moving[start[b + 1]] */
  int *start;
  int *busy, busy_count;        /* blocks that each run looks at */
  int fused;                    /* instructions that chains replaced */
  int64_t data_changes;         /* tci_data_changes when recorded */
};

extern TC_THREAD_LOCAL tc_program *tct_now;    /* the recording that runs, NULL */
extern const tc_kernels *tct_real;
extern const tc_kernels tct_recorder;
extern tc_fault tct_fault;

/* ---- what the recording twins call (capture.c) ---- */
void *tct_begin(int slot, tc_player play, size_t bytes);
void tct_end(bool random);
void *tct_room(tc_program *p, size_t bytes);
void *tct_copy(const void *from, size_t bytes);
void *tct_struct(const void *from, size_t bytes, size_t signed_bytes);
void tct_sign(const void *from, size_t bytes);
void tct_place(void **at, int mode);
void tct_place_of(void **at, int mode, int64_t numel);
tc_view *tct_view(const tc_view *v, int mode);
tc_loop *tct_loop(const tc_loop *l, int mode);
tc_reduction *tct_reduction(const tc_reduction *r, int mode);
tc_lanes *tct_lanes(const tc_lanes *k, int mode);
tc_taps *tct_taps(const tc_taps *t);
tc_lapack *tct_lapack(const tc_lapack *q);
tc_attention *tct_attention(const tc_attention *a);
tc_draw *tct_draw(const tc_draw *d);
void tct_stream(tc_stream *s);
void tct_refuse(const char *kernel);
bool tct_grow(void **list, int *room, int count, size_t bytes);
void tct_trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));

tc_reduction *tct_folding(const tc_instruction *i); /* the plan of a recorded reduction */
tc_member tct_member(const tc_instruction *i); /* what a recorded pointwise kernel is as part of a chain */

int tct_block_of(const tc_tensor *x);          /* while recording; -1 */
void tct_note_result(tc_program *p, tc_result *r, tc_tensor *x);
void tct_note_tangent(int block);

/* ---- program.c, for joint.c: one stage of a run ---- */
void tct_move(tc_program *p, int block, tc_storage *s, char *to);
bool tct_prepare(tc_program *p, bool late);
bool tct_play(tc_program *p, int from, int to);
void tct_draw_from(tc_program *p);
tc_tensor *tct_result(const tc_program *p, const tc_result *r);
void tct_let_go(tc_program *p);

/* ---- joint.c ---- */
bool tct_joint_build(tc_program *p);
bool tct_joint_connect(tc_program *p, tc_tensor *const *xs, tc_storage *saved, tc_tensor **made);
const char *tct_joint_difference(const tc_program *a, const tc_program *b);
void tct_joint_free(tc_program *p);

/* ---- plan.c, fuse.c ---- */
bool tct_plan(tc_program *p);
bool tct_fuse(tc_program *p);
#endif
