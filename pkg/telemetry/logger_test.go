package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

const redacted = "[redacted]"

// logged returns the one JSON record that write made.
func logged(t *testing.T, write func(*slog.Logger)) map[string]any {
	t.Helper()
	var b bytes.Buffer
	write(telemetry.New(&b, telemetry.Options{}))
	record := map[string]any{}
	if err := json.Unmarshal(b.Bytes(), &record); err != nil {
		t.Fatalf("%q: %v", b.String(), err)
	}
	return record
}

func TestARecordHasTheKeysThatLambdaReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := logged(t, func(log *slog.Logger) { log.Warn("slow down", "pages", 3, "ok", true) })
		want := map[string]any{"timestamp": "2000-01-01T00:00:00.000Z", "level": "WARN", "message": "slow down", "pages": 3.0, "ok": true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestATextRecordIsForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		telemetry.New(&b, telemetry.Options{Format: "TEXT"}).Info("listing\n", "tenant", "contoso.example", "user", "a@contoso.example")
		text := b.String()
		if !strings.HasPrefix(text, "time=2000-01-01T00:00:00Z level=INFO msg=\"listing\\n\" tenant=contoso.example user=[redacted]") {
			t.Errorf("%s", text)
		}
	})
}

func TestTheLevelIsLambdas(t *testing.T) {
	for name, want := range map[string]string{
		"trace": "TRACE DEBUG INFO WARN ERROR FATAL", "DEBUG": "DEBUG INFO WARN ERROR FATAL", "": "INFO WARN ERROR FATAL",
		"loud": "INFO WARN ERROR FATAL", "Warn": "WARN ERROR FATAL", "ERROR": "ERROR FATAL", "FATAL": "FATAL",
	} {
		var b bytes.Buffer
		log := telemetry.New(&b, telemetry.Options{Level: name})
		for _, level := range []slog.Level{telemetry.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, telemetry.LevelFatal} {
			log.Log(t.Context(), level, "x")
		}
		var got []string
		for line := range strings.Lines(b.String()) {
			var record struct{ Level string }
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
			got = append(got, record.Level)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q: %s, want %s", name, text, want)
		}
	}
}

func TestProblemsGoWhereTheyAreTakenForErrors(t *testing.T) {
	var below, problems bytes.Buffer
	log := telemetry.New(&below, telemetry.Options{Problems: &problems, Level: "DEBUG"})
	ctx := telemetry.WithRequestID(t.Context(), "r-1")
	for _, l := range []*slog.Logger{log, log.With("a", 1), log.WithGroup("g").With("a", 1)} {
		for _, level := range []slog.Level{telemetry.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, telemetry.LevelFatal} {
			l.Log(ctx, level, "kim@contoso.com", "b", 2)
		}
	}
	for text, want := range map[string]string{below.String(): "DEBUG INFO", problems.String(): "WARN ERROR FATAL"} {
		for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
			levels := strings.Fields(want)
			if level := levels[i%len(levels)]; !strings.Contains(line, `"level":"`+level) && level != "FATAL" || !strings.Contains(line, `"requestId":"r-1"`) || strings.Contains(line, "kim@") {
				t.Errorf("%s", line)
			}
		}
		if n := strings.Count(text, "\n"); n != 3*len(strings.Fields(want)) || strings.Count(text, `"a":1`) != n/3*2 {
			t.Errorf("%d records: %s", n, text)
		}
	}
}

func TestTheContextIsOnEveryRecordAtTheTop(t *testing.T) {
	ctx := telemetry.WithRun(telemetry.WithRequestID(telemetry.WithRequestID(t.Context(), "r-0"), "r-1"), "run-1")
	for name, log := range map[string]func(*slog.Logger) *slog.Logger{
		"plain":  func(l *slog.Logger) *slog.Logger { return l },
		"attrs":  func(l *slog.Logger) *slog.Logger { return l.With("a", 1) },
		"group":  func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h") },
		"no one": func(l *slog.Logger) *slog.Logger { return l.WithGroup("") },
	} {
		got := logged(t, func(l *slog.Logger) { log(l).InfoContext(ctx, "m", "c", 3) })
		if got["requestId"] != "r-1" || got["run"] != "run-1" {
			t.Errorf("%s: %v", name, got)
		}
		if name == "group" {
			want := map[string]any{"b": 2.0, "h": map[string]any{"c": 3.0}}
			if diff := cmp.Diff(want, got["g"]); diff != "" || got["a"] != 1.0 {
				t.Errorf("%v %s", got, diff)
			}
		}
	}
	var b bytes.Buffer
	telemetry.New(&b, telemetry.Options{}).InfoContext(ctx, "m")
	if strings.Count(b.String(), "requestId") != 1 {
		t.Errorf("the request id is there more than once: %s", b.String())
	}
	got := logged(t, func(l *slog.Logger) { l.WithGroup("g").Info("m", "c", 3) })
	if diff := cmp.Diff(map[string]any{"c": 3.0}, got["g"]); diff != "" {
		t.Error(diff)
	}
}

func TestTwoLoggersOfOneParentDoNotMix(t *testing.T) {
	ctx := telemetry.WithRun(t.Context(), "run-1")
	var b bytes.Buffer
	parent := telemetry.New(&b, telemetry.Options{}).WithGroup("g").With("p", 0)
	one, two := parent.With("a", 1), parent.With("b", 2)
	one.InfoContext(ctx, "one")
	two.InfoContext(ctx, "two")
	lines := strings.Split(b.String(), "\n")
	if !strings.Contains(lines[0], `"g":{"p":0,"a":1}`) || !strings.Contains(lines[1], `"g":{"p":0,"b":2}`) {
		t.Errorf("%s", b.String())
	}
}

// known is an error that says how it wants to be logged.
type known struct{ value slog.Value }

func (known) Error() string          { return "text with " + canaryMail }
func (k known) LogValue() slog.Value { return k.value }

func TestAnErrorIsLoggedByItsValueWhereItHasOne(t *testing.T) {
	group := known{slog.GroupValue(slog.String("name", "Graph.Throttled"), slog.String("token", "abc"), slog.String("detail", canaryMail))}
	for _, err := range []error{group, fmt.Errorf("list users: %w", group), errors.Join(errors.New("x"), group)} {
		got := logged(t, func(l *slog.Logger) { l.Error("failed", "error", err) })
		want := map[string]any{"name": "Graph.Throttled", "token": redacted, "detail": redacted}
		if diff := cmp.Diff(want, got["error"]); diff != "" {
			t.Errorf("%v: %s", err, diff)
		}
	}
	text := known{slog.StringValue("see " + canaryMail)}
	got := logged(t, func(l *slog.Logger) { l.Error("failed", "error", fmt.Errorf("x: %w", text)) })
	if got["error"] != "see "+redacted {
		t.Errorf("%v", got["error"])
	}
	got = logged(t, func(l *slog.Logger) { l.Error("failed", "error", errors.New("no user "+canaryMail)) })
	if got["error"] != "no user "+redacted {
		t.Errorf("%v", got["error"])
	}
}

// circular wants to be logged by the error that wraps it.
type circular struct{ outer *error }

func (circular) Error() string          { return "circular" }
func (c circular) LogValue() slog.Value { return slog.AnyValue(*c.outer) }

func TestAnErrorThatPointsBackIsLoggedByItsText(t *testing.T) {
	var outer error
	outer = fmt.Errorf("outer: %w", circular{&outer})
	got := logged(t, func(l *slog.Logger) { l.Error("failed", "error", outer) })
	if got["error"] != "outer: circular" {
		t.Errorf("%v", got["error"])
	}
}

func TestANilContextIsAccepted(t *testing.T) {
	var none context.Context
	got := logged(t, func(l *slog.Logger) { l.InfoContext(none, "m") })
	if got["message"] != "m" {
		t.Errorf("%v", got)
	}
}

func BenchmarkALine(b *testing.B) {
	ctx := telemetry.WithRequestID(b.Context(), "3c0e5f1a-aaaa-4bbb-8ccc-000000000003")
	var sink bytes.Buffer
	log := telemetry.New(&sink, telemetry.Options{})
	b.ReportAllocs()
	for b.Loop() {
		sink.Reset()
		log.InfoContext(ctx, "page read", "page", 12, "users", 999, "url", "https://graph.microsoft.com/v1.0/users")
	}
}

func TestARecordsOwnAttributeStandsInPlaceOfTheContexts(t *testing.T) {
	var b bytes.Buffer
	ctx := telemetry.WithClientRequestID(telemetry.WithRequestID(t.Context(), "platform"), "theirs")
	telemetry.New(&b, telemetry.Options{}).InfoContext(ctx, "m", "requestId", "own")
	if line := b.String(); strings.Count(line, "requestId") != 1 || !strings.Contains(line, `"requestId":"own"`) || !strings.Contains(line, `"clientRequestId":"theirs"`) {
		t.Error(line)
	}
}
