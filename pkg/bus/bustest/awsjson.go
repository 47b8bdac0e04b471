package bustest

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// Codes are a service's error codes for the faults of a whole request.
type Codes struct{ Throttle, Refuse, Deny string }

// Of returns the code of a fault.
func (c Codes) Of(f Fault) string {
	switch f {
	case Throttle:
		return c.Throttle
	case Deny:
		return c.Deny
	}
	return c.Refuse
}

// AWSJSON is the double of a service that speaks AWS's JSON protocol: it decodes
// a request, asks d what to do with its messages, and answers.
func AWSJSON[Request any](t *testing.T, d *Double, codes Codes, messages func(*Request) []Message, answer func(*Request, []Fault) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request Request
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Errorf("%s: %v", r.Header.Get("X-Amz-Target"), err)
			return
		}
		whole, each := d.Take(messages(&request))
		var reply any
		switch whole {
		case None:
			reply = answer(&request, each)
		case Hang:
			<-r.Context().Done()
			return
		default:
			w.WriteHeader(http.StatusBadRequest)
			reply = map[string]string{"__type": codes.Of(whole), "message": "User: arn:aws:sts::1:assumed-role/r/person@example.com may not"}
		}
		_ = json.NewEncoder(w).Encode(reply)
	})
}

// OnAWS opens a bus of AWS at an address, whose requests go to the handler.
func OnAWS[C any, D bus.Driver](t *testing.T, h http.Handler, parse func(address string) (C, error), open func(aws.Config, C) (D, error), address string) D {
	t.Helper()
	cfg := aws.Config{
		Region: "eu-west-1", HTTPClient: Client(h),
		Credentials: credentials.NewStaticCredentialsProvider("double", "double", ""),
	}
	d, err := open(cfg, Parse(t, parse, address))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Parse parses the address of a bus.
func Parse[C any](t *testing.T, parse func(address string) (C, error), address string) C {
	t.Helper()
	c, err := parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// WantXML fails the test where a text has what XML 1.0 does not: the services
// that speak or spoke XML refuse it.
func WantXML(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %.200q", text)
	}
	for _, r := range text {
		switch {
		case r == 0x9, r == 0xA, r == 0xD, r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000:
		default:
			t.Errorf("%U is sent as it is", r)
		}
	}
}
