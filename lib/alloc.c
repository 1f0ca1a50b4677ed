/* alloc.c: memory of the CPU. Small objects (headers, nodes) come from pools; tensor data from blocks in size classes, kept
   when freed and reused last in, first out, within a cap. Blocks of 2 MiB and more ask for huge pages. */
#include "runtime.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- small objects: one free list for each multiple of 32 bytes ---- */
enum { SMALL_STEP = 32, SMALL_LISTS = 33, SLAB = 64 << 10 };
typedef struct small { struct small *next; } small;
static TC_THREAD_LOCAL small *small_free[SMALL_LISTS]; /* 264 bytes: must stay small */
static TC_THREAD_LOCAL int64_t small_bytes;
int64_t tci_small_bytes(void) { return small_bytes; }

static uintptr_t slabs_from = UINTPTR_MAX, slabs_to; /* slabs are never given back */

static bool small_refill(size_t list) {
  size_t bytes = list * SMALL_STEP;
  char *slab = aligned_alloc(64, SLAB);
  if (!slab) return false;
  if ((uintptr_t)slab < slabs_from) slabs_from = (uintptr_t)slab;
  if ((uintptr_t)slab + SLAB > slabs_to) slabs_to = (uintptr_t)slab + SLAB;
  for (size_t at = 0; at + bytes <= SLAB; at += bytes) {
    small *s = (small *)(slab + at);
    s->next = small_free[list];
    small_free[list] = s;
  }
  return true;
}

bool tci_small_owns(const void *p) { return (uintptr_t)p >= slabs_from && (uintptr_t)p < slabs_to; }

void *tci_small_alloc(size_t bytes) {
  size_t list = (bytes + SMALL_STEP - 1) / SMALL_STEP;
  if (list >= SMALL_LISTS) return malloc(bytes);
  if (!small_free[list] && !small_refill(list)) return NULL;
  small_bytes += (int64_t)bytes;
  small *s = small_free[list], *next = s->next;
  small_free[list] = next;
  /* the collector frees thousands at a time, which then lie outside the cache: begin to fetch the next but one */
  if (next) for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch((char *)next->next + at, 1);
  return s;
}

void tci_small_free(void *p, size_t bytes) {
  size_t list = (bytes + SMALL_STEP - 1) / SMALL_STEP;
  if (list >= SMALL_LISTS) {
    free(p);
    return;
  }
  small_bytes -= (int64_t)bytes;
  small *s = p;
  s->next = small_free[list];
  small_free[list] = s;
}

/* ---- blocks: four size classes for each power of two, so that at most a quarter is lost ---- */
enum { MIN_BLOCK = 64, CLASSES = 4 * 48, HUGE = 2 << 20 };
typedef struct block { struct block *next; } block;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *cached[CLASSES];
static int64_t cached_bytes, live_bytes, peak_bytes, cache_cap, limit_bytes, system_calls;

static int class_of(int64_t bytes, int64_t *capacity) {
  uint64_t n = bytes < MIN_BLOCK ? MIN_BLOCK : (uint64_t)bytes;
  int top = 63 - __builtin_clzll(n);
  uint64_t quarter = (uint64_t)1 << (top >= 2 ? top - 2 : 0);
  if (quarter < MIN_BLOCK) quarter = MIN_BLOCK;
  uint64_t rounded = (n + quarter - 1) & ~(quarter - 1);
  *capacity = (int64_t)rounded;
  top = 63 - __builtin_clzll(rounded);
  return 4 * top + (int)((rounded >> (top - 2)) & 3);
}

static int64_t physical_memory(void) { return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE); }

static void block_to_system(void *p, int64_t capacity) {
  system_calls++;
  if (capacity >= HUGE) munmap(p, (size_t)capacity);
  else free(p);
}

static void *block_from_system(int64_t capacity) {
  system_calls++;
  if (capacity < HUGE) return aligned_alloc(64, (size_t)capacity);
  /* over-allocate by one huge page to align, then give the ends back */
  size_t want = (size_t)capacity, span = want + HUGE;
  char *raw = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return NULL;
  char *p = (char *)(((uintptr_t)raw + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
  if (p > raw) munmap(raw, (size_t)(p - raw));
  size_t tail = (size_t)(raw + span - (p + want));
  if (tail) munmap(p + want, tail);
  madvise(p, want, MADV_HUGEPAGE);
  return p;
}

static void trim(int64_t keep) { /* the largest blocks go first: they cost the most to hold */
  for (int c = CLASSES - 1; c >= 0 && cached_bytes > keep; c--)
    while (cached[c] && cached_bytes > keep) {
      block *b = cached[c];
      int64_t capacity = (int64_t)((uint64_t)(4 + (c & 3)) << (c / 4 - 2));
      cached[c] = b->next;
      cached_bytes -= capacity;
      block_to_system(b, capacity);
    }
}

static void *take_block(int64_t capacity, int c) {
  if (cached[c]) {
    block *b = cached[c];
    cached[c] = b->next;
    cached_bytes -= capacity;
    return b;
  }
  if (!limit_bytes) limit_bytes = physical_memory();
  if (capacity > limit_bytes - live_bytes) return NULL;
  if (capacity > limit_bytes - live_bytes - cached_bytes) trim(0);
  return block_from_system(capacity);
}

void *tci_block_alloc(int64_t bytes, int64_t *capacity) {
  if (bytes < 0 || bytes > (int64_t)1 << 46) return NULL;
  int c = class_of(bytes, capacity);
  pthread_mutex_lock(&lock);
  void *p = take_block(*capacity, c);
  if (!p) {
    trim(0);
    p = take_block(*capacity, c);
  }
  if (p) {
    live_bytes += *capacity;
    if (live_bytes > peak_bytes) peak_bytes = live_bytes;
  }
  pthread_mutex_unlock(&lock);
  return p;
}

void tci_block_free(void *p, int64_t capacity) {
  if (!p) return;
  int64_t same;
  int c = class_of(capacity, &same);
  pthread_mutex_lock(&lock);
  live_bytes -= capacity;
  if (!cache_cap) cache_cap = physical_memory() / 4;
  block *b = p;
  b->next = cached[c];
  cached[c] = b;
  cached_bytes += capacity;
  /* the cache may hold as much as is in use, and some more: a steady loop then never asks the system */
  int64_t keep = live_bytes + (256 << 20);
  if (cached_bytes > keep || cached_bytes > cache_cap) trim((keep < cache_cap ? keep : cache_cap) / 2);
  pthread_mutex_unlock(&lock);
}

/* ---- what the Lua side reads and sets ---- */
int64_t tci_live_bytes(void) { return live_bytes; }
double tc_memory_live(void) {
  tci_bury_all();
  return (double)live_bytes;
}
double tc_memory_peak(void) { return (double)peak_bytes; }
double tc_memory_cached(void) { return (double)cached_bytes; }
double tc_memory_system_calls(void) { return (double)system_calls; }
double tc_memory_limit(void) { return (double)(limit_bytes ? limit_bytes : physical_memory()); }
void tc_reset_peak_memory(void) { peak_bytes = live_bytes; }
void tc_set_memory_limit(double bytes) { limit_bytes = bytes >= 1 ? (int64_t)bytes : physical_memory(); }
void tc_set_cache_cap(double bytes) {
  pthread_mutex_lock(&lock);
  cache_cap = bytes >= 1 ? (int64_t)bytes : 1;
  trim(cache_cap);
  pthread_mutex_unlock(&lock);
}
void tc_empty_cache(void) {
  pthread_mutex_lock(&lock);
  trim(0);
  pthread_mutex_unlock(&lock);
}
