package origin_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/origin"
)

func TestAnOriginIsParsedToOneSpelling(t *testing.T) {
	for text, want := range map[string]string{
		"https://login.microsoftonline.com":      "https://login.microsoftonline.com",
		"https://Login.MicrosoftOnline.COM/":     "https://login.microsoftonline.com",
		"HTTPS://login.microsoftonline.com:443/": "https://login.microsoftonline.com",
		"https://localhost:8443":                 "https://localhost:8443",
		"https://[::1]:8443":                     "https://[::1]:8443",
		"https://[2001:DB8::1]":                  "https://[2001:db8::1]",
		"https://xn--bcher-kva.example":          "https://xn--bcher-kva.example",
		"https://my_host":                        "https://my_host",
		"https://127.0.0.1:8443":                 "https://127.0.0.1:8443",
		"https://login1.example2":                "https://login1.example2",
	} {
		o, err := origin.Parse(text)
		if err != nil || o.String() != want {
			t.Errorf("%s: %q, %v", text, o, err)
		}
		if again, err := origin.Parse(want); err != nil || again != o {
			t.Errorf("%s and %s are not the same origin", text, want)
		}
	}
}

func TestAnOriginThatIsNotPlainIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		"":                                       origin.ErrScheme,
		"login.microsoftonline.com":              origin.ErrScheme,
		"http://login.microsoftonline.com":       origin.ErrScheme,
		"https://":                               origin.ErrNone,
		"https://:443":                           origin.ErrNone,
		"https:login.microsoftonline.com":        origin.ErrNone,
		"https://user@login.example":             origin.ErrUser,
		"https://u:p4ss@login.example":           origin.ErrUser,
		"https://@login.example":                 origin.ErrUser,
		"https://login.example/tenant":           origin.ErrPath,
		"https://login.example?":                 origin.ErrPath,
		"https://login.example?a=b":              origin.ErrPath,
		"https://login.example#":                 origin.ErrPath,
		"https://login.example#a":                origin.ErrPath,
		"https://login.example:":                 origin.ErrPort,
		"https://login.example:0":                origin.ErrPort,
		"https://login.example:0443":             origin.ErrPort,
		"https://login.example:65536":            origin.ErrPort,
		"https://login.example:443:443":          origin.ErrURL,
		"https://login.example.":                 origin.ErrDot,
		"https://login.example.:443":             origin.ErrDot,
		"https://.login.example":                 origin.ErrDot,
		"https://login..example":                 origin.ErrDot,
		"https://login.m\u0130crosoftonline.com": origin.ErrHost,
		"https://login.m%C4%B0crosoft.com":       origin.ErrHost,
		"https://login.micro\u017foft.com":       origin.ErrHost,
		"https://\u212aelvin.example":            origin.ErrHost,
		"https://\uff4cogin.example":             origin.ErrHost,
		"https://login\u3002example":             origin.ErrHost,
		"https://login\u00ad.example":            origin.ErrHost,
		"https://login\u200b.example":            origin.ErrHost,
		"https://login.example%2eevil":           origin.ErrURL,
		"https://login.ex ample":                 origin.ErrURL,
		"https://login.example\\@evil":           origin.ErrURL,
		"https://login.example\n":                origin.ErrURL,
		"https://[fe80::1%25eth0]":               origin.ErrHost,
		"https://[127.0.0.1]":                    origin.ErrURL,
		"https://[login.example]":                origin.ErrURL,
		"https://login~example":                  origin.ErrHost,
		"https://login*.example":                 origin.ErrHost,
		"https://" + strings.Repeat("a", 254):    origin.ErrHost,
	} {
		o, err := origin.Parse(text)
		if !errors.Is(err, want) || o != (origin.Origin{}) {
			t.Errorf("%+q: %q, error %v, want %v", text, o, err, want)
		}
	}
}

func TestTheOriginOfAURLIgnoresWhatFollowsTheHost(t *testing.T) {
	u, err := url.Parse("https://Graph.Microsoft.com:443/v1.0/users?$skiptoken=a#b")
	if err != nil {
		t.Fatal(err)
	}
	o, err := origin.Of(u)
	if err != nil || o.String() != "https://graph.microsoft.com" || o.Host() != "graph.microsoft.com" || o.Name() != "graph.microsoft.com" {
		t.Errorf("%q, %v", o, err)
	}
}

func TestAnotherPortIsAnotherOrigin(t *testing.T) {
	base, err := origin.Parse("https://login.example")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := origin.Parse("https://login.example:8443"); err != nil || other == base {
		t.Errorf("%q is %q, %v", other, base, err)
	}
}

func TestASubdomainIsAtTheSamePort(t *testing.T) {
	base, err := origin.Parse("https://login.example:8443")
	if err != nil {
		t.Fatal(err)
	}
	if o, err := base.Subdomain("WestEurope"); err != nil || o.String() != "https://westeurope.login.example:8443" {
		t.Errorf("%q, %v", o, err)
	}
	for _, label := range []string{"", ".", "a.b", "a/", "a@", "\u0130", "a:1"} {
		if o, err := base.Subdomain(label); err == nil || o != (origin.Origin{}) {
			t.Errorf("%q gives %q", label, o)
		}
	}
}

// FuzzOnlyTheSameBytesAreTheSameHost compares Of with bytes: whatever equals the base,
// which has each letter that Unicode folds to from elsewhere, spells it in ASCII.
func FuzzOnlyTheSameBytesAreTheSameHost(f *testing.F) {
	const base = "login.microsoftskin.com"
	want, err := origin.Parse("https://" + base)
	if err != nil {
		f.Fatal(err)
	}
	for _, host := range []string{
		base, "LOGIN.microsoftskin.com:443", "login.m\u0130crosoftskin.com", "login.micro\u017foftskin.com", "login.microsofts\u212ain.com",
		"login.m%C4%B0crosoftskin.com", "login.microsoft%E2%84%AAin.com", "login.microsoftskin.com.", "login.microsoftskin.com:", "login.microsoftskin.com:0443",
		"user@login.microsoftskin.com", "login.microsoftskin.com\\@evil", "[fe80::1%25a]", "\uff4cogin.microsoftskin.com", "login.\u2133icrosoftskin.com",
		"login\u3002microsoftskin.com", "login.micro\u00adsoftskin.com", "login.microsoftsk\u0131n.com",
	} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		u, err := url.Parse("https://" + host)
		if err != nil {
			return
		}
		o, err := origin.Of(u)
		if err != nil {
			if o != (origin.Origin{}) {
				t.Errorf("%+q is refused, but gives %q", host, o)
			}
			return
		}
		for _, b := range []byte(o.Host()) {
			if b >= 0x80 || 'A' <= b && b <= 'Z' || strings.IndexByte("%@/\\?# ", b) >= 0 {
				t.Fatalf("%+q gives the host %+q", host, o.Host())
			}
		}
		if again, err := origin.Parse(o.String()); err != nil || again != o {
			t.Errorf("%+q gives %q, which is parsed to %q, %v", host, o, again, err)
		}
		authority, _, _ := strings.Cut(host, "/")
		authority, _, _ = strings.Cut(authority, "?")
		authority, _, _ = strings.Cut(authority, "#")
		same := strings.TrimSuffix(asciiLower(authority), ":443") == base
		if (o == want) != same {
			t.Errorf("%+q is taken for %q: %t, but its bytes say %t", host, want, o == want, same)
		}
	})
}

func asciiLower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

func TestAnEndpointIsHTTPSOrThisMachine(t *testing.T) {
	for _, address := range []string{
		"https://s3.example", "https://s3.example:8443/a/path", "https://127.0.0.1", "https://10.0.0.1:9000", "HTTPS://S3.example",
		"http://localhost", "http://LOCALHOST:4566", "http://127.0.0.1:10000/devstoreaccount1", "http://127.1.2.3", "http://[::1]:9000/", "http://[::ffff:127.0.0.1]",
	} {
		if err := origin.CheckEndpoint(address); err != nil {
			t.Errorf("%s %v", address, err)
		}
	}
	for address, want := range map[string]error{
		"http://s3.example":                   origin.ErrPlain,
		"http://10.0.0.1:9000":                origin.ErrPlain,
		"http://169.254.169.254":              origin.ErrPlain,
		"http://0.0.0.0":                      origin.ErrPlain,
		"http://[::]":                         origin.ErrPlain,
		"http://[fe80::1]":                    origin.ErrPlain,
		"http://localhost.evil.example":       origin.ErrPlain,
		"http://evil.localhost":               origin.ErrPlain,
		"http://127.0.0.1.evil.example":       origin.ErrPlain,
		"http://locаlhost":                    origin.ErrHost, // a Cyrillic letter
		"http://localho\u017ft":               origin.ErrHost,
		"http://127.1":                        origin.ErrHost,
		"http://2130706433":                   origin.ErrHost,
		"http://localhost.":                   origin.ErrDot,
		"http://user:hunter2@localhost":       origin.ErrUser,
		"http://localhost:hunter2@evil.test/": origin.ErrUser,
		"http://localhost:0":                  origin.ErrPort,
		"http:///x":                           origin.ErrNone,
		"http:localhost":                      origin.ErrNone,
		"https://user:hunter2@s3.example":     origin.ErrUser,
		"ftp://localhost":                     origin.ErrScheme,
		"localhost:4566":                      origin.ErrScheme,
		"":                                    origin.ErrScheme,
		"http://%zz":                          origin.ErrURL,
	} {
		if err := origin.CheckEndpoint(address); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}
