package functionshost_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
)

func quoted(text string) string {
	q, _ := json.Marshal(text)
	return string(q)
}

// ask makes a request and returns the response with its whole body.
func ask(t testing.TB, method, url, body string, head ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(head); i += 2 {
		request.Header.Add(head[i], head[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestThreeModesReachTheHandler(t *testing.T) {
	for name, test := range map[string]struct {
		setting, want string
	}{
		"in an envelope": {"", "POST /users\n"},
		"forwarded":      {"AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest=true", "GET /api/users?a=1%2C2\n"},
		"proxied":        {"AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest=true", "GET /api/users?a=1&a=2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			host := start(t, files{"host.json": hostJSON, "users/function.json": httpFunction}, "replies", func(cfg *functionshost.Config) {
				if test.setting != "" {
					cfg.Env = append(cfg.Env, test.setting)
				}
			})
			response, body := ask(t, http.MethodGet, host.URL+"/api/users?a=1&a=2", "")
			if response.StatusCode != http.StatusOK || !strings.HasPrefix(body, test.want) {
				t.Errorf("%s %s", response.Status, body)
			}
			t.Log(body)
		})
	}
}
