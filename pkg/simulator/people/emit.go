package people

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// An Emitter writes one property's JSON value. Filters read the same bytes, so
// what a filter finds is what a list shows.
type Emitter func(u *Person, dst []byte) []byte

// EmitterOf finds the emitter of a property or of an extension; it is nil for a
// name that Graph does not know.
func EmitterOf(name string) Emitter {
	if emit, ok := emitters()[name]; ok {
		return emit
	}
	if property.IsExtension(name) {
		return textIf(not(oneIn(13, 3)), func(u *Person, dst []byte) []byte { return appendUint(append(dst, "CC-"...), 100+u.pick(21, 900)) })
	}
	return nil
}

// Column is a selected property, ready to be written.
type Column struct {
	Name  string
	label string // `,"name":`
	emit  Emitter
}

// NewColumn makes a column of a property.
func NewColumn(name string, emit Emitter) Column {
	return Column{Name: name, label: `,"` + name + `":`, emit: emit}
}

// NewMember makes a column whose emitter writes the whole member, with a comma before it,
// or leaves it out.
func NewMember(name string, emit Emitter) Column { return Column{Name: name, emit: emit} }

// ManagerDeltaColumn is the manager as an entry of a delta query shows it: who it is, or
// that the one from before has gone.
func ManagerDeltaColumn() Column {
	return NewMember(property.Manager, func(u *Person, dst []byte) []byte {
		manager, ok := u.ManagerIndex()
		if before, had := u.Manager(u.index); !ok && had && u.details != nil && u.details.manager != nil {
			dst = append(dst, `,"manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"`...)
			return append(u.ID(before).AppendTo(dst), `","@removed":{"reason":"deleted"}}]`...)
		}
		if !ok {
			return dst
		}
		dst = append(dst, `,"manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"`...)
		return append(u.ID(manager).AppendTo(dst), `"}]`...)
	})
}

// DefaultNames is Graph's set without $select, in the order in which Graph
// writes it.
func DefaultNames() []string {
	return []string{
		"businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id",
	}
}

// DirectoryObjectNames is Graph's set without $select where a user comes as a
// directoryObject, such as a manager: the id, which every directoryObject has, is first.
func DirectoryObjectNames() []string {
	names := DefaultNames()
	return append([]string{"id"}, names[:len(names)-1]...)
}

// The types of users. Among users only the derived one is named, whatever is selected;
// among directoryObjects both are.
const (
	userType  = `,"@odata.type":"#microsoft.graph.user"`
	agentType = `,"@odata.type":"#microsoft.graph.agentUser"`
)

// Append writes the user's JSON object.
func (u *Person) Append(dst []byte, columns []Column) []byte {
	start := len(dst)
	if u.agent() {
		dst = append(dst, agentType...)
	}
	return u.appendColumns(dst, start, columns)
}

// AppendDirectoryObject writes the user's JSON object where it is one directoryObject
// among others.
func (u *Person) AppendDirectoryObject(dst []byte, columns []Column) []byte {
	start, name := len(dst), userType
	if u.agent() {
		name = agentType
	}
	return u.appendColumns(append(dst, name...), start, columns)
}

// appendColumns ends an object that begins at start, each of its members with a comma.
func (u *Person) appendColumns(dst []byte, start int, columns []Column) []byte {
	for i := range columns {
		dst = append(dst, columns[i].label...)
		dst = columns[i].emit(u, dst)
	}
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

// Fold returns the text of a JSON string in the form in which strings are
// compared: Graph ignores case. The buffer, which may be nil, is overwritten.
func Fold(buffer, raw []byte) []byte {
	inside := raw[1 : len(raw)-1]
	buffer = append(buffer[:0], inside...)
	for i, c := range buffer {
		switch {
		case c == '\\' || c >= utf8.RuneSelf:
			s := string(inside)
			if bytes.IndexByte(inside, '\\') >= 0 {
				_ = json.Unmarshal(raw, &s) // leaves s as it is if it cannot be unescaped
			}
			return append(buffer[:0], strings.ToLower(s)...)
		case 'A' <= c && c <= 'Z':
			buffer[i] = c + 'a' - 'A'
		}
	}
	return buffer
}
