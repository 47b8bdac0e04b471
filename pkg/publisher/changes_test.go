package publisher_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/changes"
)

func TestChangesGoToLinesWhereThereIsNoBus(t *testing.T) {
	h := open(t)
	p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+t.TempDir(), "ROLLCALL_RECONCILE=24h")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Changes(t.Context(), changes.Input{}, nil, nil)
	wantError(t, err, "Config.Invalid", "names no bus")
	var out bytes.Buffer
	lines := func() changes.Bus { return bus.NewLines(&out) }
	for range 2 {
		if _, err := p.Changes(t.Context(), changes.Input{}, lines, nil); err != nil {
			t.Fatal(err)
		}
		if err := h.tenant.Delete(3); err == nil && out.Len() > 0 {
			t.Errorf("the first run published %s", out.String())
		}
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"type":"rollcall.user.deleted","subject":"`+h.tenant.ID(3)+`"`) {
		t.Errorf("%q", got)
	}
}
