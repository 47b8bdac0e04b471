package vault

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// VaultResource is what tokens for Key Vault are issued for.
const VaultResource = "https://vault.azure.net"

// KeyVault is a simulated vault of Azure that keeps secrets, of which it knows Get Secret, and
// keys, of which it knows Get Key, Get Key Versions and Sign.
type KeyVault struct {
	seed      uint64
	challenge string
	accepts   func(authorization, audience string) bool

	mu      sync.Mutex
	secrets map[string]*kept
	keys    map[string]*vaultKey
}

// kept is a secret with its versions, the current one last.
type kept struct {
	versions []keptVersion
	refusal  string
}

type keptVersion struct {
	id, text string
	ends     time.Time
	disabled bool
}

// NewKeyVault makes an empty vault of a tenant. accepts decides about the Authorization header of
// a request.
func NewKeyVault(seed uint64, tenant string, accepts func(authorization, audience string) bool) *KeyVault {
	return &KeyVault{
		seed: seed, accepts: accepts, secrets: map[string]*kept{}, keys: map[string]*vaultKey{},
		challenge: `Bearer authorization="https://login.microsoftonline.com/` + tenant + `", resource="` + VaultResource + `"`,
	}
}

// Set stores a secret's text as its current version, which ends at a time, never if that is
// zero, and returns the version.
func (k *KeyVault) Set(name, text string, ends time.Time) (version string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.secrets[name]
	if s == nil {
		s = &kept{}
		k.secrets[name] = s
	}
	n := uint64(len(k.secrets)*1000 + len(s.versions))
	version = strings.ReplaceAll(guid.Of(k.seed+6, n).String(), "-", "")
	s.versions, s.refusal = append(s.versions, keptVersion{version, text, ends, false}), ""
	return version
}

// Disable disables the current version of a secret.
func (k *KeyVault) Disable(name string) error {
	return k.change(name, func(s *kept) { s.versions[len(s.versions)-1].disabled = true })
}

// Refuse makes reads of a secret fail until it is set to a new value, by a code: that of an
// innererror (ForbiddenByRbac, ForbiddenByFirewall, AccessDenied), Throttled, or
// InternalServerError.
func (k *KeyVault) Refuse(name, code string) error {
	return k.change(name, func(s *kept) { s.refusal = code })
}

func (k *KeyVault) change(name string, do func(*kept)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.secrets[name]
	if s == nil {
		return fmt.Errorf("secret %q: there is no such secret", name)
	}
	do(s)
	return nil
}

// Serve answers requests below /secrets/ and /keys/.
func (k *KeyVault) Serve(x *wire.Exchange) {
	collection, rest, _ := strings.Cut(strings.Trim(x.R.URL.Path, "/"), "/")
	x.NoteKind(strings.TrimSuffix(collection, "s"))
	h := x.W.Header()
	h.Set("x-ms-request-id", x.RequestID)
	h.Set("x-ms-keyvault-service-version", "1.9.2800.1")
	h.Set("Cache-Control", "no-cache")
	name, version, _ := strings.Cut(rest, "/")
	switch authorization := x.R.Header.Get("Authorization"); {
	case authorization == "":
		h.Set("WWW-Authenticate", k.challenge)
		k.refuse(x, http.StatusUnauthorized, "Unauthorized", "", "AKV10000: Request is missing a Bearer or PoP token.")
	case !k.accepts(authorization, VaultResource):
		h.Set("WWW-Authenticate", k.challenge+`, error="invalid_token"`)
		k.refuse(x, http.StatusUnauthorized, "Unauthorized", "", "AKV10022: Invalid audience.")
	case x.R.URL.Query().Get("api-version") == "":
		k.refuse(x, http.StatusBadRequest, "BadParameter", "", "api-version must be specified")
	case collection == "keys":
		k.serveKey(x, name, version)
	case x.R.Method != http.MethodGet:
		k.refuse(x, http.StatusMethodNotAllowed, "MethodNotAllowed", "", "Of secrets the simulator serves Get Secret only.")
	default:
		k.get(x, name, version)
	}
}

func (k *KeyVault) get(x *wire.Exchange, name, version string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.secrets[name]
	if s == nil {
		k.refuse(x, http.StatusNotFound, "SecretNotFound", "", "A secret with (name/id) "+name+" was not found in this key vault.")
		return
	}
	if s.refusal != "" {
		k.refuseBy(x, s.refusal, "Secret: "+name)
		return
	}
	for i := len(s.versions) - 1; i >= 0; i-- {
		if v := s.versions[i]; version == "" || version == v.id {
			k.give(x, name, v)
			return
		}
	}
	k.refuse(x, http.StatusNotFound, "SecretNotFound", "", "A secret with (name/id) "+name+"/"+version+" was not found in this key vault.")
}

func (k *KeyVault) give(x *wire.Exchange, name string, v keptVersion) {
	if v.disabled {
		k.refuse(x, http.StatusForbidden, "Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret.")
		return
	}
	attributes := `{"enabled":true,"created":1767225600,"updated":1767225600,"recoveryLevel":"Recoverable+Purgeable","recoverableDays":90`
	if !v.ends.IsZero() {
		attributes += `,"exp":` + strconv.FormatInt(v.ends.Unix(), 10)
	}
	attributes += "}"
	x.Head(http.StatusOK, "application/json; charset=utf-8")
	x.Write([]byte(`{"value":` + wire.Quote(v.text) + `,"id":"https://` + x.R.Host + `/secrets/` + name + `/` + v.id + `","attributes":` + attributes + `,"tags":{}}`))
}

// refuseBy refuses a request by a code of [KeyVault.Refuse].
func (k *KeyVault) refuseBy(x *wire.Exchange, code, about string) {
	switch code {
	case "Throttled":
		x.W.Header().Set("Retry-After", "2")
		k.refuse(x, http.StatusTooManyRequests, "Throttled", "", "Request was not processed because too many requests were received.")
	case "InternalServerError":
		k.refuse(x, http.StatusInternalServerError, "InternalServerError", "", "Internal Server Error")
	default:
		k.refuse(x, http.StatusForbidden, "Forbidden", code, "Caller is not authorized to perform action on resource. "+about)
	}
}

// refuse answers in the form of "REST error codes" of Key Vault.
func (k *KeyVault) refuse(x *wire.Exchange, status int, code, inner, message string) {
	body := `{"error":{"code":` + wire.Quote(code) + `,"message":` + wire.Quote(message)
	if inner != "" {
		body += `,"innererror":{"code":` + wire.Quote(inner) + `}`
	}
	x.Head(status, "application/json; charset=utf-8")
	x.Write([]byte(body + `}}`))
}
