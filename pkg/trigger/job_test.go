package trigger_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

type order struct {
	Run string `json:"run"`
}

type receipt struct {
	Done string `json:"done"`
}

// job answers with what do makes of the run that the event names.
func job(log *bytes.Buffer, do func(ctx context.Context, run string) (string, error)) *trigger.Job[order, receipt] {
	return &trigger.Job[order, receipt]{
		Do: func(ctx context.Context, in order) (*receipt, error) {
			done, err := do(ctx, in.Run)
			return &receipt{done}, err
		},
		Name: func(error) string { return "Internal.Error" },
		Log:  slog.New(slog.NewTextHandler(log, nil)),
	}
}

func mustFail(t *testing.T, err error, name, text string) {
	t.Helper()
	var told messages.InvokeResponse_Error
	if !errors.As(err, &told) || told.Type != name || !strings.Contains(told.Message, text) {
		t.Errorf("the error is %v, want a %s with %q", err, name, text)
	}
}

func TestAJobTakesItsFieldsOrNothing(t *testing.T) {
	var log bytes.Buffer
	type key struct{}
	j := job(&log, func(ctx context.Context, run string) (string, error) {
		id, _ := ctx.Value(key{}).(string)
		return id + " " + run, nil
	})
	j.Annotate = func(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) }
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "id"})
	for event, want := range map[string]string{`{}`: "id ", `null`: "id ", `{"run":"2026-11-22T02:15:00Z"}`: "id 2026-11-22T02:15:00Z"} {
		out, err := j.Invoke(ctx, []byte(event))
		if err != nil || out.Done != want {
			t.Errorf("%s: %+v, %v, want %q", event, out, err, want)
		}
	}
	for event, want := range map[string]string{
		`{"version":"0","detail-type":"Scheduled Event"}`: `"version"`, `{"run":7}`: "run", `[]`: "array", ``: "EOF",
	} {
		_, err := j.Invoke(ctx, []byte(event))
		mustFail(t, err, "Request.Invalid", want)
	}
}

func TestAJobThatFailsTellsSoByThePublicName(t *testing.T) {
	var log bytes.Buffer
	j := job(&log, func(context.Context, string) (string, error) { return "", errors.New("nobody is left") })
	j.Name = func(error) string { return "Snapshot.Suspect" }
	_, err := j.Invoke(t.Context(), []byte(`{}`))
	mustFail(t, err, "Snapshot.Suspect", "nobody is left")
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the failure is not logged: %s", &log)
	}
}

func TestAJobThatPanicsTellsWhereAndNotWhatAbout(t *testing.T) {
	var log bytes.Buffer
	j := job(&log, func(context.Context, string) (string, error) { panic("kim@contoso.com") })
	out, err := j.Invoke(t.Context(), []byte(`{}`))
	mustFail(t, err, "Internal.Error", "TestAJobThatPanicsTellsWhereAndNotWhatAbout")
	if out != nil || strings.Contains(err.Error()+log.String(), "kim") {
		t.Errorf("told: %v, %v, %s", out, err, &log)
	}
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the failure is not logged: %s", &log)
	}
}
