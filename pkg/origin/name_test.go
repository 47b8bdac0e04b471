package origin_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/origin"
)

func TestANameIsParsedToOneSpelling(t *testing.T) {
	for text, want := range map[string]string{
		"graph.microsoft.com":       "graph.microsoft.com",
		"Login.MicrosoftOnline.COM": "login.microsoftonline.com",
		"localhost":                 "localhost",
		"a-b.3com.example":          "a-b.3com.example",
		"xn--bcher-kva.example":     "xn--bcher-kva.example",
		"XN--MNCHEN-3YA.example":    "xn--mnchen-3ya.example",
		"xn--80ak6aa92e.example":    "xn--80ak6aa92e.example",
		"xn--p1ai":                  "xn--p1ai",
		"xn--wgv71a119e.xn--wgbh1c": "xn--wgv71a119e.xn--wgbh1c",
		"xn--0ug.example":           "xn--0ug.example",
		strings.Repeat("a", 63):     strings.Repeat("a", 63),
	} {
		if got, err := origin.ParseName(text); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestWhatIsNoNameIsRefusedWithItsReason(t *testing.T) {
	for text, want := range map[string]error{
		"":                            origin.ErrNone,
		"https://graph.microsoft.com": origin.ErrNotName,
		"graph.microsoft.com:443":     origin.ErrNotName,
		"graph.microsoft.com/v1.0":    origin.ErrNotName,
		"a@graph.microsoft.com":       origin.ErrNotName,
		"*.microsoft.com":             origin.ErrNotName,
		"[::1]":                       origin.ErrNotName,
		"::1":                         origin.ErrNotName,
		"127.0.0.1":                   origin.ErrAddress,
		"127.1":                       origin.ErrHost,
		"0x7f.1":                      origin.ErrHost,
		"2130706433":                  origin.ErrHost,
		"graph.microsoft.com.":        origin.ErrDot,
		".microsoft.com":              origin.ErrDot,
		"graph..com":                  origin.ErrDot,
		"bücher.example":              origin.ErrHost,
		"grap\u212a.example":          origin.ErrHost,
		"a b.example":                 origin.ErrHost,
		"a\x00b":                      origin.ErrHost,
		"graph.microsoft.com\n":       origin.ErrHost,
		"a%20b":                       origin.ErrHost,
		"-a.example":                  origin.ErrLabel,
		"a-.example":                  origin.ErrLabel,
		"a_b.example":                 origin.ErrLabel,
		"ab--cd.example":              origin.ErrLabel,
		strings.Repeat("a", 64):       origin.ErrLabel,
		strings.Repeat("abcd.", 51):   origin.ErrHost,
		"xn--.example":                origin.ErrLabel,
		"xn--a.example":               origin.ErrPunycode,
		"xn--fa.example":              origin.ErrPunycode, // a control character
		"xn--99999999.example":        origin.ErrPunycode,
		"xn--ls8h=.example":           origin.ErrHost,
		"xn--abc-.example":            origin.ErrLabel,
	} {
		if got, err := origin.ParseName(text); !errors.Is(err, want) {
			t.Errorf("%q: %q, %v; want %v", text, got, err, want)
		}
	}
}

func FuzzANameIsPlainOrRefused(f *testing.F) {
	for _, text := range []string{"graph.microsoft.com", "xn--bcher-kva.example", "xn--99999999", "a..b", "1.2.3.4", "xn--zzzzzzzzzzzzzzzzzzzzzzzzz"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := origin.ParseName(text)
		if err != nil {
			return
		}
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || len(name) > 253 || name != asciiLower(text) {
			t.Fatalf("%q is the name %q", text, name)
		}
		if again, err := origin.ParseName(name); again != name || err != nil {
			t.Fatalf("%q is the name %q, which is %q, %v", text, name, again, err)
		}
	})
}
