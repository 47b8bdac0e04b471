package azure

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// Timer answers a timer with messages for a queue, each of which asks for a job. A timer
// that fails is not tried again before its time has come again; a message is.
type Timer[In any] struct {
	// Due returns the inputs of the jobs for which it is time. at is the minute in which
	// the timer went off: the same for two hosts whose timers go off at once.
	Due func(ctx context.Context, at time.Time) ([]In, error)
	// Output is the binding of the queue.
	Output string
	// Log gets an ERROR record of each failure.
	Log *slog.Logger
}

func (t *Timer[In]) invoke(ctx context.Context, _ *host, in *invocation) (*reply, error) {
	var about struct{ IsPastDue bool }
	if json.Unmarshal(plain(in.data()), &about) != nil {
		err := failure.InvalidRequest("the invocation is not one of a timer")
		t.Log.ErrorContext(ctx, "the invocation was refused", "error", err)
		return nil, err
	}
	inputs, err := t.Due(ctx, time.Now().UTC().Round(time.Minute))
	if err != nil {
		t.Log.ErrorContext(ctx, "no job could be started", "error", err)
		return nil, err
	}
	messages := make([]string, len(inputs))
	for i, input := range inputs {
		text, err := json.Marshal(input)
		if err != nil {
			return nil, err
		}
		messages[i] = string(text)
	}
	t.Log.InfoContext(ctx, "jobs are due", "jobs", len(messages), "late", about.IsPastDue)
	return &reply{Outputs: map[string]any{t.Output: messages}}, nil
}
