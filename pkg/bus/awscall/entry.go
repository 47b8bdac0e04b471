package awscall

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// Unanswered is the code of an entry about which the answer says nothing.
const Unanswered = "NoAnswer"

// Failure is an entry that the service did not acknowledge. fault says that the
// service blames the entry and not itself.
func (c Call) Failure(index int, code string, fault bool) bus.Failure {
	if code = plain(code); code == "" {
		code = Unanswered
	}
	return bus.Failure{Index: index, Code: code, Retry: !fault || Transient(code), Remedy: c.Remedy(code)}
}

// Group is the message group of an event on a FIFO queue or topic: its subject,
// else its source. Text that a group may not be (up to 128 printable ASCII
// characters without a space) is hashed.
func Group(e bus.Entry) string {
	group := e.Subject
	if group == "" {
		group = e.Source
	}
	if len(group) > 128 {
		return digest(group)
	}
	for _, c := range []byte(group) {
		if c <= ' ' || c > '~' {
			return digest(group)
		}
	}
	return group
}

// Deduplication is the id by which FIFO queues and topics drop an event that
// they have: a hash of the event's id, whose text need not be one they take.
func Deduplication(e bus.Entry) string { return digest(e.ID) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
