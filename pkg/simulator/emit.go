package simulator

import (
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// An emitter writes one property's JSON value. Filters read the same bytes, so
// what a filter finds is what a list shows.
type emitter func(dst []byte, u *person) []byte

// column is a selected property, ready to be written.
type column struct {
	name  string
	label string  // `,"name":`
	emit  emitter // nil stands for the expanded manager
}

func newColumn(name string, emit emitter) column {
	return column{name: name, label: `,"` + name + `":`, emit: emit}
}

// appendUser writes one user's object.
func appendUser(dst []byte, u *person, columns []column) []byte {
	start := len(dst)
	for i := range columns {
		if columns[i].emit == nil {
			dst = appendManager(dst, u)
			continue
		}
		dst = append(dst, columns[i].label...)
		dst = columns[i].emit(dst, u)
	}
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// appendManager writes the expanded relationship. A user without a manager has
// no such member.
func appendManager(dst []byte, u *person) []byte {
	manager, ok := u.manager(u.index)
	if !ok {
		return dst
	}
	dst = append(dst, `,"manager":{"@odata.type":"#microsoft.graph.user","id":"`...)
	return append(appendGUID(dst, userID(u.seed, manager)), `"}`...)
}

// appendString writes a JSON string of plain text.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

func appendNull(dst []byte) []byte { return append(dst, "null"...) }

// literal emits the same JSON for everybody.
func literal(json string) emitter {
	return func(dst []byte, _ *person) []byte { return append(dst, json...) }
}

// stringIf emits a string for those who have it and null for the others. The
// string must not need escaping.
func stringIf(has func(u *person) bool, value func(dst []byte, u *person) []byte) emitter {
	return func(dst []byte, u *person) []byte {
		if !has(u) {
			return appendNull(dst)
		}
		dst = append(dst, '"')
		dst = value(dst, u)
		return append(dst, '"')
	}
}

// text emits a string that everybody has.
func text(value func(dst []byte, u *person) []byte) emitter {
	return func(dst []byte, u *person) []byte {
		dst = append(dst, '"')
		dst = value(dst, u)
		return append(dst, '"')
	}
}

// dateIf emits a moment for those who have it and null for the others.
func dateIf(has func(u *person) bool, unix func(u *person) int64) emitter {
	return stringIf(has, func(dst []byte, u *person) []byte { return appendDate(dst, unix(u)) })
}

// listIf emits a list of one string for those who have it and an empty list for
// the others.
func listIf(has func(u *person) bool, value func(dst []byte, u *person) []byte) emitter {
	return func(dst []byte, u *person) []byte {
		if !has(u) {
			return append(dst, "[]"...)
		}
		dst = append(dst, `["`...)
		dst = value(dst, u)
		return append(dst, `"]`...)
	}
}

// emitterOf finds the emitter of a property or of an extension; it is nil for a
// name that Graph does not know.
func emitterOf(name string) emitter {
	for _, family := range [...]func(string) emitter{identityEmitter, workEmitter, contactEmitter, syncEmitter, accountEmitter, profileEmitter, complexEmitter} {
		if emit := family(name); emit != nil {
			return emit
		}
	}
	switch {
	case name == "deletedDateTime":
		return literal("null")
	case property.IsExtension(name):
		return emitExtension
	default:
		return nil
	}
}

// emitExtension gives two users in three a short value.
func emitExtension(dst []byte, u *person) []byte {
	if u.pick(13, 3) == 0 {
		return appendNull(dst)
	}
	dst = append(dst, `"CC-`...)
	dst = appendUint(dst, 100+u.pick(21, 900))
	return append(dst, '"')
}

// columnsOf resolves a $select list; bad is the first name that is unknown. A
// name given twice counts once.
func columnsOf(names []string) (columns []column, bad string) {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		emit := emitterOf(name)
		if emit == nil {
			return nil, name
		}
		columns = append(columns, newColumn(name, emit))
	}
	return columns, ""
}

// defaultNames is Graph's set without $select, in the order in which Graph
// writes it.
func defaultNames() []string {
	return []string{
		"businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id",
	}
}

// foldKey is the form in which strings are compared: Graph ignores case.
func foldKey(s string) string { return strings.ToLower(s) }
