package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestAnUnsupportedOptionOrValueIsRefusedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for query, names := range map[string]string{
			"$select=mail":                        "mail",
			"$select=displayName,passwordProfile": "passwordProfile",
			"$select=*":                           "*",
			"$select=":                            "$select",
			"$expand=manager":                     "$expand",
			"$skip=10":                            "$skip",
			"$top=0":                              "$top",
			"$top=many":                           "$top",
			"$top=1&$top=2":                       "$top",
			"$TOP=1&$expand=x":                    "$expand",
			"$count=perhaps":                      "$count",
			"$format=xml":                         "$format",
			"$skiptoken=a%0d%0ab":                 "$skiptoken",
			"select=id":                           "select",
			"%zz":                                 "escaped",
		} {
			w, b := s.get(t, "https://api.example/users?"+query)
			if w.Code != http.StatusBadRequest || b.Error.Code != "Request.Invalid" || !strings.Contains(b.Error.Message, names) {
				t.Errorf("%s: %d %s %q", query, w.Code, b.Error.Code, b.Error.Message)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
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

func TestContradictoryOptionsAreRefusedWithoutARequestToGraph(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range []string{
			"$format=ndjson&$top=5", "$format=csv&$top=5", "$format=ndjson&$skiptoken=RFNwdA", "$format=csv&$skiptoken=RFNwdA",
			"csv=excel", "$format=json&csv=excel", "$format=ndjson&csv=excel", "$format=csv&csv=raw", "$format=csv&csv=Excel",
		} {
			if w, b := s.get(t, "https://api.example/users?"+query); w.Code != http.StatusBadRequest || b.Error.Code != "Request.Invalid" {
				t.Errorf("%s: %d %.200s", query, w.Code, w.Body)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
	})
}

func TestAPageIsNeverLargerThanConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w, b := s.get(t, "https://api.example/users?$top=999")
		if w.Code != http.StatusOK || len(b.Value) != 100 {
			t.Errorf("%d, %d users; want the configured 100", w.Code, len(b.Value))
		}
	})
}

func TestErrorsQuoteOnlyAShortEscapedPartOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range []string{"$select=" + strings.Repeat("x", 5000), strings.Repeat("y", 5000) + "=1"} {
			if _, b := s.get(t, "https://api.example/users?"+query); len(b.Error.Message) > 400 {
				t.Errorf("an error of %d bytes", len(b.Error.Message))
			}
		}
		if _, b := s.get(t, "https://api.example/users?$select=a%0ab%1b%5b31m"); strings.ContainsAny(b.Error.Message, "\n\x1b") {
			t.Errorf("the error contains control characters: %q", b.Error.Message)
		}
	})
}

func TestTheFormatIsNegotiated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 150})
		for accept, want := range map[string]string{
			"":    "application/json;odata.metadata=minimal;charset=utf-8",
			"*/*": "application/json;odata.metadata=minimal;charset=utf-8",
			"application/json;odata.metadata=full;IEEE754Compatible=true": "application/json;odata.metadata=minimal;charset=utf-8",
			"text/html,application/xhtml+xml,*/*;q=0.8":                   "application/json;odata.metadata=minimal;charset=utf-8",
			"application/x-ndjson;q=0.4, text/csv;q=0.6":                  "text/csv; charset=utf-8; header=present",
			"application/jsonl":               "application/x-ndjson",
			"application/xml":                 "application/json",
			"application/json;q=0":            "application/json",
			"text/csv, application/json":      "text/csv; charset=utf-8; header=present",
			"application/json;q=0, */*":       "application/x-ndjson",
			"application/*;q=0, */*;q=0.1":    "text/csv; charset=utf-8; header=present",
			"*/*, application/x-ndjson;q=0.9": "application/json;odata.metadata=minimal;charset=utf-8",
			"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, text/csv;q=0.1": "text/csv; charset=utf-8; header=present",
		} {
			w := s.ask(t, http.MethodGet, "https://api.example/users", "Accept", accept)
			if got := w.Header().Get("Content-Type"); got != want {
				t.Errorf("%q: %d %q, want %q", accept, w.Code, got, want)
			}
			if refused := accept == "application/xml" || strings.HasSuffix(accept, "q=0"); refused != (w.Code == http.StatusNotAcceptable) {
				t.Errorf("%q: %d", accept, w.Code)
			}
		}
	})
}
