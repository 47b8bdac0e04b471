package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// publish makes a proven list what readers see, and announces it. Each step can be
// repeated without harm, so after a kill the run is simply asked for again: manifests,
// then history, latest and the table of latest at each destination; then the buses;
// then the baseline; then the checkpoint.
func (r *run) publish(ctx context.Context) (*Result, error) {
	url, err := r.writeManifests(ctx)
	if invalid := (*store.StateError)(nil); errors.As(err, &invalid) {
		return nil, err
	}
	if err == nil && r.c.Phase == phaseSuspect {
		return nil, &SuspectError{Run: r.c.Run, Manifest: url, Reasons: r.c.Audit.Suspicions}
	}
	if err == nil {
		err = r.promoteAndAnnounce(ctx, url)
	}
	switch {
	case errors.Is(err, errOvertaken):
		return nil, err
	case err != nil:
		return nil, &UnfinishedError{Run: r.c.Run, Err: err}
	}
	return r.result(len(r.c.Results)), nil
}

func (r *run) promoteAndAnnounce(ctx context.Context, url string) error {
	superseded, err := r.promote(ctx)
	if err != nil {
		return err
	}
	if superseded == "" {
		event, err := r.c.events().completed(r.manifest(0), url)
		if err != nil {
			return err
		}
		if err := announce(ctx, r.p.Announcements, event); err != nil {
			return err
		}
	}
	if err := r.remember(ctx); err != nil {
		return fmt.Errorf("keep the ids for the next run: %w", err)
	}
	report := r.c.Report
	result := Result{
		Status: Complete, Run: r.c.Run, Users: report.Users, Verified: report.Verified, Fenced: report.Fenced,
		Duplicates: report.Duplicates, Pages: report.Pages, Manifest: url, Superseded: superseded,
	}
	if report.Expected != nil {
		result.Expected = &report.Expected.After
	}
	r.c.Results = append(r.c.Results, result)
	r.c.Phase = phaseDone
	telemetry.Observe(ctx, telemetry.Users, float64(report.Users))
	telemetry.Observe(ctx, telemetry.Bytes, float64(r.c.bytes()))
	r.p.Log.InfoContext(ctx, "the list is published", "report", report, "slices", r.c.Slice, "superseded", superseded != "")
	return r.save(ctx)
}

// writeManifests stores the manifest at every destination and returns the first
// one's URL. Without a destination it goes to the state store.
func (r *run) writeManifests(ctx context.Context) (url string, err error) {
	key := r.manifestKey()
	for i, at := range r.p.stores() {
		body, err := r.manifest(i).encode()
		if err != nil {
			return "", err
		}
		err = store.Update(ctx, at, key, func(old []byte) ([]byte, error) {
			if bytes.Equal(old, body) {
				return nil, nil
			}
			if keep, err := r.keepsManifest(at.URL(key), old); keep || err != nil {
				return nil, err
			}
			return body, nil
		})
		if err != nil {
			return "", fmt.Errorf("write the manifest: %w", err)
		}
	}
	return r.p.stores()[0].URL(key), nil
}

func (r *run) manifestKey() string { return RunKey(r.p.Tenant, r.c.Run, ManifestName) }

// keepsManifest reports whether a manifest that is there already stays as it is: that
// of the same run, accepted meanwhile. That of another run of the same name is an
// error, because latest may name it.
func (r *run) keepsManifest(url string, old []byte) (bool, error) {
	if old == nil {
		return false, nil
	}
	var m Manifest
	if err := json.Unmarshal(old, &m); err != nil {
		return false, &store.StateError{URL: url, Problem: "it was not written by this version of rollcall; start a run of another name", Err: err}
	}
	if !m.StartedAt.Equal(r.c.StartedAt) {
		return false, &store.StateError{URL: url, Problem: "it is that of another run of this name; start a run of another name"}
	}
	return m.Accepted && !r.c.Audit.Accepted, nil
}

// promote makes the run the latest one everywhere. superseded is the newer run that
// is the latest one at the first destination, if there is one.
func (r *run) promote(ctx context.Context) (superseded string, err error) {
	for i, at := range r.p.stores() {
		p := promotion{store: at, tables: i < len(r.p.Destinations) && r.p.Destinations[i].Tables, manifest: r.manifest(i), log: r.p.Log}
		newer, err := p.promote(ctx)
		if err != nil {
			return "", fmt.Errorf("promote run %s: %w", r.c.Run, err)
		}
		if newer != "" {
			r.p.Log.WarnContext(ctx, "a newer run is the latest one already; this one is kept and not promoted",
				"newer", newer, "destination", at.URL(""))
		}
		if i == 0 {
			superseded = newer
		}
	}
	return superseded, nil
}

// remember makes this list the baseline of the next one. It comes last: only what was
// published and announced is a baseline.
func (r *run) remember(ctx context.Context) error {
	record := baseline.Record{
		Run: r.c.Run, StartedAt: r.c.StartedAt, Users: r.c.Report.Users, IDs: r.c.IDs, Populated: r.c.Populated, Values: r.c.Values,
	}
	if since := r.c.Progress.Undivided; !since.IsZero() {
		record.Undivided = &baseline.Undivided{Since: since, Select: r.p.columns()}
	}
	replaced, err := r.baseline().Replace(ctx, record)
	for _, o := range replaced {
		if strings.HasPrefix(o.Key, "tenant="+r.p.Tenant+"/run=") {
			r.obsolete = append(r.obsolete, object{inState, o.Key})
		}
	}
	return err
}

// published says where the list of a run that is done is.
func (r *run) published() []Published {
	if !r.c.fits(r.p) {
		return nil
	}
	var all []Published
	for i, at := range r.p.stores() {
		all = append(all, Published{
			Root: strings.TrimRight(at.URL(""), "/"), LatestKey: LatestKey(r.p.Tenant),
			ManifestKey: r.manifestKey(), Manifest: r.manifest(i),
		})
	}
	return all
}

// accept publishes a run that was found suspect.
func (r *run) accept(ctx context.Context) (*Result, error) {
	if r.c.Phase != phaseSuspect && !r.c.Audit.Accepted {
		return nil, &InputError{"accept", fmt.Sprintf("names run %s, which was not found suspect; name the run of the error Snapshot.Suspect", r.c.Run)}
	}
	if r.c.Phase == phaseSuspect {
		r.c.Audit.Accepted = true
		r.c.Phase = phasePublishing
		if err := r.mustBeNewest(ctx); err != nil {
			return nil, err
		}
		switch err := r.save(ctx); {
		case errors.Is(err, errOvertaken):
			return nil, &store.StateError{Conflict: true, URL: r.p.State.URL(r.checkpointKey()), Problem: "the run was changed while it was accepted; ask again", Err: err}
		case err != nil:
			return nil, err
		}
	}
	return r.proceed(ctx, r.c.Slice, true)
}

// mustBeNewest is an error when a newer run has been published.
func (r *run) mustBeNewest(ctx context.Context) error {
	at := r.p.stores()[0]
	last, err := readLatest(ctx, at, r.p.Tenant)
	if err != nil || last == nil || !baseline.Newer(last.StartedAt, last.Run, r.c.StartedAt, r.c.Run) {
		return err
	}
	return &store.StateError{
		Conflict: true, URL: at.URL(LatestKey(r.p.Tenant)),
		Problem: fmt.Sprintf("run %s is newer than run %s and has been published; what is older is not published over it", last.Run, r.c.Run),
	}
}
