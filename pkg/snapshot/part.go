package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
	"strings"
	"unicode"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Object is one part of a published list, as the manifest names it.
type Object struct {
	URL   string `json:"url"`
	Users int    `json:"users"`
	Bytes int64  `json:"bytes"`
	// SHA256 is the digest of the object as it is stored, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// Valid reports whether the object can be one that was written. Tables read its URL as
// a line.
func (o *Object) Valid() bool {
	_, err := hex.DecodeString(o.SHA256)
	return o.Users >= 0 && o.Bytes >= 0 && err == nil && len(o.SHA256) == 2*sha256.Size && !strings.ContainsFunc(o.URL, unicode.IsControl)
}

// part is an object and its key.
type part struct {
	Key string `json:"key"`
	Object
}

// partWriter writes the users of one slice to one destination, object by object.
type partWriter struct {
	to      *Destination
	columns []string
	name    string // of the objects, up to their number
	suffix  string
	number  int
	open    *openPart
	done    []part
}

// openPart is an object being written.
type openPart struct {
	part
	encoder Encoder
	upload  *digest
	span    telemetry.Span
}

func (w *partWriter) user(ctx context.Context, raw []byte) error {
	if w.open == nil {
		if err := w.begin(ctx); err != nil {
			return err
		}
	}
	w.open.Users++
	if err := w.open.encoder.User(raw); err != nil {
		return fmt.Errorf("write %s: %w", w.open.URL, err)
	}
	if w.open.encoder.Size() >= w.to.PartSize {
		return w.commit()
	}
	return nil
}

func (w *partWriter) begin(ctx context.Context) error {
	w.number++
	key := fmt.Sprintf("%s%d%s", w.name, w.number, w.suffix)
	ctx, span := telemetry.StartCall(ctx, "store put", slog.String("store.key", key))
	upload, err := w.to.Store.Create(ctx, key)
	if err != nil {
		span.End(err)
		return err
	}
	w.open = &openPart{span: span, part: part{Key: key, Object: Object{URL: w.to.Store.URL(key)}}, upload: &digest{upload: upload, hash: sha256.New()}}
	w.open.encoder, err = w.to.Encode(w.open.upload, w.columns)
	if err != nil {
		return fmt.Errorf("write %s: %w", w.open.URL, err)
	}
	return nil
}

// commit makes the open object visible.
func (w *partWriter) commit() error {
	if w.open == nil {
		return nil
	}
	if err := w.open.encoder.Close(); err != nil {
		return fmt.Errorf("write %s: %w", w.open.URL, err)
	}
	err := w.open.upload.upload.Commit()
	w.open.span.Set(slog.Int64("store.bytes", w.open.upload.size), slog.Int("rollcall.users", w.open.Users))
	w.open.span.End(err)
	if err != nil {
		return err
	}
	w.open.Bytes, w.open.SHA256 = w.open.upload.size, hex.EncodeToString(w.open.upload.hash.Sum(nil))
	w.done = append(w.done, w.open.part)
	w.open = nil
	return nil
}

// abort drops the open object.
func (w *partWriter) abort() {
	if w.open != nil {
		w.open.upload.upload.Abort()
		w.open.span.End(nil)
		w.open = nil
	}
}

// digest counts and hashes what goes to an upload.
type digest struct {
	upload store.Upload
	hash   hash.Hash
	size   int64
}

func (d *digest) Write(b []byte) (int, error) {
	n, err := d.upload.Write(b)
	d.hash.Write(b[:n])
	d.size += int64(n)
	return n, err
}
