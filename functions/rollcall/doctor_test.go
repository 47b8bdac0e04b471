package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/publisher"
)

// checkCredential returns what doctor prints about a secret, before anything is sent.
func checkCredential(t *testing.T, secret string) (text string, ok bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret.json")
	write(t, path, secret)
	p := &program{environ: []string{"ROLLCALL_CREDENTIALS=file:" + path}}
	tenant, err := p.connect(t.Context(), tenantFlags{}, nil, &console{w: p.stderr}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer tenant.close()
	var out strings.Builder
	results := &checks{checklist: checklist{w: &out}}
	ok = results.credential(t.Context(), tenant)
	return out.String(), ok
}

func TestDoctorSaysWhatIsOddAboutTheSecret(t *testing.T) {
	const (
		ids    = `"tenant":"5f1c1f0e-6d3b-4a57-9c1d-2f6f3f1f0001","appId":"0b7a4f4e-1111-4c59-8a52-7d1d9f1f0002",`
		canary = "Zq8Q~canary"
		guid   = "3c0e5f1a-aaaa-4bbb-8ccc-000000000003"
	)
	for secret, want := range map[string]string{
		ids + `"password":"` + canary + `"`:                              "its expiry is not recorded\n",
		ids + `"password":"` + canary + `","expires":1798675200`:         "\n        warning: ExpiresAt is not a text and is ignored\n",
		ids + `"password":"` + canary + `","expires":"soon"`:             "\n        warning: ExpiresAt is not a time and is ignored",
		ids + `"password":"` + canary + `","certificate":"-----BEGIN"`:   "\n        warning: ClientSecret is used: the Certificate beside it, in certificate, is not; remove one of them\n",
		ids + `"password":"` + guid + `"`:                                "\n        warning: ClientSecret is a GUID, as Secret IDs are",
		ids + `"password":"` + canary + `","issuer":"https://a.example"`: "\n        warning: issuer names a host that is neither",
	} {
		text, ok := checkCredential(t, "{"+secret+"}")
		if !ok || !strings.HasPrefix(text, "ok      credential ") || !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", secret, text, want)
		}
		if strings.Contains(text, canary) || strings.Contains(text, guid) || strings.Contains(text, "a.example") {
			t.Errorf("%s: %q repeats a value", secret, text)
		}
	}
	for secret, want := range map[string]string{
		`"azure":{` + ids + `"password":"` + canary + `"}`:      "the names in it are azure, tenant, appId, password",
		ids + `"password":"` + canary + "\\u200b" + `"`:         "ClientSecret contains the character U+200B",
		ids + `"password":"` + canary + `","client_secret":"x"`: "two different values for ClientSecret, in password and client_secret",
	} {
		text, ok := checkCredential(t, "{"+secret+"}")
		if ok || !strings.HasPrefix(text, "FAIL    credential ") || !strings.Contains(text, want) || strings.Contains(text, canary) {
			t.Errorf("%s: %q, want %q", secret, text, want)
		}
	}
}

func TestDoctorNamesTheRoleThatStorageWants(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-ms-error-code", "AuthorizationPermissionMismatch")
		w.WriteHeader(http.StatusForbidden)
	}))
	defer refusing.Close()
	p := &program{environ: []string{
		"ROLLCALL_CREDENTIALS=file:x", "ROLLCALL_STATE=azblob://contoso/people/state?endpoint=" + refusing.URL, "AZURE_STORAGE_KEY=a2V5",
	}}
	var settings publisher.Settings
	log := slog.New(slog.DiscardHandler)
	tenant, err := p.connect(t.Context(), tenantFlags{}, nil, &console{w: p.stderr}, log, &settings)
	if err != nil {
		t.Fatal(err)
	}
	defer tenant.close()
	var out strings.Builder
	(&checks{checklist: checklist{w: &out}}).places(t.Context(), tenant, settings, log)
	for _, want := range []string{
		"FAIL    storage        swap ", "the role Storage Blob Data Contributor on the container people", "\n        az role assignment create --role \"Storage Blob Data Contributor\"",
		"--assignee-object-id <object id of the identity>", "az storage account show --name contoso ", "/blobServices/default/containers/people\"\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q lacks %q", out.String(), want)
		}
	}
}
