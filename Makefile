# Two commands do everything: `make demo` and `make test`. Each makes its own set-up.
.DEFAULT_GOAL := help
# Debian's own Python is built with profiles and runs nearly twice as fast as one built without: it goes before others.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11) python3.11)
PORT ?= 8042
DATA ?= demo-data
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --no-sync
export UV_PYTHON_DOWNLOADS = never
export UV_PYTHON = $(PYTHON)
# Where modules may not be kept compiled, each of some hundred processes of the tests compiles them anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.tools/bin/uv:
	$(PYTHON) -m pip --version >/dev/null 2>&1 && pip="$(PYTHON)" || pip=python3.11; \
	  $$pip -m pip install --quiet --disable-pip-version-check --target .tools uv

# The product alone: what a visitor's first minutes need.
.venv/.product: pyproject.toml uv.lock frontend/hatch_build.py | $(UV)
	$(UV) sync --frozen --no-dev --inexact --quiet
	@touch $@

.venv/.synced: pyproject.toml uv.lock frontend/hatch_build.py | $(UV)
	$(UV) sync --frozen --compile-bytecode --quiet
	@touch $@ .venv/.product

setup: .venv/.synced ## install what the product and its tests need

system: ## install the system packages that the tests drive (as root; otherwise say which are missing)
	@sh tools/system-packages.sh

demo: .venv/.product ## run the whole road, then leave hub and site running
	$(RUN) radcommons demo --data $(DATA) --port $(PORT)

# Much of a test's time is spent waiting for servers and browsers, so more of them run than there are processors.
test: .venv/.synced system ## everything that CI runs
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target style behaviour

style: .venv/.synced ## ruff, mypy, and the walls between the rooms
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports --no-cache

behaviour: .venv/.synced ## every test
	$(RUN) pytest -n 3 --dist loadfile

coverage: .venv/.synced ## how much of the code the quicker tests reach
	$(RUN) coverage erase
	$(RUN) coverage run -m pytest tests/architecture tests/unit tests/property tests/contract tests/policy tests/golden
	-$(RUN) coverage combine --quiet
	$(RUN) coverage report

quick: .venv/.synced ## the tests that take no server and no browser
	$(RUN) pytest tests/unit tests/property tests/architecture

wander: .venv/.synced ## look for new examples against the properties, each time others
	HYPOTHESIS_PROFILE=wander $(RUN) pytest tests/property

nightly: .venv/.synced ## faults for hours: kill -9 for ten minutes, a gigabyte, a hundred thousand parts, new examples for an hour
	RADCOMMONS_KILL_SECONDS=600 $(RUN) pytest -s tests/functional/test_hub_kill.py
	RADCOMMONS_LARGE_MB=1024 RADCOMMONS_MANY_PARTS=100000 $(RUN) pytest tests/functional/test_hub_input.py
	RADCOMMONS_BACKUPS=10 $(RUN) pytest tests/functional/test_hub_outage.py tests/functional/test_hub_keep.py
	RADCOMMONS_GET_BYTES=10000000000 RADCOMMONS_GET_SECONDS=7200 $(RUN) pytest --timeout=0 tests/functional/test_get.py -k five_times
	HYPOTHESIS_PROFILE=nightly $(RUN) pytest --timeout=0 tests/property/test_multipart.py tests/property/test_multipart_fuzz.py \
	  tests/property/test_rawjson.py tests/property/test_read.py

wheels: | $(UV) ## ask the index whether everything comes ready-made for each system
	sh tools/check-wheels.sh $(UV)

bench: .venv/.synced ## print the benchmark tables
	$(RUN) python benchmarks/road.py

.PHONY: help setup system demo test style behaviour coverage quick wander nightly wheels bench
