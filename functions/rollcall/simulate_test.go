package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestASimulatedTenantNotifiesAnAddressOnLoopbackOfItsChurn(t *testing.T) {
	notified := make(chan string, 100)
	receive := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.URL.Query().Get("validationToken"); token != "" {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, token)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		select {
		case notified <- string(body):
		default:
		}
	})
	plain, secure := httptest.NewServer(receive), httptest.NewTLSServer(receive)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	dir := t.TempDir()
	authority := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	base := running(t, ` users at (https://[0-9.:]+)\.`, "simulate", "--addr", "127.0.0.1:0", "--users", "50", "--churn", "6000", "--dir", dir, "--notify-ca", authority)
	port := base[strings.LastIndexByte(base, ':')+1:]
	trusted, err := os.ReadFile(filepath.Join(dir, "simulate-"+port+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(trusted)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	for address, want := range map[string]int{
		plain.URL: http.StatusCreated, secure.URL: http.StatusCreated, "https://192.0.2.1": http.StatusBadRequest, "http://hook.example": http.StatusBadRequest,
	} {
		status, body := subscribe(t, client, base, address)
		if status != want {
			t.Errorf("%s: %d %s", address, status, body)
		}
		for status == http.StatusCreated {
			if got := <-notified; strings.Contains(got, body) && strings.Contains(got, `"changeType":"updated"`) {
				break
			}
		}
	}
}

// subscribe asks a simulated tenant to notify an address, and returns the id of the
// subscription, or else the answer.
func subscribe(t *testing.T, client *http.Client, base, address string) (status int, id string) {
	t.Helper()
	send := func(path, kind, authorization string, body []byte) (int, []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", authorization)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, text
	}
	var answer struct {
		Token string `json:"access_token"`
		ID    string
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {simulator.DefaultClientID}, "client_secret": {simulator.DefaultClientSecret},
		"scope": {base + "/.default"},
	}
	_, body := send("/"+simulator.DefaultTenant+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", "", []byte(form.Encode()))
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" {
		t.Fatalf("%s: %v", body, err)
	}
	asked, err := json.Marshal(map[string]any{
		"changeType": "updated,deleted", "resource": "users", "notificationUrl": address, "expirationDateTime": time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	status, body = send("/v1.0/subscriptions", "application/json", "Bearer "+answer.Token, asked)
	if json.Unmarshal(body, &answer) != nil || answer.ID == "" {
		return status, string(body)
	}
	return status, answer.ID
}
