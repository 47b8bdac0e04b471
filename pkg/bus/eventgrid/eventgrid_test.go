package eventgrid_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azurebus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventgrid"
)

const (
	address = "//people.westeurope-1.eventgrid.azure.net"
	scope   = "https://eventgrid.azure.net/.default"
)

// messages takes the events out of a request, as the service's REST reference has it.
func messages(t *testing.T) func(*http.Request) []bustest.Message {
	return func(r *http.Request) []bustest.Message {
		if r.Method != http.MethodPost || r.URL.Path != "/api/events" || r.URL.RawQuery != "api-version=2018-01-01" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if got := r.Header.Get("Content-Type"); got != "application/cloudevents-batch+json; charset=utf-8" {
			t.Errorf("content type %q", got)
		}
		var events []json.RawMessage
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &events)
		}
		if err != nil {
			t.Error(err)
		}
		var all []bustest.Message
		for i, event := range events {
			var cloud struct{ ID, Source, Type, SpecVersion string }
			if err := json.Unmarshal(event, &cloud); err != nil || cloud.ID == "" || cloud.Source == "" || cloud.Type == "" || cloud.SpecVersion != "1.0" {
				t.Errorf("%.100s is no CloudEvent: %v", event, err)
			}
			// The comma before it, or a bracket; the first brings both.
			m := bustest.Message{Body: event, Size: len(event) + 1}
			if i == 0 {
				m.Size++
			}
			all = append(all, m)
		}
		return all
	}
}

func answer(w http.ResponseWriter, fault bustest.Fault) {
	w.Header().Set("x-ms-request-id", "req-1")
	status, code := http.StatusOK, ""
	switch fault {
	case bustest.None:
	case bustest.Throttle:
		status, code = http.StatusTooManyRequests, "TooManyRequests"
	case bustest.Deny:
		status, code = http.StatusForbidden, "Forbidden"
	default:
		status, code = http.StatusBadRequest, "BadRequest"
	}
	w.WriteHeader(status)
	if code != "" {
		_, _ = io.WriteString(w, `{"error":{"code":"`+code+`","message":"kim@contoso.com sent this","details":[]}}`)
	}
}

func open(t *testing.T) bustest.Bus {
	d := &bustest.Double{Limits: bus.Limits{Entries: 500, Bytes: 1_000_000, EntryBytes: 1_000_000}, Whole: true}
	by := &bustest.Credential{Scope: scope}
	return bustest.Bus{Driver: driver(t, by, bustest.Client(bustest.Azure(t, d, by, messages(t), answer))), Double: d}
}

func driver(t *testing.T, by *bustest.Credential, transport policy.Transporter) bus.Driver {
	t.Helper()
	c := bustest.Parse(t, eventgrid.Parse, address)
	c.Access = azurebus.Access{Credential: by, Options: policy.ClientOptions{Transport: transport}}
	d, err := eventgrid.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformance(t *testing.T) { bustest.Run(t, open) }

func TestATopicIsGivenByItsHost(t *testing.T) {
	for text, host := range map[string]string{
		address:       address[2:],
		address + "/": address[2:],
		"//People.WestEurope-1.EventGrid.Azure.NET":   address[2:],
		"//people.usgovvirginia-1.eventgrid.azure.us": "people.usgovvirginia-1.eventgrid.azure.us",
		"//people.chinaeast2-1.eventgrid.azure.cn":    "people.chinaeast2-1.eventgrid.azure.cn",
		"people.westeurope-1.eventgrid.azure.net":     "",
		"//people":                                               "",
		"//eventgrid.azure.net":                                  "",
		"//people.eventgrid.azure.net":                           "",
		"//a.people.westeurope-1.eventgrid.azure.net":            "",
		"//people.westeurope-1.eventgrid.azure.net.evil.example": "",
		"//people.westeurope-1.eventgrid.azure.net:8443":         "",
		"//people.westeurope-1.eventgrid.azure.net/api/events":   "",
		"//people.westeurope-1.eventgrid.azure.net.":             "",
		"//user:secret@people.westeurope-1.eventgrid.azure.net":  "",
		"//people.westeurope-1.evileventgrid.azure.net":          "",
		"//people.westeurope-1.eventgr\u0131d.azure.net":         "",
		"//people.westeurope-1.eventgrid.azure.net#":             "",
		"//127.0.0.1": "",
		"https://people.westeurope-1.eventgrid.azure.net/":          "",
		"//people.westeurope-1.eventgrid.azure.net@127.0.0.1":       "",
		"//127.0.0.1/people.westeurope-1.eventgrid.azure.net":       "",
		"//-people.westeurope-1.eventgrid.azure.net":                "",
		"//secretsecretsecretsecretsecretsecret.westeurope-1.azure": "",
	} {
		c, err := eventgrid.Parse(text)
		if (err == nil) != (host != "") || c.Host != host {
			t.Errorf("%s is %+v, %v", text, c, err)
		}
		if err != nil && strings.Contains(err.Error(), "secretsecret") {
			t.Error(err)
		}
	}
}

// recorded is a server on loopback that answers every request alike.
type recorded struct {
	*httptest.Server

	requests atomic.Int32
}

func serve(t *testing.T, answer http.HandlerFunc) *recorded {
	t.Helper()
	r := &recorded{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.requests.Add(1)
		_, _ = io.Copy(io.Discard, request.Body)
		answer(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestEachCloudHasItsOwnTokens(t *testing.T) {
	emulator := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/topics/api/events" || r.Header.Get("Authorization") == "" || r.Header.Get("User-Agent") != "rollcall" {
			t.Errorf("%s %s %q", r.Method, r.URL, r.Header)
		}
	})
	for host, scope := range map[string]string{
		"people.westeurope-1.eventgrid.azure.net":   "https://eventgrid.azure.net/.default",
		"people.usgovvirginia-1.eventgrid.azure.us": "https://eventgrid.azure.us/.default",
		"people.chinaeast2-1.eventgrid.azure.cn":    "https://eventgrid.azure.cn/.default",
	} {
		by := &bustest.Credential{Scope: scope}
		d, err := eventgrid.New(eventgrid.Config{Host: host, Endpoint: emulator.URL + "/topics", Access: azurebus.Access{Credential: by}})
		if err != nil {
			t.Fatal(err)
		}
		if failures, err := d.Send(t.Context(), entries(1)); err != nil || len(failures) > 0 {
			t.Errorf("%s: %v, %v", host, failures, err)
		}
		if asked := by.Asked(); len(asked) != 1 || asked[0] != scope {
			t.Errorf("%s: tokens for %q", host, asked)
		}
	}
	if _, err := eventgrid.New(eventgrid.Config{Host: "evil.example", Access: azurebus.Access{Credential: &bustest.Credential{}}}); err == nil {
		t.Error("a token is sent to any host")
	}
}

func entries(n int) []bus.Entry {
	batch := make([]bus.Entry, n)
	for i := range batch {
		e := bustest.User(i, 0)
		batch[i] = bus.Entry{ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Body: e.AppendJSON(nil)}
	}
	return batch
}

func TestABatchIsOneArrayOfCloudEvents(t *testing.T) {
	var body string
	d := driver(t, &bustest.Credential{Scope: scope}, bustest.Client(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = string(text)
	})))
	batch := entries(2)
	batch[0].Body, batch[1].Body = []byte(`{"specversion":"1.0","id":"a"}`), []byte(`{"specversion":"1.0","id":"b"}`)
	if _, err := d.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if want := `[{"specversion":"1.0","id":"a"},{"specversion":"1.0","id":"b"}]`; body != want {
		t.Errorf("body %s, want %s", body, want)
	}
}

func TestTheWaitThatTheServiceAsksForIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			requests := 0
			d := driver(t, &bustest.Credential{Scope: scope}, bustest.Client(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if requests++; requests == 1 {
					w.Header().Set("Retry-After", "37")
					w.WriteHeader(status)
				}
			})))
			p := bus.New(d, bus.Options{})
			start := time.Now()
			if err := p.Publish(t.Context(), bustest.User(1, 0)); err != nil {
				t.Fatal(err)
			}
			if err := p.Flush(t.Context()); err != nil || requests != 2 || time.Since(start) < 37*time.Second {
				t.Errorf("%d: %d requests in %s: %v", status, requests, time.Since(start), err)
			}
			p.Close()
		}
	})
}
