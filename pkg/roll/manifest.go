package roll

import (
	"encoding/json"
	"time"
)

// manifestVersion is the form of manifests and of latest.
const manifestVersion = 1

// Manifest is the proof of one run: what was read, how it was proven, and the
// objects that hold it. It is stored as runs/tenant=<guid>/run=<run>/manifest.json.
type Manifest struct {
	Version int    `json:"version"`
	Tenant  string `json:"tenant"`
	Run     string `json:"run"`
	// Status is complete or suspect; a list that is not complete has no manifest.
	Status     string    `json:"status"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	Users      int       `json:"users"`
	Duplicates int       `json:"duplicates"`
	Pages      int       `json:"pages"`
	Passes     int       `json:"passes"`
	// Expected is Graph's count; null where the tenant does not count.
	Expected   *Expected `json:"expected"`
	Verified   bool      `json:"verified"`
	Difference int       `json:"difference"`
	// Leavers is how many users of the last list are not in this one.
	Leavers int `json:"leavers"`
	// Select are the columns asked for. MissingColumns were refused by Graph,
	// EmptyColumns are empty in every user.
	Select         []string `json:"select"`
	MissingColumns []string `json:"missingColumns"`
	EmptyColumns   []string `json:"emptyColumns"`
	Filter         string   `json:"filter"`
	Format         string   `json:"format"`
	Compression    string   `json:"compression"`
	Objects        []Object `json:"objects"`
	Warnings       []string `json:"warnings"`
	// Suspicions are why the status is suspect, or was until it was accepted.
	Suspicions []string `json:"suspicions,omitempty"`
	// Accepted says that a person published the list in spite of them.
	Accepted bool `json:"accepted,omitempty"`
	// Demo says that the tenant is a simulated one.
	Demo bool `json:"demo,omitempty"`
}

// judgement is what was found once the list was read to its end.
type judgement struct {
	FinishedAt   time.Time `json:"finishedAt"`
	Leavers      int       `json:"leavers"`
	EmptyColumns []string  `json:"emptyColumns,omitempty"`
	Suspicions   []string  `json:"suspicions,omitempty"`
	Accepted     bool      `json:"accepted,omitempty"`
}

// manifest returns the manifest for one destination. It is the same each time it
// is made of the same checkpoint.
func (r *run) manifest(i int) Manifest {
	s := &r.state
	m := Manifest{
		Version: manifestVersion, Tenant: s.Tenant, Run: s.Run, Status: Complete,
		StartedAt: s.StartedAt, FinishedAt: s.Judgement.FinishedAt,
		Users: s.Report.Users, Duplicates: s.Report.Duplicates, Pages: s.Report.Pages, Passes: s.Report.Passes,
		Expected: s.Report.Expected, Verified: s.Report.Verified, Difference: s.Report.Difference, Leavers: s.Judgement.Leavers,
		Select: r.columns(), MissingColumns: list(s.Report.MissingColumns), EmptyColumns: list(s.Judgement.EmptyColumns),
		Filter: r.Request.Filter, Objects: []Object{}, Warnings: list(s.Report.Warnings),
		Suspicions: s.Judgement.Suspicions, Accepted: s.Judgement.Accepted, Demo: r.Demo,
	}
	if s.Phase == phaseSuspect {
		m.Status = Suspect
	}
	if i < len(r.Destinations) {
		m.Format, m.Compression = r.Destinations[i].Format, r.Destinations[i].Compression
		for _, p := range s.Objects[i] {
			m.Objects = append(m.Objects, p.Object)
		}
	}
	return m
}

// encode returns the manifest as it is stored: the same, byte for byte, each time.
func (m Manifest) encode() ([]byte, error) { return json.MarshalIndent(m, "", "  ") }

// list is never null in JSON.
func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// columns are the names of the columns asked for, in their order.
func (s *Snapshot) columns() []string {
	names := make([]string, len(s.Request.Columns))
	for i, c := range s.Request.Columns {
		names[i] = c.Name
	}
	return names
}
