package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// limited takes left bytes, refuses what does not fit whole, and then takes one more small write, as trigger's streams do.
type limited struct {
	*httptest.ResponseRecorder
	left int
	over bool
}

func (w *limited) Write(p []byte) (int, error) {
	if len(p) > w.left {
		w.left = 0
		if !w.over {
			w.over, w.left = true, 4096
		}
		return 0, http.ErrContentLength
	}
	w.left -= len(p)
	return w.ResponseRecorder.Write(p)
}

// The closing record itself meets the limit.
func TestAStreamWhoseLastHandfulMeetsTheLimitSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 100})
		whole := s.ask(t, http.MethodGet, "https://api.example/users?$format=ndjson").Body.Len()
		w := &limited{ResponseRecorder: httptest.NewRecorder(), left: whole - 1}
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
		if !strings.Contains(w.Body.String(), `"@rollcall.complete":false`) {
			t.Errorf("the stream ends with %q", w.Body.String()[max(0, w.Body.Len()-80):])
		}
	})
}

// Page two has to come in the format of page one.
func TestTheNextLinkKeepsTheFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		_, b := s.get(t, "https://api.example/users?$top=5&$format=json", "Accept", "text/csv")
		w := s.ask(t, http.MethodGet, b.Next, "Accept", "text/csv")
		if w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
