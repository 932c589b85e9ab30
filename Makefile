# `make demo` and `make test` do everything; both install what they need, into .venv and once. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 4
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
APT := $(if $(filter 0,$(shell id -u)),,sudo -n) env DEBIAN_FRONTEND=noninteractive apt-get -qq

PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast nightly lint types package docs bench image install sdks clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## watch a whole login: real Chromium, the built-in sandbox, a token in a file and at a webhook
	@$(BIN)/autologin demo --folder .demo

# Most of a browser test is waiting, so there are more workers than cores. Two calls, because pytest-playwright's event loop
# breaks the asyncio tests that follow it in one process.
test: lint types package sdks ## everything that must pass: lint, types, the wheel, all tests (some 13 minutes)
	$(PYTEST) tests --ignore tests/pages
	$(PYTEST) tests/pages

# Without what `make sdks` installs.
test-fast: install ## units and contracts, without a browser and without the SDKs (within a minute)
	$(PYTEST) tests/unit tests/contract --ignore-glob '*/test_sdk_*' \
	  --ignore tests/contract/test_docs_webhooks.py --ignore tests/contract/test_webhook_verifiers.py

nightly: sdks ## all that is long by nature: every scenario, replica and fault, a whole year, 10,000 histories, 100,000 odd answers
	MATRIX=all SCENARIOS=all REPLICAS=all YEARS=all HISTORIES=10000 CASES=100000 $(PYTEST) tests --ignore tests/pages
	$(PYTEST) tests/pages

lint: install ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy --strict
	$(BIN)/mypy autologin flows

package: install ## sdist and wheel, used in an empty environment
	scripts/check-package

docs: install ## write README's table of brokers and the heads of docs/brokers
	scripts/write-docs

bench: sdks ## speed, as ratios against bare scripts
	$(BIN)/python bench/login.py
	$(BIN)/python bench/delivery.py
	$(BIN)/python bench/brokers.py

# Needs docker, podman or buildah; words for the build: make image ARGS='--no-cache'
image: ## the container image
	scripts/build-image $(ARGS)

install: .venv/installed ## the virtual environment, Chromium, and what the tests need of the system
	@$(BIN)/autologin browser install >/dev/null
	@(command -v Xvfb && command -v xdotool) >/dev/null \
	  || ($(APT) update; $(APT) install -y --no-install-recommends xvfb xdotool) >/dev/null 2>&1 \
	  || echo 'The tests of --headed need the packages xvfb and xdotool' >&2
	@command -v systemd-analyze >/dev/null || ($(APT) update; $(APT) install -y --no-install-recommends systemd) >/dev/null 2>&1 \
	  || echo 'The tests of the units need systemd-analyze (Debian: the package systemd)' >&2
	@scripts/install-docker-seccomp || echo "A test needs Docker's seccomp profile (Debian: golang-github-docker-docker-dev)" >&2
	@scripts/install-promtool || echo 'The tests of the metrics need promtool (Debian: the package prometheus)' >&2

.venv/installed: pyproject.toml constraints.txt
	@echo 'Installing into .venv (once, a minute or two) ...' >&2
	@$(PYTHON) -m venv .venv || ($(APT) update; $(APT) install -y python3-venv && $(PYTHON) -m venv --clear .venv)
	@($(PIP) --upgrade pip && $(PIP) --editable '.[sandbox]' --group test --group lint) >.venv/install.log 2>&1 \
	  || (tail -20 .venv/install.log >&2; exit 1)
	@touch $@

sdks: install ## official SDKs and npm packages that the tests use
	@scripts/install-sdks

clean: ## remove what the other targets made
	rm -rf .venv .tools .demo build dist *.egg-info
