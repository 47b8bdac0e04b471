package azurebus_test

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azqueue"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventgrid"
)

// rawTransport answers every request alike.
type rawTransport []byte

func (raw rawTransport) Do(r *http.Request) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), r)
}

// FuzzAnswer has answers that no service gives. A message is taken only by the status and
// the words of its service, and no error quotes the answer.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 201 Created\r\n\r\n<QueueMessagesList><QueueMessage><MessageId>1</MessageId></QueueMessage></QueueMessagesList>",
		"HTTP/1.1 201 Created\r\n\r\n\ufeff<?xml version=\"1.0\" encoding=\"latin1\"?><QueueMessagesList><QueueMessage/></QueueMessagesList>",
		"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<Queue", "HTTP/1.1 201 Created\r\n\r\n<!DOCTYPE x [<!ENTITY a \"b\">]><QueueMessagesList>&a;",
		"HTTP/1.1 403 Forbidden\r\nx-ms-error-code: canarycanary canarycanary\r\n\r\n<Error><Code>canarycanary x</Code><Message>canarycanary</Message></Error>",
		"HTTP/1.1 403 Forbidden\r\nx-ms-request-id: canarycanary/x\r\n\r\n<Error><Code>AuthorizationFailure</Code>", "HTTP/1.1 400 x\r\n\r\n{\"error\":{\"code\":7,\"message\":\"canarycanary\"}}",
		"HTTP/1.1 400 x\r\n\r\n{\"error\":{\"code\":\"BadRequest\",\"message\":\"canarycanary\"", "HTTP/1.1 503 x\r\nRetry-After: -7\r\n\r\n", "HTTP/1.1 429 x\r\nRetry-After: 1e999\r\n\r\n",
		"HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer claims=\"Y2FuYXJ5\", error=\"insufficient_claims\"\r\n\r\n", "HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer claims=\"!\", error=\"insufficient_claims\"\r\n\r\n",
		"HTTP/1.1 301 x\r\nLocation: https://canarycanary.example/\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n<", "canarycanary", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		status := 0
		if response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil); err == nil {
			status = response.StatusCode
			_ = response.Body.Close()
		}
		for name, d := range drivers(t, "", rawTransport(raw), nil) {
			failures, err := d.Send(t.Context(), batch())
			var refusal *bus.Refusal
			switch {
			case len(failures) > 0:
				t.Fatalf("%s: %+v", d, failures)
			case errors.As(err, &refusal):
				if strings.Contains(refusal.Error()+refusal.Remedy, "canarycanary ") || strings.Contains(refusal.Problem+refusal.Remedy, "canary") || refusal.After < 0 {
					t.Fatalf("%s: %+v", d, refusal)
				}
			case err != nil:
				t.Fatalf("%s: %v (%T)", d, err, err)
			case name == "eventgrid" && status != http.StatusOK, name == "azqueue" && (status != http.StatusCreated || !bytes.Contains(raw, []byte("MessageId"))):
				t.Fatalf("%s: taken by %q", d, raw)
			}
		}
	})
}

// FuzzAddress has addresses of topics and queues. What is taken reads the same another
// time, leads to no host but Azure's, and no error quotes what was given.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{
		"//people.westeurope-1.eventgrid.azure.net", "//People.WestEurope-1.eventgrid.azure.net/", "//people.usgovvirginia-1.eventgrid.azure.us", "//a@people.westeurope-1.eventgrid.azure.net",
		"//people.westeurope-1.eventgrid.azure.net:443", "//people.westeurope-1.eventgrid.azure.net.", "//\u0130.westeurope-1.eventgrid.azure.net", "//..eventgrid.azure.net", "//127.0.0.1",
		"//contoso/people", "//contoso/people/", "//contoso/..", "//contoso/%2e%2e", "//contoso/pe--ople", "///", "//contoso.evil/people", "//contoso@evil/people", "//contoso/people\n", "//", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := eventgrid.Parse(text); err != nil {
			unquoted(t, err, text)
		} else if again, err := eventgrid.Parse("//" + c.Host); err != nil || again.Host != c.Host || strings.Trim(c.Host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" ||
			!strings.HasSuffix(c.Host, ".eventgrid.azure.net") && !strings.HasSuffix(c.Host, ".eventgrid.azure.us") && !strings.HasSuffix(c.Host, ".eventgrid.azure.cn") {
			t.Fatalf("%q is %+v, then %+v, %v", text, c, again, err)
		}
		if c, err := azqueue.Parse(text); err != nil {
			unquoted(t, err, text)
		} else if "//"+c.Account+"/"+c.Name != text || strings.Trim(c.Account, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Fatalf("%q is %+v", text, c)
		}
	})
}

// unquoted fails the test where an error repeats a part of a text that may be a secret.
func unquoted(t *testing.T, err error, text string) {
	t.Helper()
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/:@.?#", r) }) {
		if len(word) > 10 && strings.Contains(err.Error(), word) {
			t.Fatalf("%v quotes %q", err, word)
		}
	}
}
