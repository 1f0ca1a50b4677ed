/* interrupt.c: Ctrl-C stops the computation and keeps the session. The signal sets a flag, at which operators fail when they return, and
   arms a Lua hook, which stops interpreted code at its next instruction. Compiled loops look at neither by themselves: the prompt compiles
   what is typed with a question to tc_interrupted in each loop (lua/tocha/repl/ticks.lua). */
#include "runtime.h"
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

typedef struct lua_State lua_State;
typedef void lua_hook(lua_State *L, void *activation);
enum { EVERYWHERE = 1 | 2 | 8 }; /* LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT */

static lua_State *state;
static int (*set_hook)(lua_State *, lua_hook *, int, int);
static void (*push)(lua_State *, const char *);
static int (*raise_error)(lua_State *);
static struct sigaction before;
static volatile sig_atomic_t presses; /* since the last reset */
static volatile sig_atomic_t held = 1; /* at the prompt: Lua runs inside the line editor's C code, and must not be stopped there */

static void stop(lua_State *L, void *activation) {
  (void)activation;
  set_hook(L, NULL, 0, 0);
  tc_take_interrupt();
  push(L, "interrupted!");
  raise_error(L);
}

/* One operator may take long and asks nobody: whoever presses again is told. */
static void explain(void) {
  static const char text[] = "\n(still inside one operator, which cannot be stopped: Ctrl-\\ ends the program)\n";
  int kept = errno;
  ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
  (void)ignored;
  errno = kept;
}

static void on_signal(int number) {
  (void)number;
  if (++presses == 3) explain();
  tc_interrupt();
  if (!held) set_hook(state, stop, EVERYWHERE, 1);
}

static bool find_api(void) {
  *(void **)&set_hook = dlsym(RTLD_DEFAULT, "lua_sethook");
  *(void **)&push = dlsym(RTLD_DEFAULT, "lua_pushstring");
  *(void **)&raise_error = dlsym(RTLD_DEFAULT, "lua_error");
  return set_hook && push && raise_error;
}

/* From now on Ctrl-C interrupts; false where Lua's C functions cannot be found. */
bool tc_interrupt_install(void) {
  state = tc_lua_state();
  if (!state || !find_api()) return false;
  struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: a read at the prompt comes back */
  sigemptyset(&action.sa_mask);
  return sigaction(SIGINT, &action, before.sa_handler ? NULL : &before) == 0;
}

/* While held, Ctrl-C only sets the flag. */
void tc_interrupt_hold(bool on) { held = on; }

bool tc_interrupted(void) { return tci_interrupted(); }

/* Forgets an interrupt that came too late to stop anything. */
void tc_interrupt_reset(void) {
  presses = 0;
  tc_take_interrupt();
  if (set_hook) set_hook(state, NULL, 0, 0);
}
