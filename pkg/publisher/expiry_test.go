package publisher_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestAManifestWarnsOfACredentialThatEndsSoon(t *testing.T) {
	h := open(t)
	c := h.tenant.Config()
	for name, row := range map[string]struct {
		left time.Duration
		want string
	}{
		"soon": {12*24*time.Hour + time.Hour, "the app's client secret expires in 12 days, on "}, "later": {40 * 24 * time.Hour, ""},
	} {
		dir := t.TempDir()
		secret := filepath.Join(dir, "secret.json")
		text := `{"TenantID":"` + c.Tenant + `","ClientID":"` + c.ClientID + `","ClientSecret":"` + c.ClientSecret + `","ExpiresAt":"` + time.Now().Add(row.left).UTC().Format(time.RFC3339) + `"}`
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir+"/out", "ROLLCALL_CREDENTIALS=file:"+secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Snapshot(t.Context(), snapshot.Input{Run: "r"}, nil); err != nil {
			t.Fatal(err)
		}
		var m snapshot.Manifest
		body, err := os.ReadFile(filepath.Join(dir, "out", "runs", "tenant="+c.Tenant, "run=r", "manifest.json"))
		if err != nil || json.Unmarshal(body, &m) != nil {
			t.Fatalf("%s, %v", body, err)
		}
		if warnings := strings.Join(m.Warnings, "\n"); !strings.Contains(warnings, row.want) || (row.want == "") != (warnings == "") {
			t.Errorf("%s: %q", name, m.Warnings)
		}
	}
}

func TestAManifestWarnsOfAnEndThatOnlyTheRegistrationKnows(t *testing.T) {
	const secret = "abc8Q-secret-of-the-app"
	h := openWith(t, simulator.Config{Users: 20, Roles: []string{"User.Read.All", "Application.Read.All"}})
	c := h.tenant.Config()
	h.tenant.AddSecret(secret, time.Now().Add(12*24*time.Hour+time.Hour))
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(file, []byte(`{"TenantID":"`+c.Tenant+`","ClientID":"`+c.ClientID+`","ClientSecret":"`+secret+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+dir, "ROLLCALL_CREDENTIALS=file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Snapshot(t.Context(), snapshot.Input{Run: "r"}, nil); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(dir, "runs", "tenant="+c.Tenant, "run=r", "manifest.json"))
	if err != nil || !strings.Contains(string(body), "the app's client secret expires in 12 days, on ") {
		t.Errorf("%s, %v", body, err)
	}
	if log := h.log.String(); strings.Contains(log, secret) || !strings.Contains(log, `"daysLeft":12`) {
		t.Errorf("the log:\n%s", log)
	}
}
