/* chain.h: several elementwise operators as one loop over blocks that stay in the cache, as a compiled function runs them. */
#ifndef TC_CHAIN_H
#define TC_CHAIN_H
#include "reduce.h"

enum { TC_CHAIN_SLOTS = 12, TC_CHAIN_BLOCK = 2048, TC_CHAIN_MEMBERS = 64 };

/* One operator. Operands with a slot live in a buffer of one block instead of memory: values that nothing outside the chain reads. They, and
   whatever one member writes and another one uses, lie row-major without gaps in the order of the loop. */
typedef struct tc_member {
  int op, compute;
  const tc_loop *loop;
  const double *p;
  int8_t slot[TC_MAX_OPERANDS]; /* -1: the loop's own memory */
} tc_member;

typedef struct tc_chain {
  int count;
  int64_t numel;                /* of every loop */
  const tc_member *members;
  const tc_reduction *fold;     /* NULL, or what happens to a value of the chain, block by block: a fold over all or over the last dims, row-major */
  int fold_slot;                /* where that value is; -1: in memory, at fold->in */
} tc_chain;
#endif
