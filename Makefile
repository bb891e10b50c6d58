# Weir. `make` alone lists what can be made.

BIN      := bin/weir
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -X github.com/weirmq/weir/pipeline.Version=$(VERSION)
# Of each target. Not smaller: one CPU takes 12 s for the seeds and what earlier runs found, before it tries anything new; not
# larger: all targets together take ten minutes.
FUZZTIME ?= 40s
# Two packages at a time: those that start brokers and engines mostly wait for them. More
# would take the CPU from tests whose rules look at every second.
# A package may take twice as long as cmd/weir takes on two cores, which starts whole clusters: fifteen minutes.
TESTFLAGS ?= -race -timeout 40m -p 2

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Examples: make demo    make demo ONCE=1    make demo DATA=/tmp/weir-demo    make test"

.PHONY: demo
demo: parts build ## Run everything on this machine with real clients (ONCE=1: once, verified)
	@exec $(BIN) demo $(if $(ONCE),--once) $(if $(DATA),--data $(DATA))

.PHONY: test
test: parts-test check ## Fetch what the tests need, check the code, run all tests with the race detector
	go test $(TESTFLAGS) ./...

.PHONY: build
build: ## Build bin/weir
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/weir

.PHONY: parts
parts: ## Fetch the parts Weir runs on: the ClickHouse engine and Alertmanager
	@deploy/parts/fetch.sh chdb
	@deploy/parts/fetch.sh alertmanager

.PHONY: parts-test
parts-test: parts
	@deploy/parts/fetch.sh kafka
	@deploy/parts/fetch.sh rocketmq
	@deploy/parts/fetch.sh rocketmq4

.PHONY: check
check: ## Format, vet, staticcheck, tidy modules
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not formatted, run gofmt -w:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	GOARCH=386 go build ./sdk/... ./telemetry # services of 32 bits build them, too
	go tool staticcheck ./...
	go mod tidy -diff

# No part of test, which must answer the same for the same commit: inputs here are random. What fails is written below
# testdata/fuzz; keep it there, and every go test runs it. An input that reaches something new is made smaller for a second,
# not for Go's minute: that is all of FUZZTIME, and next to nothing else is tried.
.PHONY: fuzz
fuzz: ## Fuzz every parser for FUZZTIME each
	@go list -f '{{$$dir := .ImportPath}}{{range .TestGoFiles}}{{$$dir}} {{end}}{{range .XTestGoFiles}}{{$$dir}} {{end}}' ./... | tr ' ' '\n' | sort -u | while read -r package; do \
		[ -n "$$package" ] || continue; \
		grep -ho '^func Fuzz[A-Za-z0-9_]*' $$(go list -f '{{.Dir}}' $$package)/*_test.go 2>/dev/null | sed 's/func //' | while read -r target; do \
			echo "fuzz $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$package || exit 1; \
		done || exit 1; \
	done

.PHONY: chaos
chaos: parts-test ## Kill, freeze and restart everything under load and count (CHAOS=30m: for so long)
	go test -race -count=1 -v -timeout 0 -run '^TestChaos$$' ./cmd/weir $(if $(CHAOS),-chaos $(CHAOS))

.PHONY: mutants
mutants: parts ## Break one line after the other and see that a test notices each
	go run ./cmd/mutants

.PHONY: bench
bench: ## Measure the aggregate stage against merely reading the topic and against vmagent, the ClickHouse writer, rules, and the SDK beside bare clients, by CPU time in pairs
	@deploy/parts/fetch.sh vmagent
	@deploy/parts/fetch.sh prometheus
	@deploy/parts/fetch.sh chdb
	@deploy/parts/fetch.sh kafka
	@deploy/parts/fetch.sh rocketmq
	@mkdir -p bin
	go build -o bin/bench ./cmd/bench
	bin/bench $(BENCHFLAGS)

.PHONY: bench-store
bench-store: ## Fill a store with a day at 10 s and a week before, and measure each dashboard, question and weir find (DATA=/tmp/weir-store keeps it)
	@deploy/parts/fetch.sh chdb
	@mkdir -p bin
	go build -o bin/bench ./cmd/bench
	bin/bench store $(if $(DATA),--data $(DATA)) $(BENCHFLAGS)

.PHONY: generate
generate: ## Generate code from telemetry.proto
	go generate ./...

.PHONY: dashboards
dashboards: parts ## Write Grafana's dashboards, and their pictures in docs/img, anew
	go test ./deploy/grafana -count=1 -run TestFilesAreAsDescribed -update
	go test ./deploy/grafana -count=1 -run TestOnTheEngine -update

.PHONY: clean
clean: ## Remove what was built; parts stay in their cache
	rm -rf bin
