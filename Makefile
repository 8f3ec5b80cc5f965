.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types contracts check bench serve lock clean
PYTHON := .venv/bin/python
# The tests start Python hundreds of times; from source each start takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

help:  ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | sed 's/:.*## /\t/' | expand -t 12

setup:  ## Debian packages that are missing, and .venv
	@tests/lab/prepare.sh

demo: setup  ## an alert becomes a profile, on real parts; ARGS=--once ends by itself
	@$(PYTHON) -m tests.demo $(ARGS)

test:  ## all tests; ARGS go to pytest
	@tests/lab/prepare.sh tests
	@$(PYTHON) -m tests.lab.golang
	@$(PYTHON) -m tests.lab.asprof
	@$(PYTHON) -m pytest -n 4 --dist worksteal $(ARGS)

lint: setup  ## ruff, bandit, shellcheck, gofmt
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/bandit --quiet --recursive --severity-level medium app
	@shellcheck .ci/run
	@shellcheck -s sh $$(git ls-files -co --exclude-standard '*.sh' ':!app/gate/parts')
	@$(PYTHON) -m tests.lab.gate_lint
	@$(PYTHON) -m tests.lab.golang format

types: setup  ## mypy --strict
	@.venv/bin/mypy

contracts: setup  ## the layers, by import-linter
	@.venv/bin/lint-imports

check: lint types contracts  ## lint, types and contracts

bench: setup  ## figures for docs/performance.md
	@$(PYTHON) -m tests.bench $(ARGS)

.PHONY: crash cut
crash: setup  ## kill -9 at N random moments of captures; POINTS=all: at every known point; REPLICAS=3: of a fleet
	@$(PYTHON) -m tests.lab.golang
	@$(PYTHON) -m tests.crash $(if $(POINTS),points,$(if $(REPLICAS),fleet --replicas $(REPLICAS),kill)) --rounds $(or $(N),500) $(ARGS)

cut: setup  ## connections cut at N random moments of captures
	@$(PYTHON) -m tests.lab.golang
	@$(PYTHON) -m tests.crash cut --rounds $(or $(N),500) --stages 4 $(ARGS)

.PHONY: fuzz
fuzz: setup  ## what strangers send, for longer than the tests: atheris, schemathesis, hypothesis; SECONDS=60 each
	@$(PYTHON) -m tests.fuzz $(or $(SECONDS),60)

.PHONY: matrix
matrix: setup  ## the tables of docs/ssh.md anew, with the newest servers that Debian has, and http-pprof of every Go and of Rust; root; ARGS=--write keeps them
	@tests/lab/prepare.sh tests
	@$(PYTHON) -m tests.matrix $(ARGS)

.PHONY: faults
faults: setup  ## services with known faults through the whole line, and what is found; ARGS=--write keeps the files
	@$(PYTHON) -m tests.lab.golang
	@$(PYTHON) -m tests.faults $(ARGS)
	@$(PYTHON) -m tests.faults.leaks

.PHONY: texts screenshots
screenshots:  ## the pictures of docs/pages.md anew, by Chromium
	@tests/lab/prepare.sh screenshots
	@$(PYTHON) -m tests.screenshots

texts: setup  ## the texts of the pages that are marked for translation into the catalogues of app/web/locale
	@$(PYTHON) -m tests.lab.texts

.PHONY: docs
docs: setup  ## the documents as a site in site/; fails for a link that leads nowhere. ARGS=serve: at http://127.0.0.1:8000
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs $(or $(ARGS),build)

serve: setup  ## the service on its defaults; ARGS go to it
	@$(PYTHON) -m app serve $(ARGS)

lock: setup  ## uv.lock anew from pyproject.toml
	@UV_PYTHON_DOWNLOADS=never .cache/uv/bin/uv lock

clean:  ## everything that was made here: .venv, caches, ./data stays
	@rm -rf .venv .cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
