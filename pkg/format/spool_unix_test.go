//go:build unix

package format

import (
	"path/filepath"
	"testing"
)

func TestAKillWouldLeaveNoSpoolBehind(t *testing.T) {
	dir := t.TempDir()
	newSpool(t, dir)
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) > 0 {
		t.Errorf("an open spool has a name: %v %v", found, err)
	}
}
