/* tape.h: recording kernels and playing them again: tocha.compile. While a capture runs, tci_kernels gives a table whose kernels write their
   arguments on a tape and then run (build/gen/tape.c, made by tools/tape.lua). What the tape needs of memory are blocks: storages that came
   from outside, and those made on the way, for which a program plans one arena. capture.c records, plan.c plans, fuse.c merges elementwise
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
   are inner ones whose memory is their own: made anew for each run; a gradient, which outlives it; never written by a kernel. SAVED ones are
   made by the forward half of a program and read by the backward half. */
enum { TCB_INNER, TCB_OUTER, TCB_INPUT, TCB_GRAD, TCB_OUTPUT, TCB_KEPT, TCB_CONSTANT, TCB_SAVED };
typedef struct tc_block {
  int kind, index;              /* index: of the argument or gradient */
  tc_storage *storage;          /* while recording, if alive; afterwards counted, for OUTER, KEPT, CONSTANT */
  char *base;                   /* its address when recorded */
  int64_t bytes;
  int first, last;              /* instructions that use it */
  bool read, written;           /* by instructions */
  bool varies;                  /* its values may be others at the next run */
  bool died;                    /* outer, and gone before the recording ended */
  bool late, late_write, born_late; /* the backward half uses it, changes it, makes it or gets it */
  void *initial;                /* values to begin each run with, or those of a constant whose storage died */
  int64_t place;                /* in the arena (SAVED: in that of a run), -1 for none */
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
} tc_argument;

typedef struct tc_result {
  int dtype, ndim, block;
  int64_t offset, numel;
  int64_t *size, *stride;
} tc_result;

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
  int32_t refs;                 /* Lua's, and those of runs */
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
  int argument_count;
  tc_result *results;
  int result_count;
  int split;                    /* a program with a backward half: its first instruction; else their number */
  int forward_arguments, forward_results; /* the others are gradients: those that come, and those that are computed */
  struct tc_halves *halves;     /* NULL: no backward half */
  uint64_t first_id;            /* tensors from here on were made while recording */
  bool grad_mode;
  char *trouble;                /* why it cannot be played; NULL if it can */
  /* after tc_program_build */
  bool built;
  int64_t arena_bytes, arena_capacity, naive_bytes, saved_bytes;
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

typedef struct tc_halves {      /* how a program with a backward half sits in a graph */
  int nin, nout, gradients, flag_count;
  int *argument;                /* nin: the number of the argument, -1 for a leaf */
  tc_tensor **leaf;             /* nin */
  int *place;                   /* nout: which results are in the graph */
  int *of;                      /* gradients: of which input */
  tc_tensor **flag;             /* tensors whose requires_grad is to be as it was */
  bool *on;
  int *late, late_count;        /* blocks from before that the backward half uses */
} tc_halves;

struct tc_run {                 /* a forward half that was run, until its backward half is */
  struct tc_program *program;   /* counted */
  size_t bytes;
  tc_storage *saved;
  tc_storage **held;            /* of the late blocks: counted */
  uint32_t *versions;           /* of the late blocks */
  tc_stream *first;             /* of each source of random numbers */
};

/* ---- what the recording twins call (capture.c) ---- */
void *tct_begin(int slot, tc_player play, size_t bytes);
void tct_end(bool random);
void *tct_room(tc_program *p, size_t bytes);
void *tct_copy(const void *from, size_t bytes);
void *tct_struct(const void *from, size_t bytes, size_t signed_bytes);
void tct_sign(const void *from, size_t bytes);
void tct_place(void **at, int mode);
tc_view *tct_view(const tc_view *v, int mode);
tc_loop *tct_loop(const tc_loop *l, int mode);
tc_reduction *tct_reduction(const tc_reduction *r, int mode);
tc_lanes *tct_lanes(const tc_lanes *k, int mode);
tc_taps *tct_taps(const tc_taps *t);
tc_draw *tct_draw(const tc_draw *d);
void tct_stream(tc_stream *s);
void tct_refuse(const char *kernel);
bool tct_grow(void **list, int *room, int count, size_t bytes);
void tct_trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));

tc_member tct_member(const tc_instruction *i); /* what a recorded pointwise kernel is as part of a chain */

/* ---- program.c, halves.c ---- */
bool tct_moves(const tc_block *b);             /* may its memory be another one in each run? */
void tct_move(tc_program *p, int b, char *to);
void tct_lend(tc_program *p, int b, tc_storage *s);
bool tct_make_output(tc_program *p, int b);
void tct_aim_draws(tc_program *p);
bool tct_play(tc_program *p, int from, int to);
tc_tensor *tct_result(const tc_program *p, const tc_result *r);
void tct_let_go(tc_program *p, bool backward);
tc_run *tct_new_run(tc_program *p);
void tct_free_run(tc_run *r);
bool tct_enter_graph(tc_program *p, tc_run *run, tc_tensor *const *xs, tc_handle *const *outputs);

/* ---- plan.c, fuse.c ---- */
bool tct_plan(tc_program *p);
bool tct_fuse(tc_program *p);
#endif
