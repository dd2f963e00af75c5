# Everything starts from a bare Python with pip: the tools and the environment make themselves.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
TOOLS := .cache/tools
UV := PYTHONPATH=$(TOOLS) $(PYTHON) -m uv
BIN := $(VENV)/bin
# How many tests run at once: whole files, each in one of them.
WORKERS ?= 2
TESTS ?= tests
# How many random decisions `make simulate` makes.
DECISIONS ?= 10000000
# How many mutants `make mutants` draws (0: every one), and the seed that draws them.
MUTANTS ?= 400
SEED ?= 1
# What needs no accelerator and no service; `make test` leaves out most cells of large products.
NEITHER := not live and not faults and not clients and not netns and not crosscheck
READY := $(VENV)/.ready
# WHY: every gateway and command of the tests is a process. Without the bytecode of what it imports it
# compiles all of that again, which takes longer than the rest of its start. It lies outside the sources.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/bytecode

.PHONY: help demo test whole check live clients netns crosscheck coverage faults faults-gateway simulate decisions mutants bench format generate lock clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(TOOLS)/.ready: requirements/tools.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--upgrade --target $(TOOLS) --requirement requirements/tools.txt
	@touch $@

$(READY): $(TOOLS)/.ready requirements/development.txt pyproject.toml
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes \
		--requirement requirements/development.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## six requests through a gateway with scripted engines, then the ledger verified
	@$(BIN)/perimeter demo

test: $(READY) ## all tests that need no accelerator and no service
	$(BIN)/python -m pytest $(TESTS) -m "$(NEITHER) and not exhaustive" -q -n $(WORKERS) --dist loadfile

whole: $(READY) ## what `make test` runs, and every cell of the products of which it runs some
	$(BIN)/python -m pytest $(TESTS) -m "$(NEITHER)" -q -n $(WORKERS) --dist loadfile

check: $(READY) ## lint, types, rooms, dead code, spelling, generated files, shipped configuration
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry gateway
	$(BIN)/vulture gateway --min-confidence 80
	$(BIN)/codespell gateway docs policies models helm README.md Makefile
	$(BIN)/python -m gateway generate --check
	PERIMETER_ANTHROPIC_KEY=unused $(BIN)/perimeter check docs/examples/perimeter.yaml

live: $(READY) ## the live suite: official SDKs, the gateway, a real vLLM on the CPU
	bash tests/live/install_engine.sh
	$(BIN)/python -m pytest tests/live -m live -q

clients: $(READY) ## real clients (Claude Code, Codex, opencode and others) through the gateway
	bash tests/clients/install.sh
	CI=true $(BIN)/python tests/clients/alone.py $(BIN)/python -m pytest tests/clients -m clients -q \
		-n $(WORKERS) --dist loadfile

netns: $(READY) ## every packet that leaves the gateway, in a network namespace of its own
	$(BIN)/python -m tests.netns.apart $(BIN)/python -m pytest tests/netns -m netns -q

crosscheck: $(READY) ## our logs read by Go's sumdb, and Go's by us; fails where Go is missing
	$(BIN)/python -m pytest tests/crosscheck -m crosscheck -q

coverage: $(READY) ## how much of each room the tests run
	rm -rf .cache/coverage && mkdir -p .cache/coverage
	$(BIN)/python -m coverage run -m pytest tests -m "$(NEITHER)" -q -n $(WORKERS) --dist loadfile \
		--ignore tests/simulation
	$(BIN)/python tests/house/coverage_by_room.py

faults: $(READY) ## long kill loops
	$(BIN)/python -m pytest tests -m faults -q

faults-gateway: $(READY) ## the kill loop on the whole gateway, PERIMETER_KILLS times
	$(BIN)/python -m pytest tests/faults/test_gateway_kill.py -m faults -q

simulate: $(READY) ## a large number of random worlds, and DECISIONS random decisions
	$(BIN)/python -m tests.simulation.worlds --worlds 200000
	$(BIN)/python -m tests.simulation.decisions --decisions $(DECISIONS) --workers $(WORKERS)

decisions: $(READY) ## as many random decisions as the gate makes
	$(BIN)/python -m tests.simulation.decisions --decisions 200000

mutants: $(READY) ## MUTANTS small changes of policy, classification and label; how many a test notices
	$(BIN)/python -m tests.mutants.run --sample $(MUTANTS) --seed $(SEED)

bench: $(READY) ## what a translated stream, a scan, a decision, the ledger under load and a log of a million records cost, and questions of ten million
	$(BIN)/python -m tests.bench.translation
	$(BIN)/python -m tests.bench.detection
	$(BIN)/python -m tests.bench.decision
	$(BIN)/python -m tests.bench.audit
	$(BIN)/python -m tests.bench.ledger
	$(BIN)/python -m tests.bench.verifying

format: $(READY) ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(READY) ## write schemas and generated pages
	$(BIN)/python -m gateway generate
	$(BIN)/python -m tests.compatibility

lock: $(TOOLS)/.ready ## resolve again and write the requirement files
	$(UV) lock --upgrade
	$(UV) export --quiet --frozen --no-default-groups --no-emit-project --no-header \
		--no-annotate --output-file requirements/runtime.txt
	$(UV) export --quiet --frozen --all-groups --no-emit-project --no-header \
		--no-annotate --output-file requirements/development.txt

clean: ## remove what was made
	rm -rf $(VENV) .venv-vllm .cache .mypy_cache .ruff_cache .import_linter_cache uv.lock
