package published_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

const runsTenant = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"

func TestTheRunsOfATenantAreReadWhateverIsWrongWithSome(t *testing.T) {
	at := storetest.NewMemory()
	put := func(key, body string) {
		t.Helper()
		if _, err := at.Swap(t.Context(), key, []byte(body), ""); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(run string) string {
		return fmt.Sprintf(`{"version":1,"tenant":%q,"run":%q,"status":"complete","startedAt":"2026-11-28T02:00:00Z","finishedAt":"2026-11-28T02:01:00Z","users":0,"duplicates":0,"pages":1,"passes":1,
			"expected":null,"verified":false,"fenced":false,"left":0,"difference":0,"leavers":0,"select":["id"],"missingColumns":[],"emptyColumns":[],"filter":"","format":"","compression":"","objects":[],"warnings":[]}`, runsTenant, run)
	}
	put("runs/tenant="+runsTenant+"/run=1-whole/manifest.json", whole("1-whole"))
	put("runs/tenant="+runsTenant+"/run=2-unfinished/part-1", "x")
	put("runs/tenant="+runsTenant+"/run=3-of-another/manifest.json", whole("another"))
	put("runs/tenant="+runsTenant+"/run=4-text/manifest.json", "<html>")
	put("runs/tenant="+runsTenant+"/run=5-twice/manifest.json", whole("5-twice")[:10]+`,"users":1`+whole("5-twice")[10:])
	put("runs/tenant="+runsTenant+"/no-run/manifest.json", whole("no-run"))
	put("runs/tenant=00000000-0000-4000-8000-000000000000/run=9/manifest.json", whole("9"))
	runs, more, err := published.Runs(t.Context(), at, runsTenant, 10)
	if err != nil || more || len(runs) != 5 {
		t.Fatalf("%+v, %v, %v", runs, more, err)
	}
	for i, run := range runs {
		if usable, unfinished := run.Manifest != nil, run.Unfinished; usable != (i == 0) || unfinished != (i == 1) || (run.Err != nil) != (i > 1) {
			t.Errorf("%s: %+v", run.Name, run)
		}
	}
	if runs, more, err := published.Runs(t.Context(), at, runsTenant, 2); err != nil || !more || !slices.Equal([]string{runs[0].Name, runs[1].Name}, []string{"4-text", "5-twice"}) {
		t.Errorf("%+v, %v, %v", runs, more, err)
	}
	if runs, more, err := published.Runs(t.Context(), at, "99999999-0000-4000-8000-000000000000", 2); err != nil || more || len(runs) > 0 {
		t.Errorf("%+v, %v, %v", runs, more, err)
	}

	if run, err := published.Latest(t.Context(), at, runsTenant); run != "" || err != nil {
		t.Errorf("%q, %v", run, err)
	}
	pointer, err := json.Marshal(snapshot.Latest{Version: 1, Tenant: runsTenant, Run: "1-whole", ManifestSHA256: "not that"})
	if err != nil {
		t.Fatal(err)
	}
	put(snapshot.LatestKey(runsTenant), string(pointer))
	if run, err := published.Latest(t.Context(), at, runsTenant); err == nil {
		t.Errorf("a manifest that is not the one of latest: %q", run)
	}

	var failed *store.Error
	broken := &unreadable{Memory: at}
	if _, _, err := published.Runs(t.Context(), broken, runsTenant, 10); !errors.As(err, &failed) {
		t.Errorf("a store that cannot be read: %v", err)
	}
}

// unreadable is a store that lists and does not read.
type unreadable struct{ *storetest.Memory }

func (*unreadable) Read(context.Context, string) ([]byte, store.Version, error) {
	return nil, "", &store.Error{Op: "read", Problem: "forbidden"}
}
