# Every target says what it does; the work is in scripts/. `make help` lists them.
PYTHON ?= python3
export VENV ?= .venv
DB ?= sqlite
# A bare name is looked up in the repository, an absolute path is taken as it is.
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo demo-check demo-oscar demo-oscar-check test lint types layers docs pytest fuzz invariants chaos bench dev clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1|/' | column -t -s '|'

demo:  ## the shop on http://127.0.0.1:8000: virtual env, install, database, catalogue, vectors (DB=postgres: as in production)
	@$(PYTHON) scripts/bootstrap.py $(if $(filter postgres,$(DB)),--dev)
	@$(BIN)/python scripts/demo.py --db $(DB)

demo-check:  ## the same without staying up: visits the pages, prints the slates, saves screenshots
	@$(PYTHON) scripts/bootstrap.py $(if $(filter postgres,$(DB)),--dev)
	@$(BIN)/python scripts/demo.py --check --db $(DB)

demo-oscar:  ## a bookshop over django-oscar on http://127.0.0.1:8000, with rows on its product and basket pages
	@$(PYTHON) scripts/bootstrap.py --oscar
	@$(BIN)/python scripts/demo.py --shop oscar

demo-oscar-check:  ## the same without staying up: visits the pages with a real browser, prints the rows of ten books
	@$(PYTHON) scripts/bootstrap.py --oscar
	@$(BIN)/python scripts/demo.py --shop oscar --check

dev:
	@$(PYTHON) scripts/bootstrap.py --dev

test: lint types layers docs pytest  ## everything: lint, types, layers, docs, the whole test suite with coverage

lint: dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev  ## mypy --strict and pyright
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: dev  ## import-linter: dependencies point one way
	$(BIN)/lint-imports

docs: dev  ## build the documentation into docs/_build, warnings are errors
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

pytest: dev
	CHROMIUM="$$($(BIN)/python scripts/chromium.py)" HF_HUB_OFFLINE=1 $(BIN)/pytest --cov --cov-report=term:skip-covered --cov-fail-under=90

fuzz: dev  ## 100,000 texts through the parser of filter expressions (FUZZ=)
	FUZZ=$(or $(FUZZ),100000) $(BIN)/pytest -q tests/core/test_expressions.py -k whatever

invariants: dev  ## break each invariant of docs/architecture.md once, in a copy, and see a test fail
	$(BIN)/python scripts/invariants.py

chaos: dev  ## break a shop on two hosts over one PostgreSQL for three minutes, and check what is left (SECONDS=, SEED=, MODEL=)
	$(BIN)/python -m tests.chaos --seconds $(or $(SECONDS),180) $(if $(SEED),--seed $(SEED)) $(if $(MODEL),--model $(MODEL)) --json bench-out/chaos.json

bench: dev  ## all benchmarks against their bars; figures in bench-out/
	$(BIN)/python -m benchmarks.run all --json bench-out/all.json

clean:  ## remove what the targets made: environment, demo, build outputs, caches
	rm -rf $(VENV) .demo bench-out docs/_build dist build .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
