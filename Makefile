# Everything starts from python3 (3.11 to 3.14) and make; each target sets up .venv first, and only when the lock has changed.

API_PORT ?= 8000
WEBAPP_PORT ?= 8501
MLFLOW_PORT ?= 5000
DATASET ?= ml-100k
# Further words for pytest or for the demo, for example: make test ARGS="-k titles"
ARGS ?=

# Without cached bytecode each start compiles MLflow, pandas and their like again: 11 s instead of 4 before anything is done.
unexport PYTHONDONTWRITEBYTECODE

PACKAGES := client benchmarks movierec online recommender scripts serving testing tests training webapp
BIN := .venv/bin
READY := .venv/.synced

.DEFAULT_GOAL := help
.PHONY: help run setup test check wheel postgres audit docs bench lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## train on DATASET (ml-100k), then serve the API, the web page and the MLflow UI until Ctrl-C
	@exec $(BIN)/movierec demo --parent $$PPID --dataset $(DATASET) --api-port $(API_PORT) --webapp-port $(WEBAPP_PORT) --mlflow-port $(MLFLOW_PORT) $(ARGS)

setup: $(READY) ## make .venv with all that is locked, and nothing else

# Files side by side, each in one process: what a file makes is made once. One more than cores: some wait for servers.
test: $(READY) ## run the tests; with CI=1 the slow rows of faults, too
	@$(BIN)/pytest -n $$($(BIN)/python -c 'import os; print(min(os.cpu_count() + 1, 4))') --dist loadfile --no-loadscope-reorder --durations 20 $(if $(CI),,-m "not slow") $(ARGS)

check: $(READY) ## lint, formatting, types and import directions
	@failed=0; \
	for tool in "ruff check" "ruff format --check" mypy "lint-imports --no-logo"; do $(BIN)/$$tool || failed=1; done; \
	exit $$failed

wheel: $(READY) ## build the wheel and try it away from this clone
	@PATH="$$PATH:$(CURDIR)/.venv-uv/bin"; $(BIN)/python -m scripts.try_wheel

postgres: $(READY) ## try registry, service and backup on Debian's PostgreSQL, where it is installed
	@PATH="$$PATH:$(CURDIR)/.venv-uv/bin" $(BIN)/python -m scripts.try_postgres

audit: $(READY) ## look every locked dependency up among known vulnerabilities; what cannot be looked up is no pass
	@$(BIN)/pip-audit --requirement requirements.lock --disable-pip --strict $(ARGS)
docs: .venv/.docs ## build the site into site/; the guides that have commands are executed, unless ARGS=--quick
	@$(BIN)/python -m scripts.make_docs $(ARGS)

bench: $(READY) ## measure quality, speed and reliability on this machine
	@$(BIN)/movierec bench all $(ARGS)

lock: $(READY) ## bring uv.lock and what is exported from it up to date with pyproject.toml
	@PATH="$$PATH:$(CURDIR)/.venv-uv/bin"; export="uv export --frozen --quiet --no-emit-project --no-header"; uv lock && \
	$$export --no-default-groups --all-extras --output-file requirements.lock && \
	$$export --no-default-groups --all-extras --no-hashes --no-annotate --output-file constraints.txt && \
	$$export --only-group serve --output-file requirements-serve.lock

# Data, runs and models go first and file by file: the script names what it leaves because movierec did not write it.
# Any supported Python does, for it needs no library; .venv may be gone already.
clean: ## remove what was made here: .venv, caches, the site, processed data, runs and models (data/raw and your own files stay)
	@$(firstword $(wildcard $(BIN)/python) python3) -m scripts.clean
	@rm -rf .venv .venv-uv site .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@if [ -d dist ] && [ ! -L dist ]; then rm -f dist/movierec-*.whl dist/movierec-*.tar.gz; rmdir dist 2>/dev/null || true; fi
	@find $(wildcard $(PACKAGES)) -path '*/__pycache__/*' -type f \( -name '*.pyc' -o -name '*.nb[ic]' \) -delete
	@find $(wildcard $(PACKAGES)) -name __pycache__ -type d -empty -delete

# The commands of .venv name the place where they were made; a clone that was moved needs them anew.
ifeq ($(wildcard $(READY))$(shell [ -L .venv ] || grep -lF '$(CURDIR)/.venv/' $(BIN)/movierec 2>/dev/null),$(READY))
.PHONY: $(READY)
endif

$(READY): pyproject.toml uv.lock scripts/bootstrap.sh
	@scripts/bootstrap.sh

.venv/.docs: $(READY)
	@scripts/bootstrap.sh --group docs
	@touch $@
