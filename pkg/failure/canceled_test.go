package failure_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

func TestACallerWhoWentAwayIsNoDefectOfOurs(t *testing.T) {
	f := failure.Of(fmt.Errorf("list users: %w", context.Canceled))
	if f.Name != failure.Unavailable || f.Status != http.StatusServiceUnavailable {
		t.Errorf("%s %d", f.Name, f.Status)
	}
}
