# Each target sets up what it needs by itself: a Python 3.11 or newer, make and a compiler are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
# what a build of the site writes
MADE := docs/_build docs/api docs/auto_examples docs/auto_tutorials
export MPLBACKEND := Agg

# how quietly and patiently Debian's packages are installed
APT := DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120

.PHONY: bench bench-large bench-lattice chromium demo demo-dynamics test doctest docs docs-quick lint data clean

demo: $(VENV)/.installed
	$(BIN)/oxyspy demo -o demo-out

# a glass by the embedded potential, killed once and resumed, to D(O) and Ea: under ten minutes on two cores
demo-dynamics: $(VENV)/.installed
	$(BIN)/python benchmarks/dynamics_demo.py demo-out/dynamics

# a file's tests in one process, so that what they share is made once
test: $(VENV)/.installed-test chromium
	$(BIN)/python -m pytest -n 2 --dist loadfile

# for the report's test: Debian's, where there is none and packages may be installed; else that test is skipped, but on CI
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "installing Debian's chromium" \
	&& $(APT) update >/dev/null && $(APT) install --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	|| echo "no chromium: the report's test in a browser is skipped"

# ten steps of density functional theory by each program that is installed (Debian: apt-get install cp2k cp2k-data
# quantum-espresso quantum-espresso-data); some ten minutes
test-dft: $(VENV)/.installed-test
	OXYSPY_TEST_DFT=1 $(BIN)/python -m pytest -n 0 -k density_functional tests/dynamics/test_engines.py

# the examples in the docstrings
doctest: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n 2 --doctest-modules src/oxyspy

# the whole site in docs/_build/html, from nothing: every example, tutorial and block of code runs; a warning, a
# link that leads nowhere or a page that does not fit is an error
docs: $(VENV)/.installed-docs chromium
	rm -rf $(MADE)
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 docs docs/_build/html
	$(BIN)/python -m pytest -q -n 2 docs/check
	@echo "open docs/_build/html/index.html"

# the same pages, links and references checked, with nothing run
docs-quick: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q -D plot_gallery=0 -D run_blocks=0 docs docs/_build/quick

# beside eXSpy, pyEELSMODEL and plain numpy/scipy, in an environment of its own: benchmarks/results.md, eels_large.md,
# eels_peers.md and msd.md; about an hour on two cores. All are run; it fails where any promise is not kept
bench: $(BENCH)/.installed
	@failed=0; \
	$(BENCH)/bin/python benchmarks/eels_speed.py || failed=1; \
	$(BENCH)/bin/python benchmarks/eels_large.py || failed=1; \
	$(BENCH)/bin/python benchmarks/eels_peers.py || failed=1; \
	$(BENCH)/bin/python benchmarks/msd.py --peers $(BENCH)/bin/python || failed=1; \
	exit $$failed

# of that the files larger than memory, made and removed, and a million spectra
bench-large: $(BENCH)/.installed
	$(BENCH)/bin/python benchmarks/eels_large.py

# do the intervals hold the truth? 27 000 simulated scans and 4 x 50 images: a few hours on two cores
coverage: $(VENV)/.installed
	$(BIN)/python benchmarks/eels_coverage.py
	$(BIN)/python benchmarks/eels_ratio.py
	$(BIN)/python benchmarks/rows_coverage.py

# lattice images: windows right, the layer's coverage, time beside a plain FFT; an hour and a half on two quiet cores
bench-lattice: $(VENV)/.installed
	$(BIN)/python benchmarks/lattice_speed.py
	$(BIN)/python benchmarks/lattice_accuracy.py
	$(BIN)/python benchmarks/lattice_thickness.py
	$(BIN)/python benchmarks/lattice_strain.py

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
	$(BIN)/python -m pip install --quiet --editable ".[docs,test]"
	touch $@

clean:
	rm -rf $(VENV) $(BENCH) demo-out dist build $(MADE)
