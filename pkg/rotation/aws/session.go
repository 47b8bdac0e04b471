package aws

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// session signs in as the app with one version of its secret, in the way in which the
// functions that read do.
type session struct {
	reader *reader.Reader
	seen   *watch
	last   string // token
}

// signIn returns a session. over carries its requests.
func signIn(cfg *config.Config, log *slog.Logger, over http.RoundTripper, load secret.LoadAWS, arn, version string) (*session, error) {
	own := *cfg
	own.Credentials = secret.Source{Scheme: secret.SecretsManager, Name: arn, Version: version}
	seen := &watch{next: over}
	r, err := reader.New(&own, log, reader.WithTransport(seen), reader.WithAWS(load))
	if err != nil {
		return nil, err
	}
	return &session{reader: r, seen: seen}, nil
}

// SignIn implements [rotation.Session]. A credential whose secret is refused reads the secret
// and tries once more, so a refusal can hide behind a token.
func (s *session) SignIn(ctx context.Context) (steady bool, err error) {
	before := s.seen.refused.Load()
	token, err := s.reader.Credential.Token(ctx, s.last, "")
	if err != nil {
		return false, err
	}
	s.last = token
	return s.seen.refused.Load() == before, nil
}

// Read implements [rotation.Session].
func (s *session) Read(ctx context.Context) error {
	page, err := s.reader.Graph.Page(ctx, graph.Query{Select: []string{"id"}, Top: 1}, "")
	if err != nil {
		return err
	}
	for _, err := range page.Users() {
		if err != nil {
			return err
		}
	}
	return nil
}

// watch counts the requests that were refused for what they said: those for tokens whose
// client secret is not known yet, and no others, since throttling and faults pass.
type watch struct {
	next    http.RoundTripper
	refused atomic.Int64
}

// RoundTrip implements [http.RoundTripper].
func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost && (resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusUnauthorized) {
		w.refused.Add(1)
	}
	return resp, err
}
