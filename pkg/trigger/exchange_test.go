package trigger_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// request is an exchange of a verified caller.
func request(method string) *trigger.Exchange {
	return &trigger.Exchange{
		Request: trigger.NewRequest(method, "api.example", &url.URL{Path: "/users"}, http.Header{}, "", false),
		Caller:  func(context.Context) (string, error) { return "job", nil },
		Limit:   trigger.Limit{Bytes: 1 << 20, Name: "1 MB", Advice: "ask for less"},
	}
}

func TestAPanicBecomesAnErrorThatShowsNothing(t *testing.T) {
	for name, answer := range map[string]func(*trigger.Server) error{
		"buffered": func(s *trigger.Server) error { _, err := s.Buffered(t.Context(), request("GET")); return err },
		"streamed": func(s *trigger.Server) error { _, err := s.Streamed(t.Context(), request("GET")); return err },
	} {
		var log bytes.Buffer
		err := answer(&trigger.Server{Log: textLog(&log), Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_ = []string{"canary"}[len(r.Method)]
		})})
		if err == nil || failure.Of(err).Name != "Internal.Error" || !strings.Contains(err.Error(), "TestAPanicBecomes") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
		if text := log.String(); !strings.Contains(text, "TestAPanicBecomes") || !strings.Contains(text, "runtime.boundsError") || strings.Contains(text, "canary") {
			t.Errorf("%s: the log says %s", name, text)
		}
	}
}

func TestAnAbortedAnswerIsAnErrorButNoDefect(t *testing.T) {
	var log bytes.Buffer
	s := trigger.Server{Log: textLog(&log), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	})}
	out, err := s.Buffered(t.Context(), request("GET"))
	if out != nil || failure.Of(err).Name != "Snapshot.Incomplete" || log.Len() > 0 {
		t.Errorf("buffered: %v, %v, log %s", out, err, &log)
	}
	stream, err := s.Streamed(t.Context(), request("GET"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(stream.Body)
	if string(text) != "half" || err == nil || failure.Of(err).Name != "Snapshot.Incomplete" || !strings.Contains(err.Error(), "broke off") || log.Len() > 0 {
		t.Errorf("streamed: %q, %v, log %s", text, err, &log)
	}
}

func TestOnlyTheHostSaysWhoCallsAndHow(t *testing.T) {
	names := []string{"X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-User", "Accept-Encoding"}
	var seen []string
	s := trigger.Server{AllowAnonymous: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = nil
		for _, name := range names {
			seen = append(seen, strings.Join(r.Header.Values(name), ","))
		}
	})}
	for _, c := range []struct {
		change func(*trigger.Exchange)
		want   string
	}{
		{func(*trigger.Exchange) {}, "  job "},
		{func(x *trigger.Exchange) { x.Prefix, x.PlainHTTP, x.Compressed = "/prod", true, true }, "/prod http job forged"},
		{func(x *trigger.Exchange) {
			x.Caller = func(context.Context) (string, error) { return "", errors.New("nobody") }
		}, "   "},
	} {
		x := request("GET")
		for _, name := range names {
			x.Request.Header.Set(name, "forged")
		}
		c.change(x)
		if _, err := s.Buffered(t.Context(), x); err != nil || strings.Join(seen, " ") != c.want {
			t.Errorf("%q, want %q, %v", strings.Join(seen, " "), c.want, err)
		}
	}
}

func TestARefusalIsLoggedWithoutTheCallersWords(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*trigger.Exchange)
		status int
		says   string
	}{
		"Request.Unauthorized": {func(x *trigger.Exchange) {
			x.Caller = func(context.Context) (string, error) { return "", errors.New("give canary an authorizer") }
		}, 401, "give canary an authorizer"},
		"Request.Invalid": {func(x *trigger.Exchange) { x.Problem = "canary is no path" }, 400, "canary is no path"},
	} {
		var log bytes.Buffer
		s := trigger.Server{Handler: http.NotFoundHandler(), Log: textLog(&log)}
		x := request("GET")
		x.Request.URL.RawQuery = "canary=1"
		c.change(x)
		out, err := s.Buffered(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := out.Text()
		if out.Status != c.status || !strings.Contains(text, c.says) || !strings.Contains(text, name) || (out.Header.Get("WWW-Authenticate") == "Bearer") != (c.status == 401) {
			t.Errorf("%s: %d %v %s", name, out.Status, out.Header, text)
		}
		if !strings.Contains(log.String(), "name="+name) || strings.Contains(log.String(), "canary") {
			t.Errorf("%s: log %s", name, &log)
		}
	}
}

func TestARefusalAndAnAnswerThatIsTooLargeHaveTheIDsOfTheRequest(t *testing.T) {
	const theirs = "3c0e5f1a-aaaa-4bbb-8ccc-000000000003"
	large := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		correlation.Begin(w, r)
		w.Header().Set("Content-Length", "3000000")
		w.Header().Set("Vary", "Accept")
		_, _ = w.Write(make([]byte, 3_000_000))
	})
	for status, change := range map[int]func(*trigger.Exchange){
		http.StatusUnauthorized:          func(x *trigger.Exchange) { x.Caller = nobody },
		http.StatusBadRequest:            func(x *trigger.Exchange) { x.Problem = "no path" },
		http.StatusRequestEntityTooLarge: func(*trigger.Exchange) {},
	} {
		var log bytes.Buffer
		s := trigger.Server{Handler: large, Log: telemetry.New(&log, telemetry.Options{})}
		ask := func() *trigger.Exchange {
			x := request("GET")
			x.Request.Header.Set("Client-Request-Id", theirs)
			change(x)
			return x
		}
		check := func(kind string, got int, h http.Header, body string) {
			id := h.Get("request-id")
			if got != status || uuid.Validate(id) != nil || h.Get("client-request-id") != theirs || h.Get("Vary") != "" ||
				!strings.Contains(body, `"request-id":"`+id+`"`) || !strings.Contains(body, `"client-request-id":"`+theirs+`"`) {
				t.Errorf("%s: %d %v %s", kind, got, h, body)
			}
			if refused := status != http.StatusRequestEntityTooLarge; refused && (!strings.Contains(log.String(), `"requestId":"`+id+`"`) || !strings.Contains(log.String(), `"clientRequestId":"`+theirs+`"`)) {
				t.Errorf("%s: the log says %s", kind, &log)
			}
		}
		out, err := s.Buffered(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		check("buffered", out.Status, out.Header, string(out.Body))
		stream, err := s.Streamed(t.Context(), ask())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(stream.Body)
		if err != nil {
			t.Fatal(err)
		}
		check("streamed", stream.Status, stream.Header, string(body))
	}
}

func nobody(context.Context) (string, error) { return "", errors.New("nobody") }
