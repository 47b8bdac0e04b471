package publisher_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// fixture is a simulated tenant to publish.
type fixture struct {
	tenant *simulator.Tenant
	server *simulator.Server
	log    bytes.Buffer
	// endpoint is where Graph's notifications go.
	endpoint http.Handler
}

func open(t *testing.T) *fixture { return openWith(t, simulator.Config{Users: 1200}) }

func openWith(t *testing.T, of simulator.Config) *fixture {
	t.Helper()
	h := new(fixture)
	endpoints := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.endpoint.ServeHTTP(w, r) })
	of.Endpoints = simulator.TransportTo(endpoints)
	h.tenant = simulator.New(of)
	var err error
	if h.server, err = h.tenant.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.server.Close() })
	return h
}

// publisher reads the configuration as a function does.
func (h *fixture) publisher(t *testing.T, more ...string) (*publisher.Publisher, error) {
	t.Helper()
	c := h.tenant.Config()
	var settings publisher.Settings
	cfg, err := config.Read(append([]string{
		"ROLLCALL_LOGIN_URL=" + h.server.URL, "ROLLCALL_GRAPH_URL=" + h.server.URL,
		"AZURE_TENANT_ID=" + c.Tenant, "AZURE_CLIENT_ID=" + c.ClientID, "AZURE_CLIENT_SECRET=" + c.ClientSecret,
	}, more...), &settings)
	if err != nil {
		return nil, err
	}
	return publisher.New(cfg, settings, telemetry.New(&h.log, telemetry.Options{}), reader.WithTransport(h.server.Transport()))
}

func wantError(t *testing.T, err error, name, text string) {
	t.Helper()
	if err == nil || failure.Of(err).Name != name || !strings.Contains(err.Error(), text) {
		t.Errorf("the error is %v, want a %s with %q", err, name, text)
	}
}

func TestEveryProblemOfTheSinksIsReportedAtOnce(t *testing.T) {
	_, err := open(t).publisher(t,
		"ROLLCALL_SINKS=s3://bucket?formt=csv sns:topic kinesis://stream?users=all s3://b/x s3://b/x/?format=csv file:///a/b file:///a//x/../b/",
		"ROLLCALL_STATE=sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/q", "ROLLCALL_TENANTS=s3://bucket", "ROLLCALL_PARALLEL=0", "ROLLCALL_MAX_LEAVERS=lots")
	var invalid *config.Error
	if !errors.As(err, &invalid) {
		t.Fatalf("the error is %v", err)
	}
	for _, want := range []string{
		`s3: has no option "formt"`, "ARN", "option users is each", "s3: two destinations are at the same place", "file: two destinations are at the same place", "ROLLCALL_STATE: is not a store", "ROLLCALL_TENANTS: is not of the form",
		"ROLLCALL_PARALLEL: is not a number of partitions", "ROLLCALL_MAX_LEAVERS: is neither",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestWithoutADestinationNothingIsStarted(t *testing.T) {
	h := open(t)
	_, err := h.publisher(t)
	wantError(t, err, "Config.Invalid", "names no destination")
	_, err = h.publisher(t, "ROLLCALL_SINKS=kinesis://stream")
	wantError(t, err, "Config.Invalid", "ROLLCALL_STATE")
	if n := len(h.tenant.Requests()); n != 0 {
		t.Errorf("wiring made %d requests", n)
	}
}

func TestEveryFormatIsPublishedToItsOwnFolder(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	var sinks []string
	for _, sink := range []string{"ndjson?", "zstd?compression=zstd&", "plain?compression=none&", "csv?format=csv&", "parquet?format=parquet&"} {
		sinks = append(sinks, "file://"+dir+"/"+sink+"part-size=1MiB")
	}
	p, err := h.publisher(t, "ROLLCALL_SINKS="+strings.Join(sinks, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	p.Demo = true
	result, err := p.Snapshot(t.Context(), snapshot.Input{Run: "r"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Users != 1200 || !strings.HasPrefix(result.Manifest, "file://"+dir+"/ndjson/runs/") {
		t.Errorf("the result is %+v", result)
	}
	for folder, suffix := range map[string]string{"ndjson": ".ndjson.gz", "zstd": ".ndjson.zst", "plain": ".ndjson", "csv": ".csv.gz", "parquet": ".parquet"} {
		var m snapshot.Manifest
		body, err := os.ReadFile(filepath.Join(dir, folder, "runs", "tenant="+h.tenant.Config().Tenant, "run=r", "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		if m.Users != 1200 || !m.Demo || len(m.Objects) == 0 || !strings.HasSuffix(m.Objects[0].URL, suffix) {
			t.Errorf("the manifest in %s is %+v", folder, m)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "ndjson", "state")); err != nil {
		t.Errorf("the state is not with the first store: %v", err)
	}
}

func TestATenantOfTheFileIsReadWithItsOwnCredentials(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	c := h.tenant.Config()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := write("secret.json", `{"TenantID":"`+c.Tenant+`","ClientID":"`+c.ClientID+`","ClientSecret":"`+c.ClientSecret+`"}`)
	const other = "99999999-2222-4333-8444-555555555555"
	tenants := write("tenants.json", `[{"tenant":"`+strings.ToUpper(c.Tenant)+`","credentials":"file:`+secret+`"},{"tenant":"`+other+`","credentials":"file:`+secret+`"}]`)
	p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir+"/out", "ROLLCALL_TENANTS=file://"+tenants, "AZURE_CLIENT_SECRET=")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Snapshot(t.Context(), snapshot.Input{Tenant: c.Tenant}, nil); err != nil {
		t.Fatal(err)
	}
	_, err = p.Snapshot(t.Context(), snapshot.Input{Tenant: other}, nil)
	wantError(t, err, "Config.Invalid", "correct the row")
	_, err = p.Snapshot(t.Context(), snapshot.Input{Tenant: "88888888-2222-4333-8444-555555555555"}, nil)
	wantError(t, err, "Request.Invalid", "is not in the tenants file")
	for text, want := range map[string]string{
		`[{"tenant":"` + c.Tenant + `","credentials":"env:","note":"x"}]`:                                                "is not of the form",
		`[{"tenant":"` + c.Tenant + `","credentials":"env:"}] []`:                                                        "is not of the form",
		`[{"tenant":"` + c.Tenant + `","credentials":"env:"},{"tenant":"` + c.Tenant + `","credentials":"file:secret"}]`: "has 2 rows",
		`[{"tenant":"` + c.Tenant + `"}]`:                                                                                "ROLLCALL_TENANTS: tenant " + c.Tenant,
	} {
		write("tenants.json", text)
		_, err = p.Snapshot(t.Context(), snapshot.Input{Tenant: c.Tenant}, nil)
		wantError(t, err, "Config.Invalid", want)
	}
	if err := os.Remove(tenants); err != nil {
		t.Fatal(err)
	}
	_, err = p.Snapshot(t.Context(), snapshot.Input{Tenant: c.Tenant}, nil)
	wantError(t, err, "Config.Invalid", "there is no tenants file")
}

func TestARowThatWasCorrectedCountsInAWarmFunction(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	c := h.tenant.Config()
	const other = "99999999-2222-4333-8444-555555555555"
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	wrong := write("wrong.json", `{"TenantID":"`+other+`","ClientID":"`+c.ClientID+`","ClientSecret":"x"}`)
	tenants := write("tenants.json", `[{"tenant":"`+c.Tenant+`","credentials":"file:`+wrong+`"}]`)
	p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir+"/out", "ROLLCALL_TENANTS=file://"+tenants)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Snapshot(t.Context(), snapshot.Input{Tenant: c.Tenant}, nil)
	wantError(t, err, "Config.Invalid", "correct the row")
	write("tenants.json", `[{"tenant":"`+c.Tenant+`","credentials":"env:"}]`)
	if _, err := p.Snapshot(t.Context(), snapshot.Input{Tenant: c.Tenant}, nil); err != nil {
		t.Errorf("the correction does not count: %v", err)
	}
}

func TestTheSecretOfWebhooksIsNeverQuoted(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	kept := filepath.Join(dir, "keys.json")
	if err := os.WriteFile(kept, []byte(`{"SinkKey":"s3cr3t"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		"":       "is needed to sign",
		"s3cr3t": "has no scheme",
		"env:":   "env: keeps no text",
		"keyvault:https://s3cr3t.example/secrets/x": "names a host that is not <vault>.vault.azure.net",
		`{"SinkKey":"s3cr3t`:                        "is not a JSON object",
		`{"HookKey":"s3cr3t"}`:                      "the member HookKey",
		`{"ClientState":"s3cr3ts3cr3ts3cr3t"}`:      "has no SinkKey",
		`{"SinkKey":"s3cr3t"}`:                      "24 to 128 random bytes",
		"file:" + kept:                              "24 to 128 random bytes",
		"file:" + dir:                               "is a directory",
		"file:" + filepath.Join(dir, "x"):           "does not exist",
	} {
		p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir+"/out https://127.0.0.1/s3cr3t", "ROLLCALL_WEBHOOK_SECRET="+value)
		if err == nil {
			_, err = p.Snapshot(t.Context(), snapshot.Input{}, nil)
		}
		name := "Config.Invalid"
		if strings.HasPrefix(value, "file:") {
			name = "Credentials.Missing"
		}
		wantError(t, err, name, want)
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("the error quotes the secret: %v", err)
		}
	}
	if n := len(h.tenant.Requests()); n != 0 {
		t.Errorf("%d requests were made before the configuration held", n)
	}
}

// Partitions add conditions to the filter, which its own brackets must not escape.
func TestAnInvalidFilterFailsWithPartitionsToo(t *testing.T) {
	for _, filter := range []string{"accountEnabled eq true) or (accountEnabled eq false", "displayName eq 'x", "accountEnabled eq true and"} {
		h := open(t)
		dir := t.TempDir()
		p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir, "ROLLCALL_FILTER="+filter, "ROLLCALL_PARALLEL=4", "ROLLCALL_PAGE_SIZE=100")
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Snapshot(t.Context(), snapshot.Input{}, nil)
		wantError(t, err, "Graph.BadRequest", "")
		if _, err := os.Stat(filepath.Join(dir, "latest")); err == nil {
			t.Errorf("%s: something was published", filter)
		}
	}
}

func TestTheStateMayBeWhereTheListIs(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	for _, state := range []string{"", "/runs", "/latest"} {
		p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir, "ROLLCALL_STATE=file://"+dir+state)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range []string{"a", "b"} {
			result, err := p.Snapshot(t.Context(), snapshot.Input{Run: run + strings.Trim(state, "/")}, nil)
			if err != nil || result.Users != 1200 {
				t.Errorf("%q: %+v, %v", state, result, err)
			}
		}
	}
}

func TestTheTenantsAreThoseOfTheTenantsFile(t *testing.T) {
	h := open(t)
	file := filepath.Join(t.TempDir(), "tenants.json")
	for text, want := range map[string]string{
		`[{"tenant":"11111111-2222-4333-8444-555555555555","credentials":"env:"},{"tenant":"a.example","credentials":"env:"}]`: "11111111-2222-4333-8444-555555555555 a.example",
		`[]`: "", `{`: "!",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := h.publisher(t, "ROLLCALL_STATE=file://"+t.TempDir(), "ROLLCALL_TENANTS=file://"+file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Tenants(t.Context())
		if (err != nil) != (want == "!") || err == nil && strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	p, err := h.publisher(t, "ROLLCALL_STATE=file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Tenants(t.Context()); err != nil || len(got) != 1 || got[0] != "" {
		t.Errorf("without a file: %q, %v", got, err)
	}
}

func TestThePlacesOfASettingAreTriedWithoutAMessage(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir+"/lists azqueue://contoso/people sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/q")
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, place := range p.Places() {
		urls = append(urls, place.URL)
		if place.Queue {
			continue
		}
		if err := place.Try(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"file://" + dir + "/lists/state", "file://" + dir + "/lists", "azqueue queue people"}, urls); diff != "" {
		t.Error(diff)
	}
}
