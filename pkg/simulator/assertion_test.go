package simulator_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

var appKey = sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// issueTo makes a certificate of a key, from and until so long from now.
func issueTo(t *testing.T, key *rsa.PrivateKey, from, until time.Duration) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

type members = map[string]any

// assert makes an assertion of a header and claims.
func assert(t *testing.T, key *rsa.PrivateKey, header, claims members) string {
	t.Helper()
	part := func(m members) string {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(header) + "." + part(claims)
	digest := sha256.Sum256([]byte(signed))
	var by crypto.SignerOpts = crypto.SHA256
	if header["alg"] == "PS256" {
		by = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	signature, err := key.Sign(rand.Reader, digest[:], by)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// present sends an assertion and returns the AADSTS code of the refusal, 0 for none.
func present(t *testing.T, tenant *simulator.Tenant, assertion string) int {
	t.Helper()
	values := grant()
	values.Del("client_secret")
	values.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	values.Set("client_assertion", assertion)
	return codeOf(t, clientOf(t, tenant).form(simulator.DefaultTenant, values))
}

func codeOf(t *testing.T, a answer) int {
	t.Helper()
	var body struct {
		Token string `json:"access_token"`
		Codes []int  `json:"error_codes"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || (body.Token == "") != (len(body.Codes) == 1) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if body.Token != "" {
		return 0
	}
	return body.Codes[0]
}

func TestAnAssertionIsVerifiedByTheRegisteredCertificate(t *testing.T) {
	key, other := appKey(), newKey()
	for name, row := range map[string]struct {
		header, claims       func(m members, registered *x509.Certificate)
		key                  *rsa.PrivateKey
		from, until          time.Duration
		unregistered, mangle bool
		want                 int
	}{
		"as documented": {want: 0},
		"in padded base64": {header: func(m members, c *x509.Certificate) {
			s := sha256.Sum256(c.Raw)
			m["x5t#S256"] = base64.StdEncoding.EncodeToString(s[:])
		}},
		"RS256 and SHA-1": {header: func(m members, c *x509.Certificate) {
			delete(m, "x5t#S256")
			s := sha1.Sum(c.Raw)
			m["x5t"], m["alg"] = base64.RawURLEncoding.EncodeToString(s[:]), "RS256"
		}},
		"RS256":               {header: func(m members, _ *x509.Certificate) { m["alg"] = "RS256" }},
		"without nbf and iat": {claims: func(m members, _ *x509.Certificate) { delete(m, "nbf"); delete(m, "iat") }},
		"a minute ahead":      {claims: func(m members, _ *x509.Certificate) { m["nbf"] = time.Now().Add(time.Minute).Unix() }},
		"not registered":      {unregistered: true, want: 700027},
		"another thumbprint": {header: func(m members, _ *x509.Certificate) {
			m["x5t#S256"] = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
		}, want: 700027},
		"no thumbprint":          {header: func(m members, _ *x509.Certificate) { delete(m, "x5t#S256") }, want: 50027},
		"another key":            {key: other, want: 700027},
		"changed afterwards":     {mangle: true, want: 700027},
		"not signed":             {header: func(m members, _ *x509.Certificate) { m["alg"] = "none" }, want: 50027},
		"signed with the public": {header: func(m members, _ *x509.Certificate) { m["alg"] = "HS256" }, want: 50027},
		"an expired certificate": {from: -2 * time.Hour, until: -time.Hour, want: 700027},
		"a certificate to come":  {from: time.Hour, until: 2 * time.Hour, want: 700027},
		"another audience": {claims: func(m members, _ *x509.Certificate) {
			m["aud"] = "https://login.microsoftonline.us/" + simulator.DefaultTenant + "/oauth2/v2.0/token"
		}, want: 700023},
		"another tenant": {claims: func(m members, _ *x509.Certificate) {
			m["aud"] = "https://login.microsoftonline.com/common/oauth2/v2.0/token"
		}, want: 700023},
		"two audiences":   {claims: func(m members, _ *x509.Certificate) { m["aud"] = []any{m["aud"], "x"} }, want: 700023},
		"another issuer":  {claims: func(m members, _ *x509.Certificate) { m["iss"] = simulator.DefaultTenant }, want: 700021},
		"another subject": {claims: func(m members, _ *x509.Certificate) { m["sub"] = simulator.DefaultTenant }, want: 700021},
		"expired":         {claims: func(m members, _ *x509.Certificate) { m["exp"] = time.Now().Add(-6 * time.Minute).Unix() }, want: 700024},
		"without an end":  {claims: func(m members, _ *x509.Certificate) { delete(m, "exp") }, want: 700024},
		"to come":         {claims: func(m members, _ *x509.Certificate) { m["nbf"] = time.Now().Add(6 * time.Minute).Unix() }, want: 700024},
		"without an id":   {claims: func(m members, _ *x509.Certificate) { delete(m, "jti") }, want: 50027},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			if row.until == 0 {
				row.from, row.until = -time.Hour, time.Hour
			}
			cert := issueTo(t, key, row.from, row.until)
			if !row.unregistered {
				tenant.AddCertificate(issueTo(t, other, -time.Hour, time.Hour))
				tenant.AddCertificate(cert)
			}
			sum := sha256.Sum256(cert.Raw)
			header := members{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
			claims := ownClaims()
			for of, change := range map[*members]func(members, *x509.Certificate){&header: row.header, &claims: row.claims} {
				if change != nil {
					change(*of, cert)
				}
			}
			signer := key
			if row.key != nil {
				signer = row.key
			}
			text := assert(t, signer, header, claims)
			if row.mangle {
				changed := maps.Clone(claims)
				changed["jti"] = "another"
				parts := strings.Split(assert(t, signer, header, changed), ".")
				text = parts[0] + "." + parts[1] + "." + strings.Split(text, ".")[2]
			}
			if got := present(t, tenant, text); got != row.want {
				t.Errorf("%s: AADSTS%d, want %d", name, got, row.want)
			}
			if row.want == 0 {
				if again := present(t, tenant, text); again != 50013 {
					t.Errorf("%s: presented again: AADSTS%d", name, again)
				}
			}
		})
	}
}

// ownClaims are those of an app that speaks for itself.
func ownClaims() members {
	return members{
		"aud": "https://login.microsoftonline.com/" + simulator.DefaultTenant + "/oauth2/v2.0/token", "iss": simulator.DefaultClientID, "sub": simulator.DefaultClientID,
		"jti": strconv.FormatInt(time.Now().UnixNano(), 36), "nbf": time.Now().Unix(), "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(),
	}
}

func TestMicrosoftsOwnClientSignsInWithACertificate(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	cert := issueTo(t, appKey(), -time.Hour, time.Hour)
	tenant.AddCertificate(cert)
	c, err := azidentity.NewClientCertificateCredential(simulator.DefaultTenant, simulator.DefaultClientID, []*x509.Certificate{cert}, appKey(), &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: tenant.Transport()}}, DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{graphURL + "/.default"}}); err != nil || got.Token == "" {
		t.Error(err)
	}
}

const exchange = "api://AzureADTokenExchange"

// askSTS asks the simulated Security Token Service as the AWS SDK does.
func askSTS(t *testing.T, tenant *simulator.Tenant, host string, form url.Values) answer {
	t.Helper()
	r := clientOf(t, tenant).request(t.Context(), "POST", "https://"+host+"/", form.Encode())
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
	return clientOf(t, tenant).do(r)
}

func webIdentityForm(audience, algorithm, seconds string) url.Values {
	return url.Values{"Action": {"GetWebIdentityToken"}, "Version": {"2011-06-15"}, "Audience.member.1": {audience}, "SigningAlgorithm": {algorithm}, "DurationSeconds": {seconds}}
}

func TestATokenOfAWSIsExchangedForOneOfEntra(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	tenant.AddFederatedCredential(tenant.WebIdentity(exchange))
	a := askSTS(t, tenant, "sts.eu-west-1.amazonaws.com", webIdentityForm(exchange, "RS256", "300"))
	_, rest, _ := strings.Cut(a.body, "<WebIdentityToken>")
	token, _, found := strings.Cut(rest, "</WebIdentityToken>")
	if a.status != 200 || !found {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if code := present(t, tenant, token); code != 0 {
		t.Errorf("AADSTS%d", code)
	}
	parts := strings.Split(token, ".")
	if code := present(t, tenant, parts[0]+"."+parts[1]+"."+strings.Repeat("A", len(parts[2]))); code != 50013 {
		t.Errorf("another signature: AADSTS%d", code)
	}
}

func TestTheSecurityTokenServicePermitsWhatTheTemplateDoes(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	for name, row := range map[string]struct {
		host string
		form url.Values
		want string
	}{
		"an hour":             {"sts.eu-west-1.amazonaws.com", webIdentityForm(exchange, "RS256", "3600"), "AccessDenied"},
		"another algorithm":   {"sts.eu-west-1.amazonaws.com", webIdentityForm(exchange, "ES384", "300"), "AccessDenied"},
		"another audience":    {"sts.eu-west-1.amazonaws.com", webIdentityForm("https://example.com", "RS256", "300"), "AccessDenied"},
		"too short":           {"sts.eu-west-1.amazonaws.com", webIdentityForm(exchange, "RS256", "59"), "ValidationError"},
		"no algorithm":        {"sts.eu-west-1.amazonaws.com", webIdentityForm(exchange, "", "300"), "ValidationError"},
		"the global endpoint": {"sts.amazonaws.com", webIdentityForm(exchange, "RS256", "300"), "InvalidAction"},
		"another operation":   {"sts.eu-west-1.amazonaws.com", url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}, "InvalidAction"},
	} {
		if a := askSTS(t, tenant, row.host, row.form); a.status < 400 || !strings.Contains(a.body, "<Code>"+row.want+"</Code>") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	tenant.RefuseWebIdentity("OutboundWebIdentityFederationDisabledException")
	if a := askSTS(t, tenant, "sts.eu-west-1.amazonaws.com", webIdentityForm(exchange, "RS256", "300")); !strings.Contains(a.body, "<Code>OutboundWebIdentityFederationDisabledException</Code>") {
		t.Errorf("%s", a.body)
	}
}

func TestAFederatedCredentialMatchesToTheLetter(t *testing.T) {
	for name, row := range map[string]struct {
		change    func(c *simulator.FederatedCredential)
		algorithm string
		lifetime  time.Duration
		want      int
	}{
		"as registered":      {want: 0},
		"another issuer":     {change: func(c *simulator.FederatedCredential) { c.Issuer += "/" }, want: 700211},
		"another subject":    {change: func(c *simulator.FederatedCredential) { c.Subject += "x" }, want: 700213},
		"another case":       {change: func(c *simulator.FederatedCredential) { c.Subject = strings.ToUpper(c.Subject) }, want: 7002138},
		"another audience":   {change: func(c *simulator.FederatedCredential) { c.Audience += "China" }, want: 700212},
		"an elliptic curve":  {algorithm: "ES384", want: 5002738},
		"expired":            {lifetime: -6 * time.Minute, want: 700024},
		"issuer unreachable": {change: func(c *simulator.FederatedCredential) { c.Issuer = "" }, want: 700211},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			trusted := tenant.WebIdentity(exchange)
			subject := trusted.Subject
			if row.change != nil {
				row.change(&trusted)
			}
			tenant.AddFederatedCredential(trusted)
			algorithm, lifetime := "RS256", 5*time.Minute
			if row.algorithm != "" {
				algorithm = row.algorithm
			}
			if row.lifetime != 0 {
				lifetime = row.lifetime
			}
			token, err := tenant.IssueWebIdentity(subject, exchange, algorithm, lifetime)
			if err != nil {
				t.Fatal(err)
			}
			if got := present(t, tenant, token); got != row.want {
				t.Errorf("%s: AADSTS%d, want %d", name, got, row.want)
			}
		})
	}
	tenant := simulator.New(simulator.Config{})
	token, err := tenant.IssueWebIdentity("x", exchange, "RS256", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got := present(t, tenant, token); got != 70021 {
		t.Errorf("none: AADSTS%d", got)
	}
}

func TestATokenOfAnIssuerThatCannotBeAskedIsRefused(t *testing.T) {
	key := appKey()
	tenant := simulator.New(simulator.Config{})
	tenant.AddFederatedCredential(simulator.FederatedCredential{Issuer: "https://issuer.example", Subject: "s", Audience: exchange})
	claims := ownClaims()
	claims["iss"], claims["sub"], claims["aud"] = "https://issuer.example", "s", exchange
	if got := present(t, tenant, assert(t, key, members{"alg": "RS256", "kid": "1"}, claims)); got != 50166 {
		t.Errorf("AADSTS%d", got)
	}
}

func TestANewFederatedCredentialIsFoundNowAndThenWhileItPropagates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{SecretPropagation: time.Minute})
		tenant.AddFederatedCredential(tenant.WebIdentity(exchange))
		var got []int
		for range 4 {
			token, err := tenant.IssueWebIdentity(tenant.WebIdentity("").Subject, exchange, "RS256", time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, present(t, tenant, token))
			if len(got) == 2 {
				time.Sleep(time.Minute)
			}
		}
		if got[0] != 70021 || got[1] != 0 || got[2] != 0 || got[3] != 0 {
			t.Errorf("%v", got)
		}
	})
}
