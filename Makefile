# `make help` lists what there is. Everything works from a fresh clone with Rust, a C compiler and make.
SHELL := /bin/bash
CARGO ?= cargo
# In CI the lock file is law; at a desk a changed manifest may update it.
LOCKED := $(if $(CI),--locked)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test lint deny advisories fuzz-api openapi bench

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the demo on the embedded database (ARGS='--listen 127.0.0.1:9000' to change it)
	$(CARGO) run $(LOCKED) --bin frontrow -- demo $(ARGS)

# The binary that the end-to-end tests start is built with the tests, so that both are of one mind.
test: ## Every test, with a throw-away PostgreSQL (ARGS='-p e2e' for some of them)
	$(CARGO) build $(LOCKED) --workspace --all-targets
	scripts/with-postgres $(CARGO) test $(LOCKED) --no-fail-fast $(if $(findstring -p ,$(ARGS)),,--workspace) $(ARGS)

lint: ## Formatting, clippy and the documentation's links, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' $(CARGO) doc $(LOCKED) --workspace --no-deps --document-private-items --quiet

deny: ## Licences, banned crates and sources, as deny.toml has them
	scripts/deny

advisories: ## Known vulnerabilities (the database comes from GitHub)
	scripts/deny advisories

fuzz-api: ## The API's document against the running binary
	scripts/fuzz-api

openapi: ## Write docs/openapi.json
	@mkdir -p docs
	$(CARGO) run $(LOCKED) --quiet --bin frontrow -- openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

bench: ## Measure, and write docs/BENCHMARKS.md (ARGS='--quick' for a look, '--help' for more)
	$(CARGO) build $(LOCKED) --release --bin frontrow --bin bench
	scripts/with-postgres $${CARGO_TARGET_DIR:-target}/release/bench $(ARGS)
