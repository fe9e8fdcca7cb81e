# The front door. `make help` lists what it can do.
#   PYTHON=python3.13   the interpreter, or that of a virtual environment (default: .venv, else python3)
#   T=tests/unit        what `make test` runs; for test-c a part of a path: T=queue; for fuzz of a name
#   J=4, V=1            how many things to do at a time; show the commands of the C build
PYTHON ?= $(firstword $(wildcard .venv/bin/python) python3)
CC ?= cc
CLANG ?= clang
CLANG_FORMAT ?= $(firstword $(wildcard $(dir $(PYTHON))clang-format) clang-format)
J ?= $(shell nproc)
T ?=
Q := $(if $(V),,@)
FUZZ_SECONDS ?= 60
C_TEST_SECONDS ?= 300

# SAN is the flavour of the C build: asan, tsan, fuzz or release. Each has its own folder below build/.
SAN ?= asan
OUT := build/c-$(SAN)
FLAGS_asan := -O1 -g -DFA_DEBUG=1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# gcc says about each fence that TSan does not model it; the queues do not rely on fences for data.
FLAGS_tsan := -O1 -g -DFA_DEBUG=1 -fno-omit-frame-pointer -fsanitize=thread -Wno-tsan
FLAGS_fuzz := -O1 -g -DFA_DEBUG=1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FLAGS_release := -O3 -DNDEBUG -flto=auto -fno-semantic-interposition
C_WARN := -Wall -Wextra -Wshadow -Wconversion -Werror
C_FLAGS := -std=gnu11 $(C_WARN) -fvisibility=hidden -D_GNU_SOURCE -Icsrc -Itests/c -pthread -MMD -MP $(FLAGS_$(SAN))

# The library: the core without its Python part, and what several C tests share.
LIB_SRC := $(filter-out csrc/python/%,$(wildcard csrc/*/*.c))
SUPPORT_SRC := $(filter-out tests/c/test_% $(wildcard tests/c/*/test_*.c),$(wildcard tests/c/*.c tests/c/*/*.c))
LIB := $(OUT)/libfasterapi.a
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o) $(SUPPORT_SRC:%.c=$(OUT)/%.o)

TEST_SRC := $(wildcard tests/c/*/test_*.c)
TSAN_SRC := $(wildcard tests/c/queue/test_*.c tests/c/server/test_*.c) \
	$(wildcard $(addprefix tests/c/base/test_,$(addsuffix .c,alloc buffer buffer_pool histogram parker pool_counters stats wakeup)))
RUN_SRC := $(if $(filter tsan,$(SAN)),$(TSAN_SRC),$(TEST_SRC))
RUN_SRC := $(if $(T),$(foreach t,$(RUN_SRC),$(if $(findstring $(T),$(t)),$(t))),$(RUN_SRC))
RUN_BIN := $(RUN_SRC:%.c=$(OUT)/%)
BENCH_BIN := $(patsubst %.c,$(OUT)/%,$(wildcard benchmarks/c/bench_*.c))
FUZZ_SRC := $(wildcard $(if $(T),$(foreach t,$(T),tests/fuzz/fuzz_*$(t)*.c),tests/fuzz/fuzz_*.c))
C_FILES = $(shell find csrc tests benchmarks -name '*.[ch]')

export ASAN_OPTIONS ?= detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= halt_on_error=1:second_deadlock_stack=1

.PHONY: help dev build test test-c test-tsan fuzz bench bench-smoke bench-c bench-python lint format types docs check clean
.PHONY: run-c-tests run-c-benches
.SECONDARY:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{printf "make %-16s %s\n", $$1, $$2}'

dev: ## make .venv with the package installed in place and every tool
	python3 -m venv .venv
	.venv/bin/python -m pip install -q --upgrade pip
	.venv/bin/python -m pip install -q -e '.[dev]'

build: ## compile the core into fasterapi/ (FASTERAPI_BUILD=release|debug|asan|tsan)
	$(PYTHON) setup.py -q build_ext --inplace --force

test: ## the Python tests (T= selects)
	$(PYTHON) -P -m pytest $(T)

test-c: ## the C tests under ASan and UBSan (T= selects)
	@$(MAKE) --no-print-directory -j$(J) SAN=asan run-c-tests

test-tsan: ## the C tests of what threads share, under TSan
	@$(MAKE) --no-print-directory -j$(J) SAN=tsan run-c-tests

run-c-tests: $(RUN_BIN)
	@test -n "$(RUN_BIN)" || { echo "no C test matches T=$(T)"; exit 1; }
	@printf '%s\n' $(RUN_BIN) | xargs -P $(J) -I{} sh -c \
		'timeout $(C_TEST_SECONDS) {} >{}.log 2>&1; s=$$?; cat {}.log; [ $$s = 0 ] || { echo "FAILED ($$s): {}"; exit 1; }' \
		|| { echo "C tests ($(SAN)): FAILED"; exit 1; }
	@echo "C tests ($(SAN)): $(words $(RUN_BIN)) programs passed"

fuzz: ## each fuzz target for FUZZ_SECONDS, with what earlier runs found (T= selects)
	@test -n "$(FUZZ_SRC)" || { echo "no fuzz target matches T=$(T)"; exit 1; }
	@$(MAKE) --no-print-directory -j$(J) SAN=fuzz CC="$(CLANG)" build/c-fuzz/libfasterapi.a
	@set -e; for source in $(FUZZ_SRC); do \
		name=$$(basename $$source .c); noun=$${name#fuzz_}; \
		mkdir -p build/fuzz/$$name.corpus; \
		$(CLANG) -std=gnu11 -g -O1 -D_GNU_SOURCE -DFA_DEBUG=1 -Icsrc -Itests/c -pthread \
			-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
			$$(! grep -q __wrap_clock_gettime $$source || echo -Wl,--wrap=clock_gettime) \
			$$source build/c-fuzz/libfasterapi.a -lm -o build/fuzz/$$name; \
		dict=tests/fuzz/$$noun.dict; dict=$$([ -f $$dict ] && echo -dict=$$dict || true); \
		seeds=$$(for d in corpus regression; do [ -d tests/fuzz/$$d/$$noun ] && echo tests/fuzz/$$d/$$noun || true; done); \
		echo "== $$name"; \
		build/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 $$dict \
			-artifact_prefix=build/fuzz/ build/fuzz/$$name.corpus $$seeds; \
	done

bench: ## the system benchmark: this server, the bare C limit, FastAPI on Uvicorn, other peers
	$(PYTHON) benchmarks/system/run.py $(ARGS)

bench-smoke: ## the same in about a minute: does it run, are the answers right
	$(PYTHON) benchmarks/system/run.py --smoke $(ARGS)

bench-c: ## the parts of the core
	@$(MAKE) --no-print-directory -j$(J) SAN=release run-c-benches

run-c-benches: $(BENCH_BIN)
	@set -e; for bench in $(BENCH_BIN); do echo "== $$(basename $$bench)"; $$bench; done

bench-python: ## the parts in Python (pytest-benchmark)
	$(PYTHON) -P -m pytest benchmarks/python/bench_*.py --benchmark-only $(ARGS)

lint: types ## layout, types and the rules of the house
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	$(PYTHON) -P -m pytest -q tests/house

format: ## put the layout right
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(CLANG_FORMAT) -i $(C_FILES)

types: ## mypy, strict
	$(PYTHON) -m mypy

docs: ## check the links between the pages
	$(PYTHON) -P -m pytest -q tests/house/test_docs.py

check: lint test-c test ## everything that must be green before a change goes in

clean: ## remove what was built
	rm -rf build dist *.egg-info fasterapi/*.so .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

include tests/tests.mk

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(C_FLAGS) -c $< -o $@

$(LIB): $(LIB_OBJ)
	@rm -f $@
	@$(if $(filter release,$(SAN)),gcc-ar,ar) rcs $@ $(LIB_OBJ)

$(OUT)/tests/c/%: $(OUT)/tests/c/%.o $(LIB)
	$(Q)$(CC) $(C_FLAGS) $< $(LIB) -lm -o $@

$(OUT)/benchmarks/c/%: $(OUT)/benchmarks/c/%.o $(LIB)
	$(Q)$(CC) $(C_FLAGS) $(filter %.o,$^) $(LIB) -lm -o $@

include benchmarks/c/peers.mk
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
