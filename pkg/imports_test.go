// Package pkg_test keeps the directions in which the rooms of this house may
// import each other.
package pkg_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollcall-dev/rollcall/"

// allowed names, for each package, the packages of this module that it may
// import. A package that is not here may not exist.
func allowed() map[string][]string {
	return map[string][]string{
		"pkg/retry":     {},
		"pkg/crash":     {},
		"pkg/diagnosis": {},
		"pkg/tolerance": {},
		"pkg/origin":    {},
		"pkg/signature": {},
		"pkg/cloud":     {},
		"pkg/guid":      {},
		"pkg/property":  {},
		"pkg/spill":     {},

		"pkg/diagnosis/awsapi":   {"pkg/diagnosis"},
		"pkg/diagnosis/azureapi": {"pkg/diagnosis"},

		"pkg/telemetry":   {"pkg/version"},
		"pkg/version":     {},
		"pkg/secret":      {"pkg/diagnosis", "pkg/diagnosis/awsapi", "pkg/guid", "pkg/origin", "pkg/signature"},
		"pkg/keyvault":    {"pkg/diagnosis", "pkg/diagnosis/azureapi", "pkg/guid", "pkg/origin", "pkg/retry", "pkg/secret"},
		"pkg/certificate": {"pkg/secret"},
		"pkg/kms":         {"pkg/diagnosis", "pkg/diagnosis/awsapi", "pkg/guid", "pkg/retry", "pkg/secret"},
		"pkg/webidentity": {"pkg/diagnosis/awsapi", "pkg/secret"},

		"pkg/credential": {"pkg/certificate", "pkg/cloud", "pkg/diagnosis", "pkg/guid", "pkg/keyvault", "pkg/kms", "pkg/origin", "pkg/retry", "pkg/secret", "pkg/telemetry", "pkg/webidentity"},
		"pkg/graph":      {"pkg/crash", "pkg/diagnosis", "pkg/guid", "pkg/origin", "pkg/retry", "pkg/telemetry", "pkg/version"},
		"pkg/header":     {},

		"pkg/correlation": {"pkg/guid", "pkg/header", "pkg/telemetry"},

		"pkg/failure":  {"pkg/correlation", "pkg/header", "pkg/telemetry"},
		"pkg/odata":    {},
		"pkg/advanced": {"pkg/odata", "pkg/property"},
		"pkg/trigger":  {"pkg/correlation", "pkg/crash", "pkg/failure", "pkg/header", "pkg/telemetry"},
		"pkg/config":   {"pkg/cloud", "pkg/origin", "pkg/property", "pkg/secret", "pkg/tolerance"},
		"pkg/format":   {"pkg/property", "pkg/graph"},
		"pkg/list":     {"pkg/crash", "pkg/property", "pkg/graph", "pkg/retry", "pkg/telemetry", "pkg/tolerance"},
		"pkg/baseline": {"pkg/list", "pkg/store", "pkg/tolerance"},
		"pkg/snapshot": {"pkg/crash", "pkg/baseline", "pkg/bus", "pkg/graph", "pkg/list", "pkg/store", "pkg/telemetry", "pkg/tolerance"},

		"pkg/changes": {"pkg/baseline", "pkg/bus", "pkg/crash", "pkg/graph", "pkg/list", "pkg/property", "pkg/spill", "pkg/store", "pkg/telemetry", "pkg/tolerance"},

		"pkg/published": {
			"pkg/crash", "pkg/format", "pkg/format/parquet", "pkg/graph", "pkg/guid", "pkg/list", "pkg/property", "pkg/snapshot", "pkg/spill", "pkg/store",
		},

		"pkg/list/listtest": {"pkg/graph", "pkg/list", "pkg/property", "pkg/simulator", "pkg/tolerance"},

		"pkg/store": {"pkg/retry", "pkg/telemetry"},
		"pkg/bus":   {"pkg/crash", "pkg/retry", "pkg/telemetry"},

		"pkg/telemetry/appinsights": {"pkg/cloud", "pkg/crash", "pkg/diagnosis", "pkg/diagnosis/azureapi", "pkg/guid", "pkg/origin", "pkg/retry", "pkg/telemetry"},

		"pkg/trigger/lambda": {"pkg/failure", "pkg/guid", "pkg/header", "pkg/telemetry", "pkg/trigger"},
		"pkg/trigger/azure":  {"pkg/crash", "pkg/failure", "pkg/guid", "pkg/header", "pkg/retry", "pkg/telemetry", "pkg/trigger"},

		// The simulator shares no code with the client: it must be able to prove the
		// client wrong.
		"pkg/simulator/guid":         {},
		"pkg/simulator/fault":        {},
		"pkg/simulator/tenant":       {"pkg/simulator/fault"},
		"pkg/simulator/people":       {"pkg/property", "pkg/simulator/guid"},
		"pkg/simulator/directory":    {"pkg/simulator/guid", "pkg/simulator/people"},
		"pkg/simulator/wire":         {"pkg/simulator/guid"},
		"pkg/simulator/grapherror":   {"pkg/simulator/wire"},
		"pkg/simulator/vault":        {"pkg/simulator/guid", "pkg/simulator/wire"},
		"pkg/simulator/jwt":          {},
		"pkg/simulator/sts":          {"pkg/simulator/guid", "pkg/simulator/jwt", "pkg/simulator/wire"},
		"pkg/simulator/login":        {"pkg/simulator/fault", "pkg/simulator/guid", "pkg/simulator/jwt", "pkg/simulator/tenant", "pkg/simulator/wire"},
		"pkg/simulator/subscription": {"pkg/simulator/fault", "pkg/simulator/grapherror", "pkg/simulator/guid", "pkg/simulator/tenant", "pkg/simulator/wire"},
		"pkg/simulator/query":        {"pkg/property", "pkg/simulator/directory", "pkg/simulator/grapherror", "pkg/simulator/people", "pkg/simulator/tenant"},
		"pkg/simulator/graphapi": {
			"pkg/property", "pkg/simulator/directory", "pkg/simulator/fault", "pkg/simulator/grapherror", "pkg/simulator/guid", "pkg/simulator/login",
			"pkg/simulator/people", "pkg/simulator/query", "pkg/simulator/subscription", "pkg/simulator/tenant", "pkg/simulator/wire",
		},
		"pkg/simulator": {
			"pkg/simulator/directory", "pkg/simulator/fault", "pkg/simulator/graphapi", "pkg/simulator/login", "pkg/simulator/people",
			"pkg/simulator/sts", "pkg/simulator/subscription", "pkg/simulator/tenant", "pkg/simulator/vault", "pkg/simulator/wire",
		},

		"pkg/format/parquet":  {"pkg/graph", "pkg/property"},
		"pkg/format/xlsx":     {"pkg/format", "pkg/property"},
		"pkg/store/file":      {"pkg/store"},
		"pkg/store/s3":        {"pkg/crash", "pkg/diagnosis", "pkg/diagnosis/awsapi", "pkg/origin", "pkg/store"},
		"pkg/store/azblob":    {"pkg/crash", "pkg/diagnosis", "pkg/diagnosis/azureapi", "pkg/origin", "pkg/store"},
		"pkg/store/storetest": {"pkg/store"},
		"pkg/bus/awsbus":      {"pkg/bus", "pkg/diagnosis", "pkg/diagnosis/awsapi", "pkg/origin"},
		"pkg/bus/azurebus":    {"pkg/bus", "pkg/diagnosis", "pkg/diagnosis/azureapi", "pkg/origin", "pkg/retry"},
		"pkg/bus/azqueue":     {"pkg/bus", "pkg/bus/azurebus"},
		"pkg/bus/eventbridge": {"pkg/bus", "pkg/bus/awsbus"},
		"pkg/bus/eventgrid":   {"pkg/bus", "pkg/bus/azurebus", "pkg/origin"},
		"pkg/bus/sns":         {"pkg/bus", "pkg/bus/awsbus"},
		"pkg/bus/sqs":         {"pkg/bus", "pkg/bus/awsbus"},
		"pkg/bus/kinesis":     {"pkg/bus", "pkg/bus/awsbus"},
		"pkg/bus/firehose":    {"pkg/bus", "pkg/bus/awsbus"},
		"pkg/bus/https":       {"pkg/bus", "pkg/diagnosis", "pkg/origin", "pkg/retry", "pkg/signature", "pkg/version"},
		"pkg/bus/bustest":     {"pkg/bus"},

		"pkg/legible": {},
		"pkg/page": {
			"pkg/bus", "pkg/correlation", "pkg/crash", "pkg/failure", "pkg/format", "pkg/guid", "pkg/header", "pkg/legible", "pkg/list", "pkg/property", "pkg/published", "pkg/snapshot",
		},

		"pkg/api":    {"pkg/advanced", "pkg/correlation", "pkg/crash", "pkg/format", "pkg/graph", "pkg/guid", "pkg/odata", "pkg/property", "pkg/list", "pkg/failure", "pkg/header", "pkg/telemetry"},
		"pkg/reader": {"pkg/advanced", "pkg/config", "pkg/credential", "pkg/graph", "pkg/keyvault", "pkg/list", "pkg/odata", "pkg/property", "pkg/retry", "pkg/secret"},
		"pkg/sink": {
			"pkg/bus", "pkg/bus/awsbus", "pkg/bus/azqueue", "pkg/bus/eventbridge", "pkg/bus/eventgrid", "pkg/bus/firehose", "pkg/bus/https", "pkg/bus/kinesis", "pkg/bus/sns", "pkg/bus/sqs",
			"pkg/signature", "pkg/snapshot", "pkg/store", "pkg/store/azblob", "pkg/store/file", "pkg/store/s3",
		},
		"pkg/publisher": {
			"pkg/bus", "pkg/changes", "pkg/config", "pkg/credential", "pkg/failure", "pkg/format", "pkg/format/parquet", "pkg/guid", "pkg/list", "pkg/reader",
			"pkg/secret", "pkg/signature", "pkg/sink", "pkg/snapshot", "pkg/store", "pkg/subscription", "pkg/telemetry", "pkg/tolerance",
		},
		"pkg/subscription": {"pkg/graph", "pkg/origin", "pkg/secret"},

		"pkg/webhook":       {"pkg/bus", "pkg/correlation", "pkg/failure", "pkg/guid", "pkg/retry", "pkg/secret", "pkg/signature"},
		"pkg/webhook/aws":   {"pkg/bus", "pkg/bus/awsbus", "pkg/bus/sqs", "pkg/config", "pkg/secret", "pkg/webhook"},
		"pkg/webhook/azure": {"pkg/bus", "pkg/config", "pkg/secret", "pkg/webhook"},
		"pkg/rotation":      {"pkg/credential", "pkg/failure", "pkg/graph", "pkg/retry", "pkg/secret"},
		"pkg/rotation/aws": {
			"pkg/config", "pkg/credential", "pkg/diagnosis/awsapi", "pkg/graph", "pkg/reader", "pkg/rotation", "pkg/secret",
		},
		"functions/rotate":   {"pkg/config", "pkg/rotation", "pkg/rotation/aws", "pkg/telemetry", "pkg/trigger/lambda"},
		"functions/webhook":  {"pkg/config", "pkg/telemetry", "pkg/trigger/lambda", "pkg/webhook/aws"},
		"functions/snapshot": {"pkg/config", "pkg/publisher", "pkg/snapshot", "pkg/telemetry", "pkg/trigger/lambda"},
		"functions/changes":  {"pkg/changes", "pkg/config", "pkg/publisher", "pkg/telemetry", "pkg/trigger/lambda"},
		"functions/azure": {
			"pkg/api", "pkg/changes", "pkg/config", "pkg/credential", "pkg/failure", "pkg/publisher", "pkg/reader", "pkg/snapshot", "pkg/telemetry", "pkg/telemetry/appinsights",
			"pkg/trigger", "pkg/trigger/azure", "pkg/webhook/azure",
		},
		"docs":             {},
		"docs/examples/go": {},
		"functions/users": {
			"pkg/api", "pkg/config", "pkg/reader", "pkg/telemetry", "pkg/trigger/lambda",
		},
		"functions/rollcall": {
			"pkg/api", "pkg/bus", "pkg/certificate", "pkg/changes", "pkg/config", "pkg/correlation", "pkg/crash", "pkg/credential", "pkg/failure", "pkg/format", "pkg/format/xlsx", "pkg/graph", "pkg/header", "pkg/origin", "pkg/property",
			"pkg/guid", "pkg/keyvault", "pkg/kms", "pkg/legible", "pkg/page", "pkg/published", "pkg/publisher", "pkg/reader", "pkg/list", "pkg/retry", "pkg/snapshot", "pkg/secret", "pkg/simulator", "pkg/subscription", "pkg/telemetry", "pkg/version", "pkg/tolerance",
		},
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []goPackage {
	t.Helper()
	// As released: without the tag the Lambda runtime links net/rpc, and with that html/template.
	cmd := exec.CommandContext(t.Context(), "go", "list", "-tags", "lambda.norpc", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImportsRunOneWay(t *testing.T) {
	rules := allowed()
	packages := list(t)
	if len(packages) < 5 {
		t.Fatalf("go list found %d packages only", len(packages))
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name == "pkg" {
			continue // this test
		}
		may, ok := rules[name]
		if !ok {
			t.Errorf("%s is not in the table of rooms: say there what it may import", name)
			continue
		}
		for _, imported := range p.Imports {
			if inside, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(may, inside) {
				t.Errorf("%s imports %s, which is not one of the ways through the house", name, inside)
			}
		}
	}
}

func TestOnlyTheRightFunctionsLinkTheHeavyParts(t *testing.T) {
	never := map[string][]string{
		"functions/users": {module + "pkg/simulator", "github.com/alecthomas/kong", "github.com/parquet-go/parquet-go", "github.com/aws/aws-sdk-go-v2/service/s3"},
		"pkg/trigger":     {"github.com/aws/aws-lambda-go/events", "github.com/aws/aws-lambda-go/lambda/messages"},
		// It has no permission in Graph, so it has no use for what reads from there.
		"functions/webhook": {
			module + "pkg/graph", module + "pkg/list", module + "pkg/credential", module + "pkg/keyvault", module + "pkg/changes", module + "pkg/simulator", module + "pkg/store",
			"github.com/Azure/azure-sdk-for-go/sdk/azidentity", "github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential",
			"github.com/aws/aws-sdk-go-v2/service/s3", "github.com/alecthomas/kong",
		},
		"functions/rotate":   {module + "pkg/simulator", module + "pkg/publisher", module + "pkg/store", "github.com/alecthomas/kong", "github.com/aws/aws-sdk-go-v2/service/s3"},
		"functions/snapshot": {module + "pkg/simulator", "github.com/alecthomas/kong"},
		"functions/changes":  {module + "pkg/simulator", "github.com/alecthomas/kong"},
		"pkg/graph":          {"github.com/aws/aws-sdk-go-v2/aws", "github.com/Azure/azure-sdk-for-go/sdk/azidentity"},
		"pkg/list":           {"github.com/aws/aws-sdk-go-v2/aws", "github.com/Azure/azure-sdk-for-go/sdk/azcore"},
		"pkg/changes":        {"github.com/aws/aws-sdk-go-v2/aws", "github.com/Azure/azure-sdk-for-go/sdk/azcore"},
		"pkg/snapshot":       {"github.com/aws/aws-sdk-go-v2/aws", "github.com/Azure/azure-sdk-for-go/sdk/azcore"},
	}
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		linked := never[name]
		if strings.HasPrefix(name, "functions/") && name != "functions/rollcall" {
			linked = append(linked, "github.com/xuri/excelize/v2", "html/template", module+"pkg/page")
		}
		// Traces are for those who build with the tag otel.
		if i := slices.IndexFunc(p.Deps, func(dep string) bool { return strings.HasPrefix(dep, "go.opentelemetry.io/") }); i >= 0 {
			t.Errorf("%s links %s without the tag otel", p.ImportPath, p.Deps[i])
		}
		for _, heavy := range linked {
			if slices.Contains(p.Deps, heavy) {
				t.Errorf("%s links %s", p.ImportPath, heavy)
			}
		}
	}
}
