package lambda_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

const (
	keyID  = "d39846c3-18d4-4c5e-8148-27a63a4fa6d8"
	signer = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/users/50dc6c495c0c9188"
)

// publisher is where public keys are published.
type publisher struct {
	keys  map[string]string // by address
	asked atomic.Int32
}

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	p.asked.Add(1)
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r}
	body, ok := p.keys[r.URL.String()]
	if !ok {
		response.StatusCode = http.StatusForbidden
	}
	response.Body = io.NopCloser(strings.NewReader(body))
	return response, nil
}

func newKey(t testing.TB, curve elliptic.Curve) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// part is a part of a token as load balancers write it, padding included.
func part(v any) string {
	raw, ok := v.([]byte)
	if !ok {
		raw, _ = json.Marshal(v)
	}
	return base64.URLEncoding.EncodeToString(raw)
}

func tokenHeader(change members) members {
	h := members{
		"alg": "ES256", "kid": keyID, "signer": signer, "iss": "https://issuer.example", "client": "app",
		"exp": time.Now().Add(2 * time.Minute).Unix(),
	}
	for name, value := range change {
		h[name] = value
	}
	return h
}

func sign(t testing.TB, key *ecdsa.PrivateKey, header, claims any) string {
	t.Helper()
	signed := part(header) + "." + part(claims)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + part(signature[:])
}

const keyURL = "https://public-keys.auth.elb.eu-west-1.amazonaws.com/" + keyID

func askALB(t *testing.T, l *lambda.HTTP, token string) answer {
	t.Helper()
	return answerOf(t, invoke(t, l, edited(t, "alb", token, "headers", "x-amzn-oidc-data")))
}

func TestALoadBalancersUserIsNamedByItsSignedToken(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	keys := &publisher{keys: map[string]string{keyURL: public}}
	l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: keys}
	for claims, want := range map[string]string{
		`{"sub":"0f5b1c9e","email":"jane@example.com"}`: "0f5b1c9e",
		`{"sub":"jane@example.com"}`:                    "app",
		`{}`:                                            "app",
	} {
		if got := askALB(t, l, sign(t, key, tokenHeader(nil), []byte(claims))); got.StatusCode != 200 || got.Body != called(want) {
			t.Errorf("%s: %d %s, want %s", claims, got.StatusCode, got.Body, want)
		}
	}
	if n := keys.asked.Load(); n != 1 {
		t.Errorf("the key was read %d times", n)
	}
	unpadded := strings.ReplaceAll(sign(t, key, tokenHeader(nil), []byte(`{"sub":"x"}`)), "=", "")
	if got := askALB(t, l, unpadded); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token whose padding was taken away is not what was signed: %d", got.StatusCode)
	}
}

func TestAForgedTokenIsRefused(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	other, _ := newKey(t, elliptic.P256())
	_, widePublic := newKey(t, elliptic.P384())
	const otherID = "00000000-18d4-4c5e-8148-27a63a4fa6d8"
	address := strings.TrimSuffix(keyURL, keyID)
	claims := []byte(`{"sub":"canary"}`)
	good := sign(t, key, tokenHeader(nil), claims)
	parts := strings.Split(good, ".")
	signedBy := func(key *ecdsa.PrivateKey, change members) string { return sign(t, key, tokenHeader(change), claims) }
	hs := part(tokenHeader(members{"alg": "HS256"})) + "." + part(claims)
	mac := hmac.New(sha256.New, []byte(public))
	mac.Write([]byte(hs))
	for name, c := range map[string]struct {
		token string
		says  string
	}{
		"another's key":            {signedBy(other, nil), "signature is wrong"},
		"no algorithm":             {part(tokenHeader(members{"alg": "none"})) + "." + part(claims) + ".", "not ES256"},
		"none, but signed":         {signedBy(key, members{"alg": "none"}), "not ES256"},
		"lower case":               {signedBy(key, members{"alg": "es256"}), "not ES256"},
		"the public key as secret": {hs + "." + part(mac.Sum(nil)), "not ES256"},
		"expired":                  {signedBy(key, members{"exp": time.Now().Add(-time.Second).Unix()}), "expired"},
		"never expiring":           {signedBy(key, members{"exp": nil}), "expired"},
		"expiring in words":        {signedBy(key, members{"exp": "tomorrow"}), "header is not understood"},
		"expiring in fractions":    {signedBy(key, members{"exp": 1e300}), "expired"},
		"another account":          {signedBy(key, members{"signer": strings.Replace(signer, "111122223333", "999999999999", 1)}), "this account"},
		"another region":           {signedBy(key, members{"signer": strings.Replace(signer, "eu-west-1", "eu-west-2", 1)}), "this account"},
		"another partition":        {signedBy(key, members{"signer": strings.Replace(signer, "arn:aws:", "arn:aws-cn:", 1)}), "this account"},
		"another service":          {signedBy(key, members{"signer": strings.Replace(signer, "elasticloadbalancing", "s3", 1)}), "this account"},
		"no signer":                {signedBy(key, members{"signer": nil}), "this account"},
		"a network load balancer":  {signedBy(key, members{"signer": strings.Replace(signer, "/app/", "/net/", 1)}), "application load balancer"},
		"a key id with slashes":    {signedBy(key, members{"kid": "../../evil-bucket/aaaaaaaaaaaaaaaaaaaa"}), "not a UUID"},
		"a key id with a query":    {signedBy(key, members{"kid": keyID[:35] + "?"}), "not a UUID"},
		"no key id":                {signedBy(key, members{"kid": ""}), "not a UUID"},
		"an unknown key id":        {signedBy(key, members{"kid": strings.Replace(keyID, "d", "a", 1)}), "not known to public-keys"},
		"a key of another curve":   {signedBy(key, members{"kid": otherID}), "signature is wrong"},
		"changed claims":           {parts[0] + "." + part([]byte(`{"sub":"root"}`)) + "." + parts[2], "signature is wrong"},
		"a changed header":         {part(tokenHeader(members{"client": "root"})) + "." + parts[1] + "." + parts[2], "signature is wrong"},
		"half a signature":         {parts[0] + "." + parts[1] + "." + parts[2][:44], "signature is wrong"},
		"a signature of zeros":     {parts[0] + "." + parts[1] + "." + part(make([]byte, 64)), "signature is wrong"},
		"claims that are no JSON":  {sign(t, key, tokenHeader(nil), []byte("canary")), "claims are not"},
		"two parts":                {parts[0] + "." + parts[1], "three parts"},
		"four parts":               {good + ".x", "three parts"},
		"no base64":                {"canary!." + parts[1] + "." + parts[2], "not base64url"},
		"no header":                {part([]byte("canary")) + "." + parts[1] + "." + parts[2], "header is not understood"},
		"too long":                 {sign(t, key, tokenHeader(nil), []byte(`{"sub":"`+strings.Repeat("a", 32<<10)+`"}`)), "three parts"},
		"nothing":                  {"", "three parts"},
	} {
		t.Run(name, func(t *testing.T) {
			keys := &publisher{keys: map[string]string{keyURL: public, address + otherID: widePublic, address: public}}
			got := askALB(t, &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: keys}, c.token)
			if got.StatusCode != http.StatusUnauthorized || !strings.Contains(got.Body, c.says) || strings.Contains(got.Body, "canary") {
				t.Errorf("%d %s", got.StatusCode, got.Body)
			}
			if keys.asked.Load() > 0 && !strings.Contains(c.says, "signature") && !strings.Contains(c.says, "known to") && !strings.Contains(c.says, "claims") {
				t.Error("a key was asked for though the token could be refused without")
			}
		})
	}
}

func TestOnlyTheLoadBalancerThatIsNamedVerifiesCallers(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	for other, want := range map[string]int{
		signer:       http.StatusOK,
		signer + "0": http.StatusUnauthorized,
		strings.Replace(signer, "/users/", "/evil/", 1):  http.StatusUnauthorized,
		strings.Replace(signer, "/users/", "/Users/", 1): http.StatusUnauthorized,
		strings.TrimSuffix(signer, "8"):                  http.StatusUnauthorized,
	} {
		keys := &publisher{keys: map[string]string{keyURL: public}}
		l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: keys, LoadBalancer: signer}
		got := askALB(t, l, sign(t, key, tokenHeader(members{"signer": other}), []byte(`{"sub":"x"}`)))
		if got.StatusCode != want || want != http.StatusOK && (!strings.Contains(got.Body, "ROLLCALL_LOAD_BALANCER") || keys.asked.Load() > 0) {
			t.Errorf("%s: %d %s, %d keys read", other, got.StatusCode, got.Body, keys.asked.Load())
		}
	}
}

func TestASignatureOfAnotherShapeIsWrong(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	good := sign(t, key, tokenHeader(nil), []byte(`{"sub":"x"}`))
	at := strings.LastIndexByte(good, '.') + 1
	own, err := base64.URLEncoding.DecodeString(good[at:])
	if err != nil {
		t.Fatal(err)
	}
	for name, signature := range map[string][]byte{
		"a byte behind":    append(own[:64:64], 0),
		"a byte in front":  append([]byte{0}, own...),
		"twice":            append(own[:64:64], own...),
		"nothing":          nil,
		"r alone":          own[:32],
		"r and s swapped":  append(own[32:64:64], own[:32]...),
		"all bits are set": []byte(strings.Repeat("\xff", 64)),
	} {
		l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: &publisher{keys: map[string]string{keyURL: public}}}
		if got := askALB(t, l, good[:at]+part(signature)); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
}

func TestTwoTokensAreRefused(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	token := sign(t, key, tokenHeader(nil), []byte(`{}`))
	l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: &publisher{keys: map[string]string{keyURL: public}}}
	for n, want := range map[int]int{1: 200, 2: 401} {
		e := edited(t, "alb-multi", []string{token, token}[:n], "multiValueHeaders", "x-amzn-oidc-data")
		if got := answerOf(t, invoke(t, l, e)); got.StatusCode != want {
			t.Errorf("%d tokens: %d", n, got.StatusCode)
		}
	}
}

func TestATokenIsGoodUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, public := newKey(t, elliptic.P256())
		l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: &publisher{keys: map[string]string{keyURL: public}}}
		token := sign(t, key, tokenHeader(nil), []byte(`{}`))
		time.Sleep(2*time.Minute - time.Second)
		if got := askALB(t, l, token); got.StatusCode != 200 {
			t.Errorf("a second before: %d %s", got.StatusCode, got.Body)
		}
		time.Sleep(time.Second)
		if got := askALB(t, l, token); got.StatusCode != 401 {
			t.Errorf("at the second: %d", got.StatusCode)
		}
	})
}

func TestAKeyIsReadWhereItsPartitionPublishesIt(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	for _, c := range []struct{ partition, region, want string }{
		{"aws", "eu-west-1", keyURL},
		{"aws-us-gov", "us-gov-east-1", "https://s3-us-gov-east-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-east-1/" + keyID},
		{"aws-cn", "cn-north-1", "https://public-keys.auth.elb.cn-north-1.amazonaws.com.cn/" + keyID},
		{"aws-iso", "us-iso-east-1", ""},
		{"aws", "evil.example/x", ""},
		{"aws", "evil.example", ""},
		{"aws", "eu-west-1.", ""},
		{"aws", "eu-west-\u00b9", ""},
		{"aws", "EU-WEST-1", ""},
		{"aws", "\u212au-west-1", ""},
		{"aws", "eu-w\u0130st-1", ""},
		{"aws", "eu-west-1%2f", ""},
		{"aws", "user@eu-west-1", ""},
		{"aws", "", ""},
	} {
		arn := "arn:" + c.partition + ":elasticloadbalancing:" + c.region + ":111122223333:"
		token := sign(t, key, tokenHeader(members{"signer": arn + "loadbalancer/app/users/50dc6c495c0c9188"}), []byte(`{}`))
		keys := &publisher{keys: map[string]string{c.want: public}}
		e := edit(t, edited(t, "alb", token, "headers", "x-amzn-oidc-data"), arn+"targetgroup/users/x", "requestContext", "elb", "targetGroupArn")
		status, asked := http.StatusOK, 1
		if c.want == "" {
			status, asked = http.StatusUnauthorized, 0
		}
		got := answerOf(t, invoke(t, &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: keys}, e))
		if got.StatusCode != status || int(keys.asked.Load()) != asked {
			t.Errorf("%s %s: %d %s, %d requests", c.partition, c.region, got.StatusCode, got.Body, keys.asked.Load())
		}
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAKeyThatCannotBeReadRefusesTheCaller(t *testing.T) {
	key, _ := newKey(t, elliptic.P256())
	body := func(status int, text string) tripper {
		return func(r *http.Request) (*http.Response, error) {
			h := http.Header{"Location": {"https://evil.example/key"}}
			return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
		}
	}
	_, public := newKey(t, elliptic.P256())
	for name, c := range map[string]struct {
		keys tripper
		says string
	}{
		"no network":  {func(*http.Request) (*http.Response, error) { return nil, errors.New("dial canary") }, "let the function reach public-keys"},
		"a redirect":  {body(302, public), "not known"},
		"no PEM":      {body(200, "<html>"), "not an elliptic curve key"},
		"no key":      {body(200, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "not an elliptic curve key"},
		"too long":    {body(200, strings.Repeat("\n", 4<<10)+public), "not an elliptic curve key"},
		"another key": {body(200, public), "signature is wrong"},
	} {
		l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: c.keys}
		got := askALB(t, l, sign(t, key, tokenHeader(nil), []byte(`{}`)))
		if got.StatusCode != 401 || !strings.Contains(got.Body, c.says) || strings.Contains(got.Body, "canary") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Body)
		}
	}
}

func TestAKeyIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, _ := newKey(t, elliptic.P256())
		l := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})}
		start := time.Now()
		got := askALB(t, l, sign(t, key, tokenHeader(nil), []byte(`{}`)))
		if took := time.Since(start); got.StatusCode != 401 || took != 3*time.Second {
			t.Errorf("%d after %v", got.StatusCode, took)
		}
	})
}

func TestFewKeysAreCached(t *testing.T) {
	key, public := newKey(t, elliptic.P256())
	asked := map[string]int{}
	h := &lambda.HTTP{Handler: http.HandlerFunc(whoami), Keys: tripper(func(r *http.Request) (*http.Response, error) {
		asked[r.URL.String()]++
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(public)), Request: r}, nil
	})}
	send := func(n int) string {
		id := fmt.Sprintf("%08d", n) + keyID[8:]
		if got := askALB(t, h, sign(t, key, tokenHeader(members{"kid": id}), []byte(`{}`))); got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.Body)
		}
		return strings.TrimSuffix(keyURL, keyID) + id
	}
	for batch := range 10 {
		first := send(batch * 16)
		for n := 1; n < 16; n++ {
			send(batch*16 + n)
		}
		if send(batch * 16); asked[first] != 1 {
			t.Errorf("a key among the last 16 was read %d times", asked[first])
		}
	}
	for n := range 144 {
		if url := send(n); asked[url] != 2 {
			t.Fatalf("key %d of many was read %d times: it was cached beside 16 others", n, asked[url])
		}
	}
}
