package azurebus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// credential tells the failure to get a token from that of the request.
type credential struct{ azcore.TokenCredential }

// tokenError is the failure to get a token. Its text is the credential's, which may quote
// the login service's whole answer, and is not shown.
type tokenError struct{ error }

func (e *tokenError) Unwrap() error { return e.error }

// GetToken returns a token, or a *tokenError.
func (c credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c.TokenCredential.GetToken(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, &tokenError{err}
	}
	return token, nil
}

const network = "check the name in the sink's URL, the network and the proxy; a private endpoint needs its private DNS zone"

// refusal says what err, which is not nil, means for the request. The service's own
// message is dropped: it may quote what was sent.
func (d *Driver) refusal(err error) *bus.Refusal {
	var token *tokenError
	if errors.As(err, &token) {
		return d.withoutToken(token.error)
	}
	switch f := azureapi.Of(err); {
	case f.Answered:
		r := d.answered(f)
		if answer := (*azcore.ResponseError)(nil); errors.As(err, &answer) && answer.RawResponse != nil {
			r.After = retry.After(answer.RawResponse.Header, time.Now())
		}
		return r
	case errors.As(err, new(*http.MaxBytesError)):
		return d.unread()
	case f.Connection == diagnosis.Timeout:
		return &bus.Refusal{Problem: d.spec.Service + " did not answer in time", Remedy: network, Retry: true, Err: context.DeadlineExceeded}
	case f.Connection != diagnosis.None:
		return &bus.Refusal{Problem: d.spec.Service + " could not be reached: " + f.Connection.String(), Remedy: network, Retry: f.Connection.Transient()}
	}
	return &bus.Refusal{Problem: "the request to " + d.spec.Service + " could not be made, or its answer not be read", Remedy: network}
}

// unread is an answer that does not say what it must.
func (d *Driver) unread() *bus.Refusal {
	return &bus.Refusal{Problem: "the answer of " + d.spec.Service + " could not be read", Remedy: network, Retry: true}
}

// withoutToken says why no token came.
func (d *Driver) withoutToken(err error) *bus.Refusal {
	r := &bus.Refusal{
		Problem: "Azure gave no token to publish with",
		Remedy:  "check the managed identity of the function (AZURE_CLIENT_ID names a user-assigned one), or sign in with `az login`",
	}
	var own interface { // an error of this project, which says what to do
		error
		Name() string
	}
	switch connection := diagnosis.OfConnection(err); {
	case errors.As(err, &own):
		r.Problem, r.Remedy = "no token for "+d.spec.Service+": "+own.Error(), ""
	case connection == diagnosis.Timeout:
		r.Retry, r.Err = true, context.DeadlineExceeded
	case connection != diagnosis.None:
		r.Problem += ": " + connection.String()
		r.Retry = connection.Transient()
	}
	return r
}

// answered says what an answer of the service means. The statuses are those of HTTP; a
// service adds its codes by Spec.Remedy.
func (d *Driver) answered(f diagnosis.Failure) *bus.Refusal {
	s := d.spec
	r := &bus.Refusal{Code: f.Code, RequestID: f.RequestID, Problem: s.Service + " refused the request"}
	if r.Code == "" {
		r.Code = fmt.Sprintf("HTTP %d", f.Status)
	}
	switch {
	case f.Status == http.StatusRequestTimeout, f.Status == http.StatusTooManyRequests, f.Status >= http.StatusInternalServerError:
		r.Problem, r.Retry = s.Service+" did not take the request", true
		r.Remedy = "try again later, or ask for a higher quota"
	case f.Status == http.StatusUnauthorized:
		r.Problem = s.Service + " does not accept the token"
		r.Remedy = "check that the identity is of the tenant of the " + s.Resource + ", and that the clock is right"
	case f.Status == http.StatusForbidden:
		r.Problem = s.Service + " does not allow this identity to publish"
		r.Remedy = "give the identity the role " + s.Role + " on the " + s.Resource + " (it takes effect after some minutes), and allow this network"
	case f.Status == http.StatusNotFound, f.Status == http.StatusGone:
		r.Problem = "the " + s.Resource + " does not exist"
		r.Remedy = "make it, or correct its name in the sink's URL"
	case f.Status >= 200 && f.Status < 400:
		r.Problem = s.Service + " gave an answer that it never gives"
		r.Remedy = network
	case f.Status == http.StatusBadRequest, f.Status == http.StatusRequestEntityTooLarge:
		r.Divide = s.Divide
	}
	if remedy := s.Remedy(f.Status, f.Code); remedy != "" {
		r.Remedy = remedy
	}
	return r
}
