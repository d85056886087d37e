# Everything that is done to Sijil has a target here; "make help" lists them.
include scripts/versions

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# nodebug leaves out CometBFT's deadlock detector and debug server.
TAGS    := nodebug
LDFLAGS := -s -w -X github.com/sijil-health/sijil/cli.Version=$(VERSION)
BUILD   := go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'
TOOLS   := .tools
CLIENTS := test/clients/node_modules/.package-lock.json

# One static binary without libc; one cache for all targets.
export CGO_ENABLED = 0

.PHONY: build
build: go ## build bin/sijil
	$(BUILD) -o bin/sijil ./cmd/sijil

.PHONY: demo
demo: build ## run four organisations on this machine and take a short walk
	bin/sijil demo

.PHONY: test
test: go $(TOOLS)/testlog ## run the tests; needs no root and no other programs
	go test -json -tags $(TAGS) -timeout 20m ./... | $(TOOLS)/testlog

.PHONY: race
race: go ## run the tests under the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race -tags $(TAGS) -timeout 40m ./...

.PHONY: check
check: go $(TOOLS)/staticcheck-$(STATICCHECK) ## format, vet, staticcheck, layers, modules, shell scripts, known vulnerabilities
	scripts/check-format.sh
	go vet -tags $(TAGS) ./...
	$(TOOLS)/staticcheck-$(STATICCHECK) -tags $(TAGS) ./...
	scripts/check-layers.sh
	go mod verify
	scripts/check-shell.sh
	scripts/check-vulnerabilities.sh $(GOVULNCHECK)

.PHONY: lint
lint: go $(TOOLS)/golangci-lint-$(GOLANGCI_LINT) ## stricter opinions, for people: golangci-lint (building it takes minutes)
	$(TOOLS)/golangci-lint-$(GOLANGCI_LINT) run --build-tags $(TAGS) ./...

.PHONY: test-real
test-real: build $(TOOLS)/testlog $(TOOLS)/versitygw-$(VERSITYGW) $(CLIENTS) ## tests with real processes and outside programs; installs those it needs, given root
	scripts/install-packages.sh $(subst ",,$(REAL_PACKAGES))
	SIJIL_BIN=$(CURDIR)/bin/sijil SIJIL_S3_SERVER=$(CURDIR)/$(TOOLS)/versitygw-$(VERSITYGW) \
		go test -json -tags '$(TAGS) real' -run '^TestReal' -count 1 -timeout 20m ./... | $(TOOLS)/testlog

.PHONY: bench
bench: build ## the table of docs/performance.md, then every benchmark of the packages
	go run -tags $(TAGS) ./bench
	go test -tags $(TAGS) -run '^$$' -bench . -benchmem -p 1 -timeout 60m ./...

.PHONY: bench-smoke
bench-smoke: build ## the table with less load, in less than two minutes
	go run -tags $(TAGS) ./bench -smoke

.PHONY: soak
soak: go ## fuzz, state-machine and soak tests for about an hour (SOAK_MINUTES=60)
	scripts/soak.sh $(or $(SOAK_MINUTES),60) '$(TAGS)'

.PHONY: release
release: go ## archives for linux amd64 and arm64 in dist/, to install without a network
	VERSION='$(VERSION)' TAGS='$(TAGS)' scripts/release.sh dist

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist $(TOOLS) $(dir $(CLIENTS))

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

.PHONY: go
go:
	@scripts/need-go.sh $(GO_MIN)

$(TOOLS)/testlog: scripts/testlog/*.go | go
	go build -o $@ ./scripts/testlog

$(TOOLS)/staticcheck-$(STATICCHECK): | go
	scripts/install-tool.sh $@ honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK)

$(TOOLS)/golangci-lint-$(GOLANGCI_LINT): | go
	scripts/install-tool.sh $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)

$(TOOLS)/versitygw-$(VERSITYGW): | go
	scripts/install-tool.sh $@ github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)

$(CLIENTS): test/clients/package-lock.json
	scripts/install-clients.sh test/clients
