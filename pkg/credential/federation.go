package credential

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/webidentity"
)

// byAWS makes assertions of tokens by which AWS vouches for the role.
func (c *Credential) byAWS(Identity) (assertion, error) {
	source := webidentity.New(c.audience, c.aws)
	return c.foreign(func(ctx context.Context) (string, error) {
		token, err := source.Token(ctx)
		return token.Reveal(), err
	}), nil
}

// byTokenFile makes assertions of what a file holds at the time: its writer replaces it
// before the token in it ends.
func (c *Credential) byTokenFile(id Identity) (assertion, error) {
	return c.foreign(func(context.Context) (string, error) {
		text, err := secret.ReadFile(id.TokenFile)
		if err != nil {
			return "", ofVariable("AZURE_FEDERATED_TOKEN_FILE", err)
		}
		token := string(secret.UTF8(text))
		says := presentedBy(token)
		switch {
		case says.Issuer == "":
			return "", malformed("the file of AZURE_FEDERATED_TOKEN_FILE holds no JSON Web Token", "name the file that the platform writes its token into")
		case !says.expires.IsZero() && time.Now().After(says.expires):
			return "", &Error{
				Kind: Rejected, Problem: "the token in the file of AZURE_FEDERATED_TOKEN_FILE ended at " + says.expires.UTC().Format(time.RFC3339),
				Advice: "see that the platform still renews it, and correct the clock of this machine if it is wrong",
			}
		}
		return token, nil
	}), nil
}

// foreign makes assertions of another issuer's tokens, and remembers what they say.
func (c *Credential) foreign(next assertion) assertion {
	return func(ctx context.Context) (string, error) {
		token, err := next(ctx)
		if err == nil {
			says := presentedBy(token)
			c.presented.Store(&says)
		}
		return token, err
	}
}

// Presented is what another issuer's token says, which a federated credential of the app
// has to match to the letter.
type Presented struct {
	Issuer, Subject, Audience string

	algorithm string
	expires   time.Time
}

// Presented asks for a token of another issuer and returns what it says, or nil for an
// identity that is proven in another way. Entra ID is not asked. The error is a
// *[secret.Error] or an *[Error], or wraps context.Canceled.
func (c *Credential) Presented(ctx context.Context) (*Presented, error) {
	if err := c.semaphore.acquire(ctx); err != nil {
		return nil, c.stopped(err)
	}
	defer c.semaphore.release()
	id, err := c.identity.Get(ctx)
	if err != nil {
		return nil, err
	}
	by := map[Method]func(Identity) (assertion, error){AWS: c.byAWS, TokenFile: c.byTokenFile}[id.Method]
	if by == nil {
		return nil, nil
	}
	next, err := by(id)
	if err != nil {
		return nil, err
	}
	if _, err := next(ctx); err != nil {
		return nil, at(c.source, err)
	}
	return c.presented.Load(), nil
}

// presentedBy reads a token that the login host verifies. What cannot be read, and what
// does not look like a claim, is "".
func presentedBy(token string) Presented {
	var p Presented
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return p
	}
	texts := map[string]*string{"alg": &p.algorithm, "iss": &p.Issuer, "sub": &p.Subject, "aud": &p.Audience}
	for i, part := range parts[:2] {
		content, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
		if err != nil {
			return Presented{}
		}
		err = secret.Object(content, func(name string, value jsontext.Value) error {
			switch text := texts[name]; {
			case (name == "alg") != (i == 0): // a claim in the header is none
			case text != nil:
				*text = claim(value)
			case name == "exp":
				p.expires = when(value)
			}
			return nil
		})
		if err != nil {
			return Presented{}
		}
	}
	return p
}

// maxClaim is the length of the longest claim that a federated credential can match.
const maxClaim = 600

// claim returns a text, or the only one in an array, if it consists of printable ASCII.
func claim(value jsontext.Value) string {
	if value.Kind() == '[' {
		value = value[1 : len(value)-1]
	}
	text, err := jsontext.AppendUnquote(nil, jsontext.Value(strings.TrimSpace(string(value))))
	if err != nil || len(text) > maxClaim || !isToken(string(text)) {
		return ""
	}
	return string(text)
}

// when returns the time of a number of seconds since 1970, zero for anything else.
func when(value jsontext.Value) time.Time {
	seconds, err := strconv.ParseFloat(string(value), 64)
	if err != nil || seconds < 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}
