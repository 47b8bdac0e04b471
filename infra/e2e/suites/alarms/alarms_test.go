// Package alarms_test has the built functions fail, reads what they log as CloudWatch does, and
// asks the alarms of template.yaml.
package alarms_test

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudwatch"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/emf"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
)

// binaries are the built functions by folder, each built when it is first needed.
var binaries = struct {
	sync.Mutex
	dir   string
	built map[string]bool
}{built: map[string]bool{}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "rollcall-alarms-")
	if err != nil {
		panic(err)
	}
	binaries.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func binary(t *testing.T, folder string) string {
	t.Helper()
	binaries.Lock()
	defer binaries.Unlock()
	path := filepath.Join(binaries.dir, folder)
	if !binaries.built[folder] {
		if err := repository.Release(t.Context(), "functions/"+folder, "", path); err != nil {
			t.Fatal(err)
		}
		binaries.built[folder] = true
	}
	return path
}

// watched is a stack whose alarms see what its functions log.
type watched struct {
	*testing.T
	stack   *cloudformation.Stack
	metrics cloudwatch.Metrics
	clock   time.Time // of CloudWatch
}

// everything are parameters with which all alarms are there.
func everything() map[string]string {
	return map[string]string{
		"FederatedApp": "secret", "Changes": "yes", "Webhook": "yes", "EventsQueue": "yes", "Rotate": "yes",
		"RuleTargetArn": "arn:aws:sqs:eu-west-1:123456789012:people",
	}
}

func resolve(t *testing.T) *cloudformation.Stack {
	t.Helper()
	template, err := cloudformation.Read(harness.Path(t, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	stack, err := template.Resolve(everything())
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func watch(t *testing.T) *watched {
	t.Helper()
	t.Parallel()
	return &watched{T: t, stack: resolve(t), clock: time.Date(2026, 5, 4, 2, 15, 0, 0, time.UTC)}
}

// wait lets time pass for CloudWatch.
func (w *watched) wait(d time.Duration) { w.clock = w.clock.Add(d) }

// want asks alarms for their state.
func (w *watched) want(state string, alarms ...string) {
	w.Helper()
	for _, name := range alarms {
		a, err := cloudwatch.Parse(w.stack.Resources[name].Properties)
		if err != nil {
			w.Fatalf("%s: %v", name, err)
		}
		got, err := a.State(&w.metrics, w.clock)
		if err != nil {
			w.Fatalf("%s: %v", name, err)
		}
		if got != state {
			w.Errorf("%s at %s: %s, want %s", name, w.clock.Format(time.DateTime), got, state)
		}
	}
}

// function is a deployed function: its name in the template, and the folder of its program.
type function struct {
	name, folder string
	env          []string
	timeout      time.Duration
}

// run invokes a function in an environment of its own, and has CloudWatch make metrics of its
// log at the present time. wants is the error in which it has to end, "" for none.
func (w *watched) run(f function, event, wants string) []emf.Record {
	w.Helper()
	if f.timeout == 0 {
		f.timeout = 2 * time.Minute
	}
	host, err := lambdahost.Config{Bootstrap: binary(w.T, f.folder), Env: f.env, Timeout: f.timeout}.Start(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	defer host.Close()
	answer, err := host.Invoke(w.Context(), []byte(event))
	host.Close()
	if err != nil || answer.ErrorType != wants {
		w.Fatalf("%s answers %s, %v, want %q:\n%s", f.folder, answer.Payload, err, wants, host.Output())
	}
	records := emf.Read(w.T, host.Output())
	if len(records) != 1 {
		w.Fatalf("%s has logged %d records:\n%s", f.folder, len(records), host.Output())
	}
	w.put(f, records)
	failed := 0.
	if answer.ErrorType != "" {
		failed = 1
	}
	w.metrics.Put("AWS/Lambda", "Errors", map[string]string{"FunctionName": "<" + f.name + ">"}, w.clock, failed)
	return records
}

// put has metrics of records at the present time. The function has its name in the template.
func (w *watched) put(f function, records []emf.Record) {
	w.Helper()
	for _, r := range records {
		dimensions := maps.Clone(r.Dimensions)
		if len(dimensions) != 1 || dimensions["FunctionName"] == "" {
			w.Fatalf("the record has the dimensions %v", dimensions)
		}
		dimensions["FunctionName"] = "<" + f.name + ">"
		for name, value := range r.Metrics {
			w.metrics.Put(r.Namespace, name, dimensions, w.clock, value)
		}
	}
}

// publishes are variables of a function that publishes to a folder.
func publishes(dir string) []string {
	sink := url.URL{Scheme: "file", Path: dir}
	return []string{"ROLLCALL_SINKS=" + sink.String(), "ROLLCALL_MAX_LEAVERS=10"}
}

// snapshots publishes a tenant to a folder.
func snapshots(of *tenant.Tenant, dir string, more ...string) function {
	return function{name: "SnapshotFunction", folder: "snapshot", env: slices.Concat(of.Environ(), publishes(dir), more)}
}

// down is the function when nothing of Microsoft's answers.
func (f function) down() function {
	f.env = slices.Concat(slices.DeleteFunc(slices.Clone(f.env), func(v string) bool {
		return strings.HasPrefix(v, "ROLLCALL_LOGIN_URL=") || strings.HasPrefix(v, "ROLLCALL_GRAPH_URL=")
	}), []string{"ROLLCALL_LOGIN_URL=https://127.0.0.1:1", "ROLLCALL_GRAPH_URL=https://127.0.0.1:1"})
	f.timeout = 8 * time.Second
	return f
}
