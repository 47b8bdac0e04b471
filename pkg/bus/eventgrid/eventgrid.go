// Package eventgrid publishes to an Azure Event Grid custom topic, whose input schema is
// CloudEvents 1.0: a request is a JSON array of CloudEvents in structured mode
// (application/cloudevents-batch+json).
//
// The service takes a request or refuses it as a whole. Keys of the topic are not
// supported: requests are signed by Entra ID.
package eventgrid

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/azurebus"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

const (
	// maxBytes is the limit of an event and of a whole request, "1 MB". Whether the
	// service means 1,000,000 or 1,048,576 is not written down.
	maxBytes = 1_000_000
	// maxEntries is a choice of this program: a topic takes 5,000 events a second.
	maxEntries = 500
	// brackets are the bytes of a request around its entries, one of which brings no
	// comma.
	brackets = len("[]") - len(",")

	contentType = "application/cloudevents-batch+json; charset=utf-8"
	apiVersion  = "2018-01-01"
	role        = "EventGrid Data Sender"
)

// domains are Event Grid's in the public cloud and in national ones. Tokens are asked for
// the domain itself.
func domains() []string {
	return []string{"eventgrid.azure.net", "eventgrid.azure.us", "eventgrid.azure.cn"}
}

// Config is a custom topic. It prints as its host.
type Config struct {
	// Host is that of the topic's endpoint: <topic>.<region>-1.eventgrid.azure.net.
	Host string
	// Endpoint is where requests go instead, with the rest of the path: to an emulator,
	// for example. Plain HTTP is for this machine. Empty means https://<Host>.
	Endpoint string `option:"endpoint"`
	// Access is how to sign in.
	Access azurebus.Access
}

var errAddress = errors.New("a topic is given by the host of its endpoint, eventgrid://<topic>.<region>-1.eventgrid.azure.net")

// Parse reads the address of a topic: //<host>. The error does not quote it.
func Parse(address string) (Config, error) {
	text, found := strings.CutPrefix(address, "//")
	host, err := origin.ParseName(strings.TrimSuffix(text, "/"))
	if !found || err != nil || domain(host) == "" {
		return Config{}, errAddress
	}
	return Config{Host: host}, nil
}

// domain returns Event Grid's domain that a topic's host belongs to, "" for none.
func domain(host string) string {
	for _, d := range domains() {
		if topic, found := strings.CutSuffix(host, "."+d); found && strings.Count(topic, ".") == 1 {
			return d
		}
	}
	return ""
}

// String names the topic.
func (c Config) String() string { return "topic " + c.Host }

// New returns the topic's driver; see [azurebus.New].
func New(c Config) (*azurebus.Driver, error) {
	at := domain(c.Host)
	if at == "" {
		return nil, errAddress
	}
	return azurebus.New(c.Access, azurebus.Spec{
		Service: "Event Grid", Resource: c.String(), Role: role, Scope: "https://" + at + "/.default",
		URL: "https://" + c.Host, Endpoint: c.Endpoint, Path: "api/events", Query: url.Values{"api-version": {apiVersion}},
		ContentType: contentType, Success: http.StatusOK, Divide: true,
		Limits: bus.Limits{Entries: maxEntries, Bytes: maxBytes - brackets, EntryBytes: maxBytes - brackets},
		Append: appendEvent, Body: body, Remedy: remedy,
	})
}

// appendEvent appends the event, whose size is with its comma.
func appendEvent(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendJSON(dst)
	return dst, len(dst) - start + len(","), nil
}

func body(batch []bus.Entry) []byte {
	size := brackets
	for _, e := range batch {
		size += len(e.Body) + len(",")
	}
	return bus.AppendArray(make([]byte, 0, size), batch)
}

// remedy says what to do about an answer, "" for what is common to all services.
func remedy(status int, _ string) string {
	if status == http.StatusBadRequest || status == http.StatusUnsupportedMediaType {
		return "check that the input schema of the topic is CloudEventSchemaV1_0, which is chosen when a topic is made"
	}
	return ""
}
