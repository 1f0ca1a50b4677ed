/* error.c: the pending error of a thread. The first one wins; nothing here prints or jumps. */
#include "runtime.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static TC_THREAD_LOCAL const char *who = "tocha";
static TC_THREAD_LOCAL bool failed;
static TC_THREAD_LOCAL char *message; /* on the heap: thread storage of the fast kind is scarce */
enum { MESSAGE = 2048 };
static volatile int interrupted; /* set by a signal handler */

bool tci_failed(void) { return failed; }
const char *tci_who(void) { return who; }

const char *tci_set_who(const char *name) {
  const char *before = who;
  who = name;
  return before;
}

void *tci_fail(const char *format, ...) {
  if (failed) return NULL;
  failed = true;
  if (!message) message = malloc(MESSAGE);
  if (!message) return NULL;
  int n = snprintf(message, MESSAGE, "%s: ", who);
  va_list args;
  va_start(args, format);
  if (n > 0 && n < MESSAGE) vsnprintf(message + n, (size_t)(MESSAGE - n), format, args);
  va_end(args);
  return NULL;
}

const char *tc_error_text(void) { return !failed ? "" : message ? message : "out of memory"; }
void tc_clear_error(void) { failed = false; }
void tc_raise(const char *text) { tci_fail("%s", text); }

void tc_interrupt(void) { interrupted = 1; }
bool tc_take_interrupt(void) {
  if (!interrupted) return false;
  interrupted = 0;
  return true;
}
bool tci_interrupted(void) { return interrupted; }

/* Texts of shapes live in a few rotating buffers, so that one message can hold several. */
const char *tci_sizes(int n, const int64_t *size) {
  enum { LENGTH = 160, COUNT = 4 };
  static TC_THREAD_LOCAL char *store;
  static TC_THREAD_LOCAL int turn;
  if (!store) store = malloc(COUNT * LENGTH);
  if (!store) return "[?]";
  char *texts = store + turn++ % COUNT * LENGTH;
  int at = snprintf(texts, LENGTH, "[");
  for (int i = 0; i < n && at < LENGTH - 24; i++)
    at += snprintf(texts + at, (size_t)(LENGTH - at), i ? " x %lld" : "%lld", (long long)size[i]);
  snprintf(texts + at, (size_t)(LENGTH - at), "]");
  return texts;
}

const char *tci_shape(const tc_tensor *t) { return t ? tci_sizes(t->ndim, t->size) : "[?]"; }
