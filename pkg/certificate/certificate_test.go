package certificate_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
)

const password = "Correct~horse 8Q"

// pair is a key and its certificate as tests need them.
type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

var (
	first  = sync.OnceValue(func() pair { return newPair(2048) })
	second = sync.OnceValue(func() pair { return newPair(2048) })
)

func newPair(bits int) pair {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return pair{key, issue(key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))}
}

// issue makes a certificate of a key.
func issue(key crypto.Signer, from, until time.Time) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

func block(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func certPEM(c *x509.Certificate) string { return block("CERTIFICATE", c.Raw) }

func pkcs8(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return block("PRIVATE KEY", der)
}

func pfx(t testing.TB, by *pkcs12.Encoder, p pair, password string, others ...*x509.Certificate) []byte {
	t.Helper()
	data, err := by.Encode(p.key, p.cert, others, password)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func inUTF16(text string, order binary.AppendByteOrder, mark string) []byte {
	out := []byte(mark)
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

func TestACertificateAndItsKeyAreReadInEveryUsualForm(t *testing.T) {
	a, b := first(), second()
	both := pkcs8(a.key) + certPEM(a.cert)
	oneLine := strings.ReplaceAll(both, "\n", " ")
	for name, text := range map[string][]byte{
		"PEM":                        []byte(both),
		"PEM, the certificate first": []byte(certPEM(a.cert) + pkcs8(a.key)),
		"PKCS#1":                     []byte(certPEM(a.cert) + block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(a.key))),
		"PKCS#1 named PKCS#8":        []byte(certPEM(a.cert) + block("PRIVATE KEY", x509.MarshalPKCS1PrivateKey(a.key))),
		"a public key beside it":     []byte(both + block("PUBLIC KEY", []byte("x"))),
		"CRLF":                       []byte(strings.ReplaceAll(both, "\n", "\r\n")),
		"CR":                         []byte(strings.ReplaceAll(both, "\n", "\r")),
		"escaped line breaks":        []byte(strings.ReplaceAll(both, "\n", `\n`)),
		"escaped CRLF":               []byte(strings.ReplaceAll(both, "\n", `\r\n`)),
		"one line":                   []byte(oneLine),
		"no line breaks at all":      []byte(strings.ReplaceAll(both, "\n", "")),
		"in quotes":                  []byte(`"` + strings.ReplaceAll(both, "\n", `\n`) + `"`),
		"indented":                   []byte("  " + strings.ReplaceAll(both, "\n", "\n    ")),
		"attributes of openssl":      []byte("Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n" + pkcs8(a.key) + "subject=CN = test\n" + certPEM(a.cert)),
		"UTF-16":                     inUTF16(both, binary.LittleEndian, "\xff\xfe"),
		"UTF-16, the other way":      inUTF16(both, binary.BigEndian, "\xfe\xff"),
		"a byte order mark":          []byte("\xef\xbb\xbf" + both),
		"a chain":                    []byte(both + certPEM(b.cert)),
		"a chain before it":          []byte(certPEM(b.cert) + both),
		"everything twice":           []byte(both + both),
		"PEM in base64":              []byte(base64.StdEncoding.EncodeToString([]byte(both))),
		"PFX":                        pfx(t, pkcs12.Modern2023, a, password),
		"PFX in base64":              []byte(base64.StdEncoding.EncodeToString(pfx(t, pkcs12.Modern2023, a, password))),
		"PFX in wrapped base64":      []byte(wrap(base64.StdEncoding.EncodeToString(pfx(t, pkcs12.Modern2023, a, password)))),
		"PFX in base64 for URLs":     []byte(base64.RawURLEncoding.EncodeToString(pfx(t, pkcs12.Modern2023, a, password))),
		"PFX with PBMAC1":            pfx(t, pkcs12.Modern2026, a, password),
		"PFX, old":                   pfx(t, pkcs12.LegacyDES, a, password),
		"PFX, older":                 pfx(t, pkcs12.LegacyRC2, a, password),
		"PFX with a chain":           pfx(t, pkcs12.Modern2023, a, password, b.cert),
		"PFX, no password needed":    pfx(t, pkcs12.Passwordless, a, ""),
		"PFX, an empty password":     pfx(t, pkcs12.LegacyDES, a, ""),
	} {
		got, err := certificate.Parse(text, password)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !got.X509.Equal(a.cert) || !got.Key.Equal(a.key) {
			t.Errorf("%s: another certificate or key was read", name)
		}
	}
}

func wrap(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i += 64 {
		b.WriteString(text[i:min(i+64, len(text))] + "\r\n")
	}
	return b.String()
}

func TestWhatOpenSSLEncryptsIsRead(t *testing.T) {
	for _, name := range []string{"aes256.pem", "des3.pem", "pfx.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := certificate.Parse(text, "correct-horse")
		if err != nil || got.X509.Subject.CommonName != "openssl" || !got.Key.PublicKey.Equal(got.X509.PublicKey) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		for wrong, want := range map[string]string{"": "and none is given", "battery-staple": "another password"} {
			_, err := certificate.Parse(text, wrong)
			wantProblem(t, name, err, want)
		}
	}
}

// wantProblem checks that an error says what it should and quotes nothing.
func wantProblem(t *testing.T, name string, err error, want string) {
	t.Helper()
	var e *certificate.Error
	if !errors.As(err, &e) || !strings.Contains(e.Problem, want) || e.Advice == "" {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, canary := range []string{password, "MII", "canary"} {
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error quotes what was read: %v", name, err)
		}
	}
}

func TestWhatIsNoCertificateWithItsKeyIsExplained(t *testing.T) {
	a, b := first(), second()
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(elliptical)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := newPair(1024)
	curved := issue(elliptical, time.Now(), time.Now().Add(time.Hour))
	curvedPFX, err := pkcs12.Modern2023.Encode(elliptical, curved, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("canary")})
	for name, row := range map[string]struct{ text, want string }{
		"nothing":               {" \n", "is empty"},
		"a path":                {"/etc/canary/app.pem", "base64"},
		"a thumbprint":          {"8BDEB513EAC11E9E9DA752EB9D5087F317F6D931", "base64, but of nothing"},
		"a word":                {"canary!", "neither PEM nor base64"},
		"other base64":          {base64.StdEncoding.EncodeToString([]byte("canary canary")), "base64, but of nothing"},
		"too much":              {strings.Repeat("x", certificate.MaxSize+1), "64 KiB"},
		"no key":                {certPEM(a.cert), "no private key"},
		"no key, in DER":        {string(a.cert.Raw), "no private key"},
		"no certificate":        {pkcs8(a.key), "no certificate"},
		"another key":           {pkcs8(b.key) + certPEM(a.cert), "does not belong"},
		"two keys":              {pkcs8(a.key) + pkcs8(b.key) + certPEM(a.cert), "several private keys"},
		"an elliptic key":       {pkcs8(elliptical) + certPEM(curved), "not an RSA key"},
		"an elliptic key, SEC1": {block("EC PRIVATE KEY", sec1) + certPEM(curved), "not an RSA key"},
		"an elliptic key, PFX":  {string(curvedPFX), "not an RSA key"},
		"an Edwards key":        {pkcs8(edwards) + certPEM(a.cert), "not an RSA key"},
		"a short key":           {pkcs8(short.key) + certPEM(short.cert), "1024 bits"},
		"a request":             {block("CERTIFICATE REQUEST", []byte("canary")), "request"},
		"PKCS#7":                {block("PKCS7", []byte("canary")), "PKCS#7"},
		"a key of SSH":          {block("OPENSSH PRIVATE KEY", []byte("canary")), "SSH"},
		"an old encryption":     {string(old) + certPEM(a.cert), "old way"},
		"an unknown encryption": {block("ENCRYPTED PRIVATE KEY", []byte("canary")), "not supported"},
		"a damaged certificate": {block("CERTIFICATE", []byte("canary")), "certificate that cannot be read"},
		"a damaged key":         {block("PRIVATE KEY", []byte("canary")), "private key that cannot be read"},
		"damaged PEM":           {strings.Replace(certPEM(a.cert), "MII", "M?I", 1), "damaged"},
		"PEM without its end":   {pkcs8(a.key) + certPEM(a.cert)[:200], "breaks off"},
		"two that run together": {certPEM(a.cert)[:200] + pkcs8(a.key), "breaks off"},
		"a PFX cut off":         {string(pfx(t, pkcs12.Modern2023, a, password)[:500]), "no PFX at all"},
		"another password":      {string(pfx(t, pkcs12.Modern2023, a, "x")), "another password"},
		"another password, old": {string(pfx(t, pkcs12.LegacyDES, a, "x")), "another password"},
	} {
		_, err := certificate.Parse([]byte(row.text), password)
		wantProblem(t, name, err, row.want)
	}
	_, err = certificate.Parse(pfx(t, pkcs12.Modern2023, a, password), "")
	wantProblem(t, "no password", err, "none is given")
}

// A password that is hashed for minutes must not stop a function.
func TestAPasswordThatWouldTakeMinutesIsRefused(t *testing.T) {
	// 70,000 rounds as DER, what is just too many, and what is no number of rounds, all of one length.
	rounds, many, negative := []byte{2, 3, 1, 0x11, 0x70}, []byte{2, 3, 0x0f, 0x42, 0x41}, []byte{2, 3, 0xff, 0, 0}
	text, err := os.ReadFile(filepath.Join("testdata", "aes256.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, rest := pem.Decode(text)
	inPEM := func(rounds []byte) []byte {
		return append(pem.EncodeToMemory(&pem.Block{Type: key.Type, Bytes: replace(t, key.Bytes, []byte{2, 3, 1, 0x11, 0x70}, rounds)}), rest...)
	}
	_, err = certificate.Parse(inPEM(many), "correct-horse")
	wantProblem(t, "PKCS#8", err, "a million times")
	_, err = certificate.Parse(inPEM(negative), "correct-horse")
	wantProblem(t, "-65536 rounds", err, "not supported")
	slow := *pkcs12.LegacyDES
	_, err = certificate.Parse(replace(t, pfx(t, slow.WithIterations(70_000), first(), password), rounds, many), password)
	wantProblem(t, "PFX", err, "a million times")
}

func replace(t *testing.T, data, what, by []byte) []byte {
	t.Helper()
	if !bytes.Contains(data, what) {
		t.Fatalf("%x is not there", what)
	}
	return bytes.ReplaceAll(data, what, by)
}

func TestOfSeveralCertificatesOfAKeyTheValidOneIsTaken(t *testing.T) {
	a, now := first(), time.Now()
	expired, current := issue(a.key, now.Add(-3*time.Hour), now.Add(-time.Hour)), issue(a.key, now.Add(-2*time.Hour), now.Add(time.Hour))
	longer, future := issue(a.key, now.Add(-2*time.Hour), now.Add(2*time.Hour)), issue(a.key, now.Add(time.Hour), now.Add(9*time.Hour))
	for _, row := range []struct {
		all  []*x509.Certificate
		want *x509.Certificate
	}{
		{[]*x509.Certificate{expired, current, future}, current},
		{[]*x509.Certificate{future, current, expired}, current},
		{[]*x509.Certificate{current, longer}, longer},
		{[]*x509.Certificate{longer, current}, longer},
		{[]*x509.Certificate{expired, future}, future},
		{[]*x509.Certificate{future, expired}, future},
	} {
		text := pkcs8(a.key)
		for _, c := range row.all {
			text += certPEM(c)
		}
		if got, err := certificate.Parse([]byte(text), ""); err != nil || !got.X509.Equal(row.want) {
			t.Errorf("another one was taken: %v", err)
		}
	}
}

func TestACertificateAloneIsReadWhereTheKeyIsElsewhere(t *testing.T) {
	a, b := first(), second()
	for name, row := range map[string]struct {
		text    string
		withKey bool
	}{
		"PEM": {certPEM(a.cert), false}, "DER": {string(a.cert.Raw), false}, "base64": {base64.StdEncoding.EncodeToString(a.cert.Raw), false},
		"a key beside it": {pkcs8(b.key) + certPEM(a.cert), true},
	} {
		got, withKey, err := certificate.ParsePublic([]byte(row.text))
		if err != nil || !got.X509.Equal(a.cert) || got.Key != nil || withKey != row.withKey || !got.Public().Equal(a.key.Public()) {
			t.Errorf("%s: %v, %v", name, withKey, err)
		}
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ text, want string }{
		"none":     {pkcs8(a.key), "no certificate"},
		"several":  {certPEM(a.cert) + certPEM(b.cert), "several certificates"},
		"elliptic": {certPEM(issue(elliptical, time.Now(), time.Now())), "not an RSA key"},
		"nothing":  {"", "is empty"},
	} {
		_, _, err := certificate.ParsePublic([]byte(row.text))
		wantProblem(t, name, err, row.want)
	}
}

func TestACertificateIsMadeAroundAKeyThatIsElsewhere(t *testing.T) {
	a := first()
	asked := 0
	sign := func(_ context.Context, digest []byte) ([]byte, error) {
		asked++
		return a.key.Sign(rand.Reader, digest, crypto.SHA256)
	}
	made, err := certificate.Create(t.Context(), &a.key.PublicKey, sign, "rollcall", 48*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := made.X509
	if asked != 1 || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil || c.Subject.CommonName != "rollcall" || c.IsCA {
		t.Errorf("asked %d times, %s", asked, c.Subject)
	}
	if now := time.Now(); now.Before(c.NotBefore) || !now.Add(47*time.Hour).Before(c.NotAfter) || now.Add(49*time.Hour).Before(c.NotAfter) {
		t.Errorf("valid from %s to %s", c.NotBefore, c.NotAfter)
	}
	again, _, err := certificate.ParsePublic(made.PEM())
	if err != nil || !again.X509.Equal(c) {
		t.Errorf("%v", err)
	}
	if len(made.Thumbprint()) != 40 || made.SHA256() == [32]byte{} {
		t.Errorf("%s", made.Thumbprint())
	}

	denied := errors.New("denied")
	if _, err := certificate.Create(t.Context(), &a.key.PublicKey, func(context.Context, []byte) ([]byte, error) { return nil, denied }, "x", time.Hour); !errors.Is(err, denied) {
		t.Errorf("%v", err)
	}
	other := func(_ context.Context, digest []byte) ([]byte, error) {
		return second().key.Sign(rand.Reader, digest, crypto.SHA256)
	}
	if _, err := certificate.Create(t.Context(), &a.key.PublicKey, other, "x", time.Hour); err == nil {
		t.Error("a signature by another key is taken")
	}
}

func FuzzNothingThatIsReadCrashesOrIsQuoted(f *testing.F) {
	encrypted, err := os.ReadFile(filepath.Join("testdata", "des3.pem"))
	if err != nil {
		f.Fatal(err)
	}
	read, err := certificate.Parse(encrypted, "correct-horse")
	if err != nil {
		f.Fatal(err)
	}
	p := pair{read.Key, read.X509} // making a key takes the workers too long
	both := pkcs8(p.key) + certPEM(p.cert)
	f.Add(encrypted, "correct-horse")
	f.Add([]byte(both), "")
	f.Add([]byte(strings.ReplaceAll(both, "\n", `\n`)), "")
	f.Add([]byte(base64.StdEncoding.EncodeToString([]byte(both))), "")
	f.Add(pfx(f, pkcs12.Modern2023, p, password), password)
	f.Add(pfx(f, pkcs12.Passwordless, p, ""), "")
	f.Fuzz(func(t *testing.T, text []byte, password string) {
		got, err := certificate.Parse(text, password)
		var e *certificate.Error
		switch {
		case err == nil && !got.Key.PublicKey.Equal(got.X509.PublicKey):
			t.Error("the key is not the certificate's")
		case err != nil && (!errors.As(err, &e) || len(err.Error()) > 400):
			t.Errorf("%v", err)
		}
		_, _, _ = certificate.ParsePublic(text)
	})
}
