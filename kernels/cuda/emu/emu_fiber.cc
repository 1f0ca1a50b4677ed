/* emu_fiber.cc: runs the threads of one block as fibers, in an order that TOCHA_EMU_ORDER chooses: 0 forwards, -1 backwards, a larger number
   seeds a shuffle, anew after each barrier. A result that depends on the order is a bug of the kernel. */
#include "emu.h"
#include "emu_fiber.h"
#include <sys/mman.h>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define TC_LEAVING(keep, bottom, size) __sanitizer_start_switch_fiber(keep, bottom, size)
#define TC_ARRIVED(kept, bottom, size) __sanitizer_finish_switch_fiber(kept, bottom, size)
#else
#define TC_LEAVING(keep, bottom, size) ((void)0)
#define TC_ARRIVED(kept, bottom, size) ((void)0)
#endif
#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace emu {
place *here;
alignas(256) unsigned char dynamic_shared[MAX_SHARED];

namespace {
enum state { READY, AT_BLOCK, AT_WARP, DONE };
constexpr size_t STACK = 256 << 10;
struct fiber {
  place where; /* first: `here` points at it */
  enum state state;
  const char *file; /* the barrier it waits at */
  int line;
  unsigned mask;
  int predicate;
  alignas(16) unsigned char slot[16];
  char *stack;
  void *fake; /* AddressSanitizer's */
#ifdef __x86_64__
  void *sp;
#else
  ucontext_t context;
#endif
};
std::vector<fiber> fibers;
std::vector<char *> stacks;
std::vector<int> order;
const std::function<void()> *body;
int threads, votes;
#ifdef __x86_64__
void *home_sp;
#else
ucontext_t home_context;
#endif
[[maybe_unused]] const void *home_stack;
[[maybe_unused]] size_t home_size;
[[maybe_unused]] void *home_fake;

fiber &running() { return *(fiber *)here; }
} // namespace

#ifdef __x86_64__
/* saves what a call must keep and the stack pointer, takes up the other stack */
extern "C" void tc_emu_switch(void **save, void *load);
asm(".text\n.p2align 4\n.type tc_emu_switch,@function\ntc_emu_switch:\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nretq\n.size tc_emu_switch,.-tc_emu_switch\n");
#endif

static void to_home() {
  fiber &me = running();
  TC_LEAVING(me.state == DONE ? nullptr : &me.fake, home_stack, home_size);
#ifdef __x86_64__
  tc_emu_switch(&me.sp, home_sp);
#else
  swapcontext(&me.context, &home_context);
#endif
  TC_ARRIVED(running().fake, &home_stack, &home_size);
}

static void to_fiber(fiber &f) {
  here = &f.where;
  TC_LEAVING(&home_fake, f.stack, STACK);
#ifdef __x86_64__
  tc_emu_switch(&home_sp, f.sp);
#else
  swapcontext(&home_context, &f.context);
#endif
  TC_ARRIVED(home_fake, nullptr, nullptr);
}

static void entry() {
  TC_ARRIVED(nullptr, &home_stack, &home_size);
  (*body)();
  running().state = DONE;
  to_home();
  abort(); /* a finished fiber is not taken up again */
}

static void prepare(fiber &f) {
  f.state = READY;
  f.fake = nullptr;
#ifdef __x86_64__
  void **sp = (void **)(f.stack + STACK) - 2; /* entry finds the stack as after a call: 8 bytes off a multiple of 16 */
  *sp = (void *)entry;
  f.sp = sp - 6;
  memset(f.sp, 0, 6 * sizeof(void *));
#else
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack;
  f.context.uc_stack.ss_size = STACK;
  f.context.uc_link = nullptr;
  makecontext(&f.context, entry, 0);
#endif
}

void die(const char *what) {
  const uint3 b = here ? here->block_index : uint3{0, 0, 0};
  fprintf(stderr, "emulated GPU: %s, in block (%u, %u, %u)\n", what, b.x, b.y, b.z);
  for (int i = 0, shown = 0; i < threads && shown < 4; i++) {
    const fiber &f = fibers[i];
    if (f.state != AT_BLOCK && f.state != AT_WARP) continue;
    fprintf(stderr, "  thread %d waits at the %s barrier of %s:%d\n", i, f.state == AT_WARP ? "warp's" : "block's", f.file, f.line);
    shown++;
  }
  abort();
}

static void wait(enum state state, unsigned mask, const char *file, int line) {
  fiber &me = running();
  me.state = state;
  me.mask = mask;
  me.file = file;
  me.line = line;
  to_home();
}
void block_barrier(const char *file, int line) { wait(AT_BLOCK, 0, file, line); }
void warp_barrier(unsigned mask, const char *file, int line) { wait(AT_WARP, mask, file, line); }
int block_count(int predicate, const char *file, int line) {
  running().predicate = predicate != 0;
  wait(AT_BLOCK, 1, file, line);
  int n = votes;
  wait(AT_BLOCK, 0, file, line); /* nobody votes anew before all have read */
  return n;
}
unsigned char *slot(int rank) { return fibers[rank].slot; }
int block_threads() { return threads; }

/* lets go the warps whose masks are complete */
static bool free_warps() {
  bool any = false;
  for (int i = 0; i < threads; i++) {
    if (fibers[i].state != AT_WARP) continue;
    const int first = i - i % WARP;
    const unsigned mask = fibers[i].mask;
    bool complete = true;
    for (int lane = 0; lane < WARP; lane++) {
      if (!(mask >> lane & 1)) continue;
      if (first + lane >= threads || fibers[first + lane].state == DONE) die("a warp's barrier names a thread that has left or never was");
      complete &= fibers[first + lane].state == AT_WARP && fibers[first + lane].mask == mask;
    }
    for (int lane = 0; complete && lane < WARP; lane++)
      if (mask >> lane & 1) fibers[first + lane].state = READY;
    any |= complete;
  }
  return any;
}

/* lets go the whole block, which must wait at one place; threads that have ended do not count */
static void free_block() {
  const fiber *first = nullptr;
  votes = 0;
  for (int i = 0; i < threads; i++) {
    const fiber &f = fibers[i];
    if (f.state == DONE) continue;
    if (f.state != AT_BLOCK) die("threads wait for one another for ever");
    if (first && (first->line != f.line || strcmp(first->file, f.file))) die("threads of one block are at different barriers");
    first = &f;
    votes += f.mask && f.predicate;
  }
  for (int i = 0; i < threads; i++)
    if (fibers[i].state == AT_BLOCK) fibers[i].state = READY;
}

static void run_block(int seed) {
  std::mt19937 random((unsigned)seed);
  for (int i = 0; i < threads; i++) prepare(fibers[i]);
  for (int left = threads; left > 0;) {
    if (seed > 0) std::shuffle(order.begin(), order.end(), random);
    for (int i : order) {
      if (fibers[i].state != READY) continue;
      to_fiber(fibers[i]);
      left -= fibers[i].state == DONE;
    }
    if (left > 0 && !free_warps()) free_block();
  }
}

static void make_room(int n) {
  threads = n;
  fibers.resize((size_t)n > fibers.size() ? (size_t)n : fibers.size());
  while ((int)stacks.size() < n) {
    void *p = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) die("no memory for the threads' stacks");
    stacks.push_back((char *)p);
  }
}

void run_grid(const std::function<void()> &kernel, dim3 grid, dim3 block, size_t shared, int seed) {
  make_room((int)(block.x * block.y * block.z));
  body = &kernel;
  order.resize((size_t)threads);
  for (int i = 0; i < threads; i++) {
    order[(size_t)i] = seed < 0 ? threads - 1 - i : i;
    fiber &f = fibers[i];
    const unsigned u = (unsigned)i;
    f.stack = stacks[(size_t)i];
    f.where = {{u % block.x, u / block.x % block.y, u / (block.x * block.y)}, {0, 0, 0}, block, grid, i};
  }
  for (unsigned z = 0; z < grid.z; z++)
    for (unsigned y = 0; y < grid.y; y++)
      for (unsigned x = 0; x < grid.x; x++) {
        for (int i = 0; i < threads; i++) fibers[i].where.block_index = {x, y, z};
        memset(dynamic_shared, 0xff, shared); /* NaNs: nothing wrote it yet */
        run_block(seed);
      }
  here = nullptr;
}
} // namespace emu
