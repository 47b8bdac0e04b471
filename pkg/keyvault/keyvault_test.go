package keyvault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/keyvault"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	domain = "vault.azure.net"
	entry  = "https://people.vault.azure.net/secrets/entra"
	canary = "Zq8Q~canary.Secret_0123456789-abcdefghij"
)

// holder signs in to the simulated tenant by its managed identity.
type holder struct {
	tenant  *simulator.Tenant
	asked   []policy.TokenRequestOptions
	failure error
}

func (h *holder) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	h.asked = append(h.asked, o)
	if h.failure != nil {
		return azcore.AccessToken{}, h.failure
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource="+strings.TrimSuffix(o.Scopes[0], "/.default"), nil)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	req.Header.Set("Metadata", "true")
	resp, err := h.tenant.Transport().RoundTrip(req)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	_, rest, _ := strings.Cut(string(text), `"access_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, err
}

// recorder keeps the requests that it passes on.
type recorder struct {
	to       http.RoundTripper
	mu       sync.Mutex
	requests []*http.Request
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.requests = append(r.requests, req)
	r.mu.Unlock()
	return r.to.RoundTrip(req)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answer(status int, body string, header http.Header) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func parse(t *testing.T, url string) secret.Source {
	t.Helper()
	source, err := secret.ParseSource("keyvault:" + url)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// open returns the vaults of the public cloud and who signs in to them.
func open(tenant *simulator.Tenant, transport http.RoundTripper) (*keyvault.Vaults, *holder) {
	by := &holder{tenant: tenant}
	return &keyvault.Vaults{Domain: domain, Transport: transport, Credential: func() (azcore.TokenCredential, error) { return by, nil }}, by
}

// read reads a secret as its users do.
func read(t *testing.T, v *keyvault.Vaults, url string) (string, time.Time, error) {
	t.Helper()
	r, err := secret.NewReader(parse(t, url), secret.Access{Vault: v})
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Read(t.Context())
	return string(text), r.Ends(), err
}

// refusal checks the error of a read, which quotes nothing that is secret, and returns its
// request id.
func refusal(t *testing.T, err error, kind secret.Kind, parts ...string) string {
	t.Helper()
	var e *secret.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error %v, want kind %s", err, kind)
	}
	text := fmt.Sprintf("%v %+v", err, e.LogValue())
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	for _, never := range []string{canary, "eyJ", "AKV1"} {
		if strings.Contains(text, never) {
			t.Errorf("%q holds %q", text, never)
		}
	}
	return e.RequestID
}

func TestASecretOfAVaultIsReadWithItsVersionAndItsEnd(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	ends := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	first := tenant.SetVaultSecret("entra", "the first", ends)
	tenant.SetVaultSecret("entra", "the \"second\"\n", time.Time{})
	asked := &recorder{to: tenant.Transport()}
	v, by := open(tenant, asked)
	if text, until, err := read(t, v, entry); err != nil || text != "the \"second\"\n" || !until.IsZero() {
		t.Errorf("%q until %v, %v", text, until, err)
	}
	if text, until, err := read(t, v, entry+"/"+first); err != nil || text != "the first" || !until.Equal(ends) {
		t.Errorf("%q until %v, %v", text, until, err)
	}
	if len(by.asked) != 1 || by.asked[0].Scopes[0] != "https://vault.azure.net/.default" || by.asked[0].TenantID != simulator.DefaultTenant {
		t.Errorf("tokens were asked for by %+v", by.asked)
	}
	for i, req := range asked.requests {
		if with := req.Header.Get("Authorization") != ""; with != (i > 0) || req.URL.Host != "people.vault.azure.net" || req.URL.Scheme != "https" {
			t.Errorf("request %d goes to %s, with a token: %t", i, req.URL, with)
		}
	}
	if len(asked.requests) != 3 {
		t.Errorf("%d requests, want 3: one for the challenge, two for the secrets", len(asked.requests))
	}
}

func TestASecretIsReadOverTLS(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	tenant.SetVaultSecret("entra", "over TLS", time.Time{})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	v, _ := open(tenant, server.Transport())
	if text, _, err := read(t, v, server.URL+"/secrets/entra"); err != nil || text != "over TLS" {
		t.Errorf("%q, %v", text, err)
	}
	v, _ = open(tenant, &http.Transport{})
	_, _, err = read(t, v, server.URL+"/secrets/entra")
	refusal(t, err, secret.Unavailable, "certificate is not trusted")
}

func TestATokenForVaultsGoesToNoOtherHost(t *testing.T) {
	for _, c := range cloud.All() {
		v := &keyvault.Vaults{Domain: c.VaultDomain}
		for _, other := range cloud.All() {
			if other.VaultDomain == "" {
				continue
			}
			err := v.Check(parse(t, "https://people."+other.VaultDomain+"/secrets/entra"))
			if (err == nil) != (other.VaultDomain == c.VaultDomain) {
				t.Errorf("%s takes a vault of %s: %v", c.Name, other.Name, err)
			}
		}
	}
	v, _ := open(nil, nil)
	for _, host := range []string{
		"vault.azure.net", "evilvault.azure.net", "evil-vault.azure.net", "vault.azure.net.evil.example", "people.vault.azure.net.evil.example", "a.b.vault.azure.net",
		"people.vault.azure.net:8443", "evil.example", "169.254.169.254", "10.0.0.1", "localhost.evil.example", "people.privatelink.vaultcore.azure.net",
	} {
		var e *secret.SourceError
		if _, err := secret.NewReader(parse(t, "https://"+host+"/secrets/entra"), secret.Access{Vault: v}); !errors.As(err, &e) || !strings.Contains(e.Error(), "ROLLCALL_VAULT_DOMAIN") {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"127.0.0.1:8443", "localhost", "[::1]:8443", "people.vault.azure.net:443"} {
		if err := v.Check(parse(t, "https://"+host+"/secrets/entra")); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	asked := &recorder{to: roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Header.Get("Authorization") == "" {
			return tenant.Transport().RoundTrip(req)
		}
		return answer(http.StatusFound, "", http.Header{"Location": {"https://evil.example/" + canary}}), nil
	})}
	v, _ := open(tenant, asked)
	_, _, err := read(t, v, entry)
	refusal(t, err, secret.Unavailable, "redirect")
	if len(asked.requests) != 2 {
		t.Errorf("%d requests, want 2", len(asked.requests))
	}
}

func TestARefusalOfTheVaultSaysWhatToDo(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*simulator.Tenant) error
		kind   secret.Kind
		want   []string
		tries  int
	}{
		"no such secret": {func(s *simulator.Tenant) error { return nil }, secret.Missing, []string{"SecretNotFound", "az keyvault secret list --vault-name people", "az keyvault secret recover"}, 1},
		"no role": {func(s *simulator.Tenant) error { return s.RefuseVaultSecret("entra", "ForbiddenByRbac") }, secret.Forbidden, []string{
			"Forbidden", "HTTP 403", "Key Vault Secrets User", "az role assignment create", "az keyvault show --name people",
		}, 1},
		"no policy": {func(s *simulator.Tenant) error { return s.RefuseVaultSecret("entra", "AccessDenied") }, secret.Forbidden, []string{"az keyvault set-policy --name people"}, 1},
		"firewall":  {func(s *simulator.Tenant) error { return s.RefuseVaultSecret("entra", "ForbiddenByFirewall") }, secret.Forbidden, []string{"firewall", "az keyvault network-rule add --name people"}, 1},
		"disabled":  {func(s *simulator.Tenant) error { return s.DisableVaultSecret("entra") }, secret.Missing, []string{"disabled", "az keyvault secret set-attributes --enabled true --vault-name people"}, 1},
		"throttled": {func(s *simulator.Tenant) error { return s.RefuseVaultSecret("entra", "Throttled") }, secret.Unavailable, []string{"throttling", "HTTP 429"}, 4},
		"broken":    {func(s *simulator.Tenant) error { return s.RefuseVaultSecret("entra", "InternalServerError") }, secret.Unavailable, []string{"HTTP 500"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{})
				if name != "no such secret" {
					tenant.SetVaultSecret("entra", canary, time.Time{})
				}
				if err := row.change(tenant); err != nil {
					t.Fatal(err)
				}
				asked := &recorder{to: tenant.Transport()}
				v, _ := open(tenant, asked)
				start := time.Now()
				_, _, err := read(t, v, entry)
				id := refusal(t, err, row.kind, append(row.want, "source keyvault:"+entry)...)
				if id == "" || len(asked.requests) != row.tries+1 {
					t.Errorf("request id %q, %d requests", id, len(asked.requests))
				}
				if waited := time.Since(start); name == "throttled" && waited != 6*time.Second {
					t.Errorf("waited %v, want thrice the two seconds that the vault asks for", waited)
				}
			})
		})
	}
}

func TestAVaultThatRecoversIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{})
		tenant.SetVaultSecret("entra", "at last", time.Time{})
		failures := 0
		v, _ := open(tenant, roundTrip(func(req *http.Request) (*http.Response, error) {
			if failures++; failures < 3 {
				return answer(http.StatusServiceUnavailable, canary, nil), nil
			}
			return tenant.Transport().RoundTrip(req)
		}))
		if text, _, err := read(t, v, entry); err != nil || text != "at last" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestAVaultThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, _ := open(simulator.New(simulator.Config{}), roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}))
		start := time.Now()
		_, _, err := read(t, v, entry)
		refusal(t, err, secret.Unavailable, "in time")
		if waited := time.Since(start); waited != 15*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestWithoutATokenTheSecretIsNotAskedFor(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	asked := &recorder{to: tenant.Transport()}
	v, by := open(tenant, asked)
	by.failure = errors.New("the whole answer of the login service: " + canary)
	_, _, err := read(t, v, entry)
	refusal(t, err, secret.Forbidden, "gave no token", "az login")
	for _, req := range asked.requests {
		if req.Header.Get("Authorization") != "" {
			t.Error("a token was sent")
		}
	}
	v.Credential = func() (azcore.TokenCredential, error) { return nil, errors.New(canary) }
	v = &keyvault.Vaults{Domain: domain, Transport: asked, Credential: v.Credential}
	_, _, err = read(t, v, entry)
	refusal(t, err, secret.Forbidden, "gave no token")
}

func TestOnlyTheVaultsOwnChallengeIsAnswered(t *testing.T) {
	const good = `Bearer authorization="https://login.microsoftonline.com/` + simulator.DefaultTenant + `", resource="https://vault.azure.net"`
	for name, row := range map[string]struct {
		header  string
		answers bool
	}{
		"its own":             {good, true},
		"without commas":      {strings.ReplaceAll(good, ",", ""), true},
		"in another case":     {strings.Replace(good, "Bearer", "bearer", 1), true},
		"Graph's resource":    {strings.Replace(good, "vault.azure.net", "graph.microsoft.com", 1), false},
		"another cloud's":     {strings.Replace(good, "vault.azure.net", "vault.azure.cn", 1), false},
		"a resource within":   {strings.Replace(good, "vault.azure.net", "evil.example/vault.azure.net", 1), false},
		"no tenant":           {strings.Replace(good, "/"+simulator.DefaultTenant, "", 1), false},
		"no URL":              {`Bearer authorization="x", resource="https://vault.azure.net"`, false},
		"a tenant's name":     {strings.Replace(good, simulator.DefaultTenant, "common", 1), false},
		"no resource":         {`Bearer authorization="https://login.microsoftonline.com/` + simulator.DefaultTenant + `"`, false},
		"a scope instead":     {strings.Replace(good, "resource", "scope", 1), false},
		"another scheme":      {`Basic realm="x"`, false},
		"nothing":             {"", false},
		"no words":            {"Bearer", false},
		"a scope beside them": {good + `, scope="https://graph.microsoft.com/.default"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			tenant.SetVaultSecret("entra", "kept", time.Time{})
			v, by := open(tenant, roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.Header.Get("Authorization") != "" {
					return tenant.Transport().RoundTrip(req)
				}
				return answer(http.StatusUnauthorized, "{}", http.Header{"Www-Authenticate": {row.header}}), nil
			}))
			_, _, err := read(t, v, entry)
			if (err == nil) != row.answers || (len(by.asked) > 0) != row.answers {
				t.Fatalf("%d tokens were asked for, %v", len(by.asked), err)
			}
			for _, o := range by.asked {
				if o.Scopes[0] != "https://vault.azure.net/.default" {
					t.Errorf("a token for %v was asked for", o.Scopes)
				}
			}
			if err != nil {
				refusal(t, err, secret.Forbidden, "ROLLCALL_CLOUD")
			}
		})
	}
}

func TestWhatIsNotASecretIsAnError(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		kind secret.Kind
	}{
		"no value":  {`{"id":"https://people.vault.azure.net/secrets/entra"}`, secret.Malformed},
		"null":      {`null`, secret.Malformed},
		"a number":  {`{"value":1}`, secret.Malformed},
		"not JSON":  {canary, secret.Malformed},
		"too large": {`{"value":"` + strings.Repeat("x", 1<<20) + `"}`, secret.Malformed},
		"odd end":   {`{"value":"x","attributes":{"exp":"` + canary + `"}}`, secret.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			v, _ := open(tenant, roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.Header.Get("Authorization") == "" {
					return tenant.Transport().RoundTrip(req)
				}
				return answer(http.StatusOK, row.body, nil), nil
			}))
			_, _, err := read(t, v, entry)
			refusal(t, err, row.kind)
		})
	}
}

func TestAFunctionThatReadsFromNoVaultSaysSo(t *testing.T) {
	var e *secret.SourceError
	if _, err := secret.NewReader(parse(t, entry), secret.Access{}); !errors.As(err, &e) || !strings.Contains(e.Error(), "secretsmanager:") {
		t.Errorf("error %v", err)
	}
}

// FuzzAnAnswerOfAVaultIsASecretOrAnErrorThatRepeatsNothing has a vault answer anything.
func FuzzAnAnswerOfAVaultIsASecretOrAnErrorThatRepeatsNothing(f *testing.F) {
	challenge := `Bearer authorization="https://login.microsoftonline.com/` + simulator.DefaultTenant + `", resource="https://vault.azure.net"`
	f.Add(challenge, 200, `{"value":"x","attributes":{"exp":1767225600}}`)
	f.Add(challenge, 403, `{"error":{"code":"Forbidden","message":"`+canary+`","innererror":{"code":"ForbiddenByRbac"}}}`)
	f.Add(`Bearer authorization="x"`, 401, canary)
	f.Add(`Bearer authorization="https://a/b/c/d", resource="`+canary+`"`, 429, `{"error":{"innererror":[{"code":1}]}}`)
	tenant := simulator.New(simulator.Config{})
	f.Fuzz(func(t *testing.T, challenge string, status int, body string) {
		if strings.ContainsAny(challenge, "\r\n") || status < 100 || status > 999 {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) {
			v, by := open(tenant, roundTrip(func(req *http.Request) (*http.Response, error) {
				if req.Header.Get("Authorization") == "" {
					return answer(http.StatusUnauthorized, body, http.Header{"Www-Authenticate": {challenge}}), nil
				}
				return answer(status, body, nil), nil
			}))
			_, _, err := read(t, v, entry)
			for _, o := range by.asked {
				if o.Scopes[0] != "https://vault.azure.net/.default" {
					t.Errorf("a token for %v was asked for", o.Scopes)
				}
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("error %v", err)
			}
		})
	})
}
