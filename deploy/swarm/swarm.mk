# Targets of the stack on several machines; the Makefile includes this file. They act on the swarm that the engine of
# this environment manages (DOCKER_HOST), and need Docker and python3 only.
SWARM = $(HOST_PYTHON) -m deploy.swarm

# How a node's ports are published: `host` = its own gateway's, `mesh` = Swarm's routing mesh, which needs IPVS.
export SWARM_INGRESS ?= host

.PHONY: swarm-up swarm-down swarm-status swarm-images

##@ Stack

swarm-up: ## Start the stack on a Docker Swarm, or upgrade a running one while it answers (API_REPLICAS=3)
	@$(COMPOSE) check
	@$(COMPOSE) secrets
	@$(COMPOSE) build
	@$(SWARM) up $(if $(filter file,$(origin API_REPLICAS)),,--replicas $(API_REPLICAS))

swarm-down: ## Remove the stack from the swarm; the volumes of each node stay
	@$(SWARM) down

swarm-status: ## Show what runs on which node of the swarm
	@$(SWARM) status

swarm-images: ## Write the images of a serving node to standard output: make swarm-images | ssh NODE docker load
	@$(SWARM) images $(if $(ALL),--all)
