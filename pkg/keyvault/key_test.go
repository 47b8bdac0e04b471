package keyvault_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/keyvault"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const keyURL = "https://people.vault.azure.net/keys/rollcall"

var digest = sha256.Sum256([]byte("what is signed"))

// signs reports whether a key's signature is one by a public key.
func signs(t *testing.T, key *keyvault.Key, public *rsa.PublicKey) bool {
	t.Helper()
	signature, err := key.SignPSS(t.Context(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: sha256.Size}) == nil
}

// addKey makes a version of the key and returns it.
func addKey(t testing.TB, tenant *simulator.Tenant, kind string) (version string) {
	t.Helper()
	version, err := tenant.AddVaultKey("rollcall", kind)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// keyOf returns the key with a URL, which has to be that of a key in a vault of the tenant.
func keyOf(t testing.TB, tenant *simulator.Tenant, transport http.RoundTripper, url string, of *rsa.PublicKey) *keyvault.Key {
	t.Helper()
	v, _ := open(tenant, transport)
	key, err := v.Key(url, of)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// public returns the public key of a version, "" for the newest.
func public(t testing.TB, tenant *simulator.Tenant, version string) *rsa.PublicKey {
	t.Helper()
	public, err := keyOf(t, tenant, tenant.Transport(), strings.TrimSuffix(keyURL+"/"+version, "/"), nil).Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func TestAKeyThatNoVaultGivesAwaySigns(t *testing.T) {
	for _, kind := range []string{"RSA", "RSA-HSM"} {
		tenant := simulator.New(simulator.Config{})
		version := addKey(t, tenant, kind)
		asked := &recorder{to: tenant.Transport()}
		v, by := open(tenant, asked)
		key, err := v.Key(keyURL+"/"+version, nil)
		if err != nil {
			t.Fatal(err)
		}
		of := public(t, tenant, "")
		for range 2 {
			if !signs(t, key, of) {
				t.Errorf("%s: it is no signature of the key by PS256", kind)
			}
		}
		if len(asked.requests) != 3 || len(by.asked) != 1 || by.asked[0].Scopes[0] != "https://vault.azure.net/.default" {
			t.Errorf("%s: %d requests with tokens for %+v, want 3: one for the challenge, two that sign", kind, len(asked.requests), by.asked)
		}
		for i, req := range asked.requests {
			if req.Method != http.MethodPost || req.URL.String() != keyURL+"/"+version+"/sign?api-version=7.4" || (req.Header.Get("Authorization") != "") != (i > 0) {
				t.Errorf("%s: request %d is %s %s", kind, i, req.Method, req.URL)
			}
		}
		signature, err := key.SignPKCS1(t.Context(), digest[:])
		if err != nil || rsa.VerifyPKCS1v15(of, crypto.SHA256, digest[:], signature) != nil {
			t.Errorf("%s: PKCS #1: %v", kind, err)
		}
	}
}

func TestAKeySignsByTheVersionThatTheCertificateWasMadeOf(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	var versions []string
	for range 6 {
		versions = append(versions, addKey(t, tenant, "RSA"))
	}
	if err := tenant.ChangeVaultKey("rollcall", versions[3], simulator.VaultKeyState{Disabled: true}); err != nil {
		t.Fatal(err)
	}
	for i, requests := range map[int]int{5: 2, 4: 6, 0: 9} { // of three pages, and the versions that are newer and enabled
		of := public(t, tenant, versions[i])
		asked := &recorder{to: tenant.Transport()}
		key := keyOf(t, tenant, asked, keyURL, of)
		if !signs(t, key, of) || key.String() != keyURL+"/"+versions[i] {
			t.Errorf("%s signs, want version %d", key, i)
		}
		if len(asked.requests) != requests+1 {
			t.Errorf("version %d: %d requests, want %d and one for the challenge", i, len(asked.requests), requests)
		}
		signs(t, key, of)
		if len(asked.requests) != requests+2 {
			t.Errorf("version %d is looked for twice", i)
		}
	}
	other := simulator.New(simulator.Config{})
	addKey(t, other, "RSA")
	_, err := keyOf(t, tenant, tenant.Transport(), keyURL, public(t, other, "")).SignPSS(t.Context(), digest[:])
	refusal(t, err, secret.Malformed, "no version of the Key Vault key "+keyURL, "rollcall certificate create --keyvault "+keyURL)
	key := keyOf(t, tenant, tenant.Transport(), keyURL, nil)
	if !signs(t, key, public(t, tenant, versions[5])) || key.String() != keyURL+"/"+versions[5] {
		t.Errorf("without a certificate %s signs, want the newest", key)
	}
}

func TestAKeyThatDoesNotSignIsExplained(t *testing.T) {
	set := func(state simulator.VaultKeyState) func(*simulator.Tenant) error {
		return func(s *simulator.Tenant) error { return s.ChangeVaultKey("rollcall", "", state) }
	}
	refuse := func(code string) func(*simulator.Tenant) error {
		return func(s *simulator.Tenant) error { return s.RefuseVaultKey("rollcall", code) }
	}
	const named = "the Key Vault key " + keyURL
	tenants, versions := map[string]*simulator.Tenant{}, map[string]string{}
	for _, kind := range []string{"RSA", "EC"} {
		tenants[kind] = simulator.New(simulator.Config{})
		versions[kind] = addKey(t, tenants[kind], kind)
	}
	for name, row := range map[string]struct {
		kind   string
		change func(*simulator.Tenant) error
		errs   secret.Kind
		want   []string
	}{
		"elliptic":  {"EC", refuse(""), secret.Malformed, []string{named, "is not an RSA key", "az keyvault key create --kty RSA", "--vault-name people"}},
		"disabled":  {"RSA", set(simulator.VaultKeyState{Disabled: true}), secret.Missing, []string{named, "is disabled", "az keyvault key set-attributes --enabled true --vault-name people --name rollcall --version "}},
		"too young": {"RSA", set(simulator.VaultKeyState{NotBefore: time.Now().Add(time.Hour)}), secret.Missing, []string{named, "is not valid yet", "--not-before"}},
		"expired":   {"RSA", set(simulator.VaultKeyState{Expires: time.Now().Add(-time.Hour)}), secret.Missing, []string{named, "has expired", "--expires"}},
		"to wrap":   {"RSA", set(simulator.VaultKeyState{Operations: []string{"wrapKey"}}), secret.Malformed, []string{named, "is not for signing", "--ops sign verify"}},
		"no role":   {"RSA", refuse("ForbiddenByRbac"), secret.Forbidden, []string{named, "HTTP 403", "Key Vault Crypto User", "az role assignment create", "az keyvault show --name people"}},
		"no policy": {"RSA", refuse("AccessDenied"), secret.Forbidden, []string{"az keyvault set-policy --name people", "--key-permissions get list sign"}},
		"firewall":  {"RSA", refuse("ForbiddenByFirewall"), secret.Forbidden, []string{"the firewall of the vault", "az keyvault network-rule add --name people"}},
		"throttled": {"RSA", refuse("Throttled"), secret.Unavailable, []string{"throttling", "HTTP 429"}},
		"broken":    {"RSA", refuse("InternalServerError"), secret.Unavailable, []string{"HTTP 500"}},
	} {
		tenant, version := tenants[row.kind], versions[row.kind]
		for _, url := range []string{keyURL, keyURL + "/" + version} {
			t.Run(name, func(t *testing.T) {
				if err := errors.Join(set(simulator.VaultKeyState{})(tenant), refuse("")(tenant), row.change(tenant)); err != nil {
					t.Fatal(err)
				}
				synctest.Test(t, func(t *testing.T) { // whose clock is in the past of the states above
					time.Sleep(time.Until(now))
					key := keyOf(t, tenant, tenant.Transport(), url, nil)
					start := time.Now()
					_, err := key.SignPSS(t.Context(), digest[:])
					refusal(t, err, row.errs, row.want...)
					if waited := time.Since(start); name == "throttled" && waited != 6*time.Second {
						t.Errorf("waited %v, want thrice the two seconds that the vault asks for", waited)
					}
					_, err = key.Public(t.Context())
					refusal(t, err, row.errs, row.want...)
				})
			})
		}
	}
	tenant := tenants["RSA"]
	if err := errors.Join(refuse("")(tenant), set(simulator.VaultKeyState{})(tenant)); err != nil {
		t.Fatal(err)
	}
	_, err := keyOf(t, tenant, tenant.Transport(), keyURL+"/"+strings.Repeat("0", 32), nil).SignPSS(t.Context(), digest[:])
	refusal(t, err, secret.Missing, "or the version asked for", "az keyvault key list --vault-name people")
	if err := tenant.DeleteVaultKey("rollcall"); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{keyURL, keyURL + "/" + versions["RSA"]} {
		_, err = keyOf(t, tenant, tenant.Transport(), url, nil).SignPSS(t.Context(), digest[:])
		refusal(t, err, secret.Missing, named, "KeyNotFound", "az keyvault key recover --vault-name people --name rollcall")
	}
}

// now is when the tests run; the clock of a bubble begins in 2000.
var now = time.Now()

// Reading of a key may be allowed where signing is not: what is read does not say why.
func TestARefusedSignatureIsNotBlamedOnAKeyThatIsFine(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	version := addKey(t, tenant, "RSA")
	for inner, want := range map[string]string{"ForbiddenByRbac": "Key Vault Crypto User", "ForbiddenByPolicy": "Key Vault Crypto User", "ForbiddenByFirewall": "the firewall of the vault"} {
		key := keyOf(t, tenant, roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost && req.Header.Get("Authorization") != "" {
				return answer(http.StatusForbidden, `{"error":{"code":"Forbidden","message":"`+canary+`","innererror":{"code":"`+inner+`"}}}`, nil), nil
			}
			return tenant.Transport().RoundTrip(req)
		}), keyURL+"/"+version, nil)
		_, err := key.SignPSS(t.Context(), digest[:])
		refusal(t, err, secret.Forbidden, want)
	}
}

func TestOnlyTheURLOfAKeyInAVaultOfTheCloudIsOne(t *testing.T) {
	v, _ := open(nil, nil)
	for url, want := range map[string]string{
		"https://people.vault.azure.net/secrets/rollcall":               "but of a secret",
		"https://people.vault.azure.net/certificates/rollcall":          "/keys/ in the place of /certificates/",
		"https://people.vault.azure.net/keys":                           "is not the URL of a key",
		"https://people.vault.azure.net/keys/roll.call":                 "is not the URL of a key",
		"https://people.vault.azure.net/keys/rollcall/short":            "is not the URL of a key",
		"https://people.vault.azure.net/keys/rollcall/sign/sign":        "is not the URL of a key",
		"https://people.vault.azure.net/keys/../secrets/rollcall":       "is not the URL of a key",
		"https://people.vault.azure.net/keys/rollcall?api-version=7.4":  "a query or a fragment",
		"https://people.vault.azure.net/keys/rollcall#" + canary:        "a query or a fragment",
		"http://people.vault.azure.net/keys/rollcall":                   "is not an https URL",
		"https://" + canary + ":x@people.vault.azure.net/keys/rollcall": "carries a user name or password",
		"https://%zz" + canary:                                          "is not a URL",
		"arn:aws:kms:eu-west-1:123456789012:key/rollcall":               "is not an https URL",
		"rollcall": "is not an https URL",
		"":         "is not an https URL",
		"https://people.vault.azure.cn/keys/rollcall":               "ROLLCALL_VAULT_DOMAIN",
		"https://people.vault.usgovcloudapi.net/keys/rollcall":      "ROLLCALL_CLOUD",
		"https://vault.azure.net/keys/rollcall":                     "names a host that is not <vault>.vault.azure.net",
		"https://a.people.vault.azure.net/keys/rollcall":            "names a host that is not <vault>.vault.azure.net",
		"https://evilvault.azure.net/keys/rollcall":                 "names a host that is not <vault>.vault.azure.net",
		"https://people.vault.azure.net.evil.example/keys/rollcall": "names a host that is not <vault>.vault.azure.net",
		"https://people.v\u0430ult.azure.net/keys/rollcall":         "plain ASCII",
		"https://people.managedhsm.azure.net/keys/rollcall":         "ROLLCALL_VAULT_DOMAIN",
	} {
		_, err := v.Key(url, nil)
		refusal(t, err, secret.Malformed, "KeyVaultKeyID", want)
	}
	for _, url := range []string{keyURL, keyURL + "/", keyURL + "/" + strings.Repeat("f", 32), "HTTPS://People.Vault.Azure.NET:443/keys/rollcall", "https://127.0.0.1:8443/keys/rollcall"} {
		if _, err := v.Key(url, nil); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, c := range cloud.All() {
		of := &keyvault.Vaults{Domain: c.VaultDomain}
		for _, other := range cloud.All() {
			if _, err := of.Key("https://people."+other.VaultDomain+"/keys/rollcall", nil); other.VaultDomain != "" && (err == nil) != (other.VaultDomain == c.VaultDomain) {
				t.Errorf("%s takes a key of %s: %v", c.Name, other.Name, err)
			}
		}
	}
	_, err := (*keyvault.Vaults)(nil).Key(keyURL, nil)
	refusal(t, err, secret.Malformed, "uses no key vaults")
}

func encoded(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// jwk is what a vault says of a key, with some members replaced.
func jwk(change func(key, attributes map[string]any)) string {
	key := map[string]any{"kid": keyURL + "/" + strings.Repeat("a", 32), "kty": "RSA", "key_ops": []string{"sign"}, "n": base64.RawURLEncoding.EncodeToString(append([]byte{0x80}, make([]byte, 255)...)), "e": "AQAB"}
	attributes := map[string]any{"enabled": true}
	change(key, attributes)
	return encoded(map[string]any{"key": key, "attributes": attributes})
}

func TestWhatIsNoAnswerAboutTheKeyIsAnError(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	addKey(t, tenant, "RSA")
	version := strings.Repeat("a", 32)
	answers := func(get, post string) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			switch {
			case req.Header.Get("Authorization") == "":
				return tenant.Transport().RoundTrip(req)
			case req.Method == http.MethodPost:
				return answer(http.StatusOK, post, nil), nil
			}
			return answer(http.StatusOK, get, nil), nil
		})
	}
	value := func(n int) string {
		return `{"kid":"` + keyURL + "/" + version + `","value":"` + base64.RawURLEncoding.EncodeToString(make([]byte, n)) + `"}`
	}
	for name, post := range map[string]string{
		"a byte less": value(255), "a byte more than any": value(513), "none": value(0), "null": "null", "no object": `"` + canary + `"`, "not JSON": canary, "a number": `{"value":1}`,
		"not base64": `{"value":"` + canary + `!"}`, "another member": `{"result":"AAAA"}`, "nothing": "", "too large": value(1 << 20),
	} {
		_, err := keyOf(t, tenant, answers("", post), keyURL+"/"+version, nil).SignPSS(t.Context(), digest[:])
		if refusal(t, err, secret.Malformed, "of Key Vault"); err == nil {
			t.Errorf("%s is a signature", name)
		}
	}
	for name, get := range map[string]string{
		"null": "null", "no object": `[]`, "not JSON": canary, "no key": `{"attributes":{}}`, "a number": `{"key":1}`, "nothing": "",
		"no id":          jwk(func(key, _ map[string]any) { delete(key, "kid") }),
		"another key's":  jwk(func(key, _ map[string]any) { key["kid"] = "https://people.vault.azure.net/keys/other/" + version }),
		"a secret's":     jwk(func(key, _ map[string]any) { key["kid"] = "https://people.vault.azure.net/secrets/rollcall/" + version }),
		"an odd version": jwk(func(key, _ map[string]any) { key["kid"] = keyURL + "/../" + version }),
		"no version":     jwk(func(key, _ map[string]any) { key["kid"] = keyURL }),
		"no kind":        jwk(func(key, _ map[string]any) { delete(key, "kty") }),
		"odd kind":       jwk(func(key, _ map[string]any) { key["kty"] = 1 }),
		"a secret key":   jwk(func(key, _ map[string]any) { key["kty"] = "oct-HSM" }),
		"a short modulus": jwk(func(key, _ map[string]any) {
			key["n"] = base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, 127)...))
		}),
		"a long modulus": jwk(func(key, _ map[string]any) {
			key["n"] = base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, 1024)...))
		}),
		"no modulus":  jwk(func(key, _ map[string]any) { delete(key, "n") }),
		"no exponent": jwk(func(key, _ map[string]any) { delete(key, "e") }),
		"an even one": jwk(func(key, _ map[string]any) { key["e"] = "AQAA" }),
		"one":         jwk(func(key, _ map[string]any) { key["e"] = "AQ" }),
		"a huge one":  jwk(func(key, _ map[string]any) { key["e"] = "_____w" }),
		"an odd end":  jwk(func(_, a map[string]any) { a["exp"] = canary }),
	} {
		if _, err := keyOf(t, tenant, answers(get, ""), keyURL, nil).Public(t.Context()); err == nil {
			t.Errorf("%s is a public key", name)
		} else {
			refusal(t, err, secret.Malformed)
		}
	}
	if _, err := keyOf(t, tenant, answers(jwk(func(_, _ map[string]any) {}), ""), keyURL, nil).Public(t.Context()); err != nil {
		t.Errorf("one that is right: %v", err)
	}
}

func TestRequestsAboutAKeyGoToItsVaultAlone(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	for range 4 {
		addKey(t, tenant, "RSA")
	}
	for _, next := range []string{
		"https://evil.example/keys/rollcall/versions?$skiptoken=2", "https://people.vault.azure.net/keys/other/versions?$skiptoken=2", "https://people.vault.azure.net/secrets/rollcall",
		"https://people.vault.azure.net/keys/rollcall/../other", "http://people.vault.azure.net/keys/rollcall/versions", "https://people.vault.azure.net.evil.example/keys/rollcall/versions", "://",
	} {
		asked := &recorder{to: roundTrip(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/versions") && req.Header.Get("Authorization") != "" {
				return answer(http.StatusOK, encoded(map[string]any{"value": []any{}, "nextLink": next}), nil), nil
			}
			return tenant.Transport().RoundTrip(req)
		})}
		other := simulator.New(simulator.Config{})
		addKey(t, other, "RSA")
		of := public(t, other, "")
		_, err := keyOf(t, tenant, asked, keyURL, of).SignPSS(t.Context(), digest[:])
		var e *secret.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", next, err)
		}
		for _, req := range asked.requests {
			if req.URL.Host != "people.vault.azure.net" || req.URL.Scheme != "https" || !strings.HasPrefix(req.URL.EscapedPath(), "/keys/rollcall") || strings.Contains(req.URL.Path, "other") {
				t.Errorf("a request goes to %s", req.URL)
			}
		}
	}
}

func TestVersionsWithoutEndAreNotReadForEver(t *testing.T) {
	tenant, other := simulator.New(simulator.Config{}), simulator.New(simulator.Config{})
	addKey(t, tenant, "RSA")
	addKey(t, other, "RSA")
	asked := &recorder{to: roundTrip(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/versions") && req.Header.Get("Authorization") != "" {
			var all []any
			for i := range 25 {
				all = append(all, map[string]any{"kid": fmt.Sprintf("%s/%032x", keyURL, i), "attributes": nil})
			}
			return answer(http.StatusOK, encoded(map[string]any{"value": append(all, nil, map[string]any{"kid": nil}), "nextLink": keyURL + "/versions?$skiptoken=x"}), nil), nil
		}
		if version := req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]; strings.HasPrefix(version, "0000") {
			req = req.Clone(req.Context())
			req.URL.Path = "/keys/rollcall/"
		}
		return tenant.Transport().RoundTrip(req)
	})}
	_, err := keyOf(t, tenant, asked, keyURL, public(t, other, "")).SignPSS(t.Context(), digest[:])
	refusal(t, err, secret.Malformed, "no version of the Key Vault key")
	if len(asked.requests) > 50 {
		t.Errorf("%d requests", len(asked.requests))
	}
}

// FuzzAnAnswerAboutAKeyIsAKeyOrAnErrorThatRepeatsNothing has a vault answer anything to each
// of the three requests.
func FuzzAnAnswerAboutAKeyIsAKeyOrAnErrorThatRepeatsNothing(f *testing.F) {
	tenant := simulator.New(simulator.Config{})
	addKey(f, tenant, "RSA")
	good := jwk(func(_, _ map[string]any) {})
	f.Add(200, good, `{"value":[{"kid":"`+keyURL+`/`+strings.Repeat("b", 32)+`","attributes":{"created":1}}]}`, `{"kid":"x","value":"AAAA"}`)
	f.Add(403, `{"error":{"code":"Forbidden","innererror":{"code":"KeyDisabled"}}}`, canary, `{"error":{"message":"`+canary+`"}}`)
	f.Add(200, `{"key":{"kty":"RSA","n":"AAAA","e":"AQAB","key_ops":[null]},"attributes":{"nbf":1e300,"exp":-1}}`, `{"value":[null],"nextLink":"https://evil.example"}`, "")
	of := public(f, tenant, "")
	f.Fuzz(func(t *testing.T, status int, get, list, post string) {
		if status < 100 || status > 999 {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) {
			for _, wanted := range []*rsa.PublicKey{nil, of} {
				key := keyOf(t, tenant, roundTrip(func(req *http.Request) (*http.Response, error) {
					switch {
					case req.URL.Host != "people.vault.azure.net":
						t.Errorf("a request goes to %s", req.URL.Host)
					case req.Header.Get("Authorization") == "":
						return tenant.Transport().RoundTrip(req)
					case req.Method == http.MethodPost:
						return answer(status, post, nil), nil
					case strings.HasSuffix(req.URL.Path, "/versions"):
						return answer(status, list, nil), nil
					}
					return answer(status, get, nil), nil
				}), keyURL, wanted)
				signature, err := key.SignPSS(t.Context(), digest[:])
				if err == nil && (len(signature) < 256 || len(signature) > 512) {
					t.Errorf("a signature of %d bytes", len(signature))
				}
				found, failed := key.Public(t.Context())
				if failed == nil && (found.N.BitLen() < 2041 || found.E < 3) {
					t.Errorf("a key of %d bits", found.N.BitLen())
				}
				for _, err := range []error{err, failed} {
					if err != nil && strings.Contains(err.Error(), canary) {
						t.Errorf("error %v", err)
					}
				}
			}
		})
	})
}
