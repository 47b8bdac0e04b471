# Rollcall's one entry point. `make` alone prints what there is.
#
# `make run` and `make test` need Go and nothing else. `make check` builds its two
# tools from source into .tools/; `make e2e` and `make validate` install Python and
# npm packages below infra/e2e.

GO         ?= go
PYTHON     ?= python3
NPM        ?= npm
INFRA      := infra
E2E        := $(INFRA)/e2e
VENV       := $(E2E)/.venv
SAM_VENV   := $(E2E)/suites/sam/.venv
READERS    := $(E2E)/suites/readers/.venv
PYTHON_SDK := $(E2E)/suites/python/.venv
OPENAPI    := $(E2E)/suites/openapi/.venv
AZ         := $(E2E)/suites/entra/.venv
JAVA_SDK   := $(E2E)/foreign/java/target
ATHENA     := $(E2E)/foreign/athena/.venv
TRINO      := 476
MVN        ?= mvn
NODE       := $(E2E)/node_modules
TOOLS      := .tools/bin
GOFUMPT    := $(TOOLS)/gofumpt-v0.12.0
GOLANGCI   := $(TOOLS)/golangci-lint-v2.15.0
CYCLONEDX  := $(TOOLS)/cyclonedx-gomod-v1.10.0
# SAM sets ARTIFACTS_DIR when it calls build-UsersFunction.
ARTIFACTS_DIR ?= bin/users
# The release build, the same for SAM, the size budget and the tests of the binary.
# TAGS=otel adds traces; `sam build` and `make deploy` take it, too.
TAGS       ?=
comma      := ,
RELEASE    := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -tags lambda.norpc$(if $(TAGS),$(comma)$(TAGS))
# `go test` for infra, and then a search of everything that it and its programs have written for credentials.
LEAKS      := $(GO) run ./e2e/leaks
# Bytes that the stripped arm64 binaries of functions may have.
BUDGETS    := users:13000000 webhook:11000000 changes:19000000 rotate:13000000

.DEFAULT_GOAL := help
.PHONY: help run test check docs-check fmt format vet tidy lint race size e2e e2e-azure e2e-foreign e2e-athena jq chromium soffice chaos bench bench-peers bench-changes bench-webhook bench-azure validate build build-UsersFunction build-SnapshotFunction build-ChangesFunction build-WebhookFunction build-RotateFunction release deploy package-azure deploy-azure tools clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# On a terminal it then serves the page until Ctrl-C; elsewhere it ends.
run: ## List users, publish them to ./snapshot and show both in a browser: a simulated tenant's, or yours with AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET set
	@if [ -n "$$AZURE_TENANT_ID" ] && [ -n "$$AZURE_CLIENT_ID" ] && [ -n "$$AZURE_CLIENT_SECRET" ]; then demo=; else demo=--demo; fi; \
	page="./functions/rollcall serve$${demo:+ --demo --watch} --sink ./snapshot"; \
	$(GO) run ./functions/rollcall list $$demo --format table && echo && \
	$(GO) run ./functions/rollcall snapshot $$demo --sink ./snapshot >/dev/null && \
	if [ -t 0 ] && [ -t 1 ]; then $(GO) run $$page --addr 127.0.0.1:0; else echo "In a browser: go run $$page"; fi

test: ## The whole default suite: offline, in well under a minute once compiled
	@$(GO) test ./... && echo "test: every package passed"

check: format vet tidy lint race size ## What CI checks: formatting, vet, tidy modules, lint, tests under race and shuffle, the size budgets
	@echo "check: everything holds"

docs-check: ## Check that variables, errors, alarms, metrics, commands and links of the documentation exist in the code, and the other way round
	@$(GO) test -count=1 ./docs && echo "docs-check: the documentation and the code agree"

fmt: $(GOFUMPT) ## Format every Go file
	@$(GOFUMPT) -w functions pkg docs $(INFRA)

format: $(GOFUMPT)
	@echo "gofumpt"
	@unformatted=$$($(GOFUMPT) -l functions pkg docs $(INFRA)) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "not formatted (make fmt does it):"; echo "$$unformatted"; exit 1; fi

vet:
	@echo "go vet"
	@$(GO) vet ./...
	@$(GO) vet -tags otel ./...

tidy:
	@echo "go mod tidy -diff"
	@$(GO) mod tidy -diff
	@cd $(INFRA) && $(GO) mod tidy -diff

lint: $(GOLANGCI)
	@echo "golangci-lint"
	@$(GOLANGCI) run ./...
	@cd $(INFRA) && $(CURDIR)/$(GOLANGCI) run ./...

race:
	@echo "go test -race -shuffle=on"
	@$(GO) test -race -shuffle=on -timeout 20m ./...

size:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	for budget in $(BUDGETS); do function=$${budget%:*} most=$${budget#*:}; \
		GOOS=linux GOARCH=arm64 $(RELEASE) -o "$$dir/bootstrap" ./functions/$$function && \
		bytes=$$(($$(wc -c < "$$dir/bootstrap"))) && \
		echo "functions/$$function for arm64: $$bytes bytes of $$most" && [ "$$bytes" -le "$$most" ] || exit 1; \
	done

e2e: $(VENV)/installed $(SAM_VENV)/installed $(READERS)/installed $(PYTHON_SDK)/installed $(OPENAPI)/installed $(AZ)/installed $(NODE)/installed jq chromium ## The built functions behind every trigger, store, bus and state machine; kills; other clients and readers; the README's commands; the page in Chromium; needs python3, node, curl and jq
	@cd $(INFRA) && $(LEAKS) -count=1 -timeout 30m $$($(GO) list ./... | grep -v /e2e/foreign/) && echo "e2e: every package passed"

e2e-azure: $(NODE)/installed ## The packed function app of functions/azure under a host as Azure Functions', with Azurite; needs node
	@cd $(INFRA) && $(LEAKS) -count=1 -timeout 10m ./e2e/harness/functionshost ./e2e/suites/azure && echo "e2e-azure: every package passed"

e2e-foreign: $(JAVA_SDK)/installed soffice ## Clients and readers that are too heavy for make e2e and CI: Microsoft's Java client, LibreOffice; needs a JDK 17 and Maven
	@cd $(INFRA) && $(LEAKS) -count=1 -timeout 30m $$($(GO) list ./e2e/foreign/... | grep -v /athena$$) && echo "e2e-foreign: every package passed"

e2e-athena: $(VENV)/installed $(ATHENA)/installed ## Trino, whose engine is Athena's, queries the tables of template.yaml; downloads 860 MB; needs python3 and Maven
	@cd $(INFRA) && $(LEAKS) -count=1 -timeout 20m ./e2e/foreign/athena && echo "e2e-athena: every package passed"

# Seeds of `make chaos`: so many, from the first on.
CHAOS_SEEDS ?= 1000
CHAOS_FIRST ?= 1

chaos: ## Read and publish tenants that misbehave and change by seed: CHAOS_SEEDS=1000 of them from CHAOS_FIRST=1 on
	@cd $(E2E)/suites/chaos && CHAOS_SEEDS=$(CHAOS_SEEDS) CHAOS_FIRST=$(CHAOS_FIRST) $(GO) test -count=1 -timeout 2h

bench-peers: ## Measure publishing next to the list alone, and reading next to a hand-written loop and msgraph-sdk-go
	@cd $(INFRA) && $(GO) run ./bench -peers

bench-changes: ## Measure publishing the changes of a million users, next to snapshots and their difference
	@cd $(INFRA) && $(GO) run ./bench -changes

bench-webhook: ## Measure how long the webhook takes to answer, cold start included
	@cd $(INFRA) && $(GO) run ./bench -webhook

bench-azure: $(NODE)/installed ## Measure the start of the custom handler of functions/azure, and what it takes to publish; needs node
	@cd $(INFRA) && $(GO) run ./bench -azure

bench: ## Measure CPU, memory, wall time, cold start and size, next to other clients; takes some minutes
	@cd $(INFRA) && $(GO) run ./bench

validate: $(VENV)/installed $(NODE)/installed ## Check template.yaml with cfn-lint, the state machines with asl-validator, the syntax of infra/azure/*.bicep, infra/entra with Terraform where it is installed, and shellcheck; needs python3 and node
	@$(VENV)/bin/cfn-lint -r eu-west-1 -- template.yaml && echo "validate: template.yaml has no findings"
	@for machine in infra/statemachine/*.asl.json; do $(NODE)/.bin/asl-validator --json-path $$machine || exit 1; done
	@$(VENV)/bin/python $(E2E)/harness/bicep/syntax.py $(INFRA)/azure/*.bicep && echo "validate: the syntax of infra/azure/*.bicep has no errors"
	@$(VENV)/bin/shellcheck $(INFRA)/deploy.sh $(INFRA)/entra/setup.sh && echo "validate: the shell scripts have no findings"
	@if command -v terraform >/dev/null || command -v tofu >/dev/null; then \
		cd $(INFRA) && $(GO) test -count=1 -run Terraform ./e2e/suites/entra && echo "validate: infra/entra is valid, and its tests pass"; \
	else echo "validate: neither terraform nor tofu is installed, so infra/entra was not checked"; fi

build: ## Build functions/users for Lambda (arm64) into bin/users/bootstrap
	@$(MAKE) --no-print-directory build-UsersFunction ARTIFACTS_DIR=bin/users
	@ls -l bin/users/bootstrap

# Called by `sam build` (BuildMethod: makefile in template.yaml).
build-UsersFunction:
	@mkdir -p "$(ARTIFACTS_DIR)"
	@GOOS=linux GOARCH=arm64 $(RELEASE) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/users

build-SnapshotFunction:
	@mkdir -p "$(ARTIFACTS_DIR)"
	@GOOS=linux GOARCH=arm64 $(RELEASE) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/snapshot

build-ChangesFunction:
	@mkdir -p "$(ARTIFACTS_DIR)"
	@GOOS=linux GOARCH=arm64 $(RELEASE) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/changes

build-WebhookFunction:
	@mkdir -p "$(ARTIFACTS_DIR)"
	@GOOS=linux GOARCH=arm64 $(RELEASE) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/webhook

build-RotateFunction:
	@mkdir -p "$(ARTIFACTS_DIR)"
	@GOOS=linux GOARCH=arm64 $(RELEASE) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/rotate

# Make hands on APP, STACK and PARAMETERS in the environment.
release: $(CYCLONEDX) ## Build everything that is released, of the commit that is checked out, into dist: functions and command line as zip files, SHA256SUMS, a bill of materials for each
	@cd $(INFRA) && $(GO) run ./release -sbom $(CURDIR)/$(CYCLONEDX) -out $(CURDIR)/dist

deploy: ## Deploy template.yaml with the SAM command line; asks for the app registration the first time: [APP=<TENANT ID>/<CLIENT ID>|secret] [STACK=...] [PARAMETERS="Changes=yes ..."]
	@$(INFRA)/deploy.sh

package-azure: ## Build functions/azure for Azure Functions (Linux, x64) and pack it into bin/azure.zip
	@mkdir -p bin/azure
	@GOOS=linux GOARCH=amd64 $(RELEASE) -o bin/azure/handler ./functions/azure
	@cd $(INFRA) && $(GO) run ./azure/package ../functions/azure ../bin/azure/handler ../bin/azure.zip

# Of `make deploy-azure`: where, and parameters of infra/azure/main.bicep, such as "changes=true plan=premium".
RESOURCE_GROUP ?=
LOCATION       ?=
PARAMETERS     ?=
azure_output    = $$(az deployment group show --resource-group "$(RESOURCE_GROUP)" --name rollcall --query properties.outputs.$(1).value --output tsv)

# Flex Consumption takes the package itself. The Premium plan finds it in the storage account, and has to be told.
deploy-azure: ## Deploy infra/azure and functions/azure with the Azure command line: RESOURCE_GROUP=... LOCATION=... [PARAMETERS="changes=true ..."]
	@[ -n "$(RESOURCE_GROUP)" ] && [ -n "$(LOCATION)" ] || { echo "say where: make deploy-azure RESOURCE_GROUP=rollcall LOCATION=westeurope"; exit 2; }
	@$(MAKE) --no-print-directory package-azure
	@az group create --name "$(RESOURCE_GROUP)" --location "$(LOCATION)" --output none
	@az deployment group create --resource-group "$(RESOURCE_GROUP)" --name rollcall --template-file $(INFRA)/azure/main.bicep \
		$(if $(PARAMETERS),--parameters $(PARAMETERS)) --query properties.outputs
	@app=$(call azure_output,app) package=$(call azure_output,package) && \
	if [ -z "$$package" ]; then az functionapp deployment source config-zip --resource-group "$(RESOURCE_GROUP)" --name "$$app" --src bin/azure.zip; \
	else az storage blob upload --auth-mode login --blob-url "$$package" --file bin/azure.zip --overwrite --output none && \
		az functionapp restart --resource-group "$(RESOURCE_GROUP)" --name "$$app" && \
		az rest --method post --url "$$(az functionapp show --resource-group "$(RESOURCE_GROUP)" --name "$$app" --query id --output tsv)/syncfunctiontriggers?api-version=2024-11-01"; \
	fi

tools: $(GOFUMPT) $(GOLANGCI) ## Build gofumpt and golangci-lint into .tools/

# A tool's file carries its version, so that a new version here builds a new one.
# The log is shown only when the build fails.
install = mkdir -p $(TOOLS) && { GOBIN=$(CURDIR)/$(TOOLS) $(GO) install $(1)@$(patsubst $(2)-%,%,$(@F)) 2>$@.log || \
	{ cat $@.log; exit 1; }; } && rm -f $@.log && mv $(TOOLS)/$(2) $@

$(GOFUMPT):
	@echo "building gofumpt"
	@$(call install,mvdan.cc/gofumpt,gofumpt)

$(CYCLONEDX):
	@echo "building cyclonedx-gomod"
	@$(call install,github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod,cyclonedx-gomod)

$(GOLANGCI):
	@echo "building golangci-lint (a minute or two, once)"
	@$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,golangci-lint)

# An environment is rebuilt when its list of packages has changed.
$(AZ)/installed: PIP_OPTIONS := --no-deps
$(VENV)/installed $(SAM_VENV)/installed $(READERS)/installed $(PYTHON_SDK)/installed $(OPENAPI)/installed $(AZ)/installed: %/.venv/installed: %/requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed: make e2e and make validate need Python 3.11 or later"; exit 1; }
	@echo "installing $< into $(@D)"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) -r $<
	@touch $@

# Maven keeps what it downloads in its own cache; the program and its libraries are copied to target.
$(JAVA_SDK)/installed: %/target/installed: %/pom.xml %/src/main/java/Users.java
	@command -v $(MVN) >/dev/null || { echo "$(MVN) is not installed: make e2e-foreign needs Maven 3.6 and a JDK 17 or later"; exit 1; }
	@echo "building $< into $(@D)"
	@$(MVN) --batch-mode --quiet -f $< package
	@touch $@

# Trino without the plugins that Athena has no part of. Its Java is a package of Python's.
$(ATHENA)/installed: %/.venv/installed: %/requirements.txt
	@command -v $(PYTHON) >/dev/null && command -v $(MVN) >/dev/null || { echo "make e2e-athena needs Python 3.11 or later, and Maven 3.6 with any JDK"; exit 1; }
	@echo "installing Trino $(TRINO) into $(@D)/trino"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@$(MVN) --batch-mode --quiet dependency:copy -Dartifact=io.trino:trino-server:$(TRINO):tar.gz -DoutputDirectory=$(@D)
	@mkdir $(@D)/trino && tar -xzf $(@D)/trino-server-$(TRINO).tar.gz -C $(@D)/trino --strip-components=1 && rm $(@D)/trino-server-$(TRINO).tar.gz
	@find $(@D)/trino/plugin -mindepth 1 -maxdepth 1 ! -name hive -exec rm -r {} +
	@touch $@

$(NODE)/installed: %/node_modules/installed: %/package.json %/package-lock.json
	@command -v $(NPM) >/dev/null || { echo "$(NPM) is not installed: make e2e and make validate need Node 18 or later"; exit 1; }
	@echo "installing $< into $(@D)"
	@cd $(<D) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

# A program that only the system's packages have is installed where that is possible:
# its name, and that of its Debian package.
system = command -v $(1) >/dev/null || { echo "installing $(2)"; \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $(2); } >/dev/null 2>&1; } || \
	{ echo "$(1) is not installed: install it by your system's packages (apt-get install $(2))"; exit 1; }

jq:
	@$(call system,jq,jq)

chromium:
	@$(call system,chromium,chromium)

soffice:
	@$(call system,soffice,libreoffice-calc)

clean: ## Remove what was built and installed here
	@rm -rf bin dist snapshot .tools .aws-sam $(VENV) $(SAM_VENV) $(READERS) $(PYTHON_SDK) $(OPENAPI) $(AZ) $(ATHENA) $(NODE) $(JAVA_SDK)
