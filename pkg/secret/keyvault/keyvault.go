// Package keyvault reads secrets that Azure Key Vault keeps. It is apart from package
// secret, which knows its sources, so that only functions that read from vaults link
// Azure's SDK.
package keyvault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// readTimeout bounds one read of a secret, further attempts included.
const readTimeout = 15 * time.Second

// Vaults are the vaults of a cloud. They may be used by several goroutines.
type Vaults struct {
	// Domain is what the vaults' hosts end with, such as vault.azure.net.
	Domain string
	// Credential returns what signs in to them, at the first read.
	Credential func() (azcore.TokenCredential, error)
	// Transport carries the requests. The default is http.DefaultTransport without
	// keeping an answer waiting for ever.
	Transport http.RoundTripper

	mu      sync.Mutex
	by      azcore.TokenCredential
	clients map[origin.Origin]*azsecrets.Client
}

var _ secret.Vault = (*Vaults)(nil)

// Check returns a *[secret.SourceError] unless the host is a vault of the cloud, or, for
// tests, this machine: a token for vaults goes to no other host.
func (v *Vaults) Check(source secret.Source) error {
	_, err := v.at(source)
	return err
}

// at returns the host of a source that may be read.
func (v *Vaults) at(source secret.Source) (origin.Origin, error) {
	u, err := url.Parse(source.Name)
	if err != nil {
		return origin.Origin{}, &secret.SourceError{Problem: "keyvault: holds no URL", Remedy: "write https://<vault>." + v.Domain + "/secrets/<name>"}
	}
	at, err := origin.Of(u)
	switch {
	case err != nil:
		return origin.Origin{}, &secret.SourceError{Problem: "keyvault: holds a URL that " + err.Error(), Remedy: "write https://<vault>." + v.Domain + "/secrets/<name>"}
	case v.Domain == "":
		return origin.Origin{}, &secret.SourceError{Problem: "keyvault: needs the domain of the cloud's vaults, which is not known here", Remedy: "set ROLLCALL_VAULT_DOMAIN, such as vault.azure.net"}
	case !at.Loopback() && !v.has(at):
		return origin.Origin{}, &secret.SourceError{
			Problem: "keyvault: names a host that is not <vault>." + v.Domain + ", a vault of this cloud",
			Remedy:  "correct the host, set ROLLCALL_CLOUD to the cloud of the vault, or ROLLCALL_VAULT_DOMAIN to the domain of its vaults",
		}
	}
	return at, nil
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

// Read returns the text of a secret, at most 64 KiB of it, and when it ends. The error is a
// *[secret.Error] or wraps context.Canceled.
func (v *Vaults) Read(ctx context.Context, source secret.Source) ([]byte, time.Time, error) {
	at, err := v.at(source)
	if err != nil {
		return nil, time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	client, err := v.client(at)
	if err != nil {
		return nil, time.Time{}, withoutToken(err)
	}
	loop := retry.Loop{Policy: retry.Policy{Attempts: 4, First: 500 * time.Millisecond, Last: 4 * time.Second, Budget: readTimeout}}
	for {
		out, err := client.GetSecret(ctx, path.Base(source.Name), source.Version, nil)
		if err == nil {
			return text(out.Secret)
		}
		failed, again := explain(err, at.Name())
		if !again.worth || ctx.Err() != nil {
			return nil, time.Time{}, failed
		}
		if loop.Again(ctx, failed, again.after, nil) != nil {
			return nil, time.Time{}, failed
		}
	}
}

// text returns what is kept, and when it ends.
func text(s azsecrets.Secret) ([]byte, time.Time, error) {
	var ends time.Time
	if s.Attributes != nil && s.Attributes.Expires != nil {
		ends = *s.Attributes.Expires
	}
	if s.Value == nil {
		return nil, ends, &secret.Error{Kind: secret.Malformed, Problem: "the secret in Key Vault holds no text", Advice: "put a value into it"}
	}
	return []byte(*s.Value), ends, nil
}

// client returns the client of a vault, which keeps its token.
func (v *Vaults) client(at origin.Origin) (*azsecrets.Client, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.clients[at]; c != nil {
		return c, nil
	}
	if v.by == nil {
		by, err := v.Credential()
		if err != nil {
			return nil, err
		}
		v.by = by
	}
	c, err := azsecrets.NewClient(at.String(), signer{v.by}, &azsecrets.ClientOptions{
		ClientOptions: policy.ClientOptions{
			Transport: newDoor(at, "https://"+v.Domain, v.Transport),
			Retry:     policy.RetryOptions{MaxRetries: -1}, // Read makes further attempts
			Telemetry: policy.TelemetryOptions{Disabled: true},
		},
		DisableChallengeResourceVerification: true, // the door allows one resource alone
	})
	if err != nil {
		return nil, fmt.Errorf("the client of the vault: %w", err)
	}
	if v.clients == nil {
		v.clients = map[origin.Origin]*azsecrets.Client{}
	}
	v.clients[at] = c
	return c, nil
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

var errOtherHost error = otherHost{}

type otherHost struct{}

func (otherHost) Error() string { return "the request is for another host than the vault" }

// NonRetriable keeps azcore from sending the request once more.
func (otherHost) NonRetriable() {}

var errTooLarge = errors.New("the answer is too large")
