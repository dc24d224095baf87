# The two commands a newcomer needs are `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
UV_VERSION := 0.13.8
INSTALL = VIRTUAL_ENV=.venv $(UV) pip install --quiet --require-hashes --compile-bytecode
export UV_NO_PROGRESS := 1
# Where it is set, every process would compile everything again: three seconds at each start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-long check format bench lock setup examples clean

help:  ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/installed-runtime  ## Set everything up and start Commonplace (HOST, PORT, COMMONPLACE_DATA_DIR, DATABASE_URL)
	@exec $(BIN)/commonplace serve

# The contracts are `make check`'s.
test: .venv/installed-dev  ## Set everything up and run all tests but the long ones; coverage of 90 % is asked for
	@$(BIN)/coverage erase
	@$(BIN)/pytest -n 3 -m "not long" --ignore=tests/contracts --cov --cov-report=term:skip-covered --cov-fail-under=90

test-long: .venv/installed-dev  ## Run the tests that are long by nature: kills, gigabytes, long property runs
	@$(BIN)/pytest -m long --timeout=1200 -o faulthandler_timeout=1500

check: .venv/installed-dev  ## Format, lint, types, import contracts, and the project's own checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/contracts

format: .venv/installed-dev  ## Format the code and put imports in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed-bench  ## Compare with bare references and peers in one run; prints a table of ratios
	@$(BIN)/python -m benchmarks

setup: .venv/installed-dev  ## Install what development needs, and nothing else

examples: .venv/installed-runtime  ## Write .env.example and the generated pages of docs/reference anew
	$(BIN)/python -m commonplace.settings_example > .env.example
	$(BIN)/python -m infrastructure.reference

lock: .venv/bin/python  ## Pin all dependencies anew, with hashes, a file a group
	@test -x $(UV) || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --group build --upgrade -o requirements/build.txt
	@for group in dev bench; do \
		$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-header pyproject.toml --group $$group --upgrade -o requirements/$$group.txt; done
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml --upgrade -o requirements/runtime.txt

clean:  ## Remove the virtual environment and caches; data/ stays
	rm -rf .venv .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@echo "Making a virtual environment in .venv …"
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --allow-existing --python '>=3.11' .venv; \
	else $(PYTHON) -c 'import sys; sys.exit("Commonplace needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)' \
		&& $(PYTHON) -m venv .venv && echo "Installing uv into it …" \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); fi

.venv/installed-runtime: .venv/bin/python requirements/runtime.txt requirements/build.txt pyproject.toml
	@echo "Installing Commonplace and what it needs …"
	@$(INSTALL) -r requirements/runtime.txt -r requirements/build.txt
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: .venv/installed-runtime requirements/dev.txt tests/issuer/package-lock.json
	@echo "Installing what the tests need …"
	@$(INSTALL) -r requirements/dev.txt
	@$(BIN)/python -m tests.real_issuer
	@touch $@

.venv/installed-bench: .venv/installed-dev requirements/bench.txt
	@echo "Installing the benchmarks' references …"
	@$(INSTALL) -r requirements/bench.txt
	@touch $@
