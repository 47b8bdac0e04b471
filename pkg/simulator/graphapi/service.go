// Package graphapi is Microsoft Graph's users API of a simulated tenant: lists,
// counts, single reads, batches and subscriptions, with their page tokens, permissions,
// throttling and error envelopes, and with the faults that are injected into
// them; and what it has for the client secrets of app registrations. It answers as Graph
// does, down to the order of JSON members.
//
// It may import every room of the simulator but vault.
package graphapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/login"
	"github.com/rollcall-dev/rollcall/pkg/simulator/subscription"
	"github.com/rollcall-dev/rollcall/pkg/simulator/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// Service is Graph for one tenant.
type Service struct {
	config    tenant.Config
	directory *directory.Directory
	tokens    *login.Service
	injector  *fault.Injector
	notices   *subscription.Service
	key       []byte
	meter     meter
	counts    atomic.Int64
	chains    chains
}

// New makes the service. tokens verifies the clients' access tokens, notices keeps their
// subscriptions.
func New(config tenant.Config, d *directory.Directory, tokens *login.Service, injector *fault.Injector, notices *subscription.Service) *Service {
	return &Service{config: config, directory: d, tokens: tokens, injector: injector, notices: notices, key: config.Key()}
}

// call is one request to Graph.
type call struct {
	*Service
	*wire.Exchange
	kind     string
	page     int       // of a list or a chain of delta links, from 1
	rights   right     // of the token's roles
	app      string    // whose token it is, by its client id
	faults   fault.Set // inside the answer
	poisoned bool      // the link that the page gets is refused
	units    int       // resource units charged
	used     float64   // share of the throttling limit
}

// endpoint is one kind of request.
type endpoint struct {
	path   string // below /v1.0; one that ends in a slash is followed by an argument
	kind   string
	method string
	serve  func(c *call, argument string)
}

func endpoints() []endpoint {
	return []endpoint{
		{"users", fault.List, http.MethodGet, (*call).list},
		{"users/delta", fault.Delta, http.MethodGet, (*call).delta},
		{"users/delta()", fault.Delta, http.MethodGet, (*call).delta},
		{"users/microsoft.graph.delta", fault.Delta, http.MethodGet, (*call).delta},
		{"users/microsoft.graph.delta()", fault.Delta, http.MethodGet, (*call).delta},
		{"users/$count", fault.Count, http.MethodGet, (*call).count},
		{"users/", fault.User, http.MethodGet, (*call).user},
		{deletedUsers, fault.Deleted, http.MethodGet, (*call).deletedList},
		{deletedUsers + "/", fault.User, http.MethodGet, (*call).deletedItem},
		{"$batch", fault.Batch, http.MethodPost, (*call).batch},
		{subscriptions, fault.Subscription, http.MethodGet, (*call).subscriptionList},
		{subscriptions, fault.Subscription, http.MethodPost, (*call).subscriptionCreate},
		{subscriptions + "/", fault.Subscription, http.MethodGet, (*call).subscriptionRead},
		{subscriptions + "/", fault.Subscription, http.MethodPatch, (*call).subscriptionRenew},
		{subscriptions + "/", fault.Subscription, http.MethodPost, (*call).subscriptionReauthorize},
		{subscriptions + "/", fault.Subscription, http.MethodDelete, (*call).subscriptionDelete},
		{applications + "/", fault.Application, http.MethodGet, (*call).application},
		{applications + "/", fault.Application, http.MethodPost, (*call).applicationAction},
		{"organization", "organization", http.MethodGet, (*call).organization},
	}
}

// route finds the endpoint of a request, and the argument in its path. With a method that
// the path does not have, it finds one of another method.
func route(method, path string) (found endpoint, argument string) {
	path = byAppID(strings.Trim(strings.TrimPrefix(path, "/v1.0"), "/"))
	key, keyed := parenthesised(path)
	if keyed {
		path = "users/" + key
	}
	for _, e := range endpoints() {
		rest, ok := strings.CutPrefix(path, e.path)
		ok = ok && (rest == "") != strings.HasSuffix(e.path, "/")
		if e.kind == fault.User {
			ok = ok && (keyed || !strings.HasPrefix(rest, "$"))
		} else {
			ok = ok && !keyed
		}
		if ok && e.method == method {
			return e, rest
		}
		if ok && found.serve == nil {
			found, argument = e, rest
		}
	}
	if found.serve == nil {
		return endpoint{kind: "other", method: http.MethodGet, serve: (*call).notFound}, path
	}
	return found, argument
}

// parenthesised reads users('key'), with quotation marks doubled and perhaps more behind
// it: the one way to write a sign-in name that begins with a dollar sign.
func parenthesised(path string) (key string, ok bool) {
	path, ok = strings.CutPrefix(path, "users('")
	end := strings.LastIndex(path, "')")
	if !ok || end < 0 {
		return "", false
	}
	return strings.ReplaceAll(path[:end], "''", "'") + path[end+len("')"):], true
}

// Serve answers a Graph request: waits as long as Graph does, verifies the token,
// injects faults, meters, and routes.
func (s *Service) Serve(x *wire.Exchange) {
	e, argument := route(x.R.Method, x.R.URL.Path)
	c := &call{Service: s, Exchange: x, kind: e.kind}
	switch e.kind {
	case fault.List, fault.Deleted:
		c.page = max(1, c.pageToken().page)
	case fault.Delta:
		c.page = max(1, c.deltaToken().page)
	case fault.Subscription:
		if x.R.Method == http.MethodGet && argument == "" {
			c.page = max(1, c.pageToken().page)
		}
	}
	x.Note(func(r *wire.Request) { r.Kind, r.Page = e.kind, c.page })
	if s.config.Chaos != 0 {
		x.Patience = s.config.Scaled(time.Minute)
	}
	if !x.Sleep(s.config.Latency) {
		return
	}
	if refusal := c.authenticate(); refusal != nil {
		c.fail(refusal)
		return
	}
	if s.config.MaxURL > 0 && len(c.Base())+len(x.R.URL.RequestURI()) > s.config.MaxURL {
		c.html(http.StatusRequestURITooLong)
		return
	}
	event := s.injector.Event(e.kind, c.page, identityOf(x.R))
	for _, number := range event.Changes {
		if s.config.NoDelta || s.config.B2C {
			// Users only come. A client that is not told of changes cannot tell one who
			// was renamed and missed, and one who left, from two who stayed.
			s.directory.Create()
			continue
		}
		s.directory.Disturb(number)
	}
	if k, ok := s.injector.Instead(e.kind, c.page, event); ok {
		c.inject(k)
		return
	}
	if refusal := c.charge(e.kind); refusal != nil {
		c.fail(refusal)
		return
	}
	c.faults = s.injector.Within(e.kind, c.page, event)
	x.NoteFaults(c.faults.Names()...)
	if c.faults.Has("governor") {
		c.used = max(c.used, 0.9)
	}
	c.answer(e, argument)
}

// identityOf is what a request has in common with its like in another run: its path and
// its query without tokens.
func identityOf(r *http.Request) string {
	options := strings.Split(r.URL.RawQuery, "&")
	options = slices.DeleteFunc(options, func(option string) bool {
		name, _, _ := strings.Cut(strings.ToLower(option), "=")
		return strings.HasSuffix(name, "skiptoken") || strings.HasSuffix(name, "deltatoken")
	})
	return r.URL.Path + "?" + strings.Join(options, "&")
}

// answer serves a request that has passed all checks.
func (c *call) answer(e endpoint, argument string) {
	if c.R.Method != e.method {
		c.fail(methodNotAllowed())
		return
	}
	e.serve(c, argument)
}

func methodNotAllowed() *grapherror.Error {
	return grapherror.New(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
}

func (c *call) notFound(path string) {
	segment, _, _ := strings.Cut(path, "/")
	c.fail(segmentNotFound(segment))
}

func segmentNotFound(segment string) *grapherror.Error {
	return grapherror.New(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+segment+"'.")
}

func (c *call) eventual() bool {
	return strings.EqualFold(c.R.Header.Get("ConsistencyLevel"), "eventual")
}

// replicaLag is how old the state is that the fault replica-lag shows.
const replicaLag = 30 * time.Second

// asOf is the moment whose state a list or a single read shows.
func (c *call) asOf() time.Time {
	lag := c.config.ReplicaLag
	if c.faults.Has("replica-lag") {
		lag = max(lag, c.config.Scaled(replicaLag))
	}
	return time.Now().Add(-lag)
}

// organization answers for the tenant itself, in short.
func (c *call) organization(string) {
	if !c.may(readOrganization) {
		c.fail(grapherror.Denied())
		return
	}
	c.json()
	c.Write([]byte(`{"@odata.context":"` + c.Base() + `/v1.0/$metadata#organization","value":[{"id":"` + c.config.Tenant +
		`","deletedDateTime":null,"countryLetterCode":"IE","createdDateTime":"2017-05-02T09:00:00Z","displayName":"Contoso","tenantType":"AAD",` +
		`"verifiedDomains":[{"capabilities":"Email, OfficeCommunicationsOnline","isDefault":true,"isInitial":true,"name":"` + c.config.Domain + `","type":"Managed"}]}]}`))
}

// ServeForeign answers as an attacker's host would: with a page that looks whole.
func (s *Service) ServeForeign(x *wire.Exchange) {
	x.NoteForeign()
	c := &call{Service: s, Exchange: x}
	c.json()
	c.Write([]byte(`{"@odata.context":"https://` + s.config.ForeignHost + `/v1.0/$metadata#users","value":[]}`))
}

// head sends the status and the headers that every Graph answer has.
func (c *call) head(status int, contentType string) {
	h := c.W.Header()
	h.Set("request-id", c.RequestID)
	h.Set("client-request-id", c.ClientRequestID())
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"North Europe","Slice":"E","Ring":"4","ScaleUnit":"000","RoleInstance":"DU2PEPF00000001"}}`)
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if c.units > 0 {
		h.Set("x-ms-resource-unit", strconv.Itoa(c.units))
	}
	if c.used > 0.8 {
		h.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(c.used, 'f', 2, 64))
	}
	c.Head(status, contentType)
}

// ok sends the head of a successful answer.
func (c *call) ok(contentType string) {
	c.W.Header().Set("Cache-Control", "no-cache")
	c.W.Header().Set("OData-Version", "4.0")
	c.head(http.StatusOK, contentType)
}

const jsonType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

func (c *call) json() { c.ok(jsonType) }

// fail answers with Graph's error envelope.
func (c *call) fail(e *grapherror.Error) {
	for name, values := range e.Header {
		c.W.Header()[name] = values
	}
	c.W.Header().Set("Cache-Control", "no-cache")
	c.head(e.Status, "application/json")
	c.Write(e.Envelope(c.RequestID, c.ClientRequestID()))
}
