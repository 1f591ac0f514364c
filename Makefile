# Everything runs in .venv, which is made once and again where pyproject.toml, constraints.txt
# or what the compiled module is made from has changed. Another Python: make demo PYTHON=python3.12
# Another compiler: make demo CXX=clang++, or, where there is none, the one of the package ziglang: make demo COMPILER=ziglang

PYTHON ?= python3 python3.11 python3.12 python3.13 python3.14 python
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --constraint constraints.txt

COMPILER ?=
ifneq ($(origin CXX),default)
export CXX
endif
# What compiles native/: the package that was asked for, else the compiler on the path, else nothing. Where it has
# become another, the installation is made again.
COMPILED_BY := $(or $(COMPILER),$(if $(shell command -v $(firstword $(CXX)) 2>/dev/null),$(notdir $(firstword $(CXX)))))
# An installation goes on where the module cannot be built; for development that is an error if there is a compiler.
HIDDENSTATE_NATIVE ?= $(if $(COMPILED_BY),required)
BUILD_TOOLS := scikit-build-core nanobind cmake ninja $(COMPILER)
INSTALL_THIS := $(INSTALL) --no-build-isolation $(if $(COMPILER),--config-settings compiler=$(COMPILER)) --editable
NOTICE := $(BIN)/python -c "from hiddenstate import native; print(native.notice() or 'The compiled core is here.')"
MADE_FROM := pyproject.toml constraints.txt CMakeLists.txt $(if $(COMPILED_BY),$(VENV)/compiled-by-$(COMPILED_BY).stamp) \
	$(wildcard installation/*.py native/*.cpp native/*.h native/printed/*.h)
FORMATTED := $(wildcard native/*.cpp native/*.h)
SANITIZED := build/sanitize

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-all sanitize lint format bench clean
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

test-all: test test-slow sanitize ## Everything

# Interrupts are about time, of which sanitized code takes a hundred times as much.
# The sanitizers' libraries have to be in the process before Python is. Python itself never gives all memory back.
sanitize: $(VENV)/dev.stamp ## tests/native with AddressSanitizer and UndefinedBehaviorSanitizer (GCC) in the module
	@CXX="$(CXX)" $(BIN)/cmake -S . -B $(SANITIZED) -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) \
		-DPython_EXECUTABLE=$(abspath $(BIN)/python) -Dnanobind_DIR="$$($(BIN)/python -m nanobind --cmake_dir)" \
		-DHIDDENSTATE_SANITIZE=ON -DHIDDENSTATE_STRICT=ON >/dev/null
	@$(BIN)/cmake --build $(SANITIZED)
	HIDDENSTATE_NATIVE_FILE="$$(ls $(abspath $(SANITIZED))/_native.*)" \
	LD_PRELOAD="$$(for library in asan ubsan stdc++; do $(CXX) -print-file-name=lib$$library.so; done | tr '\n' ' ')" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
		$(BIN)/python -m pytest -m "not slow" tests/native --ignore tests/native/test_interrupts.py -p no:cacheprovider

lint: $(VENV)/dev.stamp ## Linter, format and type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(FORMATTED),$(BIN)/clang-format --dry-run --Werror $(FORMATTED))

format: $(VENV)/dev.stamp ## Put every file into the common format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(FORMATTED),$(BIN)/clang-format -i $(FORMATTED))

bench: $(VENV)/train.stamp ## Measure again what benchmarks/results holds (hours)
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/quality.py

clean: ## Remove .venv and everything that was made, except runs/
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f src/hiddenstate/_native*
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/train.stamp: $(VENV)/python.stamp $(MADE_FROM)
	@echo "Installing hiddenstate into $(VENV) (once; some minutes where torch has to be fetched) ..."
	@$(INSTALL) $(BUILD_TOOLS)
	@$(INSTALL_THIS) ".[train]"
	@$(NOTICE)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/python.stamp $(MADE_FROM)
	@echo "Installing hiddenstate and its test tools into $(VENV) (once) ..."
	@$(INSTALL) $(BUILD_TOOLS)
	@HIDDENSTATE_NATIVE=$(HIDDENSTATE_NATIVE) $(INSTALL_THIS) ".[dev]"
	@$(NOTICE)
	@touch $(VENV)/train.stamp $@

$(VENV)/compiled-by-%.stamp: | $(VENV)/python.stamp
	@rm -f $(VENV)/compiled-by-*.stamp && touch "$@"

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
