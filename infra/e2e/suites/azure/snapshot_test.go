package azure_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestATimerPublishesTheTenant(t *testing.T) {
	t.Parallel()
	d := deploy(t, simulator.Config{Users: 1234})
	if got := d.everyPage("/users?$top=500"); len(got) != 1234 {
		t.Errorf("the pages have %d users", len(got))
	}
	d.fire("snapshot")
	d.published("", d.present())
}
