# The two commands are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

lock: ## Pin every dependency again (hashes, no index address)
	uv pip compile -q pyproject.toml --extra emulator --group build --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/app.txt
	uv pip compile -q pyproject.toml --extra emulator --group build --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements/app.txt -o requirements/dev.txt

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14
.PHONY: lock help
