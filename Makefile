# Two commands do everything: `make demo` and `make test`. Both install what they need, into .venv and once.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

.PHONY: install demo test lint types check package bench clean

install: .venv/installed
	@$(BIN)/autologin browser install >/dev/null
	@command -v Xvfb >/dev/null || sh -c '$(APT) install -y --no-install-recommends xvfb' >/dev/null 2>&1 || echo 'Xvfb is missing: the tests of --headed need it' >&2

APT := S=; [ "$$(id -u)" = 0 ] || S="sudo -n"; $$S env DEBIAN_FRONTEND=noninteractive apt-get -qq

.venv/installed: pyproject.toml constraints.txt
	@echo 'Installing into .venv (once, a minute or two) ...' >&2
	@$(PYTHON) -m venv .venv || sh -c '$(APT) update; $(APT) install -y python3-venv && rm -rf .venv && $(PYTHON) -m venv .venv'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --upgrade pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[sandbox]' --group test --group lint
	@touch $@

demo: install
	@$(BIN)/autologin demo --folder .demo

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy autologin flows

# pytest-playwright's event loop breaks the asyncio tests that follow it in one process: hence two calls.
test: lint types
	$(BIN)/pytest -q -n $(WORKERS) tests --ignore tests/pages
	$(BIN)/pytest -q -n $(WORKERS) tests/pages

package: install
	scripts/check-package

bench: install
	$(BIN)/python bench/login.py

clean:
	rm -rf .venv .demo build dist *.egg-info
