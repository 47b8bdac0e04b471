package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// endpoint is what notifications are sent to.
type endpoint struct {
	mu       sync.Mutex
	requests []received
	// validate and notify answer, unless they are nil: a handshake rightly, a notification
	// with 202.
	validate, notify http.HandlerFunc
}

// received is one request to an endpoint.
type received struct {
	At                         time.Time
	Method, URL, Kind, Length  string
	Token                      string // decoded
	Value                      []notification
	body                       string
	hasToken, hasAuthorization bool
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := received{
		At: time.Now(), Method: r.Method, URL: "https://" + r.Host + r.URL.RequestURI(), Kind: r.Header.Get("Content-Type"),
		Token: r.URL.Query().Get("validationToken"), body: string(body),
		hasToken: r.URL.Query().Has("validationToken"), hasAuthorization: r.Header.Get("Authorization") != "",
	}
	var all struct{ Value []notification }
	_ = json.Unmarshal(body, &all)
	got.Value = all.Value
	e.mu.Lock()
	e.requests = append(e.requests, got)
	answer := e.notify
	if got.hasToken {
		answer = e.validate
	}
	e.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case got.hasToken:
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, got.Token)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// seen returns the requests so far, of handshakes or of notifications.
func (e *endpoint) seen(handshakes bool) (some []received) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.requests {
		if r.hasToken == handshakes {
			some = append(some, r)
		}
	}
	return some
}

// notification is an entry of a notification's body.
type notification struct {
	ChangeType, ClientState, Resource, SubscriptionID, TenantID, LifecycleEvent string
	SubscriptionExpirationDateTime                                              time.Time
	ResourceData                                                                map[string]json.RawMessage
}

// subscriber is a client with an endpoint.
type subscriber struct {
	*client
	*endpoint
}

func newSubscriber(t testing.TB, config simulator.Config) *subscriber {
	t.Helper()
	e := &endpoint{}
	config.Endpoints = simulator.TransportTo(e)
	return &subscriber{newClient(t, config), e}
}

// send sends a request about subscriptions.
func (s *subscriber) send(method, path, body string) answer {
	s.t.Helper()
	r := s.request(s.t.Context(), method, graphURL+"/v1.0/subscriptions"+path, body)
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	return s.do(r)
}

// fields are the members of a body, by name; a value that is empty is left out.
type fields map[string]any

// asked is the body of a request to subscribe, changed by some fields.
func asked(changes fields) string {
	all := fields{
		"changeType": "updated,deleted", "notificationUrl": "https://hook.example/notifications?code=a%20b", "resource": "users",
		"lifecycleNotificationUrl": "https://hook.example/notifications?code=a%20b", "clientState": "s3cret",
		"expirationDateTime": time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339),
	}
	for name, value := range changes {
		if all[name] = value; value == "" {
			delete(all, name)
		}
	}
	body, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(body)
}

// subscribe makes a subscription that must be made, and returns its id.
func (s *subscriber) subscribe(changes fields) string {
	s.t.Helper()
	a := s.send(http.MethodPost, "", asked(changes))
	var made struct{ ID string }
	if a.status != http.StatusCreated || json.Unmarshal([]byte(a.body), &made) != nil {
		s.t.Fatalf("%d %s %v", a.status, a.body, a.err)
	}
	return made.ID
}

func in(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }
