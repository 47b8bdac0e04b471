package awsbus

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// Outcome is what an answer says about the entries of a request. An entry that it
// does not acknowledge was not taken.
type Outcome struct {
	call   call
	taken  []bool
	failed map[int]bus.Failure
}

// unanswered is the code of an entry about which the answer says nothing.
const unanswered = "NoAnswer"

// At records the result of the entry at an index: its acknowledgement, or else
// the code of the failure. sender says that the service blames the entry for it,
// and not itself.
func (o *Outcome) At(i int, acknowledgement, code *string, sender bool) {
	switch {
	case i < 0 || i >= len(o.taken):
	case aws.ToString(code) != "":
		o.fail(i, aws.ToString(code), sender)
	case aws.ToString(acknowledgement) != "":
		o.taken[i] = true
	}
}

// ID is the id under which the entry at an index is sent to a service that wants
// one.
func ID(i int) *string { return aws.String(strconv.Itoa(i)) }

// Index returns the index of an ID, -1 for any other text.
func Index(id *string) int {
	i, err := strconv.Atoi(aws.ToString(id))
	if err != nil || i < 0 || *ID(i) != *id { // +1 and 01 are no ids of ours
		return -1
	}
	return i
}

func (o *Outcome) fail(i int, code string, sender bool) {
	if o.failed == nil {
		o.failed = map[int]bus.Failure{}
	}
	if code = diagnosis.Token(code); code == "" {
		code = unanswered
	}
	o.taken[i] = false
	o.failed[i] = bus.Failure{Index: i, Code: code, Retry: !sender || transient(code), Remedy: o.call.remedy(code)}
}

// failures returns the entries that were not taken, in order.
func (o *Outcome) failures() []bus.Failure {
	var failures []bus.Failure
	for i, taken := range o.taken {
		if taken {
			continue
		}
		if _, known := o.failed[i]; !known {
			o.fail(i, unanswered, false)
		}
		failures = append(failures, o.failed[i])
	}
	return failures
}
