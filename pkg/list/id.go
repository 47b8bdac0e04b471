package list

import (
	"crypto/sha256"
	"encoding/binary"
)

// ID is the id of a user, packed into 128 bits: different ids stay different. hash
// orders the table of ids and is 0 only in an empty slot; rest holds the other half
// of the id and, in its top bit, the mark of the present pass.
type ID struct{ hash, rest uint64 }

const mark = 1 << 63

// IDSize is the number of bytes that [ID.AppendTo] appends.
const IDSize = 16

// NewID packs an id. The top bit of a GUID's ninth byte is set in every RFC 9562
// GUID, as every id in Entra is, so it is free to be the mark. Any other id, or one
// whose hash would be 0, is packed by SHA-256.
func NewID(id []byte) ID {
	if hi, lo, ok := parseGUID(id); ok && lo&mark != 0 {
		lo &^= mark
		if hash := scatter(hi ^ scatter(lo)); hash != 0 {
			return ID{hash, lo}
		}
	}
	sum := sha256.Sum256(id)
	return ID{binary.BigEndian.Uint64(sum[:8]) | 1, binary.BigEndian.Uint64(sum[8:]) &^ mark}
}

// AppendTo appends the id, without its mark, in a fixed form.
func (d ID) AppendTo(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, d.hash), d.rest&^mark)
}

// ParseID reads what [ID.AppendTo] has written.
func ParseID(b [IDSize]byte) ID {
	return ID{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// Sample reports whether the id is one of a fair sample of one in n ids.
func (d ID) Sample(n uint64) bool { return d.hash%n == 0 }

// scatter maps 64 bits to 64 bits one to one, so that ids that count upwards still
// spread over the whole table.
func scatter(x uint64) uint64 {
	x ^= x >> 32
	x *= 0x9E3779B97F4A7C15
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	return x ^ x>>32
}

func (d ID) same(other ID) bool { return d.rest&^mark == other.rest }

func (d ID) marked() bool { return d.rest&mark != 0 }

// parseGUID reads the 36 characters of a GUID in either case.
func parseGUID(id []byte) (hi, lo uint64, ok bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return 0, 0, false
	}
	a, bad1 := parseHex(id[0:8])
	b, bad2 := parseHex(id[9:13])
	c, bad3 := parseHex(id[14:18])
	d, bad4 := parseHex(id[19:23])
	e, bad5 := parseHex(id[24:36])
	return a<<32 | b<<16 | c, d<<48 | e, (bad1|bad2|bad3|bad4|bad5)&0x10 == 0
}

// parseHex reads hexadecimal digits; bit 4 of bad is set if any of them is not one.
// Its loop has no branch, because it runs for every id.
func parseHex(digits []byte) (n uint64, bad byte) {
	for _, c := range digits {
		d := nibble[c]
		n = n<<4 | uint64(d&0xf)
		bad |= d
	}
	return n, bad
}

// nibble is the value of each hexadecimal digit, and 0x10 for any other byte.
const nibble = "" +
	bad16 + bad16 + bad16 +
	"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09" + "\x10\x10\x10\x10\x10\x10" +
	"\x10\x0a\x0b\x0c\x0d\x0e\x0f\x10\x10\x10\x10\x10\x10\x10\x10\x10" + bad16 +
	"\x10\x0a\x0b\x0c\x0d\x0e\x0f\x10\x10\x10\x10\x10\x10\x10\x10\x10" + bad16 +
	bad16 + bad16 + bad16 + bad16 + bad16 + bad16 + bad16 + bad16

const bad16 = "\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10"
