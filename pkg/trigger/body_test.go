package trigger_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// FuzzBody has bodies of events, which may not be what they say they are. What is read
// without an error is the whole of what was sent.
func FuzzBody(f *testing.F) {
	for _, body := range []string{"", "{}", "e30=", "e30", "e3 0=", "e30=\r\n", "e30=e30=", "====", "\xff", "e30=x"} {
		f.Add(body, true)
		f.Add(body, false)
	}
	f.Fuzz(func(t *testing.T, body string, encoded bool) {
		r := trigger.NewRequest(http.MethodPost, "api.example", &url.URL{Path: "/"}, http.Header{}, body, encoded)
		got, err := io.ReadAll(r.Body)
		if r.ContentLength >= 0 && r.ContentLength != int64(len(got)) || len(got) > len(body) {
			t.Fatalf("%q: %d bytes, of which %d are read", body, r.ContentLength, len(got))
		}
		if !encoded {
			if err != nil || string(got) != body {
				t.Fatalf("%q is read as %q: %v", body, got, err)
			}
			return
		}
		want, wrong := base64.StdEncoding.DecodeString(body)
		if (err == nil) != (wrong == nil) || err == nil && string(got) != string(want) {
			t.Fatalf("%q is read as %q, %v; it is %q, %v", strings.ToValidUTF8(body, "?"), got, err, want, wrong)
		}
	})
}
