package secret

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

const bom = "\xef\xbb\xbf"

// UTF8 returns a secret's text in UTF-8 without a byte order mark and white space
// around it. PowerShell writes files in UTF-16.
func UTF8(text []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(text), []byte(bom)))
	}
	units := make([]uint16, 0, len(text)/2)
	for i := 2; i+1 < len(text); i += 2 {
		units = append(units, order.Uint16(text[i:]))
	}
	return bytes.TrimSpace([]byte(string(utf16.Decode(units))))
}
