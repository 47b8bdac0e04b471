package file_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store/file"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestAFolderKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return folder(t, t.TempDir()) })
}

func folder(t *testing.T, dir string) *file.Store {
	t.Helper()
	s, err := file.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
