# Everything a person needs: make demo | make test | make lint | make bench
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: venv demo test lint bench web clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt clients/web/hatch_build.py clients/web/package.json
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: venv
	$(BIN)/ptycholive demo

test: venv lint
	$(BIN)/python -m pytest
	$(BIN)/python clients/web/hatch_build.py test

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python clients/web/hatch_build.py lint

bench: venv
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) clients/web/node_modules clients/web/dist
