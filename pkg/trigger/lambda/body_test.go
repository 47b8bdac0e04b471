package lambda_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

func TestEachTriggersEventHasItsBody(t *testing.T) {
	const body = "{\"name\":\"Zoë\"}\n"
	for _, name := range triggers() {
		for _, c := range []struct {
			text    string
			encoded bool
			length  int64
			want    string // "" if it breaks off
		}{
			{body, false, int64(len(body)), body},
			{base64.StdEncoding.EncodeToString([]byte(body)), true, -1, body},
			{"", false, 0, ""},
			{base64.StdEncoding.EncodeToString([]byte(body))[:9], true, -1, ""},
			{"{}", true, -1, ""},
		} {
			var got []byte
			var err error
			var length int64
			l := &lambda.HTTP{AllowAnonymous: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				length = r.ContentLength
				got, err = io.ReadAll(r.Body)
			})}
			invoke(t, l, edit(t, edited(t, name, c.text, "body"), c.encoded, "isBase64Encoded"))
			if length != c.length || (err != nil) != (c.want == "" && c.text != "") || err == nil && string(got) != c.want {
				t.Errorf("%s, body %q (base64 %t): %q of %d, %v", name, c.text, c.encoded, got, length, err)
			}
		}
	}
}

func TestAnInvocationHasNoBody(t *testing.T) {
	l := &lambda.HTTP{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); n > 0 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		_, _ = io.Copy(w, strings.NewReader("{}"))
	})}
	invoke(t, l, []byte(`{"top":1}`))
}
