# Tocha: the C runtime (build/libtocha.so) and what is done with it. `make help` lists the targets.
LUA      ?= luajit
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
BUILD    ?= build
Q        ?= @
OPT      ?= -O3
WARN     := -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror=implicit-function-declaration
CFLAGS   ?= -g
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -fPIC -fvisibility=hidden -fopenmp -fno-math-errno -fno-trapping-math -MMD -MP \
             -I$(BUILD)/gen $(BLAS_CFLAGS) $(SAN_CFLAGS) $(CFLAGS)

ARCH     := $(shell uname -m)
ifeq ($(ARCH),x86_64)
LEVELS   ?= base avx2 avx512
else
LEVELS   ?= base
endif
LEVEL_FLAGS_base   :=
LEVEL_FLAGS_avx2   := -march=x86-64-v3 -mtune=generic
LEVEL_FLAGS_avx512 := -march=x86-64-v4 -mprefer-vector-width=512

BLAS_CFLAGS ?= $(shell pkg-config --cflags openblas-openmp 2>/dev/null || pkg-config --cflags openblas 2>/dev/null)
BLAS_LIBS   ?= $(shell pkg-config --libs openblas 2>/dev/null || echo -lopenblas)
LIBS        := $(BLAS_LIBS) -lz -lm -ldl

# The runtime is many small functions in many files: inlining across them makes a small operator a quarter quicker. `make LTO=` links sooner.
ifeq ($(origin LTO),undefined)
LTO      := $(if $(findstring Free Software,$(shell $(CC) --version)),-flto=auto)
endif

ifdef SAN
LTO      :=
BUILD    := build-san
OPT      := -O1
SAN_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

LIB_SRC  := $(wildcard lib/*.c lib/ops/*.c lib/io/*.c)
CPU_SRC  := $(wildcard kernels/cpu/*.c)
OBJ      := $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/gen/handles.o $(BUILD)/obj/gen/tape.o \
            $(foreach l,$(LEVELS),$(CPU_SRC:kernels/cpu/%.c=$(BUILD)/obj/kernels/$(l)/%.o))
LIBTOCHA := $(BUILD)/libtocha.so

all: $(LIBTOCHA)

$(LIBTOCHA): $(OBJ)
	$(Q)$(CC) -shared -fopenmp $(SAN_CFLAGS) $(OPT) $(LTO) -Wl,-z,nodelete -Wl,-soname,libtocha.so -o $@.new $(OBJ) $(LIBS) && mv $@.new $@

# What an object was compiled with is a file it depends on, written when it changes: other flags compile everything again.
REMEMBER = @mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' >$@
COMPILED_WITH := $(CC) $(ALL_CFLAGS) $(LTO) $(foreach l,$(LEVELS),$(l) $(LEVEL_FLAGS_$(l)))
$(BUILD)/obj/flags: always
	$(call REMEMBER,$(COMPILED_WITH))
$(OBJ): $(BUILD)/obj/flags

$(BUILD)/obj/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LTO) $(foreach l,$(LEVELS),-DTC_HAVE_$(l)) -c -o $@ $<

# the kernels' headers as a number: a CUDA library of other ones is refused
ABI      := $(shell cat kernels/*.h | cksum | cut -d' ' -f1)u
$(BUILD)/obj/lib/device.o: ALL_CFLAGS += -DTC_ABI=$(ABI)
$(BUILD)/obj/lib/device.o: $(wildcard kernels/*.h)

# What Lua calls: one wrapper for each public function, made from the header.
$(BUILD)/gen/handles.c: lib/tocha.h tools/handles.lua tools/autocast.lua lua/tocha/schema.lua
	@mkdir -p $(@D)
	$(LUA) tools/handles.lua lib/tocha.h > $@.new && mv $@.new $@
$(BUILD)/obj/gen/handles.o: $(BUILD)/gen/handles.c lib/glue.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LTO) -Ilib -c -o $@ $<
# What tocha.compile records with: a twin of each kernel.
$(BUILD)/gen/tape.c: kernels/kernels.h tools/tape.lua
	@mkdir -p $(@D)
	$(LUA) tools/tape.lua kernels/kernels.h > $@.new && mv $@.new $@
$(BUILD)/obj/gen/tape.o: $(BUILD)/gen/tape.c lib/tape.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LTO) -Ilib -c -o $@ $<
$(BUILD)/obj/lib/header.o: lib/tocha.h

# elements that are whole numbers wrap around on overflow
define level_rule
$(BUILD)/obj/kernels/$(1)/%.o: kernels/cpu/%.c
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(ALL_CFLAGS) $(LEVEL_FLAGS_$(1)) -fwrapv -DTC_LEVEL=$(1) -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call level_rule,$(l))))

-include $(OBJ:.o=.d)

# ---- targets
PREFIX  ?= /usr/local
LUADIR  ?= $(PREFIX)/share/lua/5.1
LIBDIR  ?= $(PREFIX)/lib/lua/5.1
BINDIR  ?= $(PREFIX)/bin
BUSTED  ?= busted
PYTHON  ?= python3
CASES   ?= $(firstword $(wildcard ../shared/conformance conformance))
SPECS   ?= spec
HERE     = LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;"
RUNTEST  = $(BUSTED) -o tools/busted_output.lua $(SPECS)
LUAFILES = $(shell find lua -name '*.lua')

.PHONY: always all quickly help setup demo test specs asan lint luacheck conformance bench repl docs cuda emu emucheck gpu-check gpu-bench install uninstall rock clean

help: ## what there is to make
	@echo 'make             builds $(BUILD)/libtocha.so'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1 \2/p' $(firstword $(MAKEFILE_LIST)) | while read -r m t d; do printf '%s %-11s %s\n' $$m $$t "$$d"; done

quickly: # all, on every processor
	@$(MAKE) --no-print-directory -j$$(nproc) all

setup: ## installs the system packages that are missing (Debian, Ubuntu)
	@tools/setup.sh build test

demo: ## sets up, builds, trains a network on Fashion-MNIST (DATA=folder, ARGS=...)
	@tools/setup.sh build $(if $(DATA),,data)
	@$(MAKE) --no-print-directory quickly
	@$(HERE) $(LUA) examples/fashion_mnist.lua $(if $(DATA),--data $(DATA)) $(ARGS)

test: ## sets up, builds, runs the specs (SPECS=spec/print_spec.lua for some)
	@tools/setup.sh build test
	@$(MAKE) --no-print-directory quickly
	@$(RUNTEST)

specs: all ## runs the specs alone
	@$(RUNTEST)

# LuaJIT itself is not instrumented: the sanitizers' library has to be loaded first, and what LuaJIT never frees is no leak of ours.
asan: ## runs the specs with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory -j$$(nproc) SAN=1 all
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" TOCHA_SANITIZED=1 \
	  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	  TOCHA_LIBRARY=$(CURDIR)/build-san/libtocha.so $(RUNTEST)

lint: luacheck ## compiles with all warnings as errors; luacheck
	@$(MAKE) --no-print-directory -j$$(nproc) BUILD=build/lint LEVELS=base OPT=-O2 CFLAGS=-Werror all
luacheck:
	@luacheck -q .

conformance: all ## runs the conformance cases, where they are (GROUP=reduce for one)
	@$(if $(CASES),$(HERE) $(LUA) $(CASES)/run.lua --isolate $(CASES)/public$(if $(GROUP),/$(GROUP).json) $(ARGS),echo 'no conformance cases here')

bench: all ## measures, beside PyTorch where it is importable (ARGS=--help)
	@$(HERE) $(LUA) bench/run.lua $(ARGS)

repl: all ## starts the prompt
	@bin/tocha

docs: all ## makes docs/reference from the declarations
	@$(LUA) tools/reference.lua

# The GPU's kernels are a library of their own, opened when a program first asks for 'cuda'. The runtime of CUDA is linked in, the driver is not:
# it loads where there is no GPU.
NVCC        ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda*/bin/nvcc))
CUDA_ARCHES ?= 80 90 100
CUDA_PTX    ?= $(lastword $(CUDA_ARCHES))
CUDA_FLAGS   = -std=c++17 -O3 -lineinfo -Xfatbin -compress-all -Xcompiler -fPIC,-fvisibility=hidden,-Wall \
               $(foreach a,$(CUDA_ARCHES),-gencode arch=compute_$(a),code=sm_$(a)) \
               $(foreach a,$(CUDA_PTX),-gencode arch=compute_$(a),code=compute_$(a))
CUDA_SRC    := $(wildcard kernels/cuda/*.cu)
CUDA_OBJ    := $(CUDA_SRC:kernels/cuda/%.cu=$(BUILD)/obj/kernels/cuda/%.o)

cuda: ## compiles the CUDA kernels, where nvcc is (CUDA_ARCHES='90 100')
ifeq ($(CUDA_SRC),)
	@echo 'cuda: there are no CUDA kernels here (kernels/cuda)'
else
	@nvcc='$(NVCC)'; if [ -z "$$nvcc" ]; then echo 'cuda: nvcc was not found (NVCC may name it): nothing built'; \
	else $(MAKE) --no-print-directory NVCC="$$nvcc" $(BUILD)/libtocha_cuda.so && echo '$(BUILD)/libtocha_cuda.so is built for $(CUDA_ARCHES:%=sm_%)'; fi
endif

$(BUILD)/obj/kernels/cuda/table.o: CUDA_FLAGS += -DTC_ABI=$(ABI)
$(BUILD)/obj/kernels/cuda/table.o: $(wildcard kernels/*.h)
CUDA_COMPILED_WITH := $(NVCC) $(CUDA_FLAGS)
$(BUILD)/obj/kernels/cuda/flags: always
	$(call REMEMBER,$(CUDA_COMPILED_WITH))
$(CUDA_OBJ): $(BUILD)/obj/kernels/cuda/flags
$(BUILD)/libtocha_cuda.so: $(CUDA_OBJ)
	$(Q)$(NVCC) -shared -cudart static -Xlinker -z,nodelete -o $@.new $^ && mv $@.new $@
$(BUILD)/obj/kernels/cuda/%.o: kernels/cuda/%.cu
	@mkdir -p $(@D)
	$(Q)$(NVCC) $(CUDA_FLAGS) -MMD -c -o $@ $<
$(BUILD)/obj/kernels/cuda/random.o: CUDA_FLAGS += -fmad=false # the same random numbers as on the CPU
-include $(CUDA_OBJ:.o=.d)

# The same kernels for a pretended device, compiled by g++ (kernels/cuda/emu): checks their logic, and the host's, where there is no GPU.
EMU      := $(BUILD)/emu
EMU_CXX  ?= $(patsubst %clang,%clang++,$(patsubst %gcc,%g++,$(CC)))
EMU_INC  ?= $(if $(NVCC),-isystem $(dir $(realpath $(NVCC)))../include) $(TOCHA_CUDA_INC)
EMU_FLAGS = -std=c++17 -O1 -g -fPIC -fvisibility=hidden -fwrapv -Wall -Wno-unknown-pragmas -Wno-unused-function -MMD -MP -DTC_EMU $(EMU_INC) \
            $(SAN_CFLAGS) $(BLAS_CFLAGS)
EMU_SRC  := $(wildcard kernels/cuda/emu/*.cc)
EMU_OBJ  := $(CUDA_SRC:kernels/cuda/%.cu=$(EMU)/obj/%.o) $(EMU_SRC:kernels/cuda/emu/%.cc=$(EMU)/obj/emu/%.o)

emu: ## compiles the CUDA kernels for an emulated GPU (then TOCHA_CUDA_LIBRARY=build/emu/libtocha_cuda.so)
	@if [ -z '$(NVCC)$(TOCHA_CUDA_INC)' ]; then echo 'emu: there are no CUDA headers here: nothing built'; \
	else $(MAKE) --no-print-directory NVCC='$(NVCC)' $(EMU)/libtocha_cuda.so && echo '$(EMU)/libtocha_cuda.so is built'; fi

$(EMU)/obj/table.o: EMU_FLAGS += -DTC_ABI=$(ABI)
$(EMU)/obj/table.o: $(wildcard kernels/*.h)
$(EMU)/libtocha_cuda.so: $(EMU_OBJ)
	$(Q)$(EMU_CXX) -shared $(SAN_CFLAGS) -Wl,-z,nodelete -Wl,-z,defs -o $@.new $^ $(BLAS_LIBS) -lm -ldl && mv $@.new $@
$(EMU)/obj/emu/%.o: kernels/cuda/emu/%.cc
	@mkdir -p $(@D)
	$(Q)$(EMU_CXX) $(EMU_FLAGS) -c -o $@ $<
$(EMU)/obj/%.o: kernels/cuda/%.cu
	@mkdir -p $(@D)
	$(Q)$(EMU_CXX) $(EMU_FLAGS) -x c++ -c -o $@ $<
-include $(EMU_OBJ:.o=.d)

emucheck: all emu ## runs the specs of CUDA on the emulated GPU
	@TOCHA_CUDA_LIBRARY=$(EMU)/libtocha_cuda.so $(BUSTED) -o tools/busted_output.lua spec/cuda spec/amp

gpu-check: # everything that a machine with a GPU can check, into OUT (docs/gpu.md)
	@bash tools/gpu.sh check
gpu-bench: # the workloads of the GPU, PyTorch beside Tocha
	@bash tools/gpu.sh bench

install: all ## copies the library and the command under PREFIX (/usr/local)
	@install -d $(DESTDIR)$(LIBDIR) $(DESTDIR)$(BINDIR)
	@rm -rf $(DESTDIR)$(LUADIR)/tocha
	@for f in $(LUAFILES:lua/%=%); do install -D -m 644 lua/$$f $(DESTDIR)$(LUADIR)/$$f || exit 1; done
	@install -m 755 $(wildcard $(BUILD)/libtocha*.so) $(DESTDIR)$(LIBDIR)
	@strip --strip-debug $(DESTDIR)$(LIBDIR)/libtocha*.so
	@install -m 755 bin/tocha $(DESTDIR)$(BINDIR)/tocha
	@echo 'installed under $(DESTDIR)$(PREFIX)'

uninstall: ## takes it away again
	rm -rf $(DESTDIR)$(LUADIR)/tocha $(DESTDIR)$(LIBDIR)/libtocha.so $(DESTDIR)$(LIBDIR)/libtocha_cuda.so $(DESTDIR)$(BINDIR)/tocha

rock: ## installs a rock into TREE, which must be given
	luarocks --lua-version 5.1 --tree $(TREE) make rockspec/tocha-scm-1.rockspec

clean: ## removes what was built
	rm -rf build build-san
