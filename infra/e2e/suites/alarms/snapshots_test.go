package alarms_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudwatch"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func startTenant(t *testing.T, users int) *tenant.Tenant {
	t.Helper()
	return harness.Start(t, tenant.New(simulator.Config{Users: users}).Start)
}

func TestASnapshotThatFailsAlarmsUntilOneIsGood(t *testing.T) {
	w := watch(t)
	f := snapshots(startTenant(t, 50), t.TempDir())
	w.run(f, `{"run":"monday"}`, "")
	w.want(cloudwatch.OK, "SnapshotFailAlarm", "IncompleteAlarm", "SuspectAlarm", "StaleAlarm", "ThrottledAlarm")
	w.wait(24 * time.Hour)
	w.run(f.down(), `{"run":"tuesday"}`, "Graph.Unavailable")
	w.want(cloudwatch.Alarming, "SnapshotFailAlarm")
	w.want(cloudwatch.OK, "IncompleteAlarm", "SuspectAlarm")
	w.wait(23 * time.Hour) // nobody has looked at it
	w.want(cloudwatch.Alarming, "SnapshotFailAlarm")
	w.wait(time.Hour)
	w.run(f, `{"run":"wednesday"}`, "")
	w.want(cloudwatch.OK, "SnapshotFailAlarm", "StaleAlarm")
}

func TestAListThatGraphDoesNotLetEndAlarms(t *testing.T) {
	w := watch(t)
	of := startTenant(t, 50)
	f := snapshots(of, t.TempDir(), "ROLLCALL_PAGE_SIZE=10")
	w.run(f, `{"run":"monday"}`, "")
	w.want(cloudwatch.OK, "IncompleteAlarm")
	of.AddFault(simulator.Fault{Name: "expired-token", Page: 2, Times: -1})
	w.wait(time.Hour)
	w.run(f, `{"run":"tuesday"}`, "Snapshot.Incomplete")
	w.want(cloudwatch.Alarming, "IncompleteAlarm")
	w.want(cloudwatch.OK, "SnapshotFailAlarm", "SuspectAlarm")
}

func TestManyLeaversAlarmUntilTheyAreAccepted(t *testing.T) {
	w := watch(t)
	of := startTenant(t, 100)
	f := snapshots(of, t.TempDir())
	w.run(f, `{"run":"monday"}`, "")
	w.want(cloudwatch.OK, "SuspectAlarm")
	for i := range 30 {
		if err := of.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	w.wait(24 * time.Hour)
	w.run(f, `{"run":"tuesday"}`, "Snapshot.Suspect")
	w.want(cloudwatch.Alarming, "SuspectAlarm")
	w.want(cloudwatch.OK, "SnapshotFailAlarm", "IncompleteAlarm")
	w.wait(5 * time.Hour)
	w.want(cloudwatch.Alarming, "SuspectAlarm")
	w.run(f, `{"accept":"tuesday"}`, "")
	w.want(cloudwatch.OK, "SuspectAlarm")
}

func TestAListThatGrowsOldAlarms(t *testing.T) {
	w := watch(t)
	of, dir := startTenant(t, 50), t.TempDir()
	f := snapshots(of, dir)
	// Until there is a list there is no young one.
	w.want(cloudwatch.Alarming, "StaleAlarm")
	w.run(f, `{"run":"1"}`, "")
	w.want(cloudwatch.OK, "StaleAlarm")
	// A run each night is enough, and one that is late.
	w.wait(24 * time.Hour)
	w.want(cloudwatch.OK, "StaleAlarm")
	w.wait(time.Hour)
	w.run(f, `{"run":"2"}`, "")
	w.want(cloudwatch.OK, "StaleAlarm")
	// No run comes at all.
	w.wait(25 * time.Hour)
	w.want(cloudwatch.OK, "StaleAlarm")
	w.wait(2 * time.Hour)
	w.want(cloudwatch.Alarming, "StaleAlarm")
	w.run(f, `{"run":"3"}`, "")
	w.want(cloudwatch.OK, "StaleAlarm")
	// Runs come, and all of them fail. So long ago was the last good one.
	moveLatest(t, dir, of, -24*time.Hour)
	w.wait(24 * time.Hour)
	w.run(f.down(), `{"run":"4"}`, "Graph.Unavailable")
	w.want(cloudwatch.OK, "StaleAlarm")
	w.wait(3 * time.Hour)
	w.want(cloudwatch.Alarming, "StaleAlarm")
	w.run(f, `{"run":"5"}`, "")
	w.want(cloudwatch.OK, "StaleAlarm")
	// Runs come and are good, but latest names one whose clock was ahead, and stays.
	moveLatest(t, dir, of, 365*24*time.Hour)
	for range 2 {
		w.wait(24 * time.Hour)
		w.run(f, `{}`, "")
	}
	w.want(cloudwatch.Alarming, "StaleAlarm")
	w.want(cloudwatch.OK, "SnapshotFailAlarm", "SuspectAlarm", "IncompleteAlarm")
}

// moveLatest has the run that latest names begin at another time.
func moveLatest(t *testing.T, dir string, of *tenant.Tenant, by time.Duration) {
	t.Helper()
	path := filepath.Join(dir, "latest", "tenant="+of.TenantID+".json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var latest map[string]any
	if err := json.Unmarshal(text, &latest); err != nil {
		t.Fatal(err)
	}
	began, err := time.Parse(time.RFC3339Nano, latest["startedAt"].(string))
	if err != nil {
		t.Fatal(err)
	}
	latest["startedAt"] = began.Add(by).Format(time.RFC3339Nano)
	if text, err = json.Marshal(latest); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
