package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

// binding is one of a function.json.
type binding struct{ Type, Direction, Name, QueueName, AuthLevel, Route, Schedule, Connection string }

// bindings reads the function.json of each function.
func bindings(t *testing.T) map[string][]binding {
	t.Helper()
	files, err := filepath.Glob("*/function.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	all := map[string][]binding{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		var function struct{ Bindings []binding }
		if err == nil {
			err = json.Unmarshal(text, &function)
		}
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Dir(file)] = function.Bindings
	}
	return all
}

func TestTheFoldersAreTheFunctions(t *testing.T) {
	log := telemetry.New(new(bytes.Buffer), telemetry.Options{})
	program := functions(new(config.Config), publisher.Settings{}, log, nil, nil)
	folders := bindings(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(folders)), slices.Sorted(maps.Keys(program))); diff != "" {
		t.Fatal(diff)
	}
	for name, f := range program {
		var got []string
		for _, b := range folders[name] {
			got = append(got, strings.Join(strings.Fields(strings.Join([]string{b.Type, b.Direction, b.Name, b.QueueName, b.AuthLevel}, " ")), " "))
			if strings.HasPrefix(b.Type, "queue") && b.Connection != "AzureWebJobsStorage" {
				t.Errorf("%s: the connection is %q", name, b.Connection)
			}
		}
		var want []string
		switch f.(type) {
		case *azure.HTTP:
			want = []string{"httpTrigger in req function", "http out res"}
			if name == "webhook" {
				want = []string{"httpTrigger in req anonymous", "http out res", "queue out changes rollcall-changes", "queue out snapshots rollcall-snapshots"}
			}
		default:
			job, isRun := strings.CutSuffix(name, "_run")
			queue := map[string]string{"snapshot": "rollcall-snapshots", "changes": "rollcall-changes"}[job]
			want = []string{"timerTrigger in timer", "queue out jobs " + queue}
			if isRun {
				want = []string{"queueTrigger in job " + queue, "queue out next " + queue}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// deployment is the function app, its tenant, its store and its log.
type deployment struct {
	http.Handler
	tenant *simulator.Tenant
	store  string
	log    bytes.Buffer
}

func deploy(t *testing.T, more ...string) *deployment {
	t.Helper()
	d := &deployment{tenant: simulator.New(simulator.Config{Users: 1200}), store: t.TempDir()}
	server, err := d.tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	c := d.tenant.Config()
	var host azure.Settings
	var publishing publisher.Settings
	environ := slices.DeleteFunc([]string{
		"ROLLCALL_CREDENTIALS=env:", "AZURE_TENANT_ID=" + c.Tenant, "AZURE_CLIENT_ID=" + c.ClientID, "AZURE_CLIENT_SECRET=" + c.ClientSecret,
		"ROLLCALL_LOGIN_URL=" + server.URL, "ROLLCALL_GRAPH_URL=" + server.URL, "ROLLCALL_SINKS=file://" + d.store,
		`ROLLCALL_WEBHOOK_SECRET={"ClientState":"the-client-state-0123456789"}`,
	}, func(variable string) bool { // that is given anew
		name, _, _ := strings.Cut(variable, "=")
		return slices.ContainsFunc(more, func(other string) bool { return strings.HasPrefix(other, name+"=") })
	})
	cfg, err := config.Read(append(environ, more...), &host, &publishing)
	if cfg == nil {
		cfg = new(config.Config)
	}
	log := telemetry.New(&d.log, telemetry.Options{})
	host.Root = "."
	d.Handler, err = (&azure.App{Settings: host, Functions: functions(cfg, publishing, log, nil, err, reader.WithTransport(server.Transport())), Log: log}).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// invoke invokes a function, and returns the status and the outputs.
func (d *deployment) invoke(t *testing.T, name string, data any, metadata map[string]any) (int, map[string]json.RawMessage) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Data": map[string]any{"in": data}, "Metadata": metadata})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+name, bytes.NewReader(body)))
	var answer struct{ Outputs map[string]json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return w.Code, answer.Outputs
}

// messages are those of an output.
func messages(t *testing.T, output json.RawMessage) []string {
	t.Helper()
	var all []string
	if err := json.Unmarshal(output, &all); output != nil && err != nil {
		t.Fatal(err)
	}
	return all
}

func TestATimerAndItsQueuePublishASnapshot(t *testing.T) {
	d := deploy(t)
	status, out := d.invoke(t, "snapshot", map[string]any{"IsPastDue": false}, nil)
	due := messages(t, out["jobs"])
	if status != http.StatusOK || len(due) != 1 || !strings.HasSuffix(due[0], `Z-timer"}`) {
		t.Fatalf("%d, %q", status, due)
	}
	for range 2 { // the message is delivered twice
		if status, out = d.invoke(t, "snapshot_run", due[0], nil); status != http.StatusOK || len(out) > 0 {
			t.Errorf("%d, %v", status, out)
		}
	}
	id := d.tenant.Config().Tenant
	latest, err := os.ReadFile(filepath.Join(d.store, "latest", "tenant="+id+".json"))
	if err != nil || !strings.Contains(string(latest), "-timer") {
		t.Errorf("%s, %v", latest, err)
	}
	if runs, _ := filepath.Glob(filepath.Join(d.store, "runs", "tenant="+id, "run=*")); len(runs) != 1 {
		t.Errorf("%v", runs)
	}
	// Without a name the message names it.
	const message = "9a1b2c3d-0000-4111-8222-333344445555"
	if status, _ := d.invoke(t, "snapshot_run", "{}", map[string]any{"Id": message}); status != http.StatusOK {
		t.Errorf("%d: %s", status, &d.log)
	}
	if _, err := os.Stat(filepath.Join(d.store, "runs", "tenant="+id, "run=message-"+message, "manifest.json")); err != nil {
		t.Error(err)
	}
}

func TestChangesAreReadByTimerAndByNotification(t *testing.T) {
	d := deploy(t, "ROLLCALL_STATE=file://"+t.TempDir(), "ROLLCALL_SINKS=https://hooks.example/events",
		`ROLLCALL_WEBHOOK_SECRET={"ClientState":"the-client-state-0123456789","SinkKey":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`)
	_, out := d.invoke(t, "changes", map[string]any{}, nil)
	if due := messages(t, out["jobs"]); len(due) != 1 || due[0] != "{}" {
		t.Fatalf("%q: %s", due, &d.log)
	}
	id := d.tenant.Config().Tenant
	body := fmt.Sprintf(`{"value":[{"subscriptionId":"7f105c7d-2dc5-4530-97cd-4e7ae6534c07","clientState":"the-client-state-0123456789","changeType":"updated","resource":"Users/x","tenantId":%q}]}`, id)
	_, out = d.invoke(t, "webhook", map[string]any{
		"Url": "https://a.example/api/webhook/notifications", "Method": "POST", "Headers": http.Header{"Content-Type": {"application/json"}}, "Body": body,
	}, nil)
	notified := messages(t, out["changes"])
	if len(notified) != 1 || notified[0] != `{"tenant":"`+id+`"}` {
		t.Fatalf("%q: %s", notified, &d.log)
	}
	for _, message := range []string{"{}", notified[0]} {
		if status, out := d.invoke(t, "changes_run", message, map[string]any{"InsertionTime": time.Now().Add(-time.Hour)}); status != http.StatusOK || len(out) > 0 {
			t.Errorf("%s: %d, %v: %s", message, status, out, &d.log)
		}
	}
}

func TestUsersAreReturnedUnderBothVersionsOfThePath(t *testing.T) {
	d := deploy(t)
	for _, path := range []string{"/api/users?$top=2", "/api/v1.0/users?$top=2"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		r.Host = "contoso.azurewebsites.net"
		d.ServeHTTP(w, r)
		var page struct {
			Value []struct{ ID string }
			Next  string `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK || len(page.Value) != 2 || !strings.HasPrefix(page.Next, "http://contoso.azurewebsites.net/api/v1.0/users?") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestABrokenConfigurationIsTheAnswerOfEachFunction(t *testing.T) {
	d := deploy(t, "ROLLCALL_SELEKT=id", "ROLLCALL_FILTER=@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/users", http.NoBody))
	if body := w.Body.String(); w.Code != http.StatusInternalServerError || !strings.Contains(body, "ROLLCALL_SELEKT") || !strings.Contains(body, "ROLLCALL_FILTER") {
		t.Errorf("%d %s", w.Code, body)
	}
	for _, name := range []string{"snapshot", "changes"} {
		if status, out := d.invoke(t, name, map[string]any{}, nil); status != http.StatusInternalServerError || len(out) > 0 {
			t.Errorf("%s: %d", name, status)
		}
		if status, out := d.invoke(t, name+"_run", "{}", nil); status != http.StatusInternalServerError || len(out) > 0 {
			t.Errorf("%s_run: %d", name, status)
		}
	}
	if log := d.log.String(); strings.Count(log, "ROLLCALL_SELEKT") < 5 {
		t.Errorf("the log is %s", log)
	}
	// What one function lacks is no matter of the others'.
	d = deploy(t, "ROLLCALL_SINKS= ", "ROLLCALL_WEBHOOK_SECRET= ")
	w = httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/users?$top=1", http.NoBody))
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
