package awscall

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// Results sorts an answer that names entries by the ids they were sent under,
// which are their places in the batch. What is not named as taken was not.
type Results struct {
	call   Call
	taken  []bool
	failed map[int]bus.Failure
}

// Results returns an empty answer about n entries.
func (c Call) Results(n int) *Results {
	return &Results{call: c, taken: make([]bool, n)}
}

// Taken notes an acknowledged entry.
func (r *Results) Taken(id *string) {
	if i, ok := r.index(id); ok {
		r.taken[i] = true
	}
}

// Failed notes an entry that was not taken. fault says that the service blames
// the sender.
func (r *Results) Failed(id, code *string, fault bool) {
	i, ok := r.index(id)
	if !ok {
		return
	}
	if r.failed == nil {
		r.failed = map[int]bus.Failure{}
	}
	r.taken[i], r.failed[i] = false, r.call.Failure(i, aws.ToString(code), fault)
}

func (r *Results) index(id *string) (int, bool) {
	i, err := strconv.Atoi(aws.ToString(id))
	return i, err == nil && i >= 0 && i < len(r.taken)
}

// Failures returns the entries that were not taken, in their order.
func (r *Results) Failures() []bus.Failure {
	var failures []bus.Failure
	for i, taken := range r.taken {
		if taken {
			continue
		}
		failure, told := r.failed[i]
		if !told {
			failure = r.call.Failure(i, Unanswered, false)
		}
		failures = append(failures, failure)
	}
	return failures
}
