package trigger_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

func TestANameFitsInALogLine(t *testing.T) {
	for name, want := range map[string]string{"app": "app", "a b": "", "a\nb": "", "jane@example.com": "", "ü": "", string(make([]byte, 300)): "", "": ""} {
		if got := trigger.CallerName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestATokensCallerIsItsSubjectOrItsClient(t *testing.T) {
	for _, c := range []struct {
		claims map[string]any
		want   string
	}{
		{map[string]any{"sub": "subject", "client_id": "app"}, "subject"},
		{map[string]any{"sub": "jane@example.com", "appid": "app"}, "app"},
		{map[string]any{"sub": 7, "cid": "app"}, "app"},
		{map[string]any{"principalId": "job", "sub": "subject"}, "job"},
		{nil, ""},
	} {
		if got := trigger.ClaimsName(c.claims, "principalId"); got != c.want {
			t.Errorf("%v: %q, want %q", c.claims, got, c.want)
		}
	}
}
