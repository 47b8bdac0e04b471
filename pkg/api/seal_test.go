package api_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/list"
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

// A real skiptoken of Graph's contains the last user's UPN and id.
func TestASkiptokenShowsNoPropertyBeyondTheAllowList(t *testing.T) {
	const token = "RFNwdAIAAQAAACM6QWRlbGVWQE0zNjV4MjE0MzU1Lm9ubWljcm9zb2Z0LmNvbSlVc2VyXzg3ZDM0OWVkLTQ0ZDctNDNlMS05YTgzLTVmMjQwNmRlZTViZLkAAAAAAAAAAAAA"
	s := serveFrom(t, answering(t, func(*http.Request) string {
		return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$top=1&$skiptoken=` + token + `","value":[{"id":"1","department":"IT"}]}`
	}), "id", "department")
	_, b := s.get(t, "https://api.example/users?$top=1&$select=department")
	u, _ := url.Parse(b.Next)
	raw, _ := base64.RawURLEncoding.DecodeString(u.Query().Get("$skiptoken"))
	if strings.Contains(string(raw), "AdeleV@") {
		t.Errorf("the nextLink's token contains %q", raw)
	}
}

func TestASkiptokenIsValidOnlyForItsOwnList(t *testing.T) {
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

func TestAForgedSkiptokenLeadsNowhereElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		_, first := s.get(t, "https://api.example/users?$top=10")
		u, err := url.Parse(first.Next)
		if err != nil {
			t.Fatal(err)
		}
		good := u.Query().Get("$skiptoken")
		for _, token := range []string{
			"x", good + "&$select=mail", good + "#", "../groups", "https://evil.example/v1.0/users?$skiptoken=" + good,
			"https://graph.microsoft.com/v1.0/groups?$skiptoken=" + good, strings.Repeat("A", 5000), "%2e%2e%2f", "\r\nX-Evil: 1",
		} {
			w := s.ask(t, http.MethodGet, "https://api.example/users?$top=10&$skiptoken="+url.QueryEscape(token))
			if w.Code == http.StatusOK && strings.Contains(w.Body.String(), `"mail"`) || w.Code >= 500 {
				t.Errorf("%.60q: %d %.200s", token, w.Code, w.Body)
			}
		}
		for _, r := range s.tenant.Requests() {
			if r.Kind == "list" && (r.Path != "/v1.0/users" || r.Host != "graph.microsoft.com" || selects(r.RawQuery, "mail")) {
				t.Errorf("a request went to %s%s?%s", r.Host, r.Path, r.RawQuery)
			}
		}
		if requests, _ := s.tenant.Foreign(); requests > 0 {
			t.Error("a request went to a foreign host")
		}
	})
}

func selects(rawQuery, name string) bool {
	q, err := url.ParseQuery(rawQuery)
	return err != nil || strings.Contains(q.Get("$select"), name)
}

func TestAnInvalidTokenCostsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		s.get(t, "https://api.example/users?$skiptoken=RFNwdAmangled")
		n := 0
		for _, r := range s.tenant.Requests() {
			if r.Kind == "list" {
				n++
			}
		}
		if n != 0 {
			t.Errorf("%d list requests for a bad skiptoken", n)
		}
	})
}

func TestATokenWithOtherCharactersIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, token := range []string{"a b", "%7f", "%C3%A4", "a%00", "%20"} {
			if w, _ := s.get(t, "https://api.example/users?$skiptoken="+strings.ReplaceAll(token, " ", "%20")); w.Code != http.StatusBadRequest {
				t.Errorf("%q: %d", token, w.Code)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
	})
}

func TestATokenThatNeedsEscapingReachesGraphUnchanged(t *testing.T) {
	const token = `X'4453+/=&$top=1#`
	synctest.Test(t, func(t *testing.T) {
		var tokens []string
		client := answering(t, func(r *http.Request) string {
			tokens = append(tokens, r.URL.Query().Get("$skiptoken"))
			return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=` + url.QueryEscape(token) + `","value":[{"id":"7"}]}`
		})
		s := serveFrom(t, client, "id")
		_, b := s.get(t, "https://api.example/users")
		s.get(t, b.Next)
		if len(tokens) != 2 || tokens[1] != token {
			t.Errorf("Graph got the tokens %q", tokens)
		}
	})
}

func TestAWholeLinkIsAcceptedInPlaceOfItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		_, first := s.get(t, "https://api.example/users")
		w, second := s.get(t, "https://api.example/users?$skiptoken="+url.QueryEscape(first.Next))
		if w.Code != http.StatusOK || len(second.Value) != 100 || second.Value[0]["id"] == first.Value[0]["id"] {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// fromGraph serves pages whose link has this token, and records the tokens that come back.
func fromGraph(t *testing.T, token string) (s *served, tokens *[]string) {
	t.Helper()
	tokens = new([]string)
	return serveFrom(t, answering(t, func(r *http.Request) string {
		*tokens = append(*tokens, r.URL.Query().Get("$skiptoken"))
		return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=` + url.QueryEscape(token) + `","value":[{"id":"7"}]}`
	}), "id", "department"), tokens
}

// The length of Graph's token is that of the last user's name, and of what is sorted by.
func TestTheLengthOfALinkTellsNothing(t *testing.T) {
	lengths := map[int][]int{}
	for _, n := range []int{1, 40, 41, 300, 700, 1000, 1023} {
		s, tokens := fromGraph(t, strings.Repeat("a", n))
		_, b := s.get(t, "https://api.example/users")
		lengths[len(b.Next)] = append(lengths[len(b.Next)], n)
		if s.get(t, b.Next); len(*tokens) != 2 || (*tokens)[1] != strings.Repeat("a", n) {
			t.Errorf("%d characters: Graph got %q", n, *tokens)
		}
	}
	if len(lengths) != 1 {
		t.Errorf("links of these lengths have tokens of these lengths: %v", lengths)
	}
	short, _ := fromGraph(t, "a")
	long, _ := fromGraph(t, strings.Repeat("a", 1500))
	_, a := short.get(t, "https://api.example/users")
	_, b := long.get(t, "https://api.example/users")
	if step := len(b.Next) - len(a.Next); step < 1365 || step > 1367 {
		t.Errorf("a longer token makes the link longer by %d characters, not by 1 KiB in base64", step)
	}
}

// API Gateway takes 10 KB of request line and headers, this API 8 KB of query.
func TestALinkFitsWhatGatewaysTakeWhereTheFilterIsAsLongAsGraphTakes(t *testing.T) {
	s, tokens := fromGraph(t, strings.Repeat("a", 1000))
	filter := "department eq '" + strings.Repeat("''", 950) + "'"
	_, b := s.get(t, "https://api.example/users?$filter="+url.QueryEscape(filter))
	if len(b.Next) > 8<<10 {
		t.Errorf("the link has %d characters", len(b.Next))
	}
	if w, _ := s.get(t, b.Next); w.Code != http.StatusOK || len(*tokens) != 2 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w, second := s.get(t, "https://api.example/users?$filter="+url.QueryEscape(filter)+"&$search="+url.QueryEscape(`"department:`+strings.Repeat("a", 1100)+`"`))
	if w.Code != http.StatusRequestURITooLong || !strings.Contains(second.Error.Message, "shorten the filter") {
		t.Errorf("a link that cannot be followed: %d %.300s", w.Code, w.Body)
	}
}

// Links that were made before they were padded lead on.
func TestALinkWithoutPaddingIsStillValid(t *testing.T) {
	var asked []string
	client := answering(t, func(r *http.Request) string {
		asked = append(asked, r.URL.Query().Get("$skiptoken"))
		return `{"value":[]}`
	})
	key := bytes.Repeat([]byte{7}, 32)
	handler, err := api.New(api.Config{Directory: client, Request: list.Request{PageSize: 100}, Key: func(context.Context) ([]byte, error) { return key, nil }})
	if err != nil {
		t.Fatal(err)
	}
	s := &served{handler: handler}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce)
	old := base64.RawURLEncoding.EncodeToString(gcm.Seal(nonce, nonce, []byte("RFNwdA"), []byte("\x00\x00")))
	if w, _ := s.get(t, "https://api.example/users?$skiptoken="+old); w.Code != http.StatusOK || len(asked) != 1 || asked[0] != "RFNwdA" {
		t.Errorf("%d %s, Graph got %q", w.Code, w.Body, asked)
	}
}
