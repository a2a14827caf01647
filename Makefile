# Every target is a thin call of one command line: .venv/bin/ontime --help
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# For what needs no library: where Compose runs there need be no environment.
HOST_PYTHON = $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
export HOST_PYTHON
# What other programs export under such names is not meant here: of these, only the words after `make` count.
$(foreach name,STACK YES NAME HOST VERSION,$(if $(filter environment,$(origin $(name))),$(eval override $(name) :=)))
# Your own stack, or that of the demo beside it: make status STACK=demo.
STACK ?=
# As it was written, whatever is in it: the shell takes it from the environment.
export REASON
# The module, not the script `ontime`: it is the code of this checkout, also in a copied environment.
ONTIME := $(BIN)/python -m ontime$(if $(STACK), --stack $(STACK))
# Without an environment the command is in the worker's image.
ON_WHAT_RUNS = $(if $(wildcard $(BIN)/ontime),$(ONTIME),$(HOST_PYTHON) -m deploy.compose ontime)
ONTIME_OR_COMPOSE = $(if $(wildcard $(BIN)/ontime),$(ONTIME),$(HOST_PYTHON) -m deploy.compose)
STAMP := $(VENV)/.installed
# What computes heavy work, and what fits trees: make train ENGINE=dask FIT_ENGINE=dask DASK_SCHEDULER=tcp://...
ifdef ENGINE
export ONTIME_ENGINE := $(ENGINE)
endif
ifdef FIT_ENGINE
export ONTIME_FIT_ENGINE := $(FIT_ENGINE)
endif
ifdef DASK_SCHEDULER
export ONTIME_DASK_SCHEDULER := $(DASK_SCHEDULER)
endif
# Nothing is written outside the checkout: the package cache lives with the environment it fills.
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/.cache
export UV_LINK_MODE := hardlink
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=
unexport VIRTUAL_ENV

# A line `##@ Group` begins a group, in each of the files; `ontime --help` has the same groups.
GROUPS := Stack Data Model Operate Experiments Develop

##@ Develop

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' -v groups="$(GROUPS)" ' \
	  /^##@ / { group = substr($$0, 5) } \
	  /^[a-z-]+:.*## / { of[group] = of[group] sprintf("  make %-18s %s\n", $$1, $$2) } \
	  END { n = split(groups, names, " "); for (i = 1; i <= n; i++) printf "%s\n%s\n", names[i], of[names[i]] }' $(MAKEFILE_LIST)

$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null \
	  || { echo "ontime needs Python 3.11 to 3.14; there is no $(PYTHON): apt-get install python3 python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	  || { echo "ontime needs Python 3.11 to 3.14; $(PYTHON) is another: set PYTHON=/path/to/python3.13" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null && "$(PYTHON)" -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "$(PYTHON) cannot make an environment: apt-get install python3-venv" >&2; exit 1; }

$(STAMP): requirements/all.txt requirements/bootstrap.txt pyproject.toml | $(BIN)/python
	@echo "installing the locked environment into $(VENV)"
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --no-cache-dir --require-hashes -r requirements/bootstrap.txt
	@mkdir -p $(VENV)/.tmp
	@TMPDIR="$$PWD/$(VENV)/.tmp" $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/all.txt
	@TMPDIR="$$PWD/$(VENV)/.tmp" $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m deploy.native.openmp
	@touch $@

##@ Stack

.PHONY: install
install: $(STAMP) ## Install the locked environment and the command `ontime` into .venv

.PHONY: demo
demo: $(STAMP) ## Run the whole loop on real data, about five minutes, on a stack of its own that stays up
	@$(ONTIME) demo $(if $(DAYS),--days $(DAYS))

.PHONY: local
local: $(STAMP) ## Start your own stack on this machine, with its data; the demo's again: STACK=demo
	@$(ONTIME) local

.PHONY: status
status: ## Show what runs and its health, natively and under Compose
	@$(ONTIME_OR_COMPOSE) status

.PHONY: down
down: $(STAMP) ## Stop your own stack, native or under Compose, and the demo's; their data stay
	@$(ONTIME) down
	@$(if $(STACK),,$(MAKE) --no-print-directory down-compose-if-up)

.PHONY: dask-up
dask-up: $(STAMP) ## Start a Dask scheduler and workers on loopback, for ENGINE=dask (WORKERS=2)
	@$(ONTIME) dask-up $(if $(WORKERS),--workers $(WORKERS))

.PHONY: dask-down
dask-down: $(STAMP) ## Stop the Dask scheduler and its workers
	@$(ONTIME) dask-down

.PHONY: clean
clean: $(STAMP) ## Delete the state of the demo's stack, after asking (YES=1: without); your own: STACK=own
	@$(ONTIME) clean $(if $(YES),--yes)

.PHONY: backup
backup: ## Copy databases, artifacts, spool and sealed secrets of the running stack into var/backups (KEEP=14, TO=, KEEP_DAYS=90)
	@$(ONTIME_OR_COMPOSE) backup $(if $(KEEP),--keep $(KEEP)) $(if $(TO),--to "$(TO)") $(if $(KEEP_DAYS),--keep-days $(KEEP_DAYS))

.PHONY: backup-fetch
backup-fetch: ## Write a backup that is kept off this host into var/backups (FROM=sftp:..., NAME=ontime-....tar; the newest)
	@test -n "$(FROM)" || { echo "say from where: make backup-fetch FROM=sftp:user@host:/folder" >&2; exit 2; }
	@$(if $(SECRETS_DIR),$(COMPOSE),$(ONTIME_OR_COMPOSE)) backup-fetch "$(FROM)" $(if $(NAME),"$(NAME)")

.PHONY: backup-check
backup-check: ## Restore the newest backup, or FILE=..., into scratch databases; compare row counts and checksums
	@$(ONTIME_OR_COMPOSE) backup-check $(if $(FILE),"$(FILE)")

.PHONY: restore
restore: ## Make a stack again from a backup (FILE=var/backups/...), on an empty host too; counts and checksums agree
	@test -n "$(FILE)" || { echo "say which: make restore FILE=var/backups/ontime-....tar" >&2; exit 2; }
	@$(ONTIME_OR_COMPOSE) restore "$(FILE)"

##@ Data

.PHONY: ingest
ingest: ## Take files from data/inbox into the event log as they come, and say what became of them
	@$(ON_WHAT_RUNS) ingest --watch

.PHONY: data-report
data-report: $(STAMP) ## Describe the data: docs/reports/data.md, its figures, var/reports/data.json
	@$(ONTIME) data-report

##@ Model

.PHONY: train-first
train-first: $(STAMP) ## Train a first champion for the running stack, where there is none
	@$(ONTIME) train-first

.PHONY: train
train: $(STAMP) ## Train on January to August 2013, tuned; needs no stack
	@$(ONTIME) train

.PHONY: retrain
retrain: ## Train a candidate and check it by the promotion gate
	@$(ON_WHAT_RUNS) retrain

.PHONY: promote
promote: ## Make a version champion, at once, on whichever stack runs: make promote VERSION=7
	@test -n "$(VERSION)" || { echo "say which: make promote VERSION=7" >&2; exit 2; }
	@$(ON_WHAT_RUNS) promote $(VERSION) $(if $(EXPECTED),--expected-version $(EXPECTED)) $(if $(REASON),--reason "$$REASON")

.PHONY: rollback
rollback: ## Make the last champion champion again, at once, on whichever stack runs
	@$(ON_WHAT_RUNS) rollback $(if $(EXPECTED),--expected-version $(EXPECTED)) $(if $(REASON),--reason "$$REASON")

##@ Operate

.PHONY: replay
replay: $(STAMP) ## Replay April to December 2013, or days of it: make replay FROM=2013-04-11 TO=2013-04-12
	@$(ONTIME) replay $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))

.PHONY: drill
drill: $(STAMP) ## Inject a fault into replayed days; report its detection: make drill FAULT=weather-celsius
	@$(ONTIME) drill $(FAULT)

##@ Experiments

.PHONY: evaluate
evaluate: $(STAMP) ## Test that model on September to December, beside others: docs/reports/model.md
	@$(ONTIME) evaluate

.PHONY: ablation
ablation: $(STAMP) ## Measure what each family of features is worth
	@$(ONTIME) ablation

.PHONY: refits
refits: $(STAMP) ## Measure what a refit before every month is worth
	@$(ONTIME) refits

.PHONY: cancellations
cancellations: $(STAMP) ## Measure what a feed that tells of cancellations earlier than files do changes
	@$(ONTIME) cancellations

.PHONY: audit
audit: $(STAMP) ## Check every vector of the year for data leakage
	@$(ONTIME) audit

.PHONY: tune
tune: $(STAMP) ## Search for better tree parameters for some seconds, or continue: make tune BUDGET=600
	@$(ONTIME) tune --budget $(or $(BUDGET),600)

.PHONY: policies
policies: $(STAMP) ## Compare retrain policies over the year: a report in docs/reports
	@$(ONTIME) policies

.PHONY: error-curves
error-curves: $(STAMP) ## Measure false removals and days to find harm, by alpha, margin and cadence: a page in docs/reports
	@$(ONTIME) error-curves

.PHONY: calibrate-alerts
calibrate-alerts: $(STAMP) ## Count the pages of the alert rules over the dataset's year
	@$(ONTIME) calibrate-alerts

.PHONY: detection-curves
detection-curves: $(STAMP) ## Measure how small a fault of the feeds the alert rules find, and how soon
	@$(ONTIME) detection-curves

.PHONY: monitoring-report
monitoring-report: $(STAMP) ## Write docs/reports/monitoring.md from what the commands measured
	@$(ONTIME) monitoring-report

.PHONY: bench
bench: $(STAMP) ## Measure each step of a prediction against bare Flask under the same Gunicorn, and batches
	@$(ONTIME) bench

.PHONY: bench-peers
bench-peers: $(STAMP) ## Measure other servers beside the API, in turns: Granian, MLflow's own
	@$(ONTIME) bench-peers

.PHONY: chaos
chaos: $(STAMP) ## Do faults to a small stack under load; audit that each acknowledged prediction is logged exactly once
	@$(ONTIME) chaos $(if $(SECONDS_EACH),--seconds $(SECONDS_EACH))

.PHONY: bench-features
bench-features: $(STAMP) ## Measure what each feature costs online, in microseconds
	@$(ONTIME) bench-features

.PHONY: bench-monitoring
bench-monitoring: $(STAMP) ## Measure what a monitoring run costs with 10,000 to 10 million predictions in the log
	@$(ONTIME) bench-monitoring

.PHONY: bench-capacity
bench-capacity: $(STAMP) ## Measure what one prediction, event, tick and training row costs, for the capacity plan
	@$(ONTIME) bench-capacity

.PHONY: simulate-country
simulate-country: $(STAMP) ## Run a generated country's ticks and predictions on this machine, beside the capacity plan
	@$(ONTIME) simulate-country

.PHONY: bench-dask
bench-dask: $(STAMP) ## Measure training sets on one and two Dask workers: docs/reports/dask.md (DAYS=5 of each month, YEARS=10)
	@$(ONTIME) bench-dask $(if $(DAYS),--days $(DAYS)) $(if $(YEARS),--years $(YEARS))

.PHONY: notebook
notebook: $(STAMP) ## Execute docs/notebook.ipynb again
	@$(ONTIME) notebook

.PHONY: recording
recording: $(STAMP) ## Run make demo, and draw what its terminal showed: docs/demo.svg
	@$(ONTIME) recording

.PHONY: screenshots
screenshots: $(STAMP) ## After make demo DAYS=4: replay a faulty day, take the pictures of docs/walkthrough.md
	@$(ONTIME) screenshots

.PHONY: slides
slides: $(STAMP) ## Write docs/presentation as HTML and PDF, with what the commands measured
	@$(ONTIME) slides

##@ Develop

TEST_REPORTS := var/reports/tests

.PHONY: test
test: $(STAMP) ## Run unit, integration and end-to-end tests against real servers (WORDS= for pytest)
	@$(ONTIME) test $(WORDS)

.PHONY: test-reported
test-reported: $(STAMP) ## Run them with JUnit and coverage reports in var/reports/tests
	@$(ONTIME) test --numprocesses=auto --junitxml=$(TEST_REPORTS)/junit.xml \
	  --cov --cov-report=term:skip-covered --cov-report=xml:$(TEST_REPORTS)/coverage.xml $(WORDS)

.PHONY: browser
browser: $(STAMP) ## Install Chromium for the tests of the dashboard, where it is missing
	@$(ONTIME) browser

.PHONY: restic
restic: $(STAMP) ## Install restic, which keeps backups off the host, where it is missing
	@$(ONTIME) restic

.PHONY: lint
lint: $(STAMP) ## Check style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: load
load: $(STAMP) ## Load the running API with real flights: make load USERS=50 RATE=200 TIME=60 HOST=http://10.0.0.5:8080
	@$(ONTIME) load $(if $(USERS),--users $(USERS)) $(if $(RATE),--rate $(RATE)) $(if $(TIME),--seconds $(TIME)) $(if $(HOST),--host $(HOST))

.PHONY: readme
readme: $(STAMP) ## After the demo: write the answer to README's question into README
	@$(ONTIME) readme

.PHONY: guide
guide: $(STAMP) ## After the demo: run the examples of docs/api/guide.md and write their answers into it
	@$(ONTIME) guide

.PHONY: api-docs
api-docs: $(STAMP) ## Write the error catalogue and the Postman collection into docs/api
	@$(ONTIME) api-docs

.PHONY: postman
postman: $(STAMP) ## Run the Postman collection on the running stack with newman (npm)
	@$(ONTIME) postman

# One lock for every Python from 3.11 on: what only some of them need carries a marker.
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --universal --python-version 3.11

.PHONY: lock
lock: $(STAMP) ## Rewrite the lock files from requirements/*.in
	@$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(LOCK) requirements/all.in -o requirements/all.txt

-include deploy/compose/compose.mk
-include deploy/pipeline/pipeline.mk
-include deploy/swarm/swarm.mk
