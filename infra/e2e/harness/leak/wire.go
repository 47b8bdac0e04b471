package leak

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// mostBody bounds the bodies that are read for secrets; those that have some are small.
const mostBody = 1 << 20

// Wire names the secrets that pass a server: in authorizations, in forms and JSON, in page
// and delta tokens, and in its answers. So it knows those of which the tests know nothing.
func Wire(server http.Handler) http.Handler {
	if !Active() {
		return server
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Bearer "); ok {
			Name("access token", credential)
		}
		Name("identity header", r.Header.Get("X-Identity-Header"))
		nameForm(r.URL.Query())
		if r.Body != nil && r.ContentLength > 0 && r.ContentLength <= mostBody {
			body, err := io.ReadAll(r.Body)
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
			if form, bad := url.ParseQuery(string(body)); bad == nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
				nameForm(form)
			}
			nameJSON(body)
		}
		if strings.HasPrefix(r.URL.Path, "/v1.0/users") || strings.HasPrefix(r.URL.Path, "/v1.0/directory") {
			server.ServeHTTP(w, r) // people; the tokens of their links come back in queries
			return
		}
		copied := &copier{ResponseWriter: w}
		defer func() {
			if strings.HasPrefix(r.URL.Path, "/secrets/") { // Key Vault's answer
				var kept struct {
					Value string `json:"value"`
				}
				if json.Unmarshal(copied.body.Bytes(), &kept) == nil {
					Name("a secret in Key Vault", kept.Value)
				}
			}
			nameJSON(copied.body.Bytes())
		}()
		server.ServeHTTP(copied, r)
	})
}

// Refusals records what a server answers to those whom it refuses, and the ends of streams
// that say that they are not complete.
func Refusals(name string, server http.Handler) http.Handler {
	if !Active() {
		return server
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal := &refusal{ResponseWriter: w}
		defer func() { Say(name+".refusal", refusal.said.String()) }()
		server.ServeHTTP(refusal, r)
	})
}

type refusal struct {
	http.ResponseWriter
	refused bool
	said    bytes.Buffer
}

func (f *refusal) WriteHeader(status int) {
	if f.refused = status >= http.StatusBadRequest; f.refused {
		_ = f.Header().Write(&f.said)
	}
	f.ResponseWriter.WriteHeader(status)
}

func (f *refusal) Write(p []byte) (int, error) {
	if f.refused || bytes.Contains(p, []byte(`"error"`)) {
		_, _ = f.said.Write(p)
	}
	return f.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (f *refusal) Unwrap() http.ResponseWriter { return f.ResponseWriter }

func nameForm(form url.Values) {
	for name, values := range form {
		for _, value := range values {
			if keepsSecret(name) {
				Name(strings.TrimPrefix(name, "$"), value)
			}
		}
	}
}

func nameJSON(body []byte) {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) == nil {
		Name("", string(body))
	}
}

// failing ends a body as it ended for us.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// copier keeps a copy of a small body that it passes on.
type copier struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (c *copier) Write(p []byte) (int, error) {
	if c.body.Len() < mostBody {
		_, _ = c.body.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }
