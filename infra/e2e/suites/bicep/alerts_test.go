package bicep_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// source is the text of the program.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	root := os.DirFS(harness.Path(t))
	for _, folder := range []string{"pkg", "functions"} {
		err := fs.WalkDir(root, folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := fs.ReadFile(root, path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestAlertsLookForWhatIsThere: a query for a record that nobody writes never alerts.
func TestAlertsLookForWhatIsThere(t *testing.T) {
	program, folders, quoted := source(t), functions(t), regexp.MustCompile(`"([^"]*)"`)
	metrics := map[string]bool{}
	for _, m := range telemetry.Definitions() {
		metrics[string(m.Metric)] = true
	}
	for name, d := range deployments(t) {
		wanted := []string{"doubtful", "failed", "old", "poisoned", "stale"}
		if variants()[name].parameters["changes"] == true {
			wanted = append(wanted, "silent")
		}
		var got []string
		for _, r := range d.Of("Microsoft.Insights/scheduledQueryRules") {
			got = append(got, r.Name()[strings.LastIndex(r.Name(), "-")+1:])
			query := r.At("properties.criteria.allOf").([]any)[0].(map[string]any)["query"].(string)
			table, _, _ := strings.Cut(query, " ")
			for _, text := range quoted.FindAllStringSubmatch(query, -1) {
				_, isFunction := folders[text[1]]
				if table == "traces" && !strings.Contains(program, `"`+text[1]+`"`) || table == "requests" && !isFunction || table == "customMetrics" && !metrics[text[1]] {
					t.Errorf("%s: %s looks for %q, which is not there", name, r.Name(), text[1])
				}
			}
			if table != "traces" && table != "requests" && table != "customMetrics" || !quoted.MatchString(query) {
				t.Errorf("%s: %s asks %s", name, r.Name(), query)
			}
			told := r.At("properties.actions.actionGroups").([]any)
			if mail := variants()[name].parameters["alarmEmail"] != nil; (len(told) == 1) != mail || len(d.Of("Microsoft.Insights/actionGroups")) != len(told) {
				t.Errorf("%s: %s tells %v", name, r.Name(), told)
			}
		}
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: the alerts are %q, want %q", name, got, wanted)
		}
	}
}

// TestEveryFunctionThatDoesAJobIsWatched: a new one is not forgotten.
func TestEveryFunctionThatDoesAJobIsWatched(t *testing.T) {
	d := deployments(t)["with the defaults"]
	var query string
	for _, r := range d.Of("Microsoft.Insights/scheduledQueryRules") {
		if strings.HasSuffix(r.Name(), "-failed") {
			query = r.At("properties.criteria.allOf").([]any)[0].(map[string]any)["query"].(string)
		}
	}
	for name, f := range functions(t) {
		for _, b := range f.Bindings {
			if (b.Type == "timerTrigger" || b.Type == "queueTrigger") && !strings.Contains(query, `"`+name+`"`) {
				t.Errorf("failures of %s are in no alert", name)
			}
		}
	}
}

// TestTheSamplingOfTheHostKeepsWhatAlertsLookFor: a record that was left out alerts nobody.
func TestTheSamplingOfTheHostKeepsWhatAlertsLookFor(t *testing.T) {
	text, err := os.ReadFile(harness.Path(t, "functions", "azure", "host.json"))
	if err != nil {
		t.Fatal(err)
	}
	excluded := regexp.MustCompile(`"excludedTypes": "([^"]*)"`).FindStringSubmatch(string(text))
	if regexp.MustCompile(`"samplingSettings": \{ "isEnabled": false`).Match(text) {
		return
	}
	for _, kind := range []string{"Request", "Trace"} {
		if len(excluded) != 2 || !slices.Contains(strings.Split(excluded[1], ";"), kind) {
			t.Errorf("host.json samples each %s", kind)
		}
	}
}
