package graph_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
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

func TestABrokenAnswerDoesNotShowPeopleInErrorsOrLogs(t *testing.T) {
	for name, garbage := range map[string]string{
		"status line": `{"id":"1","mail":"anna.canary@contoso.example"}` + "\r\n\r\n",
		"header":      "HTTP/1.1 200 OK\r\nanna.canary@contoso.example\r\n\r\n",
		"trailer":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nanna canary@contoso.example\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: anna.canary\r\n\r\n",
		"status":      "HTTP/1.1 anna.canary OK\r\n\r\n",
		"chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nanna.canary\r\n{}\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			client, text := rawServer(t, func(c net.Conn, r *bufio.Reader) {
				for {
					if _, err := http.ReadRequest(r); err != nil {
						return
					}
					_, _ = io.WriteString(c, garbage)
				}
			})
			_, err := readAll(t.Context(), client.Pager(graph.Query{}))
			if err == nil || strings.Contains(err.Error()+text.String(), "canary") {
				t.Errorf("error %v\nlog %s", err, text)
			}
		})
	}
}

func TestTheCodeOfAnErrorIsACode(t *testing.T) {
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
	client, _ := overTLS(t, func(http.ResponseWriter, *http.Request) {})
	_, err := client.User(t.Context(), "$anna.canary@contoso.example", graph.Query{})
	if strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestAReaderThatPanicsLeavesNoRequestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000, Latency: time.Second})
		client := newClient(t, tenant, tenant.Transport())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		func() {
			defer func() { _ = recover() }()
			for page, err := range client.Pager(graph.Query{Top: 100}).Pages(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				for _, err := range page.Users() {
					panic(err)
				}
			}
		}()
		synctest.Wait() // what was on its way when it was called off may still arrive
		before := len(tenant.Requests())
		time.Sleep(time.Minute)
		if n := len(tenant.Requests()); n != before {
			t.Errorf("%d requests then, %d later", before, n)
		}
	})
}
