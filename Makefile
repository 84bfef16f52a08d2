# What an operator or a contributor can do here; `make` lists it. ARGS reaches the command behind a
# target: make demo ARGS="--litellm 1.82.3"

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3.10 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo "$$python" && break; done)
UV_PIN := $(shell sed -n 's/^uv = "\(.*\)"/\1/p' pyproject.toml)
BIN := .venv/bin
IMAGES ?= pull
ifdef PIP_INDEX_URL  # uv does not read pip's variables
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.PHONY: help setup demo test unit published-files live fuzz codex clients database every soak build-tools chart kind-e2e all format check lint types contracts payloads docs generate mutants bench bench-inject bench-status bench-pod dist release clean
.DEFAULT_GOAL := help

##@ Start here (Python and a package index)

help:  ## Show this list
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' Makefile

setup: .venv/dev  ## Make .venv with everything a contributor needs
	@:

demo: .venv/run  ## See the defect and the fix on this machine; no cluster, no Docker, no Node
	@$(BIN)/litellm-overlay demo $(ARGS)

test: .venv/dev  ## Everything that needs only Python and a package index
	@$(BIN)/pytest -q $(ARGS)

##@ Parts of make test

unit: .venv/dev  ## The pure parts; seconds
	@$(BIN)/pytest -q tests/unit $(ARGS)

published-files: .venv/dev  ## The patch against the published endpoints.py files
	@$(BIN)/pytest -q tests/stock $(ARGS)

live: .venv/dev  ## Real LiteLLM processes, stock and patched
	@$(BIN)/pytest -q tests/live $(ARGS)

fuzz: .venv/dev  ## Ten times the inputs that make test gives to the reading verbs (minutes; FUZZ_TIMES=50)
	@FUZZ_TIMES=$${FUZZ_TIMES:-10} $(BIN)/pytest -q tests/fuzz $(ARGS)

##@ Tests that need npm

codex: .venv/dev  ## The real Codex CLI against real LiteLLM (needs npm)
	@$(BIN)/pytest -q -s tests/codex $(ARGS)

clients: .venv/dev  ## SDKs and agents of others, by their real packages (needs npm)
	@$(BIN)/pytest -q tests/clients $(ARGS)

database: .venv/dev  ## Keys, teams, budgets and spend on a real Postgres (needs npm)
	@$(BIN)/pytest -q tests/database $(ARGS)

every: .venv/dev  ## Stock beside the bridge on releases with upstream's fix (needs npm; an hour, --matrix small less)
	@$(BIN)/pytest -q tests/every $(ARGS)

soak: .venv/dev  ## A thousand sessions, and faults under hundreds of turns (needs npm; --matrix small: some minutes)
	@$(BIN)/pytest -q -s tests/soak $(ARGS)

##@ Tests that need Go, or Docker, Go and npm

build-tools: .venv/dev  ## Build Helm 3 and 4, kustomize and more into the cache (needs Go; minutes, once)
	@$(BIN)/python scripts/tools.py

chart: build-tools  ## The Helm chart: values, manifests, what runs in its pods
	@$(BIN)/pytest -q tests/chart $(ARGS)

kind-e2e: .venv/dev  ## The stories of tests/e2e on a kind cluster (needs Docker, Go, npm; IMAGES=build KEEP=1)
	@$(BIN)/python scripts/kind_e2e.py --images $(IMAGES) $(if $(KEEP),--keep) $(ARGS)

all: .venv/dev  ## Every kind of test in its full form, noted in docs/full-runs.md (some three hours)
	@$(BIN)/python scripts/run_all.py $(ARGS)

##@ Contribute

format: .venv/dev  ## Let ruff fix style and format
	@$(BIN)/ruff check --quiet --fix . && $(BIN)/ruff format --quiet .

check: lint types contracts payloads docs  ## Style, types, directions of imports, released payloads, documents

lint: .venv/dev  ## ruff, rules and format
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .

types: .venv/dev  ## mypy, strict: toolkit, patch, scripts, what the tests are made with
	@$(BIN)/mypy --no-error-summary

contracts: .venv/dev  ## Which package may import which
	@$(BIN)/lint-imports > .venv/contracts || { cat .venv/contracts; exit 1; }

payloads: .venv/dev  ## Patch versions against their digests, released ones against git's history
	@$(BIN)/python scripts/freeze_version.py --check

docs: .venv/dev  ## The documents as a site in .venv/site; a broken link is an error
	@$(BIN)/python scripts/reference.py --check
	@$(BIN)/python scripts/figures.py --check
	@$(BIN)/mkdocs build --quiet --strict --config-file .mkdocs.yml --site-dir .venv/site

generate: .venv/dev  ## Write what follows from code: the chart's copies, reference and figures in docs/
	@$(BIN)/python scripts/sync_chart.py
	@$(BIN)/python scripts/reference.py
	@$(BIN)/python scripts/figures.py

mutants: .venv/dev  ## Undo each guard in turn; a named test must go red
	@$(BIN)/python scripts/mutants.py $(ARGS)

##@ Measure

bench: .venv/run  ## What the overlay costs, beside HTTP, stock and other tools (minutes; ARGS=--write; SMALL=1 to try)
	@$(BIN)/python scripts/bench_bounds.py $(if $(SMALL),--processes 1 --rounds 1 --sockets 50 turns transport wire idle) $(ARGS)
	@$(BIN)/python scripts/bench_start.py $(if $(SMALL),--runs 1) $(filter --write,$(ARGS))
	@$(BIN)/python scripts/bench_inject.py $(if $(SMALL),--runs 1 50) $(filter --write,$(ARGS))

bench-inject: .venv/run  ## inject of 1,000 Deployments beside kustomize build (needs kustomize or kubectl)
	@$(BIN)/python scripts/bench_inject.py $(ARGS)

bench-status: .venv/dev  ## status -A on 500 Deployments beside kubectl get (needs Docker, Go; IMAGES=build KEEP=1)
	@$(BIN)/python scripts/bench_status.py --images $(IMAGES) $(if $(KEEP),--keep) $(ARGS)

bench-pod: .venv/dev  ## A pod's start with the overlay beside the plain pod's (needs Docker, Go; IMAGES=build KEEP=1)
	@$(BIN)/python scripts/bench_pod.py --images $(IMAGES) $(if $(KEEP),--keep) $(ARGS)

##@ Release

dist: .venv/dev  ## Build from HEAD what a release publishes, the same bytes each time, into dist/HEAD
	@$(BIN)/python scripts/build_release.py $(ARGS)

release: .venv/dev  ## Release toolkit and chart: VERSION=0.1.0; commit, tag and dist/0.1.0, nothing is pushed
	@$(BIN)/python scripts/release.py $(VERSION)

clean:  ## Remove .venv and what the tools left behind (not the cache of LiteLLM environments)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

# The stamps: .venv/uv, then what `demo` needs (run) or a contributor (dev).
.venv/uv:
	@test -n "$(PYTHON)" || { echo "error: Python 3.10 or newer is needed and was not found" >&2; \
	echo "hint: install it from your system's packages or https://www.python.org, or: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "setting up .venv (once)" >&2
	@$(PYTHON) -m venv .venv > .setup.log 2>&1 || { rm -rf .venv .setup.log; \
	echo "error: $(PYTHON) cannot make a virtual environment" >&2; \
	echo "hint: on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@rm -f .setup.log
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_PIN)
	@touch $@

.venv/run: .venv/uv pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable .
	@touch $@

.venv/dev: .venv/uv pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable . --group dev
	@touch $@ .venv/run
