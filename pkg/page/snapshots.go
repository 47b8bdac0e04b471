package page

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/legible"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// Store is what a store holds of the tenant's snapshots.
type Store struct {
	// Place is its URL, or its path.
	Place string
	// Latest is the run that is the latest one, "" where none is; LatestErr is why that, or
	// its manifest, cannot be used.
	Latest    string
	LatestErr error
	// Runs are some of the runs, in any order.
	Runs []published.Run
	// More says that there are others.
	More bool
	// Err is why the store could not be read.
	Err error
}

const (
	runsShown = 60
	mostRuns  = 960
	// mostUsers is more than any directory has.
	mostUsers = 1 << 40
)

// snapshotsView shows the runs of every store.
type snapshotsView struct {
	Prefix     string
	Configured bool
	Stores     []storeView
}

// storeView is a store as it is shown.
type storeView struct {
	Place    string
	Problem  string
	Latest   string // a sentence
	Kind     string // complete or unproven
	Chart    *chart
	Runs     []runView
	Hidden   string // how many runs are shown, where there are more
	Earlier  string // leads to more of them, "" where all that can be shown are
	HasBytes bool
}

// runView is a row of the table of runs.
type runView struct {
	Name, Started, StartedAt, Took string
	People, Joined, Left, Bytes    string
	Proof, Kind                    string
	Latest                         bool
	Notes                          []string

	manifest *snapshot.Manifest
	joined   int // -1 where it cannot be known
}

// snapshots shows what was published.
func (p *Page) snapshots(w http.ResponseWriter, r *http.Request) {
	v := snapshotsView{Prefix: prefix(r), Configured: p.config.Snapshots != nil}
	most := runsShown
	if given, err := strconv.Atoi(parseQuery(r.URL).get("runs")); err == nil && given > 0 {
		most = min(given, mostRuns)
	}
	if v.Configured {
		stores, err := p.config.Snapshots(r.Context(), most)
		if err != nil {
			p.fail(w, r, problemOfError(err))
			return
		}
		for _, s := range stores {
			v.Stores = append(v.Stores, s.view(v.Prefix, most, time.Now()))
		}
	}
	p.show(w, r, http.StatusOK, "snapshots", "Snapshots", v)
}

// problemOfError is a failure that the API has not answered.
func problemOfError(err error) *problem {
	f := failure.Of(err)
	return &problem{Status: f.Status, Name: f.Name, Message: f.Message, GraphRequestID: f.RequestID, RetryAfter: int(f.RetryAfter.Seconds() + 0.999)}
}

func (s Store) view(prefix string, most int, now time.Time) storeView {
	v := storeView{Place: legible.Text(s.Place)}
	if s.Err != nil {
		v.Problem = legible.Text(s.Err.Error())
		return v
	}
	for _, run := range s.Runs {
		row := runOf(run)
		row.Latest = run.Name == s.Latest
		v.Runs = append(v.Runs, row)
	}
	slices.SortStableFunc(v.Runs, func(a, b runView) int {
		return strings.Compare(b.StartedAt+b.Name, a.StartedAt+a.Name)
	})
	joiners(v.Runs)
	v.Chart = newChart(v.Runs)
	v.HasBytes = slices.ContainsFunc(v.Runs, func(r runView) bool { return r.Bytes != "" })
	v.latest(s.Latest, now)
	if s.LatestErr != nil {
		v.Kind, v.Latest = "bad", legible.Text(s.LatestErr.Error())
	}
	if s.More {
		v.Hidden = grouped(len(v.Runs))
		if most < mostRuns {
			v.Earlier = link(prefix, "/snapshots", query{{"runs", strconv.Itoa(min(4*most, mostRuns))}})
		}
	}
	return v
}

// startOf is when a run started, as the names say that runs get of themselves.
func startOf(name string) (at time.Time, ok bool) {
	stamp, _, _ := strings.Cut(name, "-")
	at, err := time.Parse("20060102T150405Z", stamp)
	return at, err == nil
}

func (r *runView) started(at time.Time) {
	r.Started, r.StartedAt = at.UTC().Format("2006-01-02 15:04"), at.UTC().Format(time.RFC3339)
}

func runOf(r published.Run) runView {
	v := runView{Name: legible.Text(r.Name), joined: -1}
	m := r.Manifest
	if at, ok := startOf(r.Name); ok {
		v.started(at)
	}
	switch {
	case m != nil && (m.Users > mostUsers || m.Leavers > mostUsers):
		v.Proof, v.Kind = "Cannot be used: no directory is so large", "bad"
		return v
	case m == nil && r.Unfinished:
		v.Proof, v.Kind = "Not finished: there is no manifest. The run is under way, or has failed.", "unproven"
		return v
	case m == nil:
		v.Proof, v.Kind = "Cannot be used", "bad"
		if r.Err != nil {
			v.Notes = []string{legible.Text(r.Err.Error())}
		}
		return v
	}
	v.manifest = m
	v.started(m.StartedAt)
	v.Took = lasting(m.FinishedAt.Sub(m.StartedAt))
	v.People, v.Left = grouped(m.Users), grouped(m.Leavers)
	var bytes int64
	for _, o := range m.Objects {
		bytes += o.Bytes
	}
	if len(m.Objects) > 0 {
		v.Bytes = sized(bytes)
	}
	v.Proof, v.Kind = proofOf(m)
	for _, note := range slices.Concat(m.Suspicions, m.Warnings) {
		v.Notes = append(v.Notes, legible.Text(note))
	}
	if len(m.MissingColumns) > 0 {
		v.Notes = append(v.Notes, "Graph refused "+legible.Text(strings.Join(m.MissingColumns, ", ")))
	}
	if m.Filter != "" {
		v.Notes = append(v.Notes, "Only who matches "+legible.Text(m.Filter))
	}
	return v
}

// proofOf says in words what is proven of a list.
func proofOf(m *snapshot.Manifest) (words, kind string) {
	switch {
	case m.Status == snapshot.Suspect:
		return "Suspect, and held back", "bad"
	case m.VerifiedBy == list.BySecondReading:
		return fmt.Sprintf("Verified by a second reading; $count differs by %+d", m.Difference), "complete"
	case m.Verified:
		words, kind = "Verified against $count", "complete"
	default:
		words, kind = "Complete, not verified", "unproven"
	}
	if m.Accepted {
		words += "; accepted though suspect"
	}
	return words, kind
}

// joiners finds out how many have joined from one run to the next: a manifest says how many
// of the users of the last list are missing, so the others who are too many have joined.
// Only runs that were promoted, of the same people, follow each other.
func joiners(runs []runView) {
	var last *snapshot.Manifest
	for i := len(runs) - 1; i >= 0; i-- {
		m := runs[i].manifest
		if m == nil {
			continue
		}
		if last != nil && last.Filter == m.Filter {
			if joined := m.Users - last.Users + m.Leavers; joined >= 0 {
				runs[i].joined, runs[i].Joined = joined, grouped(joined)
			}
		} else if m.Leavers == 0 {
			runs[i].Left = "" // the first run has nothing to be compared with
		}
		if m.Status == snapshot.Complete {
			last = m
		}
	}
}

// latest says which list is the latest one.
func (v *storeView) latest(name string, now time.Time) {
	i := slices.IndexFunc(v.Runs, func(r runView) bool { return r.Latest })
	switch {
	case name == "" && len(v.Runs) == 0:
	case name == "":
		v.Kind, v.Latest = "unproven", "No run has been published as the latest one."
	case i < 0:
		v.Kind, v.Latest = "unproven", "The latest run is "+legible.Text(name)+", which is not among those shown."
	case v.Runs[i].manifest == nil:
		v.Kind, v.Latest = "unproven", "The latest run is "+legible.Text(name)+", whose manifest cannot be used."
	default:
		m := v.Runs[i].manifest
		v.Kind = v.Runs[i].Kind
		v.Latest = fmt.Sprintf("Latest: %s, %s (%s UTC). %s.", people(m.Users), ago(now.Sub(m.StartedAt)), v.Runs[i].Started, v.Runs[i].Proof)
	}
}

// ago says how long something is past.
func ago(d time.Duration) string {
	switch {
	case d < -time.Minute:
		return "in " + lasting(-d) + " by this clock"
	case d < time.Minute:
		return "just now"
	}
	return lasting(d) + " ago"
}

// lasting writes a duration in one unit.
func lasting(d time.Duration) string {
	count := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return strconv.FormatInt(n, 10) + " " + unit + "s"
	}
	switch {
	case d < 0:
		return ""
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 2*time.Minute:
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	case d < 2*time.Hour:
		return strconv.FormatInt(int64(d/time.Minute), 10) + " min"
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour")
	}
	return count(int64(d/(24*time.Hour)), "day")
}

// sized writes a number of bytes.
func sized(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit == 0 || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
