package bustest

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Credential is a credential for the buses of Azure that makes up tokens.
type Credential struct {
	// Scope is what tokens may be asked for.
	Scope string
	// Err is returned instead of a token.
	Err error

	mu    sync.Mutex
	asked []string
}

// azureToken is what Credential makes up.
const azureToken = "t0ken-of-the-double"

// GetToken returns a token for Scope.
func (c *Credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, o.Scopes...)
	if c.Err != nil {
		return azcore.AccessToken{}, c.Err
	}
	return azcore.AccessToken{Token: azureToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// Asked returns what tokens were asked for.
func (c *Credential) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// Azure is the double of a service of Azure: it checks the token, decodes a request by
// messages, asks d what to do, and lets answer write the result. Answers to the faults
// of a whole request are the caller's, too.
func Azure(t *testing.T, d *Double, by *Credential, messages func(*http.Request) []Message, answer func(http.ResponseWriter, Fault)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+azureToken {
			t.Errorf("authorization %q", got)
		}
		if asked := by.Asked(); slices.ContainsFunc(asked, func(scope string) bool { return scope != by.Scope }) {
			t.Errorf("tokens were asked for %q, want %s", asked, by.Scope)
		}
		switch whole, _ := d.Take(messages(r)); whole {
		case Hang:
			<-r.Context().Done()
		default:
			answer(w, whole)
		}
	})
}
