package simulator

import "encoding/binary"

// A user's id is a keyed permutation of its index, in the shape of a version-4
// GUID: 64 bits carry the permuted index and the other 58 free bits are a check
// over them. So an id is looked up by arithmetic, without a table, and a made-up
// GUID is recognised as nobody's.

// Multipliers of the permutation with their inverses modulo 2^64.
const (
	mulA, invA = 0xbf58476d1ce4e5b9, 0x96de1b173f119089
	mulB, invB = 0x94d049bb133111eb, 0x319642b2d24d8ec3
)

// mix is a bijection of 64-bit words without a pattern that an eye could see
// (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= mulA
	x ^= x >> 27
	x *= mulB
	x ^= x >> 31
	return x
}

// unmix undoes mix.
func unmix(x uint64) uint64 {
	x ^= x>>31 ^ x>>62
	x *= invB
	x ^= x>>27 ^ x>>54
	x *= invA
	x ^= x>>30 ^ x>>60
	return x
}

// guid is a GUID's 16 bytes.
type guid [16]byte

const (
	saltPermute = 0x9e3779b97f4a7c15
	saltCheck   = 0xd1b54a32d192ed03
)

// userID gives the object id of the user with the index.
func userID(seed, index uint64) guid {
	code := mix(mix(index+(seed+1)*saltPermute) ^ seed)
	check := mix(code ^ seed ^ saltCheck)
	var g guid
	binary.BigEndian.PutUint64(g[:8], code)
	binary.BigEndian.PutUint64(g[8:], check)
	// The version and variant bits stand over bits of the code; they move to the
	// low end of the check's half.
	moved := g[6] >> 4
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	g[15] = g[15]&0xf0 | moved
	return g
}

// userIndex undoes userID. It is false for a GUID that userID cannot have made.
func userIndex(seed uint64, g guid) (uint64, bool) {
	raw := g
	raw[6] = g[6]&0x0f | g[15]<<4
	code := binary.BigEndian.Uint64(raw[:8])
	index := unmix(unmix(code)^seed) - (seed+1)*saltPermute
	return index, userID(seed, index) == g
}

const hexDigits = "0123456789abcdef"

// appendGUID writes a GUID as text.
func appendGUID(dst []byte, g guid) []byte {
	for i, b := range g {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&0x0f])
	}
	return dst
}

func (g guid) String() string { return string(appendGUID(make([]byte, 0, 36), g)) }

// parseGUID reads a GUID's text, in either case.
func parseGUID(s string) (g guid, ok bool) {
	if len(s) != 36 {
		return g, false
	}
	at := 0
	for i := range g {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			if s[at] != '-' {
				return guid{}, false
			}
			at++
		}
		high, low := unhex(s[at]), unhex(s[at+1])
		if high > 15 || low > 15 {
			return guid{}, false
		}
		g[i] = high<<4 | low
		at += 2
	}
	return g, true
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	default:
		return 255
	}
}

// guidFrom makes a GUID that stands for anything but a user.
func guidFrom(seed, n uint64) guid { return userID(seed^saltCheck, n) }
