# The two that matter are `make run` and `make test`; `make help` lists the rest.
# Everything is installed into .venv by scripts/bootstrap, on any machine with Python 3.11 to 3.13 and make.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin

# Cold imports of Airflow and Great Expectations take three times as long without compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE

# For the command line, e.g. make test WORKERS=0 PYTEST_ARGS="tests/parse -k F7"
PYTHON ?=
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
UPGRADE ?=

.PHONY: help install run up test test-cluster lint audit sbom format bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 | "sort" }' $(MAKEFILE_LIST)

install: ## create or update .venv from the locks; PYTHON=/path chooses the Python
	@PYTHON='$(PYTHON)' scripts/bootstrap

run: install ## run the hourly cycle once over the example suppliers, through Airflow, to its end
	@$(BIN)/python -m examples.demo

up: install ## the same with Airflow's scheduler and UI left running; prints address and login; Ctrl-C stops
	@$(BIN)/python -m examples.demo --up

test: lint ## lint, then the whole test suite; PYTEST_ARGS="tests/parse -k F7", WORKERS=0 for one process
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

test-cluster: install ## the whole installation of docker-compose.yml as processes, two workers, one killed (part of test)
	$(BIN)/pytest -n 0 tests/cluster $(PYTEST_ARGS)

lint: install ## ruff, formatting, types, import contracts and packages that fit together
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/uv pip check

audit: install ## ask an advisory service about every locked package; needs a network that reaches it
	$(BIN)/uv tool run pip-audit --requirement requirements.lock --require-hashes --disable-pip

sbom: install ## write the bill of materials of .venv as CycloneDX to build/sbom.json
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --no-validate --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json .venv

format: install ## rewrite the code as ruff formats it and fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## measure speed and memory against floors and peers; BENCH_ARGS goes through
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --overrides requirements-overrides.in $(if $(UPGRADE),--upgrade)

lock: install ## write the hashed locks from requirements*.in; UPGRADE=1 takes newer versions
	$(LOCK) --output-file requirements-bootstrap.lock requirements-bootstrap.in
	$(LOCK) --output-file requirements.lock requirements-dev.in

clean: ## remove .venv, caches and build leftovers; var/ with its databases stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build bench-out *.egg-info
	find . -path ./var -prune -o -type d -name __pycache__ -print0 | xargs -0 -r rm -rf
