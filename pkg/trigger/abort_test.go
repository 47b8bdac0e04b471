package trigger

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

func streamOf(t *testing.T, l *Lambda) *events.LambdaFunctionURLStreamingResponse {
	t.Helper()
	out, ok := invoke(t, l, event(t, "functionurl")).(*events.LambdaFunctionURLStreamingResponse)
	if !ok {
		t.Fatal("no stream")
	}
	return out
}

func TestAnAnswerThatIsBrokenOffIsNoDefectAndNotWhole(t *testing.T) {
	var log bytes.Buffer
	l := &Lambda{Stream: true, AllowAnonymous: true, Log: slog.New(slog.NewTextHandler(&log, nil)), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	})}
	text, err := io.ReadAll(streamOf(t, l).Body)
	if string(text) != "half" || err == nil || !strings.Contains(err.Error(), "broke off") || log.Len() > 0 {
		t.Errorf("%q, %v, log %s", text, err, &log)
	}
	l.Stream = false
	if out, err := l.Invoke(t.Context(), event(t, "functionurl")); err == nil {
		t.Errorf("buffered: %v", out)
	}
}

func TestAStreamThatIsKnownNotToFitIsRefusedBeforeItBegins(t *testing.T) {
	l := &Lambda{Stream: true, AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		w.Header().Set("X-Total-Count", "1000000")
		w.Header().Set("Content-Length", strconv.Itoa(maxStream+1))
		if _, err := w.Write([]byte("id\n")); err == nil {
			t.Error("a part of it was taken")
		}
		panic(http.ErrAbortHandler)
	})}
	out := streamOf(t, l)
	text, err := io.ReadAll(out.Body)
	if out.StatusCode != http.StatusRequestEntityTooLarge || err != nil || !json.Valid(text) || !strings.Contains(string(text), "Response.TooLarge") || out.Headers["X-Total-Count"] != "" {
		t.Errorf("%d %v %q, %v", out.StatusCode, out.Headers, text, err)
	}
}
