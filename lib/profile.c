/* profile.c: what the profiler writes down: one event for each operator, rule of backward and range of the user, with its time, the bytes
   it allocated and, if asked for, the shapes of its operands. Tables and traces are made of them in Lua (lua/tocha/profiler.lua). */
#include "runtime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int tci_watching;

enum { MAX_DEPTH = 256, SHAPE_TEXT = 512 };

static tc_event *events;
static int64_t count, room;
static int64_t open_events[MAX_DEPTH];
static int depth, too_deep; /* ranges beyond MAX_DEPTH are counted, not recorded */
static char **texts;        /* names of ranges and shapes: the events point at them */
static int64_t text_count, text_room;
static bool with_shapes;
static int64_t started;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static const char *keep_text(const char *text) {
  if (text_count == text_room) {
    int64_t more = text_room ? 2 * text_room : 64;
    char **wider = realloc(texts, (size_t)more * sizeof *wider);
    if (!wider) return NULL;
    texts = wider;
    text_room = more;
  }
  char *copy = strdup(text);
  if (copy) texts[text_count++] = copy;
  return copy;
}

static tc_event *add_event(void) {
  if (count == room) {
    int64_t more = room ? 2 * room : 1024;
    tc_event *wider = realloc(events, (size_t)more * sizeof *wider);
    if (!wider) return NULL;
    events = wider;
    room = more;
  }
  return &events[count++];
}

/* "[2 x 3] float32, 2": one entry for each operand */
static const char *shapes_of(int n, tc_tensor *const *xs) {
  char text[SHAPE_TEXT];
  int at = 0;
  for (int i = 0; i < n && at < SHAPE_TEXT - 1; i++) {
    const tc_tensor *x = xs[i];
    const char *comma = at ? ", " : "";
    if (!x) continue;
    if (x->flags & TCF_WEAK) at += snprintf(text + at, (size_t)(SHAPE_TEXT - at), "%snumber", comma);
    else at += snprintf(text + at, (size_t)(SHAPE_TEXT - at), "%s%s %s", comma, tci_shape(x), tci_dtype_name(x->dtype));
  }
  return at ? keep_text(text) : NULL;
}

void tci_profile_begin(int kind, const char *name, int n, tc_tensor *const *xs) {
  if (depth == MAX_DEPTH) {
    too_deep++;
    return;
  }
  const char *shapes = with_shapes && n > 0 ? shapes_of(n, xs) : NULL;
  tc_event *e = add_event();
  open_events[depth++] = e ? count - 1 : -1;
  if (e) *e = (tc_event){.name = name, .shapes = shapes, .kind = kind, .depth = depth - 1, .begin = now() - started};
}

void tci_profile_end(void) {
  if (too_deep > 0) {
    too_deep--;
    return;
  }
  if (depth == 0) return; /* begun before the profiler was */
  int64_t at = open_events[--depth], parent = depth > 0 ? open_events[depth - 1] : -1;
  if (at < 0) return;
  tc_event *e = &events[at];
  e->time = now() - started - e->begin;
  if (parent < 0) return;
  events[parent].inner_time += e->time;
  events[parent].inner_bytes += e->bytes;
  events[parent].bytes += e->bytes;
}

void tci_profile_bytes(int64_t bytes) {
  if (depth > 0 && open_events[depth - 1] >= 0) events[open_events[depth - 1]].bytes += bytes;
}

/* ---- what Lua calls ---- */
static void forget(void) {
  for (int64_t i = 0; i < text_count; i++) free(texts[i]);
  free(texts);
  free(events);
  texts = NULL;
  events = NULL;
  count = room = text_count = text_room = 0;
  depth = too_deep = 0;
}

bool tc_profile_start(bool shapes) {
  if (tci_watching & TCW_PROFILE) return tci_fail("the profiler runs already") != NULL;
  forget();
  with_shapes = shapes;
  started = now();
  tci_watching |= TCW_PROFILE;
  return true;
}

double tc_profile_stop(void) {
  while (depth > 0) too_deep = 0, tci_profile_end();
  tci_watching &= ~TCW_PROFILE;
  return (double)(now() - started);
}

bool tc_profile_running(void) { return tci_watching & TCW_PROFILE; }
double tc_profile_count(void) { return (double)count; }
const tc_event *tc_profile_event(int64_t i) { return i >= 0 && i < count ? &events[i] : NULL; }
void tc_profile_forget(void) {
  if (!(tci_watching & TCW_PROFILE)) forget();
}

void tc_profile_range(const char *name) {
  if (!(tci_watching & TCW_PROFILE)) return;
  name = keep_text(name);
  tci_profile_begin(TC_EVENT_RANGE, name ? name : "range", 0, NULL);
}
void tc_profile_range_end(void) {
  if (tci_watching & TCW_PROFILE) tci_profile_end();
}

/* ---- where the wrappers of operators come in (glue.h) ---- */
void tci_watch_enter(int n, tc_tensor *const *xs) {
  if (tci_watching & TCW_PROFILE) tci_profile_begin(TC_EVENT_OPERATOR, tci_who(), n, xs);
  if (tci_watching & TCW_CAPTURE) tct_operands(n, xs);
}
void tci_watch_leave(void) {
  if (tci_watching & TCW_PROFILE) tci_profile_end();
}
void tci_watch_list(int n, tc_tensor *const *xs) {
  if (tci_watching & TCW_CAPTURE) tct_operands(n, xs);
}
void tci_watch_storage(tc_storage *s) {
  if (tci_watching & TCW_PROFILE) tci_profile_bytes(s->bytes);
  if (tci_watching & TCW_CAPTURE) tct_made(s);
  if (tci_watching & TCW_ORIGIN) tci_note_storage(s);
}
void tci_watch_dropped(tc_storage *s) {
  if (tci_captures()) tci_watch_drop(s);
  if (s->record) tci_forget_storage(s);
}
