package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// search runs the tests of a package as a whole run.
func search(t *testing.T, of string) (string, error) {
	t.Helper()
	t.Setenv(leak.Variable, "")
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	err := run(t.Context(), &out, []string{"-count=1", "./testdata/" + of})
	return out.String(), err
}

func TestALeakOfAProgramAndOneOfATestAreNamedAndNotShown(t *testing.T) {
	out, err := search(t, "leaky")
	if err == nil || !strings.Contains(err.Error(), "2 lines have credentials") {
		t.Errorf("it ends with %v", err)
	}
	for _, want := range []string{`a credential: leaky\.test-\d+-sh\.output:2: client secret`, `a credential: \S+go-test:\d+: seal key`, `ok .*leaky`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s is not in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "of-the-leaky-test") {
		t.Errorf("it shows what it has found:\n%s", out)
	}
}

func TestACleanRunLeavesNothingBehind(t *testing.T) {
	out, err := search(t, "clean")
	if err != nil || !strings.Contains(out, "leaks: none of 1 credentials of 1 kinds is in 2 outputs") {
		t.Errorf("it ends with %v:\n%s", err, out)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

func TestATestThatFailsAndOneThatDoesNotCompileAreShown(t *testing.T) {
	out, err := search(t, "nobody")
	if err == nil || !strings.Contains(out, "testdata/nobody") {
		t.Errorf("it ends with %v:\n%s", err, out)
	}
}
