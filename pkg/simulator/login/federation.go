package login

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/jwt"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// maxDocument bounds a document of an issuer, in bytes.
const maxDocument = 1 << 20

// checkFederated verifies the token of another issuer, whose documents are fetched as the
// token names them, and finds the federated credential that it matches.
func (s *Service) checkFederated(x *wire.Exchange, trust *Trust, token *jwt.Token) *refusal {
	claims := token.Claims
	presented := FederatedCredential{Issuer: claims.Issuer, Subject: claims.Subject}
	if len(claims.Audience) == 1 {
		presented.Audience = claims.Audience[0]
	}
	if token.Header.Algorithm != "RS256" {
		return refuse(5002738, token.Header.Algorithm)
	}
	if code := trust.match(presented); code != 0 {
		return refuse(code, map[int]string{
			70021:   "Issuer: '" + claims.Issuer + "'. Assertion Subject: '" + claims.Subject + "'. Assertion Audience: '" + presented.Audience + "'",
			700211:  claims.Issuer,
			700212:  presented.Audience,
			700213:  claims.Subject,
			7002138: claims.Subject,
		}[code])
	}
	key, err := s.fetchKey(x.R.Context(), claims.Issuer, token.Header.KeyID)
	switch {
	case err != nil:
		return refuse(50166)
	case !token.Verify(key):
		return refuse(50013, "The signature is not one of the issuer's")
	case !current(claims):
		return refuse(700024, time.Now().UTC().Format(stamp), time.Unix(claims.NotBefore, 0).UTC().Format(stamp), time.Unix(claims.Expires, 0).UTC().Format(stamp))
	}
	return nil
}

// fetchKey finds a key of an issuer by its documents.
func (s *Service) fetchKey(ctx context.Context, issuer, id string) (*rsa.PublicKey, error) {
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	text, err := s.fetch(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(text, &about) != nil || about.Issuer != issuer || !strings.HasPrefix(about.Keys, "https://") {
		return nil, errors.New("the document is not the issuer's")
	}
	if text, err = s.fetch(ctx, about.Keys); err != nil {
		return nil, err
	}
	found := jwt.Find(text, id)
	if found == nil {
		return nil, errors.New("the issuer has no such key")
	}
	return found, nil
}

func (s *Service) fetch(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.Issuers.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("the issuer has no such document")
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxDocument))
}
