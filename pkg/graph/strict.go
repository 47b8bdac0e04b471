package graph

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
)

// replaceLone overwrites the escapes of surrogates that are not half of a pair with
// \ufffd, in valid JSON, and reports whether there were any. Many readers of JSON refuse
// a whole file because of one; the others read U+FFFD.
func replaceLone(raw []byte) bool {
	found := false
	for i := 0; ; {
		next := bytes.IndexByte(raw[i:], '\\')
		if next < 0 {
			return found
		}
		if i += next; !isSurrogate(raw[i:]) {
			i += 2 // the escaped byte may be a backslash
			continue
		}
		if isHigh(raw[i:]) && isSurrogate(raw[i+6:]) && !isHigh(raw[i+6:]) {
			i += 12
			continue
		}
		copy(raw[i:], `\ufffd`)
		found = true
		i += 6
	}
}

// isSurrogate reports whether valid JSON goes on with the escape of a surrogate.
func isSurrogate(b []byte) bool {
	return len(b) >= 6 && b[0] == '\\' && b[1] == 'u' && b[2]|0x20 == 'd' && b[3] >= '8'
}

// isHigh reports whether a surrogate's escape is that of the first half of a pair.
func isHigh(b []byte) bool { return b[3] <= '9' || b[3]|0x20 <= 'b' }

// readable reports whether every reader of JSON takes a number, of which its integer part
// and what stands before its exponent have these lengths: pandas refuses integers of more
// than 64 bits, PyArrow and Polars what is infinite and exponents beyond it.
func readable(number []byte, integer, mantissa int) bool {
	if len(number) < 19 && mantissa == len(number) {
		return true
	}
	var err error
	if whole := string(number[:integer]); whole[0] == '-' {
		_, err = strconv.ParseInt(whole, 10, 64)
	} else {
		_, err = strconv.ParseUint(whole, 10, 64)
	}
	if err != nil || mantissa == len(number) {
		return err == nil
	}
	exponent, err := strconv.Atoi(string(number[mantissa+1:]))
	if err != nil || exponent < -308 || exponent > 308 {
		return false
	}
	_, err = strconv.ParseFloat(string(number), 64)
	return err == nil
}

// fold returns what names have in common that differ by case only, as encoding/json
// compares them.
func fold(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, name)
		}
	}
	return name
}

// foldRune returns the least of the characters that r is equal to, ASCII capitals as the
// small letters.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next > r {
			r = next
			continue
		}
		if 'A' <= next && next <= 'Z' {
			return next | 0x20
		}
		return next
	}
}

// isPlain reports whether a text is the same as a JSON string.
func isPlain(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}
