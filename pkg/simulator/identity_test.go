package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	vouched  = "http://169.254.129.2:8081/msi/token?api-version=2019-08-01&resource=https://graph.microsoft.com"
	metadata = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com/"
)

// vouch asks an endpoint of managed identities.
func vouch(t *testing.T, tenant *simulator.Tenant, address string, header ...[2]string) (int, map[string]any) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	for _, one := range header {
		req.Header.Set(one[0], one[1])
	}
	resp, err := tenant.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	var body map[string]any
	if err != nil || json.Unmarshal(text, &body) != nil {
		t.Fatalf("%d %q, %v", resp.StatusCode, text, err)
	}
	return resp.StatusCode, body
}

func TestAManagedIdentityIsRefusedInTheWordsOfItsEndpoint(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	for name, row := range map[string]struct {
		address string
		header  [][2]string
		status  int
		want    string
	}{
		"no header":             {vouched, nil, 401, "statusCode"},
		"another header":        {vouched, [][2]string{{"X-IDENTITY-HEADER", "x"}}, 401, "statusCode"},
		"another version":       {strings.Replace(vouched, "2019-08-01", "2017-09-01", 1), [][2]string{{"X-IDENTITY-HEADER", simulator.IdentityHeader}}, 400, "statusCode"},
		"another identity":      {vouched + "&client_id=" + simulator.DefaultClientID, [][2]string{{"X-IDENTITY-HEADER", simulator.IdentityHeader}}, 400, "message"},
		"metadata, no header":   {metadata, nil, 400, "error_description"},
		"metadata, an identity": {metadata + "&client_id=" + simulator.DefaultClientID, [][2]string{{"Metadata", "true"}}, 400, "error_description"},
		"metadata, a resource":  {strings.Replace(metadata, "graph.microsoft.com", "graph.example", 1), [][2]string{{"Metadata", "true"}}, 400, "error_description"},
	} {
		if status, body := vouch(t, tenant, row.address, row.header...); status != row.status || body[row.want] == nil || body["access_token"] != nil {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
}

func TestThePlatformGivesTheSameTokenForAlmostADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{})
		var tokens []any
		for _, wait := range []time.Duration{0, 23 * time.Hour, time.Hour} {
			time.Sleep(wait)
			status, body := vouch(t, tenant, metadata, [2]string{"Metadata", "true"})
			if status != http.StatusOK {
				t.Fatalf("%d %v", status, body)
			}
			tokens = append(tokens, body["access_token"])
		}
		if tokens[0] != tokens[1] || tokens[1] == tokens[2] {
			t.Error("want the same token for 23 hours, and another one a day later")
		}
	})
}

func TestGraphTakesTheTokenOfAManagedIdentityWithTheRolesThatItHas(t *testing.T) {
	for role, want := range map[string]int{"User.Read.All": http.StatusOK, "AuditLog.Read.All": http.StatusForbidden} {
		tenant := simulator.New(simulator.Config{Users: 3, Identities: []simulator.Identity{{ClientID: simulator.DefaultIdentity, SystemAssigned: true, Roles: []string{role}}}})
		_, body := vouch(t, tenant, vouched, [2]string{"X-IDENTITY-HEADER", simulator.IdentityHeader})
		token, _ := body["access_token"].(string)
		if status, answer := vouch(t, tenant, "https://graph.microsoft.com/v1.0/users", [2]string{"Authorization", "Bearer " + token}); status != want {
			t.Errorf("%s: %d %v", role, status, answer)
		}
	}
}

func TestAloneTheEndpointAnswersForNothingElse(t *testing.T) {
	server := httptest.NewServer(simulator.New(simulator.Config{}).IdentityHandler())
	defer server.Close()
	got := map[string]int{}
	for _, path := range []string{simulator.IdentityPath, "/v1.0/users", "/metadata/identity/oauth2/token"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		got[path] = resp.StatusCode
	}
	if diff := cmp.Diff(map[string]int{simulator.IdentityPath: 401, "/v1.0/users": 404, "/metadata/identity/oauth2/token": 404}, got); diff != "" {
		t.Error(diff)
	}
}
