package graph_test

import (
	"net/http"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

func TestAPageIsAskedForPlainlyOverHTTP11(t *testing.T) {
	client, _ := overTLS(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Accept") != "application/json" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = w.Write([]byte(page(r, 1, 1)))
	})
	if n, err := readAll(t.Context(), client.Pager(graph.Query{})); n != 1 || err != nil {
		t.Errorf("%d users, %v", n, err)
	}
}

func TestTheTransportKeepsTheProxyAndRefusesOldTLS(t *testing.T) {
	transport := graph.NewTransport()
	if transport.Proxy == nil {
		t.Error("HTTPS_PROXY has no meaning")
	}
	if transport.TLSClientConfig.MinVersion < 0x0303 {
		t.Errorf("TLS from version %x on", transport.TLSClientConfig.MinVersion)
	}
	if transport.Protocols.HTTP2() || transport.Protocols.UnencryptedHTTP2() {
		t.Error("HTTP/2 would let a page that stalls hold up the next")
	}
}
