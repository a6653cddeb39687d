# Everything a person types. Needs Python 3.11 or later with pip, and make; nothing else.
.DEFAULT_GOAL := help
.PHONY: help up demo ui test faults journeys segments tokens screenshots bench lint fmt clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.synced

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Syncom needs Python 3.11 or later: try make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "No virtual environment could be made: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv sync --locked --quiet
	@touch $(STAMP)

ui: $(STAMP) ## Build the web application; nothing to do when it is built
	@$(BIN)/python ui/make.py build

up: ui ## Run the platform on this machine until Ctrl-C
	@$(BIN)/syncom up

demo: ui ## The same with sample data and a campaign that is really sent
	@$(BIN)/syncom up --demo

test: ui ## Every test there is
	$(BIN)/python ui/make.py test
	$(BIN)/python -m pytest -n 2 --dist loadfile

faults: $(STAMP) ## The fault runs again and again: ROUNDS=20 for more
	SYNCOM_FAULT_ROUNDS=$(or $(ROUNDS),5) $(BIN)/python -m pytest tests/messages/test_faults.py tests/postgres tests/contacts/imports tests/workflows/test_killed_keeper.py

journeys: $(STAMP) ## Two thousand workflows against a plain reading of them
	SYNCOM_JOURNEY_CASES=2000 $(BIN)/python -m pytest tests/workflows/test_against_reference.py

segments: $(STAMP) ## Ten thousand conditions against a plain reading of them
	SYNCOM_SEGMENT_TREES=10000 $(BIN)/python -m pytest tests/segments/test_language.py

screenshots: ui ## A picture of every page in light, dark and phone width, into build/screenshots
	@$(BIN)/python -m tests.browser.ui.screens

tokens: $(STAMP) ## A million mutations of every kind of token in links: none may be taken
	SYNCOM_TOKEN_MUTATIONS=1000000 $(BIN)/python -m pytest tests/test_tokens.py --timeout 1800

bench: ui ## Measure; ONLY=name runs one row
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

lint: $(STAMP) ## Style, types, arrows between rooms, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/python ui/make.py lint

fmt: $(STAMP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python ui/make.py fmt

clean: ## Remove the environment and caches; data stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis dist build ui/node_modules ui/tools/openapi/node_modules src/syncom/http/ui/dist
