package reader_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const day = 24 * time.Hour

// signingIn reads a tenant whose app keeps this in its secret, beside who it is.
func signingIn(t *testing.T, tenant *simulator.Tenant, over http.RoundTripper, keeps map[string]string) (*reader.Reader, *bytes.Buffer) {
	t.Helper()
	c := tenant.Config()
	whole := map[string]string{"TenantID": c.Tenant, "ClientID": c.ClientID}
	for name, value := range keeps {
		whole[name] = value
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Read([]string{"ROLLCALL_CREDENTIALS=file:" + file})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := reader.New(cfg, slog.New(slog.NewTextHandler(&log, nil)), reader.WithTransport(over))
	if err != nil {
		t.Fatal(err)
	}
	return r, &log
}

// reads counts the requests for registrations.
func reads(tenant *simulator.Tenant) (n int) {
	for _, r := range tenant.Requests() {
		if strings.Contains(r.Path, "/applications") {
			n++
		}
	}
	return n
}

const first = "abc8Q-first-secret-of-the-app"

func TestTheEndOfAClientSecretComesFromItsRegistrationWhereThatMayBeRead(t *testing.T) {
	for name, row := range map[string]struct {
		roles []string
		keeps map[string]string
		more  map[string]time.Duration // client secrets of the registration besides
		days  int                      // 0: not known
		asks  int
		warns string
	}{
		"not permitted":               {roles: []string{"User.Read.All"}, more: map[string]time.Duration{"abc-x": 5 * day}},
		"no permissions":              {roles: []string{}},
		"permitted":                   {roles: []string{"User.Read.All", "Application.Read.All"}, days: 20, asks: 1, warns: "expires in 20 days"},
		"permitted to read all":       {roles: []string{"Directory.Read.All"}, days: 20, asks: 1, warns: "expires in 20 days"},
		"permitted to write its own":  {roles: []string{"Application.ReadWrite.OwnedBy"}, days: 20, asks: 1, warns: "expires in 20 days"},
		"what the secret says ends":   {roles: []string{"Application.Read.All"}, keeps: map[string]string{"ExpiresAt": "2099-01-01T00:00:00Z"}, days: 20, asks: 1, warns: "expires in 20 days"},
		"beside another":              {roles: []string{"Application.Read.All"}, more: map[string]time.Duration{"xyz-x": 3 * day}, days: 20, asks: 1, warns: "expires in 20 days"},
		"beside one like it":          {roles: []string{"Application.Read.All"}, more: map[string]time.Duration{"abc-x": 5 * day}, asks: 1, warns: "may expire on 2000-01-06"},
		"beside one like it, known":   {roles: []string{"Application.Read.All"}, more: map[string]time.Duration{"abc-x": 5 * day}, keeps: map[string]string{"KeyID": "first"}, days: 20, asks: 1, warns: "expires in 20 days"},
		"beside one like it, stale":   {roles: []string{"Application.Read.All"}, more: map[string]time.Duration{"xyz-x": 5 * day}, keeps: map[string]string{"KeyID": "other"}, days: 20, asks: 1, warns: "expires in 20 days"},
		"beside one that has expired": {roles: []string{"Application.Read.All"}, more: map[string]time.Duration{"abc-x": -5 * day}, days: 20, asks: 1, warns: "expires in 20 days"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 3, Roles: row.roles})
				if err := tenant.RemoveSecret(simulator.DefaultClientSecret); err != nil {
					t.Fatal(err)
				}
				ids := map[string]string{"first": tenant.AddSecret(first, time.Now().Add(20*day+time.Hour))}
				for value, left := range row.more {
					ids["other"] = tenant.AddSecret(value, time.Now().Add(left))
				}
				keeps := map[string]string{"ClientSecret": first}
				for member, value := range row.keeps {
					keeps[member] = value
					if member == "KeyID" {
						keeps[member] = ids[value]
					}
				}
				r, log := signingIn(t, tenant, tenant.Transport(), keeps)
				for range 3 {
					id, err := r.Identity(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if days, known := id.DaysLeft(time.Now()); days != row.days || known != (row.days > 0) {
						t.Errorf("%d days are left, known: %t; want %d", days, known, row.days)
					}
					if warning := id.ExpiryWarning(time.Now()); !strings.Contains(warning, row.warns) || (warning == "") != (row.warns == "") {
						t.Errorf("it warns %q", warning)
					}
				}
				if got := reads(tenant); got != row.asks {
					t.Errorf("Graph was asked %d times, want %d", got, row.asks)
				}
				if row.warns != "" && strings.Count(log.String(), row.warns) != 1 || strings.Contains(log.String(), first) {
					t.Errorf("the log:\n%s", log)
				}
			})
		})
	}
}

func TestARegistrationIsReadOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 3, Roles: []string{"Application.Read.All"}})
		r, log := signingIn(t, tenant, tenant.Transport(), map[string]string{"ClientSecret": simulator.DefaultClientSecret})
		for hours := range 50 {
			id, err := r.Identity(t.Context())
			if err != nil || !id.ExpiresAt.IsZero() && id.ExpiresAt.Year() != 2299 {
				t.Fatalf("%v, %v", id.ExpiresAt, err)
			}
			if _, known := id.DaysLeft(time.Now()); known {
				t.Error("a date that stands for none is an end")
			}
			if got, want := reads(tenant), 1+hours/24; got != want {
				t.Errorf("after %d hours it was read %d times, want %d", hours, got, want)
			}
			time.Sleep(time.Hour)
		}
		if strings.Contains(log.String(), "daysLeft") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

func TestTheEndOfACertificateIsTheSoonerOfItsOwnAndItsRegistrations(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		certificate := made(t, key, 40*day+time.Hour)
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tenant := simulator.New(simulator.Config{Users: 3, Roles: []string{"Application.Read.All"}})
		tenant.AddCertificate(made(t, other, 3*day))
		tenant.AddCertificate(certificate)
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
		for want, over := range map[int]http.RoundTripper{
			40: tenant.Transport(),
			9:  rewriting{tenant.Transport(), certificate.NotAfter.UTC().Format(time.RFC3339), time.Now().Add(9*day + time.Hour).UTC().Format(time.RFC3339)},
		} {
			r, _ := signingIn(t, tenant, over, map[string]string{"Certificate": text})
			id, err := r.Identity(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if days, known := id.DaysLeft(time.Now()); !known || days != want {
				t.Errorf("%d days are left, known: %t; want %d", days, known, want)
			}
		}
	})
}

// made is a certificate of a key that ends after a time.
func made(t *testing.T, key crypto.Signer, left time.Duration) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rollcall"}, NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(left),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// rewriting replaces a text in answers about registrations.
type rewriting struct {
	next     http.RoundTripper
	from, to string
}

func (w rewriting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err != nil || !strings.Contains(r.URL.Path, "/applications") {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(body), w.from, w.to)))
	resp.ContentLength = -1
	return resp, err
}

// answering answers for registrations itself.
type answering struct {
	next   http.RoundTripper
	status int
	body   string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.Path, "/applications") {
		return a.next.RoundTrip(r)
	}
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func TestNothingThatARegistrationAnswersIsAFailureOrAFalseNumber(t *testing.T) {
	const id = `{"id":"7ead7ead-0a57-4a7e-9d0c-ba9876543210","keyCredentials":[],"passwordCredentials":[`
	one := func(members string) string {
		return id + `{"keyId":"7ead7ead-0a57-4a7e-9d0c-ba9876543211","hint":"abc"` + members + `}]}`
	}
	for name, a := range map[string]answering{
		"403":              {status: 403, body: `{"error":{"code":"Authorization_RequestDenied","message":"m"}}`},
		"404":              {status: 404, body: `{"error":{"code":"Request_ResourceNotFound","message":"m"}}`},
		"429":              {status: 429, body: ""},
		"500":              {status: 500, body: ""},
		"HTML":             {status: 200, body: "<html>"},
		"nothing":          {status: 200, body: ""},
		"null":             {status: 200, body: "null"},
		"half":             {status: 200, body: id},
		"another thing":    {status: 200, body: `{"id":"7ead7ead-0a57-4a7e-9d0c-ba9876543210","displayName":"x"}`},
		"no passwords":     {status: 200, body: id + "]}"},
		"a null":           {status: 200, body: id + "null]}"},
		"no key id":        {status: 200, body: id + `{"hint":"abc","endDateTime":"2000-01-05T00:00:00Z"}]}`},
		"no end":           {status: 200, body: one("")},
		"a null end":       {status: 200, body: one(`,"endDateTime":null`)},
		"the year 9999":    {status: 200, body: one(`,"endDateTime":"9999-12-31T23:59:59Z"`)},
		"the year 1":       {status: 200, body: one(`,"endDateTime":"0001-01-01T00:00:00Z"`)},
		"the year 10000":   {status: 200, body: one(`,"endDateTime":"10000-01-01T00:00:00Z"`)},
		"no date":          {status: 200, body: one(`,"endDateTime":"tomorrow"`)},
		"a number":         {status: 200, body: one(`,"endDateTime":7`)},
		"too many secrets": {status: 200, body: id + strings.Repeat(`{"keyId":"7ead7ead-0a57-4a7e-9d0c-ba9876543211"},`, 3000) + "{}]}"},
		"too long":         {status: 200, body: one(`,"displayName":"` + strings.Repeat("x", 1<<20) + `"`)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 3, Roles: []string{"Application.Read.All", "User.Read.All"}})
				tenant.AddSecret(first, time.Time{})
				a.next = tenant.Transport()
				r, log := signingIn(t, tenant, a, map[string]string{"ClientSecret": first})
				began := time.Now()
				found, err := r.Identity(t.Context())
				if err != nil {
					t.Error(err)
				}
				if days, known := found.DaysLeft(time.Now()); known || found.ExpiryWarning(time.Now()) != "" {
					t.Errorf("%d days are left, and it warns %q", days, found.ExpiryWarning(time.Now()))
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("that took %s", took)
				}
				if strings.Contains(log.String(), "abc8Q") {
					t.Errorf("the log:\n%s", log)
				}
			})
		})
	}
}
