# make run: the example estate from sources to a published inventory.  make test: everything, checked.  make ui: Dagster.
VENV ?= .venv
# The first one that runs: a version manager's name for a Python may stand on the path without a Python behind it.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := $(VENV)/bin
export DAGSTER_HOME ?= $(CURDIR)/data/.dagster
export INVENTORY_CONFIG ?= $(CURDIR)/examples/inventory.yaml
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run ui test lint docs benchmarks clean

run: $(VENV)/.ready examples/estate/.ready
	@$(BIN)/inventory sync --all
	@$(BIN)/inventory consolidate
	@$(BIN)/inventory summary

ui: $(VENV)/.ready examples/estate/.ready
	@$(BIN)/inventory ui

test: $(VENV)/.ready-test
	@./.ci/system_parts
	@$(BIN)/python -m pytest

lint: $(VENV)/.ready-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

docs: $(VENV)/.ready
	$(BIN)/inventory docs --write

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@echo "Setting up $(VENV) ..."
	@"$(PYTHON)" -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Inventory Pipeline (about a minute the first time) ..."
	@$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	@echo "Installing what the tests need ..."
	@$(PIP_INSTALL) --editable '.[test,postgres,mariadb,oracle]'
	@touch $@

examples/estate/.ready: $(wildcard examples/*.py examples/estate_generator/*.py examples/data/* examples/schemas/*) | $(VENV)/.ready
	@echo "Generating the example estate ..."
	@$(BIN)/python examples/generate_estate.py
	@touch $@

clean:
	rm -rf data examples/estate
