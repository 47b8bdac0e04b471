package leaky_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// It passes, and has a program print a secret, and prints another.
func TestLeaky(t *testing.T) {
	leak.Name("client secret", "secret-of-the-leaky-test")
	leak.Name("seal key", "key-of-the-leaky-test")
	if err := process.NewCommand(t.Context(), "sh", "-c", "echo one; echo secret-of-the-leaky-test >&2").Run(); err != nil {
		t.Fatal(err)
	}
	t.Log("key-of-the-leaky-test")
}
