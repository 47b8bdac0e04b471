package origin_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/origin"
)

func TestAServiceOfTheMachineIsPlainHTTPThatTheInternetDoesNotCarry(t *testing.T) {
	for _, address := range []string{
		"http://127.0.0.1:41741/MSI/token/", "http://169.254.129.2:8081/msi/token", "http://localhost:42356/msi/token", "http://172.16.5.3:8081/msi/token",
		"http://169.254.169.254/metadata/identity/oauth2/token", "HTTP://LOCALHOST/", "http://[::1]:8081/msi/token", "http://10.1.2.3", "http://192.168.0.1/x",
	} {
		if u, err := origin.ParseLocal(address); err != nil || u.Host == "" {
			t.Errorf("%s %v", address, err)
		}
	}
	for address, want := range map[string]error{
		"https://127.0.0.1/msi/token":             origin.ErrFar,
		"http://169.255.0.1/msi/token":            origin.ErrFar,
		"http://172.32.0.1/":                      origin.ErrFar,
		"http://192.169.0.1/":                     origin.ErrFar,
		"http://11.0.0.1/":                        origin.ErrFar,
		"http://0.0.0.0/":                         origin.ErrFar,
		"http://1.1.1.1/":                         origin.ErrFar,
		"http://[fe80::1]/":                       origin.ErrFar,
		"http://[fd00::1]/":                       origin.ErrFar,
		"http://[::ffff:169.254.169.254]/":        origin.ErrFar,
		"http://identity.example/msi/token":       origin.ErrFar,
		"http://169.254.169.254.evil.example/":    origin.ErrFar,
		"http://evil.localhost/":                  origin.ErrFar,
		"http://127.0.0.1@evil.example/":          origin.ErrUser,
		"http://user:hunter2@127.0.0.1/msi/token": origin.ErrUser,
		"http://169.254.43518/":                   origin.ErrHost,
		"http://2852039166/":                      origin.ErrHost,
		"http://0xa9fea9fe/":                      origin.ErrHost,
		"http://0251.0376.0251.0376/":             origin.ErrHost,
		"http://[fe80::1%25eth0]/":                origin.ErrHost,
		"http://127.0.0.1./":                      origin.ErrDot,
		"http://127.0.0.1:0/":                     origin.ErrPort,
		"http://127.0.0.1/?resource=x":            origin.ErrQuery,
		"http://127.0.0.1/?":                      origin.ErrQuery,
		"http://127.0.0.1/#":                      origin.ErrQuery,
		"http:///msi/token":                       origin.ErrNone,
		"127.0.0.1:8081":                          origin.ErrURL,
		"":                                        origin.ErrFar,
		"http://%zz":                              origin.ErrURL,
	} {
		if _, err := origin.ParseLocal(address); !errors.Is(err, want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}

func FuzzAServiceOfTheMachineIsNeverElsewhere(f *testing.F) {
	for _, seed := range []string{"http://127.0.0.1:1/x", "http://localhost", "http://169.254.1.1", "http://10.0.0.1@evil.example", "http://[::1]", "http://LOCALHO\u017ft"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := origin.ParseLocal(text)
		if err != nil {
			return
		}
		name := u.Hostname()
		addr, err := netip.ParseAddr(name)
		near := err == nil && (addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsPrivate())
		if u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !near && asciiLower(name) != "localhost" {
			t.Errorf("%q gives %v", text, u)
		}
	})
}
