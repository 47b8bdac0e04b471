package publisher_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestChangesGoToLinesWhereThereIsNoBus(t *testing.T) {
	h := open(t)
	p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+t.TempDir(), "ROLLCALL_RECONCILE=24h")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Changes(t.Context(), changes.Input{}, nil, nil)
	wantError(t, err, "Config.Invalid", "names no bus")
	var out bytes.Buffer
	lines := func() changes.Bus { return bus.NewLines(&out) }
	for range 2 {
		if _, err := p.Changes(t.Context(), changes.Input{}, lines, nil); err != nil {
			t.Fatal(err)
		}
		if err := h.tenant.Delete(3); err == nil && out.Len() > 0 {
			t.Errorf("the first run published %s", out.String())
		}
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"type":"rollcall.user.deleted","subject":"`+h.tenant.ID(3)+`"`) {
		t.Errorf("%q", got)
	}
}

func TestChangesNeedAStateStoreAndNoSink(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	p, err := h.publisher(t, "ROLLCALL_STATE=file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := func() changes.Bus { return bus.NewLines(&out) }
	result, err := p.Changes(t.Context(), changes.Input{Baseline: "emit"}, lines, nil)
	if err != nil || result.Created != 1200 || strings.Count(out.String(), "\n") != 1200 {
		t.Errorf("%+v, %v", result, err)
	}
	for _, figure := range []string{`"created":1200`, `"users":1200`, `"drift":0`, `"kind":"baseline"`, `"status":"complete"`} {
		if !strings.Contains(h.log.String(), figure) {
			t.Errorf("%s is not in the log, where metrics are made of it: %s", figure, &h.log)
		}
	}
	_, err = p.Snapshot(t.Context(), snapshot.Input{}, nil)
	wantError(t, err, "Config.Invalid", "names no destination")
}

func TestTheConfiguredTenantNeedsNoTenantsFile(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	p, err := h.publisher(t, "ROLLCALL_STATE=file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := func() changes.Bus { return bus.NewLines(&out) }
	for _, tenant := range []string{"99999999-2222-4333-8444-555555555555", "nobody", h.tenant.Config().Tenant + " "} {
		_, err = p.Changes(t.Context(), changes.Input{Tenant: tenant, Baseline: "emit"}, lines, nil)
		wantError(t, err, "Request.Invalid", "set ROLLCALL_TENANTS")
		if strings.Contains(err.Error(), tenant) {
			t.Errorf("the error repeats what was sent: %v", err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 || out.Len() > 0 || len(h.tenant.Requests()) > 0 {
		t.Errorf("another tenant left %v", left)
	}
	if _, err = p.Changes(t.Context(), changes.Input{Tenant: strings.ToUpper(h.tenant.Config().Tenant)}, lines, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "tenant="+h.tenant.Config().Tenant)); err != nil {
		t.Error(err)
	}
}
