# Palmarès. `make` alone lists what can be done. Needs Python 3.11 or later and make, nothing else.

.DEFAULT_GOAL := help
.PHONY: help run demo serve test lint bench css translations lock clean

HOST ?= 127.0.0.1
PORT ?= 5000
WORKERS ?= 2

VENV := .venv
PY := $(VENV)/bin/python
FLASK := $(PY) -m flask --app app
PYTHON ?= python3
# The first Python that is recent enough.
FOUND_PYTHON = $(shell for p in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; break; }; done)

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-14s %s\n' "$$name" "$$text"; done

# --- the environments ------------------------------------------------------------------------------------------------

$(PY):
	@test -n "$(FOUND_PYTHON)" || { echo "Python 3.11 or later is needed (Debian package: python3)"; exit 1; }
	@"$(FOUND_PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "This Python cannot make environments; install the Debian package python3-venv:"; \
		echo "  apt-get install python3-venv"; exit 1; }
	@echo "Making the environment in $(VENV)"
	@"$(FOUND_PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.ready: requirements.txt | $(PY)
	@echo "Installing the libraries (once)"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt requirements.txt | $(PY)
	@echo "Installing the libraries and the tools (once)"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.ready

# --- running ---------------------------------------------------------------------------------------------------------

DEMONSTRATION = PALMARES_DEMONSTRATION=1 PALMARES_INSTANCE="$(CURDIR)/instance" \
	PALMARES_BASE_URL="http://$(HOST):$(PORT)" DATABASE_URL="sqlite:///$(CURDIR)/instance/$(1)"

run: $(VENV)/.ready instance/palmares.db ## Serve the demonstration on http://127.0.0.1:5000
	@$(call DEMONSTRATION,palmares.db) $(FLASK) db upgrade
	@cat instance/sign-ins.txt 2>/dev/null || true
	@echo
	@echo "  Palmarès: http://$(HOST):$(PORT)  (the sign-in page lists the people of the demonstration; Ctrl+C ends)"
	@echo
	@$(call DEMONSTRATION,palmares.db) $(FLASK) jobs serve & clock=$$!; \
		$(call DEMONSTRATION,palmares.db) $(PY) -m gunicorn --bind $(HOST):$(PORT) --threads 8 --log-level warning \
		'app:create_app()' & server=$$!; \
		trap 'ended=1; kill $$server $$clock 2>/dev/null' INT TERM HUP; \
		wait $$server; status=$$?; kill $$clock 2>/dev/null; wait; test -n "$$ended" || exit $$status

# Made beside and put in place whole, so that an interrupted filling is begun anew.
instance/palmares.db: | $(VENV)/.ready
	@mkdir -p instance && rm -f instance/being-made.db*
	@echo "Making the demonstration network (once, about a minute)"
	@$(call DEMONSTRATION,being-made.db) $(FLASK) db upgrade
	@$(call DEMONSTRATION,being-made.db) $(FLASK) demo > instance/sign-ins.txt || { cat instance/sign-ins.txt; exit 1; }
	@mv instance/being-made.db instance/palmares.db

demo: $(VENV)/.ready ## Fill the empty database of DATABASE_URL with the demonstration network
	@$(FLASK) db upgrade && $(FLASK) demo

serve: $(VENV)/.ready ## Serve in production (SECRET_KEY, DATABASE_URL…; run `flask jobs serve` beside it)
	@$(FLASK) db upgrade
	@exec $(PY) -m gunicorn --bind $(HOST):$(PORT) --workers $(WORKERS) --threads 4 'app:create_app()'

# --- checking --------------------------------------------------------------------------------------------------------

test: $(VENV)/.ready-dev chromium ## Run every check and test: SQLite, a real PostgreSQL, a real browser
	@$(PY) -m tests.everything

.PHONY: nightly
nightly: $(VENV)/.ready-dev chromium ## Run the journeys without network with ten seeds, and every look at every page
	@PALMARES_OFFLINE_SEEDS=10 PALMARES_EVERY_LOOK=1 $(PY) -m pytest -q -p no:cacheprovider -n 2 --dist worksteal \
		tests/browser/test_offline.py tests/browser/test_every_page.py

# The shell is the same engine without a window, and quicker: where it cannot be had, the whole browser does its part.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null && command -v chromium-headless-shell >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; \
			apt-get install -qq -y chromium chromium-headless-shell || apt-get install -qq -y chromium || true; fi; }
	@command -v chromium >/dev/null || { \
		echo "The tests need a browser; install the Debian package chromium: apt-get install chromium"; exit 1; }

lint: $(VENV)/.ready-dev ## Check the code and the templates: ruff, mypy (rules and operations), djlint
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m mypy $(sort $(wildcard */rules.py */operations.py rewards/closing.py rewards/payouts.py \
		rewards/catalogue.py rewards/codes.py rewards/fulfilment.py rewards/orders.py rewards/providers.py challenges/lifecycle.py))
	@$(PY) -m djlint templates --lint --quiet

bench: $(VENV)/.ready-dev ## Measure imports, closing and pages against plain inserts on this machine
	@$(PY) -m benchmarks.run
	@$(PY) -m benchmarks.closing

.PHONY: bench-million
bench-million: $(VENV)/.ready-dev ## Measure the closing of a million participants (a quarter of an hour, 15 GB of disk)
	@$(PY) -m benchmarks.closing --participants 1000000

.PHONY: lighthouse
lighthouse: $(VENV)/.ready-dev chromium ## Judge home, declare, ranking and sign-in with Lighthouse, as a phone (needs Node 20)
	@cd benchmarks/lighthouse && npm ci --no-fund --no-audit --loglevel=error
	@$(PY) -m benchmarks.lighthouse.run

# --- making ----------------------------------------------------------------------------------------------------------

css: ## Compile static/palmares.css (needs Node 20)
	@cd styles && npm ci --no-fund --no-audit && npm run build

.PHONY: scripts
scripts: ## Compile static/outbox*.js and static/service-worker.js (needs Node 20)
	@cd scripts && npm ci --no-fund --no-audit && npm run build

translations: $(VENV)/.ready-dev ## Gather the visible texts into the catalogues and list what has no English
	@$(PY) -m translations.update

lock: $(VENV)/.ready-dev ## Choose the versions of requirements.txt and requirements-dev.txt anew
	@mkdir -p build
	@$(PY) -m pip install -qq --dry-run --ignore-installed --report build/lock.json '.[postgres,redis]'
	@$(call WRITE_LOCK) > requirements.txt
	@$(PY) -m pip install -qq --dry-run --ignore-installed --report build/lock.json -c requirements.txt '.[dev]'
	@$(call WRITE_LOCK) > requirements-dev.txt

# What a backport brings is part of Python from 3.14 on, and its versions say so.
WRITE_LOCK = $(PY) -c 'import json; print("\n".join(sorted(("{name}=={version}".format(**i["metadata"]) \
	+ "; python_version < \"3.14\"" * i["metadata"]["name"].startswith("backports.") \
	for i in json.load(open("build/lock.json"))["install"] if i["metadata"]["name"] != "palmares"), key=str.lower)))'

clean: ## Remove the environment and what was built (never the data in instance/)
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
