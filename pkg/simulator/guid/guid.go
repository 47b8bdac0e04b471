// Package guid makes the GUIDs of a simulated tenant.
//
// A GUID is a keyed permutation of a number, in the shape of version 4: 64 bits
// carry the permuted number and the other 58 free bits are a check over them. So
// an id is looked up by arithmetic, without a table, and a made-up GUID is
// recognised as nobody's. The package imports only the standard library.
package guid

import (
	"encoding/binary"
	"encoding/hex"
)

// Multipliers of the permutation with their inverses modulo 2^64.
const (
	mulA, invA = 0xbf58476d1ce4e5b9, 0x96de1b173f119089
	mulB, invB = 0x94d049bb133111eb, 0x319642b2d24d8ec3
)

// Salts that keep uses of the same seed apart.
const (
	SaltPermute = 0x9e3779b97f4a7c15
	SaltCheck   = 0xd1b54a32d192ed03
)

// Mix is a bijection of 64-bit words that scatters them evenly (the finaliser
// of splitmix64).
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= mulA
	x ^= x >> 27
	x *= mulB
	x ^= x >> 31
	return x
}

// Unmix undoes Mix.
func Unmix(x uint64) uint64 {
	x ^= x>>31 ^ x>>62
	x *= invB
	x ^= x>>27 ^ x>>54
	x *= invA
	x ^= x>>30 ^ x>>60
	return x
}

// GUID is a GUID's 16 bytes.
type GUID [16]byte

// OfUser returns the object id of the user with the index.
func OfUser(seed, index uint64) GUID {
	code := Mix(Mix(index+(seed+1)*SaltPermute) ^ seed)
	check := Mix(code ^ seed ^ SaltCheck)
	var g GUID
	binary.BigEndian.PutUint64(g[:8], code)
	binary.BigEndian.PutUint64(g[8:], check)
	// The version and variant bits overwrite bits of the code, which move to the
	// low end of the check's half.
	moved := g[6] >> 4
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	g[15] = g[15]&0xf0 | moved
	return g
}

// Of returns the number-th GUID of anything but a user.
func Of(seed, number uint64) GUID { return OfUser(seed^SaltCheck, number) }

// User undoes OfUser. It is false for a GUID that OfUser cannot have made.
func (g GUID) User(seed uint64) (index uint64, ok bool) {
	raw := g
	raw[6] = g[6]&0x0f | g[15]<<4
	code := binary.BigEndian.Uint64(raw[:8])
	index = Unmix(Unmix(code)^seed) - (seed+1)*SaltPermute
	return index, OfUser(seed, index) == g
}

// AppendTo writes the GUID as text, in lower case.
func (g GUID) AppendTo(dst []byte) []byte {
	var text [36]byte
	hex.Encode(text[:], g[:4])
	hex.Encode(text[9:], g[4:6])
	hex.Encode(text[14:], g[6:8])
	hex.Encode(text[19:], g[8:10])
	hex.Encode(text[24:], g[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(dst, text[:]...)
}

func (g GUID) String() string { return string(g.AppendTo(make([]byte, 0, 36))) }

// Parse reads a GUID's text, in either case.
func Parse(s string) (g GUID, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, false
	}
	if _, err := hex.Decode(g[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:])); err != nil {
		return GUID{}, false
	}
	return g, true
}
