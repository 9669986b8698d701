# Two commands matter: `make demo` and `make test`. Each installs what it needs by itself.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

# The compiler of rust-toolchain.toml under whatever name this machine has it.
toolchain := $(shell scripts/rust)
ifneq ($(toolchain),)
export RUSTUP_TOOLCHAIN := $(toolchain)
endif

.PHONY: help setup build demo test lint bench ebpf generate assets

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

setup: ## Installs missing Debian packages and the eBPF linker; nothing where nothing is missing
	@scripts/apt
	@scripts/bpf-linker >/dev/null

build: setup ## The release binary, target/release/stockade
	@scripts/release

demo: build ## A server under a profile: what it does, what it may not do, what the kernel says
	@scripts/demo

test: setup ## Everything CI runs
	@scripts/test

lint: setup ## Formatting and clippy
	@scripts/test lint

bench: build ## The numbers of docs/benchmarks.md
	@scripts/bench

ebpf: setup ## Rebuilds the committed eBPF objects
	@ebpf/build ebpf/prebuilt

generate: ## Rewrites every generated file
	@cargo run --quiet --package stockade-generate

assets: build ## Shell completions and manual pages, into target/assets
	@scripts/assets
