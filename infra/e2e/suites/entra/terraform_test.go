package entra_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/terraform"
)

// make validate runs this one alone. The provider itself is beyond what a test run can
// build; foreign/terraform has it.
func TestTerraformFindsTheConfigurationRight(t *testing.T) {
	c, ok, err := terraform.Copy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Skip("neither terraform nor tofu is installed")
	}
	if out, err := c.Run(t.Context(), "fmt", "-check", "-recursive", "-diff"); err != nil {
		t.Errorf("terraform fmt -recursive infra/entra does it: %v\n%s", err, out)
	}
	if err := c.Stand(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"get"}, {"validate", "-no-color"}, {"test", "-no-color"}} {
		if out, err := c.Run(t.Context(), args...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}
