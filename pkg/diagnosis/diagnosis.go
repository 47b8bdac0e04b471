// Package diagnosis tells why a request to a service failed, in words of this
// program's own. A service's message and the text of a network error are never
// repeated: they may quote a proxy's password, the caller's session (for a person
// signed in by SSO an e-mail address), or what was sent.
//
// It imports nothing of this module and no cloud; the packages below it read the
// errors of the clouds' SDKs.
package diagnosis

import (
	"fmt"
	"strings"
)

// Failure is what can be told of a failed request.
type Failure struct {
	// Other is the service that failed when it was not the one that was called:
	// an SDK asks others (sts, sso, a machine's metadata) for its credentials.
	Other string
	// Answered says that the service itself refused, with Code, Status and
	// RequestID as far as it gave them.
	Answered bool
	// Code is the service's name for the error, such as AccessDenied.
	Code string
	// Status is the HTTP status, 0 when there was none.
	Status int
	// RequestID identifies the request to the service's support.
	RequestID string
	// Connection is what is wrong with the connection, None if nothing is.
	Connection Connection
	// Retryable says that the SDK itself would try again.
	Retryable bool
}

// Answer says what the service, whose name is given, answered.
func (f Failure) Answer(service string) string {
	text := service + " answered"
	if f.Code != "" {
		text += " " + f.Code
	}
	text += fmt.Sprintf(" (HTTP %d", f.Status)
	if f.RequestID != "" {
		text += ", request id " + f.RequestID
	}
	return text + ")"
}

// Details are what identifies a failure to those who can help: codes, ids, places.
type Details []string

// Add adds a detail after its label, unless it is unknown.
func (d *Details) Add(label, value string) {
	if value != "" {
		*d = append(*d, label+value)
	}
}

// Sentence tells the problem, the details in parentheses, and the advice, if any.
func (d Details) Sentence(problem, advice string) string {
	if len(d) > 0 {
		problem += " (" + strings.Join(d, ", ") + ")"
	}
	if advice != "" {
		problem += ": " + advice
	}
	return problem
}

// maxToken is the length of the longest code or id that is shown. S3's extended
// request ids have 76 characters.
const maxToken = 96

// Token returns a code or an id as a service gave it, and "" for any text that is
// not plainly one.
func Token(text string) string {
	if len(text) > maxToken {
		return ""
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_' {
			return ""
		}
	}
	return text
}
