/* cache_mock.cc: a device for the caching allocator that exists in memory alone: a budget of bytes, streams whose marks the spec lets pass. */
#include "../../kernels/cuda/cache.h"
#include <cstdlib>
#include <set>

struct mock {
  int64_t budget, taken;
  int takes, gives, waits;
  std::set<long> passed; /* marks that the device has come past */
  long last_mark;
  char *next;
};

static void *take(void *self, int64_t bytes) {
  mock *m = (mock *)self;
  m->takes++;
  if (m->taken + bytes > m->budget) return nullptr;
  m->taken += bytes;
  char *p = m->next; /* addresses that nobody touches */
  m->next += (bytes + (2 << 20)) & ~(int64_t)((2 << 20) - 1);
  return p;
}
static void give(void *self, void *, int64_t bytes) {
  mock *m = (mock *)self;
  m->gives++;
  m->taken -= bytes;
}
static void *mark(void *self, void *) { return (void *)++((mock *)self)->last_mark; }
static int passed(void *self, void *mark) { return ((mock *)self)->passed.count((long)mark) > 0; }
static void unmark(void *, void *) {}
static void wait(void *self) {
  mock *m = (mock *)self;
  m->waits++;
  for (long i = 1; i <= m->last_mark; i++) m->passed.insert(i);
}

extern "C" {
mock *mock_new(double budget) {
  mock *m = new mock();
  m->budget = (int64_t)budget;
  m->next = (char *)((int64_t)1 << 40);
  return m;
}
tc_cache *mock_cache(mock *m, int plain) {
  const tc_cache_device device = {m, take, give, mark, passed, unmark, wait};
  return tc_cache_new(&device, plain);
}
void mock_pass(mock *m, int mark) { m->passed.insert(mark); }
int mock_takes(mock *m) { return m->takes; }
int mock_gives(mock *m) { return m->gives; }
int mock_waits(mock *m) { return m->waits; }
double mock_taken(mock *m) { return (double)m->taken; }
}
