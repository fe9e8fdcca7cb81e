# Checks that take their time, or that need a tool of their own. Included by the Makefile.
.PHONY: test-tsan-long model differential bench-compare build-c-benches compat compat-share compat-versions field

LONG_OPS ?= 100000000
LONG_TESTS := spsc_queue mpmc_queue locked_queue

test-tsan-long: ## the queues raced under TSan, 10^8 operations each (LONG_OPS=)
	@for t in $(LONG_TESTS); do FA_TEST_OPS=$(LONG_OPS) \
		$(MAKE) --no-print-directory SAN=tsan C_TEST_SECONDS=14400 T=queue/test_$$t run-c-tests || exit 1; done

model: ## how threads sleep and wake, explored by SPIN; needs the package spin
	@$(PYTHON) tests/model/run.py

differential: ## 20,000 programs nobody wrote: FastAPI and FasterAPI do the same (PROFILE=soak: 50,000)
	@HYPOTHESIS_PROFILE=$(or $(PROFILE),nightly) $(PYTHON) -P -m pytest tests/differential $(ARGS)

compat-share: ## how much of FastAPI's tutorial runs compiled (ARGS=--examples 2)
	@PYTHONPATH=$(CURDIR) $(PYTHON) -P tests/compat/share.py $(ARGS)

field: ## what users meet around the answers, on this server and on Uvicorn: prints both scores
	@$(PYTHON) -P -m pytest -q tests/field $(ARGS)

bench-compare: ## have the parts become slower than the last stored result? (ARGS=--threshold 1.5)
	@$(MAKE) --no-print-directory -j$(J) SAN=release build-c-benches
	@PYTHONPATH=$(CURDIR) $(PYTHON) -P benchmarks/compare.py $(ARGS)

compat: ## FastAPI's own tests, with FasterAPI and our TestClient (ARGS="--suite all": others' too)
	@$(PYTHON) tests/compat/run.py $(ARGS)

field-apps: ## real programs (Gradio, Prefect, MCP, ...) on both servers, compared (ARGS="--only NAME")
	@$(PYTHON) tests/field_apps/run.py $(ARGS)

compat-versions: ## other releases of FastAPI, Starlette and Pydantic: every command works (ARGS=fastapi==0.140.0)
	@$(PYTHON) tests/compat/versions.py $(ARGS)

build-c-benches: $(BENCH_BIN)
