# What .gitlab-ci.yml calls, job by job; the Makefile includes this file. Each target runs on a laptop as well.
PIPELINE = $(HOST_PYTHON) -m deploy.pipeline
MODEL_VERSION ?=
# user@host and folder of another machine: what needs an engine then runs there, on this checkout's code.
DEPLOY_SSH ?=
DEPLOY_FOLDER ?= ontime
THERE = $(if $(DEPLOY_SSH),deploy/pipeline/over_ssh.sh "$(DEPLOY_SSH)" "$(DEPLOY_FOLDER)" $@,)

.PHONY: check-locks check-secrets check-dependencies sbom validate-model deploy smoke deploy-rollback deployments

##@ Develop

check-locks: $(STAMP) ## Check that every lock holds what its .in file asks for, with hashes, at one version everywhere
	@$(BIN)/python -m deploy.pipeline.check_locks

check-secrets: $(STAMP) ## Check the files under version control for secrets that .secrets.baseline does not know
	@$(BIN)/python -m deploy.pipeline.check_secrets

check-dependencies: $(STAMP) ## Check that the installed versions are the locked ones and fit together; list known vulnerabilities
	@$(BIN)/python -m deploy.pipeline.check_dependencies

sbom: $(STAMP) ## List what is in each image, in CycloneDX: var/reports/sbom; fails where one of ours is not what is locked
	@$(BIN)/python -m deploy.pipeline.sbom

##@ Model

validate-model: ## Check a version's signature, contract and gate, try it, and promote it (MODEL_VERSION=7)
	@test -n "$(MODEL_VERSION)" || { echo "say which: make validate-model MODEL_VERSION=7" >&2; exit 2; }
	@$(or $(THERE),MODEL_VERSION="$(MODEL_VERSION)" deploy/pipeline/validate_model.sh)

##@ Stack

deploy: ## Bring the Compose stack to this checkout and IMAGE_TAG; what served before returns where that is unhealthy
	@$(or $(THERE),$(PIPELINE) deploy)

smoke: ## Send requests to the deployed stack through its gateway
	@$(or $(THERE),$(PIPELINE) smoke)

deploy-rollback: ## Bring images, Compose file, gateway configuration and settings of the deployment before back (TO=7)
	@$(or $(THERE),$(PIPELINE) rollback $(if $(TO),--to $(TO)))

deployments: ## List the deployments that are kept, and which one runs
	@$(or $(THERE),$(PIPELINE) deployments)
