package credential

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func fileCredential(t *testing.T, path string) *Credential {
	t.Helper()
	source, err := ParseSource("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAFileKeepsAnIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.json")
	text := `{"TenantID":"` + testTenant + `","ClientID":"` + testClient + `","ClientSecret":"` + canary + `"}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := fileCredential(t, path).Identity(t.Context())
	if err != nil || id.ClientSecret.Reveal() != canary || id.TenantID != testTenant {
		t.Errorf("identity %v, %v", id, err)
	}
}

func TestAFileThatCannotBeUsedIsNamed(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxSecret+1), 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Kind{filepath.Join(dir, "absent"): Missing, dir: Malformed, large: Malformed, garbage: Malformed} {
		_, err := fileCredential(t, path).Identity(t.Context())
		got := wantError(t, err, want, "Credentials.Missing")
		mustContain(t, got.Error(), "file:"+path)
		mustNotContain(t, got.Error(), canary)
		if errors.Is(err, fs.ErrNotExist) != (want == Missing) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestEveryMissingVariableIsNamed(t *testing.T) {
	p := newPlace("")
	p.put("AZURE_CLIENT_ID", " ")
	_, err := newCredential(t, p, nil).Identity(t.Context())
	got := wantError(t, err, Missing, "Credentials.Missing")
	mustContain(t, got.Error(), "AZURE_CLIENT_ID, AZURE_CLIENT_SECRET")
	mustNotContain(t, got.Problem, "AZURE_TENANT_ID")

	p.put("AZURE_CLIENT_CERTIFICATE_PATH", "/x.pem")
	_, err = newCredential(t, p, nil).Identity(t.Context())
	mustContain(t, wantError(t, err, Missing, "Credentials.Missing").Error(), "AZURE_CLIENT_CERTIFICATE_PATH is set")
}
