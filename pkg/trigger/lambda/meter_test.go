package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

// metrics are the records with figures in a log.
func metrics(t *testing.T, log *bytes.Buffer) (records []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record["_aws"] != nil {
			records = append(records, record)
		}
	}
	log.Reset()
	return records
}

func TestEachInvocationOfAJobEndsWithItsFigures(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.New(&out, telemetry.Options{Level: "ERROR"})
	job := &lambda.Job[order, receipt]{Log: log, Meter: lambda.NewMeter(telemetry.JobSnapshot, log), Do: func(_ context.Context, in order) (*receipt, error) {
		if in.Run == "" {
			return nil, &failure.Named{Public: "Snapshot.Suspect", Text: "nobody is left"}
		}
		return &receipt{in.Run}, nil
	}}
	for event, want := range map[string][3]float64{`{"run":"a"}`: {0, 0, 0}, `{}`: {0, 0, 1}, `{"runn":"a"}`: {1, 0, 0}} {
		_, _ = job.Invoke(invoked(t), []byte(event))
		got := metrics(t, &out)
		if len(got) != 1 || got[0]["requestId"] != "r-1" || got[0]["FunctionName"] != "snapshot" || got[0]["level"] != "ERROR" ||
			got[0]["Failed"] != want[0] || got[0]["Incomplete"] != want[1] || got[0]["Suspect"] != want[2] {
			t.Errorf("%s: %v", event, got)
		}
	}
	lambda.Fail(job, errors.New("ROLLCALL_SELEKT is not a variable"))
	_, _ = job.Invoke(invoked(t), []byte(`{}`))
	if got := metrics(t, &out); len(got) != 1 || got[0]["Failed"] != 1.0 {
		t.Errorf("broken: %v", got)
	}
}

func TestEachJobOfABatchHasItsFigures(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.New(&out, telemetry.Options{})
	q := &lambda.Queue[order, receipt]{Job: lambda.Job[order, receipt]{Log: log, Meter: lambda.NewMeter(telemetry.JobChanges, log), Do: func(_ context.Context, in order) (*receipt, error) {
		if in.Run == "bad" {
			return nil, &failure.Named{Public: "Sink.Failed", Text: "the bus is down"}
		}
		return &receipt{in.Run}, nil
	}}, Unfinished: func(*receipt) bool { return false }}
	event := events.SQSEvent{}
	for i, body := range []string{`{"run":"a"}`, `{"run":"bad"}`, `{"run":"a"}`, `nonsense`} {
		event.Records = append(event.Records, events.SQSMessage{MessageId: "m-" + string(rune('0'+i)), Body: body, EventSource: "aws:sqs"})
	}
	text, _ := json.Marshal(event)
	if _, err := q.Invoke(invoked(t), text); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, record := range metrics(t, &out) {
		got = append(got, record["messageId"].(string)+" "+map[float64]string{0: "done", 1: "failed"}[record["Failed"].(float64)])
	}
	if all := strings.Join(got, ", "); all != "m-0 done, m-1 failed, m-3 failed" {
		t.Errorf("%s", all)
	}
	lambda.Fail(q, errors.New("broken"))
	for _, event := range []string{string(text), `{}`} {
		out.Reset()
		_, _ = q.Invoke(invoked(t), []byte(event))
		if got := metrics(t, &out); len(got) != 1 || got[0]["Failed"] != 1.0 {
			t.Errorf("%s: %v", event, got)
		}
	}
}

func TestEachTriggerOfRequestsIsMeasured(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.New(&out, telemetry.Options{})
	for _, stream := range []bool{false, true} {
		h := &lambda.HTTP{AllowAnonymous: true, Stream: stream, Log: log, Meter: lambda.NewMeter(telemetry.JobUsers, log), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			telemetry.Observe(r.Context(), telemetry.Users, 3)
			_, _ = io.WriteString(w, `{"value":[]}`)
		})}
		for _, name := range append(triggers(), "") {
			in := json.RawMessage(`{}`)
			if name != "" {
				in = event(t, name)
			}
			answer, err := h.Invoke(invoked(t), in)
			if err != nil {
				t.Fatal(err)
			}
			if body, ok := answer.(io.Reader); ok {
				_, _ = io.Copy(io.Discard, body)
			}
			if got := metrics(t, &out); len(got) != 1 || got[0]["Users"] != 3.0 || got[0]["requestId"] != "r-1" || got[0]["Suspect"] != nil {
				t.Errorf("%s, stream %v: %v", name, stream, got)
			}
		}
	}
}
