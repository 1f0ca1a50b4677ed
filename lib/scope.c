/* scope.c: a stack of temporaries. A tensor that an operator returns belongs to the scope that is open; closing a scope
   releases what was made in it, so that a composed expression needs no bookkeeping. */
#include "runtime.h"
#include <stdlib.h>

static TC_THREAD_LOCAL tc_tensor **stack;
static TC_THREAD_LOCAL size_t top, capacity;

void tci_scope_push(tc_tensor *t) {
  if (top == capacity) {
    size_t wider = capacity ? 2 * capacity : 256;
    tc_tensor **grown = realloc(stack, wider * sizeof *grown);
    if (!grown) { /* keep the tensor alive for good rather than lose count of it */
      tci_fail("out of memory for temporaries");
      return;
    }
    stack = grown;
    capacity = wider;
  }
  stack[top++] = t;
}

size_t tci_scope_mark(void) { return top; }

tc_tensor *tci_scope_close(size_t mark, tc_tensor *result) {
  if (top == mark) return result;
  if (result) tci_retain(result);
  while (top > mark) tci_release(stack[--top]);
  if (result) tci_scope_push(result);
  return result;
}

tc_tensor *tci_scope_take(tc_tensor *t) {
  if (!t) return NULL;
  if (top > 0 && stack[top - 1] == t) {
    top--;
    return t;
  }
  return tci_retain(t);
}

int64_t tc_scope_begin(void) { return (int64_t)top; }
void tc_scope_end(int64_t mark) {
  if (mark >= 0 && (size_t)mark <= top) tci_scope_close((size_t)mark, NULL);
}
tc_tensor *tc_keep(tc_tensor *t) { return tci_retain(t); }
void tc_drop(tc_tensor *t) { tci_release(t); }
