package simulator_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// listen serves an endpoint over TLS, and returns its address and its certificate.
func listen(t *testing.T, e *endpoint) (address string, certificate []byte) {
	t.Helper()
	server := httptest.NewTLSServer(e)
	t.Cleanup(server.Close)
	return server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestAServedTenantChangesByItselfAndNotifiesOverTLS(t *testing.T) {
	told := make(chan string, 1000)
	e := &endpoint{}
	e.notify = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		select {
		case told <- "":
		default:
		}
	}
	address, certificate := listen(t, e)
	endpoints, err := simulator.EndpointTransport(certificate, false)
	if err != nil {
		t.Fatal(err)
	}
	tenant := simulator.New(simulator.Config{Users: 100, Churn: 6000, Endpoints: endpoints})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &subscriber{clientOf(t, tenant), e}
	s.subscribe(fields{"notificationUrl": address + "/x?y=z", "lifecycleNotificationUrl": nil})
	for range 3 {
		<-told
	}
	if got := s.seen(false)[0]; got.Value[0].ClientState != "s3cret" || !strings.HasSuffix(got.URL, "/x?y=z") {
		t.Errorf("%+v", got)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	before := tenant.Notices()
	must(t, tenant.SetDepartment(0, "IT"))
	if after := tenant.Notices(); after != before {
		t.Errorf("a tenant that is closed delivers: %+v, then %+v", before, after)
	}
}

func TestNotificationsStayOnLoopbackUnlessTheyMayGoAnywhere(t *testing.T) {
	e := &endpoint{}
	address, certificate := listen(t, e)
	for name, row := range map[string]struct {
		pem      []byte
		anywhere bool
		url      string
		says     string
	}{
		"loopback":            {certificate, false, address, ""},
		"without the CA":      {nil, false, address, "certificate"},
		"elsewhere":           {certificate, false, "https://192.0.2.1:9/", "192.0.2.1:9 is not on loopback"},
		"elsewhere, by IPv6":  {certificate, false, "https://[2001:db8::1]:9/", "is not on loopback"},
		"elsewhere, dressed":  {certificate, false, "https://[::ffff:192.0.2.1]:9/", "is not on loopback"},
		"loopback, permitted": {certificate, true, address, ""},
	} {
		transport, err := simulator.EndpointTransport(row.pem, row.anywhere)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, row.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
	if _, err := simulator.EndpointTransport([]byte("nothing"), false); err == nil {
		t.Error("what is no certificate is taken")
	}
}

func TestPlainAddressesArePermittedOnLoopbackOnly(t *testing.T) {
	s := newSubscriber(t, simulator.Config{Users: 3, PlainLoopback: true})
	for address, want := range map[string]int{
		"http://127.0.0.1:1/x": 201, "http://localhost/x": 201, "http://[::1]:7": 201, "https://hook.example": 201,
		"http://hook.example": 400, "http://127.0.0.1.hook.example": 400, "http://localhost.hook.example": 400, "http://user@127.0.0.1": 400, "ftp://127.0.0.1": 400,
	} {
		if got := s.send(http.MethodPost, "", asked(fields{"notificationUrl": address})); got.status != want {
			t.Errorf("%s: %d %s", address, got.status, got.body)
		}
	}
}
