package graph

import "bytes"

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
