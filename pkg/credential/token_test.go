package credential_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

func mustToken(t *testing.T, c *credential.Credential, rejected, claims string) string {
	t.Helper()
	token, err := c.Token(t.Context(), rejected, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestATokenIsBoughtOnceAndThenCached(t *testing.T) {
	e := &entra{secret: canary}
	c := newCredential(t, environ(canary), e)
	first, second := mustToken(t, c, "", ""), mustToken(t, c, "", "")
	if first != "token-1" || second != first {
		t.Errorf("tokens %q, %q", first, second)
	}
	form := e.forms[0]
	if got := form.Get("scope"); !strings.Contains(got, "https://graph.microsoft.com/.default") {
		t.Errorf("scope %q", got)
	}
	if got := form.Get("claims"); !strings.Contains(got, "cp1") && !strings.Contains(got, "CP1") {
		t.Errorf("claims %q do not announce continuous access evaluation", got)
	}
}

func TestLoginHostAndScopeFollowTheCloud(t *testing.T) {
	for _, own := range cloud.All() {
		e := &entra{secret: canary}
		c := newCredential(t, environ(canary), e, func(cfg *credential.Config) { cfg.Cloud = own })
		mustToken(t, c, "", "")
		if got := e.forms[0].Get("scope"); !strings.HasPrefix(got, own.GraphURL+"/.default") {
			t.Errorf("%s: scope %q", own.Name, got)
		}
		for _, host := range e.hosts {
			if "https://"+host != own.LoginURL {
				t.Errorf("%s: %s was asked", own.Name, host)
			}
		}
	}
}

func TestARejectedTokenIsNotReturnedFromTheCache(t *testing.T) {
	e := &entra{secret: canary}
	c := newCredential(t, environ(canary), e)
	first := mustToken(t, c, "", "")
	second := mustToken(t, c, first, "")
	if second == first {
		t.Fatal("the rejected token came back")
	}
	if late := mustToken(t, c, first, ""); late != second {
		t.Errorf("a late report of the old token bought %q, want %q from the cache", late, second)
	}
	if third := mustToken(t, c, "", ""); third != second {
		t.Errorf("then %q, want %q", third, second)
	}
}

func TestManyReportsOfOneRejectedTokenBuyOneToken(t *testing.T) {
	for _, claims := range []string{"", `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`} {
		e := &entra{secret: canary}
		c := newCredential(t, environ(canary), e)
		first := mustToken(t, c, "", "")
		got := make([]string, 8)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() { got[i], _ = c.Token(t.Context(), first, claims) })
		}
		wg.Wait()
		for _, token := range got {
			if token != "token-2" {
				t.Errorf("claims %q: got %v, want token-2 for all", claims, got)
				break
			}
		}
		if tokens, _ := e.count(); tokens != 2 {
			t.Errorf("claims %q: %d token requests, want 2", claims, tokens)
		}
	}
}

func TestAClaimsChallengeIsPassedOn(t *testing.T) {
	e := &entra{secret: canary}
	c := newCredential(t, environ(canary), e)
	first := mustToken(t, c, "", "")
	second := mustToken(t, c, first, `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`)
	if second == first {
		t.Fatal("the challenge was answered with the old token")
	}
	if got := e.forms[1].Get("claims"); !strings.Contains(got, "1700000000") || !strings.Contains(strings.ToLower(got), "cp1") {
		t.Errorf("claims %q", got)
	}
}

func TestARotatedSecretIsRereadOnce(t *testing.T) {
	for _, code := range []int{wrongSecret, expiredSecret, 700027} {
		p, e := environ("old-secret"), &entra{secret: canary}
		e.before = func(_ int, form url.Values) (*http.Response, error) {
			if form.Get("client_secret") == "old-secret" {
				p.put("AZURE_CLIENT_SECRET", canary)
				return refusal401(code), nil
			}
			return nil, nil
		}
		c := newCredential(t, p, e)
		if got := mustToken(t, c, "", ""); got != "token-2" {
			t.Errorf("AADSTS%d: token %q", code, got)
		}
		if p.count() != 2 {
			t.Errorf("AADSTS%d: secret read %d times, want 2", code, p.count())
		}
	}
}

func TestASecretThatStaysWrongIsRejectedAfterOneReread(t *testing.T) {
	p, e := environ("wrong-secret"), &entra{secret: canary}
	_, err := newCredential(t, p, e).Token(t.Context(), "", "")
	got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
	if got.Code != wrongSecret || got.TraceID != testTrace || got.CorrelationID != testCorrel || got.Tenant != testTenant || got.Status != http.StatusUnauthorized {
		t.Errorf("error %#v", got)
	}
	if tokens, _ := e.count(); tokens != 2 || p.count() != 2 {
		t.Errorf("%d token requests and %d reads, want 2 and 2", tokens, p.count())
	}
}

func TestOtherRefusalsDoNotRereadTheSecret(t *testing.T) {
	p, e := environ(canary), &entra{secret: canary}
	e.before = func(int, url.Values) (*http.Response, error) {
		return errorAnswer(http.StatusBadRequest, "unauthorized_client", 700016), nil
	}
	_, err := newCredential(t, p, e).Token(t.Context(), "", "")
	if got := wantError(t, err, credential.Rejected, "Credentials.Rejected"); got.Code != 700016 {
		t.Errorf("code %d", got.Code)
	}
	if tokens, _ := e.count(); tokens != 1 || p.count() != 1 {
		t.Errorf("%d token requests and %d reads, want 1 and 1", tokens, p.count())
	}
}

func TestASecretRotatedUnderARunningFunctionIsPickedUp(t *testing.T) {
	p, e := environ("old-secret"), &entra{secret: "old-secret"}
	c := newCredential(t, p, e)
	first := mustToken(t, c, "", "")
	p.put("AZURE_CLIENT_SECRET", canary)
	e.accept(canary)
	if second := mustToken(t, c, first, ""); second == first {
		t.Error("the old token came back")
	}
	if p.count() != 2 {
		t.Errorf("the secret was read %d times, want 2", p.count())
	}
}

func TestARereadThatFailsLeavesTheRefusal(t *testing.T) {
	p, e := environ("wrong-secret"), &entra{secret: canary}
	e.before = func(int, url.Values) (*http.Response, error) {
		p.put("AZURE_CLIENT_SECRET", "")
		return nil, nil
	}
	_, err := newCredential(t, p, e).Token(t.Context(), "", "")
	if got := wantError(t, err, credential.Rejected, "Credentials.Rejected"); got.Code != wrongSecret {
		t.Errorf("code %d", got.Code)
	}
}

func TestASecretIDPastedAsTheSecretIsPointedOut(t *testing.T) {
	_, err := newCredential(t, environ("7a1c9e5e-0000-4000-8000-00000000beef"), &entra{secret: canary}).Token(t.Context(), "", "")
	got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
	if !strings.Contains(got.Error(), "it is a GUID") || strings.Contains(got.Error(), "beef") {
		t.Errorf("error %q", got)
	}
}

func TestTheSecretIsRereadAfterItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, e := environ(canary), &entra{secret: canary}
		c := newCredential(t, p, e)
		first := mustToken(t, c, "", "")
		time.Sleep(secret.DefaultTTL - time.Second)
		mustToken(t, c, "", "")
		if p.count() != 1 {
			t.Errorf("read %d times within the TTL", p.count())
		}
		p.put("AZURE_CLIENT_SECRET", "second-secret")
		e.accept("second-secret")
		time.Sleep(2 * time.Second)
		if second := mustToken(t, c, "", ""); second == first {
			t.Error("a changed secret did not replace the credential")
		}
		if p.count() != 2 {
			t.Errorf("read %d times, want 2", p.count())
		}
	})
}

func TestARefreshThatFailsKeepsTheCachedIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, e := environ(canary), &entra{secret: canary}
		c := newCredential(t, p, e)
		mustToken(t, c, "", "")
		p.put("AZURE_CLIENT_SECRET", "")
		time.Sleep(secret.DefaultTTL + time.Second)
		for range 3 {
			mustToken(t, c, "", "")
		}
		if p.count() != 2 {
			t.Errorf("read %d times, want 2: a failed refresh is not repeated at once", p.count())
		}
		time.Sleep(2 * time.Hour)
		if got := mustToken(t, c, "", ""); got != "token-2" {
			t.Errorf("token %q from the kept identity", got)
		}
	})
}

func TestThoseWhoWaitedForAFailureShareIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &entra{secret: canary}
		e.before = func(int, url.Values) (*http.Response, error) {
			return answer(http.StatusServiceUnavailable, ""), nil
		}
		c := newCredential(t, environ(canary), e)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.Token(t.Context(), "", ""); err == nil {
					t.Error("no error")
				}
			})
		}
		wg.Wait()
		if tokens, _ := e.count(); tokens != attempts {
			t.Errorf("%d token requests, want the %d of one caller", tokens, attempts)
		}
		e.before = nil
		mustToken(t, c, "", "")
	})
}

func TestAWaitingCallerLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &entra{secret: canary}
		e.before = func(n int, _ url.Values) (*http.Response, error) {
			if n == 1 {
				return answer(http.StatusTooManyRequests, "", "Retry-After", "60"), nil
			}
			return nil, nil
		}
		c := newCredential(t, environ(canary), e)
		go func() { _, _ = c.Token(t.Context(), "", "") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Token(ctx, "", "")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
		time.Sleep(time.Minute)
	})
}

func TestMicrosoftsClientsCanUseIt(t *testing.T) {
	e := &entra{secret: canary}
	c := newCredential(t, environ(canary), e)
	got, err := c.GetToken(t.Context(), policy.TokenRequestOptions{})
	if err != nil || got.Token != "token-1" || time.Until(got.ExpiresOn) < 50*time.Minute {
		t.Errorf("got %+v, %v", got.ExpiresOn, err)
	}
	if claims := e.forms[0].Get("claims"); !strings.Contains(strings.ToLower(claims), "cp1") {
		t.Errorf("claims %q", claims)
	}
	if _, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}}); err != nil {
		t.Error(err)
	}
	if scope := e.forms[1].Get("scope"); !strings.HasPrefix(scope, "https://vault.azure.net/.default") {
		t.Errorf("scope %q", scope)
	}
}

func wantError(t *testing.T, err error, kind credential.Kind, name string) *credential.Error {
	t.Helper()
	var e *credential.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is not an *Error", err)
	}
	if e.Kind != kind || e.Name() != name {
		t.Fatalf("error %v is %s, %s; want %s, %s", err, e.Kind, e.Name(), kind, name)
	}
	return e
}

func wantUnread(t *testing.T, err error, kind secret.Kind) *secret.Error {
	t.Helper()
	var e *secret.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Name() != "Credentials.Missing" {
		t.Fatalf("error %v is not that the secret is %s", err, kind)
	}
	return e
}
