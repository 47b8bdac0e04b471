package bus_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

func events() map[string]bus.Event {
	const source = "urn:rollcall:tenant:6c1f0a52-9f10-4dcb-9a5e-0a2f7b6b0f11"
	at := time.Date(2026, time.November, 22, 7, 30, 0, 120_000_000, time.FixedZone("CET", 3600))
	return map[string]bus.Event{
		"completed": {
			ID: "3f9c", Source: source, Type: "rollcall.snapshot.completed", Time: at,
			Data: []byte(`{"run":"20261122T063000Z","users":3,"manifest":"s3://bucket/runs/manifest.json"}`),
		},
		"listed": {
			ID: "77aa", Source: source, Type: "rollcall.user.listed", Subject: "00000000-0000-4000-8000-000000000001",
			Time: at, Sequence: "000000000001", Data: []byte("{\"user\":{\r\n \"displayName\":\"Zoë \\\"Z\\\" 🧑‍🚒 \\ud800\"}}"),
		},
		"claim": {
			ID: "77ab", Source: source, Type: "rollcall.user.updated", Subject: "00000000-0000-4000-8000-000000000002",
			Time: at, DataRef: "s3://bucket/state/claims/77ab.json?versionId=1&x=\"2\"",
		},
		"least": {ID: "\x00\xff\u2028<&>", Source: "s", Type: "t"},
	}
}

func TestEventsAreWrittenAsStructuredCloudEvents(t *testing.T) {
	for name, e := range events() {
		golden := filepath.Join("testdata", name+".json")
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(e.AppendJSON(nil))+"\n"); diff != "" {
			t.Errorf("%s (-want +got):\n%s", golden, diff)
		}
	}
}

func TestAppendJSONKeepsWhatIsThere(t *testing.T) {
	e := events()["least"]
	if got := string(e.AppendJSON([]byte("before"))); got != "before"+string(e.AppendJSON(nil)) {
		t.Error(got)
	}
	data := "{\n}"
	e.Data = []byte(data)
	e.AppendJSON(nil)
	if string(e.Data) != data {
		t.Error("the caller's data was changed")
	}
}
