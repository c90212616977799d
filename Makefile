# Each target sets up what it needs by itself: a Python 3.11 or newer, make and a compiler are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
export MPLBACKEND := Agg

.PHONY: bench bench-large demo demo-dynamics test doctest docs docs-quick lint data clean

demo: $(VENV)/.installed
	$(BIN)/oxyspy demo -o demo-out

# a glass by the embedded potential, killed once and resumed, to D(O) and Ea: under ten minutes on two cores
demo-dynamics: $(VENV)/.installed
	$(BIN)/python benchmarks/dynamics_demo.py demo-out/dynamics

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2

# the examples in the docstrings
doctest: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n 2 --doctest-modules src/oxyspy

# the whole site in docs/_build/html: every example, tutorial and block of code runs; a warning is an error
docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build/html
	@echo "open docs/_build/html/index.html"

# the same pages, links and references checked, with nothing run
docs-quick: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q -D plot_gallery=0 -D run_blocks=0 docs docs/_build/quick

# beside eXSpy, pyEELSMODEL and plain numpy/scipy, in an environment of its own: benchmarks/results.md, eels_peers.md and
# msd.md; about a quarter of an hour on two cores
bench: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/eels_speed.py
	$(BENCH)/bin/python benchmarks/eels_peers.py
	$(BENCH)/bin/python benchmarks/msd.py --peers $(BENCH)/bin/python

# an 8 GB file, made and removed, and a million spectra
bench-large: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/eels_large.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

# the files of test_data/, made again from their script
data: $(VENV)/.installed-test
	$(BIN)/python test_data/make.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(BENCH)/.installed: pyproject.toml benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --upgrade pip
	$(BENCH)/bin/python -m pip install --quiet --editable . -r benchmarks/requirements.txt
	touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[test,lint]"
	touch $@

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) $(BENCH) demo-out dist build docs/_build docs/api docs/auto_examples docs/auto_tutorials
