package functionshost

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Severity is the level at which the host logs.
type Severity string

// The levels that occur.
const (
	Information Severity = "Information"
	Warning     Severity = "Warning"
	Error       Severity = "Error"
)

// Line is one entry of the log, as Application Insights would have it.
type Line struct {
	Time     time.Time
	Severity Severity
	// Source is stdout or stderr of the handler, host, or the name of the function whose
	// reply had it among its Logs.
	Source string
	Text   string
}

// Record is one invocation that has ended.
type Record struct {
	// ID is the invocation's, Number counts those of the host from 1 in the order in which
	// they began.
	ID     string
	Number int
	// Function is its name.
	Function string
	// Err is nil if it succeeded.
	Err   error
	Begun time.Time
	Took  time.Duration
	// Status is what a caller over HTTP got, 0 if it was not called over HTTP or the
	// connection was broken.
	Status int
	// Outputs, ReturnValue and Logs are those of the reply, if it came in an envelope.
	Outputs     map[string]json.RawMessage
	ReturnValue json.RawMessage
	Logs        []string
	// Sent are the messages that queue bindings sent, by the binding's name, before they were
	// encoded.
	Sent map[string][]string
	// Message and DequeueCount are the id of the message that triggered it, and how often
	// that had been received.
	Message      string
	DequeueCount int
}

// journal keeps what happened and wakes those who wait for it.
type journal struct {
	mu      sync.Mutex
	records []Record
	lines   []Line
	changed chan struct{} // closed and replaced at each change
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

func (j *journal) record(r Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, r)
	j.wake()
}

func (j *journal) log(severity Severity, source, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, Line{Time: time.Now(), Severity: severity, Source: source, Text: fmt.Sprintf(format, args...)})
	j.wake()
}

func (j *journal) wake() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// Records returns the invocations that have ended, in the order in which they did.
func (h *Host) Records() []Record {
	h.journal.mu.Lock()
	defer h.journal.mu.Unlock()
	return slices.Clone(h.journal.records)
}

// Lines returns the log so far.
func (h *Host) Lines() []Line {
	h.journal.mu.Lock()
	defer h.journal.mu.Unlock()
	return slices.Clone(h.journal.lines)
}

// Wait returns the first record that matches, of those that are there and those to come.
func (h *Host) Wait(ctx context.Context, match func(Record) bool) (Record, error) {
	return wait(ctx, h, func() []Record { return h.journal.records }, match)
}

// WaitLine returns the first line of the log that matches, of those that are there and
// those to come.
func (h *Host) WaitLine(ctx context.Context, match func(Line) bool) (Line, error) {
	return wait(ctx, h, func() []Line { return h.journal.lines }, match)
}

func wait[T any](ctx context.Context, h *Host, list func() []T, match func(T) bool) (T, error) {
	for seen := 0; ; {
		h.journal.mu.Lock()
		items, changed := list(), h.journal.changed
		h.journal.mu.Unlock()
		if i := slices.IndexFunc(items[seen:], match); i >= 0 {
			return items[seen+i], nil
		}
		seen = len(items)
		select {
		case <-changed:
		case <-ctx.Done():
			var none T
			return none, fmt.Errorf("no %T came that was waited for: %w; %d others did", none, context.Cause(ctx), seen)
		}
	}
}
