package version_test

import (
	"runtime/debug"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/version"
)

func TestTheVersionIsTheOneOfTheBuild(t *testing.T) {
	for stamped, want := range map[string]string{"v1.2.3": "v1.2.3", "": version.Development, "(devel)": version.Development, "v0.0.0-20261128155634-2e259f4f5a6b+dirty": "v0.0.0-20261128155634-2e259f4f5a6b+dirty"} {
		if got := version.Of(&debug.BuildInfo{Main: debug.Module{Version: stamped}}); got != want {
			t.Errorf("%q is %q, want %q", stamped, got, want)
		}
	}
	if version.String() == "" {
		t.Error("this test has no version")
	}
}
