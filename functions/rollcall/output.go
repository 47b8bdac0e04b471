package main

import (
	"io"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// output is where a list goes. columns comes first, then users; Complete or Abort
// ends it. Abort may follow a Complete that failed.
type output interface {
	// columns tells the selected columns, and whether somebody chose them.
	columns(names []string, chosen bool)
	// User takes one user's JSON object, which is not kept.
	User(raw []byte) error
	// Complete ends a list that is whole.
	Complete(report list.Report) error
	// Abort ends a list that is not: nothing that is left can be taken for whole.
	Abort(cause error)
	// closes says that the output itself holds the closing line.
	closes() bool
}

// ndjsonOutput is a stream with its closing record.
type ndjsonOutput struct{ *format.NDJSON }

func newNDJSONOutput(w io.Writer) ndjsonOutput { return ndjsonOutput{format.NewNDJSON(w)} }

func (ndjsonOutput) columns([]string, bool) {}
func (ndjsonOutput) closes() bool           { return false }

func (o ndjsonOutput) Complete(list.Report) error { return o.NDJSON.Complete() }

func (o ndjsonOutput) Abort(cause error) {
	f := failure.Of(cause)
	_ = o.Fail(f.Name, f.Message) // the list has failed already, and that is told
}

// jsonOutput is one object, closed only if it is whole.
type jsonOutput struct{ *format.JSON }

func newJSONOutput(w io.Writer) jsonOutput { return jsonOutput{format.NewJSON(w)} }

func (jsonOutput) columns([]string, bool) {}
func (jsonOutput) closes() bool           { return false }

func (o jsonOutput) Complete(list.Report) error { return o.JSON.Complete() }

func (o jsonOutput) Abort(error) { _ = o.Flush() }

// spooledOutput is CSV, which cannot say that it is not whole and is therefore
// held back until it is.
type spooledOutput struct {
	csv   *format.CSV
	spool *format.Spool
	w     io.Writer
}

func newSpooledOutput(w io.Writer) (*spooledOutput, error) {
	spool, err := format.NewSpool("")
	if err != nil {
		return nil, err
	}
	return &spooledOutput{spool: spool, w: w}, nil
}

func (o *spooledOutput) columns(names []string, _ bool) { o.csv = format.NewCSV(o.spool, names) }
func (o *spooledOutput) closes() bool                   { return false }

func (o *spooledOutput) User(raw []byte) error { return o.csv.User(raw) }

func (o *spooledOutput) Complete(list.Report) error {
	if err := o.csv.Complete(); err != nil {
		return err
	}
	if _, err := o.spool.WriteTo(o.w); err != nil {
		return err
	}
	return o.spool.Close()
}

func (o *spooledOutput) Abort(error) { _ = o.spool.Close() }

// tableOutput is a table on stdout.
type tableOutput struct {
	*table
	w            io.Writer
	limit, width int
	bold         bool
}

func (o *tableOutput) columns(names []string, chosen bool) {
	o.table = newTable(o.w, tableColumns(names, chosen), o.limit, o.width, o.bold)
}

func (o *tableOutput) closes() bool { return true }

func (o *tableOutput) Abort(cause error) {
	if o.table != nil {
		o.table.Abort(cause)
	}
}

// fileOutput is a file that appears only when it is whole. It holds nothing but
// the users: no closing record.
type fileOutput struct {
	file   *partialFile
	format string
	users  interface{ User(raw []byte) error }
	finish func() error
}

func newFileOutput(path, kind string) (*fileOutput, error) {
	file, err := createPartial(path)
	if err != nil {
		return nil, err
	}
	return &fileOutput{file: file, format: kind}, nil
}

func (o *fileOutput) columns(names []string, _ bool) {
	switch o.format {
	case formatCSV:
		w := format.NewCSV(o.file, names)
		o.users, o.finish = w, w.Complete
	case formatJSON:
		w := format.NewJSON(o.file)
		o.users, o.finish = w, w.Complete
	default:
		w := format.NewNDJSON(o.file)
		o.users, o.finish = w, w.Flush
	}
}

func (o *fileOutput) closes() bool          { return false }
func (o *fileOutput) User(raw []byte) error { return o.users.User(raw) }

func (o *fileOutput) Complete(list.Report) error {
	if err := o.finish(); err != nil {
		return err
	}
	return o.file.commit()
}

func (o *fileOutput) Abort(error) { o.file.discard() }
