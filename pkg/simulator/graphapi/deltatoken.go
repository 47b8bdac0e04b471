package graphapi

import (
	"cmp"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// deltaToken is what a $deltatoken, or the $skiptoken of a delta query, carries: what
// is tracked, and which part of the journal is next. It is sealed with the tenant's
// key.
type deltaToken struct {
	page    int       // number of the request in its chain of links
	chain   uint64    // which chain of links it belongs to
	issued  time.Time // when the round that gave it began
	initial bool      // in a round that shows everybody
	filled  bool      // follows a page that was left empty, and must not be
	// from and to are the positions of the journal that the round is about, and
	// resume where it continues: a position of the journal too or, in an initial
	// round, of the list.
	from, to, resume int
	selected         []string // the tracked properties, nil for all
	among            []string // the ids that are asked for, nil for all
}

// deltaMagic starts every token of a delta query.
const deltaMagic = "DSpt\x02"

func (t deltaToken) encode(key []byte) string {
	b := []byte(deltaMagic)
	b = binary.AppendUvarint(b, uint64(max(t.page, 0)))
	b = binary.AppendUvarint(b, t.chain)
	b = binary.AppendVarint(b, t.issued.UnixMilli())
	flags := uint64(0)
	for i, flag := range []bool{t.initial, t.filled, t.selected != nil, t.among != nil} {
		if flag {
			flags |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, flags)
	for _, position := range []int{t.from, t.to, t.resume} {
		b = binary.AppendVarint(b, int64(position))
	}
	b = append(b, strings.Join(t.selected, ",")+"\n"+strings.Join(t.among, ",")...)
	return base64.RawURLEncoding.EncodeToString(append(b, seal(key, b)...))
}

// decodeDeltaToken reads a token. It is false for anything that encode has not made
// with the key.
func decodeDeltaToken(key []byte, s string) (t deltaToken, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < len(deltaMagic)+sealSize || string(b[:len(deltaMagic)]) != deltaMagic {
		return deltaToken{}, false
	}
	b, sum := b[:len(b)-sealSize], b[len(b)-sealSize:]
	if !hmac.Equal(sum, seal(key, b)) {
		return deltaToken{}, false
	}
	r := varints(b[len(deltaMagic):])
	t.page, t.chain, t.issued = int(r.unsigned()), r.unsigned(), time.UnixMilli(r.signed())
	flags := r.unsigned()
	t.initial, t.filled = flags&1 != 0, flags&2 != 0
	t.from, t.to, t.resume = int(r.signed()), int(r.signed()), int(r.signed())
	selected, among, ok := strings.Cut(string(r), "\n")
	if flags&4 != 0 {
		t.selected = strings.Split(selected, ",")
	}
	if flags&8 != 0 {
		t.among = strings.Split(among, ",")
	}
	return t, ok
}

// deltaToken is the token of the request; it is zero if there is none, or not a valid
// one.
func (c *call) deltaToken() deltaToken {
	values := c.R.URL.Query()
	token, _ := decodeDeltaToken(c.key, cmp.Or(values.Get("$skiptoken"), values.Get("$deltatoken")))
	return token
}

// varints reads numbers from the front of a token.
type varints []byte

func (b *varints) unsigned() uint64 {
	v, n := binary.Uvarint(*b)
	*b = (*b)[max(n, 0):]
	return v
}

func (b *varints) signed() int64 {
	v, n := binary.Varint(*b)
	*b = (*b)[max(n, 0):]
	return v
}
