package snapshots_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// topic is an Event Grid topic, which is busy at first.
type topic struct {
	*httptest.Server
	mu       sync.Mutex
	requests int
	got      []event
	fail     string
}

func startTopic(t *testing.T) *topic {
	t.Helper()
	p := &topic{}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var events []event
		p.mu.Lock()
		defer p.mu.Unlock()
		switch p.requests++; {
		case p.requests == 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		case err != nil:
			p.fail = err.Error()
		case r.URL.RequestURI() != "/api/events?api-version=2018-01-01", r.Header.Get("Content-Type") != "application/cloudevents-batch+json; charset=utf-8":
			p.fail = r.Header.Get("Content-Type") + " to " + r.URL.String()
		case identity.Audience(r) != "https://eventgrid.azure.net":
			p.fail = "the token is for " + identity.Audience(r)
		case len(body) > 1_000_000 || json.Unmarshal(body, &events) != nil:
			p.fail = "it is no batch"
		}
		p.got = append(p.got, events...)
	}))
	t.Cleanup(p.Close)
	return p
}

// received takes every message out of a queue.
func received(t *testing.T, q *azurite.Queues, name string) []event {
	t.Helper()
	var all []event
	for {
		messages, err := q.Receive(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if len(messages) == 0 {
			return all
		}
		for _, m := range messages {
			var e event
			text, err := base64.StdEncoding.DecodeString(m.Text)
			if err == nil {
				err = json.Unmarshal(text, &e)
			}
			if err != nil {
				t.Fatalf("%v: %s", err, m.Text)
			}
			all = append(all, e)
		}
	}
}

// TestARunIsAnnouncedOnAzure sends to a storage queue and an Event Grid topic by the tokens
// of a managed identity.
func TestARunIsAnnouncedOnAzure(t *testing.T) {
	const users = 1200
	queues := harness.Start(t, azurite.StartQueues)
	who := harness.Start(t, identity.Start)
	grid := startTopic(t)
	if err := queues.CreateQueue(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	const bucket = "azure"
	d := deploy(t, bucket, simulator.Config{Users: users}, append(who.Environ(),
		"ROLLCALL_SINKS=s3://"+bucket+"/"+prefix+" azqueue://"+azurite.Account+"/people?users=each&endpoint="+queues.URL+
			" eventgrid://people.westeurope-1.eventgrid.azure.net?users=each&endpoint="+grid.URL)...)
	authority, err := os.ReadFile(queues.Authority)
	if err != nil {
		t.Fatal(err)
	}
	for _, certificate := range [][]byte{authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: grid.Certificate().Raw})} {
		if err := d.tenant.Trust(certificate); err != nil {
			t.Fatal(err)
		}
	}
	d.timeout = 2 * time.Minute
	d.start()
	result, _ := d.complete(snapshot.Input{Run: "r"})
	d.wantEverywhere("r", present(d.tenant, users, nil))

	announced := func(where string, got []event) {
		t.Helper()
		listed, completed := map[string]bool{}, 0
		for _, e := range got {
			switch {
			case e.Source != "urn:rollcall:tenant:"+d.tenant.TenantID || e.ID == "":
				t.Fatalf("%s: %+v", where, e)
			case e.Type == snapshot.EventListed && e.Subject == e.Data.User.ID:
				listed[e.Subject] = true
			case e.Type == snapshot.EventCompleted && e.Data.Users == users && e.Data.Manifest == result.Manifest:
				completed++
			default:
				t.Errorf("%s: %+v", where, e)
			}
		}
		if len(listed) != users || completed != 1 || len(got) != users+1 {
			t.Errorf("%s: %d events, %d users are listed, %d runs are complete", where, len(got), len(listed), completed)
		}
	}
	announced("the queue", received(t, queues, "people"))
	grid.mu.Lock()
	defer grid.mu.Unlock()
	announced("the topic", grid.got)
	if grid.fail != "" || grid.requests > 10 {
		t.Errorf("%d requests; %s", grid.requests, grid.fail)
	}
	for _, resource := range []string{"https://storage.azure.com", "https://eventgrid.azure.net"} {
		if n := who.Asked(resource); n != 1 {
			t.Errorf("%d tokens were bought for %s", n, resource)
		}
	}
}
