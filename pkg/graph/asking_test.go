package graph

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAQueryIsWrittenAsGraphReadsIt(t *testing.T) {
	const filter = "displayName eq 'R&D+Sales #1 50%' and mail ne 'ä@x.example'"
	for name, c := range map[string]struct {
		query    Query
		want     url.Values
		eventual bool
	}{
		"nothing":     {Query{}, url.Values{}, false},
		"a selection": {Query{Select: []string{"id", "mail"}, Top: 999}, url.Values{"$select": {"id,mail"}, "$top": {"999"}}, false},
		"a filter":    {Query{Filter: filter}, url.Values{"$filter": {filter}, "$count": {"true"}}, true},
		"a search":    {Query{Search: `"displayName:a&b"`}, url.Values{"$search": {`"displayName:a&b"`}}, true},
		"an order":    {Query{OrderBy: "displayName desc"}, url.Values{"$orderby": {"displayName desc"}, "$count": {"true"}}, true},
		"a count":     {Query{Count: true}, url.Values{"$count": {"true"}}, true},
		"an expansion and a filter": {
			Query{Expand: "manager($select=id)", Filter: "accountEnabled eq true"},
			url.Values{"$expand": {"manager($select=id)"}, "$filter": {"accountEnabled eq true"}},
			false,
		},
		"signInActivity with large pages": {Query{Select: []string{"signInActivity"}, Top: 999}, url.Values{"$select": {"signInActivity"}, "$top": {"500"}}, false},
		"signInActivity with small pages": {Query{Select: []string{"signInActivity"}, Top: 5}, url.Values{"$select": {"signInActivity"}, "$top": {"5"}}, false},
	} {
		got, err := url.ParseQuery(c.query.encode())
		if err != nil || got.Encode() != c.want.Encode() || c.query.eventual() != c.eventual {
			t.Errorf("%s: %v, %v, eventual %t; want %v, eventual %t", name, got, err, c.query.eventual(), c.want, c.eventual)
		}
		if strings.Contains(c.query.encode(), "&%24") || strings.HasPrefix(c.query.encode(), "%24") {
			t.Errorf("%s: the dollar sign of an option is escaped: %s", name, c.query.encode())
		}
	}
	got, err := url.ParseQuery(Query{Filter: filter, Top: 5, Count: true}.countQuery())
	if err != nil || got.Encode() != (url.Values{"$filter": {filter}}).Encode() {
		t.Errorf("the filter of a count is %v, %v", got, err)
	}
}

// answers is a transport that gives one answer after the other; the last stays.
type answers struct {
	all   []http.Response
	asked []*http.Request
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	a.asked = append(a.asked, r)
	resp := a.all[min(len(a.asked), len(a.all))-1]
	resp.Body = io.NopCloser(strings.NewReader(resp.Status))
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	return &resp, nil
}

func (a *answers) client(t *testing.T, cfg Config) *Client {
	t.Helper()
	cfg.BaseURL, cfg.Transport = "https://graph.microsoft.com", a
	if cfg.Tokens == nil {
		cfg.Tokens = fixedToken("token")
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const aCount = "7" // answers keeps the body in Status

type refusals struct{ rejected, claims []string }

func (r *refusals) Token(_ context.Context, rejected, claims string) (string, error) {
	r.rejected, r.claims = append(r.rejected, rejected), append(r.claims, claims)
	return "token " + string(rune('0'+len(r.rejected))), nil
}

func TestATokenIsBoughtAnewOnceAndAChallengeAnsweredOnce(t *testing.T) {
	plain := http.Response{StatusCode: 401}
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	challenge := http.Response{StatusCode: 401, Header: http.Header{"Www-Authenticate": {
		`Bearer realm="", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`,
	}}}
	whole := http.Response{StatusCode: 200, Status: aCount}
	for name, c := range map[string]struct {
		all    []http.Response
		tokens int
		fails  bool
	}{
		"granted":                            {[]http.Response{whole}, 1, false},
		"refused once":                       {[]http.Response{plain, whole}, 2, false},
		"refused for ever":                   {[]http.Response{plain}, 2, true},
		"challenged once":                    {[]http.Response{challenge, whole}, 2, false},
		"challenged for ever":                {[]http.Response{challenge}, 2, true},
		"refused, then challenged":           {[]http.Response{plain, challenge, whole}, 3, false},
		"challenged, then refused":           {[]http.Response{challenge, plain, whole}, 3, false},
		"refused, challenged, and so on":     {[]http.Response{plain, challenge, plain, challenge, whole}, 3, true},
		"refused again after a server error": {[]http.Response{plain, {StatusCode: 500}, plain, whole}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens, transport := &refusals{}, &answers{all: c.all}
				_, err := transport.client(t, Config{Tokens: tokens}).Count(t.Context(), Query{}, new(Stats))
				if (err != nil) != c.fails || len(tokens.rejected) != c.tokens {
					t.Errorf("%d tokens were asked for, %v; want %d", len(tokens.rejected), err, c.tokens)
				}
				for i := range len(tokens.rejected) - 1 {
					bearer, told, want := transport.asked[i].Header.Get("Authorization"), tokens.claims[i+1], ""
					if c.all[min(i, len(c.all)-1)].Header != nil {
						want = claims
					}
					if c.all[min(i, len(c.all)-1)].StatusCode == 401 && ("Bearer "+tokens.rejected[i+1] != bearer || told != want) {
						t.Errorf("%q was refused; the source was told %q and the claims %q", bearer, tokens.rejected[i+1], told)
					}
				}
			})
		})
	}
}

func TestAStatusIsTriedAgainOnlyIfThatMayHelp(t *testing.T) {
	for status, again := range map[int]bool{
		204: false, 206: false, 302: false, 400: false, 403: false, 404: false, 405: false, 408: true, 409: false, 410: false,
		414: false, 429: true, 500: true, 501: false, 502: true, 503: true, 504: true, 505: false, 509: true,
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := &answers{all: []http.Response{{StatusCode: status}, {StatusCode: 200, Status: aCount}}}
			n, err := transport.client(t, Config{}).Count(t.Context(), Query{}, new(Stats))
			if (len(transport.asked) == 2) != again || (err == nil && n == 7) != again {
				t.Errorf("%d: asked %d times, %v", status, len(transport.asked), err)
			}
		})
	}
}

func TestARequestIsTriedAsOftenAsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &answers{all: []http.Response{{StatusCode: 500}}}
		var stats Stats
		_, err := transport.client(t, Config{Attempts: 4}).Count(t.Context(), Query{}, &stats)
		var answer *Error
		if !errors.As(err, &answer) || answer.Tries != 4 || len(transport.asked) != 4 || stats.Retries() != 3 {
			t.Errorf("asked %d times, %d retries: %v", len(transport.asked), stats.Retries(), err)
		}
	})
}

func TestTheLongestWaitIsStillWaited(t *testing.T) {
	for after, waited := range map[string]bool{"60": true, "61": false} {
		synctest.Test(t, func(t *testing.T) {
			transport := &answers{all: []http.Response{
				{StatusCode: 429, Header: http.Header{"Retry-After": {after}}}, {StatusCode: 200, Status: aCount},
			}}
			started := time.Now()
			_, err := transport.client(t, Config{MaxWait: time.Minute}).Count(t.Context(), Query{}, new(Stats))
			if (err == nil) != waited || (time.Since(started) >= time.Minute) != waited {
				t.Errorf("Retry-After %s: %v after %v", after, err, time.Since(started))
			}
		})
	}
}

func TestTheGovernorDoesNotPauseAtTheCostOfTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &answers{all: []http.Response{
			{StatusCode: 200, Status: aCount, Header: http.Header{"X-Ms-Throttle-Limit-Percentage": {"1.7"}}},
		}}
		client := transport.client(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for range 2 {
			if _, err := client.Count(ctx, Query{}, new(Stats)); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestACancellationEndsAWaitWithItsCause(t *testing.T) {
	for name, header := range map[string]http.Header{
		"before another try": {"Retry-After": {"60"}},
		"of the governor":    {"X-Ms-Throttle-Limit-Percentage": {"1.7"}, "Retry-After": {"0.001"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &answers{all: []http.Response{{StatusCode: 429, Header: header}}}
				cause := errors.New("enough")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(3*time.Second, func() { cancel(cause) })
				started := time.Now()
				_, err := transport.client(t, Config{}).Count(ctx, Query{}, new(Stats))
				if !errors.Is(err, cause) || time.Since(started) != 3*time.Second {
					t.Errorf("after %v: %v", time.Since(started), err)
				}
			})
		})
	}
}

func TestALinkWhosePathIsEscapedOtherwiseIsNotFollowed(t *testing.T) {
	c := newTestClient(t, "https://graph.microsoft.com")
	if _, err := c.resolve("https://graph.microsoft.com/v1.0%2fusers?$skiptoken=a", usersPath); err == nil {
		t.Error("a link with another path was followed")
	}
}

func TestATokenMeetsNoRequestToAnotherHost(t *testing.T) {
	transport := &answers{all: []http.Response{{StatusCode: 200, Status: aCount}}}
	c := transport.client(t, Config{})
	for _, address := range []string{"http://graph.microsoft.com/v1.0/users", "https://evil.example/v1.0/users", "https://graph.microsoft.com@evil.example/v1.0/users", "https://a:b@graph.microsoft.com/v1.0/users"} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.send(t.Context(), request{url: u}, "token")
		var refused *LinkError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", address, err)
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
	}
	if len(transport.asked) != 0 {
		t.Errorf("%d requests were made", len(transport.asked))
	}
}

func TestAnErrorNeverHoldsGraphsMessage(t *testing.T) {
	transport := &answers{all: []http.Response{{StatusCode: 403, Status: `{"error":{"code":"Denied","message":"anna.canary","innerError":{"request-id":"r-1"}}}`}}}
	_, err := transport.client(t, Config{}).Count(t.Context(), Query{}, new(Stats))
	var answer *Error
	if !errors.As(err, &answer) || answer.Message != "anna.canary" || answer.RequestID != "r-1" {
		t.Fatalf("error %#v", answer)
	}
	if strings.Contains(err.Error()+answer.LogValue().String(), "canary") {
		t.Errorf("the message is shown: %v, %v", err, answer.LogValue())
	}
}

func TestAnErrorsBodyIsReadToALimitOnly(t *testing.T) {
	transport := &answers{all: []http.Response{{StatusCode: 400, Status: `{"error":{"code":"` + strings.Repeat("x", 1<<20) + `"}}`}}}
	_, err := transport.client(t, Config{}).Count(t.Context(), Query{}, new(Stats))
	if err == nil || len(err.Error()) > 1000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestThePageTokensErrorsAreKnownByTheirStatusBehindALinkOnly(t *testing.T) {
	for status, lost := range map[int]bool{400: true, 404: true, 410: true, 403: false, 409: false, 500: false, 0: false} {
		if got := (&Error{Status: status, Continuation: true}).PageToken(); got != lost {
			t.Errorf("%d behind a link: %t", status, got)
		}
		if (&Error{Status: status}).PageToken() {
			t.Errorf("%d on a first page is taken for a lost token", status)
		}
	}
}
