package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// index finds any of many texts in a line, by the first bytes of each.
type index struct {
	needles map[[shortest]byte][]needle
	// may has the hash of the first four bytes of each, so that most places of a line are
	// passed over without a look at the map.
	may [1 << 16]bool
}

type needle struct {
	text string
	of   Secret
}

// newIndex knows each secret as it is, in base64 wherever in an encoded text it begins, and
// in hexadecimal digits. What percent signs and backslashes hide is undone in the lines
// instead; see forms.
func newIndex(all []Secret) *index {
	x := &index{needles: map[[shortest]byte][]needle{}}
	for _, s := range all {
		x.add(s.Text, s)
		x.add(hex.EncodeToString([]byte(s.Text)), s)
		for shift := range 3 {
			// The characters at both ends depend on what is beside the secret.
			encoded := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:shift] + s.Text))
			from := []int{0, 2, 3}[shift]
			to := (shift + len(s.Text)) * 8 / 6
			x.add(encoded[from:to], s)
			if safe := strings.NewReplacer("+", "-", "/", "_").Replace(encoded[from:to]); safe != encoded[from:to] {
				x.add(safe, s)
			}
		}
	}
	return x
}

func (x *index) add(text string, s Secret) {
	if len(text) >= shortest {
		key := [shortest]byte([]byte(text[:shortest]))
		x.needles[key] = append(x.needles[key], needle{text, s})
		x.may[hash(text)] = true
	}
}

// find calls found for each secret in the line.
func (x *index) find(line []byte, found func(Secret)) {
	for at := 0; at+shortest <= len(line); at++ {
		if !x.may[hash(line[at:])] {
			continue
		}
		for _, n := range x.needles[[shortest]byte(line[at:at+shortest])] {
			if bytes.HasPrefix(line[at:], []byte(n.text)) {
				found(n.of)
			}
		}
	}
}

// hash is that of the first four bytes.
func hash[T string | []byte](text T) uint16 {
	return uint16((uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24) * 0x9e3779b1 >> 16)
}

// forms are a line as it is, and without what URLs and JSON, up to twice one in another,
// write in other characters.
func forms(line []byte) [][]byte {
	all := [][]byte{line}
	for from, round := 0, 0; round < 3; round++ {
		to := len(all)
		for _, form := range all[from:to] {
			for _, undone := range [][]byte{unpercent(form), unbackslash(form)} {
				if undone != nil {
					all = append(all, undone)
				}
			}
		}
		from = to
	}
	return all
}

// unpercent is nil if there is nothing to undo.
func unpercent(line []byte) []byte {
	if bytes.IndexByte(line, '%') < 0 {
		return nil
	}
	out, changed := make([]byte, 0, len(line)), false
	for i := 0; i < len(line); i++ {
		var c [1]byte
		if line[i] == '%' && i+2 < len(line) {
			if _, err := hex.Decode(c[:], line[i+1:i+3]); err == nil {
				out, changed, i = append(out, c[0]), true, i+2
				continue
			}
		}
		out = append(out, line[i])
	}
	if !changed {
		return nil
	}
	return out
}

// unbackslash is nil if there is nothing to undo.
func unbackslash(line []byte) []byte {
	if bytes.IndexByte(line, '\\') < 0 {
		return nil
	}
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' || i+1 == len(line) {
			out = append(out, line[i])
			continue
		}
		width := 2
		if line[i+1] == 'u' {
			width = 6
		}
		var text string
		if i+width <= len(line) && json.Unmarshal([]byte(`"`+string(line[i:i+width])+`"`), &text) == nil {
			out = append(out, text...)
			i += width - 1
			continue
		}
		out = append(out, line[i])
	}
	return out
}
