package telemetry

import (
	"strings"
	"unicode/utf8"
)

// maxText bounds a text in a record, in bytes: whoever logs a body by mistake
// does not log all of it.
const maxText = 32 << 10

// scrub replaces what looks like a secret, a token or a person in a text. It is
// written by hand: regular expressions would be compiled at every cold start.
func scrub(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " [cut]"
	}
	for _, pass := range []func(string) string{scrubNamed, scrubTokens, scrubSecrets, scrubPeople} {
		text = pass(text)
	}
	return text
}

// scrubTokens replaces JWTs (and anything else that starts like base64url of `{"`),
// what follows "Bearer", and Graph's page tokens, which start with base64 of "DSpt".
func scrubTokens(text string) string {
	text = scrubAfter(text, "eyJ", 0, 20, isBase64)
	text = scrubAfter(text, "RFNwdA", 0, 8, isBase64)
	for _, word := range []string{"Bearer ", "bearer "} {
		text = scrubAfter(text, word, len(word), 4, isCredential)
	}
	return text
}

// scrubAfter replaces the run of characters that are in the class, from skip bytes
// after the start of each mark on. Fewer than least are left: "keyJobs", "Bearer of".
func scrubAfter(text, mark string, skip, least int, class func(byte) bool) string {
	from := 0
	for {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return text
		}
		start := from + i + skip
		end := start
		for end < len(text) && class(text[end]) {
			end++
		}
		if end-start < least {
			from = max(end, from+i+1)
			continue
		}
		text = text[:start] + redacted + text[end:]
		from = start + len(redacted)
	}
}

// scrubSecrets replaces client secrets as Entra issues them: three characters, a
// digit, "Q~", and some 34 more.
func scrubSecrets(text string) string {
	from := 0
	for {
		i := strings.Index(text[from:], "Q~")
		if i < 0 {
			return text
		}
		at := from + i
		end := at + 2
		for end < len(text) && isSecretChar(text[end]) {
			end++
		}
		if at < 4 || end-at < 30 || text[at-1] < '0' || text[at-1] > '9' {
			from = at + 2
			continue
		}
		start := at - 4
		text = text[:start] + redacted + text[end:]
		from = start + len(redacted)
	}
}

// scrubPeople replaces mail addresses and user principal names, also where the @
// is percent-encoded.
func scrubPeople(text string) string {
	from := 0
	for {
		at, width := nextAt(text, from)
		if at < 0 {
			return text
		}
		start := at
		for start > from && isLocal(text[start-1]) {
			start--
		}
		end := domainEnd(text, at+width)
		if start == at || end < 0 {
			from = at + width
			continue
		}
		text = text[:start] + redacted + text[end:]
		from = start + len(redacted)
	}
}

func nextAt(text string, from int) (at, width int) {
	plain, encoded := strings.IndexByte(text[from:], '@'), strings.Index(text[from:], "%40")
	switch {
	case plain < 0 && encoded < 0:
		return -1, 0
	case encoded < 0 || (plain >= 0 && plain < encoded):
		return from + plain, 1
	}
	return from + encoded, 3
}

// domainEnd returns where the domain that starts at start ends, -1 when there is
// none: at least two labels, the last of two letters or more.
func domainEnd(text string, start int) int {
	end := start
	for end < len(text) && (isAlphanumeric(text[end]) || text[end] == '.' || text[end] == '-' || text[end] >= utf8.RuneSelf) {
		end++
	}
	domain := strings.TrimRight(text[start:end], ".-")
	dot := strings.LastIndexByte(domain, '.')
	if dot < 1 || len(domain)-dot-1 < 2 {
		return -1
	}
	for _, c := range []byte(domain[dot+1:]) {
		if c < utf8.RuneSelf && !isLetter(c) && c != '-' {
			return -1
		}
	}
	return start + len(domain)
}

// scrubNamed replaces the values of form fields and JSON members that carry
// secrets: client_secret=..., "access_token":"...", $skiptoken=....
func scrubNamed(text string) string {
	if strings.IndexByte(text, '=') < 0 && strings.IndexByte(text, ':') < 0 && !strings.Contains(text, "%3") {
		return text
	}
	for _, name := range []string{"client_secret", "clientsecret", "client_assertion", "access_token", "skiptoken", "deltatoken", "x-amz-security-token", "password", "authorization", "cookie"} {
		text = scrubValue(text, name)
	}
	return text
}

func scrubValue(text, name string) string {
	from := 0
	for {
		i := indexFold(text[from:], name)
		if i < 0 {
			return text
		}
		from += i + len(name)
		start, quote := valueStart(text, from)
		if start < 0 {
			continue
		}
		end := start
		for end < len(text) && !endsValue(text[end], quote, name) {
			if quote != 0 && text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(text))
		if end == start || strings.HasPrefix(text[start:], redacted) {
			continue
		}
		text = text[:start] + redacted + text[end:]
		from = start + len(redacted)
	}
}

// valueStart skips what stands between a name and its value: quotes, escaped or
// not, one "=", ":" or "%3D", and spaces. -1 means that no value follows. quote is
// the one that the value stands in, 0 for none.
func valueStart(text string, at int) (start int, quote byte) {
	rest := strings.TrimLeft(text[at:], `"\'`)
	rest = strings.TrimLeft(rest, " ")
	switch {
	case strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, ":"):
		rest = rest[1:]
	case len(rest) >= 3 && strings.EqualFold(rest[:3], "%3d"):
		rest = rest[3:]
	default:
		return -1, 0
	}
	rest = strings.TrimLeft(rest, " [")
	value := strings.TrimLeft(rest, `"\'`)
	if n := len(rest) - len(value); n > 0 {
		quote = rest[n-1]
	}
	return len(text) - len(value), quote
}

// endsValue: a quoted value ends at its quote, a header's at the end of the line, any
// other at the next separator.
func endsValue(c, quote byte, name string) bool {
	switch {
	case quote != 0:
		return c == quote
	case name == "authorization" || name == "cookie":
		return c == '\n' || c == '\r' || c == '"'
	}
	if strings.HasSuffix(name, "token") && c == '\'' {
		return false // an older page token is X'...'
	}
	return strings.IndexByte("& \t\r\n\"',;})]", c) >= 0
}

// indexFold is strings.Index for a lower-case ASCII word, in any case.
func indexFold(text, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		if c := text[i] | 0x20; c == word[0] && strings.EqualFold(text[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isAlphanumeric(c byte) bool { return isLetter(c) || (c >= '0' && c <= '9') }

func isBase64(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("-_+/=.%", c) >= 0
}

func isCredential(c byte) bool { return isBase64(c) || c == '~' }

func isSecretChar(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("-_.~", c) >= 0 }

// isLocal: what may stand before the @, as Entra allows it in a user principal
// name, percent-encoding and letters beyond ASCII included.
func isLocal(c byte) bool {
	return isAlphanumeric(c) || c >= utf8.RuneSelf || strings.IndexByte("'.-_!#^~%+", c) >= 0
}
