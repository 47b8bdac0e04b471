package page

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/legible"
)

// kinds are what can happen to a person, in the page's words.
func kinds() []kindOfChange {
	return []kindOfChange{
		{"created", "joined", "Joined"},
		{"deleted", "left", "Left"},
		{"updated", "changed", "Changed"},
		{"restored", "back", "Came back"},
		{"purged", "gone", "Gone for good"},
	}
}

// kindOfChange is the end of an event's type, its name in an address, and its label.
type kindOfChange struct{ event, Name, Label string }

// changesView shows changes as they come.
type changesView struct {
	Prefix     string
	Configured bool
	Live       bool // the page is kept up to date
	Switch     string
	Status     string
	Kind       string
	People     string
	Since      string
	Kinds      []kindView
	Changes    []changeView
	Shown      string // of which kind
	Dropped    bool   // older changes are no longer kept
	Events     string // the address of the stream
	Last       int
}

type kindView struct {
	Label, Count, Link string
	Chosen             bool
}

// changeView is a row of the table of changes.
type changeView struct {
	Number      int
	Time, At    string
	What, Class string
	Who, Link   string
	Address     string
	Differences []difference
	AndMore     string
	Unreadable  bool
}

type difference struct{ Label, Before, After string }

// mostDifferences is how many differences of one person are shown.
const mostDifferences = 6

// changes shows what has happened since the server was started.
func (p *Page) changes(w http.ResponseWriter, r *http.Request) {
	q := parseQuery(r.URL)
	f := p.config.Changes
	v := changesView{Prefix: prefix(r), Configured: f != nil, Live: q.get("live") != "no"}
	if f != nil {
		v.Events = v.Prefix + EventsPath
		f.view(&v, q.get("kind"))
		v.Switch = link(v.Prefix, "/changes", q.only("kind"))
		if v.Live {
			v.Switch = link(v.Prefix, "/changes", append(q.only("kind"), option{"live", "no"}))
		}
		for i := range v.Kinds {
			v.Kinds[i].Link = link(v.Prefix, "/changes", append(query{{"kind", v.Kinds[i].Link}}, q.only("live")...))
		}
		v.Kinds = append([]kindView{{Label: "All", Count: grouped(v.Last), Link: link(v.Prefix, "/changes", q.only("live")), Chosen: v.Shown == ""}}, v.Kinds...)
	}
	p.show(w, r, http.StatusOK, "changes", "Changes", v)
}

// view fills in what is known of the changes.
func (f *Feed) view(v *changesView, kind string) {
	f.mu.Lock()
	events := slices.Clone(f.events)
	v.Last, v.People = f.last, people(f.users)
	if !f.since.IsZero() {
		v.Since = f.since.UTC().Format("2006-01-02 15:04:05")
	}
	switch {
	case f.failed != nil:
		v.Kind, v.Status = "bad", "Not up to date: "+legible.Text(failure.Of(f.failed).Message)
		if !f.ended {
			v.Status += " Nothing is lost; it is tried again."
		}
	case f.ended:
		v.Kind, v.Status = "unproven", "The server has stopped watching."
	case f.since.IsZero():
		v.Kind, v.Status = "part", "Everybody is being read, to know who is there. What changes next is shown here."
	default:
		v.Kind, v.Status = "complete", "Watching since "+v.Since+" UTC. Looked last at "+f.looked.UTC().Format("15:04:05")+"."
	}
	counts := map[string]int{}
	for name, n := range f.counts {
		counts[kindOf(name)] += n
	}
	v.Dropped = len(f.events) > 0 && f.events[0].n > 1
	f.mu.Unlock()
	event := ""
	for _, k := range kinds() {
		v.Kinds = append(v.Kinds, kindView{Label: k.Label, Count: grouped(counts[k.event]), Link: k.Name, Chosen: k.Name == kind})
		if k.Name == kind {
			v.Shown, event = k.Label, k.event
		}
	}
	for _, e := range slices.Backward(events) {
		if event == "" || kindOf(e.event.Type) == event {
			v.Changes = append(v.Changes, changeOf(e, v.Prefix))
		}
	}
}

// kindOf is the last word of an event's type.
func kindOf(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// changeOf is an event as it is shown.
func changeOf(e numbered, prefix string) changeView {
	c := changeView{Number: e.n, At: e.event.Time.UTC().Format(time.RFC3339), Time: e.event.Time.UTC().Format("15:04:05"), What: kindOf(e.event.Type)}
	for _, k := range kinds() {
		if k.event == c.What {
			c.What, c.Class = k.Label, k.Name
		}
	}
	c.Who = legible.Text(e.event.Subject)
	if guid.Valid(e.event.Subject) && c.Class != "left" && c.Class != "gone" {
		c.Link = prefix + "/users/" + e.event.Subject
	}
	c.describe(e.event)
	return c
}

// describe reads who it was, and what differs.
func (c *changeView) describe(e bus.Event) {
	var data struct {
		User    map[string]json.RawMessage
		Changed []string
		Before  map[string]json.RawMessage
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		c.Unreadable = true
		return
	}
	name, address := valueOf(data.User["displayName"], "displayName"), valueOf(data.User["userPrincipalName"], "userPrincipalName")
	switch {
	case name != "":
		c.Who, c.Address = name, address
	case address != "":
		c.Who = address
	}
	for i, column := range data.Changed {
		if i == mostDifferences {
			c.AndMore = "and " + grouped(len(data.Changed)-i) + " more"
			break
		}
		c.Differences = append(c.Differences, difference{label(legible.Text(column)), valueOf(data.Before[column], column), valueOf(data.User[column], column)})
	}
}

// valueOf is a JSON value as people see it, "" for none.
func valueOf(raw json.RawMessage, name string) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return shown('"', text, name, longestCell).Text
	}
	kind := raw[0]
	if kind == '-' || kind >= '0' && kind <= '9' {
		kind = '0'
	}
	return shown(kind, string(raw), name, longestCell).Text
}
