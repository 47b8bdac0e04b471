package origin

import (
	"errors"
	"strings"
)

// What may be wrong with a name, besides what may be wrong with a host. Predicates too.
var (
	ErrNotName  = errors.New("is not a name alone: leave out the scheme, the port, the path and wildcards")
	ErrAddress  = errors.New("is an IP address, not a name")
	ErrLabel    = errors.New("has a label that is no part of a host name: 1 to 63 letters, digits and hyphens, none of them first or last")
	ErrPunycode = errors.New("has a label in xn-- form that stands for no international name")
)

// ParseName reads the name of a host as a certificate has it, without a port, and
// returns it in lower case (RFC 1123, and RFC 3492 for international names).
func ParseName(text string) (string, error) {
	if strings.ContainsAny(text, ":/@?#*[]") {
		return "", ErrNotName
	}
	name, _, err := ParseHost(text)
	switch {
	case err != nil:
		return "", err
	case endsInNumber(name):
		return "", ErrAddress
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 || strings.Contains(label, "_") || label[0] == '-' || label[len(label)-1] == '-' {
			return "", ErrLabel
		}
		encoded, international := strings.CutPrefix(label, "xn--")
		switch {
		case international && !isPunycode(encoded):
			return "", ErrPunycode
		case !international && len(label) > 3 && label[2:4] == "--": // reserved, RFC 5891
			return "", ErrLabel
		}
	}
	return name, nil
}

// The parameters of Punycode, RFC 3492 section 5, and the characters that may be in it:
// neither controls nor surrogates.
const (
	base, tMin, tMax    = 36, 1, 26
	skew, damp          = 38, 700
	firstBias, firstN   = 72, 0x80
	firstRune, lastRune = 0xa0, 0x10ffff
	surrogates, beyond  = 0xd800, 0xe000
)

// isPunycode reports whether lower-case text, without xn--, decodes to a name with a
// character beyond ASCII.
func isPunycode(text string) bool {
	length := max(strings.LastIndexByte(text, '-'), 0)
	text = strings.TrimPrefix(text[length:], "-")
	n, i, bias := firstN, 0, firstBias
	for first := true; text != ""; first = false {
		before := i
		for weight, k := 1, base; ; k += base {
			if text == "" {
				return false
			}
			digit := strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789", text[0])
			text = text[1:]
			if digit < 0 || digit > (lastRune<<8-i)/weight {
				return false
			}
			i += digit * weight
			threshold := min(max(k-bias, tMin), tMax)
			if digit < threshold {
				break
			}
			weight *= base - threshold
		}
		length++
		bias = adapt(i-before, length, first)
		n += i / length
		i = i%length + 1
		if n < firstRune || n > lastRune || surrogates <= n && n < beyond {
			return false
		}
	}
	return n > firstN
}

func adapt(delta, length int, first bool) int {
	if delta /= 2; first {
		delta = delta * 2 / damp
	}
	delta += delta / length
	k := 0
	for ; delta > (base-tMin)*tMax/2; k += base {
		delta /= base - tMin
	}
	return k + (base-tMin+1)*delta/(delta+skew)
}
