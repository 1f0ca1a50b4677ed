/* cache.cu: the caching allocator. Memory comes from the device in segments, which are cut into blocks; a freed block joins its free neighbours
   and serves the next request of its stream that fits best. Small requests share segments of 2 MiB, middling ones of 20 MiB, large ones have
   segments of their own size. No call of CUDA's in here: see cache.h. */
#include "cache.h"
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

namespace {
constexpr int64_t KIB = 1024, MIB = KIB * KIB;
constexpr int64_t STEP = 512;               /* sizes are rounded up to a multiple of it */
constexpr int64_t SMALL = MIB;              /* up to here a request is small */
constexpr int64_t SMALL_SEGMENT = 2 * MIB;
constexpr int64_t MIDDLE = 10 * MIB;        /* up to here it shares a middling segment */
constexpr int64_t MIDDLE_SEGMENT = 20 * MIB;
constexpr int64_t ROUND = 2 * MIB;          /* segments of their own are rounded up to it */

int64_t up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

struct block {
  char *data;
  int64_t bytes, requested;
  void *stream;
  int pool;
  bool small, used;
  block *before, *after; /* neighbours in the segment */
  const char *maker;
  std::vector<void *> other_streams;
  int pending = 0; /* marks that other streams have not passed yet */
};

struct by_fit { /* of one stream, the smallest first */
  bool operator()(const block *a, const block *b) const {
    if (a->stream != b->stream) return a->stream < b->stream;
    if (a->bytes != b->bytes) return a->bytes < b->bytes;
    return a->data < b->data;
  }
};
typedef std::set<block *, by_fit> free_list;
struct pool_lists { free_list small, large; bool ended = false; };
struct mark { void *event; block *b; };
} // namespace

struct tc_cache {
  tc_cache_device device;
  bool plain;
  int64_t cap = 0;
  int last_pool = 0;
  std::map<int, pool_lists> pools;
  std::unordered_map<void *, block *> live; /* by address, freed ones that wait for other streams included */
  std::vector<mark> marks;
  int64_t stats[TC_CACHE_STATS] = {0};

  free_list &list_of(const block *b) {
    pool_lists &p = pools[b->pool];
    return b->small ? p.small : p.large;
  }
  void count(int which, int64_t by) {
    stats[which] += by;
    if (which == TC_CACHE_ALLOCATED || which == TC_CACHE_RESERVED) stats[which + 1] = std::max(stats[which], stats[which + 1]);
  }
};

/* ---- segments ---- */
static bool alone(const tc_cache *c, int pool) { return c->plain && pool == 0; } /* a graph's memory must stay: it is cached in any case */

static int64_t segment_bytes(const tc_cache *c, int64_t bytes, int pool) {
  if (alone(c, pool)) return bytes;
  return bytes <= SMALL ? SMALL_SEGMENT : bytes < MIDDLE ? MIDDLE_SEGMENT : up(bytes, ROUND);
}

static void give_segment(tc_cache *c, block *b) {
  c->device.give(c->device.self, b->data, b->bytes);
  c->count(TC_CACHE_RESERVED, -b->bytes);
  c->count(TC_CACHE_GIVES, 1);
  c->count(TC_CACHE_SEGMENTS, -1);
  c->count(TC_CACHE_BLOCKS, -1);
  delete b;
}

static bool whole(const block *b) { return !b->before && !b->after; }

/* gives back the segments in which nothing lives; private pools keep theirs while a graph may replay */
static void flush_list(tc_cache *c, free_list &list) {
  for (auto i = list.begin(); i != list.end();) {
    block *b = *i;
    if (!whole(b)) {
      ++i;
      continue;
    }
    i = list.erase(i);
    give_segment(c, b);
  }
}

static void forget_ended_pools(tc_cache *c) {
  for (auto i = c->pools.begin(); i != c->pools.end();) {
    pool_lists &p = i->second;
    if (p.ended) {
      flush_list(c, p.small);
      flush_list(c, p.large);
    }
    bool alive = !p.ended || !p.small.empty() || !p.large.empty();
    for (auto &l : c->live) alive |= p.ended && l.second->pool == i->first;
    i = alive ? std::next(i) : c->pools.erase(i);
  }
}

/* ---- freeing ---- */
static void absorb(block *a, block *b) { /* b, the neighbour after a, becomes part of it */
  a->bytes += b->bytes;
  a->after = b->after;
  if (b->after) b->after->before = a;
  delete b;
}

static bool mergeable(const block *b) { return b && !b->used && b->pending == 0; }

static void release(tc_cache *c, block *b) {
  c->live.erase(b->data);
  if (alone(c, b->pool)) {
    give_segment(c, b);
    return;
  }
  if (mergeable(b->after)) {
    c->list_of(b).erase(b->after);
    c->count(TC_CACHE_SPLIT, -b->after->bytes);
    c->count(TC_CACHE_BLOCKS, -1);
    absorb(b, b->after);
  }
  if (mergeable(b->before)) {
    block *a = b->before;
    c->list_of(b).erase(a);
    c->count(TC_CACHE_SPLIT, -a->bytes);
    c->count(TC_CACHE_BLOCKS, -1);
    absorb(a, b);
    b = a;
  }
  if (!whole(b)) c->count(TC_CACHE_SPLIT, b->bytes);
  c->list_of(b).insert(b);
}

/* blocks whose other users have come past their freeing */
static void look_at_marks(tc_cache *c) {
  size_t kept = 0;
  for (mark &m : c->marks) {
    if (!c->device.passed(c->device.self, m.event)) {
      c->marks[kept++] = m;
      continue;
    }
    c->device.unmark(c->device.self, m.event);
    if (--m.b->pending == 0) release(c, m.b);
  }
  c->marks.resize(kept);
}

extern "C" void tc_cache_free(tc_cache *c, void *data) {
  auto found = c->live.find(data);
  if (found == c->live.end() || !found->second->used) return;
  block *b = found->second;
  b->used = false;
  c->count(TC_CACHE_ALLOCATED, -b->bytes);
  c->count(TC_CACHE_REQUESTED, -b->requested);
  c->count(TC_CACHE_FREES, 1);
  for (void *stream : b->other_streams) {
    void *event = c->device.mark(c->device.self, stream);
    if (!event) continue;
    c->marks.push_back({event, b});
    b->pending++;
  }
  b->other_streams.clear();
  if (b->pending == 0) release(c, b);
}

extern "C" void tc_cache_used_on(tc_cache *c, void *data, void *stream) {
  auto found = c->live.find(data);
  if (found == c->live.end()) return;
  block *b = found->second;
  if (stream != b->stream && std::find(b->other_streams.begin(), b->other_streams.end(), stream) == b->other_streams.end())
    b->other_streams.push_back(stream);
}

extern "C" void tc_cache_flush(tc_cache *c) {
  if (!c->marks.empty()) c->device.wait(c->device.self);
  look_at_marks(c);
  flush_list(c, c->pools[0].small);
  flush_list(c, c->pools[0].large);
  forget_ended_pools(c);
}

/* ---- allocating ---- */
static block *best_fit(tc_cache *c, int64_t bytes, void *stream, int pool, bool small) {
  block key = {};
  key.bytes = bytes;
  key.stream = stream;
  pool_lists &p = c->pools[pool];
  free_list &list = small ? p.small : p.large;
  auto i = list.lower_bound(&key);
  if (i == list.end() || (*i)->stream != stream) return nullptr;
  block *b = *i;
  list.erase(i);
  if (!whole(b)) c->count(TC_CACHE_SPLIT, -b->bytes);
  return b;
}

static void *take(tc_cache *c, int64_t bytes) {
  if (c->cap && c->stats[TC_CACHE_RESERVED] + bytes > c->cap) return nullptr;
  c->count(TC_CACHE_TAKES, 1);
  return c->device.take(c->device.self, bytes);
}

static block *new_segment(tc_cache *c, int64_t bytes, void *stream, int pool, bool small) {
  int64_t size = segment_bytes(c, bytes, pool);
  void *data = take(c, size);
  if (!data) {
    c->count(TC_CACHE_RETRIES, 1);
    tc_cache_flush(c);
    data = take(c, size);
  }
  if (!data && size > up(bytes, STEP) && !small) data = take(c, size = up(bytes, STEP)); /* there may be room for the request alone */
  if (!data) return nullptr;
  block *b = new block{(char *)data, size, 0, stream, pool, small, false, nullptr, nullptr, nullptr, {}};
  c->count(TC_CACHE_RESERVED, size);
  c->count(TC_CACHE_SEGMENTS, 1);
  c->count(TC_CACHE_BLOCKS, 1);
  return b;
}

/* small segments are cut to the last step; of large ones no slivers are cut that only small requests could use */
static void cut(tc_cache *c, block *b, int64_t bytes) {
  int64_t left = b->bytes - bytes;
  if (alone(c, b->pool) || (b->small ? left < STEP : left <= SMALL)) return;
  block *rest = new block{b->data + bytes, left, 0, b->stream, b->pool, b->small, false, b, b->after, nullptr, {}};
  if (b->after) b->after->before = rest;
  b->after = rest;
  b->bytes = bytes;
  c->list_of(rest).insert(rest);
  c->count(TC_CACHE_SPLIT, left);
  c->count(TC_CACHE_BLOCKS, 1);
}

extern "C" void *tc_cache_alloc(tc_cache *c, int64_t requested, void *stream, int pool, const char *maker, int64_t *capacity) {
  if (requested < 0 || requested > (int64_t)1 << 50) return nullptr;
  int64_t bytes = alone(c, pool) ? std::max<int64_t>(requested, 1) : up(std::max<int64_t>(requested, 1), STEP);
  bool small = bytes <= SMALL;
  if (!c->marks.empty()) look_at_marks(c);
  block *b = alone(c, pool) ? nullptr : best_fit(c, bytes, stream, pool, small);
  if (!b) b = new_segment(c, bytes, stream, pool, small);
  if (!b) {
    c->count(TC_CACHE_FAILURES, 1);
    return nullptr;
  }
  cut(c, b, bytes);
  b->used = true;
  b->requested = requested;
  b->maker = maker;
  c->live[b->data] = b;
  c->count(TC_CACHE_ALLOCATED, b->bytes);
  c->count(TC_CACHE_REQUESTED, requested);
  c->count(TC_CACHE_ALLOCS, 1);
  if (capacity) *capacity = b->bytes;
  return b->data;
}

/* ---- pools, figures, beginning and end ---- */
extern "C" int tc_cache_pool_new(tc_cache *c) {
  c->pools[++c->last_pool];
  return c->last_pool;
}

extern "C" void tc_cache_pool_end(tc_cache *c, int pool) {
  auto found = c->pools.find(pool);
  if (pool == 0 || found == c->pools.end()) return;
  found->second.ended = true;
  forget_ended_pools(c);
}

extern "C" void tc_cache_cap(tc_cache *c, int64_t bytes) { c->cap = bytes; }

extern "C" double tc_cache_stat(const tc_cache *c, int which) { return which >= 0 && which < TC_CACHE_STATS ? (double)c->stats[which] : 0; }

extern "C" void tc_cache_reset_peaks(tc_cache *c) {
  c->stats[TC_CACHE_ALLOCATED_PEAK] = c->stats[TC_CACHE_ALLOCATED];
  c->stats[TC_CACHE_RESERVED_PEAK] = c->stats[TC_CACHE_RESERVED];
}

extern "C" int tc_cache_largest(const tc_cache *c, int count, int64_t *bytes, const char **makers) {
  std::vector<const block *> all;
  for (auto &l : c->live)
    if (l.second->used) all.push_back(l.second);
  int n = std::min(count, (int)all.size());
  std::partial_sort(all.begin(), all.begin() + n, all.end(), [](const block *a, const block *b) {
    return a->requested != b->requested ? a->requested > b->requested : a->data < b->data;
  });
  for (int i = 0; i < n; i++) {
    bytes[i] = all[(size_t)i]->requested;
    makers[i] = all[(size_t)i]->maker;
  }
  return n;
}

extern "C" tc_cache *tc_cache_new(const tc_cache_device *device, int plain) {
  tc_cache *c = new tc_cache;
  c->device = *device;
  c->plain = plain != 0;
  c->pools[0];
  return c;
}

extern "C" void tc_cache_end(tc_cache *c) {
  tc_cache_flush(c);
  delete c;
}
