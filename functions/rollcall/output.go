package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/xlsx"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// output is where a list goes. begin comes first, then the users; Complete or
// Abort ends it. Abort may follow a failed Complete.
type output interface {
	// begin passes the selected columns, and whether somebody chose them.
	begin(columns []string, chosen bool) error
	// User writes a user's JSON object, raw, and does not keep it.
	User(raw []byte) error
	// Complete ends a complete list.
	Complete(report list.Report) error
	// Abort ends an incomplete list so that it cannot be taken for a complete one.
	Abort(cause error)
}

// ndjsonOutput is a stream with a closing record.
type ndjsonOutput struct{ *format.NDJSON }

func (ndjsonOutput) begin([]string, bool) error { return nil }

func (o ndjsonOutput) Complete(r list.Report) error { return o.NDJSON.Complete(r.Verified) }

func (o ndjsonOutput) Abort(cause error) {
	f := failure.Of(cause)
	_ = o.Fail(f.Name, f.Message) // the list has failed already; that is reported
}

// jsonOutput is one object, which only a complete list closes.
type jsonOutput struct{ *format.JSON }

func (jsonOutput) begin([]string, bool) error { return nil }

func (o jsonOutput) Complete(r list.Report) error { return o.JSON.Complete(r.Verified) }

func (o jsonOutput) Abort(error) { _ = o.Flush() }

// body is a list as a file has it, without a closing record.
type body struct {
	user   func(raw []byte) error
	finish func(verified bool) error
	close  func() error
}

func newBody(w io.Writer, kind string, columns []string) (body, error) {
	nothing := func() error { return nil }
	switch kind {
	case formatCSV, formatExcel:
		c := format.NewCSV(w, columns)
		if kind == formatExcel {
			c.ForSpreadsheets()
		}
		return body{c.User, func(bool) error { return c.Complete() }, nothing}, nil
	case formatXLSX:
		x, err := xlsx.New(w, columns)
		if err != nil {
			return body{}, err
		}
		return body{x.User, x.Complete, x.Close}, nil
	case formatJSON:
		j := format.NewJSON(w)
		return body{j.User, j.Complete, nothing}, nil
	}
	n := format.NewNDJSON(w)
	return body{n.User, func(bool) error { return n.Flush() }, nothing}, nil
}

// workbook is the format xlsx of the API.
type workbook struct{ *xlsx.Writer }

func newWorkbook(w io.Writer, columns []string) (api.Table, error) {
	x, err := xlsx.New(w, columns)
	if err != nil {
		return nil, err
	}
	return workbook{x}, nil
}

// Fits returns an error if a sheet has no room for so many users.
func (workbook) Fits(users int) error { return xlsx.Fits(users) }

// destination is where a body goes: commit shows the whole of it, discard nothing.
// discard may follow a failed commit.
type destination interface {
	io.Writer
	commit() error
	discard()
}

// wholeOutput is a list that nobody sees before it is complete: a file, or a format
// that cannot say that it is incomplete.
type wholeOutput struct {
	to     destination
	format string
	body   body
}

func newFileOutput(path, kind string) (*wholeOutput, error) {
	file, err := createAtomic(path)
	if err != nil {
		return nil, err
	}
	return &wholeOutput{to: file, format: kind}, nil
}

func newSpooledOutput(w io.Writer, kind string) (*wholeOutput, error) {
	spool, err := format.NewSpool("")
	if err != nil {
		return nil, err
	}
	return &wholeOutput{to: spooled{spool, w}, format: kind}, nil
}

func (o *wholeOutput) begin(columns []string, _ bool) (err error) {
	o.body, err = newBody(o.to, o.format, columns)
	return err
}

func (o *wholeOutput) User(raw []byte) error { return o.body.user(raw) }

func (o *wholeOutput) Complete(r list.Report) error {
	if err := o.body.finish(r.Verified); err != nil {
		return err
	}
	if err := o.body.close(); err != nil {
		return err
	}
	return o.to.commit()
}

func (o *wholeOutput) Abort(error) {
	if o.body.close != nil {
		_ = o.body.close() // the list has failed already; that is reported
	}
	o.to.discard()
}

// spooled is a stream that gets the list at once.
type spooled struct {
	*format.Spool
	w io.Writer
}

func (s spooled) commit() error {
	if _, err := s.WriteTo(s.w); err != nil {
		return err
	}
	return s.Close()
}

func (s spooled) discard() { _ = s.Close() }

// atomicFile is a file that is written under a temporary name in the same folder,
// so that a file of the final name is always complete.
type atomicFile struct {
	folder    *os.Root
	file      *os.File
	name      string
	temporary string
}

// createAtomic starts the file that will be path. It is readable by its owner
// only, or has the permissions of the file that it replaces.
func createAtomic(path string) (*atomicFile, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // replace the target of a link, not the link
	}
	mode := fs.FileMode(0o600)
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return nil, &usageError{fmt.Sprintf("--output %s is a folder; name a file in it", path)}
	case err == nil && !info.Mode().IsRegular():
		return nil, &usageError{fmt.Sprintf("--output %s is not a file that can be replaced; write to stdout instead: rollcall list > %s", path, path)}
	case err == nil:
		mode = info.Mode().Perm()
	}
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("--output: %w; make the folder first", err)
	}
	f := &atomicFile{folder: folder, name: filepath.Base(path)}
	f.temporary = fmt.Sprintf("%s.partial-%08x", f.name, rand.Uint32())
	if f.file, err = folder.OpenFile(f.temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("--output: %w; choose a folder that you may write to", err), folder.Close())
	}
	return f, nil
}

// Write appends to the file.
func (f *atomicFile) Write(p []byte) (int, error) {
	return (&namedWriter{f.name, f.file}).Write(p)
}

// commit makes the content durable and renames the file.
func (f *atomicFile) commit() error {
	err := errors.Join(f.file.Sync(), f.file.Close())
	if err == nil {
		err = f.folder.Rename(f.temporary, f.name)
	}
	if err != nil {
		return &writeError{where: f.name, err: err}
	}
	f.syncFolder()
	return f.folder.Close()
}

// syncFolder makes the new name durable where the system can do that.
func (f *atomicFile) syncFolder() {
	folder, err := f.folder.Open(".")
	if err != nil {
		return
	}
	_ = folder.Sync()
	_ = folder.Close()
}

// discard removes the file. It may be called twice, and after a failed commit.
func (f *atomicFile) discard() {
	_ = f.file.Close()
	_ = f.folder.Remove(f.temporary)
	_ = f.folder.Close()
}

// namedWriter adds the name of the output to errors.
type namedWriter struct {
	name string
	w    io.Writer
}

func (n *namedWriter) Write(p []byte) (int, error) {
	written, err := n.w.Write(p)
	if err != nil {
		err = &writeError{where: n.name, err: err}
	}
	return written, err
}

// out is stdout, with errors that say so.
func (p *program) out() io.Writer { return &namedWriter{"stdout", p.stdout} }

// errOut is stderr, with errors that say so.
func (p *program) errOut() io.Writer { return &namedWriter{"stderr", p.stderr} }
