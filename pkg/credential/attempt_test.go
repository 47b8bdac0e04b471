package credential_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

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
