package azurebus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azqueue"
	"github.com/rollcall-dev/rollcall/pkg/bus/azurebus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventgrid"
)

// scopes are those of the services.
const (
	gridScope  = "https://eventgrid.azure.net/.default"
	queueScope = "https://storage.azure.com/.default"
)

// drivers are those of each service, which send to endpoint through transport.
func drivers(t *testing.T, endpoint string, transport policy.Transporter, failing error) map[string]bus.Driver {
	t.Helper()
	access := func(scope string) azurebus.Access {
		return azurebus.Access{
			Credential: &bustest.Credential{Scope: scope, Err: failing}, Options: policy.ClientOptions{Transport: transport},
		}
	}
	grid, err := eventgrid.New(eventgrid.Config{Host: "people.westeurope-1.eventgrid.azure.net", Endpoint: endpoint, Access: access(gridScope)})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := azqueue.New(azqueue.Config{Account: "contoso", Name: "people", Endpoint: endpoint, Access: access(queueScope)})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]bus.Driver{"eventgrid": grid, "azqueue": queue}
}

// canary is what no error may repeat.
const canary = "kim.canary@contoso.com"

func batch() []bus.Entry {
	return []bus.Entry{{ID: "a", Source: "s", Type: "t", Body: []byte("e30=")}}
}

// refused sends a message that is not to be taken.
func refused(t *testing.T, d bus.Driver) *bus.Refusal {
	t.Helper()
	failures, err := d.Send(t.Context(), batch())
	var refusal *bus.Refusal
	if !errors.As(err, &refusal) || len(failures) > 0 {
		t.Fatalf("%s: %v, %v", d, failures, err)
	}
	if text := refusal.Error() + refusal.Remedy; strings.Contains(text, "canary") || refusal.Remedy == "" && refusal.Problem == "" {
		t.Errorf("%s: %s", d, text)
	}
	return refusal
}

func serve(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAnAnswerIsExplained(t *testing.T) {
	for _, row := range []struct {
		status        int
		retry, divide bool
		code, remedy  string
	}{
		{400, false, true, "SomeCode", ""},
		{401, false, false, "SomeCode", "tenant"},
		{403, false, false, "SomeCode", "give the identity the role"},
		{404, false, false, "SomeCode", "correct its name"},
		{408, true, false, "SomeCode", "later"},
		{409, false, false, "SomeCode", ""},
		{410, false, false, "SomeCode", "correct its name"},
		{413, false, true, "SomeCode", ""},
		{429, true, false, "SomeCode", "quota"},
		{500, true, false, "SomeCode", "later"},
		{503, true, false, "SomeCode", "quota"},
		{599, true, false, "", "later"},
		{202, false, false, "", "private endpoint"},
		{204, false, false, "", "private endpoint"},
		{307, false, false, "", "private endpoint"},
	} {
		elsewhere := atomic.Int32{}
		other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
		endpoint := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ms-request-id", "req-7")
			w.Header().Set("Location", other)
			w.Header().Set("Retry-After", "11")
			w.WriteHeader(row.status)
			if row.code != "" {
				_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`, row.code, canary)
			}
		})
		for name, d := range drivers(t, endpoint, nil, nil) {
			r := refused(t, d)
			code := row.code
			if code == "" {
				code = fmt.Sprintf("HTTP %d", row.status)
			}
			if r.Retry != row.retry || r.Divide != (row.divide && name == "eventgrid") || r.Code != code || r.RequestID != "req-7" || !strings.Contains(r.Remedy, row.remedy) {
				t.Errorf("%s, %d: %+v", d, row.status, r)
			}
			if r.After != 11*time.Second {
				t.Errorf("%s, %d: wait %s", d, row.status, r.After)
			}
		}
		if elsewhere.Load() > 0 {
			t.Errorf("%d: a request went elsewhere", row.status)
		}
	}
}

func TestTheOtherStatusOfSuccessIsNone(t *testing.T) {
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api") {
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, "<html>sign in to the wireless network</html>")
	})
	for _, d := range drivers(t, endpoint, nil, nil) {
		if r := refused(t, d); r.Divide {
			t.Errorf("%s: %+v", d, r)
		}
	}
}

// named is an error of this project's own, which says what to do.
type named struct{}

func (named) Error() string { return "AZURE_CLIENT_ID is not a GUID" }
func (named) Name() string  { return "Config.Invalid" }

func TestAMissingTokenIsExplained(t *testing.T) {
	for _, row := range []struct {
		err             error
		retry           bool
		problem, remedy string
	}{
		{errors.New("managed identity: " + canary), false, "Azure gave no token", "managed identity"},
		{fmt.Errorf("%s: %w", canary, &net.DNSError{IsNotFound: true}), false, "does not resolve", "az login"},
		{fmt.Errorf("%s: %w", canary, io.ErrUnexpectedEOF), true, "the connection broke", "az login"},
		{fmt.Errorf("%s: %w", canary, context.DeadlineExceeded), true, "Azure gave no token", "az login"},
		{named{}, false, "AZURE_CLIENT_ID is not a GUID", ""},
	} {
		endpoint := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made without a token") })
		for _, d := range drivers(t, endpoint, nil, row.err) {
			if r := refused(t, d); r.Retry != row.retry || !strings.Contains(r.Problem, row.problem) || !strings.Contains(r.Remedy, row.remedy) {
				t.Errorf("%s, %v: %+v", d, row.err, r)
			}
		}
	}
}

func TestAConnectionThatFailsIsExplained(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	_ = listener.Close()
	for _, d := range drivers(t, closed, nil, nil) {
		if r := refused(t, d); !r.Retry || !strings.Contains(r.Problem, "refused") || r.Remedy == "" {
			t.Errorf("%s: %+v", d, r)
		}
	}
	broken := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, d := range drivers(t, broken, nil, nil) {
		if r := refused(t, d); !r.Retry || !strings.Contains(r.Problem, "broke") {
			t.Errorf("%s: %+v", d, r)
		}
	}
	late := errorTransport{fmt.Errorf("%s: %w", canary, context.DeadlineExceeded)}
	for _, d := range drivers(t, "", late, nil) {
		if r := refused(t, d); !r.Retry || !errors.Is(r, context.DeadlineExceeded) {
			t.Errorf("%s: %+v", d, r)
		}
	}
	for _, d := range drivers(t, "", errorTransport{errors.New(canary)}, nil) {
		if r := refused(t, d); r.Retry {
			t.Errorf("%s: %+v", d, r)
		}
	}
}

type errorTransport struct{ err error }

func (e errorTransport) Do(*http.Request) (*http.Response, error) { return nil, e.err }

// endless is an answer without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func (e *endless) Close() error { return nil }

type endlessTransport struct {
	status int
	body   *endless
}

func (e endlessTransport) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: e.status, Header: http.Header{}, Body: e.body, Request: r, ContentLength: -1}, nil
}

func TestAnAnswerWithoutAnEndIsNotReadWhole(t *testing.T) {
	for _, status := range []int{200, 201, 400, 503} {
		body := &endless{}
		for _, d := range drivers(t, "", endlessTransport{status, body}, nil) {
			if r := refused(t, d); body.read > 32<<20 {
				t.Errorf("%s, %d: %v after %d bytes", d, status, r, body.read)
			}
		}
	}
}

func TestABusNeedsACredential(t *testing.T) {
	if _, err := eventgrid.New(eventgrid.Config{Host: "people.westeurope-1.eventgrid.azure.net"}); err == nil {
		t.Error("Event Grid is published to by nobody")
	}
	if _, err := azqueue.New(azqueue.Config{Account: "contoso", Name: "people"}); err == nil {
		t.Error("a queue is published to by nobody")
	}
}
