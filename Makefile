# Everything runs in .venv, which is made once and again where pyproject.toml or constraints.txt has changed.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3 python3.11 python3.12 python3.13 python3.14 python
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-all lint format bench clean
.DELETE_ON_ERROR:

help: ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' $(MAKEFILE_LIST) | while read -r name words; do \
		printf '  make %-10s %s\n' "$$name" "$$words"; done

demo: $(VENV)/train.stamp ## Install, train the intent classifier on the built-in starter set, ask it something
	$(BIN)/python -m hiddenstate demo

test: lint ## Linter, type checker and the fast tests: at most 10 minutes on 2 cores
	$(BIN)/python -m pytest -m "not slow" --durations=10

test-slow: $(VENV)/dev.stamp ## Only the slow tests: end-to-end runs, packaging
	$(BIN)/python -m pytest -m slow

test-all: test test-slow ## Everything

lint: $(VENV)/dev.stamp ## Linter, format and type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## Put every file into the common format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/train.stamp ## Measure again what benchmarks/results holds (hours)
	$(BIN)/python benchmarks/quality.py

clean: ## Remove .venv and everything that was made, except runs/
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/train.stamp: $(VENV)/python.stamp pyproject.toml constraints.txt
	@echo "Installing hiddenstate into $(VENV) (once; some minutes where torch has to be fetched) ..."
	@$(INSTALL) scikit-build-core
	@$(INSTALL) --no-build-isolation --editable ".[train]"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/python.stamp pyproject.toml constraints.txt
	@echo "Installing hiddenstate and its test tools into $(VENV) (once) ..."
	@$(INSTALL) scikit-build-core
	@$(INSTALL) --no-build-isolation --editable ".[dev]"
	@touch $(VENV)/train.stamp $@

# A name on the path may be a shim that does not run, so each is asked for its version.
$(VENV)/python.stamp:
	@found=; for python in $(PYTHON); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "hiddenstate needs Python 3.11 or newer; none of these is one: $(PYTHON)." >&2; \
		for python in $(PYTHON); do "$$python" --version 2>/dev/null | sed "s/^/    $$python is /" >&2; done; \
		echo "Install one, or name yours: make demo PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version) ..."; \
	if ! "$$found" -m venv $(VENV); then \
		echo "$$found could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	touch $@
