// Package azurebus is what the buses of Azure have in common: how their service is
// called and what its answers mean. A bus package adds its address, its limits, its
// entry and the body of its request.
package azurebus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// Access is how requests are signed and sent.
type Access struct {
	// Credential signs in with Entra ID. It is required: keys are not supported.
	Credential azcore.TokenCredential
	// Options are azcore's: the transport, telemetry. Retries are off, whatever they
	// say: [bus.Publisher] makes them.
	Options policy.ClientOptions
}

// Spec is what makes one service's bus.
type Spec struct {
	// Service is its name, such as "Event Grid".
	Service string
	// Resource is what is published to, such as "topic people".
	Resource string
	// Role is the role that publishing needs on it.
	Role string
	// Scope is what tokens are asked for.
	Scope string
	// URL is where the service is, such as https://account.queue.core.windows.net. Endpoint
	// replaces it where it is not "": https, or http to this machine.
	URL, Endpoint string
	// Path and Query are those of the request, below the URL.
	Path  string
	Query url.Values
	// Header is the request's, ContentType its body's.
	Header      http.Header
	ContentType string
	// Success is the one status that acknowledges a request.
	Success int
	// Divide says that a request has many entries, any of which may be to blame.
	Divide bool
	// Limits are the service's.
	Limits bus.Limits
	// Append appends a message's text; see [bus.Driver].
	Append func(dst []byte, e bus.Event) (text []byte, size int, err error)
	// Body returns the request's body, which does not share memory with the batch.
	Body func(batch []bus.Entry) []byte
	// Check returns an error unless the body of a successful answer acknowledges the
	// request. nil does not look at it.
	Check func(body []byte) error
	// Probe is what [Driver.Probe] asks; its zero value is nothing.
	Probe Probe
	// Remedy says what to do about an answer of the service by its status and code, ""
	// for what is common to all services.
	Remedy func(status int, code string) string
}

// Probe finds out about a resource without sending a message.
type Probe struct {
	// Path and Query are those of a GET that is answered with 404 if the resource is not
	// there. It may be refused to those who may only send.
	Path  string
	Query url.Values
	// Body is one that the service refuses as no message at all, with 400, once it has looked
	// at the token.
	Body []byte
}

// Driver publishes to one bus.
type Driver struct {
	spec     Spec
	address  string
	pipeline runtime.Pipeline
}

var _ bus.Driver = (*Driver)(nil)

// New returns the driver of a bus. It makes no request. The error says what about the
// endpoint or the credential cannot be.
func New(by Access, s Spec) (*Driver, error) {
	if by.Credential == nil {
		return nil, fmt.Errorf("the %s needs a credential to sign in with", s.Resource)
	}
	address, err := s.address(s.Path, s.Query)
	if err != nil {
		return nil, err
	}
	options := by.Options
	options.Transport = azureapi.Client(options.Transport)
	options.Retry = policy.RetryOptions{MaxRetries: -1}
	options.Telemetry.Disabled = true // its User-Agent is ours
	token := runtime.NewBearerTokenPolicy(credential{by.Credential}, []string{s.Scope}, &policy.BearerTokenOptions{
		InsecureAllowCredentialWithHTTP: strings.HasPrefix(address, "http://"), // to this machine
	})
	return &Driver{
		spec: s, address: address,
		pipeline: runtime.NewPipeline("rollcall", "", runtime.PipelineOptions{PerRetry: []policy.Policy{token}}, &options),
	}, nil
}

// address is the URL of a request.
func (s Spec) address(path string, query url.Values) (string, error) {
	base := s.URL
	if s.Endpoint != "" {
		if err := origin.CheckEndpoint(s.Endpoint); err != nil {
			return "", fmt.Errorf("the endpoint of the %s %w", s.Resource, err)
		}
		base = s.Endpoint
	}
	at, err := url.Parse(base)
	if err != nil || strings.ContainsAny(base, "?#") {
		return "", errors.New("the endpoint of the " + s.Resource + " is not a URL of the form https://host")
	}
	at = at.JoinPath(path)
	at.Scheme, at.RawQuery = strings.ToLower(at.Scheme), query.Encode()
	return at.String(), nil
}

// String names the service and the resource.
func (d *Driver) String() string { return d.spec.Service + " " + d.spec.Resource }

// Limits are those of the service's request.
func (d *Driver) Limits() bus.Limits { return d.spec.Limits }

// Append appends the message's text.
func (d *Driver) Append(dst []byte, e bus.Event) ([]byte, int, error) { return d.spec.Append(dst, e) }

// Send makes one request. The service takes the whole of it or nothing.
func (d *Driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	text, err := d.do(ctx, http.MethodPost, d.address, d.spec.Body(batch))
	switch {
	case err != nil:
		return nil, d.refusal(err)
	case d.spec.Check != nil && d.spec.Check(text) != nil:
		return nil, d.unread()
	}
	return nil, nil
}

// Probe finds out whether messages would be taken, without sending one. The error is a
// *[bus.Refusal].
func (d *Driver) Probe(ctx context.Context) error {
	probe := d.spec.Probe
	if probe.Body == nil {
		return errors.ErrUnsupported
	}
	at, err := d.spec.address(probe.Path, probe.Query)
	if err != nil {
		return d.refusal(err)
	}
	var answer *azcore.ResponseError
	if _, err := d.do(ctx, http.MethodGet, at, nil); errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return d.refusal(err)
	}
	_, err = d.do(ctx, http.MethodPost, d.address, probe.Body)
	switch {
	case err == nil:
		return &bus.Refusal{Problem: d.spec.Service + " took a request without a message", Remedy: network}
	case errors.As(err, &answer) && answer.StatusCode == http.StatusBadRequest:
		return nil
	}
	return d.refusal(err)
}

// do makes a request and returns the body of the answer. The error is an
// azcore.ResponseError if the service does not acknowledge it.
func (d *Driver) do(ctx context.Context, method, address string, body []byte) ([]byte, error) {
	request, err := runtime.NewRequest(ctx, method, address)
	if err != nil {
		return nil, err
	}
	for name, values := range d.spec.Header {
		request.Raw().Header[name] = values
	}
	request.Raw().Header.Set("User-Agent", "rollcall")
	if body != nil {
		if err := request.SetBody(streaming.NopCloser(bytes.NewReader(body)), d.spec.ContentType); err != nil {
			return nil, err
		}
	}
	response, err := d.pipeline.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // the pipeline has read it
	if response.StatusCode != d.spec.Success {
		return nil, runtime.NewResponseError(response)
	}
	return runtime.Payload(response)
}
