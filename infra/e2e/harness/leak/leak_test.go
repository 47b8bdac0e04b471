package leak_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// record makes a run of its own, in which a secret is planted.
func record(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	t.Setenv(leak.Variable, folder)
	return folder
}

// say writes an output as the harness does.
func say(text string) { leak.Say("a program", text) }

// search searches the run, and returns what was found, kinds only.
func search(t *testing.T, folder string) []string {
	t.Helper()
	planted := strings.Repeat("planted", 3)
	write(t, folder, "secrets", `{"kind":"planted","text":"`+planted+`"}`)
	write(t, folder, "outputs", planted)
	result, err := leak.Search(folder)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, f := range result.Findings {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

func write(t *testing.T, folder, below, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(folder, below), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, below, "planted"), []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

const secret = `zo~8/"canary"+of a\secret=&é`

func TestASecretIsFoundHoweverItIsWritten(t *testing.T) {
	quoted, _ := json.Marshal(secret)
	doubly, _ := json.Marshal(string(quoted))
	for name, text := range map[string]string{
		"as it is":            "it says " + secret + ", which it may not",
		"in a query":          "GET /?a=b&c=" + url.QueryEscape(strings.ReplaceAll(secret, " ", "_")) + "&d",
		"in a path":           "GET /" + url.PathEscape(secret) + "/",
		"in JSON":             `{"message":` + string(quoted) + `}`,
		"in JSON in JSON":     `{"message":` + string(doubly) + `}`,
		"escaped for HTML":    strings.ReplaceAll(`{"m":`+string(quoted)+`}`, "/", `\/`),
		"in a path in JSON":   `{"url":"` + url.PathEscape(string(quoted)) + `"}`,
		"in base64":           base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64, further":  base64.StdEncoding.EncodeToString([]byte("user:" + secret + "\n")),
		"in base64, furthest": base64.RawURLEncoding.EncodeToString([]byte("users:" + secret + "\n")),
		"in hexadecimal":      hex.EncodeToString([]byte("x" + secret)),
		"in the last line":    "one\ntwo\n" + secret,
	} {
		t.Run(name, func(t *testing.T) {
			folder := record(t)
			leak.Name("client secret", strings.ReplaceAll(secret, " ", map[bool]string{true: "_", false: " "}[name == "in a query"]))
			say("nothing of interest")
			say(text)
			if got := search(t, folder); len(got) != 1 || got[0] != "client secret" {
				t.Errorf("found %q", got)
			}
		})
	}
}

func TestWhatLooksLikeACredentialIsFoundAlthoughNobodyNamedIt(t *testing.T) {
	part := base64.RawURLEncoding.EncodeToString
	for kind, text := range map[string]string{
		"JSON Web Token":          "got " + part([]byte(`{"typ":"JWT","alg":"PS256"}`)) + "." + part([]byte(`{"aud":"x"}`)) + ".c2ln",
		"private key":             `"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxx"`,
		"client secret of Entra":  "abc8Q~" + strings.Repeat("x", 34),
		"page token of Graph":     "$skiptoken=RFNwdA" + strings.Repeat("AoAA", 8),
		"shared access signature": "https://a.blob.core.windows.net/c/b?sv=1&sig=" + strings.Repeat("a", 43) + "%3D",
	} {
		folder := record(t)
		leak.Name("another", "another secret")
		say(text)
		if got := search(t, folder); len(got) != 1 || got[0] != kind {
			t.Errorf("%s: found %q", kind, got)
		}
	}
	folder := record(t)
	leak.Name("another", "another secret")
	say("eyJhIjoxfQ.eyJhIjoxfQ.x has no algorithm, RFNwdA is short, and so is 12Q~short; -----BEGIN PRIVATE KEY----- is a word")
	if got := search(t, folder); got != nil {
		t.Errorf("found %q in harmless text", got)
	}
}

func TestWhatIsASecretIsKnownByItsName(t *testing.T) {
	t.Run("in JSON", func(t *testing.T) {
		folder := record(t)
		leak.Name("", `{"TenantID":"tenant-of-the-test","ClientSecret":"secret-one","KMSKeyID":"key-of-the-test","kept":[{"HookKey":"whsec_secret-two"}],"inner":{"SinkKeyNext":"secret-three"}}`)
		say("tenant-of-the-test key-of-the-test")
		if got := search(t, folder); got != nil {
			t.Errorf("found %q", got)
		}
		say("secret-one")
		say("secret-two")
		say("secret-three")
		if got := search(t, folder); len(got) != 3 {
			t.Errorf("found %q", got)
		}
	})
	t.Run("in an environment", func(t *testing.T) {
		folder := record(t)
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte("key-in-a-file\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		leak.Environ([]string{"AZURE_CLIENT_SECRET=secret-in-a-variable", "ROLLCALL_SEAL_KEY=file:" + file, "ROLLCALL_CREDENTIALS=secretsmanager:name-of-a-secret", "AWS_ACCESS_KEY_ID=id-of-a-key"})
		say("name-of-a-secret id-of-a-key")
		if got := search(t, folder); got != nil {
			t.Errorf("found %q", got)
		}
		say("secret-in-a-variable")
		say("key-in-a-file")
		if got := search(t, folder); len(got) != 2 {
			t.Errorf("found %q", got)
		}
	})
}

// TestAServerNamesWhatPassesIt asks a server as Rollcall asks the token service and Graph.
func TestAServerNamesWhatPassesIt(t *testing.T) {
	folder := record(t)
	server := httptest.NewServer(leak.Wire(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write([]byte(`{"access_token":"token-that-was-issued","read":` + string(rune('0'+len(body)%10)) + `}`))
	})))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/token?$skiptoken=token-of-a-page", strings.NewReader("client_secret=secret%2Dof-a-form&grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer token-of-a-request")
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	for _, text := range []string{"token-that-was-issued", "token-of-a-page", "secret-of-a-form", "token-of-a-request"} {
		say(text)
	}
	say("client_credentials")
	if got := search(t, folder); len(got) != 4 {
		t.Errorf("found %q", got)
	}
}

func TestRefusalsAreRecorded(t *testing.T) {
	folder := record(t)
	leak.Name("client secret", "secret-of-a-refusal")
	server := httptest.NewServer(leak.Refusals("server", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write([]byte("it is secret-of-a-refusal\n"))
		if r.URL.Path == "/broken" {
			_, _ = w.Write([]byte(`{"@rollcall.complete":false,"error":"secret-of-a-refusal"}`))
		}
	})))
	defer server.Close()
	for i, path := range []string{"/data", "/refused", "/broken"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		server.CloseClientConnections()
		if got := search(t, folder); len(got) != i {
			t.Errorf("after %s %d are found", path, len(got))
		}
	}
}

func TestASearchThatCouldFindNothingFails(t *testing.T) {
	t.Run("nothing was recorded", func(t *testing.T) {
		if _, err := leak.Search(record(t)); err == nil {
			t.Error("an empty run is said to be clean")
		}
	})
	t.Run("no secret was named", func(t *testing.T) {
		folder := record(t)
		write(t, folder, "secrets", `{"kind":"planted","text":"planted-alone"}`)
		write(t, folder, "outputs", "planted-alone")
		if _, err := leak.Search(folder); err == nil || !strings.Contains(err.Error(), "no secret was named") {
			t.Errorf("it ends with %v", err)
		}
	})
	t.Run("what was planted is in no output", func(t *testing.T) {
		folder := record(t)
		leak.Name("client secret", "secret-of-a-run")
		write(t, folder, "secrets", `{"kind":"planted","text":"planted-and-lost"}`)
		say("nothing")
		if _, err := leak.Search(folder); err == nil || !strings.Contains(err.Error(), "has shown nothing") {
			t.Errorf("it ends with %v", err)
		}
	})
}

func TestOutsideARunNothingIsRecorded(t *testing.T) {
	t.Setenv(leak.Variable, "")
	leak.Name("client secret", "secret-of-no-run")
	say("secret-of-no-run")
	if _, err := leak.Output("x").Write([]byte("secret-of-no-run")); err != nil {
		t.Error(err)
	}
}
