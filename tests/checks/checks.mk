# checks.mk - the tests under instruments, linters and static analysis.
#
#   make asan            all tests, float and double: memory, leaks, undefined behaviour
#   make ubsan           the same for undefined behaviour alone, in half the time
#   make tsan            trainings, samples and densities by several threads: races
#   make memcheck        valgrind: memory that was never set, in tests that are short without it
#   make coverage        lines and branches that the tests reach, build/coverage; 1 below the bounds
#   make lint            formatting, clang-tidy, cppcheck, shellcheck, language and links of pages
#   make analyze         gcc -fanalyzer
#   make check-short     those of these checks that take minutes
#
# docs/lab/reliability.md has their duration and findings. Included by the Makefile.

.PHONY: asan ubsan tsan memcheck coverage lint analyze check-short format check-deps

check-deps:
	@sh runner/packages.sh install check

# $(call build,VARIABLE=...): the tests in both precisions with an instrument
build = $(MAKE) --no-print-directory -j$(shell nproc) $(1) tests && \
        $(MAKE) --no-print-directory -j$(shell nproc) $(1) PRECISION=double tests

asan: check-deps
	@$(call build,SANITIZE=address$(comma)undefined)
	@sh tests/checks/run_instrumented.sh asan build/float-address-undefined
	@sh tests/checks/run_instrumented.sh asan build/double-address-undefined
ubsan: check-deps
	@$(call build,SANITIZE=undefined)
	@sh tests/checks/run_instrumented.sh ubsan build/float-undefined
	@sh tests/checks/run_instrumented.sh ubsan build/double-undefined
tsan: check-deps
	@$(MAKE) --no-print-directory -j$(shell nproc) SANITIZE=thread all
	@sh tests/checks/run_instrumented.sh tsan build/float-thread
memcheck: check-deps tests
	@sh tests/checks/run_instrumented.sh memcheck build
coverage: check-deps
	@$(call build,COVERAGE=1)
	@sh tests/checks/coverage.sh build/float-coverage build/double-coverage

# Kernels are one source, compiled for several levels of instructions; linters check the portable level.
SOURCES := $(wildcard core/*.h core/*/*.[ch] core/*/*/*.[ch] core/*/*/*.inc core/*/*/*.cu* runner/*.c runner/*/*.[ch] \
             tests/*.[ch] tests/*/*.[ch] tests/*/*.cpp examples/*.c)
UNITS   := $(filter-out core/backend/cpu/kernels_avx%,$(filter core/%.c runner/%.c tests/%.c,$(SOURCES)))
SCRIPTS := .ci/run run paper_figures.sh $(wildcard packaging/*.sh plots/*.sh runner/*.sh tests/*.sh tests/*/*.sh)
# Run a command for each unit, several at a time, with its flags in $$FLAGS.
each_unit = printf '%s\n' $(1) | xargs -n 4 -P $(shell nproc) sh -c

lint: export FLAGS := -std=c11 -D_GNU_SOURCE -DAFFJORD_BINARY="affjord" -DAFFJORD_FAULT_LAYER="fault.so" \
    -DAFFJORD_LIBRARY_EMULATED="emulated.so" -DAFFJORD_CUDNN_EMULATED="cudnn.so" -DAFFJORD_CUBLAS_EMULATED="cublas.so" $(PATHS) -Ibuild/include
# (Cppcheck 2.10 reports the commas of a compound literal in a call as side effects.)
lint: check-deps $(BUILD)/provenance.h $(BUILD)/schema.inc build/include/affjord/affjord.h
	$(Q)clang-format --dry-run --Werror $(SOURCES)
	$(Q)shellcheck -x -P SCRIPTDIR $(SCRIPTS)
	$(Q)sh tests/checks/language.sh
	$(Q)sh tests/checks/subjects.sh
	$(Q)sh tests/checks/links.sh
	$(Q)cppcheck --quiet -j$(shell nproc) --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --suppress=unknownEvaluationOrder \
	    --library=tests/checks/criterion.cfg -Icore -Irunner -I$(BUILD) core runner tests
	$(Q)$(call each_unit,$(UNITS)) 'clang-tidy --quiet "$$@" -- $$FLAGS' tidy
format:
	$(Q)clang-format -i $(SOURCES)

# The objects are not kept. GCC 12 reports false leaks of arrays that grow in a loop, and of names stored in a list, at
# nine places of five files, all of which were reviewed. `make asan` and `make memcheck` detect leaks in all processes.
analyze: export FLAGS := -fanalyzer -Wno-analyzer-malloc-leak -Werror $(STRICT) $(CFLAGS) $(PATHS)
analyze: $(BUILD)/provenance.h $(BUILD)/schema.inc
	$(Q)$(call each_unit,$(filter core/%.c runner/%.c,$(UNITS))) \
	    'for unit; do $(CC) $$FLAGS -c -o /dev/null "$$unit" || exit 1; done' analyze

# Checks for every change: linters, and undefined behaviour in the short tests.
check-short: lint
	@$(MAKE) --no-print-directory -j$(shell nproc) SANITIZE=undefined tests
	@sh tests/checks/run_instrumented.sh ubsan build/float-undefined short
