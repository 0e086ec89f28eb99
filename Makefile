# The two commands are `make demo` and `make test`; `make help` lists the rest.
# Needs Python 3.11 or newer and make, nothing else; works in any folder (spaces too), as root and as anybody.
# Everything it makes lies in this checkout, except a database of root's in a closed folder (see `make clean`).
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The first Python that will do: those the pins were tested on first. `make PYTHON=/path/to/python3 …` names another.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
# Always the interpreter with a module: the scripts in .venv/bin hold the folder they were made in.
RUN := .venv/bin/python -m
# What runs and lies in this checkout, whatever the environment names.
OURS := env -u DATABASE_URL -u DATABASE_URL_FILE ABMATIC_DATA_DIR="$(CURDIR)/.abmatic"

demo: install ## Run it with a realistic Salesforce org, data imported: make demo ARGS="--once --json"
	@$(RUN) abmatic.cli demo $(ARGS)

test: install-dev browser clients ## Run every test: make test ARGS="tests/postgres -k killed"
	@$(RUN) pytest -n $${PYTEST_WORKERS:-auto} $(ARGS)

check: lint test ## What CI runs: lint and test

bench: install-dev ## Measure the import beside its floor, and the emulator: make bench ARGS="--only emulator"
	@$(RUN) benchmarks $(ARGS)

soak: install-dev ## Kill it at a thousand points and compare: make soak ARGS="--points 200 --seed 7"
	@$(RUN) tests.soak $(ARGS)

run: install ## Run it with your own org
	@$(RUN) abmatic.cli up $(ARGS)

install: python ## What running it needs, into .venv
	@"$(PYTHON)" scripts/install.py app

install-dev: python ## What testing and checking it needs besides
	@"$(PYTHON)" scripts/install.py dev

browser: install-dev ## A Chromium for the tests: the system's, or one that is installed
	@.venv/bin/python scripts/browser.py

pictures: browser ## Pictures of every page and dialog, to be looked at: make pictures ARGS="--only grids --docs"
	@.venv/bin/python scripts/pictures.py $(ARGS)

clients: install-dev ## Salesforce clients that others wrote, for the tests of the emulator
	@.venv/bin/python scripts/clients.py

lint: install-dev ## Style, types, rooms and security
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	.venv/bin/lint-imports
	$(RUN) bandit -q -c pyproject.toml -r src scripts

format: install-dev ## Put the code into its form
	$(RUN) ruff check --fix
	$(RUN) ruff format

lock: install-dev ## Pin every dependency again (hashes, no index address)
	$(RUN) uv pip compile -q pyproject.toml --extra emulator --group build --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/app.txt
	$(RUN) uv pip compile -q pyproject.toml --extra emulator --group build --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements/app.txt -o requirements/dev.txt
	$(RUN) uv pip compile -q requirements/clients.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/clients.txt

clean: ## Stop what runs from here and remove everything that was made, the data too
	@if [ -x .venv/bin/python ] && [ -d .abmatic ]; then \
		$(OURS) $(RUN) abmatic.cli stop && $(OURS) $(RUN) abmatic.cli database remove --yes; fi
	@rm -rf .venv .abmatic frontend/node_modules src/abmatic/web/static/vendor dist build \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Clean."

python:
	@if [ -z "$(PYTHON)" ]; then echo "There is no Python 3.11 or newer here. Install one (Debian 12 and later: apt install \
	python3 python3-venv), or name it: make PYTHON=/path/to/python3 …" >&2; exit 1; fi

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo test check bench soak run install install-dev browser pictures clients lint format lock clean python help
