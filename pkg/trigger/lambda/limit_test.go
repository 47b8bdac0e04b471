package lambda_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

const (
	maxResponse = 6 << 20
	maxALB      = 1 << 20
	margin      = 400 * time.Millisecond
)

func writes(text string, n int) *lambda.HTTP {
	return &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat(text, n)))
	})}
}

func TestABodyThatTheTriggerCannotReturnIs413(t *testing.T) {
	limits := map[string]int{
		"rest": maxResponse, "httpapi": maxResponse, "httpapi1": maxResponse, "functionurl": maxResponse, "alb": maxALB, "alb-multi": maxALB,
	}
	for trigger, limit := range limits {
		for name, c := range map[string]struct {
			text string
			n    int
			want int
		}{
			"just under the limit":            {"a", limit - 512, 200},
			"just over the limit":             {"a", limit - 511, 413},
			"quotes that double":              {`"`, limit/2 - 255, 413},
			"quotes that fit":                 {`"`, limit/2 - 256, 200},
			"characters that become six":      {"<", limit/6 + 1, 413},
			"controls that become six":        {"\x01", limit/6 + 1, 413},
			"many characters that become six": {"\u2028", limit/6 - 100, 200},
			"characters of several bytes":     {"é", limit/2 - 256, 200},
		} {
			if limit != maxALB && c.text != "a" && trigger != "httpapi" {
				continue // what characters cost depends on no trigger
			}
			t.Run(trigger+"/"+name, func(t *testing.T) {
				out := invoke(t, writes(c.text, c.n), event(t, trigger))
				raw, err := json.Marshal(out)
				if err != nil || len(raw) > limit {
					t.Errorf("the response is %d bytes, %v", len(raw), err)
				}
				got := answerOf(t, out)
				if got.StatusCode != c.want {
					t.Fatalf("status %d, want %d", got.StatusCode, c.want)
				}
				for _, says := range []string{`"Response.TooLarge"`, fmt.Sprintf("%d MB", limit>>20), "ndjson", "$top"} {
					if c.want == 413 && !strings.Contains(got.Body, says) {
						t.Errorf("the envelope is %s, without %s", got.Body, says)
					}
				}
			})
		}
	}
}

func TestHeadersCountTowardsTheLimit(t *testing.T) {
	l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("h", 1000))
		_, _ = w.Write([]byte(strings.Repeat("a", maxALB-1024)))
	})}
	if got := answerOf(t, invoke(t, l, event(t, "alb"))); got.StatusCode != 413 {
		t.Errorf("status %d", got.StatusCode)
	}
}

func TestADirectInvocationReturnsAsMuchAsLambdaTakes(t *testing.T) {
	page, ok := invoke(t, writes("a", maxResponse), json.RawMessage(`{}`)).(json.RawMessage)
	if !ok || len(page) != maxResponse {
		t.Errorf("%d bytes", len(page))
	}
	_, err := writes("a", maxResponse+1).Invoke(t.Context(), json.RawMessage(`{}`))
	var named messages.InvokeResponse_Error
	if !errors.As(err, &named) || named.Type != "Response.TooLarge" || !strings.Contains(named.Message, "fewer users with top") {
		t.Errorf("%v", err)
	}
}

func TestTheHandlerIsStoppedAtTheLimit(t *testing.T) {
	written := 0
	var failed error
	l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for failed == nil {
			var n int
			n, failed = w.Write(make([]byte, 1000))
			written += n
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("a gap would be in what is returned")
		}
	})}
	if got := answerOf(t, invoke(t, l, event(t, "alb"))); got.StatusCode != 413 || written > maxALB {
		t.Errorf("status %d after %d bytes", got.StatusCode, written)
	}
	var named interface{ Name() string }
	if !errors.As(failed, &named) || named.Name() != "Response.TooLarge" {
		t.Errorf("the handler got %v", failed)
	}
}

func TestACompressedBodyGoesAsBase64(t *testing.T) {
	noise := bytes.Repeat([]byte{0x1f, 0x8b, 0xff, 0x00}, 300_000)
	send := func(n int) *lambda.HTTP {
		return &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") == "" {
				return
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(noise[:n/2])
			_, _ = w.Write(noise[n/2 : n])
		})}
	}
	for _, trigger := range []string{"httpapi", "httpapi1", "functionurl", "alb", "alb-multi"} {
		got := answerOf(t, invoke(t, send(1001), event(t, trigger)))
		body, err := base64.StdEncoding.DecodeString(got.Body)
		if !got.IsBase64Encoded || err != nil || !cmp.Equal(body, noise[:1001]) {
			t.Errorf("%s: %v %v", trigger, got.IsBase64Encoded, err)
		}
	}
	for _, trigger := range []string{"rest", "rest-base-path"} {
		for variables, want := range map[string]bool{`null`: false, `{}`: false, `{"compression":"gzip"}`: true, `{"compression":"none"}`: false, `{"compression":["gzip"]}`: false} {
			e := edited(t, trigger, json.RawMessage(variables), "stageVariables")
			if got := answerOf(t, invoke(t, send(1001), e)); got.IsBase64Encoded != want || (got.Body != "") != want {
				t.Errorf("%s: a REST API whose stage variables are %s was sent a compressed body: %v", trigger, variables, got.IsBase64Encoded)
			}
		}
	}
	// Three bytes take four.
	fits := (maxALB - 512 - len(`"":[""],`) - len("Content-Encodinggzip")) / 4 * 3
	for n, want := range map[int]int{fits: 200, fits + 1: 413} {
		out := invoke(t, send(n), event(t, "alb"))
		raw, err := json.Marshal(out)
		if got := answerOf(t, out); got.StatusCode != want || err != nil || len(raw) > maxALB {
			t.Errorf("%d bytes: status %d, %d bytes, %v", n, got.StatusCode, len(raw), err)
		}
	}
}

func TestAHEADHasNoBody(t *testing.T) {
	for _, trigger := range triggers() {
		path := []string{"httpMethod"}
		if strings.HasPrefix(trigger, "functionurl") || strings.HasPrefix(trigger, "httpapi") && trigger != "httpapi1" {
			path = []string{"requestContext", "http", "method"}
		}
		l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Method", r.Method)
			w.WriteHeader(http.StatusAccepted)
			if n, err := w.Write(make([]byte, 10<<20)); n != 10<<20 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		})}
		got := answerOf(t, invoke(t, l, edited(t, trigger, "HEAD", path...)))
		if got.StatusCode != 202 || got.Body != "" || got.Headers["x-method"]+strings.Join(got.MultiValueHeaders["x-method"], "") != "HEAD" {
			t.Errorf("%s: %+v", trigger, got)
		}
	}
}

func TestAHandlerThatSetsNoStatusAnswers200(t *testing.T) {
	l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})}
	if got := answerOf(t, invoke(t, l, event(t, "rest"))); got.StatusCode != 200 {
		t.Errorf("status %d", got.StatusCode)
	}
}

func TestTheHandlersDeadlineLeavesTimeToReportAFailure(t *testing.T) {
	const epoch = "requestTimeEpoch"
	for name, c := range map[string]struct {
		trigger string
		member  string
		age     time.Duration // of the event when Lambda got it
		lambda  time.Duration // until Lambda's deadline, 0 for none
		stream  bool
		want    time.Duration
	}{
		"REST":                            {"rest", epoch, 0, time.Minute, false, 29*time.Second - margin},
		"REST, late":                      {"rest", epoch, 3 * time.Second, time.Minute, false, 26*time.Second - margin},
		"REST, Lambda ends first":         {"rest", epoch, 0, 10 * time.Second, false, 10*time.Second - margin},
		"REST, a clock ahead":             {"rest", epoch, -time.Hour, time.Minute, false, 29*time.Second - margin},
		"REST, a recorded event":          {"rest", epoch, time.Hour, time.Minute, false, 29*time.Second - margin},
		"REST, no deadline":               {"rest", epoch, 0, 0, false, 29*time.Second - margin},
		"REST, streamed":                  {"rest", epoch, 0, 15 * time.Minute, true, 15*time.Minute - margin},
		"HTTP API":                        {"httpapi", "timeEpoch", time.Second, time.Minute, false, 29*time.Second - margin},
		"HTTP API that cannot stream":     {"httpapi", "timeEpoch", time.Second, time.Minute, true, 29*time.Second - margin},
		"payload 1.0":                     {"httpapi1", epoch, time.Second, time.Minute, false, 29*time.Second - margin},
		"Function URL":                    {"functionurl", "timeEpoch", time.Second, time.Minute, false, time.Minute - margin},
		"Function URL, streamed":          {"functionurl", "timeEpoch", time.Second, time.Minute, true, time.Minute - margin},
		"load balancer":                   {"alb", "timeEpoch", 0, time.Minute, false, time.Minute - margin},
		"Function URL without a deadline": {"functionurl", "timeEpoch", 0, 0, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				ctx := t.Context()
				if c.lambda > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithDeadline(ctx, now.Add(c.lambda))
					defer cancel()
				}
				var given time.Time
				var limited bool
				l := &lambda.HTTP{AllowAnonymous: true, Stream: c.stream, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					given, limited = r.Context().Deadline()
				})}
				e := edited(t, c.trigger, now.Add(-c.age).UnixMilli(), "requestContext", c.member)
				out, err := l.Invoke(ctx, e)
				if err != nil {
					t.Fatal(err)
				}
				if closer, ok := out.(interface{ Close() error }); ok {
					if err := closer.Close(); err != nil {
						t.Error(err)
					}
				}
				if limited != (c.want > 0) || limited && given.Sub(now) != c.want {
					t.Errorf("the handler has %v, want %v", given.Sub(now), c.want)
				}
			})
		})
	}
}

func TestAPanicBecomesAnErrorThatShowsNothing(t *testing.T) {
	var log bytes.Buffer
	for _, stream := range []bool{false, true} {
		log.Reset()
		l := &lambda.HTTP{AllowAnonymous: true, Stream: stream, Log: textLog(&log), Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_ = []string{"canary"}[len(r.Method)]
		})}
		out, err := l.Invoke(t.Context(), event(t, "rest"))
		var named messages.InvokeResponse_Error
		if out != nil || !errors.As(err, &named) || named.Type != "Internal.Error" || !strings.Contains(named.Message, "TestAPanicBecomes") {
			t.Errorf("%v, %v", out, err)
		}
		if text := log.String(); !strings.Contains(text, "TestAPanicBecomes") || !strings.Contains(text, "runtime.boundsError") || strings.Contains(text, "canary") {
			t.Errorf("the log says %s", text)
		}
	}
}
