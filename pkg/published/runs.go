package published

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Lister is a store that can say what it holds.
type Lister interface {
	Store
	Folders(ctx context.Context, key string, most int) ([]string, error)
}

// Run is a run in a store.
type Run struct {
	// Name is the run's.
	Name string
	// Manifest is what is said of the list, nil where there is no manifest or where it
	// cannot be used. Nothing of the objects has been read.
	Manifest *snapshot.Manifest
	// Unfinished says that there is no manifest: the run is under way, or has failed.
	Unfinished bool
	// Err is why the manifest cannot be used.
	Err error
}

// atOnce is how many manifests are read at a time.
const atOnce = 8

// Runs reads the manifests of a tenant's runs, in the order of their names: at most so many,
// those whose names sort last, which are the newest ones unless somebody has chosen other
// names than the usual. more says that there are others.
func Runs(ctx context.Context, at Lister, tenant string, most int) (runs []Run, more bool, err error) {
	names, err := at.Folders(ctx, "runs/tenant="+tenant, most+1)
	if err != nil {
		return nil, false, err
	}
	if more = len(names) > most; more {
		names = names[len(names)-most:]
	}
	for _, name := range names {
		if run, ok := strings.CutPrefix(name, "run="); ok && snapshot.IsRun(run) {
			runs = append(runs, Run{Name: run})
		}
	}
	slots := make(chan struct{}, atOnce)
	var reading sync.WaitGroup
	for i := range runs {
		slots <- struct{}{}
		reading.Go(func() {
			defer func() { <-slots }()
			runs[i].read(ctx, at, tenant)
		})
	}
	reading.Wait()
	for _, run := range runs {
		var failed *store.Error
		if errors.As(run.Err, &failed) { // the store's, which has nothing to do with this run
			return nil, false, run.Err
		}
	}
	return runs, more, context.Cause(ctx)
}

func (r *Run) read(ctx context.Context, at Store, tenant string) {
	defer crash.Recover(&r.Err)
	found, err := Find(ctx, at, snapshot.RunKey(tenant, r.Name, snapshot.ManifestName))
	var wrong *Error
	switch {
	case errors.As(err, &wrong) && wrong.Missing:
		r.Unfinished = true
	case err != nil:
		r.Err = err
	default:
		r.Manifest = &found.Manifest
	}
}

// Latest is the run that is a tenant's latest one, "" where none is. The error is that of
// [Find]: latest, or the manifest that it names, cannot be used.
func Latest(ctx context.Context, at Store, tenant string) (run string, err error) {
	found, err := Find(ctx, at, snapshot.LatestKey(tenant))
	var wrong *Error
	switch {
	case errors.As(err, &wrong) && wrong.Missing && wrong.Check == CheckLatest:
		return "", nil
	case err != nil:
		return "", err
	}
	return found.Latest.Run, nil
}
