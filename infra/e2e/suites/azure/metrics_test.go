package azure_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/insights"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// figures are the metrics of an invocation by name, of those that have come so far.
type figures struct {
	properties map[string]string
	values     map[string]float64
}

// invocations are the metrics that have come, by the invocation that they are of.
func invocations(i *insights.Ingestion) map[string]figures {
	all := map[string]figures{}
	for _, m := range i.Metrics() {
		id := m.Properties["requestId"]
		if all[id].values == nil {
			all[id] = figures{m.Properties, map[string]float64{}}
		}
		all[id].values[m.Name] = m.Value
	}
	return all
}

// TestFiguresArriveAsMetrics of the API, of a snapshot in slices, of one that fails, and of the
// change feed, though the ingestion is busy at first.
func TestFiguresArriveAsMetrics(t *testing.T) {
	t.Parallel()
	i := harness.Start(t, insights.Start)
	d := prepare(t, simulator.Config{Users: population}, append(i.Environ(simulator.DefaultIdentity), "WEBSITE_SITE_NAME=contoso")...)
	d.start()
	i.Refuse(1)
	of := func(function string, ready func(figures) bool) (found figures) {
		t.Helper()
		d.until("the metrics of "+function+" come", func() bool {
			for _, f := range invocations(i) {
				if f.properties["FunctionName"] == function && len(f.values) > 0 && ready(f) {
					found = f
					return true
				}
			}
			return false
		})
		return found
	}
	if got := d.get("/users?$top=7"); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	page := of("users", func(f figures) bool { return len(f.values) >= 7 })
	if page.values["Users"] != 7 || page.values["Pages"] != 1 || page.values["Failed"] != 0 || page.values["Duration"] <= 0 || page.properties["job"] != "users" {
		t.Errorf("%+v", page)
	}

	d.fire("snapshot")
	m := d.published("", d.present())
	complete := of("snapshot_run", func(f figures) bool {
		_, ok := f.values["LatestAge"]
		return ok && f.values["Users"] > 0 && len(f.values) >= 10
	})
	if complete.values["Users"] != population || complete.values["Bytes"] <= 0 || complete.values["Failed"]+complete.values["Suspect"]+complete.values["Incomplete"] != 0 ||
		complete.properties["run"] != m.Run || complete.properties["tenant"] != d.tenant.TenantID || complete.properties["messageId"] == "" {
		t.Errorf("%+v", complete)
	}

	d.tenant.AddFault(simulator.Fault{Name: "403", Times: -1})
	d.send(snapshots, struct{}{})
	failed := of("snapshot_run", func(f figures) bool { return f.values["Failed"] == 1 && len(f.values) >= 6 })
	if _, known := failed.values["Users"]; known || failed.values["LatestAge"] <= 0 {
		t.Errorf("%+v", failed)
	}

	known := map[string]bool{}
	for _, definition := range telemetry.Definitions() {
		known[string(definition.Metric)] = true
	}
	for _, m := range i.Metrics() {
		if !known[m.Name] || m.Namespace != "Rollcall" || m.Role != "contoso" {
			t.Errorf("%+v", m)
		}
	}
	d.addPeople()
	for _, canary := range slices.Collect(maps.Keys(d.canaries)) {
		if strings.Contains(i.Bodies(), canary) {
			t.Errorf("%q is in the metrics", canary)
		}
	}
	if problems := i.Problems(); len(problems) > 0 {
		t.Errorf("%q", problems)
	}
}

// TestAJobDoesNotDependOnItsMetrics where they cannot be sent, or the settings are wrong.
func TestAJobDoesNotDependOnItsMetrics(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ env, log string }{
		"another host": {"APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=" + insights.Key + ";IngestionEndpoint=https://example.com/", "there will be no metrics"},
		"a reference":  {"APPLICATIONINSIGHTS_CONNECTION_STRING=@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)", "there will be no metrics"},
		"nobody there": {"APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=" + insights.Key + ";IngestionEndpoint=http://127.0.0.1:1/", "metrics could not be sent"},
	} {
		d := deploy(t, simulator.Config{Users: population}, row.env)
		d.fire("snapshot")
		d.published("", d.present())
		d.until(name+" is in the log", func() bool { return strings.Contains(d.logs(), row.log) })
	}
}
