package trigger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

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
	if out != nil || !errors.Is(err, suspect) || !strings.Contains(log.String(), "level=ERROR") {
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
