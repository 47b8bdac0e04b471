// Package bicep_test shows what infra/azure deploys: who may do what, what can be reached,
// and that it fits the functions of functions/azure. No test deploys it.
package bicep_test

import (
	"regexp"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/bicep"
)

// variant is a cloud, and the parameters of a deployment into it.
type variant struct {
	cloud      string
	parameters map[string]any
}

// everything enables all that is optional.
func everything(more map[string]any) map[string]any {
	all := map[string]any{
		"changes": true, "webhook": true, "alarmEmail": "it@contoso.example", "readyInstances": 1, "tags": map[string]any{"owner": "it"},
		"signInClientId": "8e3e0b1c-51d8-4a6c-9d5e-0a1b2c3d4e5f", "graphRoles": []any{"User.Read.All", "AuditLog.Read.All"},
		"sinks":    "eventgrid://people.westeurope-1.eventgrid.azure.net azqueue://contoso/people",
		"settings": map[string]any{"ROLLCALL_SELECT": "id,mail,signInActivity", "ROLLCALL_MAX_LEAVERS": "2%"},
	}
	for name, value := range more {
		all[name] = value
	}
	return all
}

// variants are the deployments that tests check.
func variants() map[string]variant {
	return map[string]variant{
		"with the defaults":      {"AzureCloud", nil},
		"with everything":        {"AzureCloud", everything(nil)},
		"on Premium":             {"AzureCloud", everything(map[string]any{"plan": "premium"})},
		"with private data":      {"AzureCloud", everything(map[string]any{"private": "data", "plan": "premium"})},
		"all of it private":      {"AzureCloud", map[string]any{"private": "everything", "changes": true}},
		"private with a webhook": {"AzureCloud", everything(map[string]any{"private": "everything"})},
		"for the US government":  {"AzureUSGovernment", map[string]any{"cloud": "usgov", "graphRoles": []any{}, "private": "everything"}},
		"in China":               {"AzureChinaCloud", map[string]any{"cloud": "china", "graphRoles": []any{}, "private": "everything", "plan": "premium"}},
	}
}

func read(t *testing.T) *bicep.File {
	t.Helper()
	f, err := bicep.Read(t.Context(), harness.Path(t, "infra", "azure", "main.bicep"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// deployments works out all variants.
func deployments(t *testing.T) map[string]*bicep.Deployment {
	t.Helper()
	f, all := read(t), map[string]*bicep.Deployment{}
	for name, v := range variants() {
		d, err := f.Deploy(v.cloud, v.parameters)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = d
	}
	return all
}

func TestEveryNameIsDeclaredUsedAndDescribed(t *testing.T) {
	main := read(t)
	for _, f := range append(main.Modules(), main) {
		for _, problem := range f.Check() {
			t.Error(problem)
		}
		for _, d := range f.Declared {
			if (d.Kind == "param" || d.Kind == "output") && d.Described() == "" {
				t.Errorf("%s:%d: %s %s is not described", f.Path, d.Line, d.Kind, d.Name)
			}
		}
	}
}

func TestEveryParameterHasADefault(t *testing.T) {
	if _, err := read(t).Deploy("AzureCloud", nil); err != nil {
		t.Error(err)
	}
}

func TestVersionsOfAPIsAreStable(t *testing.T) {
	stable := regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}|v1\.0)$`)
	for name, d := range deployments(t) {
		versions := map[string]string{}
		for _, r := range d.Resources {
			if !stable.MatchString(r.Version) {
				t.Errorf("%s: %s is of %s", name, r.Type, r.Version)
			}
			if known := versions[r.Type]; known != "" && known != r.Version {
				t.Errorf("%s: %s is of %s and of %s", name, r.Type, known, r.Version)
			}
			versions[r.Type] = r.Version
		}
	}
}

func TestNoTwoResourcesAreTheSame(t *testing.T) {
	for name, d := range deployments(t) {
		seen := map[string]bool{}
		for _, r := range d.Resources {
			if seen[r.ID()] && r.Type != "Microsoft.Graph/appRoleAssignedTo" {
				t.Errorf("%s: %s is there twice", name, r.ID())
			}
			seen[r.ID()] = true
		}
	}
}

func TestADeploymentThatCannotBeIsRefused(t *testing.T) {
	f := read(t)
	for what, parameters := range map[string]map[string]any{
		"no such parameter": {"region": "westeurope"}, "of another type": {"changes": "true"},
		"not allowed": {"plan": "consumption"}, "too much": {"staleHours": 48}, "too little": {"maximumInstances": 1},
	} {
		if _, err := f.Deploy("AzureCloud", parameters); err == nil {
			t.Errorf("%s: %v is taken", what, parameters)
		}
	}
}
