# Every target is a thin call of one command line: .venv/bin/python -m ontime --help
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Your own stack, or that of the demo beside it: make status STACK=demo.
STACK ?=
ONTIME := $(BIN)/python -m ontime$(if $(STACK), --stack $(STACK))
STAMP := $(VENV)/.installed
# Nothing is written outside the checkout: the package cache lives with the environment it fills.
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/.cache
export UV_LINK_MODE := hardlink
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=
unexport VIRTUAL_ENV

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null \
	  || { echo "ontime needs Python 3.11 to 3.14; there is no $(PYTHON): apt-get install python3 python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	  || { echo "ontime needs Python 3.11 to 3.14; $(PYTHON) is another: set PYTHON=/path/to/python3.13" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null && "$(PYTHON)" -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "$(PYTHON) cannot make an environment: apt-get install python3-venv" >&2; exit 1; }

$(STAMP): requirements/all.txt requirements/bootstrap.txt | $(BIN)/python
	@echo "installing the locked environment into $(VENV)"
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --no-cache-dir --require-hashes -r requirements/bootstrap.txt
	@mkdir -p $(VENV)/.tmp
	@TMPDIR="$$PWD/$(VENV)/.tmp" $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/all.txt
	@$(BIN)/python -m deploy.native.openmp
	@touch $@

.PHONY: install
install: $(STAMP) ## Install the locked environment into .venv

.PHONY: demo
demo: $(STAMP) ## The whole loop on real data, about five minutes, on a stack of its own that stays up
	@$(ONTIME) demo $(if $(DAYS),--days $(DAYS))

.PHONY: local
local: $(STAMP) ## Start your own stack on this machine, with its data; the demo's again: STACK=demo
	@$(ONTIME) local

.PHONY: down
down: $(STAMP) ## Stop your own stack, native or under Compose, and the demo's; their data stay
	@$(ONTIME) down
	@$(if $(STACK),,$(MAKE) --no-print-directory down-compose-if-up)

.PHONY: status
status: $(STAMP) ## Say what runs and whether it is well
	@$(ONTIME) status

.PHONY: clean
clean: $(STAMP) ## Forget the demo's stack, after asking (YES=1: unasked); your own: STACK=own
	@$(ONTIME) clean $(if $(YES),--yes)

.PHONY: readme
readme: $(STAMP) ## After the demo: write the answer to README's question into README
	@$(ONTIME) readme

.PHONY: ingest
ingest: $(STAMP) ## Take files from data/inbox into the event log as they come, and say what became of them
	@$(ONTIME) ingest --watch

.PHONY: data-report
data-report: $(STAMP) ## Measure the data: docs/reports/data.md, its figures, var/reports/data.json
	@$(ONTIME) data-report

.PHONY: train
train: $(STAMP) ## Train on January to August 2013, tuned; needs no stack
	@$(ONTIME) train

.PHONY: evaluate
evaluate: $(STAMP) ## Test that model on September to December, beside others: docs/reports/model.md
	@$(ONTIME) evaluate

.PHONY: ablation
ablation: $(STAMP) ## What each family of features is worth
	@$(ONTIME) ablation

.PHONY: refits
refits: $(STAMP) ## What a refit before every month is worth
	@$(ONTIME) refits

.PHONY: bench-training
bench-training: $(STAMP) ## What a training set costs: the year once, three and ten times over
	@$(ONTIME) bench-training

.PHONY: bench-engines
bench-engines: $(STAMP) ## One piece of the features' arithmetic in numpy, DuckDB and Polars
	@$(ONTIME) bench-engines

.PHONY: audit
audit: $(STAMP) ## Look for facts of the future in every vector of the year
	@$(ONTIME) audit

.PHONY: bench-features
bench-features: $(STAMP) ## What each feature costs online, in microseconds
	@$(ONTIME) bench-features

.PHONY: walkthrough
walkthrough: $(STAMP) ## Execute docs/walkthrough.ipynb anew
	@$(ONTIME) walkthrough

.PHONY: train-first
train-first: $(STAMP) ## Train a first champion for the running stack, where there is none
	@$(ONTIME) train-first

.PHONY: retrain
retrain: $(STAMP) ## Train a candidate and hold it against the gate
	@$(ONTIME) retrain

.PHONY: policies
policies: $(STAMP) ## Compare retrain policies over the year: the report in docs/reports
	@$(ONTIME) policies

.PHONY: tune
tune: $(STAMP) ## Search for better tree parameters for some seconds, or go on with it: make tune BUDGET=600
	@$(ONTIME) tune --budget $(or $(BUDGET),600)

.PHONY: rollback
rollback: $(STAMP) ## Let the last champion serve again
	@$(ONTIME) rollback

.PHONY: replay
replay: $(STAMP) ## Replay April to December 2013, or days of it: make replay FROM=2013-04-11 TO=2013-04-12
	@$(ONTIME) replay $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))

.PHONY: drill
drill: $(STAMP) ## Inject a fault into replayed days and see whether it is found: make drill FAULT=weather-celsius
	@$(ONTIME) drill $(FAULT)

.PHONY: load
load: $(STAMP) ## Load the running API with real flights for a while
	@$(ONTIME) load

.PHONY: calibrate-alerts
calibrate-alerts: $(STAMP) ## How often the alert rules page in the dataset's year
	@$(ONTIME) calibrate-alerts

.PHONY: monitoring-report
monitoring-report: $(STAMP) ## Write docs/reports/monitoring.md from what the commands measured
	@$(ONTIME) monitoring-report

.PHONY: bench-monitoring
bench-monitoring: $(STAMP) ## What a night costs with 10,000 to 10 million predictions in the log
	@$(ONTIME) bench-monitoring

.PHONY: test
test: $(STAMP) ## Unit, integration and end-to-end tests against real servers
	@$(ONTIME) test

.PHONY: lint
lint: $(STAMP) ## Linters, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# One lock for every Python from 3.11 on: what only some of them need carries a marker.
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --universal --python-version 3.11

.PHONY: lock
lock: $(STAMP) ## Write the lock files anew from requirements/*.in
	@$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(LOCK) requirements/all.in -o requirements/all.txt

-include deploy/compose/compose.mk
-include deploy/pipeline/pipeline.mk
