# Our parser beside other people's. Read by the Makefile above, which has the flags and rules.
PARSER_BENCH := $(OUT)/benchmarks/c/bench_http_parser

.PHONY: bench-peers run-parser-bench

bench-peers: ## our parser beside llhttp and picohttpparser, fetched from PyPI and crates.io
	@$(PYTHON) benchmarks/c/fetch_peers.py
	@$(MAKE) --no-print-directory -j$(J) SAN=release run-parser-bench

run-parser-bench: $(PARSER_BENCH)
	@$(PARSER_BENCH)

# What was fetched gets our flags but for the warnings, and its SIMD, which it chooses when compiled.
$(OUT)/build/peers/%.o: C_FLAGS += -w $(if $(filter x86_64,$(shell uname -m)),-msse4.2)
$(PARSER_BENCH).o: C_FLAGS += -Ibuild
$(PARSER_BENCH).o: $(wildcard build/peers/*/*.h)
$(PARSER_BENCH): $(patsubst %.c,$(OUT)/%.o,$(wildcard build/peers/*/*.c))
