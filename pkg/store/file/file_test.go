package file_test

import (
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
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

// writing is an upload that waits for its end.
type writing struct{ upload store.Upload }

func write(t *testing.T, s *file.Store, key, body string) writing {
	t.Helper()
	u, err := s.Create(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	return writing{u}
}

func (w writing) commit(t *testing.T) {
	t.Helper()
	if err := w.upload.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderSaysWhatItHolds(t *testing.T) {
	storetest.RunFolders(t, folder(t, t.TempDir()))
}

func TestAFolderIsNamedByItsWholePath(t *testing.T) {
	s := folder(t, "relative folder")
	got := s.URL("runs/run=1/part")
	if !strings.HasPrefix(got, "file:///") || !strings.HasSuffix(got, "/relative%20folder/runs/run=1/part") {
		t.Error(got)
	}
	if _, err := file.New(""); err == nil {
		t.Error("a folder without a name was taken")
	}
}
