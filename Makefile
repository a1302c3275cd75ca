# LOCAL_DIR and LOCAL_NET make a second demo beside the first:
#   make demo LOCAL_DIR=/tmp/other LOCAL_NET=1
LOCAL_DIR ?= $(CURDIR)/.demo
LOCAL_NET ?= 0
export LOCAL_DIR LOCAL_NET PYTHON MOLECULE

.DEFAULT_GOAL := help
.PHONY: help demo status down docs bench quick lint test-unit test-integration molecule mutants test test-all

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Build two data centres on this machine, send a year of flights through them, and fail over
	@script/demo

status: ## Show the demo's servers, ids, months, channels and replica set
	@script/status

down: ## Stop the demo's servers and remove its folder
	@script/down

docs: ## Write docs/reference, and the variables of docs/inventory.md, from the code
	@script/docs

bench: ## Measure beside its peers and write docs/benchmarks.md (needs MariaDB; 40 minutes)
	@script/bench

quick: ## Check what was changed just now, in about a minute (script/quick stop: end its servers)
	@script/quick

lint: ## Check the code without running it
	@script/lint

test-unit: ## Run the tests that need no server
	@script/test-unit

test-integration: ## Run the tests on real servers of three lines (needs Docker; installs it as root)
	@script/test-integration

molecule: ## Run the scenarios on whole hosts in Docker, or one: make molecule SCENARIO=default
	@script/molecule $(SCENARIO)

mutants: ## Plant defects in copies of the collection, and see the scenarios fail
	@script/mutants

test: ## Run lint and the tests, with the scenarios default and mysql (MOLECULE=0: without them)
	@script/test

test-all: ## Run lint, all tests and all scenarios
	@script/test all
