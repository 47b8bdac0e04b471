package simulator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestBothAddressesAreAskedToRepeatAToken(t *testing.T) {
	s := newSubscriber(t, simulator.Config{Users: 3})
	s.subscribe(nil)
	s.subscribe(fields{"notificationUrl": "https://a.example/x#part", "lifecycleNotificationUrl": "https://b.example"})
	var got []string
	for _, r := range s.seen(true) {
		address, token, _ := strings.Cut(r.URL, "validationToken=")
		got = append(got, r.Method+" "+address+" "+r.Kind+" "+r.body)
		if !strings.Contains(token, "Validation%3A+Testing+") || !strings.HasPrefix(r.Token, "Validation: Testing client application reachability for subscription Request-Id: ") || r.hasAuthorization {
			t.Errorf("%+v", r)
		}
	}
	both := "POST https://hook.example/notifications?code=a%20b& text/plain; charset=utf-8 "
	if diff := cmp.Diff([]string{both, both, "POST https://a.example/x? text/plain; charset=utf-8 ", "POST https://b.example/? text/plain; charset=utf-8 "}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnAddressThatDoesNotRepeatTheTokenIsRefused(t *testing.T) {
	plain := func(write func(token string) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, write(r.URL.Query().Get("validationToken")))
		}
	}
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"202": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }, "HTTP status code is 'Accepted'"},
		"401": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "HTTP status code is 'Unauthorized'"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example", http.StatusTemporaryRedirect)
		}, "HTTP status code is 'TemporaryRedirect'"},
		"HTML": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
		}, "Content-Type text/plain"},
		"no type": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
		}, "Content-Type text/plain"},
		"more":         {plain(func(token string) string { return token + "\n" }), "must exactly match validationToken"},
		"less":         {plain(func(token string) string { return token[1:] }), "must exactly match validationToken"},
		"it encoded":   {plain(func(token string) string { return strings.ReplaceAll(token, " ", "+") }), "must exactly match validationToken"},
		"nothing":      {plain(func(string) string { return "" }), "must exactly match validationToken"},
		"after 10 s":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "request timed out"},
		"just in time": {plain(func(token string) string { time.Sleep(9 * time.Second); return token }), ""},
	} {
		for _, member := range []string{"notificationUrl", "lifecycleNotificationUrl"} {
			synctest.Test(t, func(t *testing.T) {
				s := newSubscriber(t, simulator.Config{Users: 3})
				s.validate = func(w http.ResponseWriter, r *http.Request) {
					if r.Host == "bad.example" {
						row.answer(w, r)
						return
					}
					plain(func(token string) string { return token })(w, r)
				}
				start := time.Now()
				got := s.send(http.MethodPost, "", asked(fields{member: "https://bad.example"}))
				switch left := s.send(http.MethodGet, "", "").body; {
				case row.says == "":
					if got.status != http.StatusCreated {
						t.Errorf("%s: %d %s", name, got.status, got.body)
					}
				case got.status != 400 || got.code() != "ValidationError" || !strings.Contains(got.body, row.says) || !strings.Contains(left, `"value":[]`):
					t.Errorf("%s of %s: %d %s, then %s", name, member, got.status, got.body, left)
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("%s: %v", name, took)
				}
			})
		}
	}
}

func TestNoAddressCanBeReachedUnlessTheTenantWasGivenAWay(t *testing.T) {
	c := newClient(t, simulator.Config{})
	s := &subscriber{c, nil}
	if got := s.send(http.MethodPost, "", asked(nil)); got.status != 400 || !strings.Contains(got.body, "Config.Endpoints") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
