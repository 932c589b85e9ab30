# Two commands do everything: `make demo` and `make test`. Both install what they need, into .venv and once.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 4
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
APT := $(if $(filter 0,$(shell id -u)),,sudo -n) env DEBIAN_FRONTEND=noninteractive apt-get -qq

.PHONY: install sdks demo test lint types package image bench clean

install: .venv/installed
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

sdks: install
	@scripts/install-sdks

demo: install
	@$(BIN)/autologin demo --folder .demo

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy autologin flows

# Most of a browser test is waiting, so there are more workers than cores. Two calls, because pytest-playwright's event loop
# breaks the asyncio tests that follow it in one process.
test: lint types package sdks
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal tests --ignore tests/pages
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal tests/pages

package: install
	scripts/check-package

# Needs docker, podman or buildah; words for the build: make image ARGS='--no-cache'
image:
	scripts/build-image $(ARGS)

bench: sdks
	$(BIN)/python bench/login.py
	$(BIN)/python bench/delivery.py
	$(BIN)/python bench/brokers.py

clean:
	rm -rf .venv .tools .demo build dist *.egg-info
