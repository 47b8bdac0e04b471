package buses_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

func TestWebhooks(t *testing.T) {
	t.Run("single", func(t *testing.T) { bustest.RunServer(t, webhook(0)) })
	t.Run("batch", func(t *testing.T) { bustest.RunServer(t, webhook(100)) })
}

// webhook is a receiver over TLS on loopback.
func webhook(batch int) bustest.Open {
	return func(t *testing.T) bustest.Bus {
		var (
			mu  sync.Mutex
			all [][]byte
		)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			events := []json.RawMessage{body}
			if strings.HasPrefix(r.Header.Get("Content-Type"), "application/cloudevents-batch+json") {
				err = json.Unmarshal(body, &events)
			}
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, event := range events {
				all = append(all, event)
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		// Tests break connections, which would be logged.
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		cfg, err := https.Parse(server.URL + "/hook")
		if err != nil {
			t.Fatal(err)
		}
		secret, err := signature.ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Keys, cfg.AllowPrivate, cfg.Batch, cfg.RootCAs = []signature.Key{secret}, true, batch, pool
		driver, err := https.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return bustest.Bus{Driver: driver, Receive: func(context.Context, int) ([][]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			return append([][]byte(nil), all...), nil
		}}
	}
}
