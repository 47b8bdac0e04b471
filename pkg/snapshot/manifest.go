package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// ManifestVersion is the form of manifests and of latest.
const ManifestVersion = 1

// Manifest is the proof of one run: what was read, how it was proven, and the objects
// that hold it. It is stored as runs/tenant=<guid>/run=<run>/manifest.json.
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
	Expected *list.Expected `json:"expected"`
	// Verified says that the list was shown to be whole, by VerifiedBy: "count" or
	// "second reading".
	Verified   bool   `json:"verified"`
	VerifiedBy string `json:"verifiedBy,omitempty"`
	// Fenced says that the changes made while the list was read are accounted for.
	Fenced bool `json:"fenced"`
	// Left is how many of the users left while the list was read.
	Left int `json:"left"`
	// Difference is by how many the users who had not left exceed the count.
	Difference int `json:"difference"`
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

// manifest returns the manifest for one destination. The same checkpoint always gives
// the same manifest.
func (r *run) manifest(destination int) Manifest {
	c := &r.c
	m := Manifest{
		Version: ManifestVersion, Tenant: c.Tenant, Run: c.Run, Status: Complete,
		StartedAt: c.StartedAt, FinishedAt: c.Audit.FinishedAt,
		Users: c.Report.Users, Duplicates: c.Report.Duplicates, Pages: c.Report.Pages, Passes: c.Report.Passes,
		Expected: c.Report.Expected, Verified: c.Report.Verified, VerifiedBy: c.Report.VerifiedBy, Fenced: c.Report.Fenced, Left: c.Report.Left, Difference: c.Report.Difference, Leavers: c.Audit.Leavers,
		Select: r.p.columns(), MissingColumns: notNil(c.Report.MissingColumns), EmptyColumns: notNil(c.Audit.EmptyColumns),
		Filter: r.p.Request.Filter, Objects: []Object{}, Warnings: notNil(slices.Concat(c.Report.Warnings, c.Audit.Warnings)),
		Suspicions: c.Audit.Suspicions, Accepted: c.Audit.Accepted, Demo: r.p.Demo,
	}
	if c.Phase == phaseSuspect {
		m.Status = Suspect
	}
	if destination < len(r.p.Destinations) {
		m.Format, m.Compression = r.p.Destinations[destination].Format, r.p.Destinations[destination].Compression
		for _, p := range c.Objects[destination] {
			m.Objects = append(m.Objects, p.Object)
		}
	}
	return m
}

// encode returns the manifest as it is stored: the same, byte for byte, each time.
func (m Manifest) encode() ([]byte, error) { return json.MarshalIndent(m, "", "  ") }

// notNil makes a list that is never null in JSON.
func notNil(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// Latest names the last list that was published, stored as
// latest/tenant=<guid>.json. It moves only forward in time.
type Latest struct {
	Version    int       `json:"version"`
	Tenant     string    `json:"tenant"`
	Run        string    `json:"run"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	Users      int       `json:"users"`
	// Manifest is the URL of the proof, ManifestSHA256 the digest of its bytes.
	Manifest       string `json:"manifest"`
	ManifestSHA256 string `json:"manifestSha256"`
}

// latest returns what is stored as the latest list when it is that of the manifest at
// the URL.
func (m Manifest) latest(url string) ([]byte, error) {
	proof, err := m.encode()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(proof)
	return json.MarshalIndent(Latest{
		Version: ManifestVersion, Tenant: m.Tenant, Run: m.Run, StartedAt: m.StartedAt, FinishedAt: m.FinishedAt,
		Users: m.Users, Manifest: url, ManifestSHA256: hex.EncodeToString(sum[:]),
	}, "", "  ")
}

// readLatest reads which list of a tenant is the latest, nil if there is none.
func readLatest(ctx context.Context, at Store, tenant string) (*Latest, error) {
	key := LatestKey(tenant)
	body, _, err := at.Read(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseLatest(at.URL(key), tenant, body)
}

func parseLatest(url, tenant string, body []byte) (*Latest, error) {
	var l Latest
	if err := json.Unmarshal(body, &l); err != nil || l.Version != ManifestVersion || l.Tenant != tenant || !runName.MatchString(l.Run) || l.Users < 0 {
		return nil, &store.StateError{URL: url, Problem: "it was not written by this version of rollcall; move it away", Err: err}
	}
	return &l, nil
}

// parseManifest reads the manifest of a run that was promoted. Its objects hold all of
// its users, if it has objects.
func parseManifest(url, tenant, run string, body []byte) (*Manifest, error) {
	var m Manifest
	err := json.Unmarshal(body, &m)
	valid := err == nil && m.Version == ManifestVersion && m.Tenant == tenant && m.Run == run && m.Status == Complete
	users := 0
	for _, o := range m.Objects {
		valid = valid && o.Valid() && o.URL != ""
		users += o.Users
	}
	if !valid || users != m.Users && (m.Format != "" || len(m.Objects) > 0) {
		return nil, &store.StateError{URL: url, Problem: "it was not written by this version of rollcall; move it and latest away", Err: err}
	}
	return &m, nil
}
