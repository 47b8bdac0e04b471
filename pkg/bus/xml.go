package bus

import "unicode/utf8"

// EscapeXML returns JSON text in which every character that XML 1.0 does not
// have (https://www.w3.org/TR/xml/#charsets) is written as a JSON escape. SQS and
// SNS refuse such characters; decoding the JSON restores them. Where there is nothing
// to escape, which is nearly always, text itself is returned.
//
// In valid JSON those characters occur in strings only, so the escape is always
// valid. Bytes that are not UTF-8 become U+FFFD, as decoders
// read them anyway.
func EscapeXML(text []byte) []byte {
	at := foreign(text)
	if at == len(text) {
		return text
	}
	const hex = "0123456789abcdef"
	escaped := make([]byte, 0, len(text)+64)
	for at < len(text) {
		escaped = append(escaped, text[:at]...)
		r, size := utf8.DecodeRune(text[at:])
		escaped = append(escaped, '\\', 'u', hex[r>>12&0xf], hex[r>>8&0xf], hex[r>>4&0xf], hex[r&0xf])
		text = text[at+size:]
		at = foreign(text)
	}
	return append(escaped, text...)
}

// foreign returns the index of the first character that XML does not have, or
// len(text).
func foreign(text []byte) int {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
			return i
		}
		i += size
	}
	return len(text)
}

// AppendXMLSafe is AppendJSON for services that accept only what XML does: see
// [EscapeXML].
func (e Event) AppendXMLSafe(dst []byte) []byte {
	start := len(dst)
	dst = e.AppendJSON(dst)
	if safe := EscapeXML(dst[start:]); len(safe) != len(dst)-start {
		dst = append(dst[:start], safe...)
	}
	return dst
}
