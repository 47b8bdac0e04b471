package roll

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// runKey names an object of a run at a destination: a part or the manifest.
func (s *Snapshot) runKey(run, name string) string {
	return "runs/tenant=" + s.Tenant + "/run=" + run + "/" + name
}

const manifestName = "manifest.json"

func (r *run) manifestKey() string { return r.runKey(r.state.Run, manifestName) }

// publish makes a proven list what readers see, and tells of it. Each step can be
// done again without harm, so after a kill the run is simply asked for again:
// manifests, then at each destination history, latest and the table of latest;
// then the buses; then what is known; then the checkpoint.
func (r *run) publish(ctx context.Context) (*Result, error) {
	url, err := r.prove(ctx)
	if err != nil {
		return nil, err
	}
	if r.state.Phase == phaseSuspect {
		return nil, &SuspectError{Run: r.state.Run, Manifest: url, Reasons: r.state.Judgement.Suspicions}
	}
	superseded, err := r.promoteAll(ctx)
	if err != nil {
		return nil, err
	}
	if superseded == "" {
		if err := r.announce(ctx, url); err != nil {
			return nil, err
		}
	}
	if err := r.remember(ctx); err != nil {
		return nil, fmt.Errorf("keep the ids for the next run: %w", err)
	}
	report := r.state.Report
	result := Result{
		Status: Complete, Run: r.state.Run, Users: report.Users, Verified: report.Verified,
		Duplicates: report.Duplicates, Pages: report.Pages, Manifest: url, Superseded: superseded,
	}
	if report.Expected != nil {
		result.Expected = &report.Expected.After
	}
	r.state.Results = append(r.state.Results, result)
	r.state.Phase = phaseDone
	r.Log.InfoContext(ctx, "the list is published", "report", report, "slices", r.state.Slice, "superseded", superseded != "")
	return &result, r.save(ctx)
}

// prove stores the manifest at every destination and returns the first one's URL.
// Without a destination it goes to the state store.
func (r *run) prove(ctx context.Context) (url string, err error) {
	for i, at := range r.stores() {
		body, err := r.manifest(i).encode()
		if err != nil {
			return "", err
		}
		err = store.Update(ctx, at, r.manifestKey(), func(old []byte) ([]byte, error) {
			if bytes.Equal(old, body) {
				return nil, nil
			}
			if stays, err := r.stays(at, old); stays || err != nil {
				return nil, err
			}
			return body, nil
		})
		if err != nil {
			return "", fmt.Errorf("write the manifest: %w", err)
		}
	}
	return r.stores()[0].URL(r.manifestKey()), nil
}

// stays reports whether a manifest that is there already stays as it is: that of
// the same run, accepted meanwhile. That of another run of the same name is an
// error, for latest may name it.
func (r *run) stays(at Store, old []byte) (bool, error) {
	var m Manifest
	if old == nil {
		return false, nil
	}
	if err := json.Unmarshal(old, &m); err != nil {
		return false, &StateError{URL: at.URL(r.manifestKey()), Problem: "it was not written by this version of rollcall; start a run of another name", Err: err}
	}
	if !m.StartedAt.Equal(r.state.StartedAt) {
		return false, &StateError{URL: at.URL(r.manifestKey()), Problem: "it is that of another run of this name; start a run of another name"}
	}
	return m.Accepted && !r.state.Judgement.Accepted, nil
}

// stores are where manifests and latest go.
func (r *run) stores() []Store {
	if len(r.Destinations) == 0 {
		return []Store{r.State}
	}
	all := make([]Store, len(r.Destinations))
	for i, d := range r.Destinations {
		all[i] = d.Store
	}
	return all
}

// promoteAll makes the run the latest one everywhere. A newer run may have come
// first: superseded is the one that is the latest at the first destination.
func (r *run) promoteAll(ctx context.Context) (superseded string, err error) {
	for i, at := range r.stores() {
		p := promotion{run: r, store: at, tables: i < len(r.Destinations) && r.Destinations[i].Tables, manifest: r.manifest(i)}
		if err := p.promote(ctx); err != nil {
			return "", fmt.Errorf("promote run %s: %w", r.state.Run, err)
		}
		if p.newer != "" {
			r.Log.WarnContext(ctx, "a newer run is the latest one already; this one is kept and not promoted",
				"newer", p.newer, "destination", at.URL(""))
		}
		if i == 0 {
			superseded = p.newer
		}
	}
	return superseded, nil
}

// accept publishes a run that was found suspect.
func (r *run) accept(ctx context.Context) (*Result, error) {
	if r.state.Phase != phaseSuspect && !r.state.Judgement.Accepted {
		return nil, &InputError{"accept", fmt.Sprintf("names run %s, which was not found suspect; name the run of the error Snapshot.Suspect", r.state.Run)}
	}
	if r.state.Phase == phaseSuspect {
		r.state.Judgement.Accepted = true
		r.state.Phase = phasePublishing
		if err := r.overtaken(ctx); err != nil {
			return nil, err
		}
		switch err := r.save(ctx); {
		case errors.Is(err, errOvertaken):
			return nil, &StateError{Conflict: true, URL: r.State.URL(r.checkpointKey()), Problem: "the run was changed while it was accepted; ask again", Err: err}
		case err != nil:
			return nil, err
		}
	}
	return r.proceed(ctx, r.state.Slice, true)
}

// overtaken is an error when a newer run has been published.
func (r *run) overtaken(ctx context.Context) error {
	p := promotion{run: r, store: r.stores()[0]}
	last, err := p.latest(ctx)
	if err != nil || !p.outdone(last) {
		return err
	}
	return &StateError{
		Conflict: true, URL: p.store.URL(p.latestKey()),
		Problem: fmt.Sprintf("run %s is newer than run %s and has been published; what is older is not published over it", last.Run, r.state.Run),
	}
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

// LatestKey is where a destination says which list of a tenant is the latest.
func LatestKey(tenant string) string { return "latest/tenant=" + tenant + ".json" }

func parseLatest(url string, body []byte) (*Latest, error) {
	var l Latest
	if err := json.Unmarshal(body, &l); err != nil || l.Version != manifestVersion || l.Run == "" {
		return nil, &StateError{URL: url, Problem: "it was not written by this version of rollcall; move it away", Err: err}
	}
	return &l, nil
}
