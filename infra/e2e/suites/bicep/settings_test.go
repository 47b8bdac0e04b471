package bicep_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/bicep"
)

// settings are the app settings, which are the environment of the handler.
func settings(t *testing.T, d *bicep.Deployment) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, r := range d.Of("Microsoft.Web/sites/config") {
		if r.Name() != "appsettings" {
			continue
		}
		for name, value := range r.Body["properties"].(map[string]any) {
			text, ok := value.(string)
			if !ok {
				t.Errorf("the setting %s is %v", name, value)
			}
			all[name] = text
		}
	}
	return all
}

// function is a function.json.
type function struct {
	Bindings []struct{ Type, QueueName, Connection, Schedule, Route string }
}

func functions(t *testing.T) map[string]function {
	t.Helper()
	files, err := filepath.Glob(harness.Path(t, "functions", "azure", "*", "function.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no functions: %v", err)
	}
	all := map[string]function{}
	for _, file := range files {
		var f function
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &f)
		}
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(filepath.Dir(file))] = f
	}
	return all
}

func TestTheQueuesAreThoseOfTheFunctions(t *testing.T) {
	want := map[string]bool{}
	for _, f := range functions(t) {
		for _, b := range f.Bindings {
			if b.QueueName == "" {
				continue
			}
			want[b.QueueName], want[b.QueueName+"-poison"] = true, true
		}
	}
	for name, d := range deployments(t) {
		var got []string
		for _, r := range d.Of("Microsoft.Storage/storageAccounts/queueServices/queues") {
			got = append(got, r.Name())
		}
		slices.Sort(got)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTheHostFindsEverySettingThatAFunctionNames(t *testing.T) {
	for name, d := range deployments(t) {
		all := settings(t, d)
		for folder, f := range functions(t) {
			for _, b := range f.Bindings {
				if b.Schedule != "" && len(strings.Fields(all[strings.Trim(b.Schedule, "%")])) != 6 {
					t.Errorf("%s: the schedule of %s is %q", name, folder, all[strings.Trim(b.Schedule, "%")])
				}
				if b.Connection == "" {
					continue
				}
				for _, part := range []string{"__credential", "__clientId", "__queueServiceUri", "__blobServiceUri"} {
					if all[b.Connection+part] == "" {
						t.Errorf("%s: the connection of %s has no %s", name, folder, part)
					}
				}
			}
		}
		for setting, value := range all {
			rest, switched := strings.CutPrefix(setting, "AzureWebJobs.")
			folder, _ := strings.CutSuffix(rest, ".Disabled")
			if _, known := functions(t)[folder]; switched && (!known || value != "true" && value != "false" || strings.Contains(folder, "-")) {
				t.Errorf("%s: %s is %q", name, setting, value)
			}
		}
	}
}

// TestFlexConsumptionHasNoSettingsOfOtherPlans: an app with one of them is not deployed.
func TestFlexConsumptionHasNoSettingsOfOtherPlans(t *testing.T) {
	for name, d := range deployments(t) {
		premium := variants()[name].parameters["plan"] == "premium"
		app, all := d.Of("Microsoft.Web/sites")[0], settings(t, d)
		for _, setting := range []string{"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"} {
			if _, found := all[setting]; found != premium {
				t.Errorf("%s: %s is set: %t", name, setting, found)
			}
		}
		if got := app.At("properties.functionAppConfig"); (got == nil) != premium {
			t.Errorf("%s: functionAppConfig is %v", name, got)
		}
		if got := app.At("properties.siteConfig.linuxFxVersion"); (got == "") != premium {
			t.Errorf("%s: linuxFxVersion is %v", name, got)
		}
		where := d.Outputs["package"].(string)
		if premium {
			if all["WEBSITE_RUN_FROM_PACKAGE"] != where || !strings.HasSuffix(where, "/packages/azure.zip") {
				t.Errorf("%s: the package is looked for at %s and uploaded to %s", name, all["WEBSITE_RUN_FROM_PACKAGE"], where)
			}
			continue
		}
		if got := app.At("properties.functionAppConfig.deployment.storage.value").(string); where != "" || !hasContainer(t, d, got) {
			t.Errorf("%s: the package is kept in %s, and uploaded to %q", name, got, where)
		}
	}
}

// hasContainer reports whether a URL is that of a container which is deployed.
func hasContainer(t *testing.T, d *bicep.Deployment, address string) bool {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	account, _, _ := strings.Cut(u.Hostname(), ".")
	container, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return slices.ContainsFunc(d.Of("Microsoft.Storage/storageAccounts/blobServices/containers"), func(r *bicep.Resource) bool {
		return r.Name() == container && r.Parent.Parent.Name() == account
	})
}

func TestStoresAreContainersThatTheIdentityMayWrite(t *testing.T) {
	for name, d := range deployments(t) {
		all := settings(t, d)
		store := strings.Fields(all["ROLLCALL_SINKS"])[0]
		for _, address := range []string{store, all["ROLLCALL_STATE"]} {
			if !strings.HasPrefix(address, "azblob://data") || !hasContainer(t, d, address) {
				t.Errorf("%s: %s is not a container", name, address)
			}
		}
		if store == all["ROLLCALL_STATE"] {
			t.Errorf("%s: readers of snapshots see the state", name)
		}
	}
}

func TestGraphIsToldTheAddressOfTheWebhook(t *testing.T) {
	var route string
	for _, b := range functions(t)["webhook"].Bindings {
		route += b.Route
	}
	for name, d := range deployments(t) {
		got, outside := settings(t, d)["ROLLCALL_NOTIFICATION_URL"], d.Outputs["webhookUrl"].(string)
		if wanted := variants()[name].parameters["webhook"] == true; (got != "") != wanted || (outside != "") != wanted {
			t.Errorf("%s: the addresses are %q and %q", name, got, outside)
			continue
		}
		// The prefix of routes is the host's own, as host.json has none.
		if want := d.Outputs["api"].(string) + "/" + strings.Replace(route, "{action}", "notifications", 1); got != "" && (got != want || got != outside+"/notifications") {
			t.Errorf("%s: the address is %s, want %s", name, got, want)
		}
	}
}

func TestWhomAppServiceLetsInWithoutAToken(t *testing.T) {
	for name, d := range deployments(t) {
		var found bool
		for _, r := range d.Of("Microsoft.Web/sites/config") {
			if r.Name() != "authsettingsV2" {
				continue
			}
			found = true
			want := []any{"/api/webhook/notifications", "/api/webhook/run"}
			if variants()[name].parameters["webhook"] != true {
				want = []any{}
			}
			if diff := cmp.Diff(want, r.At("properties.globalValidation.excludedPaths")); diff != "" || r.At("properties.globalValidation.unauthenticatedClientAction") != "Return401" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if wanted := variants()[name].parameters["signInClientId"] != nil; found != wanted {
			t.Errorf("%s: App Service looks at tokens: %t", name, found)
		}
	}
}
