package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// emitted is the line that the figures of a job become which work has observed.
func emitted(t *testing.T, level, job string, work func(context.Context)) string {
	t.Helper()
	var out bytes.Buffer
	emit := telemetry.EMF(telemetry.New(&out, telemetry.Options{Level: level}), "rollcall-"+job)
	ctx := telemetry.WithRequestID(t.Context(), "r-1")
	measured, figures := telemetry.Measure(ctx, job)
	work(measured)
	emit(ctx, figures)
	if line := out.String(); strings.Count(line, "\n") == 1 && json.Valid(out.Bytes()) {
		return line
	}
	t.Fatalf("not one line of JSON: %q", &out)
	return ""
}

func fields(t *testing.T, line string) map[string]any {
	t.Helper()
	record := map[string]any{}
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		t.Fatal(err)
	}
	return record
}

func everything(ctx context.Context) {
	for i, d := range telemetry.Definitions() {
		telemetry.Observe(ctx, d.Metric, float64(i+1))
	}
}

func TestFiguresAreARecordOfTheEmbeddedMetricFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := fields(t, emitted(t, "", telemetry.JobSnapshot, func(ctx context.Context) {
			ctx = telemetry.WithRun(telemetry.WithTenant(ctx, "3c0e5f1a-aaaa-4bbb-8ccc-000000000003"), "run-1")
			telemetry.Observe(ctx, telemetry.Users, 1000)
			telemetry.Observe(ctx, telemetry.LatestAge, 1.5)
		}))
		want := map[string]any{
			"timestamp": "2000-01-01T00:00:00.000Z", "level": "INFO", "message": "figures of the invocation",
			"requestId": "r-1", "run": "run-1", "tenant": "3c0e5f1a-aaaa-4bbb-8ccc-000000000003",
			"job": "snapshot", "FunctionName": "rollcall-snapshot", "Users": 1000.0, "LatestAge": 1.5,
			"_aws": map[string]any{"Timestamp": 946684800000.0, "CloudWatchMetrics": []any{map[string]any{
				"Namespace": "Rollcall", "Dimensions": []any{[]any{"FunctionName"}},
				"Metrics": []any{map[string]any{"Name": "Users", "Unit": "Count"}, map[string]any{"Name": "LatestAge", "Unit": "Seconds"}},
			}}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEachMetricIsAMemberOfTheRecordAndANumber(t *testing.T) {
	for _, job := range []string{telemetry.JobUsers, telemetry.JobSnapshot, telemetry.JobChanges, telemetry.JobRotate} {
		line := emitted(t, "", job, everything)
		record := fields(t, line)
		about := record["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		metrics := about["Metrics"].([]any)
		for _, m := range metrics {
			name := m.(map[string]any)["Name"].(string)
			if _, ok := record[name].(float64); !ok {
				t.Errorf("%s: %s is %v", job, name, record[name])
			}
		}
		for _, dimension := range about["Dimensions"].([]any)[0].([]any) {
			if text, ok := record[dimension.(string)].(string); !ok || text == "" {
				t.Errorf("%s: the dimension %v is %v", job, dimension, record[dimension.(string)])
			}
		}
		if len(metrics) == 0 || len(line) > 4<<10 {
			t.Errorf("%s: %d metrics in %d bytes", job, len(metrics), len(line))
		}
	}
}

func TestAJobPublishesItsOwnMetricsAndThoseThatItKnows(t *testing.T) {
	record := fields(t, emitted(t, "", telemetry.JobRotate, func(ctx context.Context) {
		telemetry.Observe(ctx, telemetry.Users, 1)
		telemetry.Observe(ctx, telemetry.LatestAge, 1)
		telemetry.Observe(ctx, telemetry.Failed, 0)
		telemetry.Observe(ctx, telemetry.DaysToExpiry, math.NaN())
		telemetry.Observe(ctx, telemetry.Duration, math.Inf(1))
	}))
	for _, d := range telemetry.Definitions() {
		if _, there := record[string(d.Metric)]; there != (d.Metric == telemetry.Failed) {
			t.Errorf("%s: %v", d.Metric, record)
		}
	}
}

// Lambda drops records below the level that a function is configured to have, whatever they
// are.
func TestNoLevelKeepsFiguresFromBeingWritten(t *testing.T) {
	for level, want := range map[string]string{
		"TRACE": "INFO", "DEBUG": "INFO", "": "INFO", "INFO": "INFO", "WARN": "WARN", "ERROR": "ERROR", "FATAL": "FATAL",
	} {
		if got := fields(t, emitted(t, level, telemetry.JobUsers, everything)); got["level"] != want || got["Users"] == nil {
			t.Errorf("%q: %v", level, got)
		}
	}
}

func TestObservationsOfOneInvocationAreJoined(t *testing.T) {
	record := fields(t, emitted(t, "", telemetry.JobSnapshot, func(ctx context.Context) {
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { telemetry.Observe(ctx, telemetry.Retries, 1) })
		}
		all.Wait()
		for _, value := range []float64{2, 3, 1} {
			telemetry.Observe(ctx, telemetry.Users, value)
			telemetry.Observe(ctx, telemetry.LatestAge, value)
			telemetry.Observe(ctx, telemetry.DaysToExpiry, -value)
		}
	}))
	for m, want := range map[telemetry.Metric]float64{telemetry.Retries: 100, telemetry.Users: 1, telemetry.LatestAge: 3, telemetry.DaysToExpiry: -3} {
		if record[string(m)] != want {
			t.Errorf("%s is %v, want %v", m, record[string(m)], want)
		}
	}
}

func TestNothingIsObservedWhereNobodyMeasures(t *testing.T) {
	var none context.Context
	for _, ctx := range []context.Context{none, t.Context()} {
		everything(ctx)
		telemetry.End(ctx, "Internal.Error")
		if telemetry.IsMeasured(ctx) {
			t.Error("it is measured")
		}
	}
}

func TestNothingSensitiveGetsIntoFigures(t *testing.T) {
	for _, canary := range []string{canaryJWT(), canarySkip(), canarySecret(), canaryMail, canaryGuest} {
		var out bytes.Buffer
		emit := telemetry.EMF(telemetry.New(&out, telemetry.Options{}), canary)
		ctx := telemetry.WithRequestID(t.Context(), canary)
		measured, figures := telemetry.Measure(ctx, canary)
		measured = telemetry.WithTenant(telemetry.WithRun(measured, canary), canary)
		telemetry.WithMessageID(telemetry.WithClientRequestID(measured, canary), canary)
		telemetry.End(measured, canary)
		emit(ctx, figures)
		if strings.Contains(out.String(), canary) || !json.Valid(out.Bytes()) {
			t.Errorf("%s got out: %s", canary, &out)
		}
	}
	for _, d := range telemetry.Definitions() {
		if got := logged(t, func(l *slog.Logger) { l.Info("m", string(d.Metric), "x") }); got[string(d.Metric)] != "x" {
			t.Errorf("%s is taken for the name of something sensitive", d.Metric)
		}
	}
}

func TestTheTableOfMetricsIsOneThatCloudWatchTakes(t *testing.T) {
	units := map[string]bool{"Count": true, "Milliseconds": true, "Seconds": true, "Bytes": true}
	seen := map[telemetry.Metric]bool{}
	for _, d := range telemetry.Definitions() {
		if seen[d.Metric] || !units[d.Unit] || len(d.Jobs) == 0 {
			t.Errorf("%+v", d)
		}
		seen[d.Metric] = true
	}
}

func BenchmarkAnObservation(b *testing.B) {
	ctx, _ := telemetry.Measure(b.Context(), telemetry.JobUsers)
	b.ReportAllocs()
	for b.Loop() {
		telemetry.Observe(ctx, telemetry.Pages, 1)
	}
}
