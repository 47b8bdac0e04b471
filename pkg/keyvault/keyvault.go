// Package keyvault is Azure Key Vault: it reads secrets, and signs with keys that no vault
// gives away. All that is sent to a vault passes one guard (door.go).
//
// It is apart from package secret, which knows its sources, so that only functions that use
// vaults link Azure's SDK.
package keyvault

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// timeout bounds one request to a vault, further attempts included.
const timeout = 15 * time.Second

// apiVersion is one that the vaults of all clouds have. What is asked for here has not changed
// since.
const apiVersion = "7.4"

// Vaults are the vaults of a cloud. They may be used by several goroutines.
type Vaults struct {
	// Domain is what the vaults' hosts end with, such as vault.azure.net.
	Domain string
	// Credential returns what signs in to them, at the first request.
	Credential func() (azcore.TokenCredential, error)
	// Transport carries the requests. The default is http.DefaultTransport without
	// keeping an answer waiting for ever.
	Transport http.RoundTripper

	mu      sync.Mutex
	by      azcore.TokenCredential
	readers map[origin.Origin]*azsecrets.Client
}

var _ secret.Vault = (*Vaults)(nil)

// check returns what is wrong with a host that is neither a vault of the cloud nor, for
// tests, this machine: a token for vaults goes to no other. The problem is a predicate.
func (v *Vaults) check(at origin.Origin) (problem, remedy string) {
	switch {
	case v.Domain == "":
		return "needs the domain of the cloud's vaults, which is not known here", "set ROLLCALL_VAULT_DOMAIN, such as vault.azure.net"
	case !at.Loopback() && !v.has(at):
		return "names a host that is not <vault>." + v.Domain + ", a vault of this cloud",
			"correct the host, set ROLLCALL_CLOUD to the cloud of the vault, or ROLLCALL_VAULT_DOMAIN to the domain of its vaults"
	}
	return "", ""
}

// has reports whether a host is one label before the domain, at the standard port.
func (v *Vaults) has(at origin.Origin) bool {
	domain, err := origin.Parse("https://" + v.Domain)
	if err != nil {
		return false
	}
	label := at.Name()[:max(len(at.Name())-len(domain.Name())-1, 0)]
	vault, err := domain.Subdomain(label)
	return err == nil && label != "" && vault == at
}

// ask makes a request of a vault, and makes it again where that may help. The error is a
// *[secret.Error].
func (v *Vaults) ask(ctx context.Context, at origin.Origin, about object, request func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	loop := retry.Loop{Policy: retry.Policy{Attempts: 4, First: 500 * time.Millisecond, Last: 4 * time.Second, Budget: timeout}}
	for {
		err := request(ctx)
		if err == nil {
			return nil
		}
		failed, again := about.explain(err, at.Name())
		if !again.worth || ctx.Err() != nil || loop.Again(ctx, failed, again.after, nil) != nil {
			return failed
		}
	}
}

// options are those of a client of a vault that may send the requests that allows says.
// They keep the token. v.mu is held.
func (v *Vaults) options(at origin.Origin, allows func(method, path string) bool) (policy.ClientOptions, error) {
	if v.by == nil {
		by, err := v.Credential()
		if err != nil {
			return policy.ClientOptions{}, &tokenError{err}
		}
		v.by = by
	}
	return policy.ClientOptions{
		APIVersion: apiVersion,
		Transport:  newDoor(at, allows, "https://"+v.Domain, v.Transport),
		Retry:      policy.RetryOptions{MaxRetries: -1}, // ask makes further attempts
		Telemetry:  policy.TelemetryOptions{Disabled: true},
	}, nil
}

// signer tells the failure to get a token from that of the request.
type signer struct{ azcore.TokenCredential }

type tokenError struct{ error }

func (e *tokenError) Unwrap() error { return e.error }

// GetToken returns a token, or a *tokenError.
func (s signer) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := s.TokenCredential.GetToken(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, &tokenError{err}
	}
	return token, nil
}

var errOtherRequest error = otherRequest{}

type otherRequest struct{}

func (otherRequest) Error() string { return "the request is not one for the vault" }

// NonRetriable keeps azcore from sending the request once more.
func (otherRequest) NonRetriable() {}

var errTooLarge = errors.New("the answer is too large")
