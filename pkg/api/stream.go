package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// flushEvery is how long users may wait in a buffer for others.
const flushEvery = 500 * time.Millisecond

// stream answers with everyone as NDJSON, while they arrive. Its last line says
// whether the list is complete. An error before the first user is answered as an
// error.
func (a *API) stream(w http.ResponseWriter, r *http.Request, o *options) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	if r.Method == http.MethodHead {
		return nil
	}
	listing := roll.List(a.directory, a.chosen(o), a.log)
	out := format.NewNDJSON(w)
	control := http.NewResponseController(w)
	flushed := time.Time{}
	var failed error
	for user, err := range listing.Users(r.Context()) {
		if err == nil {
			err = out.User(user.Raw)
		}
		if failed = err; err != nil {
			break
		}
		if now := time.Now(); now.Sub(flushed) >= flushEvery {
			// The first user goes out at once, the others in handfuls.
			if failed = flush(out, control); failed != nil {
				break
			}
			flushed = now
		}
	}
	switch {
	case failed == nil:
		return errors.Join(out.Complete(), ignoreUnsupported(control.Flush()))
	case out.Users() == 0:
		return failed
	}
	f := failure.Of(failed)
	if err := out.Fail(f.Name, f.Message); err != nil {
		// The writer below may have no room for another user and still some for
		// this line (see trigger), which the buffer's error would keep from it.
		_, _ = w.Write(format.AppendFailure([]byte("\n"), f.Name, f.Message))
	}
	return failed
}

func flush(out *format.NDJSON, control *http.ResponseController) error {
	if err := out.Flush(); err != nil {
		return err
	}
	return ignoreUnsupported(control.Flush())
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
