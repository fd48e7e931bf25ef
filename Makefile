# What developers and CI call; `make help` lists it. Needs Go, make and git; the two tools that some checks use are
# built by `make tools`.

GO        ?= go
BIN       := bin
TOOLS_BIN ?= $(BIN)/tools
CONFIG    ?= config.example.yaml
FUZZTIME  ?= 60s
LOADTIME  ?= 60s
RECORDS   ?= 10000000
# Flags for `make bench`; bin/bench.out --help lists them.
BENCH     ?=
# The Alertmanager example beside the rules is none of them.
RULES     := $(filter-out rules/alertmanager%,$(wildcard rules/*.yaml))
# Extra flags for `make run`.
ARGS      ?=
# 1 makes a check fail whose tool is missing, instead of skipping it.
REQUIRE_TOOLS ?= 0

VERSION_PKG := github.com/prometheus/common/version
VERSION     := $(shell cat VERSION)
REVISION    ?= $(shell git rev-parse HEAD 2>/dev/null)
BRANCH      ?= $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null)
BUILD_USER  ?= $(shell id -un)
BUILD_DATE  ?= $(shell date -u +%Y%m%d-%H:%M:%S)
LDFLAGS     := -s -w \
	-X $(VERSION_PKG).Version=$(VERSION) \
	-X $(VERSION_PKG).Revision=$(REVISION) \
	-X $(VERSION_PKG).Branch=$(BRANCH) \
	-X $(VERSION_PKG).BuildUser=$(BUILD_USER) \
	-X $(VERSION_PKG).BuildDate=$(BUILD_DATE)

# $(call with,TOOL,COMMANDS) runs the commands with $$tool set to the path of the tool, ours before one in PATH.
define with
	@tool=$(TOOLS_BIN)/$(1); [ -x "$$tool" ] || tool=$$(command -v $(1)) || { \
		echo "$@: skipped: $(1) not found, get it with 'make tools'"; \
		if [ "$(REQUIRE_TOOLS)" = 1 ]; then echo "$@: that is an error with REQUIRE_TOOLS=1"; exit 1; fi; \
		exit 0; }; \
	set -ex; $(2)
endef

# Tells tests where our tools are, by variables such as PROMTOOL.
TEST_TOOLS   := promtool amtool prometheus alertmanager
export_tools := for tool in $(TEST_TOOLS); do if [ -x $(abspath $(TOOLS_BIN))/$$tool ]; then \
	export $$(echo $$tool | tr a-z A-Z)=$(abspath $(TOOLS_BIN))/$$tool; fi; done

.PHONY: all
all: build check test ## Build, check and test

.PHONY: run
run: build ## Build and start the exporter on the example, or on CONFIG=..., with more flags in ARGS=...
	$(BIN)/drift_exporter --config.file=$(CONFIG) $(ARGS)

.PHONY: build
build: ## Build bin/drift_exporter
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/drift_exporter ./cmd/drift_exporter

# Tests that compute for long: together they take two minutes, and under the race detector, which has nothing to see in
# them that other tests do not show it, a quarter of an hour.
LONG := TestOrderAndFilesOfALogDoNotMatter|TestExpositionEqualsTheOracle|TestExamplesOfStatisticsAreCurrent|$\
	TestEstimatesOfRealLogs|TestSlicesEqualARecountOfTheLogs|TestScoresOfUndriftedTextsStayBelowTheFloors|$\
	TestCategoricalScoresRarelyExceedTheirFloorWithoutDrift|TestNumericScoresRarelyExceedTheirFloorWithoutDrift

.PHONY: test
test: ## Run all tests, with the race detector where there is a C compiler
	@set -e; race=-race; \
	$(export_tools); \
	if [ "$$($(GO) env CGO_ENABLED)" != 1 ]; then race=; echo "without the race detector: it needs a C compiler"; fi; \
	set -x; $(GO) test $$race -timeout 20m -skip '^($(LONG))$$' ./...; $(GO) test -run '^($(LONG))$$' ./exporter/...

.PHONY: e2e
e2e: build ## Run the exporter with real Prometheus and Alertmanager, and check who is told what (four minutes)
	@export DRIFT_EXPORTER=$(abspath $(BIN)/drift_exporter); $(export_tools); \
	set -x; E2E=1 $(GO) test ./examples/demo -run TestStack -v -count=1

.PHONY: demo
demo: build ## Replay real flights with made up incidents through all programs, see examples/demo/README.md; flags in ARGS=...
	@export DRIFT_EXPORTER=$(abspath $(BIN)/drift_exporter); $(export_tools); \
	$(GO) build -o $(BIN)/demo ./examples/demo && exec $(BIN)/demo $(ARGS)

# The tag leaves out service discovery, which is most of the build.
.PHONY: replay
replay: ## Replay months of logs in minutes and check which alerts fire; ARGS='-run Opening' for one of them
	$(GO) -C .ci/replay test -tags remove_all_sd -count=1 -v -timeout 40m . $(ARGS)

.PHONY: bench
bench: build ## Measure the exporter against its floors and other tools; BENCH="-records 200000 -only logs" for less
	$(GO) -C .ci/bench build -mod=mod -o $(abspath $(BIN)/bench.out) .
	$(BIN)/bench.out -exporter $(BIN)/drift_exporter -dir $(BIN)/bench $(BENCH)

.PHONY: microbench
microbench: ## Run the Go benchmarks of all packages, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: load
load: ## Send 5,000 events a second to a receiver for LOADTIME (60s), kill it meanwhile, and check that none is lost
	DRIFT_EXPORTER_LOAD=$(LOADTIME) $(GO) test ./cmd/drift_exporter -run TestReceiverUnderLoad -v -count=1

.PHONY: torture
torture: ## Rotate the logs of eight writers in every way while RECORDS (10000000) are read, and check that each counts once
	DRIFT_EXPORTER_TORTURE=$(RECORDS) $(GO) test ./exporter/source -run TestRotationTorture -v -count=1 -timeout 60m

# Without a bound the time goes into making each new input shorter: of a Parquet file some hundred were tried in 20
# seconds, and with it 50,000.
.PHONY: fuzz
fuzz: ## Run each fuzz test for FUZZTIME (60s)
	@set -e; for file in $$(find cmd exporter -name '*_test.go' -exec grep -l '^func Fuzz' {} +); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file"); do \
			echo "$$(dirname "$$file"): $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "./$$(dirname "$$file")"; \
		done; \
	done

.PHONY: golden
golden: ## Rewrite the golden files of the packages that have them
	@set -e; for file in $$(find . -name '*_test.go' -exec grep -l 'flag.Bool("update"' {} +); do \
		dir=$$(dirname "$$file"); echo "$$dir"; $(GO) -C "$$dir" test -tags remove_all_sd -timeout 40m . -update; \
	done

.PHONY: check
check: check-format check-vet check-rounding check-sizes lint check-config check-metrics check-rules check-alertmanager check-dashboards check-kubernetes ## Run all checks that are not tests

.PHONY: check-format
check-format:
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt-clean:"; echo "$$unformatted"; exit 1; }

.PHONY: check-vet
check-vet:
	$(GO) vet ./...
	$(GO) -C .ci/bench vet -mod=mod . ./loggen ./toparquet

# Processors such as arm64 round x*y + z once, unless the product is converted: float64(x*y) + z. What decides in which
# cell a value is counted must be the same everywhere, for the counts of replicas are added up.
.PHONY: check-rounding
check-rounding:
	@mkdir -p $(BIN)
	GOARCH=arm64 $(GO) build -gcflags='./exporter/...=-S' ./exporter/window 2> $(BIN)/arm64.s
	@fused=$$(grep -E 'FN?M(ADD|SUB)[DS]' $(BIN)/arm64.s | grep -o '[^/(]*/[^/]*\.go:[0-9]*' | sort -u); \
	[ -n "$$fused" ] || { echo "no such instruction at all: are they called otherwise now?"; exit 1; }; \
	wrong=$$(echo "$$fused" | grep -E '^(decode|profile|window)/|^stat/quantile\.go'); \
	[ -z "$$wrong" ] || { echo "rounded once on arm64, convert the product:"; echo "$$wrong"; exit 1; }

# Allocations for each record and the bytes that a column takes in a window.
.PHONY: check-sizes
check-sizes:
	$(GO) test -run 'NotAllocate|^TestMemoryOfAColumnInAWindow$$' ./exporter ./exporter/decode ./exporter/window

.PHONY: fmt
fmt: ## Format the code
	$(call with,golangci-lint,"$$tool" fmt)

.PHONY: lint
lint: ## Run golangci-lint
	$(call with,golangci-lint,"$$tool" run ./...)

.PHONY: check-config
check-config: build
	$(BIN)/drift_exporter --config.check --config.file=$(CONFIG)

.PHONY: check-metrics
check-metrics: build
	$(BIN)/drift_exporter --once --config.file=$(CONFIG) > $(BIN)/example.prom
	$(call with,promtool,"$$tool" check metrics < $(BIN)/example.prom)

# Their unit tests are run by `make test`.
.PHONY: check-rules
check-rules:
	$(call with,promtool,"$$tool" check rules --lint=all --lint-fatal $(RULES))

.PHONY: check-alertmanager
check-alertmanager:
	$(call with,amtool,"$$tool" check-config rules/alertmanager.example.yaml)

# Grafana's types of what a dashboard may hold; the tests in dashboards/ check all else.
.PHONY: check-dashboards
check-dashboards:
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "$@: skipped: it needs node and npm, for Grafana's types"; exit 0; }; \
	set -ex; mkdir -p $(BIN)/dashboards; cp .ci/dashboards/package.json $(BIN)/dashboards; \
	npm --prefix $(BIN)/dashboards install --silent --no-package-lock --no-audit --no-fund || { \
		echo "$@: skipped: npm could not get Grafana's types"; exit 0; }; \
	node .ci/dashboards/check.mjs dashboards > $(BIN)/dashboards/dashboards.ts; \
	$(BIN)/dashboards/node_modules/.bin/tsc --noEmit --strict --skipLibCheck --target es2022 --module esnext \
		--moduleResolution bundler $(BIN)/dashboards/dashboards.ts

# In a module of its own, for the types of Kubernetes and of the Prometheus Operator.
.PHONY: check-kubernetes
check-kubernetes:
	$(GO) -C .ci/kubernetes test -mod=mod ./...

TOOLS := promtool golangci-lint prometheus alertmanager amtool

.PHONY: tools
tools: $(TOOLS:%=$(TOOLS_BIN)/%) ## Build what checks and `make demo` use into bin/tools: Prometheus, Alertmanager, linters

# Tools are pinned in modules of their own, so that they add nothing to the graph of ours. The tag leaves out service
# discovery, which nothing here uses and which is most of the build.
$(TOOLS_BIN)/prometheus $(TOOLS_BIN)/promtool: .ci/tools/prometheus/go.mod .ci/tools/prometheus/go.sum
	CGO_ENABLED=0 $(GO) -C .ci/tools/prometheus build -trimpath -tags remove_all_sd -ldflags '-s -w' -o $(abspath $@) \
		github.com/prometheus/prometheus/cmd/$(@F)

# The newest that can be built from its module: later ones lack the files of the web page.
$(TOOLS_BIN)/alertmanager $(TOOLS_BIN)/amtool: .ci/tools/alertmanager/go.mod .ci/tools/alertmanager/go.sum
	CGO_ENABLED=0 $(GO) -C .ci/tools/alertmanager build -trimpath -ldflags '-s -w' -o $(abspath $@) \
		github.com/prometheus/alertmanager/cmd/$(@F)

$(TOOLS_BIN)/golangci-lint: .ci/tools/golangci-lint/go.mod .ci/tools/golangci-lint/go.sum
	CGO_ENABLED=0 $(GO) -C .ci/tools/golangci-lint build -trimpath -ldflags '-s -w' -o $(abspath $@) \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BIN)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
