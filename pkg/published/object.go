package published

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/spill"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// verification is what is known while the objects are read.
type verification struct {
	*Snapshot
	options Options
	columns *columns
	ids     spill.Spill

	whole, read, users int
	bytes              int64
}

// object reads one object. What is wrong with it is a problem of a check, and no error.
func (v *verification) object(ctx context.Context, index int, o snapshot.Object, objects, users *Check) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	key, err := v.key(o)
	if err != nil { // the rules have it that there is none
		return err
	}
	name := path.Base(key)
	opened, err := v.store.Open(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		objects.problem("%s does not exist", name)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = opened.Close() }()
	from := &digest{from: io.LimitReader(opened, o.Bytes+1), hash: sha256.New()}
	n, wrong, err := v.contents(name, from, o, index)
	if err != nil {
		return err
	}
	if _, failed := io.Copy(io.Discard, from); failed != nil { // what the format did not need
		wrong = failed
	}
	v.bytes += min(from.size, o.Bytes)
	switch sum := hex.EncodeToString(from.hash.Sum(nil)); {
	case from.failed != nil && !errors.Is(from.failed, io.ErrUnexpectedEOF):
		return from.failed
	case from.size > o.Bytes:
		objects.problem("%s is larger than the %d bytes of the manifest", name, o.Bytes)
		return nil
	case from.size < o.Bytes:
		objects.problem("%s has %d bytes, and the manifest says %d", name, from.size, o.Bytes)
		return nil
	case sum != o.SHA256:
		objects.problem("%s is not what was published: its SHA-256 is %s, and the manifest says %s", name, sum, o.SHA256)
		return nil
	}
	if v.whole++; wrong != nil {
		users.problem("%s: %v", name, wrong)
		return nil
	}
	if v.read++; n != o.Users {
		users.problem("%s has %d users, and the manifest says %d", name, n, o.Users)
	}
	v.users += n
	return nil
}

// digest counts and hashes the bytes of an object as it is stored.
type digest struct {
	from   io.Reader
	hash   hash.Hash
	size   int64
	failed error // of the store
}

func (d *digest) Read(p []byte) (int, error) {
	n, err := d.from.Read(p)
	d.hash.Write(p[:n])
	d.size += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		d.failed = err
	}
	return n, err
}

// visitError is that of a visitor, or of keeping ids: it has nothing to do with the object.
type visitError struct{ err error }

func (e *visitError) Error() string { return e.err.Error() }

// contents reads the users of an object. wrong is what is wrong with it; err is any other
// failure.
func (v *verification) contents(name string, from *digest, o snapshot.Object, index int) (n int, wrong, err error) {
	m := &v.Manifest
	var users interface{ User() ([]byte, error) }
	if m.Format == parquetFormat {
		whole, err := v.keep(from)
		if err != nil {
			return 0, nil, err
		}
		defer whole.remove()
		if from.size != o.Bytes || hex.EncodeToString(from.hash.Sum(nil)) != o.SHA256 {
			return 0, nil, nil // which is what is told of it
		}
		users, wrong = openParquet(whole.file, o.Bytes, m.Select)
	} else {
		var r *format.Reader
		if r, wrong = format.NewReader(from, m.Format, m.Compression, m.Select); wrong == nil {
			defer r.Close()
			users = r
		}
	}
	if wrong != nil {
		return 0, wrong, nil
	}
	n, wrong = v.each(name, users, o.Users, index)
	var visit *visitError
	if errors.As(wrong, &visit) {
		return n, nil, visit.err
	}
	return n, wrong, nil
}

// openParquet opens a file that anybody may have written.
func openParquet(file *os.File, size int64, columns []string) (r *parquet.Reader, err error) {
	defer recovered(&err)
	return parquet.NewReader(file, size, columns)
}

// recovered makes an error of a panic over a file that nobody wrote.
func recovered(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("it cannot be read: %w", crash.New(reason))
	}
}

// each visits the users of an object, and one more than it should have.
func (v *verification) each(name string, from interface{ User() ([]byte, error) }, most, index int) (n int, err error) {
	defer recovered(&err)
	for {
		raw, err := from.User()
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		case n == most:
			return n, fmt.Errorf("it has more than the %d users of the manifest", most)
		}
		n++
		id, err := v.columns.user(raw, name)
		if err != nil {
			return n, fmt.Errorf("user %d %w", n, err)
		}
		if err := v.mark(id, index); err != nil {
			return n, &visitError{err}
		}
		if v.options.Visit != nil {
			if err := v.options.Visit(id, raw); err != nil {
				return n, &visitError{err}
			}
		}
	}
}

// whole is an object that is kept in a temporary file, which has no name.
type whole struct{ file *os.File }

// keep copies an object to a temporary file.
func (v *verification) keep(from *digest) (*whole, error) {
	file, err := os.CreateTemp(v.options.TempDir, "rollcall-*.parquet") // mode 0600
	if err != nil {
		return nil, unkept(err)
	}
	_ = os.Remove(file.Name()) // Windows keeps the name until remove
	w := &whole{file}
	if _, err := io.Copy(file, from); err != nil && from.failed == nil {
		w.remove()
		return nil, unkept(err)
	}
	return w, nil
}

func unkept(err error) error {
	return fmt.Errorf("keep an object until it is read: %w; set TMPDIR to a folder with free space", err)
}

func (w *whole) remove() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}
