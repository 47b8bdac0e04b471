package bicep_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(harness.Path(t, "docs", "azure.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePageNamesWhatIsThere(t *testing.T) {
	text, main := page(t), read(t)
	d := deployments(t)["with everything"]
	parameters := map[string]bool{}
	for _, p := range main.Of("param") {
		parameters[p.Name] = true
	}
	for _, found := range regexp.MustCompile("[`\" =](\\w+)=[\\w\\['@]").FindAllStringSubmatch(text, -1) {
		if name := found[1]; !parameters[name] && strings.ToUpper(name) != name {
			t.Errorf("docs/azure.md sets %s, which is no parameter", name)
		}
	}
	for _, name := range []string{"snapshotCommand", "acceptCommand", "keyCommand", "webhookUrl", "principalId", "api", "log"} {
		if _, found := d.Outputs[name]; !found || !strings.Contains(text, name) {
			t.Errorf("the output %s is not there, or not in docs/azure.md", name)
		}
	}
	for _, r := range d.Of("Microsoft.Insights/scheduledQueryRules") {
		if title := strings.TrimPrefix(r.At("properties.displayName").(string), "Rollcall: "); !strings.Contains(text, "| "+title) {
			t.Errorf("docs/azure.md does not say what to do about: %s", title)
		}
	}
	for name := range functions(t) {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/azure.md does not know the function %s", name)
		}
	}
	for target, roles := range granted(t, d) {
		for _, role := range roles {
			if !strings.Contains(text, role) {
				t.Errorf("docs/azure.md does not say why the identity is %s of %s", role, target)
			}
		}
	}
}

func TestTheFileOfParametersOfThePageCanBeDeployed(t *testing.T) {
	_, example, _ := strings.Cut(page(t), "```json\n")
	example, _, found := strings.Cut(example, "```")
	var file struct {
		Parameters map[string]struct{ Value any }
	}
	if err := json.Unmarshal([]byte(example), &file); err != nil || !found || len(file.Parameters) == 0 {
		t.Fatalf("%v: %s", err, example)
	}
	parameters := map[string]any{}
	for name, p := range file.Parameters {
		parameters[name] = p.Value
	}
	d, err := read(t).Deploy("AzureCloud", parameters)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range parameters["settings"].(map[string]any) {
		if got := settings(t, d)[name]; got != value {
			t.Errorf("%s is %q", name, got)
		}
	}
}
