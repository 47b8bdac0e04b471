package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
)

// spent is what a process took for its work.
type spent struct {
	wall, cpu time.Duration
	peak      int64 // bytes resident
}

// invoke runs a function once, in a process of its own, and reads its result.
func invoke(ctx context.Context, function lambdahost.Config, in, result any) (spent, error) {
	payload, err := json.Marshal(in)
	if err != nil {
		return spent{}, err
	}
	host, err := function.Start(ctx)
	if err != nil {
		return spent{}, err
	}
	defer host.Close()
	before, err := host.CPU()
	if err != nil {
		return spent{}, err
	}
	began := time.Now()
	answer, err := host.Invoke(ctx, payload)
	if err != nil {
		return spent{}, err
	}
	s := spent{wall: time.Since(began)}
	if answer.ErrorType != "" {
		return s, fmt.Errorf("%s: %s\n%s", answer.ErrorType, answer.ErrorMessage, host.Output())
	}
	if err := json.Unmarshal(answer.Payload, result); err != nil {
		return s, err
	}
	after, err := host.CPU()
	if err != nil {
		return s, err
	}
	s.cpu = after - before
	s.peak, err = host.PeakRSS()
	return s, err
}
