# The verbs of this repository.  `make` alone explains them.

VENV := .venv
BIN  := $(VENV)/bin

# The first Python that is new enough and can make virtual environments.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)

# Tests run side by side, a file's together; more of them than there are processors only makes them late.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

.DEFAULT_GOAL := help
.PHONY: help up test test-compiled test-engines check bench soak models lock docs ui compiled shots clean
.DELETE_ON_ERROR:

help: ## explain the verbs
	@echo 'make VERB [ARGS="..."]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'PYTHON=python3.12 chooses the Python of $(VENV); ARGS are handed to what the verb runs.'

up: $(VENV)/.demo ## install into .venv, then serve the demo on http://127.0.0.1:4000 until Ctrl-C
	@exec $(BIN)/glowplug demo $(ARGS)

# What was compiled is kept, whatever the environment says: a run starts hundreds of processes, and each of them would
# compile everything it imports anew.
check test test-compiled test-engines: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.dev ## install what tests need, run all of them
	@$(BIN)/python -m tools.system install
	-@$(BIN)/python hatch_build.py
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

test-compiled: $(VENV)/.dev compiled ## test the data path as it is in a wheel (ARGS="tests/gateway -x")
	@$(BIN)/python -m pytest -o pythonpath="build/compiled ." -n $(JOBS) --dist loadfile \
		$(or $(ARGS),tests/gateway tests/routing tests/wire tests/ledger tests/translate)

test-engines: $(VENV)/.dev ## test with real engines (GLOWPLUG_VLLM_PYTHON=/path/to/python that has vLLM)
	@$(BIN)/python -m pytest -m engines -rP $(ARGS)

check: $(VENV)/.dev ## lint, format, types, floors, lengths, mirrored tests, words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python -m tools.checks
	$(BIN)/python -m tools.docs --check

bench: $(VENV)/.dev compiled ## measure beside direct and nginx; prints one table
	$(BIN)/python -m bench.run $(ARGS)

soak: $(VENV)/.dev ## kill 200 workers under load, compare ledger and bill (ARGS="--kills 20 --seconds 20")
	@$(BIN)/python -m bench.soak $(ARGS)

models: $(VENV)/.dev ## train the demo models anew (minutes of CPU; needs torch)
	@$(BIN)/python -c 'import tokenizers, torch' 2>/dev/null || { \
		echo 'Training needs torch and tokenizers (1 GB), which nothing else here does.  To install them:' >&2; \
		echo '    $(BIN)/pip install torch tokenizers' >&2; exit 1; }
	$(BIN)/python tools/models/train_demo_chat.py src/glowplug/demo/chat-demo.gguf $(ARGS)
	$(BIN)/python tools/models/make_embed.py src/glowplug/demo/embed-demo.gguf

COMPILE = $(BIN)/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

lock: $(VENV)/.dev ## pin the requirements anew from pyproject.toml (ARGS=--upgrade for newer versions)
	$(COMPILE) $(ARGS) --extra demo --extra otel --extra postgres --group dev -o requirements/dev.txt
	$(COMPILE) $(ARGS) --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt
	$(COMPILE) $(ARGS) -c requirements/dev.txt -o requirements/runtime.txt

docs: $(VENV)/.dev ## regenerate the generated pages and pictures
	$(BIN)/python -m tools.docs

ui: $(VENV)/.demo ## build the admin UI anew where its sources have changed
	@$(BIN)/python hatch_build.py

compiled: $(VENV)/.dev ## compile the data path into build/compiled, as a wheel has it (a minute; needs a C compiler)
	@$(BIN)/python hatch_build.py compiled

shots: $(VENV)/.dev ui ## photograph every page of the admin UI into docs/shots (needs chromium)
	@$(BIN)/python -m tools.system install
	@$(BIN)/python -m tests.support.shots $(ARGS)

clean: ## remove .venv and everything else that was made
	rm -rf $(VENV) build dist ui/node_modules src/glowplug/control/static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment: a stamp file each, so that the second run starts at once

$(VENV)/.made:
	@test -n '$(PYTHON)' || { \
		echo 'No Python of at least 3.11 that can make virtual environments was found.' >&2; \
		echo 'On Debian or Ubuntu:  sudo apt-get install python3 python3-venv' >&2; \
		echo 'Elsewhere, name one:  make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'Making $(VENV) with $(PYTHON)'
	@'$(PYTHON)' -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: requirements/demo.txt pyproject.toml $(VENV)/.made
	@echo 'Installing requirements/demo.txt'
	@$(PIP) --require-hashes -r requirements/demo.txt
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

# dev.txt holds all of demo.txt, in the same versions.  Compiling all of it takes as long as installing it; what is used
# is compiled when it is first imported.
$(VENV)/.dev: requirements/dev.txt pyproject.toml $(VENV)/.made
	@echo 'Installing requirements/dev.txt'
	@$(PIP) --no-compile --require-hashes -r requirements/dev.txt
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@ $(VENV)/.demo
