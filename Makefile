# Everything a person does with this project, one target each. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m recs_assets

# What .env names where the shell does not; `dg` reads that file by itself.
named = $(shell sed -n 's/^$(1)=//p' .env 2>/dev/null)
# Where runs leave what they make, and where source tables come from (default: the demo world in RECS_HOME).
export RECS_HOME ?= $(or $(call named,RECS_HOME),$(CURDIR)/.recs)
export RECS_SOURCE ?= $(call named,RECS_SOURCE)
export RECS_SETTINGS ?= $(call named,RECS_SETTINGS)
# Dagster takes an absolute path only.
export DAGSTER_HOME ?= $(or $(call named,DAGSTER_HOME),$(abspath $(RECS_HOME))/dagster)
# Threads that wait for each other by spinning bring a busy machine to a standstill.
export OMP_WAIT_POLICY ?= PASSIVE
# A machine that keeps no bytecode would compile package and tests anew in every process.
export PYTHONDONTWRITEBYTECODE :=
DEMO_WEEK := 2026-09-28
DATA ?= ../shared/data/benchmarks
SEED ?= 1
SCALE ?= full
SEEDS ?= 3
ONLY ?=
PRESET ?= small
WORLDS ?= 200
USERS ?= 1000
REASON ?=
WHAT ?= nightly
OF_WEEK = $(if $(WEEK),--week $(WEEK))
# What any run may be asked for: FORCE=1 computes again what is there; LOST_COLUMNS=users may have lost some (with a REASON).
ASKED = $(if $(FORCE),--force) $(if $(REPLACE),--replace-older-week) $(if $(LOST_COLUMNS),--lost-columns $(LOST_COLUMNS)) \
	$(if $(REASON),--reason "$(REASON)")
NIGHTS ?= 60

# Where no source is named it is the demo world, and the UI begins with its one whole week: no other is missing.
demo ui serve: export RECS_SETTINGS := $(or $(RECS_SETTINGS),$(if $(RECS_SOURCE),,$(CURDIR)/recs_assets/demo/planted_world.yaml))

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ready $(RECS_HOME)/demo/world.json ## Set up, build the planted world, run every asset for it, print what came out
	RECS_SOURCE=$(RECS_HOME)/demo $(RUN) run everything --week $(DEMO_WEEK)
	RECS_SOURCE=$(RECS_HOME)/demo $(RUN) report --week $(DEMO_WEEK)

test: checked ## Set up, then lint, types and tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-fast: checked ## The same without the tests that take seconds each, as for runs of the graph: for the loop of work
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile -m "not long"

checked: ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

run: ready week ## Every asset for WEEK=2011-09-26, from RECS_SOURCE into RECS_HOME
	$(RUN) run everything $(OF_WEEK) $(ASKED)

train: ready week ## Learn from WEEK and decide what may be served
	$(RUN) run weekly $(OF_WEEK) $(ASKED)

nightly: ready ## Score and publish the week in progress (or WEEK) with the newest approved model
	$(RUN) run nightly $(OF_WEEK) $(ASKED)

backfill: ready ## The weekly job for every week of FROM=2011-08-01 TO=2011-09-26
	$(RUN) run weekly --week $(FROM) --to $(TO) $(ASKED)

approve: ready week ## Promote the model of WEEK in spite of its gate, for its week and the nights of the next (REASON="...")
	$(RUN) run approve $(OF_WEEK) $(ASKED)

publish: ready week ## List, audit and publish WEEK again from what it has (REASON="..."); REPLACE=1: though a newer week is served
	$(RUN) run publish $(OF_WEEK) $(ASKED)

status: ready ## How things stand: what is mailed, what ran, what comes next, what is kept (JSON=1)
	@$(BIN)/python -m recs_assets.report.status $(if $(JSON),--json)

report: ready ## What the run of WEEK (or of the newest week) found; PAGE=report.html writes it as a page
	$(RUN) report $(OF_WEEK) $(if $(PAGE),--page $(PAGE))

why-not: ready ## What became of the parts of PARTS=file.csv in the lists of WEEK, or of the newest week: a CSV and a page
	@$(RUN) why-not --parts "$(PARTS)" $(OF_WEEK)

explain: ready ## The list of the person USER=id in WEEK, or in the newest week, and all that it comes from: a page (TO=folder)
	@$(RUN) explain --user "$(if $(filter environment%,$(origin USER)),$(error Say USER=...),$(USER))" $(OF_WEEK) $(if $(TO),--to "$(TO)")

changes: ready ## What the newest mail of WEEK (or of the newest week) changes against the last one, by segment, published yet or not
	@$(RUN) changes $(OF_WEEK)

latest: ready ## The folder of the newest version of ASSET=offline_metrics, of WEEK or of the newest week
	@$(RUN) latest $(ASSET) $(OF_WEEK)

versions: ready ## Every published version of WEEK, or of the newest week
	$(RUN) versions $(OF_WEEK)

rollback: ready ## Serve the version of WEEK before the current one (or VERSION) again; MAIL=1: mail it though a newer week is; HOLD=0: no hold; REASON="..."
	$(RUN) rollback $(OF_WEEK) --reason "$(REASON)" $(if $(VERSION),--version $(VERSION)) $(if $(MAIL),--mail) $(if $(filter 0,$(HOLD)),--no-hold) $(if $(BY),--by "$(BY)")

hold: ready ## Stop publishing, lists are still made and audited: REASON="..." (UNTIL=2011-10-03 in UTC, BY=who)
	@$(RUN) hold --reason "$(REASON)" $(if $(UNTIL),--until "$(UNTIL)") $(if $(BY),--by "$(BY)")

release: ready ## Lift the hold on publishing: REASON="..."
	@$(RUN) release --reason "$(REASON)" $(if $(BY),--by "$(BY)")

rollout: ready ## Where the rollout stands and what the next move needs; TO=experiment|10|25|50|100|shadow|hold|resume BY=who REASON="...": move it
	@$(RUN) rollout $(if $(TO),--to $(TO)) $(if $(BY),--by "$(BY)") $(if $(REASON),--reason "$(REASON)")

prune: ready ## Remove what nobody needs any more, as every run does at its end (DRY=1: only list it)
	@$(RUN) prune $(if $(DRY),--dry)

costs: ready ## What has been spent, by experiment, month, run and step, beside the budgets; local runs cost nothing
	@$(RUN) costs

find: ready ## Where the id or address USER still lies in what is kept; fails where it does
	@$(RUN) find --user "$(if $(filter environment%,$(origin USER)),$(error Say USER=...),$(USER))"

backup: ready ## Copy RECS_HOME, with its event log, into the empty folder TO; runs may be at work meanwhile
	@$(RUN) backup --to "$(TO)"

restore: $(VENV)/installed ## Put the backup FROM into an empty RECS_HOME
	@$(RUN) restore --from "$(FROM)"

benchmark: ready ## The planted world of SCALE=small|medium|full through the real jobs, stage by stage, beside floor and aims (CASE=one_vehicle)
	$(BIN)/python -m recs_assets_tests.benchmarks.production --scale $(SCALE) --seed $(SEED) $(if $(CASE),--case $(CASE))

scaling: ready ## How each stage's cost grows with users, parts, fitment, events and people active: a picture and a CSV (an hour; ONLY="people active")
	$(BIN)/python -m recs_assets_tests.benchmarks.production.scaling $(if $(ONLY),--only "$(ONLY)")

identical: ready week ## 1,000 people's lists of WEEK beside a plain, slow computation of each from the same files (USERS=1000 SEED=1)
	$(BIN)/python -m recs_assets_tests.slow --week $(WEEK) --users $(USERS) --seed $(SEED)

faults: ready ## Every fault point in every way, on DuckDB, on BigQuery (stood in for) and in whole nights: what each left behind (ONLY=publish)
	$(BIN)/python -m recs_assets_tests.faults --only "$(ONLY)"

kills: ready ## WHAT=nightly|train|rollback|together killed N=100 times at random moments, a reader polling (PRESET=small SEED=1)
	$(BIN)/python -m recs_assets_tests.faults.kills --what $(WHAT) --kills $(or $(N),100) --preset $(PRESET) --seed $(SEED)

interrupts: ready ## The same with Ctrl-C or SIGTERM, N=20 times: each ends within seconds, in a line, and publishes nothing
	$(BIN)/python -m recs_assets_tests.faults.kills --what $(WHAT) --kills $(or $(N),20) --preset $(PRESET) --seed $(SEED) --by signal

pairs: ready ## N=50 pairs of first runs at once, each in a new home: none may be broken
	$(BIN)/python -m recs_assets_tests.faults.pairs --pairs $(or $(N),50)

nights: ready ## The jobs of NIGHTS=60 successive days of the tiny world: does the size of what is kept level off? A picture and a CSV
	$(BIN)/python -m recs_assets_tests.benchmarks.nights --nights $(NIGHTS)

reference: ready ## Public benchmark figures (Gowalla, Amazon electronics) beside the published ones, from DATA
	$(BIN)/python -m recs_assets.experiments.reference --data $(DATA)

ablation: ready week ## What each part of the model is worth, on the evaluation weeks of a WEEK that has been run (SEEDS=3, ONLY=towers)
	$(BIN)/python -m recs_assets.experiments.ablation --week $(WEEK) --seeds $(SEEDS) --only "$(ONLY)"

emulated: ready ## weekly and nightly of the tiny world on BigQuery and a bucket, stood in for, beside DuckDB and a folder: same rows, hashes, files?
	$(BIN)/python -m recs_assets_tests.emulated

stand-ins: ready ## Install the programs that stand in for BigQuery and its bucket in tests, once, into the user's cache folder
	@$(BIN)/python -m recs_assets_tests.stand_ins.environment

plan-experiment: ready ## Users an arm, weeks and the chance to see +5, +10, +15%, from the last weeks of mail; with a picture
	@$(BIN)/python -m recs_assets.experiments.rollout.plan --to $(RECS_HOME)/plan_experiment.png

simulate-rollout: ready ## A year of the rollout on simulated mail: LIFT=0.2 SEED=1 (FAULT=late): a line a week, a picture, the end as JSON
	@$(BIN)/python -m recs_assets.experiments.rollout --lift $(or $(LIFT),0) --seed $(SEED) $(if $(FAULT),--fault $(FAULT)) --to $(or $(TO),$(RECS_HOME)/simulated_rollout)

fuzz: ready ## WORLDS=200 broken worlds (SEED=1) through the jobs: lists or a refusal, never a changed table
	$(BIN)/python -m recs_assets_tests.benchmarks.fuzz --worlds $(WORLDS) --seed $(SEED)

security: ready ## Hold the locked dependencies against the published vulnerabilities (needs the network)
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement requirements.lock

ui: ready ## Open the project in the Dagster UI on http://127.0.0.1:3000
	$(BIN)/dg dev

serve: ready ## Webserver, daemon and code server until Ctrl-C or SIGTERM, for months (PORT=3000 BIND=127.0.0.1); see schedules.enabled
	exec $(BIN)/python -m recs_assets.serve --host $(or $(BIND),127.0.0.1) --port $(or $(PORT),3000)

pictures: ready ## Draw the pictures of the README again: the graph, and the first screen of the page that make demo left (needs Chromium)
	$(BIN)/python -m recs_assets_tests.pictures

world: ready ## Write a planted world: PRESET=tiny|small|medium|full SEED=1 TO=folder, NO_SIGNAL=1 for one without signal; SALT=name of an experiment in its mail (LIFT=0.2 SHARE=0.5 FAULT=unequal|late)
	$(BIN)/python -m recs_assets.demo --preset $(PRESET) --seed $(SEED) --to $(TO) $(if $(NO_SIGNAL),--no-signal) \
		$(if $(SALT),--salt "$(SALT)") $(if $(LIFT),--lift=$(LIFT)) $(if $(SHARE),--share $(SHARE)) $(if $(FAULT),--fault $(FAULT))

lock: ready ## Write the exact versions of what is installed to requirements.lock
	$(BIN)/pip freeze --exclude-editable | sed -E 's/\+cpu$$//' > requirements.lock

clean: ## Remove the virtual environment and everything that runs have made
	rm -rf $(VENV) .recs

ready: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml

# Python compiles what it imports, and keeps it: a third of all that is installed.
$(VENV)/installed: pyproject.toml requirements.lock
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --quiet --no-compile --constraint requirements.lock --editable . --group dev
	touch $@

$(DAGSTER_HOME)/dagster.yaml: | $(VENV)/installed
	umask 077 && $(BIN)/python -m recs_assets.dagster_home

$(RECS_HOME)/demo/world.json: | ready
	$(BIN)/python -m recs_assets.demo --preset small --seed 1 --to $(RECS_HOME)/demo

week:
	@test -n "$(WEEK)" || { echo "Name a week by its Monday, as in: make $(MAKECMDGOALS) WEEK=2011-09-26" >&2; exit 2; }

.PHONY: help demo test test-fast checked run train nightly backfill approve publish report why-not explain changes status latest versions rollback hold release rollout prune costs find backup restore nights reference ablation plan-experiment simulate-rollout pictures benchmark scaling identical faults kills interrupts pairs emulated stand-ins fuzz security ui serve world lock clean ready week
