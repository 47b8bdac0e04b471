package clean_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

func TestClean(t *testing.T) {
	leak.Name("client secret", "secret-of-the-clean-test")
	t.Log("nothing")
}
