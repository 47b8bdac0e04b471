package changes_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestTheDocumentedEventIsTheOneThatIsPublished makes the example of docs/changes.md.
func TestTheDocumentedEventIsTheOneThatIsPublished(t *testing.T) {
	page, err := os.ReadFile("../../docs/changes.md")
	must(t, err)
	example := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("docs/changes.md has no example")
	}
	var documented bytes.Buffer
	must(t, json.Compact(&documented, example[1]))
	bubble(t, simulator.Config{Users: 50}, func(t *testing.T, f *fixture) {
		f.request.Columns = listtest.Columns("id", "userPrincipalName", "displayName", "department", "accountEnabled")
		must(t, f.tenant.SetDepartment(7, "IT"))
		f.run(t, changes.Input{})
		time.Sleep(time.Minute)
		must(t, f.tenant.SetDepartment(7, "Legal"))
		f.run(t, changes.Input{})
		events := f.buses[0].take()
		if len(events) != 1 {
			t.Fatal(types(events))
		}
		id := regexp.MustCompile(`"id":"[0-9a-f]{32}"`) // which depends on the link, too
		want := id.ReplaceAllString(documented.String(), `"id":"..."`)
		published := id.ReplaceAllString(string(events[0].AppendJSON(nil)), `"id":"..."`)
		if diff := cmp.Diff(want, published); diff != "" {
			t.Errorf("-documented +published\n%s\n%s", diff, published)
		}
	})
}
