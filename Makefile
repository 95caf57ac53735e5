# `make demo` shows Postroom at work, `make check` is what every change must pass.
PYTHON ?= python3
VENV ?= .venv
# Most tests wait for other processes: more workers than cores pay off.
WORKERS ?= 4
# `make test POSTGRESQL=1`: all that touches the database, on PostgreSQL as well.
POSTGRESQL ?=
# `make demo ONCE=1` ends by itself; ARGS goes to the demo or to pytest as it stands.
ONCE ?=
ARGS ?=
# Folders of mails for `make fuzz` to mutate; without, the demo's samples.
MAILS ?=
# A folder that make image-check keeps; without, a new one that it removes.
ROOM ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# Some files hold many slow tests: who is done takes from who is not.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
	$(if $(filter-out 0,$(POSTGRESQL)),--postgresql)
# Here every branch is tested, not only most of them.
WHOLE := postroom/ini.py,postroom/settings.py,postroom/values.py,postroom/wire/*.py
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Tests start daemons by the hundred: without their bytecode each would compile itself anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-long check lint format coverage fuzz system-deps image-check bench-deps requirements screenshots clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         the whole chain with sample mails and a page; ONCE=1 ends when all were seen"
	@echo "make test         all tests; ARGS='-k wire' for some; POSTGRESQL=1: all on both databases"
	@echo "make test-long    the tests that make test leaves out, more of its kind"
	@echo "make check        format, lint, types, import rules, tests with coverage"
	@echo "make lint         the same without the tests"
	@echo "make format       write the format, mend what can be mended"
	@echo "make fuzz         the property tests with many more examples, and mutated mails"
	@echo "make system-deps  Debian packages that the tests use (Dovecot, PostgreSQL, Chromium, Monit, ...)"
	@echo "make image-check  build the image and see it run, with Docker, Podman or (root) buildah"
	@echo "make bench-deps   Debian packages that the benchmark compares with"
	@echo "make requirements pin all dependencies anew, with hashes"
	@echo "make screenshots  pictures of all pages into docs/screenshots"
	@echo "make clean        remove the virtual environment and caches"

demo: $(VENV)/runtime.stamp
	@$(MAKE) --no-print-directory $(VENV)/demo.stamp || \
		echo "The embedded mail servers cannot be installed here: a Maildir has the samples, no digest is mailed."
	@$(BIN)/python -m postroom.demo $(if $(filter-out 0,$(ONCE)),--once) $(ARGS)

test: $(VENV)/dev.stamp
	$(PYTEST) $(ARGS)

test-long: $(VENV)/dev.stamp
	$(PYTEST) -m long $(ARGS)

check: lint coverage

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: $(VENV)/dev.stamp
	$(PYTEST) --cov --cov-report=term $(ARGS)
	$(BIN)/coverage report --include=$(WHOLE) --fail-under=100

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: $(VENV)/dev.stamp
	$(PYTEST) --hypothesis-profile=many -m hypothesis $(ARGS)
	$(BIN)/python -m bench.fuzz_parser $(MAILS)

# Debian starts a package's service when it is installed; the tests run their own on free ports.
define apt_install
	@if ! command -v apt-get > /dev/null; then \
		echo "There is no apt-get here: install $(1) your system's way, or do without:" \
			"what needs them is skipped."; \
	elif [ "$$(dpkg-query -W -f '$${db:Status-Status}\n' $(1) 2> /dev/null | grep -cx installed)" \
			= $(words $(1)) ]; then \
		echo "Installed already: $(1)"; \
	else \
		export DEBIAN_FRONTEND=noninteractive; \
		$(SUDO) apt-get update -q && $(SUDO) apt-get install -q -y --no-install-recommends $(1); \
	fi
endef

system-deps:
	$(call apt_install,dovecot-imapd dovecot-pop3d openssl bubblewrap rabbitmq-server chromium-headless-shell \
		fonts-dejavu-core postgresql monit systemd docker-compose)

image-check:
	@deploy/image-check.sh $(ROOM)

bench-deps: system-deps
	$(call apt_install,isync notmuch getmail6)

# What the image (deploy/Dockerfile) has besides the daemons' own.
IMAGE := --extra postgresql --extra rabbitmq --extra tnef

# The demo's, the developers' and the image's pins are the daemons' own and a few more. pytest-cov asks for
# coverage[toml]: pip takes that for pinned only when the pin names the extra, too.
requirements:
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet pip-tools
	$(call pin,requirements.txt,--strip-extras)
	$(call pin,requirements-demo.txt,--constraint requirements.txt --extra demo --strip-extras)
	$(call pin,requirements-dev.txt,--constraint requirements.txt --extra dev --no-strip-extras)
	$(call pin,requirements-image.txt,--constraint requirements-dev.txt $(IMAGE) --strip-extras)

define pin
	.venv-tools/bin/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe \
		--no-header --no-emit-options --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host $(2) --output-file $(1) pyproject.toml
endef

screenshots: $(VENV)/dev.stamp
	$(BIN)/python -m tests.web.screenshots

clean:
	rm -rf $(VENV) .venv-tools .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f .coverage .coverage.*

$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Postroom needs Python 3.11 or newer, and $(PYTHON) is not:" \
			"name another one, for example make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/runtime.stamp: requirements.txt $(VENV)/made.stamp
	@echo "Installing $< into $(VENV) ..."
	@$(PIP) install --quiet --require-hashes -r $<
	@touch $@

$(VENV)/demo.stamp: requirements-demo.txt $(VENV)/made.stamp
	@$(PIP) install --quiet --require-hashes -r $<
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/made.stamp
	@echo "Installing $< into $(VENV) ..."
	@$(PIP) install --quiet --require-hashes -r $<
	@touch $@
