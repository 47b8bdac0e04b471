package trigger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func streamed(t *testing.T, handler http.HandlerFunc) *events.APIGatewayProxyStreamingResponse {
	t.Helper()
	l := &Lambda{Stream: true, AllowAnonymous: true, Handler: handler}
	out, ok := invoke(t, l, event(t, "rest")).(*events.APIGatewayProxyStreamingResponse)
	if !ok {
		t.Fatalf("the answer is a %T", out)
	}
	return out
}

func TestAStreamStartsAsSoonAsItsStatusIsKnown(t *testing.T) {
	for name, start := range map[string]func(http.ResponseWriter) error{
		"a status": func(w http.ResponseWriter) error { w.WriteHeader(http.StatusOK); return nil },
		"a flush":  func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"a write": func(w http.ResponseWriter) error {
			_, err := io.WriteString(w, "one\n")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := streamed(t, func(w http.ResponseWriter, _ *http.Request) {
					time.Sleep(time.Second)
					w.Header().Set("X-Early", "1")
					if err := start(w); err != nil {
						t.Error(err)
					}
					w.Header().Set("X-Late", "1")
					w.WriteHeader(http.StatusTeapot)
					time.Sleep(time.Hour)
					_, _ = io.WriteString(w, "two\n")
				})
				begun := time.Now()
				if out.StatusCode != 200 || len(out.MultiValueHeaders["x-early"]) != 1 || out.MultiValueHeaders["x-late"] != nil {
					t.Errorf("%d %v", out.StatusCode, out.MultiValueHeaders)
				}
				body, err := io.ReadAll(out.Body)
				if err != nil || !strings.HasSuffix(string(body), "two\n") || time.Since(begun) != time.Hour {
					t.Errorf("%q, %v after %v", body, err, time.Since(begun))
				}
				if err := out.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAStreamThatIsNotReadStopsItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		var wrote, ctxErr error
		ended := false
		out := streamed(t, func(w http.ResponseWriter, r *http.Request) {
			for wrote == nil {
				_, wrote = w.Write([]byte("user\n"))
			}
			<-r.Context().Done()
			ctxErr = r.Context().Err()
			time.Sleep(closing / 2)
			ended = true
		})
		if _, err := io.ReadFull(out.Body, make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		if !ended || !errors.Is(wrote, io.ErrClosedPipe) || !errors.Is(ctxErr, context.Canceled) {
			t.Errorf("ended %v, write %v, context %v", ended, wrote, ctxErr)
		}
	})
}

func TestAHandlerThatDoesNotEndIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := streamed(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			time.Sleep(time.Hour)
		})
		begun := time.Now()
		if err := out.Close(); err != nil || time.Since(begun) != closing {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(time.Hour) // until it ends
	})
}

func TestAStreamEndsAtLambdasDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		l := &Lambda{Stream: true, AllowAnonymous: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			<-r.Context().Done()
			_, _ = io.WriteString(w, "cut")
		})}
		begun := time.Now()
		out, err := l.Invoke(ctx, event(t, "functionurl"))
		if err != nil {
			t.Fatal(err)
		}
		stream, ok := out.(*events.LambdaFunctionURLStreamingResponse)
		if !ok {
			t.Fatalf("%T", out)
		}
		body, err := io.ReadAll(stream.Body)
		if err != nil || string(body) != "cut" || time.Since(begun) != time.Minute-margin {
			t.Errorf("%q, %v after %v", body, err, time.Since(begun))
		}
	})
}

func TestAPanicBreaksTheStream(t *testing.T) {
	var log bytes.Buffer
	l := &Lambda{Stream: true, AllowAnonymous: true, Log: textLog(&log), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "user\n")
		panic("canary")
	})}
	reader, ok := invoke(t, l, event(t, "rest")).(*events.APIGatewayProxyStreamingResponse)
	if !ok {
		t.Fatal("no stream")
	}
	body, err := io.ReadAll(reader.Body)
	var named messages.InvokeResponse_Error
	if string(body) != "user\n" || !errors.As(err, &named) || named.Type != "Internal.Error" || strings.Contains(named.Message, "canary") {
		t.Errorf("%q, %v", body, err)
	}
	if !strings.Contains(log.String(), "TestAPanicBreaksTheStream") || strings.Contains(log.String(), "canary") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestARefusalIsStreamedToo(t *testing.T) {
	l := &Lambda{Stream: true, Handler: http.HandlerFunc(echo)}
	out, ok := invoke(t, l, event(t, "functionurl-anonymous")).(*events.LambdaFunctionURLStreamingResponse)
	if !ok {
		t.Fatal("no stream")
	}
	body, err := io.ReadAll(out.Body)
	if err != nil || out.StatusCode != 401 || !strings.Contains(string(body), "Request.Unauthorized") {
		t.Errorf("%d %s, %v", out.StatusCode, body, err)
	}
}

func TestAStreamedHEADHasNoBody(t *testing.T) {
	l := &Lambda{Stream: true, Handler: http.HandlerFunc(echo)}
	out, ok := invoke(t, l, edited(t, "rest", "HEAD", "httpMethod")).(*events.APIGatewayProxyStreamingResponse)
	if !ok {
		t.Fatal("no stream")
	}
	if body, err := io.ReadAll(out.Body); err != nil || len(body) > 0 || len(out.MultiValueHeaders["x-seen"]) != 2 {
		t.Errorf("%q, %v, %v", body, err, out.MultiValueHeaders)
	}
}

func TestAStreamKeepsRoomForItsLastWord(t *testing.T) {
	chunk := make([]byte, 1<<20)
	last := []byte("\n" + `{"@rollcall.complete":false}` + "\n")
	var failed, again, after error
	out := streamed(t, func(w http.ResponseWriter, _ *http.Request) {
		for failed == nil {
			_, failed = w.Write(chunk)
		}
		_, _ = w.Write(nil)
		_, again = w.Write(last)
		_, after = w.Write([]byte("x"))
	})
	tail := &tail{}
	n, err := io.Copy(tail, out)
	if err != nil || n > maxStream || n < maxStream-lastWord-int64(len(chunk)) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if !bytes.HasSuffix(tail.last, last) || again != nil {
		t.Errorf("the stream ends with %q, %v", tail.last, again)
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
