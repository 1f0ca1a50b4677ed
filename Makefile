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

ifdef SAN
BUILD    := build-san
OPT      := -O1
SAN_CFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

LIB_SRC  := $(wildcard lib/*.c lib/ops/*.c lib/io/*.c)
CPU_SRC  := $(wildcard kernels/cpu/*.c)
OBJ      := $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/gen/handles.o \
            $(foreach l,$(LEVELS),$(CPU_SRC:kernels/cpu/%.c=$(BUILD)/obj/kernels/$(l)/%.o))
LIBTOCHA := $(BUILD)/libtocha.so

all: $(LIBTOCHA)

$(LIBTOCHA): $(OBJ)
	$(Q)$(CC) -shared -fopenmp $(SAN_CFLAGS) -Wl,-z,nodelete -Wl,-soname,libtocha.so -o $@ $(OBJ) $(LIBS)

$(BUILD)/obj/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(foreach l,$(LEVELS),-DTC_HAVE_$(l)) -c -o $@ $<

# What Lua calls: one wrapper for each public function, made from the header.
$(BUILD)/gen/handles.c: lib/tocha.h tools/handles.lua lua/tocha/schema.lua
	@mkdir -p $(@D)
	$(LUA) tools/handles.lua lib/tocha.h > $@.new && mv $@.new $@
$(BUILD)/obj/gen/handles.o: $(BUILD)/gen/handles.c lib/glue.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Ilib -c -o $@ $<
$(BUILD)/obj/lib/header.o: lib/tocha.h

define level_rule
$(BUILD)/obj/kernels/$(1)/%.o: kernels/cpu/%.c
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(ALL_CFLAGS) $(LEVEL_FLAGS_$(1)) -DTC_LEVEL=$(1) -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call level_rule,$(l))))

-include $(OBJ:.o=.d)

# ---- targets
-include mk/targets.mk
