package api_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Package msgraph-sdk-go's CountRequestBuilder sends Accept: text/plain;q=0.9.
func TestACountIsTextPlainAsTheSDKAsksForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, accept := range []string{"text/plain;q=0.9", "text/plain"} {
			if w := s.ask(t, http.MethodGet, "https://api.example/users/$count", "Accept", accept); w.Code != 200 {
				t.Errorf("%s: %d %s", accept, w.Code, w.Body)
			}
		}
	})
}

// /users/delta is a function of Graph and no user.
func TestAFunctionOfGraphIsNoUser(t *testing.T) {
	for _, key := range []string{"delta", "microsoft.graph.delta", "microsoft.graph.user", "validateProperties"} {
		asked := 0
		s := serveFrom(t, answering(t, func(r *http.Request) string {
			asked++
			t.Logf("%s", r.URL)
			return `{"id":"x","value":[{"id":"1","mail":"secret@x"}]}`
		}), "id")
		w, _ := s.get(t, "https://api.example/users/"+key)
		if asked != 0 || w.Code == 200 {
			t.Errorf("%s: %d, Graph was asked %d times: %s", key, w.Code, asked, w.Body)
		}
	}
}

// Graph's real skiptoken holds the last user's UPN and id.
func TestASkiptokenShowsNoPropertyBeyondTheAllowList(t *testing.T) {
	const token = "RFNwdAIAAQAAACM6QWRlbGVWQE0zNjV4MjE0MzU1Lm9ubWljcm9zb2Z0LmNvbSlVc2VyXzg3ZDM0OWVkLTQ0ZDctNDNlMS05YTgzLTVmMjQwNmRlZTViZLkAAAAAAAAAAAAA"
	s := serveFrom(t, answering(t, func(*http.Request) string {
		return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$top=1&$skiptoken=` + token + `","value":[{"id":"1","department":"IT"}]}`
	}), "id", "department")
	_, b := s.get(t, "https://api.example/users?$top=1&$select=department")
	u, _ := url.Parse(b.Next)
	raw, _ := base64.RawURLEncoding.DecodeString(u.Query().Get("$skiptoken"))
	if strings.Contains(string(raw), "AdeleV@") {
		t.Errorf("the nextLink's token holds %q", raw)
	}
}

// One bad filter costs a request for every column.
func TestABadFilterCostsAFewRequests(t *testing.T) {
	asked := 0
	s := serveFrom(t, scripted(t, func(r *http.Request) (*http.Response, error) {
		asked++
		if r.URL.Query().Get("$filter") == "" {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"value":[]}`)), Request: r}, nil
		}
		return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"error":{"code":"Request_UnsupportedQuery","message":"no"}}`)), Request: r}, nil
	}), "id", "displayName", "department", "mail", "city", "country", "jobTitle", "surname", "givenName", "companyName")
	s.get(t, "https://api.example/users?$filter="+url.QueryEscape("contains(displayName,'x')"))
	if asked > 3 {
		t.Errorf("%d requests", asked)
	}
}

// A CSV that breaks off must break the answer off.
func TestACSVThatBreaksOffIsNotEndedProperly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 3000})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=csv", http.NoBody)
		r.Header.Set("Accept-Encoding", "gzip")
		w := &broken{httptest.NewRecorder(), 40_000}
		aborted := false
		func() {
			defer func() { aborted = recover() != nil }()
			s.handler.ServeHTTP(w, r)
		}()
		if !aborted {
			t.Errorf("the answer of %d bytes was ended as if it were whole", w.Body.Len())
		}
	})
}
