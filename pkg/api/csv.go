package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// csv answers with all users as CSV. CSV cannot say that it is incomplete, so
// nothing is sent before the list is proven; it waits in a temporary file.
func (a *API) csv(w http.ResponseWriter, r *http.Request, o *options) (err error) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	if r.Method == http.MethodHead {
		return nil
	}
	spool, err := format.NewSpool("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	// It is compressed before it is known to be whole, so that its size is known
	// before it is sent, and so that more users fit into the temporary folder.
	var file io.Writer = spool
	zip := newGzip(spool)
	compressed := encodingFor(r.Header) == gzipped
	if compressed {
		file = zip
	}
	out := format.NewCSV(file, columnNames(o.columns))
	if o.excel {
		out.ForSpreadsheets()
	}
	users := list.New(a.directory, a.narrowed(o), a.log)
	for user, err := range users.Users(r.Context()) {
		if err == nil {
			err = out.User(user.Raw)
		}
		if err != nil {
			return err
		}
	}
	if err := out.Complete(); err != nil {
		return err
	}
	if compressed {
		if err := zip.Close(); err != nil {
			return err
		}
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set(header.TotalCount, strconv.Itoa(out.Users()))
	w.Header().Set(header.Verified, strconv.FormatBool(users.Report().Verified))
	w.Header().Set("Content-Length", strconv.FormatInt(spool.Size(), 10))
	w.Header().Set("Content-Disposition", `attachment; filename="users.csv"`)
	_, err = spool.WriteTo(w)
	return err
}
