package keyvault

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// maxAnswer bounds an answer in bytes. The largest is a secret of the 64 KiB that a reader
// takes, every character of it escaped, and what the vault says about it.
const maxAnswer = 512 << 10

// headerTimeout is how long a vault may take to begin its answer.
const headerTimeout = 10 * time.Second

// door lets some requests through to one vault, and its answers back. It follows no redirect.
type door struct {
	to       origin.Origin
	allows   func(method, path string) bool
	resource string // that tokens may be asked for
	next     policy.Transporter
}

func newDoor(to origin.Origin, allows func(method, path string) bool, resource string, transport http.RoundTripper) *door {
	if transport == nil {
		transport = http.DefaultTransport
		if standard, ok := transport.(*http.Transport); ok {
			limited := standard.Clone()
			limited.ResponseHeaderTimeout = headerTimeout
			transport = limited
		}
	}
	return &door{to, allows, resource, azureapi.Client(roundTripper{transport})}
}

// roundTripper calls a transport, which follows no redirect, directly.
type roundTripper struct{ http.RoundTripper }

func (t roundTripper) Do(req *http.Request) (*http.Response, error) { return t.RoundTrip(req) }

// Do is azcore's policy.Transporter.
func (d *door) Do(req *http.Request) (*http.Response, error) {
	if to, err := origin.Of(req.URL); err != nil || to != d.to || !d.allows(req.Method, req.URL.EscapedPath()) {
		return nil, errOtherRequest
	}
	req = req.Clone(req.Context())
	req.URL.Host, req.Host = d.to.Host(), ""
	resp, err := d.next.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswer:
		return nil, errTooLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode == http.StatusUnauthorized {
		d.challenge(resp.Header)
	}
	return resp, nil
}

// challenge leaves of a vault's challenge what the client understands, written anew: which
// tenant the token is to be of. It may name the resource of this cloud's vaults alone, and
// the client takes the header apart without care. Any other challenge is removed.
//
//	Bearer authorization="https://login.microsoftonline.com/<tenant>", resource="https://vault.azure.net"
func (d *door) challenge(h http.Header) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(h.Get("WWW-Authenticate")), " ")
	h.Del("WWW-Authenticate")
	if !strings.EqualFold(scheme, "Bearer") {
		return
	}
	values := map[string]string{}
	for part := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, value, _ := strings.Cut(part, "=")
		values[strings.ToLower(name)] = strings.Trim(value, `"`)
	}
	authority, err := url.Parse(values["authorization"])
	if err != nil || authority.Scheme != "https" {
		return
	}
	tenant := strings.Trim(authority.Path, "/")
	if !guid.Valid(tenant) || strings.TrimSuffix(values["resource"], "/") != d.resource {
		return
	}
	h.Set("WWW-Authenticate", `Bearer authorization="https://login/`+tenant+`", resource="`+d.resource+`"`)
}
