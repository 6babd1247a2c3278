# The door for people who have the source. Needs Python 3.11 or later, make and git; everything else is installed
# into .venv and .cache of this folder. `make test` may also install Debian packages, and says which.

SHELL := /bin/sh
PY := .venv/bin/python

# `make prove NAME` and `make bench NAME`: the word after the goal is its name, not another goal.
ifneq (,$(filter prove bench,$(firstword $(MAKECMDGOALS))))
  NAME ?= $(word 2,$(MAKECMDGOALS))
  ifneq (,$(word 2,$(MAKECMDGOALS)))
    $(eval $(word 2,$(MAKECMDGOALS)):;@:)
  endif
endif

.PHONY: help demo test prove bench lint stack lock audit docs format run-env dev-env
help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

demo: run-env ## every server of Dari at work on simulated upstreams (ARGS=--once stops after the tour)
	@.venv/bin/dari demo $(ARGS)

test: dev-env ## everything that is checked: lint, types, contracts, tests, proofs (ARGS=--coverage: its floors too)
	@$(PY) -m scripts.check $(ARGS)

prove: dev-env ## one proof by NAME, its short form; LONG=1 writes docs/reference/acceptance.md
	@$(PY) -m tests.prove $(NAME) $(if $(LONG),--long)

bench: run-env ## all measurements, or one by NAME (dari bench); ARGS=--compare holds them against the committed ones
	@.venv/bin/dari bench $(or $(NAME),all) $(ARGS)

lint: dev-env ## the checks that run no test
	@$(PY) -m scripts.check --static

stack: run-env ## the real components on this machine (dari stack)
	@.venv/bin/dari stack $(ARGS)

lock: dev-env ## renew requirements/*.txt (ARGS=--upgrade takes the newest versions)
	@UV_CACHE_DIR=.cache/uv $(PY) -m scripts.lock $(ARGS)

audit: dev-env ## known advisories against what is locked (asks the network)
	@$(PY) -m scripts.advisories

docs: dev-env ## renew docs/reference from the code
	@$(PY) -m scripts.reference

format: dev-env ## let ruff arrange the code
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix .

run-env:
	@scripts/bootstrap.sh run

dev-env:
	@scripts/bootstrap.sh dev
