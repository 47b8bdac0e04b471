package https_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// The example of the Standard Webhooks libraries' own tests.
const exampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func secret(t *testing.T, text string) signature.Key {
	t.Helper()
	s, err := signature.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func target(t *testing.T, url string) https.Target {
	t.Helper()
	c, err := https.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	return c.Target
}

// receiver is a webhook's double.
func receiver(t *testing.T, d *bustest.Double, batch int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPost || r.URL.Path != "/hook" || r.URL.RawQuery != "token=t0ken" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		verify(t, r.Header, body, exampleSecret)
		whole, _ := d.Take(messages(t, r.Header, body, batch))
		switch whole {
		case bustest.None:
			w.WriteHeader(http.StatusAccepted)
		case bustest.Hang:
			<-r.Context().Done()
		case bustest.Throttle:
			w.WriteHeader(http.StatusServiceUnavailable)
		case bustest.Deny:
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		_, _ = w.Write(body)
	})
}

func messages(t *testing.T, header http.Header, body []byte, batch int) []bustest.Message {
	contentType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if batch == 0 {
		var event struct{ ID string }
		if err := json.Unmarshal(body, &event); err != nil || contentType != "application/cloudevents+json" || header.Get("Webhook-Id") != event.ID {
			t.Errorf("webhook-id %q of %q as %s: %v", header.Get("Webhook-Id"), event.ID, contentType, err)
		}
		return []bustest.Message{{Body: body, Size: len(body)}}
	}
	var events []json.RawMessage
	if err := json.Unmarshal(body, &events); err != nil || contentType != "application/cloudevents-batch+json" || len(header.Get("Webhook-Id")) != 64 {
		t.Errorf("webhook-id %q as %s: %v", header.Get("Webhook-Id"), contentType, err)
	}
	var all []bustest.Message
	for i, event := range events {
		// The comma before it, or the bracket.
		m := bustest.Message{Body: event, Size: len(event) + 1}
		if i == 0 {
			m.Size++
		}
		all = append(all, m)
	}
	return all
}

func open(batch int) bustest.Open {
	return func(t *testing.T) bustest.Bus {
		limits := bus.Limits{Entries: max(batch, 1), Bytes: 1 << 20, EntryBytes: 1 << 20}
		d := &bustest.Double{Limits: limits, Whole: true}
		driver, err := https.New(https.Config{
			Target: target(t, "https://receiver.example.com/hook?token=t0ken"), Keys: []signature.Key{secret(t, exampleSecret)},
			Batch: batch, Transport: bustest.Transport{Handler: receiver(t, d, batch)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return bustest.Bus{Driver: driver, Double: d}
	}
}

func TestConformanceOfSingleEvents(t *testing.T) { bustest.Run(t, open(0)) }

func TestConformanceOfBatches(t *testing.T) { bustest.Run(t, open(100)) }

func TestOnlyTheHostOfTheAddressIsShown(t *testing.T) {
	b := open(0)(t)
	p := bus.New(b.Driver, bus.Options{})
	b.Double.SetScript(func(int, []bustest.Message) (bustest.Fault, []bustest.Fault) { return bustest.Refuse, nil })
	e := bustest.User(1, 0)
	if err := p.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	err := p.Flush(t.Context())
	if err == nil {
		t.Fatal("a refused event is no error")
	}
	for _, text := range []string{b.Driver.String(), err.Error()} {
		if strings.Contains(text, "t0ken") || strings.Contains(text, "hook?") || strings.Contains(text, e.Subject) {
			t.Errorf("shown: %s", text)
		}
		if !strings.Contains(text, "https://receiver.example.com") {
			t.Errorf("the host is not shown: %s", text)
		}
	}
}
