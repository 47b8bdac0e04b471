package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Table writes all users in a format that cannot say that it is incomplete.
type Table interface {
	// Fits returns an error if so many users have no room in it.
	Fits(users int) error
	// User writes a user's JSON object, raw, and does not keep it.
	User(raw []byte) error
	// Complete ends a complete list, of which the number was verified or not.
	Complete(verified bool) error
	// Close releases what the table needed.
	Close() error
}

// csvTable is a Table of any size.
type csvTable struct{ *format.CSV }

func (csvTable) Fits(int) error { return nil }

func (t csvTable) Complete(bool) error { return t.CSV.Complete() }

func (csvTable) Close() error { return nil }

// newTable begins a table of the requested format.
func (a *API) newTable(w io.Writer, o *options) (Table, error) {
	if o.format == workbook {
		return a.workbook(w, columnNames(o.columns))
	}
	t := csvTable{format.NewCSV(w, columnNames(o.columns))}
	if o.excel {
		t.ForSpreadsheets()
	}
	return t, nil
}

// table answers with all users as a table. Nothing is sent before the list is proven;
// it waits in a temporary file.
func (a *API) table(w http.ResponseWriter, r *http.Request, o *options) (err error) {
	contentType, file := "text/csv; charset=utf-8; header=present", "users.csv"
	if o.format == workbook {
		contentType, file = workbookType, "users.xlsx"
	}
	w.Header().Set("Content-Type", contentType)
	if r.Method == http.MethodHead {
		return nil
	}
	spool, err := format.NewSpool("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	compressed := encodingFor(r.Header) == gzipped && o.format != workbook
	report, err := a.spool(spool, r, o, compressed)
	if err != nil {
		return err
	}
	if compressed {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set(header.TotalCount, strconv.Itoa(report.Users))
	w.Header().Set(header.Verified, strconv.FormatBool(report.Verified))
	w.Header().Set("Content-Length", strconv.FormatInt(spool.Size(), 10))
	w.Header().Set("Content-Disposition", `attachment; filename="`+file+`"`)
	if _, err = spool.WriteTo(w); err != nil {
		return err
	}
	telemetry.Observe(r.Context(), telemetry.Users, float64(report.Users))
	return nil
}

// spool writes the whole table to the spool. It is compressed, if at all, before it is
// known to be whole, so that its size is known before it is sent, and so that more
// users fit into the temporary folder.
func (a *API) spool(spool io.Writer, r *http.Request, o *options, compressed bool) (report list.Report, err error) {
	file, end := spool, func() error { return nil }
	if compressed {
		zip := newGzip(spool)
		file, end = zip, zip.Close
	}
	out, err := a.newTable(file, o)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	users, done := a.all(o)
	defer done()
	for user, err := range users.Users(r.Context()) {
		if before := users.CountBefore(); err == nil && before != nil {
			err = out.Fits(*before)
		}
		if err == nil {
			err = out.User(user.Raw)
		}
		if err != nil {
			return report, err
		}
	}
	report = users.Report()
	if err := out.Complete(report.Verified); err != nil {
		return report, err
	}
	return report, end()
}
