package credential

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/origin"
)

const (
	// metadataService is Azure's for virtual machines (IMDS), the same for each of them.
	metadataService = "http://169.254.169.254/metadata/identity/oauth2/token"
	// presence is how long it may take to answer at all. Where there is none, nothing
	// answers, and not even a refusal comes.
	presence = 3 * time.Second
)

var errNoIdentity = errors.New("there is no endpoint of a managed identity")

// hostEndpoint is where the host of this process vouches for it: the endpoint of App
// Service and Azure Functions, which IDENTITY_ENDPOINT names, else the metadata service.
// Tokens are asked for there and nowhere else, over plain HTTP, as Azure does it. What
// is asked carries the secret of IDENTITY_HEADER, so it neither leaves the machine's own
// network nor passes a proxy.
type hostEndpoint struct {
	url *url.URL // nil for none
	// isSet reports whether a variable is set.
	isSet func(variable string) bool
	// scope is that of Graph. Its tokens say who the identity is and what it may do.
	scope     string
	transport http.RoundTripper

	answered atomic.Bool // the metadata service is there
	last     atomic.Pointer[principal]
}

// host returns the endpoint that the environment names. Where that cannot be one, there is an
// error, and an endpoint that nothing is sent to.
func (cfg Config) host() (*hostEndpoint, error) {
	lookup := cfg.LookupEnv
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	e := &hostEndpoint{scope: cfg.Cloud.Scope(), transport: withoutProxy(cfg.Transport)}
	e.isSet = func(variable string) bool {
		_, set := lookup(variable)
		return set
	}
	address, given := lookup("IDENTITY_ENDPOINT")
	switch {
	case !given && e.appService():
		return e, nil
	case !given:
		address = metadataService
	}
	var err error
	if e.url, err = origin.ParseLocal(address); err != nil {
		return e, &Error{
			Kind: Contradicted, Problem: "IDENTITY_ENDPOINT " + err.Error(),
			Advice: "leave it as App Service sets it; the endpoints of other hosts (Service Fabric) are not supported", Source: cfg.Source.String(),
		}
	}
	return e, nil
}

// withoutProxy returns a transport as it is, but for its proxy.
func withoutProxy(transport http.RoundTripper) http.RoundTripper {
	if transport == nil {
		transport = http.DefaultTransport
	}
	if standard, ok := transport.(*http.Transport); ok {
		direct := standard.Clone()
		direct.Proxy = nil
		return direct
	}
	return transport
}

func (e *hostEndpoint) host() string {
	if e.url == nil {
		return ""
	}
	return e.url.Host
}

// isMetadata reports whether it is the metadata service.
func (e *hostEndpoint) isMetadata() bool { return e.url != nil && e.url.String() == metadataService }

// allows reports whether a request goes to the endpoint: byte by byte, but for the
// query, which says for what.
func (e *hostEndpoint) allows(req *http.Request) bool {
	u := req.URL
	return e.url != nil && req.Method == http.MethodGet && u.Scheme == "http" && u.User == nil && u.Opaque == "" &&
		u.Host == e.url.Host && u.EscapedPath() == e.url.EscapedPath() && (req.Host == "" || req.Host == u.Host)
}

// Do sends a request for a token and reads the answer whole. It is azcore's
// policy.Transporter.
func (e *hostEndpoint) Do(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req)
	switch {
	case e.url == nil:
		return nil, x.failed(errNoIdentity)
	case !e.allows(req):
		return nil, x.failed(errOtherHost)
	}
	return x.send(req, e.transport)
}

// look finds out whether there is a metadata service, before the first token is asked
// for. A request that it refuses is enough: without the header Metadata, it answers at
// once. The endpoint of App Service is there whenever it is named.
func (e *hostEndpoint) look(ctx context.Context) *Error {
	if e.url == nil || !e.isMetadata() || e.answered.Load() {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, presence)
	defer cancel()
	req, err := http.NewRequestWithContext(short, http.MethodGet, metadataService, nil)
	if err == nil {
		var resp *http.Response
		if resp, err = e.transport.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
			e.answered.Store(true)
			return nil
		}
	}
	return e.absent(fmt.Errorf("%w: %w", errNoIdentity, err))
}

// appService reports whether the process runs in App Service or Azure Functions, where
// there is no metadata service.
func (e *hostEndpoint) appService() bool { return e.isSet("WEBSITE_SITE_NAME") }

// absent is the error of a host that vouches for nobody.
func (e *hostEndpoint) absent(cause error) *Error {
	if e.appService() {
		return &Error{
			Kind: Missing, Problem: "this app has no managed identity: IDENTITY_ENDPOINT is not set",
			Advice: "give it one (az functionapp identity assign --name <app> --resource-group <group>), which restarts it", Err: cause,
		}
	}
	return &Error{
		Kind: Missing, Problem: "there is no managed identity here: IDENTITY_ENDPOINT is not set, and Azure's metadata service does not answer",
		Advice: "managed-identity: works on Azure only; elsewhere point ROLLCALL_CREDENTIALS at a client secret, such as env:", Err: cause,
	}
}
