package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// pageToken is what a $skiptoken carries. It is bound to its query and sealed
// with the tenant's key.
type pageToken struct {
	page     int
	position int64
	chain    uint64    // which run of pages it belongs to
	started  time.Time // when that run began
	poisoned bool      // came from a page that had to be asked for twice
	advanced bool      // of an advanced query, which wants its header again
	filled   bool      // follows a page that was left empty, and must not be
	repeat   int64     // index+1 of a user to send once more, or 0
	hash     [8]byte   // of the query
}

// The bytes that every directory page token starts with: "RFNwdA" in base64.
const tokenMagic = "DSpt\x01"

const sealSize = 16

// encode writes the token as the service does: base64url without padding.
func (p pageToken) encode(key []byte) string {
	b := []byte(tokenMagic)
	b = binary.AppendUvarint(b, uint64(max(p.page, 0)))
	b = binary.AppendVarint(b, p.position)
	b = binary.AppendUvarint(b, p.chain)
	b = binary.AppendVarint(b, p.started.UnixMilli())
	b = binary.AppendUvarint(b, uint64(max(p.repeat, 0)))
	flag := byte(0)
	if p.poisoned {
		flag |= 1
	}
	if p.filled {
		flag |= 2
	}
	if p.advanced {
		flag |= 4
	}
	b = append(b, flag)
	b = append(b, p.hash[:]...)
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
	body, sum := b[:len(b)-sealSize], b[len(b)-sealSize:]
	if !hmac.Equal(sum, seal(key, body)) {
		return pageToken{}, false
	}
	r := varints{b: body[len(tokenMagic):]}
	p.page = count(r.unsigned())
	p.position = r.signed()
	p.chain = r.unsigned()
	p.started = time.UnixMilli(r.signed())
	p.repeat = signed(r.unsigned())
	if r.bad || len(r.b) != 1+len(p.hash) {
		return pageToken{}, false
	}
	p.poisoned, p.filled, p.advanced = r.b[0]&1 != 0, r.b[0]&2 != 0, r.b[0]&4 != 0
	copy(p.hash[:], r.b[1:])
	return p, true
}

// varints reads numbers off the front of b.
type varints struct {
	b   []byte
	bad bool
}

func (r *varints) unsigned() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *varints) signed() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}
