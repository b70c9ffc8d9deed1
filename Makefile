# Works on a machine with Python 3.11+, git and make; everything else goes into .venv.
# Another Python: make test PYTHON=python3.13

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
FORM ?= full

VENV := .venv
BENCH_VENV := .venv-bench
BDE_VENV := .venv-bde
BIN := $(VENV)/bin
SITE := docs/_build/html
ALONE := build/alone
INSTALL := -m pip --disable-pip-version-check install --quiet

# JAX's CUDA build, where there is an NVIDIA driver for it.
with_cuda = @if command -v nvidia-smi >/dev/null; then $(1)/python $(INSTALL) --editable ".[cuda]"; fi

# Stamps: what a virtual environment holds. Both extras are installed editable, so that one
# environment serves the demo and the tests.
CLI := $(VENV)/.installed-cli
DEV := $(VENV)/.installed-dev
DOCS := $(VENV)/.installed-docs
RELEASE := $(VENV)/.installed-release
BENCH := $(BENCH_VENV)/.installed-bench
# sklearn-contrib-bde pins an old blackjax, so that it needs one of its own.
BDE := $(BDE_VENV)/.installed-bde

PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal src tests
# Most of the suite is compiling, more than half of which this spares; test-slow and test-all compile
# as users do.
QUICKLY := JAX_DISABLE_MOST_OPTIMIZATIONS=1 XLA_FLAGS="$$XLA_FLAGS --xla_cpu_use_fusion_emitters=false"
FAST := not slow and not kill and not browser and not gpu
SLOW := (slow or kill or browser) and not gpu

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-slow test-all test-gpu lint docs wheel bench bench-gpu quality memory latency methods million \
	streaming cost variance posteriordb tabular uci bde clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(CLI) ## Fit the moons and write figures and a report to moons-demo/
	$(BIN)/moonfield demo moons --out moons-demo --force $(ARGS)

test: $(DEV) ## Run the test suite and the examples in docstrings
	$(QUICKLY) $(PYTEST) -m "$(FAST)" $(ARGS)

test-slow: $(DEV) ## Run only the slow statistical, kill and browser tests
	$(PYTEST) -m "$(SLOW)" $(ARGS)

test-all: $(DEV) ## Run every test that needs no GPU
	$(PYTEST) -m "not gpu" $(ARGS)

test-gpu: $(DEV) ## Run the tests that need a GPU; skipped where JAX sees none
	$(call with_cuda,$(BIN))
	$(BIN)/python -m pytest -m gpu -rs tests $(ARGS)

lint: $(DEV) ## Check style, format, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: $(DOCS) ## Build the site (FORM=short: fewer steps; FORM=plain: nothing executed)
	MOONFIELD_DOCS=$(FORM) $(BIN)/python -m sphinx -W --keep-going -q -b html docs $(SITE) $(ARGS)
	$(BIN)/python docs/building/check.py $(SITE)
	$(BIN)/python docs/building/look.py $(SITE)
	@echo "The site is in $(SITE)/index.html"

wheel: $(RELEASE) ## Build the wheel, check it, install it alone and run the demo from there
	rm -rf dist $(ALONE)
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(PYTHON) -m venv --clear $(ALONE)
	$(ALONE)/bin/python $(INSTALL) "$$(ls dist/*.whl)[cli]"
	cd $(ALONE) && bin/moonfield demo moons --out moons-demo --force $(ARGS)

bench: $(BENCH) ## Time the moons against PyMC, NumPyro and C
	$(BENCH_VENV)/bin/python benchmarks/moons.py $(ARGS)

bench-gpu: $(BENCH) ## Time the moons and a ConvNet on the accelerator that JAX sees
	$(call with_cuda,$(BENCH_VENV)/bin)
	$(BENCH_VENV)/bin/python benchmarks/gpu.py $(ARGS)

quality: $(BENCH) ## Score the fits against PyMC's and NumPyro's on random splits
	$(BENCH_VENV)/bin/python benchmarks/quality.py $(ARGS)

memory: $(BENCH) ## Measure the memory of a large prediction
	$(BENCH_VENV)/bin/python benchmarks/memory.py $(ARGS)

million: $(BENCH) ## Time and memory of fit, predict and report on 1,000,000 rows
	$(BENCH_VENV)/bin/python benchmarks/million.py $(ARGS)

streaming: $(BENCH) ## Fits of up to 10,000,000 rows from Parquet beside the same from memory
	$(BENCH_VENV)/bin/python benchmarks/streaming.py $(ARGS)

latency: $(BENCH) ## Time single answers of an exported artefact, and of predict
	$(BENCH_VENV)/bin/python benchmarks/latency.py $(ARGS)

cost: $(BENCH) ## Time and memory of a step against weights, rows and draws
	$(BENCH_VENV)/bin/python benchmarks/cost.py $(ARGS)

variance: $(BENCH) ## Gradient variance under draws that rows share or do not share
	$(BENCH_VENV)/bin/python benchmarks/variance.py $(ARGS)

methods: $(BENCH) ## Every method on the moons, beside NUTS
	$(BENCH_VENV)/bin/python benchmarks/methods.py $(ARGS)

posteriordb: $(BENCH) ## Every method on the reference posteriors of posteriordb
	$(BENCH_VENV)/bin/python benchmarks/posteriordb.py $(ARGS)

tabular: $(BENCH) $(BDE) ## The estimators beside scikit-learn's and bde on tables
	$(BENCH_VENV)/bin/python benchmarks/tabular.py $(ARGS)

uci: $(BENCH) ## The regression sets and splits of the literature, beside what was published
	$(BENCH_VENV)/bin/python benchmarks/uci.py $(ARGS)

bde: $(BENCH) $(BDE) ## Airfoil and bike, beside bde and a deep ensemble
	$(BENCH_VENV)/bin/python benchmarks/bde.py $(ARGS)

clean: ## Remove environments, caches and builds
	rm -rf $(VENV) $(BENCH_VENV) $(BDE_VENV) build dist moons-demo docs/_build docs/_generated docs/reference/api
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CLI): pyproject.toml $(VENV)/.created
	@echo "Installing Moonfield into $(VENV): a minute or two, once"
	@$(BIN)/python $(INSTALL) --editable ".[cli]"
	@touch $@

$(DEV): pyproject.toml $(VENV)/.created
	@echo "Installing Moonfield and its development tools into $(VENV): some minutes, once"
	@$(BIN)/python $(INSTALL) --editable ".[dev]"
	@touch $(CLI) $@

$(DOCS): pyproject.toml $(VENV)/.created
	@echo "Installing what the site needs into $(VENV): some minutes, once"
	@$(BIN)/python $(INSTALL) --editable ".[dev,docs]"
	@touch $(CLI) $(DEV) $@

$(RELEASE): pyproject.toml $(VENV)/.created
	@$(BIN)/python $(INSTALL) "build>=1.2" "twine>=6.0"
	@touch $@

$(BENCH): pyproject.toml $(BENCH_VENV)/.created
	@echo "Installing Moonfield and its peers into $(BENCH_VENV): some minutes, once"
	@$(BENCH_VENV)/bin/python $(INSTALL) --editable ".[bench]"
	@touch $@

$(BDE): $(BDE_VENV)/.created
	@echo "Installing sklearn-contrib-bde into $(BDE_VENV): some minutes, once"
	@$(BDE_VENV)/bin/python $(INSTALL) "sklearn-contrib-bde==1.0.2"
	@touch $@

%/.created:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "$(PYTHON) is not there: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Moonfield needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
		"Name another: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(@D) || \
		{ echo "$(PYTHON) -m venv failed: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }
	@touch $@
