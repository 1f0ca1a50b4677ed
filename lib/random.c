/* random.c: generators of random numbers: a seed and how many calls have drawn from it (kernels/philox.h has the numbers themselves). */
#include "random.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct tc_generator { uint64_t seed, call; int held; }; /* held: by how many programs beside its owner */

enum { STATE = 2 * sizeof(uint64_t) }; /* what is saved of one: seed and calls */

static tc_generator the_default;
static int ready; /* 0 fresh, 1 being seeded, 2 seeded */

/* A seed that nobody can foresee, small enough for a Lua number. */
static uint64_t fresh_seed(void) {
  uint64_t seed = 0;
  FILE *file = fopen("/dev/urandom", "rb");
  if (!file || fread(&seed, sizeof seed, 1, file) != 1) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = ((uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec) * 0x9E3779B97F4A7C15u ^ (uint64_t)getpid();
  }
  if (file) fclose(file);
  return seed >> 11;
}

static tc_generator *resolve(tc_generator *g) {
  if (g) return g;
  int fresh = 0;
  if (__atomic_compare_exchange_n(&ready, &fresh, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    the_default.seed = fresh_seed();
    __atomic_store_n(&ready, 2, __ATOMIC_RELEASE);
  }
  while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) != 2) {}
  return &the_default;
}

static const uint64_t *graph; /* while a CUDA graph is captured: the two numbers that its replays add (kernels/philox.h) */

tc_stream tci_next_stream(tc_generator *g) {
  g = resolve(g);
  tc_stream s = {g->seed, __atomic_fetch_add(&g->call, 1, __ATOMIC_RELAXED), graph};
  if (tci_captures()) tci_watch_stream(g, s);
  return s;
}

/* Between these two what is drawn depends on `numbers`, in a device's memory; NULL ends it. */
void tc_generator_capture(const void *numbers) { graph = numbers; }
uint64_t tc_generator_calls(tc_generator *g) { return resolve(g)->call; }
uint64_t tc_generator_seed_bits(tc_generator *g) { return resolve(g)->seed; }
void tc_generator_set_calls(tc_generator *g, uint64_t calls) { resolve(g)->call = calls; }

tc_stream tci_skip_streams(tc_generator *g, uint64_t calls) {
  return (tc_stream){g->seed, __atomic_fetch_add(&g->call, calls, __ATOMIC_RELAXED), NULL};
}

void tci_generator_hold(tc_generator *g) { g->held++; }

tc_generator *tc_generator_new(void) {
  tc_generator *g = calloc(1, sizeof *g);
  if (!g) return tci_fail("out of memory for a generator");
  g->seed = fresh_seed();
  return g;
}
void tc_generator_free(tc_generator *g) {
  if (g && --g->held < 0) free(g);
}
tc_generator *tc_generator_default(void) { return resolve(NULL); }

void tc_generator_manual_seed(tc_generator *g, int64_t seed) {
  g = resolve(g);
  g->seed = (uint64_t)seed;
  g->call = 0;
}

double tc_generator_seed(tc_generator *g) {
  uint64_t seed = fresh_seed();
  tc_generator_manual_seed(g, (int64_t)seed);
  return (double)seed;
}

int64_t tc_generator_initial_seed(tc_generator *g) { return (int64_t)resolve(g)->seed; }

/* The state is 16 bytes: seed and calls, in the machine's order. */
tc_tensor *tc_generator_get_state(tc_generator *g) {
  tc_tensor *y = tci_new(TC_UINT8, 1, (int64_t[]){STATE}, 0);
  if (y) memcpy(tci_data(y), resolve(g), STATE);
  return y;
}

void tc_generator_set_state(tc_generator *g, tc_tensor *state) {
  if (!state) return;
  if (state->dtype != TC_UINT8 || state->ndim != 1 || state->size[0] != STATE || state->device != 0 || !tci_contiguous(state)) {
    tci_fail("state: got %s %s, takes the uint8 tensor of %d bytes that get_state gave", tci_dtype_name(state->dtype), tci_shape(state),
             STATE);
    return;
  }
  memcpy(resolve(g), tci_data(state), STATE);
}
