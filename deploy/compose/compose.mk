# Targets of the Compose stack; the Makefile includes this file. Everything behind them needs Docker and python3 only.
COMPOSE = $(HOST_PYTHON) -m deploy.compose

# A way to get an engine on a machine that has none; only the tests and CI try it.
ENGINE_HELPER ?= ../shared/offline-docker/up.sh

# Replicas of the API behind the gateway.
API_REPLICAS ?= 1
# A profile to start as well: `make up PROFILE=demo` plays the dataset as live events, PROFILE=metrics adds Grafana, PROFILE=dask workers.
PROFILE ?=
export COMPOSE_PROFILES ?= $(PROFILE)
# A route to other machines for what sends alerts: `make up OUTSIDE=1`. Without it only the gateway has one.
OUTSIDE ?=
export COMPOSE_FILE ?= docker-compose.yml$(if $(OUTSIDE),:deploy/compose/outside.yml)
# The version that takes over with other features, whatever the gate says of it: `make up SUCCESSOR=7`.
SUCCESSOR ?=
export SUCCESSOR := $(SUCCESSOR)
# With the feed, the stack's clock begins before the first departure of April 2013.
export DEMO_BEGINS ?= $(if $(filter demo,$(PROFILE)),2013-04-01T07:55:00)

.PHONY: secrets rotate-signing-key rotate-passwords images renew-images up logs down-compose down-compose-if-up upgrade-postgres engine test-stack test-fresh lock-images lock-images-check ci-local

##@ Stack

secrets: ## Create the secrets that are missing, random, in var/secrets
	@$(COMPOSE) secrets

rotate-signing-key: ## Sign models with another key from now on, natively and under Compose; those of the one before still load
	@$(if $(SECRETS_DIR),$(COMPOSE),$(ONTIME_OR_COMPOSE)) rotate-signing-key

rotate-passwords: ## Give the databases, their roles, MLflow and Prefect other passwords; the stack that runs starts again
	@$(ONTIME_OR_COMPOSE) rotate-passwords

images: ## Build the images
	@$(COMPOSE) build

up: ## Start the stack on Docker Compose, or upgrade a running one in place (API_REPLICAS=3, PROFILE=demo, metrics or dask)
	@$(COMPOSE) check
	@$(COMPOSE) secrets
	@$(COMPOSE) build
	@$(COMPOSE) up --replicas $(API_REPLICAS)

logs: ## Print the last lines of the Compose stack, or of one service (S=api)
	@$(COMPOSE) compose logs --tail 200 $(S)

down-compose: ## Stop the Compose stack; its data stay
	@$(COMPOSE) down

down-compose-if-up:
	@$(COMPOSE) down-if-up

upgrade-postgres: ## Copy the data of an older PostgreSQL into a new volume, verified by row counts; the old one stays
	@$(COMPOSE) check
	@$(COMPOSE) secrets
	@$(COMPOSE) upgrade-postgres

engine:
	@$(COMPOSE) check 2>/dev/null || { [ -x $(ENGINE_HELPER) ] && $(ENGINE_HELPER) >/dev/null && $(COMPOSE) check; }

##@ Develop

test-stack: $(STAMP) ## Run the tests of the Compose stack, a swarm and deployments; needs an engine (SHORT=1: a stack that starts)
	@$(MAKE) --no-print-directory engine || { echo "test-stack did not run: no Docker engine here"; exit 3; }
	@$(ONTIME) test $(if $(SHORT),-m "stack and not long" tests/deploy/compose/test_stack.py,-m stack tests/deploy)

test-fresh: ## Run the README's two commands on new Debian machines, in containers; SHORT=1: few days, one test run
	@$(MAKE) --no-print-directory engine >/dev/null 2>&1 || true
	@$(HOST_PYTHON) -m deploy.fresh $(if $(SHORT),--short)

renew-images: ## Ask registries which image each tag of others names now; write digests that are used from then on (CHECK=1: fail if changed)
	@$(COMPOSE) renew-images $(if $(CHECK),--check)

IMAGES := api mlflow prefect worker
# One lock for every Python from 3.11 on: what only some of them need carries a marker.
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	$(if $(wildcard requirements/$(1).overrides.txt),--override requirements/$(1).overrides.txt) \
	-c requirements/all.txt requirements/$(1).in -o requirements/$(1).txt

lock-images: ## Lock the libraries of each image, at the versions of requirements/all.txt
	@$(foreach image,$(IMAGES),$(call COMPILE,$(image)) &&) true

ci-local: ## Run .gitlab-ci.yml on this machine
	@deploy/pipeline/ci_local.sh
