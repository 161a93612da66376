# make demo: install, compare four methods on the embedded corpus, say which to take, and show what it
# writes, in about five minutes of two cores. make test: run all tests. make docs: build the site of
# docs/ in site/. make notebooks: run those of docs/notebooks again.
# Needs Python 3.11 to 3.13; everything else goes into .venv.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: demo test docs notebooks
.SUFFIXES:

demo: $(VENV)/.installed
	@rm -rf runs/demo
	$(BIN)/textvae compare --name demo --methods none,annealing,bn,vmf \
		--trainer.max_epochs 6 --samples 100
	@echo "The report, to be opened in a browser: $(CURDIR)/runs/demo/report.html"

test: $(VENV)/.test-installed
	$(BIN)/python -m pytest

docs: $(VENV)/.docs-installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The site: $(CURDIR)/site/index.html"

notebooks: $(VENV)/.docs-installed
	$(BIN)/jupyter execute --inplace docs/notebooks/*.ipynb

# torch is installed first and alone, so that nothing pulls another build of it.
$(VENV)/.installed: constraints.txt pyproject.toml setup.py
	@test -n "$(PYTHON)" || { echo "make: needs Python 3.11, 3.12 or 3.13; name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(shell sed -n '/^torch==/p' constraints.txt)
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test-installed: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable '.[test]'
	@touch $@

$(VENV)/.docs-installed: $(VENV)/.installed
	$(PIP) --constraint constraints.txt --editable '.[docs]'
	@touch $@
