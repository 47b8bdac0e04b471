package people

import (
	_ "embed" // the names are a file, so that a speaker of the language can check them
	"strings"
)

//go:embed names.txt
var namesText string

// name is a person's name, as its bearer writes it and as the directory writes
// it in a sign-in name.
type name struct {
	native string
	latin  string // lower case; letters, hyphens and apostrophes only
}

// culture is a set of names with the way to put them together.
type culture struct {
	language string
	form     string
	given    []name
	surnames []name
}

// Each culture has as many names as the others, so that a pair of names is
// found by arithmetic.
const (
	givenNames   = 20
	surnames     = 24
	culturePairs = givenNames * surnames
)

// pair is a given name with a surname of the same culture. A user's names are a
// function of its pair alone.
type pair struct {
	culture        *culture
	given, surname *name
}

// pairAt gives the pair with the number.
func pairAt(cultures []culture, number int) pair {
	c, k := &cultures[number/culturePairs], number%culturePairs
	return pair{culture: c, given: &c.given[k/surnames], surname: &c.surnames[k%surnames]}
}

// appendBase writes the pair as sign-in names have it: given.surname.
func (p pair) appendBase(dst []byte) []byte {
	dst = append(append(dst, p.given.latin...), '.')
	return append(dst, p.surname.latin...)
}

// appendDisplay writes the pair as display names have it.
func (p pair) appendDisplay(dst []byte) []byte {
	first, between, last := p.surname.native, "", p.given.native
	switch p.culture.form {
	case "sg":
	case "s g":
		between = " "
	case "s,g":
		between = ", "
	default:
		first, between, last = last, " ", first
	}
	return append(append(append(dst, first...), between...), last...)
}

// readCultures reads the file of names.
func readCultures() []culture {
	var all []culture
	for line := range strings.Lines(namesText) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if strings.HasPrefix(line, "#") || len(cells) != 5 {
			continue
		}
		c := culture{language: cells[1], form: cells[2], given: readNames(cells[3]), surnames: readNames(cells[4])}
		if len(c.given) == givenNames && len(c.surnames) == surnames {
			all = append(all, c)
		}
	}
	return all
}

func readNames(cell string) []name {
	words := strings.Fields(cell)
	names := make([]name, 0, len(words))
	for _, word := range words {
		native, latin, ok := strings.Cut(word, "/")
		if !ok {
			latin = plain(native)
		}
		names = append(names, name{native: strings.ReplaceAll(native, "_", " "), latin: latin})
	}
	return names
}

// plain lower-cases a name and removes its accents; the result may stand in a
// userPrincipalName.
func plain(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case 'a' <= r && r <= 'z', r == '-', r == '\'':
			b.WriteRune(r)
		case r == '_':
			b.WriteByte('-')
		default:
			b.WriteString(unaccented(r))
		}
	}
	return b.String()
}

// unaccented gives the letter below a Latin letter's accents, or nothing.
func unaccented(r rune) string {
	const table = "aáàâãäåăąạảấầẩẫậắằẳẵặ cçćč dď eéèêëęěẹẻẽếềểễệ gğ iíìîïịỉĩ lľ nñńň " +
		"oóòôõöőơọỏốồổỗộớờởỡợ rř sśšş tť uúùûüűůưụủũứừửữự yýỳỵỷỹ zźżž"
	at := strings.IndexRune(table, r)
	if at < 0 {
		return ""
	}
	start := strings.LastIndexByte(table[:at], ' ') + 1
	return table[start : start+1]
}
