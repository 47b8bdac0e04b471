package bicep_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// TestCommandsInOutputsAskForWhatTheFunctionTakes runs them in a shell in which az prints its
// last argument, the message that a function would get.
func TestCommandsInOutputsAskForWhatTheFunctionTakes(t *testing.T) {
	for name, d := range deployments(t) {
		for output, want := range map[string]snapshot.Input{"snapshotCommand": {}, "acceptCommand": {Accept: "2026-11-22T021500Z", Tenant: "7c0de5e1-1a57-4ace-8c0b-0123456789ab"}} {
			command := strings.Replace(d.Outputs[output].(string), "<RUN>", want.Accept+`","tenant":"`+want.Tenant, 1)
			for _, part := range []string{" --account-name host", " --queue-name rollcall-snapshots ", " --auth-mode login "} {
				if !strings.Contains(command, part) {
					t.Errorf("%s: %s has no%s", name, output, part)
				}
			}
			out, err := process.NewCommand(t.Context(), "sh", "-ec", `az() { shift $(($# - 1)); printf %s "$1"; }`+"\n"+command).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %s: %v: %s", name, command, err, out)
			}
			message, err := base64.StdEncoding.Strict().DecodeString(string(out))
			if err != nil || strings.ContainsAny(string(out), "\r\n") {
				t.Fatalf("%s: %s sends %q: %v", name, output, out, err)
			}
			var got snapshot.Input
			if err := json.Unmarshal(message, &got); err != nil || got != want {
				t.Errorf("%s: %s asks for %s: %v", name, output, message, err)
			}
		}
	}
}

// TestTheMakefileDeploysWhatIsThere looks at the commands of `make deploy-azure`, which needs a
// subscription of Azure.
func TestTheMakefileDeploysWhatIsThere(t *testing.T) {
	command := process.NewCommand(t.Context(), "make", "-n", "deploy-azure", "RESOURCE_GROUP=people", "LOCATION=westeurope", "PARAMETERS=changes=true plan=premium")
	command.Dir = harness.Path(t)
	text, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	outputs := deployments(t)["with everything"].Outputs
	for _, name := range regexp.MustCompile(`properties\.outputs\.(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if _, found := outputs[name[1]]; !found {
			t.Errorf("there is no output %s", name[1])
		}
	}
	template := regexp.MustCompile(`--template-file (\S+)`).FindStringSubmatch(string(text))
	if len(template) != 2 {
		t.Fatalf("it deploys no template:\n%s", text)
	}
	if _, err := os.Stat(filepath.Join(command.Dir, template[1])); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		`az group create --name "people" --location "westeurope"`, "--parameters changes=true plan=premium", "--src bin/azure.zip", "--file bin/azure.zip",
		"GOOS=linux GOARCH=amd64 CGO_ENABLED=0",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func TestTheMakefileAsksWhereToDeploy(t *testing.T) {
	command := process.NewCommand(t.Context(), "make", "deploy-azure", "RESOURCE_GROUP=people")
	command.Dir = harness.Path(t)
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "LOCATION=") || strings.Contains(string(out), "azure.zip") {
		t.Errorf("%v: %s", err, out)
	}
}
