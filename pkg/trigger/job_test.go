package trigger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

type order struct {
	Run string `json:"run"`
}

type receipt struct {
	Done string `json:"done"`
}

func TestAJobTakesItsMembersOrNothing(t *testing.T) {
	var log bytes.Buffer
	job := trigger.Job[order, receipt](func(_ context.Context, in order) (*receipt, error) { return &receipt{in.Run}, nil })
	for input, want := range map[string]string{`{}`: "", `null`: "", `{"run":"2026-11-22T02:15:00Z"}`: "2026-11-22T02:15:00Z"} {
		out, err := job.Run(t.Context(), textLog(&log), []byte(input))
		if err != nil || out.Done != want {
			t.Errorf("%s: %+v, %v, want %q", input, out, err, want)
		}
	}
	for input, want := range map[string]string{
		`{"version":"0","detail-type":"Scheduled Event"}`: `"version"`, `{"run":7}`: "run", `[]`: "not a JSON object", ``: "not a JSON object",
		`{}{"run":"x"}`: "follows", `{"run":{"kim":1}}`: "run", `{"kim@contoso.com":1}`: "unknown member",
	} {
		_, err := job.Run(t.Context(), textLog(&log), []byte(input))
		if err == nil || failure.Of(err).Name != "Request.Invalid" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a Request.Invalid with %q", input, err, want)
		}
	}
}

func TestAJobThatFailsIsLoggedAndKeepsItsError(t *testing.T) {
	var log bytes.Buffer
	suspect := &failure.Named{Public: "Snapshot.Suspect", Text: "nobody is left"}
	job := trigger.Job[order, receipt](func(context.Context, order) (*receipt, error) { return &receipt{}, fmt.Errorf("x: %w", suspect) })
	out, err := job.Run(t.Context(), textLog(&log), []byte(`{}`))
	if out != nil || !errors.Is(err, suspect) || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "name=Snapshot.Suspect") {
		t.Errorf("%v, %v, log %s", out, err, &log)
	}
}

func TestAJobThatPanicsSaysWhereAndNotWhy(t *testing.T) {
	var log bytes.Buffer
	job := trigger.Job[order, receipt](func(context.Context, order) (*receipt, error) { panic("kim@contoso.com") })
	out, err := job.Run(t.Context(), textLog(&log), []byte(`{}`))
	if out != nil || err == nil || failure.Of(err).Name != "Internal.Error" || !strings.Contains(err.Error(), "TestAJobThatPanicsSaysWhereAndNotWhy") {
		t.Errorf("%v, %v", out, err)
	}
	if strings.Contains(err.Error()+log.String(), "kim") || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("%v, log %s", err, &log)
	}
}

func TestAJobThatAnotherRunHasOvertakenIsAWarning(t *testing.T) {
	var log bytes.Buffer
	job := trigger.Job[order, receipt](func(context.Context, order) (*receipt, error) {
		return nil, &failure.Named{Public: "State.Conflict", Text: "another run works on it"}
	})
	if _, err := job.Run(t.Context(), textLog(&log), []byte(`{}`)); err == nil || !strings.Contains(log.String(), "level=WARN") || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("%v, log %s", err, &log)
	}
}

func TestAJobEndsEarlyEnoughToSayWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		job := trigger.Job[order, receipt](func(ctx context.Context, _ order) (*receipt, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		_, err := job.Run(ctx, textLog(&log), []byte(`{}`))
		if failure.Of(err).Name != failure.Unavailable || ctx.Err() != nil || !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("%v, after the deadline: %v, log %s", err, ctx.Err(), &log)
		}
	})
}
