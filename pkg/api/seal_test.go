package api_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// token is the $skiptoken of a page's nextLink.
func token(t *testing.T, next string) string {
	t.Helper()
	u, err := url.Parse(next)
	if err != nil || u.Query().Get("$skiptoken") == "" {
		t.Fatalf("%s: %v", next, err)
	}
	return u.Query().Get("$skiptoken")
}

func TestASkiptokenIsSealedAndNeverTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		_, first := s.get(t, "https://api.example/users")
		_, second := s.get(t, "https://api.example/users")
		a, b := token(t, first.Next), token(t, second.Next)
		text, err := base64.RawURLEncoding.DecodeString(a)
		if a == b || err != nil || strings.HasPrefix(a, "RFNwdA") || strings.Contains(string(text), "DSpt") || strings.Contains(string(text), "contoso") {
			t.Errorf("%q, %q, %v", text, b, err)
		}
	})
}

func TestASkiptokenOpensOnlyTheListItWasGivenFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 500})
		_, b := s.get(t, "https://api.example/users?$top=5&$filter="+url.QueryEscape("department eq 'Sales'"))
		good := token(t, b.Next)
		before := len(listed(s))
		for _, query := range []string{
			"$top=5", "$top=5&$filter=" + url.QueryEscape("department eq 'IT'"), "$top=5&$orderby=displayName", "$top=5&$search=" + url.QueryEscape(`"displayName:a"`),
		} {
			w, b := s.get(t, "https://api.example/users?"+query+"&$skiptoken="+good)
			if w.Code != http.StatusBadRequest || b.Error.Code != "Request.Invalid" || !strings.Contains(b.Error.Message, "begin again") {
				t.Errorf("%s: %d %s", query, w.Code, w.Body)
			}
		}
		for _, forged := range []string{good[1:], good + "A", strings.ToUpper(good), "RFNwdAECFAGAsP2sjTcKAB7V", "A", strings.Repeat("A", 400)} {
			if w, _ := s.get(t, "https://api.example/users?$top=5&$filter="+url.QueryEscape("department eq 'Sales'")+"&$skiptoken="+url.QueryEscape(forged)); w.Code != http.StatusBadRequest {
				t.Errorf("%.30s: %d", forged, w.Code)
			}
		}
		if n := len(listed(s)) - before; n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
		if w, _ := s.get(t, "https://api.example/users?$top=5&$filter="+url.QueryEscape("DEPARTMENT eq 'Sales'")+"&$skiptoken="+good); w.Code != http.StatusOK {
			t.Errorf("the same list in other words: %d %s", w.Code, w.Body)
		}
	})
}
