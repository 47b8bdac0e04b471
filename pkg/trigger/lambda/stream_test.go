package lambda_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

// streamed is what a Function URL streams.
func streamed(t *testing.T, h *lambda.HTTP, event json.RawMessage) *events.LambdaFunctionURLStreamingResponse {
	t.Helper()
	h.Stream = true
	out, ok := invoke(t, h, event).(*events.LambdaFunctionURLStreamingResponse)
	if !ok {
		t.Fatal("no stream")
	}
	return out
}

func TestABrokenStreamEndsWithTheErrorThatLambdaReports(t *testing.T) {
	for reason, want := range map[any][2]string{
		"canary":             {"Internal.Error", "TestABrokenStream"},
		http.ErrAbortHandler: {"Snapshot.Incomplete", "broke off"},
	} {
		out := streamed(t, &lambda.HTTP{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "user\n")
			panic(reason)
		})}, event(t, "functionurl"))
		body, err := io.ReadAll(out.Body)
		mustFail(t, err, want[0], want[1])
		if string(body) != "user\n" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q, %v", body, err)
		}
	}
}

func TestARefusalIsStreamedToo(t *testing.T) {
	out := streamed(t, &lambda.HTTP{Handler: http.HandlerFunc(echo)}, event(t, "functionurl-anonymous"))
	body, err := io.ReadAll(out.Body)
	if err != nil || out.StatusCode != 401 || !strings.Contains(string(body), "Request.Unauthorized") {
		t.Errorf("%d %s, %v", out.StatusCode, body, err)
	}
}

func TestAStreamKeepsRoomForItsClosingRecord(t *testing.T) {
	chunk := make([]byte, 1<<20)
	last := []byte("\n" + `{"@rollcall.complete":false}` + "\n")
	var failed, closed, after error
	out := streamed(t, &lambda.HTTP{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for failed == nil {
			_, failed = w.Write(chunk)
		}
		_, _ = w.Write(nil)
		_, closed = w.Write(last)
		_, after = w.Write([]byte("x"))
	})}, event(t, "functionurl"))
	tail := &tail{}
	const limit = 200_000_000 // Lambda's
	n, err := io.Copy(tail, out.Body)
	if err != nil || n > limit || n < limit-4<<10-int64(len(chunk)) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if !bytes.HasSuffix(tail.last, last) || closed != nil {
		t.Errorf("the stream ends with %q, %v", tail.last, closed)
	}
	for _, err := range []error{failed, after} {
		var named interface{ Name() string }
		if !errors.As(err, &named) || named.Name() != "Response.TooLarge" || !strings.Contains(err.Error(), "200 MB") {
			t.Errorf("the handler got %v", err)
		}
	}
}

// tail keeps the end of what is written to it.
type tail struct{ last []byte }

func (w *tail) Write(p []byte) (int, error) {
	w.last = append(w.last, p...)
	w.last = w.last[max(0, len(w.last)-100):]
	return len(p), nil
}
