package credential

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	azurecloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	// maxAnswer bounds what the login host may send in one answer, in bytes. Its
	// largest, the OpenID configuration, is about 2 KiB.
	maxAnswer = 1 << 20
	// longestPause is the longest pause that an answer may ask for, as in MSAL.
	longestPause = time.Hour
)

var (
	errOtherHost error = otherHost{}
	errTooLarge        = errors.New("the answer is too large")
)

type otherHost struct{}

func (otherHost) Error() string { return "the login host names another host" }

// NonRetriable keeps azcore from sending the request once more.
func (otherHost) NonRetriable() {}

// loginHost sends requests to the one login host and to no other, whatever its
// documents say: the client secret goes where the configuration says. It follows no
// redirect. It records every answer in the exchange of the request's context,
// because azidentity's error keeps neither the cause nor, safely, the text.
type loginHost struct {
	origin origin.Origin
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
	l := &loginHost{origin: at, transport: transport}
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

// cloud is the login host as azidentity takes it.
func (l *loginHost) cloud() azurecloud.Configuration {
	return azurecloud.Configuration{ActiveDirectoryAuthorityHost: l.url()}
}

// exchange is the outcome of the last request of one attempt.
type exchange struct {
	host       string // that was asked
	status     int
	html       bool // whether the answer is HTML, which Entra ID never sends here
	retryAfter time.Duration
	refusal    refusal
	err        error
}

// succeeded reports whether the answer has the status of one that gives what was
// asked for.
func (x *exchange) succeeded() bool {
	return x.status == http.StatusOK || x.status == http.StatusCreated
}

type exchangeKey struct{}

func withExchange(ctx context.Context) (context.Context, *exchange) {
	x := &exchange{}
	return context.WithValue(ctx, exchangeKey{}, x), x
}

// Do sends the request and reads the answer whole. It is azcore's policy.Transporter.
func (l *loginHost) Do(req *http.Request) (*http.Response, error) {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		x = &exchange{}
	}
	*x = exchange{}
	to, ok := l.allows(req.URL)
	if !ok {
		x.err = errOtherHost
		return nil, x.err
	}
	req = req.Clone(req.Context())
	req.URL.Host, req.Host = to.Host(), ""
	x.host = to.Host()
	resp, err := l.transport.RoundTrip(req) // which follows no redirect
	if err != nil {
		x.err = err
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	if err == nil && len(body) > maxAnswer {
		err = errTooLarge
	}
	if err != nil {
		x.err = err
		return nil, err
	}
	x.status, x.html = resp.StatusCode, isHTML(resp.Header, body)
	if !x.succeeded() {
		x.retryAfter = min(retry.After(resp.Header, time.Now()), longestPause)
		x.refusal = parseRefusal(body)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// isHTML reports whether an answer is a page for a browser: a proxy's or a gateway's.
func isHTML(header http.Header, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return kind == "text/html" || kind == "application/xhtml+xml" || bytes.HasPrefix(secret.UTF8(body), []byte("<"))
}

// allows returns the configured host that a URL names, and whether it names one.
func (l *loginHost) allows(u *url.URL) (origin.Origin, bool) {
	to, err := origin.Of(u)
	return to, err == nil && (to == l.origin || slices.Contains(l.regional, to))
}

// refusal is what is kept of an error answer of the token service: codes and ids.
// error_description is never read; it repeats parts of the request.
type refusal struct {
	Error         string
	Codes         []int
	TraceID       string
	CorrelationID string
}

// parseRefusal reads an error body; anything else (a gateway's HTML) gives zero. A
// member of another type than Entra's does not take the others with it.
func parseRefusal(body []byte) refusal {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return refusal{}
	}
	text := func(name string) (s string) {
		_ = json.Unmarshal(members[name], &s)
		return diagnosis.Token(s)
	}
	var codes []json.RawMessage
	_ = json.Unmarshal(members["error_codes"], &codes)
	r := refusal{Error: text("error"), TraceID: text("trace_id"), CorrelationID: text("correlation_id")}
	for _, code := range codes {
		if n, err := strconv.Atoi(strings.Trim(string(code), `"`)); err == nil && n > 0 {
			r.Codes = append(r.Codes, n)
		}
	}
	return r
}

// code returns the code to act on: the first that is known, else the first.
func (r refusal) code() int {
	for _, code := range r.Codes {
		if _, known := adviceFor(code); known {
			return code
		}
	}
	if len(r.Codes) > 0 {
		return r.Codes[0]
	}
	return 0
}
