package reader_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const sealKey = "a seal key of more than thirty-two bytes"

// deployed is a tenant whose secrets are in its simulated Secrets Manager.
func deployed() *simulator.Tenant {
	tenant := simulator.New(simulator.Config{Users: 30})
	tenant.SetSecret("entra", identity(simulator.DefaultClientSecret))
	tenant.SetSecret("seal", sealKey+"\n")
	return tenant
}

func identity(clientSecret string) string {
	return `{"TenantID":"` + simulator.DefaultTenant + `","ClientID":"` + simulator.DefaultClientID + `","ClientSecret":"` + clientSecret + `"}`
}

func rotate(tenant *simulator.Tenant) {
	tenant.RotateSecret("new8Q~rotated")
	tenant.SetSecret("entra", identity("new8Q~rotated"))
}

// coldStart is a new process that reads the tenant.
func coldStart(t *testing.T, tenant *simulator.Tenant, environ ...string) *reader.Reader {
	t.Helper()
	cfg, err := config.Read(append([]string{"ROLLCALL_CREDENTIALS=secretsmanager:entra"}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	transport := tenant.Transport()
	r, err := reader.New(cfg, slog.New(slog.DiscardHandler), reader.WithTransport(transport), reader.WithAWS(func(context.Context, string) (aws.Config, error) {
		return aws.Config{
			Region: "eu-west-1", HTTPClient: &http.Client{Transport: transport},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// get asks the API of a process for a page, and returns the status and the link
// to the next page.
func get(t *testing.T, r *reader.Reader, url string) (status int, next string) {
	t.Helper()
	handler, err := api.New(api.Config{Directory: r.Graph, Request: r.Request, Key: r.SealKey})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody))
	var page struct {
		Next string `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	return w.Code, page.Next
}

const firstPage = "https://api.example/users?$top=5"

func TestALinkOutlivesARotatedClientSecretWithASealKeyOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := deployed()
		warm := coldStart(t, tenant, "ROLLCALL_SEAL_KEY=secretsmanager:seal")
		_, second := get(t, warm, firstPage)
		rotate(tenant)
		status, third := get(t, warm, second)
		if status != http.StatusOK || third == "" {
			t.Fatalf("in a warm process: %d", status)
		}
		if status, _ := get(t, coldStart(t, tenant, "ROLLCALL_SEAL_KEY=secretsmanager:seal"), third); status != http.StatusOK {
			t.Errorf("in a new process: %d", status)
		}
	})
}

func TestALinkWithoutASealKeyEndsWithItsClientSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := deployed()
		_, second := get(t, coldStart(t, tenant), firstPage)
		status, third := get(t, coldStart(t, tenant), second)
		if status != http.StatusOK || third == "" {
			t.Fatalf("in another process with the same client secret: %d", status)
		}
		rotate(tenant)
		if status, _ := get(t, coldStart(t, tenant), third); status != http.StatusBadRequest {
			t.Errorf("after the client secret was rotated: %d", status)
		}
	})
}

func TestASealKeyIsTheSameForTheSameSecretOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := deployed()
		path := filepath.Join(t.TempDir(), "seal")
		if err := os.WriteFile(path, []byte(sealKey), 0o600); err != nil {
			t.Fatal(err)
		}
		key := func(environ ...string) []byte {
			t.Helper()
			key, err := coldStart(t, tenant, environ...).SealKey(t.Context())
			if err != nil || len(key) != 32 || bytes.Contains([]byte(sealKey), key) {
				t.Fatalf("%d bytes, %v", len(key), err)
			}
			return key
		}
		own, derived := key("ROLLCALL_SEAL_KEY=secretsmanager:seal"), key()
		if !bytes.Equal(own, key("ROLLCALL_SEAL_KEY=file:"+path)) {
			t.Error("the same text in a file is another key")
		}
		if bytes.Equal(own, derived) || !bytes.Equal(derived, key()) {
			t.Error("the key that is derived from the client secret is not one")
		}
		rotate(tenant)
		if bytes.Equal(derived, key()) || !bytes.Equal(own, key("ROLLCALL_SEAL_KEY=secretsmanager:seal")) {
			t.Error("a rotated client secret changes the wrong key")
		}
	})
}

func TestASealKeyIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := deployed()
		r := coldStart(t, tenant, "ROLLCALL_SEAL_KEY=secretsmanager:seal")
		before, err := r.SealKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := tenant.RefuseSecret("seal", "AccessDeniedException"); err != nil {
			t.Fatal(err)
		}
		if after, err := r.SealKey(t.Context()); err != nil || !bytes.Equal(before, after) {
			t.Errorf("it is read again: %v", err)
		}
	})
}

func TestASealKeyThatIsTooShortIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := deployed()
		for _, text := range []string{"", " \n", strings.Repeat("k", 31), "  " + strings.Repeat("k", 31) + "\r\n"} {
			tenant.SetSecret("seal", text)
			key, err := coldStart(t, tenant, "ROLLCALL_SEAL_KEY=secretsmanager:seal").SealKey(t.Context())
			var invalid *config.Error
			if !errors.As(err, &invalid) || invalid.Problems[0].Variable != "ROLLCALL_SEAL_KEY" || key != nil {
				t.Fatalf("%d bytes: %v", len(text), err)
			}
			if got := err.Error(); strings.Contains(got, "kkk") || !strings.Contains(got, "at least 32 bytes") {
				t.Error(got)
			}
		}
	})
}

func TestASealKeyThatCannotBeReadIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := coldStart(t, deployed(), "ROLLCALL_SEAL_KEY=secretsmanager:lost")
		status, next := get(t, r, firstPage)
		if status != http.StatusInternalServerError || next != "" {
			t.Errorf("%d, %s", status, next)
		}
		_, err := r.SealKey(t.Context())
		var named interface{ Name() string }
		if !errors.As(err, &named) || named.Name() != "Credentials.Missing" || !strings.Contains(err.Error(), "ROLLCALL_SEAL_KEY") {
			t.Errorf("%v", err)
		}
	})
}
