package simulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestPagesAndFaultsAreTheSameOverHTTP1AndHTTP2(t *testing.T) {
	for _, test := range []struct {
		fault  string
		opens  bool // a response arrives
		whole  bool // and can be read to its end
		syntax bool // and is JSON
	}{
		{"", true, true, true},
		{"reset-before-headers", false, false, false},
		{"reset", true, false, false},
		{"truncate", true, false, false},
		{"truncate-clean", true, true, false},
		{"stall", true, false, false},
		{"stall-headers", false, false, false},
	} {
		for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
			config := simulator.Config{Users: 200}
			if test.fault != "" {
				config.Faults = []simulator.Fault{{Name: test.fault, Times: -1}}
			}
			tenant := simulator.New(config)
			server, err := tenant.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			transport := server.Transport()
			if version == "HTTP/1.1" {
				transport.ForceAttemptHTTP2 = false
				transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
			}
			c := clientOf(t, tenant)
			c.http = &http.Client{Transport: transport}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if test.fault == "stall" || test.fault == "stall-headers" {
				ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
			}
			r := c.request(ctx, http.MethodGet, server.URL+"/v1.0/users?$top=200", "")
			r.Header.Set("Authorization", "Bearer "+c.token)
			a := c.do(r)
			cancel()
			if opens, whole := a.status == 200, a.err == nil; opens != test.opens || whole != test.whole || whole && json.Valid([]byte(a.body)) != test.syntax {
				t.Errorf("%s over %s: %d, %v, %d bytes ...%s", test.fault, version, a.status, a.err, len(a.body), a.body[max(0, len(a.body)-200):])
			}
			transport.CloseIdleConnections()
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTheServerStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server, err := simulator.New(simulator.Config{}).Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	if second, err := tenant.StartOn(t.Context(), server.URL[len("https://"):]); err == nil {
		_ = second.Close()
		t.Error("two servers share an address")
	}
}
