# `make report` does the main job, `make test` passes the tests; both set up everything they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
READY_DEV := $(VENV)/ready-dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest

.PHONY: report test test-all mutation bench lint format setup lock clean tools

report: $(READY) tools
	$(BIN)/bitmill report int-vs-fp -o reports/results/int-vs-fp
	$(BIN)/python -m bitmill.reports.readme

test: $(READY_DEV) tools
	$(PYTEST) -n 2 --dist worksteal -q

test-all: $(READY_DEV) tools
	$(PYTEST) -n 2 --dist worksteal -q -m "long or not long"

mutation: $(READY_DEV) tools
	$(BIN)/python -m bitmill.tests.mutation -o reports/results/mutation

bench: $(READY_DEV) tools
	$(BIN)/python -m bitmill.studies.bench -o reports/results/bench

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(READY_DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(READY_DEV) tools

# The locks pin every version; pyproject.toml says what each dependency is for.
$(READY): pyproject.toml requirements.lock
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); [ "$$(id -u)" = 0 ] && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(VENV); } || { \
	  echo "bitmill: missing tool venv: install it, on Debian with 'sudo apt-get install python3-venv'" >&2; exit 2; }
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --editable .
	touch $@

$(READY_DEV): $(READY) requirements-dev.lock
	$(PIP) -r requirements-dev.lock
	mkdir -p $(VENV)/links && ln -sfn ../.. $(VENV)/links/bitmill
	touch $@

# The tools that no Python package carries: Icarus Verilog, and OpenSTA with a cell library for the liberty target.
LIBERTY := /usr/share/qflow/tech/osu018/osu018_stdcells.lib
tools:
	@missing=$$(command -v iverilog >/dev/null || echo iverilog; command -v sta >/dev/null || echo opensta; \
	  test -e $(LIBERTY) || echo qflow-tech-osu018); missing=$$(echo $$missing); \
	[ -z "$$missing" ] || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "bitmill: missing tools: install them, on Debian with 'sudo apt-get install $$missing'" >&2; \
	  case "$$missing" in *iverilog*) exit 2;; esac; fi

lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet ".[language]"
	build/lock/bin/python -m pip freeze | grep -v '^bitmill' > requirements.lock
	build/lock/bin/python -m pip install --quiet ".[language,dev]"
	echo "-r requirements.lock" > requirements-dev.lock
	build/lock/bin/python -m pip freeze | grep -v '^bitmill' | grep -vxFf requirements.lock >> requirements-dev.lock
	rm -rf build/lock

clean:
	rm -rf $(VENV) build *.egg-info
