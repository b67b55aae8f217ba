# firn: see `make help`.

GO       ?= go
BIN      := bin
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
LINTER   := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# The whole of iceberg-go is compiled once per build mode: all but the race
# detector's, which needs cgo, is one mode.
export CGO_ENABLED = 0
UNIT     := ./pkg/... ./schemas/... ./cmd/...
ROUNDS   ?= 200
KILLS    ?= 10
# The end-to-end cases wait for commits most of the time. The linter has vetted them.
WAITING  := -count=1 -vet=off -p 3 -parallel 4
CASES    := ./integration/cases ./integration/compose ./integration/crash/... ./integration/engine ./integration/reference ./integration/validate

.PHONY: help build setup demo test linter lint unit cases crash integration reference takeover soak bench fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build firn-reader and firn-applier into bin/
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

setup: ## install what the tests and the demo need (apt, as root)
	@scripts/setup

demo: setup build ## the walk-through on a real MySQL, read by DuckDB (MYSQL_DSN=, KAFKA= to use your own)
	@$(GO) run ./integration/demo

# What the linter and the unit tests compute is done while the cases wait, and yields
# to them. All compile the same packages, so they come after the build.
test: ## lint, unit tests, and the end-to-end cases on MySQL 9 and MariaDB (WITH=integration: then that, beside them)
	@$(MAKE) --no-print-directory -j3 setup build linter
	@$(MAKE) --no-print-directory -j3 cases lint unit $(WITH)

ifneq (,$(filter cases,$(MAKECMDGOALS)))
integration: cases # one after the other, for each takes the machine
endif

linter:
	@$(GO) run $(LINTER) version >/dev/null

lint: ## run the linter, layer rules included
	nice -n 19 $(GO) run $(LINTER) run ./...

# The detector needs cgo, by which one library compiles C that no binary has: it need not be fast.
unit: ## unit tests, with the race detector
	CGO_ENABLED=1 CGO_CFLAGS=-O0 nice -n 19 $(GO) test -race -shuffle=on -vet=off $(UNIT)

cases: build ## end-to-end cases on real servers, read by DuckDB
	$(GO) test $(WAITING) -timeout 20m $(CASES)

crash: build ## the crash tests of `make cases`, with ROUNDS random moments and a million old rows
	$(GO) test -count=1 -timeout 60m ./integration/crash/... -rounds $(ROUNDS)
	$(GO) test -count=1 -timeout 20m ./integration/cases -run 'TestFill$$' -old-rows 1000000

integration: build ## the cases on MySQL 8, real Kafka, and Trino over Glue and S3 stand-ins (Java, Maven)
	@scripts/setup --java
	$(GO) test $(WAITING) -timeout 30m -tags integration ./integration/cases/... ./integration/reference/...

reference: build ## the real Debezium beside firn-reader on one server: the corpus, and changes at random (Java, Maven; SERVER=, SEED=, ONLY=, FLAGS= of the server)
	@scripts/setup --java
	$(GO) run ./integration/reference/beside $(if $(SERVER),-server $(SERVER)) $(if $(SEED),-seed $(SEED)) $(if $(ONLY),-only $(ONLY)) $(if $(FLAGS),-flags "$(FLAGS)")

takeover: build ## Debezium killed KILLS times, firn-reader in between: nothing lost, nothing twice (Java, Maven)
	@scripts/setup --java
	$(GO) test -count=1 -tags integration ./integration/server
	$(GO) test -count=1 -timeout 60m -tags integration ./integration/takeover -kills $(KILLS) -v

bench: build ## measure both binaries, and Debezium beside where Java and Maven are; writes bench/latest.json
	$(GO) run ./integration/bench

soak: build ## ten minutes of steady changes, then the cost of reading
	$(GO) run ./integration/soak

fmt: ## format the source
	$(GO) run $(LINTER) fmt ./...

clean: ## remove what was built
	rm -rf $(BIN) bench/latest.json
