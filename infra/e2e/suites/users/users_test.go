package users_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestTheBuiltFunction runs everything on one binary and one moto_server.
func TestTheBuiltFunction(t *testing.T) {
	e := newEnvironment(t)
	for name, test := range map[string]func(*testing.T, *environment){
		"returns every user over its pages when invoked":      everyUserByInvocation,
		"returns only what is selected":                       selection,
		"returns every user over its pages by the HTTP API":   everyUserByHTTP,
		"gives the HTTP API nothing without a caller":         noCaller,
		"uses a rotated secret in the same process":           rotation,
		"answers a claims challenge":                          claimsChallenge,
		"names a rejected secret":                             rejectedSecret,
		"names a deleted secret":                              deletedSecret,
		"names a secret without an identity":                  emptySecret,
		"names a secret that it may not read":                 forbiddenSecret,
		"names a variable that does not exist":                unknownVariable,
		"names a request that it does not understand":         unknownRequest,
		"says that it is throttled and when to try again":     throttled,
		"says which permission is missing":                    accessDenied,
		"answers before its deadline when Graph does not":     deadline,
		"reads its secret once for many invocations":          secretIsCached,
		"starts without reading a secret":                     coldStart,
		"gives the HTTP API the error that it gives a caller": httpFailure,
		"ends each invocation with its metrics":               metrics,
	} {
		t.Run(name, func(t *testing.T) { test(t, e) })
	}
}

// population is more than two pages of 500.
const population = 1234

func everyUserByInvocation(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: population}})
	seen := map[string]bool{}
	request := map[string]any{"top": 500}
	for pages := 1; ; pages++ {
		got := f.invokeForPage(t, request)
		for _, u := range got.Value {
			if seen[u.ID] {
				t.Errorf("page %d repeats user %s", pages, u.ID)
			}
			seen[u.ID] = true
			if u.UserPrincipalName == "" {
				t.Errorf("user %s has no userPrincipalName", u.ID)
			}
		}
		if got.NextLink == "" {
			if pages != 3 {
				t.Errorf("there were %d pages, want 3", pages)
			}
			break
		}
		if strings.Contains(got.NextLink, "://") {
			t.Errorf("the nextLink of an invocation leads to a host: %s", got.NextLink)
		}
		request["skiptoken"] = skipToken(t, got.NextLink)
	}
	if len(seen) != population {
		t.Errorf("the pages have %d users, want %d", len(seen), population)
	}
}

func selection(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 3}})
	result := f.invoke(t, map[string]any{"select": []string{"displayName"}})
	got := f.readPage(t, result.Payload)
	if len(got.Value) != 3 || got.Value[0].DisplayName == "" {
		t.Errorf("it returned %s", result.Payload)
	}
	if strings.Contains(string(result.Payload), "userPrincipalName") {
		t.Errorf("it returned what was not selected: %s", result.Payload)
	}
	if got := f.invoke(t, map[string]any{"select": []string{"mobilePhone"}}); got.ErrorType != "Request.Invalid" {
		t.Errorf("a column beyond the allow-list gave %q, %s", got.ErrorType, got.Payload)
	}
}

// secretIsCached also shows that warm invocations buy no further token.
func secretIsCached(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 1}})
	for range 5 {
		f.invokeForPage(t, map[string]any{})
	}
	if got, want := f.tokenAnswers(), []int{http.StatusOK}; !slices.Equal(got, want) {
		t.Errorf("the token service answered %d, want %d: one token for five invocations", got, want)
	}
}

func coldStart(t *testing.T, e *environment) {
	f := e.start(t, config{tenant: simulator.Config{Users: 1}})
	if n := len(f.tenant.Requests()); n != 0 {
		t.Errorf("the function sent %d requests before its first invocation", n)
	}
}
