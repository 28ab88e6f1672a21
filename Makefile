# `make help` lists every target.
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup test-packages demo up down status logs run test lint fmt types unit integration e2e faults bench schemas dashboards docs lock clean

help: ## List every target
	@grep -hE '^[a-z][a-zA-Z_-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

setup: $(STAMP) ## Install system packages, the virtual environment and the jars of Kafka and Cassandra
	@bash deploy/local/install.sh
	@$(PYTHON) -m deploy.local jars

$(STAMP): requirements/dev.txt pyproject.toml
	@bash deploy/local/python.sh
	@touch $@

test-packages: setup ## Install what only tests need: a browser
	@bash deploy/local/install.sh $$(cat deploy/local/test_packages.txt)

demo: setup ## Everything on this machine with live and replayed devices; Ctrl-C ends it (DEMO=--help: options)
	@$(PYTHON) -m deploy.local.demo $(DEMO)

up: setup ## Start the whole system in the background; make up WORKERS=2: so many processes of process_readings
	@HEADRACE_WORKERS=$(or $(WORKERS),$(HEADRACE_WORKERS)) $(PYTHON) -m deploy.local up

down: ## Stop what `make up` started
	@$(PYTHON) -m deploy.local down

status: ## What runs, where, since when
	@$(PYTHON) -m deploy.local status

logs: ## Follow the log of one component: make logs SERVICE=sink_cassandra
	@$(PYTHON) -m deploy.local logs $(SERVICE) -f

run: setup ## Run one service in the foreground with what it depends on: make run SERVICE=sink_cassandra
	@$(PYTHON) -m deploy.local run $(SERVICE)

test: setup test-packages ## Lint, types, unit, contract, integration, end-to-end and a sample of the fault tests
	@PYTHON=$(PYTHON) bash tests/stages.sh

lint: $(STAMP) ## Style, formatting and import rules
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports

fmt: $(STAMP) ## Format the code and mend what can be mended
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

types: $(STAMP) ## mypy, strict
	@$(VENV)/bin/mypy

unit: $(STAMP) ## Tests that need no component
	@$(VENV)/bin/pytest tests/unit tests/contract tests/repo

integration: setup ## Tests on real components, which they start themselves
	@$(VENV)/bin/pytest tests/integration

e2e: setup test-packages ## The whole system from MQTT to the API, with a seeded sample of the faults
	@$(VENV)/bin/pytest tests/e2e

faults: setup ## Kill components and workers under load, many seeds; writes *faults.json to loadtest/results
	@$(PYTHON) -m loadtest.faults
	@$(PYTHON) -m loadtest.engine_faults
	@$(PYTHON) -m loadtest.interaction_faults

bench: setup ## A benchmark: make bench NAME=spine (ARGS=--help: options); writes loadtest/results/NAME.json
	@$(PYTHON) -m loadtest.$(or $(NAME),$(error say which, such as make bench NAME=spine)) $(ARGS)

schemas: $(STAMP) ## Write the record schemas from the structs; refuses an incompatible change
	@$(PYTHON) -m headrace.schemas

dashboards: $(STAMP) ## Build Grafana's dashboards from grafana/builder
	@$(PYTHON) -m grafana.builder

docs: $(STAMP) ## Write the settings tables and the README's picture
	@$(PYTHON) -m deploy.docs

lock: ## Resolve the dependencies again into requirements/
	@bash deploy/local/lock.sh

clean: down ## Remove the data and logs of the local system
	@rm -rf .headrace/run
