package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestABadTokenCostsNoRequest(t *testing.T) {
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

func TestAnOptionGivenInTwoSpellingsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for range 20 {
			w, b := s.get(t, "https://api.example/users?$top=3&$TOP=7")
			if w.Code != 400 {
				t.Fatalf("%d users", len(b.Value))
			}
		}
	})
}

func TestARefusedColumnIsToldAsConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "displayName", "aboutMe")
		w, b := s.get(t, "https://api.example/users")
		if w.Code == 400 {
			t.Errorf("%d %+v", w.Code, b.Error)
		}
	})
}

func TestALinkWithoutATokenIsNotHandedOn(t *testing.T) {
	s := serveFrom(t, answering(t, func(*http.Request) string {
		return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skip=100","value":[{"id":"00000000-0000-4000-8000-000000000001"}]}`
	}), "id")
	for _, q := range []string{"", "?$skiptoken="} {
		if w, b := s.get(t, "https://api.example/users"+q); w.Code == 200 && strings.HasSuffix(b.Next, "$skiptoken=") {
			t.Errorf("%q: %s", q, b.Next)
		}
	}
}
