# Ebb. `make help` lists what there is.
PYTHON ?= python3
PORT ?= 8000
SERVE ?= 1
PROCESSES ?= logical
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Tests start our programs hundreds of times: without compiled files each start would compile them all anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check bench format screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with pinned dependencies (PYTHON= chooses the interpreter)

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Ebb needs Python 3.11, 3.12 or 3.13; choose one with PYTHON=, as in: make setup PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing dependencies (a few minutes the first time) ..."
	@# torch first and alone: anything else that asks for it could pull another, several gigabytes larger build.
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m workers.assets
	@touch $(READY)

demo: setup ## load a year of an invented company's tickets, judge its releases, serve the console
	@$(BIN)/ebb demo --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve,)

# Whole modules are shared out, in the order of their names: what a module sets up for its tests (a server, a browser)
# is set up once, and the long modules of chaos/ and journeys/ come first.
test: setup ## the tests of a development loop, a process a core and 4 at most (PROCESSES= chooses, 0: in this one)
	$(BIN)/pytest -m "not slow" --numprocesses $(PROCESSES) --maxprocesses 4 --dist loadscope --no-loadscope-reorder

test-all: setup ## every test, with simulations and long chaos runs
	$(BIN)/pytest

check: setup ## lint, types, import rules, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m migrations

bench: setup ## measure; each bench prints one JSON line a figure, and bench/results.json holds them all
	$(BIN)/python -m bench

format: setup ## format the code and mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: setup ## make the README's pictures from the demo's data
	$(BIN)/python docs/screenshots.py

clean: ## remove .venv and what the demo made
	rm -rf $(VENV) demo
