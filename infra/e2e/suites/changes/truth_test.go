package changes_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/consumer"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
)

// event is what tests look at of an event on the bus.
type event struct {
	ID, Type, Source, Subject string
	Data                      struct {
		Changed []string
		Before  map[string]any
		User    map[string]any
	}
}

// drain takes the events out of the queue behind the bus, and gives them to the consumers.
func (d *deployment) drain() (events []event) {
	d.Helper()
	bodies, err := d.events.Drain(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	var lines []string
	for _, body := range bodies {
		var envelope struct {
			Detail event
			Time   time.Time
		}
		if err := json.Unmarshal(body, &envelope); err != nil {
			d.Fatalf("%v: %s", err, body)
		}
		events, lines = append(events, envelope.Detail), append(lines, string(body))
	}
	d.lines = append(d.lines, lines...)
	if len(lines) > 0 {
		d.apply(lines)
	}
	return events
}

// apply gives lines to the consumers.
func (d *deployment) apply(lines []string) {
	d.Helper()
	for _, program := range shared.consumers {
		if out, err := program.Apply(d.Context(), d.database(program), lines); err != nil {
			d.Fatalf("%s: %v\n%s", program.Language, err, out)
		}
	}
}

// startOver gives all events there have been to consumers that know nothing, the last one
// first, and then once more.
func (d *deployment) startOver() {
	d.Helper()
	d.folder = d.TempDir()
	slices.Reverse(d.lines)
	d.apply(d.lines)
	d.apply(d.lines)
}

// consume is drain for a test that only counts the events, by what is behind the last dot of
// their type.
func (d *deployment) consume() map[string]int {
	d.Helper()
	counts := map[string]int{}
	for _, e := range d.drain() {
		counts[e.Type[strings.LastIndexByte(e.Type, '.')+1:]]++
	}
	return counts
}

// consumed reports an error unless these are the events since the last time.
func (d *deployment) consumed(want map[string]int) {
	d.Helper()
	if diff := cmp.Diff(want, d.consume()); diff != "" {
		d.Errorf("other events (-) came (+):\n%s", diff)
	}
}

func (d *deployment) database(program consumer.Program) string {
	return filepath.Join(d.folder, program.Language+".db")
}

// wantSame reports an error unless each consumer has exactly the tenant.
func (d *deployment) wantSame() {
	d.Helper()
	truth := d.truth()
	for _, program := range shared.consumers {
		users, _, err := consumer.Users(d.Context(), d.database(program))
		if err != nil {
			d.Fatal(err)
		}
		for _, user := range users {
			clean(user.(map[string]any))
		}
		if diff := cmp.Diff(truth, users); diff != "" {
			d.Errorf("the tenant (-) is not what the consumer in %s says (+):\n%s", program.Language, diff)
		}
	}
}

// truth lists the tenant.
func (d *deployment) truth() map[string]any {
	d.Helper()
	all := map[string]any{}
	request := listtest.Request()
	request.Columns = listtest.Columns(strings.Split(columns, ",")...)
	client := listtest.Client(d, d.tenant.Tenant, graph.Config{})
	for page, err := range client.Pager(request.Query()).Pages(d.Context()) {
		if err != nil {
			d.Fatal(err)
		}
		for u, err := range page.Users() {
			var user map[string]any
			if err == nil {
				err = json.Unmarshal(u.Raw, &user)
			}
			if err != nil {
				d.Fatal(err)
			}
			all["urn:rollcall:tenant:"+d.tenant.TenantID+" "+string(u.ID)] = clean(user)
		}
	}
	return all
}

// clean removes what is no property, and nulls, which mean that there is none.
func clean(user map[string]any) map[string]any {
	for name, value := range user {
		if value == nil || strings.HasPrefix(name, "@") {
			delete(user, name)
		}
	}
	return user
}
