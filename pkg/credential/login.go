package credential

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azurecloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// loginHost sends requests to the one login host and to no other, whatever its
// documents say: the client secret goes where the configuration says. It follows no
// redirect.
type loginHost struct {
	origin origin.Origin
	own    cloud.Cloud
	// regional are its variants in the configured region, which azidentity uses.
	regional  []origin.Origin
	transport http.RoundTripper
}

// newLoginHost returns the login host at loginURL. region is the value of
// AZURE_REGIONAL_AUTHORITY_NAME, "" for none.
func newLoginHost(loginURL string, own cloud.Cloud, region string, transport http.RoundTripper) (*loginHost, error) {
	at, err := origin.Parse(loginURL)
	if err != nil {
		return nil, fmt.Errorf("the login URL %w; write https://host[:port]", err)
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	l := &loginHost{origin: at, own: own, transport: transport}
	if region != "" {
		l.regional = regional(at, own, region)
	}
	return l, nil
}

// regional returns the hosts that azidentity may use instead of a login host when it
// is given a region: <region>.<host>, for the host itself and for others that sign in
// for the same cloud.
func regional(at origin.Origin, own cloud.Cloud, region string) []origin.Origin {
	hosts := []origin.Origin{at}
	if slices.Contains(own.Logins(), at.Host()) {
		for _, name := range own.Logins() {
			if other, err := origin.Parse("https://" + name); err == nil {
				hosts = append(hosts, other)
			}
		}
	}
	var variants []origin.Origin
	for _, host := range hosts {
		if variant, err := host.Subdomain(region); err == nil {
			variants = append(variants, variant)
		}
	}
	return variants
}

func (l *loginHost) url() string { return l.origin.String() }

func (l *loginHost) host() string { return l.origin.Host() }

// cloud is the login host as azidentity takes it.
func (l *loginHost) cloud() azurecloud.Configuration {
	return azurecloud.Configuration{ActiveDirectoryAuthorityHost: l.url()}
}

// Do sends the request and reads the answer whole. It is azcore's policy.Transporter.
func (l *loginHost) Do(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req)
	to, ok := l.allows(req.URL)
	if !ok {
		_ = errors.As(l.own.CheckLogin(to.Name()), &x.foreign)
		return nil, x.failed(errOtherHost)
	}
	req = req.Clone(req.Context())
	req.URL.Host, req.Host = to.Host(), ""
	return x.send(req, l.transport)
}

// allows returns the configured host that a URL names, and whether it names one.
func (l *loginHost) allows(u *url.URL) (origin.Origin, bool) {
	to, err := origin.Of(u)
	return to, err == nil && (to == l.origin || slices.Contains(l.regional, to))
}

// options are azidentity's for a credential that signs in at the login host.
func (l *loginHost) options() policy.ClientOptions {
	return policy.ClientOptions{
		Cloud:     l.cloud(),
		Transport: l,
		// azcore would sleep up to the deadline and then forget why: attempt retries.
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
}

// withSecret makes azidentity's credential of a client secret.
func (l *loginHost) withSecret(id Identity) (azcore.TokenCredential, error) {
	return azidentity.NewClientSecretCredential(id.TenantID, id.ClientID, id.ClientSecret.Reveal(), &azidentity.ClientSecretCredentialOptions{
		ClientOptions: l.options(),
		// For Microsoft's own hosts this changes nothing; for any other, the
		// discovery would ask login.microsoftonline.com about it.
		DisableInstanceDiscovery: true,
	})
}

// explain makes the Error of an attempt that got no token.
func (l *loginHost) explain(x *exchange, id Identity) *Error {
	switch {
	case x.foreign != nil:
		// The documents of a tenant of another cloud name that one's host.
		return &Error{Kind: Rejected, Problem: "the tenant belongs to another cloud than ROLLCALL_CLOUD, which is " + l.own.Name + ": its documents name the login host of that one", Advice: x.foreign.Remedy, Err: x.err}
	case errors.Is(x.err, errOtherHost):
		return &Error{Kind: Unavailable, Problem: "the login host names another host for its tokens, which gets no secret", Advice: "check the login URL", Err: x.err}
	case x.err != nil:
		return unreachable(x.err, "the login host", "check the network, HTTPS_PROXY and the login URL")
	case x.status == 0:
		return &Error{Kind: Malformed, Problem: "azidentity does not accept the credentials", Advice: "check TenantID, ClientID, what they are proven by, and the login URL"}
	case x.succeeded() && x.html:
		// A page for a browser stays one: whoever sends it is not Entra ID.
		return &Error{Kind: Unavailable, Problem: x.host + " answered with HTML, which Entra ID does not send", Advice: adviceProxy, Status: x.status}
	case x.succeeded():
		return &Error{Kind: Unavailable, Problem: "the answer of " + x.host + " is not one that Entra ID gives", Advice: adviceProxy, Status: x.status, retryable: true}
	}
	e := refused(x)
	if e.Code == wrongSecret && guid.Valid(id.ClientSecret.Reveal()) {
		e.Problem, e.Advice = "the client secret is wrong: it is a GUID, as Secret IDs are", "copy the column Value, not Secret ID, into ClientSecret; it is shown only once, when the secret is made"
	}
	return e
}

const adviceProxy = "check the login URL, and a proxy on the way"
