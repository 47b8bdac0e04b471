package graphapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
)

// pageToken is what a $skiptoken carries. It is bound to its query and sealed
// with the tenant's key.
type pageToken struct {
	page     int
	place    directory.Place // of the page's first user
	chain    uint64          // which chain of pages it belongs to
	started  time.Time       // when that chain began
	poisoned bool            // came from a page that had to be retried
	advanced bool            // of an advanced query, which needs its header on every page
	filled   bool            // follows a page that was left empty, and must not be
	repeat   int             // index+1 of a user to send once more, or 0
	hash     [8]byte         // of the query
}

// tokenMagic starts every directory page token: "RFNwdA" in base64.
const tokenMagic = "DSpt\x01"

const sealSize = 16

// encode writes the token as the service does: base64url without padding.
func (p pageToken) encode(key []byte) string {
	b := []byte(tokenMagic)
	b = binary.AppendUvarint(b, uint64(max(p.page, 0)))
	b = binary.AppendVarint(b, int64(p.place.At))
	b = binary.AppendUvarint(b, p.chain)
	b = binary.AppendVarint(b, p.started.UnixMilli())
	b = binary.AppendUvarint(b, uint64(max(p.repeat, 0)))
	flags := byte(0)
	for i, flag := range []bool{p.poisoned, p.filled, p.advanced} {
		if flag {
			flags |= 1 << i
		}
	}
	b = append(append(append(b, flags), p.hash[:]...), p.place.Key...)
	return base64.RawURLEncoding.EncodeToString(append(b, seal(key, b)...))
}

func seal(key, b []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)[:sealSize]
}

// decodePageToken reads a token. It is false for anything that encode has not
// made with the key.
func decodePageToken(key []byte, s string) (p pageToken, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < len(tokenMagic)+sealSize || string(b[:len(tokenMagic)]) != tokenMagic {
		return pageToken{}, false
	}
	b, sum := b[:len(b)-sealSize], b[len(b)-sealSize:]
	if !hmac.Equal(sum, seal(key, b)) {
		return pageToken{}, false
	}
	r := varints(b[len(tokenMagic):])
	p.page, p.place.At, p.chain = int(r.unsigned()), int(r.signed()), r.unsigned()
	p.started, p.repeat = time.UnixMilli(r.signed()), int(r.unsigned())
	if len(r) < 1+len(p.hash) {
		return pageToken{}, false
	}
	p.poisoned, p.filled, p.advanced = r[0]&1 != 0, r[0]&2 != 0, r[0]&4 != 0
	p.place.Key = string(r[1+copy(p.hash[:], r[1:]):])
	return p, true
}

// pageToken decodes the request's page token; it is zero without a valid one.
func (c *call) pageToken() pageToken {
	token, _ := decodePageToken(c.key, c.R.URL.Query().Get("$skiptoken"))
	return token
}

// chains is what is remembered of chains of pages, which some faults need.
type chains struct {
	last   atomic.Uint64
	dead   recent[uint64, bool]   // chains whose tokens have expired
	asked  recent[string, bool]   // pages, by query, that have been asked for
	second recent[uint64, string] // each chain's link to its second page
}

const recentLimit = 1000

// recent is a map that forgets its oldest entries.
type recent[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]V
	order  []K
}

func (r *recent[K, V]) get(k K) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[k]
}

// swap stores a value and returns the one before.
func (r *recent[K, V]) swap(k K, v V) (before V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.values[k]
	if !known {
		if r.values == nil {
			r.values = map[K]V{}
		}
		if len(r.order) == recentLimit {
			delete(r.values, r.order[0])
			r.order = r.order[1:]
		}
		r.order = append(r.order, k)
	}
	r.values[k] = v
	return before
}
