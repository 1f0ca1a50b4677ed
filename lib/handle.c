/* handle.c: the life of Lua's handles. LuaJIT pays hundreds of nanoseconds for a finaliser, so handles have none: a hook in Lua's
   allocator sees the block of a dead handle being freed and releases its tensor. Also when to collect: Lua's collector does not see
   native memory, so growth since the last collection asks for one. */
#include "glue.h"
#include <dlfcn.h>
#include <stdlib.h>

/* ---- memory pressure ---- */
static int64_t pressure_limit = 32 << 20, pressure_floor; /* native bytes that ask for a collection, and those that the last one left */
/* Small objects count three times: what lies dead among them is found again cold, and as many handles of Lua's go with them. */
static int64_t native_bytes(void) { return tci_live_bytes() + (int64_t)tc_cuda_live() + 3 * tci_small_bytes(); }
bool tci_pressure(void) { return native_bytes() > pressure_limit; }

/* After a quick collection: is more than half of the growth still there? */
bool tc_pressure_lasts(void) {
  tci_bury_all();
  return native_bytes() > (pressure_floor + pressure_limit) / 2;
}

/* After a collection: how far native memory may grow until the next one. A collection costs time in proportion to the Lua heap, so a larger
   heap waits longer; 8 MB is where a small heap's collections and the distance of its dead blocks from the processor cost the same. In steps
   of two, so that memory does not creep up with a table that slowly grows. */
void tc_pressure_reset(double lua_heap_bytes) {
  tci_bury_all();
  const double mega = 1 << 20;
  double live = (double)native_bytes(), most = live > 256 * mega ? live : 256 * mega, room = 8 * mega;
  for (double heap = 0.9 * mega; heap < lua_heap_bytes && room < most; heap *= 2) room *= 2;
  pressure_floor = (int64_t)live;
  pressure_limit = (int64_t)(live + (room < most ? room : most));
}

/* ---- the hook ---- */
typedef struct lua_State lua_State;
typedef void *lua_alloc(void *ud, void *p, size_t old_size, size_t new_size);
typedef struct hook {
  lua_alloc *inner;
  void *inner_ud;
  size_t block, header; /* of a handle: all of it, and what comes before its fields */
  uint16_t ctype;
} hook;
static int64_t releases;
static TC_THREAD_LOCAL lua_State *state; /* of the call that loads us */

/* What the collector finds dead lies outside the caches: headers, storages and nodes are fetched while others are released. Nothing waits here
   longer than until the next operator. */
enum { BURIALS = 16 };
static TC_THREAD_LOCAL tc_handle burials[BURIALS];
static TC_THREAD_LOCAL unsigned first_burial;
TC_THREAD_LOCAL unsigned tci_burials; /* how many wait */

static bool still_its_tensor(const tc_handle *h) { return h->t->id == h->id; }

static void bury(tc_handle h) {
  if (!still_its_tensor(&h)) return;
  releases++;
  h.t->handles--;
  tci_release(h.t);
}

static void bury_first(void) {
  const tc_handle h = burials[first_burial % BURIALS];
  first_burial++;
  tci_burials--;
  bury(h);
}

void tci_bury_all(void) {
  while (tci_burials > 0) bury_first();
}

static void fetch(const void *p, int lines) {
  for (int i = 0; i < lines; i++) __builtin_prefetch((const char *)p + 64 * i, 1);
}

static void bury_later(const tc_handle *h) {
  fetch(h->t, 2);
  if (tci_burials == BURIALS) bury_first();
  burials[(first_burial + tci_burials++) % BURIALS] = *h;
  if (tci_burials < BURIALS / 2) return;
  const tc_handle *half = &burials[(first_burial + tci_burials - BURIALS / 2) % BURIALS]; /* its header has come meanwhile */
  if (!still_its_tensor(half)) return;
  fetch(half->t->storage, 1);
  if (half->t->node) fetch(half->t->node, 4);
}

enum { CDATA_TAG = 10 }; /* LuaJIT: ~LJ_TCDATA */

static void release_handle(const hook *k, char *block) {
  const uint8_t tag = (uint8_t)block[k->header == 16 ? 9 : 5];
  uint16_t ctype;
  memcpy(&ctype, block + (k->header == 16 ? 10 : 6), sizeof ctype);
  if (tag != CDATA_TAG || ctype != k->ctype) return;
  tc_handle *h = (tc_handle *)(block + k->header);
  if (h->t && h->id && tci_small_owns(h->t)) bury_later(h);
  h->t = NULL;
  h->id = 0;
}

static void *hooked_alloc(void *ud, void *p, size_t old_size, size_t new_size) {
  const hook *k = ud;
  if (new_size == 0 && old_size == k->block && p) release_handle(k, p);
  return k->inner(k->inner_ud, p, old_size, new_size);
}

double tc_handle_releases(void) {
  tci_bury_all();
  return (double)releases;
}

/* Puts the hook in: `ctype` is LuaJIT's number of the handle type, gc64 its memory model. The caller tests that it works. */
bool tc_hook_install(double ctype, bool gc64) {
  lua_alloc *(*getter)(lua_State *, void **) = (lua_alloc * (*)(lua_State *, void **)) dlsym(RTLD_DEFAULT, "lua_getallocf");
  void (*setter)(lua_State *, lua_alloc *, void *) = (void (*)(lua_State *, lua_alloc *, void *))dlsym(RTLD_DEFAULT, "lua_setallocf");
  if (!state || !getter || !setter) return false;
  hook *k = malloc(sizeof *k);
  if (!k) return false;
  k->inner = getter(state, &k->inner_ud);
  k->header = gc64 ? 16 : 8;
  k->block = k->header + sizeof(tc_handle);
  k->ctype = (uint16_t)ctype;
  setter(state, hooked_alloc, k);
  return true;
}

/* Called through package.loadlib, which alone gives C the Lua state. */
int luaopen_tocha_native(void *lua_state) {
  state = lua_state;
  return 0;
}

void *tc_lua_state(void) { return state; }

/* ---- single handles ---- */
void tc_handle_free(tc_handle *h) {
  if (h->t && h->t->id == h->id) {
    h->t->handles--;
    tci_release(h->t);
  }
  h->t = NULL;
  h->id = 0;
}

/* h becomes a handle of t. For tensors that come from C other than as an operator's result. */
bool tc_handle_set(tc_handle *h, tc_tensor *t) {
  tci_wrap(h, t);
  return h->t != NULL;
}
bool tc_handle_alive(tc_handle *h) { return h->t && h->t->id == h->id; }

/* ---- tocha.scope: what was handed to Lua since a mark is released at its end, but for what is held ---- */
static TC_THREAD_LOCAL tc_tensor **noted;
static TC_THREAD_LOCAL int64_t noted_count, noted_room;
static TC_THREAD_LOCAL int64_t noting;

bool tci_noting(void) { return noting > 0; }

void tci_note(tc_tensor *t) {
  if (noted_count == noted_room) {
    int64_t room = noted_room ? 2 * noted_room : 256;
    tc_tensor **wider = realloc(noted, (size_t)room * sizeof *wider);
    if (!wider) return; /* it will be collected later instead */
    noted = wider;
    noted_room = room;
  }
  noted[noted_count++] = tci_retain(t);
}

int64_t tc_notes_open(void) {
  noting++;
  return noted_count;
}

/* t outlives the scope that began at mark: it belongs to the one around it */
void tc_notes_hold(int64_t mark, tc_tensor *t) {
  for (int64_t i = mark; i < noted_count; i++)
    if (noted[i] == t) {
      noted[i] = NULL;
      tci_release(t);
    }
}

static void void_handles(tc_tensor *t) {
  tci_renew_id(t);
  for (; t->handles > 0; t->handles--) tci_release(t);
}

void tc_notes_close(int64_t mark) {
  while (noted_count > mark && noted_count > 0) {
    tc_tensor *t = noted[--noted_count];
    if (!t) continue;
    void_handles(t);
    tci_release(t);
  }
  if (noting > 0) noting--;
}
