package credential_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
)

// What one purchase may take.
const (
	attempts       = 5
	attemptTimeout = 30 * time.Second
)

func TestAThrottledTokenRequestWaitsAsLongAsItIsAskedTo(t *testing.T) {
	for _, row := range []struct {
		name, header string
		want         time.Duration
	}{
		{"seconds", "60", 60 * time.Second},
		{"decimals", "2.5", 2500 * time.Millisecond},
		{"a date", "Sat, 01 Jan 2000 00:00:30 GMT", 30 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &entra{secret: canary}
				e.before = func(n int, _ url.Values) (*http.Response, error) {
					if n == 1 {
						return answer(http.StatusTooManyRequests, "", "Retry-After", row.header), nil
					}
					return nil, nil
				}
				start := time.Now()
				mustToken(t, newCredential(t, environ(canary), e), "", "")
				if got := time.Since(start); got != row.want {
					t.Errorf("waited %v, want %v", got, row.want)
				}
			})
		})
	}
}

func TestAThrottledTokenRequestWithoutRetryAfterBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &entra{secret: canary}
		e.before = func(n int, _ url.Values) (*http.Response, error) {
			if n < 4 {
				return answer(http.StatusTooManyRequests, ""), nil
			}
			return nil, nil
		}
		start := time.Now()
		mustToken(t, newCredential(t, environ(canary), e), "", "")
		if got := time.Since(start); got < 1750*time.Millisecond || got > 5250*time.Millisecond {
			t.Errorf("waited %v, want 0.5 + 1 + 2 seconds, give or take a half of each", got)
		}
	})
}

func TestAWaitThatDoesNotFitIsNotBegun(t *testing.T) {
	for _, row := range []struct {
		name     string
		deadline time.Duration
		patience time.Duration
	}{
		{"before the deadline", 10 * time.Second, 0},
		{"within the patience", time.Hour, 20 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &entra{secret: canary}
				e.before = func(int, url.Values) (*http.Response, error) {
					return answer(http.StatusTooManyRequests, "", "Retry-After", "60"), nil
				}
				c := newCredential(t, environ(canary), e, func(cfg *credential.Config) { cfg.Patience = row.patience })
				ctx, cancel := context.WithTimeout(t.Context(), row.deadline)
				defer cancel()
				start := time.Now()
				_, err := c.Token(ctx, "", "")
				got := wantError(t, err, credential.Throttled, "Graph.Throttled")
				if got.Wait() != time.Minute || got.Status != http.StatusTooManyRequests {
					t.Errorf("error %#v", got)
				}
				if waited := time.Since(start); waited != 0 {
					t.Errorf("waited %v", waited)
				}
			})
		})
	}
}

func TestAnAnswerMayAskForAnHourAtMost(t *testing.T) {
	for _, header := range []string{"+Inf", "1e300", "86400"} {
		e := &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) {
			return answer(http.StatusTooManyRequests, "", "Retry-After", header), nil
		}
		_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
		if got := wantError(t, err, credential.Throttled, "Graph.Throttled"); got.Wait() != time.Hour {
			t.Errorf("%s: wait %v", header, got.Wait())
		}
	}
}

func TestTheWaitsOfOneCallAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) {
			return answer(http.StatusTooManyRequests, "", "Retry-After", "60"), nil
		}
		start := time.Now()
		_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
		_ = wantError(t, err, credential.Throttled, "Graph.Throttled")
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("waited %v, want one wait of a minute", waited)
		}
	})
}

func TestPassingFailuresAreRetried(t *testing.T) {
	for _, row := range []struct {
		name    string
		failure func() (*http.Response, error)
	}{
		{"500", func() (*http.Response, error) { return answer(500, `{"error":"server_error"}`), nil }},
		{"502 with HTML", func() (*http.Response, error) { return answer(502, "<html>Bad gateway</html>"), nil }},
		{"503", func() (*http.Response, error) { return answer(503, ""), nil }},
		{"504", func() (*http.Response, error) { return answer(504, ""), nil }},
		{"408", func() (*http.Response, error) { return answer(408, ""), nil }},
		{"temporarily_unavailable", func() (*http.Response, error) { return errorAnswer(400, "temporarily_unavailable"), nil }},
		{"AADSTS90033", func() (*http.Response, error) { return errorAnswer(400, "server_error", 90033), nil }},
		{"reset", func() (*http.Response, error) { return nil, syscall.ECONNRESET }},
		{"truncated", func() (*http.Response, error) {
			resp := answer(200, "")
			resp.Body = &brokenBody{}
			return resp, nil
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &entra{secret: canary}
				e.before = func(n int, _ url.Values) (*http.Response, error) {
					if n == 1 {
						return row.failure()
					}
					return nil, nil
				}
				mustToken(t, newCredential(t, environ(canary), e), "", "")

				e = &entra{secret: canary}
				e.document = func(n int) (*http.Response, error) {
					if n == 1 {
						return row.failure()
					}
					return nil, nil
				}
				mustToken(t, newCredential(t, environ(canary), e), "", "")
			})
		})
	}
}

func TestAWholeButMalformedAnswerIsAskedForAgain(t *testing.T) {
	const good = `"token_type":"Bearer","expires_in":3599,`
	malformed := []string{
		"", "{}", "null", "[]", "42", "OK", `"token"`, "{", `{"access_token":"cut o`, "\x00\xff", `{` + good + `"access_token":""}`, `{` + good + `"access_token":null}`,
		`{` + good + `"access_token":42}`, `{` + good + `"access_token":{"a":1}}`, `{"access_token":"token"}`, `{"access_token":"token","expires_in":"soon"}`,
		`{` + good + `"access_token":"two words"}`, `{` + good + `"access_token":"two\r\nlines"}`, `{` + good + `"access_token":"\u00fcber"}`,
		`{"error":"server_error"}`,
	}
	own := cloud.Public().LoginURL + "/" + testTenant
	documents := append([]string{`{"issuer":"` + own + `/v2.0"}`, `{"issuer":42,"token_endpoint":[]}`, `{"issuer":"` + own + `","token_endpoint":"","authorization_endpoint":"` + own + `"}`}, malformed[:10]...)
	for of, bodies := range map[string][]string{"token": malformed, "document": documents} {
		for _, body := range bodies {
			synctest.Test(t, func(t *testing.T) {
				e := &entra{secret: canary}
				once := func(n int) (*http.Response, error) {
					if n == 1 {
						return answer(http.StatusOK, body), nil
					}
					return nil, nil
				}
				if of == "token" {
					e.before = func(n int, _ url.Values) (*http.Response, error) { return once(n) }
				} else {
					e.document = once
				}
				token, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
				if err != nil || !strings.HasPrefix(token, "token-") {
					t.Errorf("%s %q: %q, %v", of, body, token, err)
				}
				if tokens, documents := e.count(); tokens+documents > 4 {
					t.Errorf("%s %q: %d token requests, %d documents", of, body, tokens, documents)
				}
			})
		}
	}
}

func TestAMalformedAnswerThatStaysIsAnErrorWithTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) {
			return answer(http.StatusOK, `{"access_token":42}`), nil
		}
		_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
		mustContain(t, wantError(t, err, credential.Unavailable, "Graph.Unavailable").Error(), "the answer of login.microsoftonline.com is not one that Entra ID gives", "HTTP 200", "proxy")
		if tokens, _ := e.count(); tokens != attempts {
			t.Errorf("%d attempts, want %d", tokens, attempts)
		}
	})
}

func TestHTMLIsNamedAfterTheFirstTry(t *testing.T) {
	page := func(status int, body, contentType string) *http.Response {
		return answer(status, body, "Content-Type", contentType)
	}
	for _, row := range []struct {
		of   string
		page func() *http.Response
	}{
		{"token", func() *http.Response {
			return page(200, "<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8")
		}},
		{"token", func() *http.Response { return page(200, "\xef\xbb\xbf\n <html>", "application/json") }},
		{"token", func() *http.Response { return page(200, "Welcome", "TEXT/HTML") }},
		{"token", func() *http.Response { return page(201, "<html>", "") }},
		{"token", func() *http.Response { return page(403, "<html>", "text/html") }},
		{"document", func() *http.Response { return page(200, "<html>", "text/html") }},
		{"tenant", func() *http.Response { return page(200, "<html>", "text/html") }},
	} {
		p, e := environ(canary), &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) { return row.page(), nil }
		if row.of != "token" {
			e.document = func(int) (*http.Response, error) { return row.page(), nil }
		}
		c := newCredential(t, p, e)
		_, err := c.Token(t.Context(), "", "")
		if row.of == "tenant" {
			p.put("AZURE_TENANT_ID", testDomain)
			_, err = newCredential(t, p, e).Tenant(t.Context())
		}
		var got *credential.Error
		if !errors.As(err, &got) {
			t.Fatalf("%s: %v", row.of, err)
		}
		mustContain(t, got.Error(), "login.microsoftonline.com", "HTML", "proxy")
		mustNotContain(t, got.Error(), "Sign in", "Welcome")
		tokens, documents := e.count()
		if want := map[string][2]int{"token": {1, 1}, "document": {0, 1}, "tenant": {0, 2}}[row.of]; [2]int{tokens, documents} != want {
			t.Errorf("%s: %d token requests and %d documents, want %v", row.of, tokens, documents, want)
		}
	}
}

func TestADocumentOfAnotherHostIsNotKept(t *testing.T) {
	e := &entra{secret: canary}
	e.document = func(n int) (*http.Response, error) {
		if n > 1 {
			return nil, nil
		}
		own := cloud.Public().LoginURL + "/" + testTenant
		return answer(http.StatusOK, `{"issuer":"`+own+`/v2.0","authorization_endpoint":"`+own+`","token_endpoint":"https://evil.example/token"}`), nil
	}
	c := newCredential(t, environ(canary), e)
	_, err := c.Token(t.Context(), "", "")
	mustContain(t, wantError(t, err, credential.Unavailable, "Graph.Unavailable").Error(), "another host")
	mustToken(t, c, "", "")
}

type brokenBody struct{}

func (*brokenBody) Read([]byte) (int, error) { return 0, syscall.ECONNRESET }
func (*brokenBody) Close() error             { return nil }

func TestAFailureThatStaysIsNamed(t *testing.T) {
	for _, row := range []struct {
		name     string
		err      error
		attempts int
		want     string
	}{
		{"name", &net.DNSError{Err: "no such host", Name: "login.example", IsNotFound: true}, attempts, "does not resolve"},
		{"refused", syscall.ECONNREFUSED, attempts, "refused"},
		{"certificate", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, 1, "SSL_CERT_FILE"},
		{"proxy", errors.New("proxyconnect tcp: http://user:hunter2@proxy"), attempts, "gave no answer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &entra{secret: canary}
				e.before = func(int, url.Values) (*http.Response, error) { return nil, row.err }
				_, err := newCredential(t, environ(canary), e).Token(t.Context(), "", "")
				got := wantError(t, err, credential.Unavailable, "Graph.Unavailable")
				mustContain(t, got.Error(), row.want)
				mustNotContain(t, got.Error(), "hunter2")
				if tokens, _ := e.count(); tokens != row.attempts {
					t.Errorf("%d attempts, want %d", tokens, row.attempts)
				}
			})
		})
	}
}

func TestAHostThatHangsIsGivenUpAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCredential(t, environ(canary), nil, func(cfg *credential.Config) { cfg.Transport = hanging{} })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.Token(ctx, "", "")
		got := wantError(t, err, credential.Unavailable, "Graph.Unavailable")
		if !errors.Is(got, context.DeadlineExceeded) {
			t.Errorf("error %v does not tell of the deadline", got)
		}
	})
}

func TestAnAttemptThatHangsIsFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &entra{secret: canary}
		first := true
		hang := roundTripper(func(req *http.Request) (*http.Response, error) {
			if first {
				first = false
				return hanging{}.RoundTrip(req)
			}
			return e.RoundTrip(req)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		start := time.Now()
		c := newCredential(t, environ(canary), nil, func(cfg *credential.Config) { cfg.Transport = hang })
		if _, err := c.Token(ctx, "", ""); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited < attemptTimeout || waited > attemptTimeout+time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestACancelledCallIsNotAFailureOfTheCredentials(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := &entra{secret: canary}
	e.before = func(int, url.Values) (*http.Response, error) {
		cancel()
		return nil, context.Canceled
	}
	_, err := newCredential(t, environ(canary), e).Token(ctx, "", "")
	if !errors.Is(err, context.Canceled) || errors.As(err, new(*credential.Error)) {
		t.Errorf("error %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type hanging struct{}

func (hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}
