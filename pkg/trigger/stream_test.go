package trigger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

func streamed(t *testing.T, handler http.HandlerFunc) *trigger.Stream {
	t.Helper()
	s := trigger.Server{Handler: handler}
	out, err := s.Streamed(t.Context(), request(http.MethodGet))
	if err != nil {
		t.Fatal(err)
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
				if out.Status != 200 || len(out.Header["X-Early"]) != 1 || out.Header["X-Late"] != nil {
					t.Errorf("%d %v", out.Status, out.Header)
				}
				body, err := io.ReadAll(out.Body)
				if err != nil || !strings.HasSuffix(string(body), "two\n") || time.Since(begun) != time.Hour {
					t.Errorf("%q, %v after %v", body, err, time.Since(begun))
				}
				if err := out.Body.Close(); err != nil {
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
			time.Sleep(time.Second / 2)
			ended = true
		})
		if _, err := io.ReadFull(out.Body, make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
		if err := out.Body.Close(); err != nil {
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
		if err := out.Body.Close(); err != nil || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		time.Sleep(time.Hour) // until it ends
	})
}

func TestAStreamEndsShortlyBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := trigger.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			<-r.Context().Done()
			_, _ = io.WriteString(w, "cut")
		})}
		begun := time.Now()
		out, err := s.Streamed(ctx, request(http.MethodGet))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(out.Body)
		if err != nil || string(body) != "cut" || time.Since(begun) != time.Minute-400*time.Millisecond {
			t.Errorf("%q, %v after %v", body, err, time.Since(begun))
		}
	})
}

func TestTheContextOfAStreamEndsWithItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var within context.Context
		out := streamed(t, func(w http.ResponseWriter, r *http.Request) {
			within = r.Context()
			_, _ = io.WriteString(w, "all")
		})
		if body, err := io.ReadAll(out.Body); err != nil || string(body) != "all" {
			t.Fatalf("%q, %v", body, err)
		}
		synctest.Wait()
		if within.Err() == nil {
			t.Error("what was read for the stream continues when its handler has returned")
		}
	})
}

func TestAPanicBreaksTheStream(t *testing.T) {
	var log bytes.Buffer
	s := trigger.Server{Log: textLog(&log), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "user\n")
		panic("canary")
	})}
	out, err := s.Streamed(t.Context(), request(http.MethodGet))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(out.Body)
	if string(body) != "user\n" || err == nil || failure.Of(err).Name != "Internal.Error" || strings.Contains(err.Error(), "canary") {
		t.Errorf("%q, %v", body, err)
	}
	if !strings.Contains(log.String(), "TestAPanicBreaksTheStream") || strings.Contains(log.String(), "canary") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestAStreamThatCannotFitIsRefusedBeforeItBegins(t *testing.T) {
	out := streamed(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		w.Header().Set("X-Total-Count", "1000000")
		w.Header().Set("Content-Length", strconv.Itoa(1<<20+1))
		if _, err := w.Write([]byte("id\n")); err == nil {
			t.Error("a part of it was taken")
		}
		panic(http.ErrAbortHandler)
	})
	text, err := io.ReadAll(out.Body)
	if out.Status != http.StatusRequestEntityTooLarge || err != nil || !json.Valid(text) || !strings.Contains(string(text), "Response.TooLarge") || out.Header.Get("X-Total-Count") != "" {
		t.Errorf("%d %v %q, %v", out.Status, out.Header, text, err)
	}
}

func TestAStreamedHEADHasNoBody(t *testing.T) {
	s := trigger.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Seen"] = []string{"one", "two"}
		_, _ = io.WriteString(w, "a body")
	})}
	out, err := s.Streamed(t.Context(), request(http.MethodHead))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(out.Body); err != nil || len(body) > 0 || len(out.Header["X-Seen"]) != 2 {
		t.Errorf("%q, %v, %v", body, err, out.Header)
	}
}

func TestAStreamIsNeverLongerThanItsLimitEvenWithItsClosingRecord(t *testing.T) {
	const limit, closing = 1 << 20, 4 << 10
	chunk, last := make([]byte, limit/2000), make([]byte, closing)
	var refused, closed error
	out := streamed(t, func(w http.ResponseWriter, _ *http.Request) {
		for refused == nil {
			_, refused = w.Write(chunk)
		}
		_, closed = w.Write(last)
	})
	n, err := io.Copy(io.Discard, out.Body)
	if err != nil || closed != nil || n > limit || n < limit-2*int64(len(chunk)) {
		t.Errorf("%d bytes, %v, %v", n, err, closed)
	}
}
