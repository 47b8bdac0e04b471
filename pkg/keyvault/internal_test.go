package keyvault

import (
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

type never struct{ *testing.T }

func (n never) RoundTrip(req *http.Request) (*http.Response, error) {
	n.Errorf("%s %s got through", req.Method, req.URL)
	return nil, http.ErrNotSupported
}

func TestNothingButWhatIsNeededGetsThroughToAVault(t *testing.T) {
	version := strings.Repeat("a", 32)
	key := &Key{named: secret.VaultObject{Name: "rollcall"}}
	for name, row := range map[string]struct {
		allows   func(method, path string) bool
		yes, not []string
	}{
		"a key": {
			key.allows,
			[]string{"GET /keys/rollcall/", "GET /keys/rollcall/" + version, "GET /keys/rollcall/versions", "POST /keys/rollcall/" + version + "/sign"},
			[]string{
				"POST /keys/rollcall/create", "POST /keys/rollcall/" + version + "/decrypt", "POST /keys/rollcall/" + version + "/release", "POST /keys/rollcall//sign", "POST /keys/rollcall/rotate",
				"DELETE /keys/rollcall", "DELETE /keys/rollcall/", "PATCH /keys/rollcall/" + version, "PUT /keys/rollcall/", "GET /keys/", "GET /keys/rollcall2/", "GET /keys/other/" + version,
				"POST /keys/other/" + version + "/sign", "GET /keys/rollcall/" + version + "/attestation", "GET /secrets/rollcall/", "GET /deletedkeys/rollcall", "GET //keys/rollcall/", "POST /keys/rollcall/" + version + "/sign/",
			},
		},
		"secrets": {
			allowsSecrets,
			[]string{"GET /secrets/entra/", "GET /secrets/entra/" + version},
			[]string{"PUT /secrets/entra", "DELETE /secrets/entra", "POST /secrets/entra/backup", "GET /keys/rollcall/", "GET /deletedsecrets/entra", "POST /secrets/restore", "GET /secrets", "GET /secrets/"},
		},
	} {
		for _, request := range row.yes {
			if method, path, _ := strings.Cut(request, " "); !row.allows(method, path) {
				t.Errorf("%s: %s is refused", name, request)
			}
		}
		named, err := parseKey("https://people.vault.azure.net/keys/rollcall")
		if err != nil {
			t.Fatal(err)
		}
		door := newDoor(named.At, row.allows, "https://vault.azure.net", never{t})
		for _, request := range row.not {
			method, path, _ := strings.Cut(request, " ")
			req, err := http.NewRequestWithContext(t.Context(), method, "https://people.vault.azure.net"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := policy.Transporter(door).Do(req); err == nil {
				_ = resp.Body.Close()
				t.Errorf("%s: %s is allowed", name, request)
			}
		}
	}
}
