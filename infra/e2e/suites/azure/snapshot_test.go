package azure_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestATimerPublishesTheTenant(t *testing.T) {
	t.Parallel()
	d := deploy(t, simulator.Config{Users: population})
	sent := d.fire("snapshot").Sent["jobs"]
	m := d.published("", d.present())
	if len(sent) != 1 || sent[0] != `{"run":"`+m.Run+`"}` || !strings.HasSuffix(m.Run, "-timer") || !m.Verified {
		t.Errorf("%q was sent, and run %s published, verified: %v", sent, m.Run, m.Verified)
	}
	d.nothingElse(m)

	// A message that somebody puts into the queue is a run of its own.
	d.tenant.Create()
	if err := d.tenant.Delete(5); err != nil {
		t.Fatal(err)
	}
	d.send(snapshots, struct{}{})
	next := d.published(m.Run, d.present())
	if record := d.handled("snapshot_run", 2); next.Run != "message-"+record.Message {
		t.Errorf("run %s was published for message %s", next.Run, record.Message)
	}
	if runs := d.runs(d.tenant.TenantID); len(runs) != 2 {
		t.Errorf("there are the runs %q", runs)
	}
}

// long is a tenant whose list takes several times as long as [short] lets a function run: a
// slice has five pages or so.
func long() simulator.Config { return slower(1) }

// short are the settings that go with it. Messages come again as often as it takes.
func short() []string { return patient(1) }

// slower is long where everything takes a multiple of the time.
func slower(scale int) simulator.Config {
	return simulator.Config{Users: 1500, Latency: time.Duration(scale) * 400 * time.Millisecond}
}

func patient(scale int) []string {
	return []string{"ROLLCALL_PAGE_SIZE=100", "ROLLCALL_PARALLEL=1", timeout(fmt.Sprintf("00:00:%02d", 4*scale)), comesAgainForEver}
}

// TestALongRunGoesOnFromMessageToMessage and is parked before the host would kill it.
func TestALongRunGoesOnFromMessageToMessage(t *testing.T) {
	t.Parallel()
	for scale := 1; ; scale *= 2 {
		d := deploy(t, slower(scale), patient(scale)...)
		before := d.host().PID()
		d.fire("snapshot")
		m := d.published("", d.present())
		d.emptied(snapshots)
		records := d.records("snapshot_run")
		if late := slices.ContainsFunc(records, func(r functionshost.Record) bool { return isTimeout(r.Err) }); late && scale < 8 {
			t.Logf("at scale %d a tenth of functionTimeout was not enough to answer in", scale) // on a machine that is very busy
			continue
		}
		if d.host().PID() != before {
			t.Error("the handler is another one")
		}
		d.nothingElse(m)
		d.inSlices(m.Run, records)
		return
	}
}

// inSlices checks that each slice of a run but the last one has sent the message of the next.
func (d *deployment) inSlices(run string, records []functionshost.Record) {
	d.Helper()
	var messages []string
	for i, r := range records {
		sent := r.Sent["next"]
		if last := i == len(records)-1; r.Err == nil && len(sent) != map[bool]int{true: 0, false: 1}[last] {
			d.Errorf("slice %d of %d sent %q", i+1, len(records), sent)
		}
		messages = append(messages, sent...)
	}
	if want := `{"resume":"` + run + `.2"}`; len(messages) < 2 || messages[0] != want {
		d.Errorf("the messages were %q, want at least two, and %s first", messages, want)
	}
}

// emptied waits until a queue has no messages, hidden ones included.
func (d *deployment) emptied(queue string) {
	d.Helper()
	d.until(queue+" is empty", func() bool {
		n, err := d.queues.Len(d.Context(), queue)
		if err != nil {
			d.Fatal(err)
		}
		return n == 0
	})
}

func TestEachTenantOfTheFileIsPublished(t *testing.T) {
	t.Parallel()
	var all []*tenant.Tenant
	for i := range 3 {
		all = append(all, tenant.New(simulator.Config{
			Users: 300 + 50*i, Seed: uint64(i + 1), Tenant: fmt.Sprintf("7c0de5e1-1a57-4ace-8c0b-00000000000%d", i),
			ClientID: fmt.Sprintf("c11e47ed-5ec7-4a7e-9d0c-00000000000%d", i), ClientSecret: fmt.Sprintf("s3cret~of.tenant_%d-that-no-log.may.contain", i),
		}))
	}
	host := harness.Start(t, tenant.NewShared(all...).Start)
	d := prepare(t, simulator.Config{})
	var rows []map[string]string
	dir := t.TempDir()
	for i, one := range all {
		d.canaries[one.ClientSecret] = true
		text, err := one.Secret(one.ClientSecret)
		file := filepath.Join(dir, fmt.Sprintf("secret-%d.json", i))
		if err == nil {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, map[string]string{"tenant": one.TenantID, "credentials": "file:" + file})
	}
	file := filepath.Join(dir, "tenants.json")
	text, err := json.Marshal(rows)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.config.Env = append(d.config.Env, "ROLLCALL_LOGIN_URL="+host.URL, "ROLLCALL_GRAPH_URL="+host.URL, "ROLLCALL_TENANTS=file://"+file)
	d.start()
	d.fire("snapshot")
	for _, one := range all {
		var users map[string]bool
		d.until("tenant "+one.TenantID+" is published", func() bool {
			m, found := d.latest(one.TenantID)
			users = found
			return m != nil
		})
		at := one.Position()
		if got, want := slices.Sorted(maps.Keys(users)), slices.Sorted(slices.Values(one.PresentThroughout(at, at))); !slices.Equal(got, want) {
			t.Errorf("tenant %s has %d users, want %d", one.TenantID, len(got), len(want))
		}
	}
	d.emptied(snapshots)
	if n := len(d.records("snapshot_run")); n != len(all) {
		t.Errorf("there were %d runs for %d tenants", n, len(all))
	}
}

func TestASuspectRunWaitsUntilAMessageAcceptsIt(t *testing.T) {
	t.Parallel()
	d := deploy(t, simulator.Config{Users: 400})
	d.send(snapshots, snapshot.Input{Run: "before"})
	d.published("", d.present())
	for i := range 40 {
		if err := d.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	d.send(snapshots, snapshot.Input{Run: "after"})
	d.handled("snapshot_run", 2)
	d.emptied(snapshots)
	if m, _ := d.latest(d.tenant.TenantID); m.Run != "before" {
		t.Fatalf("run %s is published", m.Run)
	}
	if logs := d.logs(); !strings.Contains(logs, "Snapshot.Suspect") {
		t.Error("the log does not say that the run is suspect")
	}
	d.send(snapshots, snapshot.Input{Accept: "after"})
	if m := d.published("before", d.present()); m.Run != "after" {
		t.Errorf("run %s is published", m.Run)
	}
	d.emptied(snapshots)
	if records := d.records("snapshot_run"); len(records) != 3 {
		t.Errorf("there were %d invocations, want 3: nobody asks again for a suspect run", len(records))
	}
}

// handled waits until so many invocations of a function have ended, and returns the last.
func (d *deployment) handled(function string, n int) functionshost.Record {
	d.Helper()
	var records []functionshost.Record
	d.until(fmt.Sprintf("%s was invoked %d times", function, n), func() bool {
		records = d.records(function)
		return len(records) >= n
	})
	return records[n-1]
}
