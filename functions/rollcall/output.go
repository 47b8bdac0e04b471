package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// output is where a list goes. begin comes first, then the users; Complete or
// Abort ends it. Abort may follow a failed Complete.
type output interface {
	// begin passes the selected columns, and whether somebody chose them.
	begin(columns []string, chosen bool)
	// User writes a user's JSON object, raw, and does not keep it.
	User(raw []byte) error
	// Complete ends a complete list.
	Complete(report list.Report) error
	// Abort ends an incomplete list so that it cannot be taken for a complete one.
	Abort(cause error)
}

// ndjsonOutput is a stream with a closing record.
type ndjsonOutput struct{ *format.NDJSON }

func (ndjsonOutput) begin([]string, bool) {}

func (o ndjsonOutput) Complete(r list.Report) error { return o.NDJSON.Complete(r.Verified) }

func (o ndjsonOutput) Abort(cause error) {
	f := failure.Of(cause)
	_ = o.Fail(f.Name, f.Message) // the list has failed already; that is reported
}

// jsonOutput is one object, which only a complete list closes.
type jsonOutput struct{ *format.JSON }

func (jsonOutput) begin([]string, bool) {}

func (o jsonOutput) Complete(r list.Report) error { return o.JSON.Complete(r.Verified) }

func (o jsonOutput) Abort(error) { _ = o.Flush() }

// spooledOutput is CSV. CSV cannot say that it is incomplete, so it is spooled
// until it is complete.
type spooledOutput struct {
	*format.CSV
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

func (o *spooledOutput) begin(columns []string, _ bool) { o.CSV = format.NewCSV(o.spool, columns) }

func (o *spooledOutput) Complete(list.Report) error {
	if err := o.CSV.Complete(); err != nil {
		return err
	}
	if _, err := o.spool.WriteTo(o.w); err != nil {
		return err
	}
	return o.spool.Close()
}

func (o *spooledOutput) Abort(error) { _ = o.spool.Close() }

// fileOutput is a file that appears only once it is complete. It contains the
// users and no closing record.
type fileOutput struct {
	file   *atomicFile
	format string
	users  interface{ User(raw []byte) error }
	finish func(verified bool) error
}

func newFileOutput(path, kind string) (*fileOutput, error) {
	file, err := createAtomic(path)
	if err != nil {
		return nil, err
	}
	return &fileOutput{file: file, format: kind}, nil
}

func (o *fileOutput) begin(columns []string, _ bool) {
	switch o.format {
	case formatCSV:
		w := format.NewCSV(o.file, columns)
		o.users, o.finish = w, func(bool) error { return w.Complete() }
	case formatJSON:
		w := format.NewJSON(o.file)
		o.users, o.finish = w, w.Complete
	default:
		w := format.NewNDJSON(o.file)
		o.users, o.finish = w, func(bool) error { return w.Flush() }
	}
}

func (o *fileOutput) User(raw []byte) error { return o.users.User(raw) }

func (o *fileOutput) Complete(r list.Report) error {
	if err := o.finish(r.Verified); err != nil {
		return err
	}
	return o.file.commit()
}

func (o *fileOutput) Abort(error) { o.file.discard() }

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
