package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

// clerk does what queues ask for, and keeps a list of it.
type clerk struct {
	did  []string
	log  bytes.Buffer
	does func(ctx context.Context, run string) (*receipt, error)
}

func (c *clerk) queue() *lambda.Queue[order, receipt] {
	return &lambda.Queue[order, receipt]{
		Unfinished: func(r *receipt) bool { return r.Done == "continue" },
		Job: lambda.Job[order, receipt]{Log: telemetry.New(&c.log, telemetry.Options{}), Do: func(ctx context.Context, in order) (*receipt, error) {
			c.did = append(c.did, in.Run)
			if c.does != nil {
				return c.does(ctx, in.Run)
			}
			switch {
			case strings.HasPrefix(in.Run, "bad"):
				return nil, &failure.Named{Public: "Sink.Failed", Text: "down"}
			case strings.HasPrefix(in.Run, "conflict"):
				return nil, &failure.Named{Public: "State.Conflict", Text: "another run"}
			case strings.HasPrefix(in.Run, "panic"):
				panic("kim@contoso.com")
			case strings.HasPrefix(in.Run, "long"):
				return &receipt{"continue"}, nil
			}
			return &receipt{"complete"}, nil
		}},
	}
}

// batchOf is an event with a message for each text, which is a body with the message's
// group before it: "group:body".
func batchOf(t testing.TB, texts ...string) json.RawMessage {
	t.Helper()
	records := make([]any, len(texts))
	for i, text := range texts {
		group, body, _ := strings.Cut(text, ":")
		attributes := members{"ApproximateReceiveCount": "1"}
		if group != "" {
			attributes["MessageGroupId"] = group
		}
		var one struct{ Records []members }
		if err := json.Unmarshal(event(t, "sqs-fifo"), &one); err != nil {
			t.Fatal(err)
		}
		r := one.Records[0]
		r["messageId"], r["body"], r["attributes"] = fmt.Sprintf("m-%d", i), body, attributes
		records[i] = r
	}
	raw, err := json.Marshal(members{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// stay returns the messages that stay in the queue.
func stay(t testing.TB, out any) string {
	t.Helper()
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Failures *[]struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&answer); err != nil || answer.Failures == nil {
		t.Fatalf("the answer is %s, %v", raw, err)
	}
	var ids []string
	for _, f := range *answer.Failures {
		ids = append(ids, f.ID)
	}
	return strings.Join(ids, " ")
}

func TestMessagesStayInTheQueueUntilTheirJobIsDone(t *testing.T) {
	for name, c := range map[string]struct {
		messages []string
		did      string
		stay     string
	}{
		"one":                                   {[]string{`:{"run":"a"}`}, "a", ""},
		"one that asks for nothing":             {[]string{`:{}`}, "", ""},
		"one that fails":                        {[]string{`:{"run":"bad"}`}, "bad", "m-0"},
		"one that panics":                       {[]string{`:{"run":"panic"}`, `:{"run":"a"}`}, "panic a", "m-0"},
		"one that is not at its end":            {[]string{`:{"run":"long"}`}, "long", "m-0"},
		"a poisonous one among others":          {[]string{`:{"run":"a"}`, `:canary`, `:{"run":"b"}`}, "a b", "m-1"},
		"poison of all kinds":                   {[]string{`:`, `:{"canary":1}`, `:{"run":7}`, `:[]`, `:{"run":"a"}{}`, `:{"run":"a"}`}, "a", "m-0 m-1 m-2 m-3 m-4"},
		"several that ask for the same":         {[]string{`:{"run":"a"}`, `:{ "run": "a" }`, `:{"run":"b"}`, `:{"run":"a"}`}, "a b", ""},
		"several that fail for the same reason": {[]string{`:{"run":"bad"}`, `:{"run":"bad"}`, `:{"run":"long"}`, `:{"run":"long"}`}, "bad long", "m-0 m-1 m-2 m-3"},
		"a group whose first fails":             {[]string{`g:{"run":"bad"}`, `g:{"run":"a"}`, `h:{"run":"b"}`, `g:{"run":"c"}`}, "bad b", "m-0 m-1 m-3"},
		"a group whose second is poison":        {[]string{`g:{"run":"a"}`, `g:canary`, `g:{"run":"a"}`, `h:{"run":"a"}`}, "a", "m-1 m-2"},
		"a group that is to go on":              {[]string{`g:{"run":"long"}`, `g:{"run":"a"}`, `h:{"run":"a"}`}, "long a", "m-0 m-1"},
		"no group, in any order":                {[]string{`:{"run":"bad"}`, `:{"run":"a"}`}, "bad a", "m-0"},
	} {
		t.Run(name, func(t *testing.T) {
			k := &clerk{}
			out, err := k.queue().Invoke(invoked(t), batchOf(t, c.messages...))
			if err != nil {
				t.Fatal(err)
			}
			if got := stay(t, out); got != c.stay || strings.Join(k.did, " ") != c.did {
				t.Errorf("did %q, want %q; %q stay, want %q", k.did, c.did, got, c.stay)
			}
			if strings.Contains(k.log.String(), "canary") || strings.Contains(k.log.String(), "kim@") {
				t.Errorf("the log quotes a message: %s", &k.log)
			}
			if failed := strings.Contains(k.log.String(), `"level":"ERROR"`); failed != (c.stay != "" && !strings.Contains(c.did, "long")) && c.did != "bad long" {
				t.Errorf("log %s", &k.log)
			}
		})
	}
}

func TestARecordedEventIsTaken(t *testing.T) {
	k := &clerk{}
	q := lambda.Queue[struct {
		Tenant string `json:"tenant"`
	}, receipt]{Unfinished: func(*receipt) bool { return false }}
	q.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	q.Do = func(_ context.Context, in struct {
		Tenant string `json:"tenant"`
	},
	) (*receipt, error) {
		k.did = append(k.did, in.Tenant)
		return &receipt{}, nil
	}
	out, err := q.Invoke(invoked(t), event(t, "sqs-fifo"))
	if err != nil || stay(t, out) != "" || strings.Join(k.did, " ") != "7c0de5e1-1a57-4ace-8c0b-0123456789ab" {
		t.Errorf("%q, %v", k.did, err)
	}
}

func TestTheLogOfAMessageNamesIt(t *testing.T) {
	k := &clerk{}
	if _, err := k.queue().Invoke(invoked(t), batchOf(t, `:{"run":"bad"}`, `:{"run":"conflict"}`, `:x`)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`"level":"ERROR","message":"the job failed"`, `"level":"WARN","message":"the job failed"`, `"level":"ERROR","message":"the event was refused"`} {
		line := strings.Split(k.log.String(), "\n")[i]
		if !strings.Contains(line, want) || !strings.Contains(line, `"requestId":"r-1"`) || !strings.Contains(line, fmt.Sprintf(`"messageId":"m-%d"`, i)) {
			t.Errorf("%s is not a line with %s", line, want)
		}
	}
	if !strings.Contains(k.log.String(), `"messages":3,"stay":3,"untried":0`) {
		t.Errorf("%s", &k.log)
	}
}

func TestNoJobIsBegunWhenTheTimeIsNearlyOver(t *testing.T) {
	for name, c := range map[string]struct {
		limit, each time.Duration
		did         int
	}{
		"in a short invocation":       {40 * time.Second, 11 * time.Second, 3}, // begun with 40, 29, 18 left, not with 7
		"in a long one":               {15 * time.Minute, 290 * time.Second, 3},
		"the first is always tried":   {time.Second, 2 * time.Second, 1},
		"without a limit all of them": {0, time.Hour, 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, k := t.Context(), &clerk{}
				if c.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				k.does = func(ctx context.Context, _ string) (*receipt, error) {
					select {
					case <-time.After(c.each):
						return &receipt{}, nil
					case <-ctx.Done():
						return nil, context.Cause(ctx)
					}
				}
				out, err := k.queue().Invoke(ctx, batchOf(t, `:{"run":"0"}`, `:{"run":"1"}`, `:{"run":"2"}`, `:{"run":"3"}`, `:{"run":"4"}`, `:{"run":"0"}`))
				if err != nil || ctx.Err() != nil {
					t.Fatalf("the answer comes too late: %v", err)
				}
				want := map[int]string{1: "m-0 m-1 m-2 m-3 m-4 m-5", 3: "m-3 m-4", 5: ""}[c.did]
				if got := stay(t, out); got != want || len(k.did) != c.did {
					t.Errorf("%d were tried, %q stay, want %d and %q", len(k.did), got, c.did, want)
				}
			})
		})
	}
}

func TestAQueueTakesInvocationsAndSchedulesAsWell(t *testing.T) {
	k := &clerk{}
	for _, event := range []json.RawMessage{json.RawMessage(`{"run":"a"}`), json.RawMessage(`{}`), event(t, "scheduler"), event(t, "eventbridge")} {
		out, err := k.queue().Invoke(invoked(t), event)
		if r, ok := out.(*receipt); err != nil || !ok || r.Done != "complete" {
			t.Errorf("%s: %v, %v", event, out, err)
		}
	}
	if diff := cmp.Diff([]string{"a", "", "", ""}, k.did); diff != "" {
		t.Error(diff)
	}
	_, err := k.queue().Invoke(invoked(t), json.RawMessage(`{"run":"bad"}`))
	mustFail(t, err, "Sink.Failed", "down")
}

func TestAnEventThatIsNoMessageIsRefused(t *testing.T) {
	sqs := string(batchOf(t, `:{"run":"a"}`, `:{"run":"b"}`))
	for event, want := range map[string]string{
		string(event(t, "sns")):                "is from SNS",
		string(event(t, "s3")):                 "is from S3",
		string(event(t, "eventbridge-object")): "constant input {}",
		string(event(t, "rest")):               "is a REST API request",
		`{"Records":[]}`:                       "Records",
		`{"Records":[null]}`:                   "Records",
		`{"run":7}`:                            "wrong type",
		`[]`:                                   "not a JSON object",
		strings.Replace(sqs, `"m-1"`, `""`, 1): "has no messageId",
		strings.Replace(sqs, `"m-1"`, `7`, 1):  "wrong type",
		strings.Replace(sqs, `"m-1"`, `"canary canary"`, 1):                                                                             "has no messageId",
		strings.Replace(sqs, `"m-1"`, `"`+strings.Repeat("x", 101)+`"`, 1):                                                              "has no messageId",
		strings.Replace(sqs, `"body":"`, `"body":7,"was":"`, 1):                                                                         "wrong type",
		`{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"{}"},null]}`:                                                      "has no messageId",
		`{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"{}"},{"eventSource":"aws:kinesis","messageId":"n","body":"{}"}]}`: "from elsewhere",
	} {
		k := &clerk{}
		out, err := k.queue().Invoke(invoked(t), json.RawMessage(event))
		mustFail(t, err, "Request.Invalid", want)
		if out != nil || len(k.did) > 0 || strings.Contains(err.Error()+k.log.String(), "canary") {
			t.Errorf("%s: %v, did %q, %v", event, out, k.did, err)
		}
	}
}

func TestAQueueThatCannotStartFailsWithTheWholeBatch(t *testing.T) {
	k := &clerk{}
	q := k.queue()
	lambda.Fail(q, &failure.Named{Public: "Config.Invalid", Text: "ROLLCALL_SELEKT"})
	for _, event := range []json.RawMessage{batchOf(t, `:{"run":"a"}`), event(t, "scheduler"), json.RawMessage(`{}`)} {
		_, err := q.Invoke(invoked(t), event)
		mustFail(t, err, "Config.Invalid", "ROLLCALL_SELEKT")
	}
	if len(k.did) > 0 {
		t.Errorf("it did %q", k.did)
	}
}

// FuzzQueue has events that anybody may have written. Each ends in an error with a public
// name, or names only messages of the event, and a message that leaves the queue was an
// order that was done.
func FuzzQueue(f *testing.F) {
	for _, name := range []string{"sqs", "sqs-fifo", "sns", "scheduler", "eventbridge", "rest"} {
		f.Add([]byte(event(f, name)))
	}
	f.Add([]byte(batchOf(f, `g:{"run":"bad"}`, `g:{"run":"a"}`, `:{"run":"long"}`, `:{"run":"a"}`, `:{"run":"a"}`)))
	for _, text := range []string{
		`{"run":"a"}`, `null`, `{"Records":[{"eventSource":"aws:sqs"}]}`, `{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":null}]}`,
		`{"records":[{"eventsource":"aws:sqs","MESSAGEID":"m","body":"{\"run\":\"a\"}","attributes":{"messagegroupid":"g"}}]}`,
		`{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"{}","attributes":[]}]}`, `{"Records":{"eventSource":"aws:sqs"}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		k := &clerk{}
		out, err := k.queue().Invoke(t.Context(), event)
		if err != nil {
			if name := failure.Of(err).Name; out != nil || strings.Contains(err.Error(), "kim@") || name == "" {
				t.Fatalf("%v, %v", out, err)
			}
			return
		}
		if r, ok := out.(*receipt); ok {
			if len(k.did) != 1 || r == nil {
				t.Fatalf("%v, did %q", r, k.did)
			}
			return
		}
		var batch struct {
			Records []struct{ MessageID, Body string }
		}
		if err := json.Unmarshal(event, &batch); err != nil {
			t.Fatal(err)
		}
		left := map[string]bool{}
		for _, id := range strings.Fields(stay(t, out)) {
			left[id] = true
		}
		known := map[string]bool{}
		for _, m := range batch.Records {
			known[m.MessageID] = true
			var in order
			if !left[m.MessageID] && (json.Unmarshal([]byte(m.Body), &in) != nil || !slices.Contains(k.did, in.Run)) {
				t.Fatalf("message %q leaves the queue, did %q", m.Body, k.did)
			}
		}
		for id := range left {
			if !known[id] {
				t.Fatalf("%q stays and was not there", id)
			}
		}
	})
}
