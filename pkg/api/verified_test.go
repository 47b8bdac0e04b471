package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestWholeListsSayWhetherTheyWereVerified(t *testing.T) {
	for name, b2c := range map[string]bool{"true": false, "false": true} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, simulator.Config{Users: 50, B2C: b2c})
			stream := s.ask(t, http.MethodGet, "/users?$format=ndjson")
			if !strings.HasSuffix(stream.Body.String(), `{"@rollcall.complete":true,"@rollcall.verified":`+name+`,"@odata.count":50}`+"\n") {
				t.Errorf("verified %s: %.200s", name, stream.Body)
			}
			table := s.ask(t, http.MethodGet, "/users?$format=csv")
			if got := table.Header().Get("Rollcall-Verified"); got != name {
				t.Errorf("the header is %q, want %q", got, name)
			}
			if page := s.ask(t, http.MethodGet, "/users"); page.Header().Get("Rollcall-Verified") != "" {
				t.Error("a page says that it is a verified list")
			}
		})
	}
}

// TestAListThatIsNotCompleteIsAnsweredAsSuch has Graph lose every page token, which is no
// error of the caller's: the caller made no such request.
func TestAListThatIsNotCompleteIsAnsweredAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, faults := range [][]string{{"expired-token:2x*"}, {"early-end:3"}} {
			s := serve(t, simulator.Config{Users: 5000, Faults: parseFaults(t, faults...)})
			w, b := s.get(t, "/users?$format=csv")
			if w.Code != http.StatusServiceUnavailable || b.Error.Code != "Snapshot.Incomplete" || w.Header().Get("Rollcall-Error") != "Snapshot.Incomplete" ||
				!strings.Contains(b.Error.Message, "the list is not complete") || w.Header().Get("Rollcall-Verified") != "" {
				t.Errorf("%s: %d %s", faults, w.Code, w.Body)
			}
		}
	})
}

func parseFaults(t *testing.T, names ...string) []simulator.Fault {
	t.Helper()
	var all []simulator.Fault
	for _, name := range names {
		f, err := simulator.ParseFault(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}
