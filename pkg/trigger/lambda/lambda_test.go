package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func invoked(t *testing.T) context.Context {
	t.Helper()
	return lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
}

func mustFail(t *testing.T, err error, name, text string) {
	t.Helper()
	var got messages.InvokeResponse_Error
	if !errors.As(err, &got) || got.Type != name || !strings.Contains(got.Message, text) {
		t.Errorf("the error is %v, want a %s with %q", err, name, text)
	}
}

type order struct {
	Run string `json:"run"`
}

type receipt struct {
	Done string `json:"done"`
}

func TestTheInvocationsIDReachesTheHandler(t *testing.T) {
	var seen string
	h := &lambda.HTTP{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = telemetry.RequestID(r.Context()) })}
	if _, err := h.Invoke(invoked(t), json.RawMessage(`{}`)); err != nil || seen != "r-1" {
		t.Errorf("the handler sees %q, %v", seen, err)
	}
}

func TestAJobAnswersWithItsResultOrItsPublicName(t *testing.T) {
	var log bytes.Buffer
	job := &lambda.Job[order, receipt]{Log: textLog(&log), Do: func(ctx context.Context, in order) (*receipt, error) {
		switch in.Run {
		case "":
			return nil, &failure.Named{Public: "Snapshot.Suspect", Text: "nobody is left"}
		case "panic":
			panic("kim@contoso.com")
		}
		return &receipt{telemetry.RequestID(ctx) + " " + in.Run}, nil
	}}
	out, err := job.Invoke(invoked(t), []byte(`{"run":"2026-11-22"}`))
	if text, _ := json.Marshal(out); err != nil || string(text) != `{"done":"r-1 2026-11-22"}` {
		t.Errorf("%s, %v", text, err)
	}
	for event, want := range map[string][2]string{
		`null`:            {"Snapshot.Suspect", "nobody is left"},
		`{"version":"0"}`: {"Request.Invalid", `"version"`},
		`{"run":"panic"}`: {"Internal.Error", "TestAJobAnswers"},
	} {
		log.Reset()
		out, err := job.Invoke(t.Context(), []byte(event))
		mustFail(t, err, want[0], want[1])
		if out != nil || !strings.Contains(log.String(), "level=ERROR") || strings.Contains(err.Error()+log.String(), "kim") {
			t.Errorf("%s: %v, %v, log %s", event, out, err, &log)
		}
	}
}

func TestAFunctionThatCannotStartTellsEveryCaller(t *testing.T) {
	broken := errors.New("ROLLCALL_SELEKT is not a variable")
	var log bytes.Buffer
	h := &lambda.HTTP{AllowAnonymous: true, Log: textLog(&log)}
	lambda.Fail(h, broken)
	for _, name := range triggers() {
		if got := answerOf(t, invoke(t, h, event(t, name))); got.StatusCode != http.StatusInternalServerError || !strings.Contains(got.Body, "ROLLCALL_SELEKT") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Body)
		}
	}
	job := &lambda.Job[order, receipt]{Log: textLog(&log)}
	lambda.Fail(job, broken)
	for _, f := range []lambda.Function{h, job} {
		_, err := f.Invoke(t.Context(), []byte(`{}`))
		mustFail(t, err, "Internal.Error", "ROLLCALL_SELEKT")
	}
	if n := strings.Count(log.String(), "cannot start"); n != 2 {
		t.Errorf("logged %d times: %s", n, &log)
	}
}

// The logs of Lambda itself name this id, too.
func TestTheInvocationsIDIsTheOneThatCallersGet(t *testing.T) {
	const id = "8f3a2c1e-0b4d-4c5e-9f60-718293a4b5c6"
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: id})
	for _, name := range triggers() {
		for want, h := range map[int]*lambda.HTTP{
			http.StatusUnauthorized:        {Handler: http.HandlerFunc(echo)},
			http.StatusInternalServerError: {Handler: failure.Handler(errors.New("broken")), AllowAnonymous: true},
		} {
			out, err := h.Invoke(ctx, edit(t, event(t, name), nil, "requestContext", "authorizer"))
			if err != nil {
				t.Fatal(err)
			}
			got := answerOf(t, out)
			if got.StatusCode == http.StatusOK && want == http.StatusUnauthorized {
				continue // its caller is verified without an authorizer
			}
			header := got.Headers["request-id"]
			if values := got.MultiValueHeaders["request-id"]; len(values) == 1 {
				header = values[0]
			}
			if got.StatusCode != want || header != id || !strings.Contains(got.Body, `"request-id":"`+id+`"`) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}
