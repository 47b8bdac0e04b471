package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// vaultKey is a key with its versions, the newest last.
type vaultKey struct {
	versions []*keyVersion
	refusal  string
	deleted  bool
}

type keyVersion struct {
	id, kind string
	signer   crypto.Signer
	made     time.Time
	KeyState
}

// KeyState is what a vault says of a version of a key.
type KeyState struct {
	Disabled           bool
	NotBefore, Expires time.Time // zero for none
	// Operations are what it may be used for, sign and verify if there are none.
	Operations []string
}

// AddKey makes a version of a key, RSA, RSA-HSM (both of 2,048 bits) or EC, and returns it.
func (k *KeyVault) AddKey(name, kind string) (version string, err error) {
	signer, err := newSigner(kind == "EC")
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[name]
	if key == nil {
		key = &vaultKey{}
		k.keys[name] = key
	}
	n := uint64(len(k.keys)*1000 + len(key.versions))
	version = strings.ReplaceAll(guid.Of(k.seed+7, n).String(), "-", "")
	made := time.Now().Truncate(time.Second)
	if last := len(key.versions) - 1; last >= 0 && !made.After(key.versions[last].made) {
		made = key.versions[last].made.Add(time.Second)
	}
	key.versions, key.deleted = append(key.versions, &keyVersion{id: version, kind: kind, signer: signer, made: made}), false
	return version, nil
}

// ChangeKey changes the state of a version of a key, "" for the newest.
func (k *KeyVault) ChangeKey(name, version string, to KeyState) error {
	return k.changeKey(name, func(key *vaultKey) error {
		v := key.version(version)
		if v == nil {
			return fmt.Errorf("key %q: there is no such version", name)
		}
		v.KeyState = to
		return nil
	})
}

// DeleteKey deletes a key softly: its name stays taken.
func (k *KeyVault) DeleteKey(name string) error {
	return k.changeKey(name, func(key *vaultKey) error { key.deleted = true; return nil })
}

// RefuseKey makes requests about a key fail by a code like those of [KeyVault.Refuse]; ""
// ends that.
func (k *KeyVault) RefuseKey(name, code string) error {
	return k.changeKey(name, func(key *vaultKey) error { key.refusal = code; return nil })
}

func (k *KeyVault) changeKey(name string, do func(*vaultKey) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[name]
	if key == nil {
		return fmt.Errorf("key %q: there is no such key", name)
	}
	return do(key)
}

// version finds a version, the newest for "", nil for none.
func (k *vaultKey) version(id string) *keyVersion {
	i := slices.IndexFunc(k.versions, func(v *keyVersion) bool { return v.id == id })
	switch {
	case id == "":
		return k.versions[len(k.versions)-1]
	case i < 0:
		return nil
	}
	return k.versions[i]
}

// serveKey answers GET /keys/<name>[/<version>], GET /keys/<name>/versions and
// POST /keys/<name>/<version>/sign.
func (k *KeyVault) serveKey(x *wire.Exchange, name, rest string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	version, operation, _ := strings.Cut(rest, "/")
	key := k.keys[name]
	if key == nil || key.deleted {
		k.refuse(x, http.StatusNotFound, "KeyNotFound", "", "A key with (name/id) "+name+" was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command.")
		return
	}
	if key.refusal != "" {
		k.refuseBy(x, key.refusal, "Key: "+name)
		return
	}
	at := "https://" + x.R.Host + "/keys/" + name + "/"
	listed := x.R.Method == http.MethodGet && rest == "versions"
	var v *keyVersion
	if !listed {
		if v = key.version(version); v == nil {
			k.refuse(x, http.StatusNotFound, "KeyNotFound", "", "A key with (name/id) "+name+"/"+version+" was not found in this key vault.")
			return
		}
	}
	switch {
	case listed:
		k.list(x, at, key.versions)
	case x.R.Method == http.MethodGet && operation == "":
		answer(x, map[string]any{"key": v.jwk(at), "attributes": v.attributes(), "tags": map[string]string{}})
	case x.R.Method == http.MethodPost && operation == "sign":
		k.sign(x, at, v)
	default:
		k.refuse(x, http.StatusMethodNotAllowed, "MethodNotAllowed", "", "Of keys the simulator serves Get Key, Get Key Versions and Sign only.")
	}
}

// list answers two versions a page, the older first, as nothing is said about their order.
func (k *KeyVault) list(x *wire.Exchange, at string, versions []*keyVersion) {
	const page = 2
	from, _ := strconv.Atoi(x.R.URL.Query().Get("$skiptoken"))
	var items []map[string]any
	rest := versions[min(max(from, 0), len(versions)):]
	for _, v := range rest[:min(page, len(rest))] {
		items = append(items, map[string]any{"kid": at + v.id, "attributes": v.attributes()})
	}
	var next any
	if len(rest) > page {
		next = at + "versions?api-version=" + x.R.URL.Query().Get("api-version") + "&$skiptoken=" + strconv.Itoa(from+page)
	}
	answer(x, map[string]any{"value": items, "nextLink": next})
}

func (k *KeyVault) sign(x *wire.Exchange, at string, v *keyVersion) {
	body, err := io.ReadAll(io.LimitReader(x.R.Body, 1<<20))
	var in struct{ Alg, Value string }
	if err != nil || json.Unmarshal(body, &in) != nil {
		k.refuse(x, http.StatusBadRequest, "BadParameter", "", "The request body is not valid.")
		return
	}
	digest, err := base64.RawURLEncoding.DecodeString(in.Value)
	_, isRSA := v.signer.(*rsa.PrivateKey)
	var by crypto.SignerOpts = crypto.SHA256
	if in.Alg == "PS256" {
		by = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	}
	now := time.Now()
	switch {
	case v.Disabled:
		k.refuse(x, http.StatusForbidden, "Forbidden", "KeyDisabled", "Operation sign is not allowed on a disabled key.")
	case now.Before(v.NotBefore):
		k.refuse(x, http.StatusForbidden, "Forbidden", "KeyNotYetValid", "Operation sign is not allowed on a key that is not yet valid.")
	case !v.Expires.IsZero() && now.After(v.Expires):
		k.refuse(x, http.StatusForbidden, "Forbidden", "KeyExpired", "Operation sign is not allowed on an expired key.")
	case len(v.Operations) > 0 && !slices.Contains(v.Operations, "sign"):
		k.refuse(x, http.StatusForbidden, "Forbidden", "KeyOperationForbidden", "Operation sign is not permitted on this key.")
	case err != nil || len(digest) != sha256.Size:
		k.refuse(x, http.StatusBadRequest, "BadParameter", "", "Property value is not a digest of SHA-256.")
	case isRSA != (in.Alg == "PS256" || in.Alg == "RS256"):
		k.refuse(x, http.StatusBadRequest, "BadParameter", "", "Key and signing algorithm are incompatible.")
	default:
		signature, err := v.signer.Sign(rand.Reader, digest, by)
		if err != nil {
			k.refuse(x, http.StatusInternalServerError, "InternalServerError", "", "Internal Server Error")
			return
		}
		answer(x, map[string]any{"kid": at + v.id, "value": base64.RawURLEncoding.EncodeToString(signature)})
	}
}

// jwk is the public key as JSON Web Key.
func (v *keyVersion) jwk(at string) map[string]any {
	operations := v.Operations
	if len(operations) == 0 {
		operations = []string{"sign", "verify"}
	}
	jwk := map[string]any{"kid": at + v.id, "kty": v.kind, "key_ops": operations}
	encode := base64.RawURLEncoding.EncodeToString
	switch public := v.signer.Public().(type) {
	case *rsa.PublicKey:
		e := binary.BigEndian.AppendUint32(nil, uint32(public.E))
		jwk["n"], jwk["e"] = encode(public.N.Bytes()), encode(e[1:])
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err == nil {
			jwk["crv"], jwk["x"], jwk["y"] = "P-256", encode(point[1:33]), encode(point[33:])
		}
	}
	return jwk
}

func (v *keyVersion) attributes() map[string]any {
	a := map[string]any{"enabled": !v.Disabled, "created": v.made.Unix(), "updated": v.made.Unix(), "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90, "exportable": false}
	for name, at := range map[string]time.Time{"nbf": v.NotBefore, "exp": v.Expires} {
		if !at.IsZero() {
			a[name] = at.Unix()
		}
	}
	return a
}

func answer(x *wire.Exchange, value map[string]any) {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte("{}") // of texts, numbers and the like there is none
	}
	x.Head(http.StatusOK, "application/json; charset=utf-8")
	x.Write(text)
}
