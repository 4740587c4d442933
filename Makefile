# Makefile - builds, tests and checks AFFJORD.
#
#   make                 the runner, build/affjord
#   make test            the C tests of the float build, in some minutes; T='toy/*' only these (a Criterion filter)
#   make test-all        the other tests: long ones, browser, R, locales, double build, packages, library pages
#   make fuzz TIME=60    the readers of files against random bytes, TIME seconds each
#   make stress          kills at random times, and each system call failing once; 40 minutes
#   make cuda            the library for GPUs, where nvcc is found: ARCHS="sm_80 sm_90 sm_100"; also part of make
#   make gpu-check       checks that need a GPU
#   make test-slurm      a submission through a real Slurm of two nodes on this machine (root)
#   make lint            clang-format, clang-tidy, cppcheck, shellcheck
#   make asan ubsan tsan memcheck analyze coverage check-short: docs/lab/reliability.md
#   make check-layout    folders use only folders above them
#   make install         PREFIX=/usr/local DESTDIR=; also uninstall, deb, api and bundle: packaging/install.mk
#   make deps            install missing packages (root or sudo); FOR=test-all those of the other tests too
#   make deps-local      unpack them into .deps without root; FOR as above
#   make V=1 ...         show the commands
#   make PRECISION=double ...   the build in which gradients are checked

VERSION  := 0.1.0
RELEASED := 2026-11-25

PRECISION ?= float
# Instruments have separate builds: SANITIZE=address,undefined etc., or COVERAGE=1.
SANITIZE  ?=
COVERAGE  ?=
comma     := ,
VARIANT   := $(PRECISION)$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(COVERAGE),-coverage)
BUILD     := build$(if $(filter-out float,$(VARIANT)),/$(VARIANT))

CC     ?= cc
CFLAGS ?= -O2 -g
# Only IEEE arithmetic: no contraction, never -ffast-math. (With -ffp-contract=off, GCC 12's SLP vectorizer still fuses
# pairs of products into vfmaddsub, so it is off.)
STRICT := -std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-tree-slp-vectorize -fno-math-errno -fno-trapping-math \
          -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror=implicit-function-declaration
# The programs and the shared library use the same objects. The library exports only the functions that
# core/base/export.h marks.
STRICT += -fPIC -fvisibility=hidden -fno-semantic-interposition
STRICT += $(if $(filter double,$(PRECISION)),-DAFFJORD_DOUBLE)
STRICT += $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
STRICT += $(if $(COVERAGE),--coverage -fprofile-abs-path -DAFFJORD_COVERAGE)
PATHS  := -Icore -Irunner -I$(BUILD)
# Only theorem checks, in the double build, need LAPACK and OpenBLAS. (OpenBLAS starts threads when it is loaded, which
# a program that waits for signals should not have.)
CORE_LIBS := -ljansson -lmd -lsleef -ljpeg -lpng -lzip -lz -lm -lpthread
LIBS   := $(if $(filter double,$(PRECISION)),-llapacke -lopenblas) -lsqlite3 -linih $(CORE_LIBS)
ifneq ($(wildcard .deps/usr),)
LOCAL  := $(CURDIR)/.deps/usr
export PATH := $(PATH):$(LOCAL)/bin
export LD_LIBRARY_PATH := $(LD_LIBRARY_PATH):$(LOCAL)/lib/$(shell uname -m)-linux-gnu
PATHS  += -isystem $(LOCAL)/include -isystem $(LOCAL)/include/$(shell uname -m)-linux-gnu
LDFLAGS += -L$(LOCAL)/lib/$(shell uname -m)-linux-gnu -Wl,--disable-new-dtags,-rpath,$(LOCAL)/lib/$(shell uname -m)-linux-gnu
endif
LDFLAGS += $(if $(LAST),-Wl$(comma)--wrap=_exit$(comma)--wrap=execv$(comma)--wrap=execvp)
# One short line per step; make V=1 shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),:,printf '  %-8s %s\n' $(1) $(2))
COMPILE = $(CC) $(STRICT) $(CPPFLAGS) $(CFLAGS) $(PATHS) -MMD -MP

THEORY  := $(filter-out core/theory/items.c,$(wildcard core/theory/*.c))
CORE    := $(filter-out core/backend/cpu/kernels_% $(if $(filter double,$(PRECISION)),,$(THEORY)),\
             $(wildcard core/*/*.c core/*/*/*.c))
KERNELS := portable $(if $(filter double,$(PRECISION)),,$(if $(filter x86_64,$(shell uname -m)),avx2 avx512))
RUNNER  := $(wildcard runner/*.c runner/*/*.c)
TESTS   := $(wildcard tests/*.c)
LAST    := $(if $(SANITIZE)$(COVERAGE),tests/checks/exit_hooks.c)

CORE_OBJECTS   := $(CORE:%.c=$(BUILD)/%.o) $(KERNELS:%=$(BUILD)/core/backend/cpu/kernels_%.o)
RUNNER_OBJECTS := $(RUNNER:%.c=$(BUILD)/%.o)
TEST_OBJECTS   := $(TESTS:%.c=$(BUILD)/%.o)
LAST_OBJECT    := $(LAST:%.c=$(BUILD)/%.o)

# The GPU code is a separate library, opened at run time; without nvcc it is not built, and everything else works. It
# includes the CUDA runtime, so a user needs only the driver. EMULATED is the same sources for the CPU, for tests
# (tests/cuda_on_host).
NVCC  ?= $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))
ARCHS ?= sm_80 sm_90 sm_100
ifeq ($(VARIANT),float)
CUDA := $(if $(NVCC),$(BUILD)/libaffjord_cuda.so)
endif
EMULATED := $(if $(filter double,$(PRECISION)),,$(BUILD)/tests/libaffjord_cuda_emulated.so)
EMULATED_CUDNN := $(if $(EMULATED),$(BUILD)/tests/libcudnn_emulated.so)
EMULATED_CUBLAS := $(if $(EMULATED),$(BUILD)/tests/libcublas_emulated.so)
# The objects of core/base that the kernels' host code needs.
BASE_OBJECTS     := $(addprefix $(BUILD)/core/base/,status.o number.o arena.o)
CUDA_OBJECTS     := $(patsubst %.cu,$(BUILD)/%.o,$(wildcard core/backend/cuda/*.cu)) $(BASE_OBJECTS)
EMULATED_OBJECTS := $(patsubst %.cu,$(BUILD)/tests/%.o,$(wildcard core/backend/cuda/*.cu)) \
                    $(addprefix $(BUILD)/tests/cuda_on_host/,cuda_on_host.o fibers.o) $(BASE_OBJECTS)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all cuda tests test test-all test-slurm fuzz fuzzers stress check-layout deps deps-local clean FORCE

all: $(BUILD)/affjord cuda
tests: $(BUILD)/affjord $(BUILD)/affjord-tests $(BUILD)/fault.so $(EMULATED) $(EMULATED_CUDNN) $(EMULATED_CUBLAS)

$(BUILD)/libaffjord.a: $(CORE_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(BUILD)/affjord: $(RUNNER_OBJECTS) $(LAST_OBJECT) $(BUILD)/libaffjord.a
	@$(call say,link,$@)
	$(Q)$(CC) $(STRICT) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/affjord-tests: $(TEST_OBJECTS) $(filter-out $(BUILD)/runner/main.o,$(RUNNER_OBJECTS)) $(LAST_OBJECT) $(BUILD)/libaffjord.a
	@$(call say,link,$@)
	$(Q)$(CC) $(STRICT) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcriterion -ldl $(if $(filter double,$(PRECISION)),-lsundials_cvodes) $(LIBS)

# The library that makes system calls fail, for tests. (It is loaded before any sanitizer, and so has none.)
$(BUILD)/fault.so: tests/stress/fault.c
	@mkdir -p $(@D)
	@$(call say,link,$@)
	$(Q)$(CC) $(filter-out -fsanitize=% -fno-sanitize-recover=%,$(STRICT)) $(CFLAGS) -fno-builtin -shared -o $@ $< -ldl

# Objects with other flags are compiled again. (FLAGS is fixed here, before single objects add their own.)
FLAGS := $(STRICT) $(CPPFLAGS) $(CFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(call say,compile,$<)
	$(Q)$(COMPILE) -c -o $@ $<

# The same kernels for each level of vector instructions; which one runs is decided at run time. (What is added to
# CFLAGS here and below is added to those of a command line too.) Instrumented at -O3, they take minutes to compile. For
# fuzzing they are not instrumented, because readers of files do not call them.
KERNEL_FLAGS := $(if $(findstring fuzzer,$(SANITIZE)),-O1 -fno-sanitize=$(SANITIZE),$(if $(SANITIZE),-O2,-O3))
$(BUILD)/core/backend/cpu/kernels_%.o: override CFLAGS += $(KERNEL_FLAGS)
$(BUILD)/core/backend/cpu/kernels_avx2.o: STRICT += -mavx2 -mfma
$(BUILD)/core/backend/cpu/kernels_avx512.o: STRICT += -mavx512f -mavx512vl -mavx512dq -mfma -mprefer-vector-width=512

# --- The library of the GPU ---

cuda: $(CUDA)
	@echo '$(if $(CUDA),✓ $(CUDA) for $(ARCHS),GPU library: $(if $(filter float,$(VARIANT)),not built; expected nvcc on the \
	PATH or in /usr/local/cuda/bin$(comma) found none; without it everything runs on the CPU,not part of this \
	build ($(VARIANT)); run make without PRECISION$(comma) SANITIZE and COVERAGE to get it))'

# IEEE arithmetic as on the CPU: no contraction, and correctly rounded quotients and roots.
CUDA_FLAGS := -std=c++17 -O3 -fmad=false -prec-div=true -prec-sqrt=true -ftz=false --threads 0 \
              $(foreach arch,$(ARCHS),-gencode arch=compute_$(arch:sm_%=%),code=$(arch)) \
              -DAFFJORD_CUDA_ARCHITECTURES='"$(ARCHS)"' -Icore \
              --Werror all-warnings -Xcompiler=-fPIC,-fvisibility=hidden,-Wall,-Wextra,-ffp-contract=off
$(BUILD)/cuda.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(NVCC) $(subst ',,$(CUDA_FLAGS))' | cmp -s - $@ || echo '$(NVCC) $(subst ',,$(CUDA_FLAGS))' > $@
$(BUILD)/core/backend/cuda/%.o: core/backend/cuda/%.cu $(BUILD)/cuda.flags
	@mkdir -p $(@D)
	@$(call say,nvcc,$<)
	$(Q)$(NVCC) $(CUDA_FLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
$(BUILD)/libaffjord_cuda.so: $(CUDA_OBJECTS)
	@$(call say,link,$@)
	$(Q)$(NVCC) -shared --cudart static -o $@ $^ -ldl

EMULATION := $(CXX) -std=c++17 -O2 -g -fPIC -fvisibility=hidden -ffp-contract=off -Wall -Wextra -Werror \
             -Wno-unknown-pragmas -Icore -Itests/cuda_on_host -DAFFJORD_CUDA_ARCHITECTURES='"fibers"' -MMD -MP
$(BUILD)/tests/core/backend/cuda/%.o: core/backend/cuda/%.cu
	@mkdir -p $(@D)
	@$(call say,emulate,$<)
	$(Q)$(EMULATION) -x c++ -c -o $@ $<
$(BUILD)/tests/cuda_on_host/%.o: tests/cuda_on_host/%.cpp
	@mkdir -p $(@D)
	@$(call say,compile,$<)
	$(Q)$(EMULATION) -c -o $@ $<
$(EMULATED): $(EMULATED_OBJECTS)
	@$(call say,link,$@)
	$(Q)$(CXX) -shared $(if $(COVERAGE),--coverage) -o $@ $^ -ldl
$(EMULATED_CUDNN): $(BUILD)/tests/cuda_on_host/cudnn_on_host.o
$(EMULATED_CUBLAS): $(BUILD)/tests/cuda_on_host/cublas_on_host.o
$(EMULATED_CUDNN) $(EMULATED_CUBLAS):
	@$(call say,link,$@)
	$(Q)$(CXX) -shared $(if $(COVERAGE),--coverage) -o $@ $^

# The files that tests run and load.
$(BUILD)/tests/%.o: override CFLAGS += -DAFFJORD_BINARY='"$(BUILD)/affjord"' -DAFFJORD_FAULT_LAYER='"$(BUILD)/fault.so"' \
    -DAFFJORD_LIBRARY_EMULATED='"$(EMULATED)"' -DAFFJORD_CUDNN_EMULATED='"$(EMULATED_CUDNN)"' \
    -DAFFJORD_CUBLAS_EMULATED='"$(EMULATED_CUBLAS)"'

# Detect changes that are not in the commit. Figures, reports and results in the source tree do not count.
CHANGES := git --no-optional-locks status --porcelain --untracked-files=no -- . ':!results'

# The program's origin, which the recorder stores; rewritten only when it changes.
$(BUILD)/provenance.h: FORCE
	@mkdir -p $(@D)
	@{ printf '/* provenance.h - generated: what this program was built from. */\n'; \
	   printf '#define AFFJORD_VERSION "%s"\n#define AFFJORD_RELEASED "%s"\n' $(VERSION) $(RELEASED); \
	   printf '#define AFFJORD_GIT_COMMIT "%s"\n' "$$(git rev-parse --verify -q HEAD 2>/dev/null || echo unknown)"; \
	   printf '#define AFFJORD_GIT_DIRTY %s\n' "$$(test -z "$$($(CHANGES) 2>/dev/null)" && echo 0 || echo 1)"; \
	   printf '#define AFFJORD_COMPILER "%s"\n' "$$($(CC) --version | head -n 1)"; \
	   printf '#define AFFJORD_CFLAGS "%s"\n' '$(filter-out -ffile-prefix-map=%,$(STRICT) $(CFLAGS))'; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The database's schema as a C string.
$(BUILD)/schema.inc: runner/record/schema.sql runner/record/views.sql runner/record/views_regularized.sql runner/record/claims.sql
	@mkdir -p $(@D)
	@cat $^ | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' > $@

$(RUNNER_OBJECTS) $(TEST_OBJECTS): | $(BUILD)/provenance.h $(BUILD)/schema.inc

# --- Tests -----------------------------------------------------------------------------------------------------------

FOR ?= test
deps:
	@sh runner/packages.sh install $(FOR)
deps-local:
	@sh runner/packages.sh local $(FOR)

# skip.txt lists the tests that only `make test-all` runs, and those that its double build omits, with the reasons.
skipped = $(shell sed -nE 's/^$(1) +([^ ]+) .*/\1/p' tests/checks/skip.txt | paste -sd '|')

# Installing comes first and alone: the packages are needed to compile.
T ?=
test: deps check-layout
	@$(MAKE) --no-print-directory -j$(shell nproc) tests
	@build/affjord-tests --filter '$(if $(T),$(T),!($(call skipped,later)))'
test-all: check-layout
	@sh runner/packages.sh install test-all
	@$(MAKE) --no-print-directory -j$(shell nproc) tests cuda
	@$(MAKE) --no-print-directory -j$(shell nproc) PRECISION=double tests
	@echo "== tests, float, those that make test leaves out" && build/affjord-tests --filter '@($(call skipped,later))'
	@echo "== tests, double" && OPENBLAS_NUM_THREADS=1 build/double/affjord-tests --filter '!($(call skipped,double))'
	@echo "== readers of the database" && sh tests/readers.sh
	@$(MAKE) --no-print-directory bundle-check deb-check test-python api

# Test readers of files with generated bytes: make fuzz TIME=60, with clang; make fuzz FUZZ=npy for one target.
TIME ?= 60
FUZZ ?=
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz-%,$(wildcard tests/fuzz/*.c))
fuzz: check-deps
	@$(MAKE) --no-print-directory -j$(shell nproc) CC=clang SANITIZE=fuzzer-no-link,address fuzzers
	@sh tests/fuzz/run.sh build/float-fuzzer-no-link-address $(TIME) $(FUZZ)
fuzzers: $(FUZZERS)
$(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(filter-out $(BUILD)/runner/main.o,$(RUNNER_OBJECTS)) $(LAST_OBJECT) $(BUILD)/libaffjord.a
	@$(call say,link,$@)
	$(Q)$(CC) $(STRICT) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer,address -o $@ $^ $(LIBS)

# Kill the program at random times, and make each system call fail once.
KILLS ?= 500
stress: $(BUILD)/affjord $(BUILD)/fault.so
	@sh tests/stress/kill.sh $(KILLS)
	@sh tests/stress/faults.sh long
	@sh tests/stress/commands.sh
	@sh tests/stress/concurrent_starts.sh 20
	@sh tests/stress/full.sh

# Not among the tests: it installs Slurm, and needs root.
test-slurm: $(BUILD)/affjord
	@sh tests/slurm/test.sh

check-layout:
	@sh tests/check_layout.sh

clean:
	rm -rf build

ifeq ($(VARIANT),float)
include tests/checks/checks.mk
include packaging/install.mk
endif

-include $(CORE_OBJECTS:.o=.d) $(RUNNER_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(CUDA_OBJECTS:.o=.d) $(EMULATED_OBJECTS:.o=.d)
