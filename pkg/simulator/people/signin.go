package people

import (
	"strconv"
	"strings"
)

// UserPrincipalName is the user's sign-in name.
func (u *Person) UserPrincipalName() string { return string(u.appendUPN(nil)) }

// appendUPN writes the userPrincipalName. Guests carry the address they were
// invited by: anna.smith_fabrikam.example#EXT#@contoso.example.
func (u *Person) appendUPN(dst []byte) []byte {
	if u.details.Renamed() {
		return append(dst, u.details.userPrincipalName...)
	}
	dst = u.appendLocal(dst)
	if u.guest {
		dst = append(append(append(dst, '_'), u.guestDomain()...), "#EXT#"...)
	}
	return append(append(dst, '@'), u.domain...)
}

// appendLocal writes the part of the sign-in name that is the user's own.
func (u *Person) appendLocal(dst []byte) []byte {
	return appendSuffix(u.pair.appendBase(dst), u.round)
}

func (u *Person) appendMail(dst []byte) []byte {
	dst = append(u.appendLocal(dst), '@')
	if u.guest {
		return append(dst, u.guestDomain()...)
	}
	return append(dst, u.domain...)
}

// appendSuffix writes what distinguishes users of the same pair: nothing, 2, 3,
// 4, ...
func appendSuffix(dst []byte, round int) []byte {
	if round == 0 {
		return dst
	}
	return strconv.AppendInt(dst, int64(round)+1, 10)
}

// findUPN finds a user's index by the sign-in name, in any case.
func (p *People) findUPN(upn string) (index int, ok bool) {
	local := strings.ToLower(upn)
	base, rest := local, ""
	if end := strings.IndexAny(local, "@_0123456789"); end >= 0 {
		base, rest = local[:end], local[end:]
	}
	pair, ok := p.ranks().find(base)
	if !ok {
		return 0, false
	}
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	round, err := strconv.Atoi(digits)
	if digits != "" && (err != nil || round > 1<<30) {
		return 0, false
	}
	index = max(round-1, 0)*p.pairs + p.slotOf(pair)
	u := p.Person(index, nil)
	return index, strings.ToLower(u.UserPrincipalName()) == local
}

// appendDisplayName writes the display name as the JSON has it, without quotes.
func (u *Person) appendDisplayName(dst []byte) []byte {
	switch {
	case u.details.Renamed():
		return append(dst, u.details.displayName...)
	case u.hostile >= 0:
		return append(dst, u.names[u.hostile]...)
	}
	return u.pair.appendDisplay(dst)
}
