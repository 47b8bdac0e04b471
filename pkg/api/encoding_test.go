package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheEncodingIsTheOneThatTheCallerAsksFor(t *testing.T) {
	s := serve(t, simulator.Config{Users: 90})
	const gzip, identity, neither = "gzip", "", "406"
	for headers, want := range map[string]string{
		"gzip": gzip, "GZip": gzip, "x-gzip": gzip, "X-GZIP;q=0.1": gzip, " gzip ": gzip, "gzip;q=1.000": gzip, "gzip ; q=0.001": gzip, "gzip;Q=1": gzip,
		"deflate, gzip;q=0.5, br": gzip, "br|gzip": gzip, "*": gzip, "*;q=0.1": gzip, "br, *;q=0.5": gzip, "gzip;level=9;q=0.5": gzip,
		"gzip, identity;q=0": gzip, "*, identity;q=0": gzip, "gzip, *;q=0": gzip, "identity;q=0.5, gzip": gzip, "identity, gzip": gzip, ", gzip,,": gzip,
		"gzip;q=0.5, identity;q=0.5": gzip, "gzip;q=0.5|identity;q=0|br": gzip,

		"": identity, "br": identity, "identity": identity, "gzip;q=0": identity, "gzip;q=0.000": identity, "x-gzip;q=0": identity, "GZIP;Q=0": identity,
		"*, gzip;q=0": identity, "gzip;q=0, *;q=1": identity, "br;q=1.0, gzip;q=0": identity, "gzip, gzip;q=0": identity, "gzip;q=0|gzip": identity, "gzip|x-gzip;q=0": identity,
		"gzip;q=0.5, identity": identity, "gzip;q=0.1|identity;q=0.2": identity, "identity;q=1, *;q=0": identity, "identity;q=0.5, *;q=0": identity,
		"gzip;q=": identity, "gzip;q": identity, "gzip;q=a": identity, "gzip;q=-1": identity, "gzip;q=+1": identity, "gzip;q=2": identity, "gzip;q=1e0": identity,
		"gzip;q=NaN": identity, "gzip;q=Inf": identity, "gzip;q=0x1p-1": identity, "gzip;q=1_0": identity, "gzip;q=0.5.5": identity, "gzip;q=1;q=a": identity,
		"gzipped": identity, "gzip deflate": identity, "\"gzip\"": identity, "*/*": identity, "gz*": identity, "identity;q=a": identity, "*;q=a": identity,

		"identity;q=0": neither, "*;q=0": neither, "gzip;q=0, identity;q=0": neither, "br, *;q=0": neither, "br|identity;q=0.0": neither, "gzip;q=0, *;q=0": neither,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody)
		r.Header["Accept-Encoding"] = strings.Split(headers, "|")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		got := w.Header().Get("Content-Encoding")
		if w.Code == http.StatusNotAcceptable && strings.Contains(w.Body.String(), `"Request.Invalid"`) && strings.Contains(w.Body.String(), "Accept-Encoding") {
			got += neither
		} else if w.Code != http.StatusOK {
			t.Errorf("%q: %d %.200s", headers, w.Code, w.Body)
		}
		if got != want {
			t.Errorf("%q is answered in %q, want %q", headers, got, want)
		}
		if vary := w.Header().Get("Vary"); !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%q: Vary is %q", headers, vary)
		}
	}
}

func TestWhatIsSmallOrAnErrorStaysAsItIs(t *testing.T) {
	s := serve(t, simulator.Config{Users: 90}, "id", "userPrincipalName", "displayName")
	id := s.tenant.UserPrincipalName(1)
	for target, status := range map[string]int{"/users/$count": 200, "/users/" + id: 200, "/users?$filter=displayName%20eq%20%27nobody%27": 200, "/users?$top=0": 400, "/groups": 404, "/users?$select=city": 400} {
		w := s.ask(t, http.MethodGet, target, "Accept-Encoding", "gzip")
		if w.Code != status || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
	}
}

// FuzzAcceptEncoding: gzip goes only to who names it or all encodings, and nobody
// gets anything but an answer or a 406.
func FuzzAcceptEncoding(f *testing.F) {
	for _, header := range []string{"gzip", "x-gzip;q=0.5, *;q=0", "identity;q=0", "*", ";q=,;;", "gzip;q=NaN", "gzip\xff"} {
		f.Add(header, "identity")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		s, _ := asked(t)
		r := request(t, "/users", "$format=ndjson")
		r.Header["Accept-Encoding"] = []string{one, two}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		both := strings.ToLower(one + "," + two)
		switch encoding := w.Header().Get("Content-Encoding"); {
		case w.Code == http.StatusNotAcceptable && encoding == "" && (strings.Contains(both, "identity") || strings.Contains(both, "*")):
		case w.Code == http.StatusOK && encoding == "":
		case w.Code == http.StatusOK && encoding == "gzip" && (strings.Contains(both, "gzip") || strings.Contains(both, "*")):
			if text, err := unpack(t, w.Body.Bytes()); err != nil || !strings.HasPrefix(text, `{"@rollcall.`) {
				t.Errorf("%v: %q", err, text)
			}
		default:
			t.Errorf("%q, %q: %d in %q", one, two, w.Code, encoding)
		}
	})
}
