package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// round is what a run of a feed answers.
type round struct {
	result changes.Result
	err    error
}

// script is a feed whose rounds are written down. After the last one the person who
// watches presses Ctrl-C.
type script struct {
	rounds []round
	inputs []changes.Input
	at     []time.Duration // when each round began
	out    bytes.Buffer
	log    bytes.Buffer
}

// follow watches the feed, and returns how it ended.
func (s *script) follow(t *testing.T, f *feed, in changes.Input, every time.Duration) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancelCause(t.Context())
		defer interrupt(nil)
		began := time.Now()
		f.program = &program{stdout: &s.out, stderr: &s.log}
		f.console, _ = f.program.console()
		f.watch = true
		f.run = func(ctx context.Context, in changes.Input, _ func(list.Report)) (*changes.Result, error) {
			s.inputs, s.at = append(s.inputs, in), append(s.at, time.Since(began))
			if len(s.at) > len(s.rounds) {
				interrupt(errors.New("interrupt signal received"))
				return nil, context.Cause(ctx)
			}
			r := s.rounds[len(s.at)-1]
			return &r.result, r.err
		}
		err = f.follow(ctx, in, every)
	})
	return err
}

func unavailable() error { return &graph.Error{Status: 503} }

func TestWatchingGoesOnUntilItIsInterrupted(t *testing.T) {
	s := &script{rounds: []round{
		{result: changes.Result{Status: changes.Complete, Kind: changes.Baseline, Users: 9}},
		{result: changes.Result{Status: changes.Complete, Kind: changes.Round, Users: 9}},
		{result: changes.Result{Status: changes.Continue, Kind: changes.Reconcile, Users: 10, Drift: 1, Counts: changes.Counts{Created: 2}}},
		{result: changes.Result{Status: changes.Complete, Kind: changes.Round, Users: 9, Counts: changes.Counts{Deleted: 1, Created: 1}}},
	}}
	if err := s.follow(t, &feed{kept: true}, changes.Input{Baseline: "emit", Accept: "x", Resync: true}, time.Minute); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]changes.Input{{Baseline: "emit", Accept: "x", Resync: true}, {}, {}, {}, {}}, s.inputs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]time.Duration{0, time.Minute, 2 * time.Minute, 2 * time.Minute, 3 * time.Minute}, s.at); diff != "" {
		t.Error(diff)
	}
	want := "9 users are known now. The first run publishes nothing: events begin with what changes next.\nWatching. Ctrl-C ends it.\n" +
		"warning: 1 users differed though no change had told of it\n3 created, 1 deleted; 9 users\n"
	if diff := cmp.Diff(want, s.log.String()); diff != "" || s.out.Len() > 0 {
		t.Errorf("%s%s", diff, &s.out)
	}
}

func TestARoundThatFailsIsTriedAgainMoreAndMorePatiently(t *testing.T) {
	s := &script{rounds: []round{{err: unavailable()}, {}, {err: &store.StateError{Conflict: true, URL: "state", Problem: "another run"}}}}
	for range 20 {
		s.rounds = append(s.rounds, round{err: unavailable()})
	}
	s.rounds = append(s.rounds, round{}, round{err: &failure.Named{Public: "Credentials.Rejected", Text: "expired"}}, round{})
	for i := range s.rounds {
		s.rounds[i].result.Status = changes.Complete
	}
	if err := s.follow(t, &feed{}, changes.Input{Accept: "x"}, 30*time.Second); err != nil {
		t.Error(err)
	}
	if s.inputs[1].Accept != "x" || s.inputs[2].Accept != "" {
		t.Errorf("what was asked for is asked for until it is done: %+v", s.inputs[:3])
	}
	for i := 1; i < len(s.at); i++ {
		if pause := s.at[i] - s.at[i-1]; pause < 30*time.Second || pause > longestPause {
			t.Errorf("pause %d is %s", i, pause)
		}
	}
	if last := s.at[22] - s.at[21]; last < longestPause/2 {
		t.Errorf("after 20 failures it waits for %s", last)
	}
	if n := strings.Count(s.log.String(), "Nothing is lost; the next try is in"); n != 23 {
		t.Errorf("%d failures are reported: %s", n, &s.log)
	}
}

func TestGraphsOwnPauseIsKept(t *testing.T) {
	s := &script{rounds: []round{{err: fmt.Errorf("x: %w", &graph.Error{Status: 429, RetryAfter: 20 * time.Minute})}}}
	if err := s.follow(t, &feed{}, changes.Input{}, 2*time.Second); err != nil || len(s.at) != 2 || s.at[1] < 20*time.Minute {
		t.Errorf("%v, rounds at %v", err, s.at)
	}
}

func TestWatchingEndsWhereTryingAgainIsOfNoUse(t *testing.T) {
	for name, err := range map[string]error{
		"Config.Invalid":       &usageError{"--accept"},
		"Snapshot.Suspect":     &changes.SuspectError{Run: "r", Reasons: []string{"9 of the 10 users"}},
		"State.Invalid":        &store.StateError{URL: "state", Problem: "newer"},
		"Request.Invalid":      failure.InvalidRequest("x"),
		"Sink.Failed":          fmt.Errorf("not published: %w", errors.Join(nil, &writeError{where: "stdout", err: io.ErrClosedPipe})),
		"Credentials.Rejected": &failure.Named{Public: "Credentials.Rejected", Text: "wrong secret"},
		"Graph.AccessDenied":   &failure.Named{Public: "Graph.AccessDenied", Text: "no permission"},
		"Credentials.Missing":  &failure.Named{Public: "Credentials.Missing", Text: "not set"},
	} {
		s := &script{rounds: []round{{err: err}}}
		if got := s.follow(t, &feed{}, changes.Input{}, time.Second); !errors.Is(got, err) || failure.Of(got).Name != name || len(s.at) != 1 {
			t.Errorf("%s: %v after %d rounds", name, got, len(s.at))
		}
	}
}

func TestWithABusStdoutGetsTheResults(t *testing.T) {
	s := &script{rounds: []round{
		{result: changes.Result{Status: changes.Complete, Kind: changes.Round, Users: 9}},
		{result: changes.Result{Status: changes.Complete, Kind: changes.Round, Users: 9}},
		{result: changes.Result{Status: changes.Complete, Kind: changes.Round, Users: 8, Counts: changes.Counts{Deleted: 1}}},
	}}
	if err := s.follow(t, &feed{bus: true, kept: true}, changes.Input{}, time.Second); err != nil {
		t.Error(err)
	}
	if lines := strings.Split(s.out.String(), "\n"); len(lines) != 3 || !strings.Contains(lines[0], `"status":"complete"`) || !strings.Contains(lines[1], `"deleted":1`) {
		t.Errorf("%s", &s.out)
	}
	if !strings.HasPrefix(s.log.String(), "nothing has changed; 9 users\nWatching.") || !strings.HasSuffix(s.log.String(), "\n1 deleted; 8 users\n") {
		t.Errorf("%s", &s.log)
	}
}

func TestAnInterruptedRunSaysThatNothingIsLost(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	var log bytes.Buffer
	p := &program{stdout: io.Discard, stderr: &log}
	f := &feed{program: p, run: func(ctx context.Context, _ changes.Input, _ func(list.Report)) (*changes.Result, error) {
		return nil, context.Cause(ctx)
	}}
	f.console, _ = p.console()
	if status := p.report(ctx, f.once(ctx, changes.Input{})); status != failed || !strings.Contains(log.String(), "the next run publishes the rest") {
		t.Errorf("status %d: %s", status, &log)
	}
}

func TestEventsAreShownInALineEachThatMovesNoCursor(t *testing.T) {
	var out bytes.Buffer
	text := newEventText(&out)
	at := time.Date(2026, 11, 28, 7, 5, 9, 0, time.Local)
	for data, want := range map[string]string{
		`{"user":{"id":"i","displayName":"Ada","userPrincipalName":"ada@c.example","department":"IT"},"changed":["department","jobTitle"],"before":{"department":null,"jobTitle":"x"}}`: `07:05:09  updated   Ada <ada@c.example>  department: null -> "IT"  jobTitle: "x" -> null`,
		`{"user":{"id":"i","displayName":null,"userPrincipalName":"ada@c.example"}}`:                                                                                                    `07:05:09  updated   ada@c.example`,
		`{"user":{"id":"i"}}`:                                                       `07:05:09  updated   i`,
		`{"user":{"id":"i","displayName":"a\u001b[31m\nb"}}`:                        `07:05:09  updated   a␛[31m␊b`,
		`{"user":{"id":"i","displayName":7,"userPrincipalName":{}}}`:                `07:05:09  updated   i`,
		`{"user":{"id":"i","x":"` + strings.Repeat("y", 99) + `"},"changed":["x"]}`: `07:05:09  updated   i  x: null -> "` + strings.Repeat("y", 38) + `…`,
	} {
		out.Reset()
		err := text.Publish(t.Context(), bus.Event{Type: changes.EventUpdated, Subject: "i", Time: at, Data: []byte(data)})
		if err = errors.Join(err, text.Flush(t.Context())); err != nil || out.String() != want+"\n" {
			t.Errorf("%q, want %q, %v", out.String(), want, err)
		}
	}
}
