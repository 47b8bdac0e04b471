package roll

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Object is one part of a published list, as the manifest names it.
type Object struct {
	URL   string `json:"url"`
	Users int    `json:"users"`
	Bytes int64  `json:"bytes"`
	// SHA256 is the digest of the object as it is stored, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// part is an object and its key.
type part struct {
	Key string `json:"key"`
	Object
}

// parts writes the users of one slice to one destination, object after object.
type parts struct {
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
}

func (p *parts) user(ctx context.Context, raw []byte) error {
	if p.open == nil {
		if err := p.begin(ctx); err != nil {
			return err
		}
	}
	p.open.Users++
	if err := p.open.encoder.User(raw); err != nil {
		return fmt.Errorf("write %s: %w", p.open.URL, err)
	}
	if p.open.encoder.Size() >= p.to.PartSize {
		return p.end()
	}
	return nil
}

func (p *parts) begin(ctx context.Context) error {
	p.number++
	key := fmt.Sprintf("%s%d%s", p.name, p.number, p.suffix)
	upload, err := p.to.Store.Create(ctx, key)
	if err != nil {
		return err
	}
	p.open = &openPart{part: part{Key: key, Object: Object{URL: p.to.Store.URL(key)}}, upload: &digest{upload: upload, hash: sha256.New()}}
	p.open.encoder, err = p.to.Encode(p.open.upload, p.columns)
	if err != nil {
		return fmt.Errorf("write %s: %w", p.open.URL, err)
	}
	return nil
}

// end makes the open object visible.
func (p *parts) end() error {
	if p.open == nil {
		return nil
	}
	if err := p.open.encoder.Close(); err != nil {
		return fmt.Errorf("write %s: %w", p.open.URL, err)
	}
	if err := p.open.upload.upload.Commit(); err != nil {
		return err
	}
	p.open.Bytes, p.open.SHA256 = p.open.upload.size, hex.EncodeToString(p.open.upload.hash.Sum(nil))
	p.done = append(p.done, p.open.part)
	p.open = nil
	return nil
}

// abort drops the open object.
func (p *parts) abort() {
	if p.open != nil {
		p.open.upload.upload.Abort()
		p.open = nil
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
