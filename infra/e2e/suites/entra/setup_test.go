package entra_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
)

func TestTryIt(t *testing.T) {
	s := signIn(t, "AzureCloud")
	out, err := s.run(t, harness.Path(t, "infra", "entra", "setup.sh"), "reader", "--credential", "federation",
		"--issuer", "https://0a1b.tokens.sts.global.api.aws", "--role-arn", "arn:aws:iam::123456789012:role/rollcall-UsersRole-1")
	t.Log(out, err)
	t.Log(s.shown.String())
	t.Logf("%+v", s.Apps())
}
