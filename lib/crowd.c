/* crowd.c: threads on a machine that other programs use as well. Where one of them runs on the core of a second thread, the first waits at the
   region's end until the system gives the core back: milliseconds, for a few microseconds of work. That is noticed here, and regions of little
   work keep to one thread for a while. Results do not depend on the number of threads, so nothing else changes. */
#include "../kernels/kernels.h"
#include <time.h>

int64_t tc_alone_until;
static int64_t penalty;

enum { LATE = 500000, SHORTEST = 4000000, LONGEST = 128000000 }; /* nanoseconds */

int64_t tc_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

bool tc_crowded(void) {
  if (tc_now() < tc_alone_until) return true;
  tc_alone_until = 0;
  return false;
}

/* A region began, its first thread was done with its share, all were. Shares are equal, so the others should be done by then too. The first time
   passes, threads are made then. */
void tc_region_took(int64_t began, int64_t own, int64_t all) {
  static bool seen;
  const bool late = all - own > LATE + (own - began);
  if (late && seen) {
    penalty = 2 * penalty < SHORTEST ? SHORTEST : 2 * penalty < LONGEST ? 2 * penalty : LONGEST;
    tc_alone_until = all + penalty;
  } else penalty -= penalty / 8;
  seen = true;
}
