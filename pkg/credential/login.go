package credential

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	// maxAnswer bounds what the login host may send in one answer, in bytes. Its
	// largest, the OpenID configuration, is about 2 KiB.
	maxAnswer = 1 << 20
	// longestPause is the longest pause that an answer may ask for, as in MSAL.
	longestPause = time.Hour
)

var (
	errOtherHost = errors.New("the login host names another host")
	errTooLarge  = errors.New("the answer is too large")
)

// loginHost sends requests to the one login host and to no other, whatever its
// documents say: the client secret goes where the configuration says. It follows no
// redirect. It records every answer in the exchange of the request's context,
// because azidentity's error keeps neither the cause nor, safely, the text.
type loginHost struct {
	host   string
	client *http.Client
}

func newLoginHost(loginURL string, transport http.RoundTripper) (*loginHost, error) {
	host, err := origin(loginURL)
	if err != nil {
		return nil, err
	}
	return &loginHost{host: host, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (l *loginHost) url() string { return "https://" + l.host }

// exchange is the outcome of the last request of one attempt.
type exchange struct {
	status     int
	retryAfter time.Duration
	refusal    refusal
	err        error
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
	if req.URL.Scheme != "https" || !l.allows(req.URL.Host) {
		x.err = errOtherHost
		return nil, x.err
	}
	resp, err := l.client.Do(req)
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
	x.status = resp.StatusCode
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		x.retryAfter = min(retry.After(resp.Header, time.Now()), longestPause)
		x.refusal = parseRefusal(body)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// allows admits the login host and its regional variants, which azidentity uses
// when AZURE_REGIONAL_AUTHORITY_NAME is set: <region>.<host>, and for the public
// cloud <region>.login.microsoft.com.
func (l *loginHost) allows(host string) bool {
	host = strings.ToLower(host)
	if host == l.host || strings.HasSuffix(host, "."+l.host) {
		return true
	}
	return "https://"+l.host == DefaultLoginURL && strings.HasSuffix(host, ".login.microsoft.com")
}

// origin takes a login URL apart and returns its lower-case host[:port].
func origin(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		// The value is not quoted: it may carry a password.
		return "", errors.New("login URL is not https://host[:port]")
	}
	return strings.ToLower(u.Host), nil
}

// refusal is what is kept of an error answer of the token service: codes and ids.
// error_description is never read; it repeats parts of the request.
type refusal struct {
	Error         string `json:"error"`
	Codes         []int  `json:"error_codes"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

// parseRefusal reads an error body; anything else (a gateway's HTML) gives zero.
func parseRefusal(body []byte) refusal {
	var r refusal
	if json.Unmarshal(body, &r) != nil {
		return refusal{}
	}
	r.TraceID, r.CorrelationID = diagnosis.Token(r.TraceID), diagnosis.Token(r.CorrelationID)
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
