package graph

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// userScan is what the walk over a user finds, besides the end of the user.
type userScan struct {
	shape      shape
	unknown    member // one of an object whose names are of no interest
	knownBytes int    // of the names in shape and in all shapes within it
	reading    bool   // the present part is a user
	exact      bool   // compare all names of each object
	unsure     bool   // two names of an object may be the same
	surrogates bool   // there are escapes of surrogates
	id         span   // the value of the member called id

	// What has to be different from what Graph sent.
	mark
	edited []byte
}

type span struct{ from, to int }

// mark is how far a user was edited: what was read up to copied has become length bytes.
type mark struct{ copied, length int }

// restore forgets the edits since m.
func (u *userScan) restore(m mark) {
	u.mark, u.edited = m, u.edited[:m.length]
}

// edit replaces a part of the user. Edits go from the front to the back.
func (s *scanner) edit(from, to int, by string) {
	u := &s.user
	u.edited = append(append(u.edited, s.b[u.copied:from]...), by...)
	u.mark = mark{to, len(u.edited)}
}

// readUser reads the user that the present part begins with. The user is valid until more
// is read, which begins at end.
func (s *scanner) readUser() (user User, end int, err error) {
	u := &s.user
	u.id, u.unsure, u.surrogates, u.reading = span{}, false, false, true
	if s.b[0] != '{' {
		return User{}, 0, fault("an element of value is not an object")
	}
	if end, err = s.object(0, 1, &u.shape); err != nil {
		return User{}, 0, err
	}
	if user.ID, err = parseID(s.b[u.id.from:u.id.to]); err != nil {
		return User{}, 0, err
	}
	user.Raw = s.b[:end]
	if u.copied > 0 {
		u.edited = append(u.edited, s.b[u.copied:end]...)
		user.Raw = u.edited
	}
	if u.surrogates {
		replaceLone(user.Raw)
	}
	if u.unsure {
		u.shape.members, u.knownBytes = nil, 0 // learn the order anew
		return user, end, distinct(user.Raw)
	}
	return user, end, nil
}

// distinct compares the names of each object in a user.
func distinct(raw []byte) error {
	s := scanner{b: raw, err: io.EOF, user: userScan{reading: true, exact: true}}
	_, err := s.object(0, 1, nil)
	return err
}

// parseID reads the value of a user's id, which is unescaped.
func parseID(quoted []byte) ([]byte, error) {
	switch {
	case len(quoted) < 3 || quoted[0] != '"':
		return nil, fault("a user has no id")
	case len(quoted) > maxID:
		return nil, fault(fmt.Sprintf("a user's id is longer than %d bytes", maxID))
	case bytes.IndexByte(quoted, '\\') < 0:
		return quoted[1 : len(quoted)-1], nil
	}
	id, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil || bytes.ContainsFunc(id, func(r rune) bool { return r < ' ' }) {
		return nil, fault("a user's id is not a string")
	}
	return id, nil
}
