/* cache.h: the caching allocator of one device, without any call of CUDA's: what it needs of a device comes in a table, so that it is tested
   with a pretended one. Not thread-safe: the caller holds a lock. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* What it asks of a device. take gives NULL when memory is exhausted. mark notes a point in a stream, passed asks whether the device has come
   there; unmark forgets it. wait: until the device has done everything. */
typedef struct tc_cache_device {
  void *self;
  void *(*take)(void *self, int64_t bytes);
  void (*give)(void *self, void *data, int64_t bytes);
  void *(*mark)(void *self, void *stream);
  int (*passed)(void *self, void *mark);
  void (*unmark)(void *self, void *mark);
  void (*wait)(void *self);
} tc_cache_device;

enum tc_cache_stat { /* bytes, but for those from TC_CACHE_ALLOCS on, which are counts */
  TC_CACHE_ALLOCATED, TC_CACHE_ALLOCATED_PEAK, TC_CACHE_RESERVED, TC_CACHE_RESERVED_PEAK, TC_CACHE_REQUESTED, TC_CACHE_SPLIT,
  TC_CACHE_ALLOCS, TC_CACHE_FREES, TC_CACHE_TAKES, TC_CACHE_GIVES, TC_CACHE_RETRIES, TC_CACHE_FAILURES, TC_CACHE_BLOCKS, TC_CACHE_SEGMENTS,
  TC_CACHE_STATS
};

typedef struct tc_cache tc_cache;
tc_cache *tc_cache_new(const tc_cache_device *device, int plain); /* plain: each allocation has memory of its own, for checkers */
void tc_cache_end(tc_cache *c);

/* Memory for work on a stream; capacity is what it really has. NULL when even the flushed device has no more, or beyond the cap. pool: 0, or the
   number of a private pool (tc_cache_pool_new), whose blocks no other pool uses. maker: who asks, a string that stays. */
void *tc_cache_alloc(tc_cache *c, int64_t bytes, void *stream, int pool, const char *maker, int64_t *capacity);
void tc_cache_free(tc_cache *c, void *data);               /* may be reused by later work on its stream at once */
void tc_cache_used_on(tc_cache *c, void *data, void *stream); /* another stream uses it too: reused only when that has come past its freeing */

int tc_cache_pool_new(tc_cache *c);
void tc_cache_pool_end(tc_cache *c, int pool); /* its segments go back as soon as nothing lives in them */

void tc_cache_flush(tc_cache *c);                   /* unused segments go back to the device */
void tc_cache_cap(tc_cache *c, int64_t bytes);      /* the most that may be reserved; 0 for no cap */
double tc_cache_stat(const tc_cache *c, int which);
void tc_cache_reset_peaks(tc_cache *c);
int tc_cache_largest(const tc_cache *c, int count, int64_t *bytes, const char **makers); /* the largest live blocks; gives how many */
#ifdef __cplusplus
}
#endif
