package secret_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

func TestAFileKeepsASecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := newReader(t, "file:"+path, nil).Read(t.Context())
	if err != nil || string(text) != canary+"\n" {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestAFileThatCannotBeUsedIsNamed(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, 64<<10+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]secret.Kind{filepath.Join(dir, "absent"): secret.Missing, dir: secret.Malformed, large: secret.Malformed} {
		_, err := newReader(t, "file:"+path, nil).Read(t.Context())
		got := wantError(t, err, want, "Credentials.Missing")
		mustContain(t, got.Error(), "file:"+path)
		if errors.Is(err, fs.ErrNotExist) != (want == secret.Missing) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOnlyFilesAndSecretsManagerKeepTexts(t *testing.T) {
	for _, source := range []secret.Source{{}, {Scheme: secret.Environment}, {Scheme: secret.ManagedIdentity}} {
		var e *secret.SourceError
		if _, err := secret.NewReader(source, secret.Access{}); !errors.As(err, &e) || e.Name() != "Config.Invalid" {
			t.Errorf("%q: %v", source, err)
		}
	}
}
