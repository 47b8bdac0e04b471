package graph_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// rawServer answers over TLS with whatever handle writes.
func rawServer(t *testing.T, handle func(conn net.Conn, requests *bufio.Reader)) (*graph.Client, *bytes.Buffer) {
	t.Helper()
	donor := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(donor.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: donor.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer func() { _ = c.Close() }(); handle(c, bufio.NewReader(c)) }()
		}
	}()
	transport := graph.NewTransport()
	transport.TLSClientConfig = donor.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	t.Cleanup(transport.CloseIdleConnections)
	var text bytes.Buffer
	client, err := graph.New(graph.Config{BaseURL: "https://" + l.Addr().String(), Tokens: oneToken{}, Transport: transport, Attempts: 2, Log: slog.New(slog.NewJSONHandler(&text, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return client, &text
}

func TestABrokenResponseShowsNoPeopleInErrorsOrLogs(t *testing.T) {
	for name, garbage := range map[string]string{
		"status line": `{"id":"1","mail":"anna.canary@contoso.example"}` + "\r\n\r\n",
		"header":      "HTTP/1.1 200 OK\r\nanna.canary@contoso.example\r\n\r\n",
		"trailer":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nanna canary@contoso.example\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: anna.canary\r\n\r\n",
		"status":      "HTTP/1.1 anna.canary OK\r\n\r\n",
		"chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nanna.canary\r\n{}\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for three retries
			client, text := rawServer(t, func(c net.Conn, r *bufio.Reader) {
				for {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					_, _ = io.WriteString(c, garbage)
				}
			})
			_, list := readAll(t.Context(), client.Pager(graph.Query{}))
			_, count := client.Count(t.Context(), graph.Query{}, new(graph.Stats))
			_, user := client.User(t.Context(), "7", graph.Query{})
			for _, err := range []error{list, count, user} {
				if err == nil || strings.Contains(err.Error()+text.String(), "canary") {
					t.Errorf("error %v\nlog %s", err, text)
				}
			}
		})
	}
}

func TestTextInPlaceOfAnErrorCodeIsNotShown(t *testing.T) {
	client, _ := overTLS(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		_, _ = w.Write([]byte(`{"error":{"code":"no such user anna.canary@contoso.example\nforged line","message":""}}`))
	})
	_, err := readAll(t.Context(), client.Pager(graph.Query{}))
	if strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestAUserNameWithADollarIsNotInTheError(t *testing.T) {
	client, _ := overTLS(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err := client.User(t.Context(), "$anna.canary@contoso.example", graph.Query{})
	if strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestAnErrorNeverShowsGraphsMessage(t *testing.T) {
	transport := &answers{all: []answer{{status: 403, body: `{"error":{"code":"Denied","message":"anna.canary","innerError":{"request-id":"r-1"}}}`}}}
	_, err := transport.client(t, graph.Config{}).Count(t.Context(), graph.Query{}, new(graph.Stats))
	var answer *graph.Error
	if !errors.As(err, &answer) || answer.Message != "anna.canary" || answer.RequestID != "r-1" {
		t.Fatalf("error %#v", answer)
	}
	if strings.Contains(err.Error()+answer.LogValue().String(), "canary") {
		t.Errorf("the message is shown: %v, %v", err, answer.LogValue())
	}
}

func TestARefusalSaysHowTheAppGetsThePermission(t *testing.T) {
	how := func(permission string) string { return "do this for " + permission }
	for _, row := range []struct {
		status int
		code   string
		grant  func(string) string
		want   string
	}{
		{403, "Authorization_RequestDenied", how, "; do this for User.Read.All"},
		{403, "", how, "; do this for User.Read.All"},
		{403, "Authentication_MSGraphPermissionMissing", how, "; do this for AuditLog.Read.All"},
		{403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", how, "licence"},
		{403, "Authorization_RequestDenied", nil, "with admin consent"},
		{403, "Authorization_RequestDenied", func(string) string { return "" }, "with admin consent"},
		{404, "Request_ResourceNotFound", how, "Graph answered 404"},
	} {
		transport := &answers{all: []answer{{status: row.status, body: `{"error":{"code":"` + row.code + `"}}`}}}
		_, err := transport.client(t, graph.Config{Grant: row.grant}).Count(t.Context(), graph.Query{}, new(graph.Stats))
		if err == nil || !strings.Contains(err.Error(), row.want) || row.status != 403 && strings.Contains(err.Error(), "do this") {
			t.Errorf("%d %s: %v, want %q", row.status, row.code, err, row.want)
		}
		var answer *graph.Error
		if errors.As(err, &answer); row.status == 403 && !strings.Contains(answer.LogValue().String(), strings.TrimPrefix(row.want, "; ")) {
			t.Errorf("%d %s: the log has %v, want %q", row.status, row.code, answer.LogValue(), row.want)
		}
	}
}

func TestTheBodyOfAnErrorIsReadUpToALimit(t *testing.T) {
	transport := &answers{all: []answer{{status: 400, body: `{"error":{"code":"` + strings.Repeat("x", 1<<20) + `"}}`}}}
	_, err := transport.client(t, graph.Config{}).Count(t.Context(), graph.Query{}, new(graph.Stats))
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestALostPageTokenIsRecognizedByStatusAndOnlyBehindALink(t *testing.T) {
	for status, lost := range map[int]bool{400: true, 404: true, 410: true, 403: false, 409: false, 500: false, 0: false} {
		if got := (&graph.Error{Status: status, Continuation: true}).PageToken(); got != lost {
			t.Errorf("%d behind a link: %t", status, got)
		}
		if (&graph.Error{Status: status}).PageToken() {
			t.Errorf("%d on a first page is taken for a lost token", status)
		}
	}
}
