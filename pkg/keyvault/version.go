package keyvault

import (
	"cmp"
	"context"
	"crypto/rsa"
	"math"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	// minBytes and maxBytes bound a modulus, and so a signature: 2,048 bits are the fewest
	// that Entra ID takes, and 4,096 the most that Key Vault makes.
	minBytes, maxBytes = 256, 512
	// maxVersions is how many versions are compared with a certificate, the newest first.
	maxVersions = 32
	// maxPages is how many pages of versions are read.
	maxPages = 8
)

// find returns the version that signs. Without one in the URL it is the newest, or the one
// that the certificate was made of: a key whose rotation is automatic goes on signing as
// what the app registration knows it by.
func (k *Key) find(ctx context.Context) (string, error) {
	k.mu.Lock()
	version := k.version
	k.mu.Unlock()
	if version != "" {
		return version, nil
	}
	newest, err := k.get(ctx, "")
	if err != nil {
		return "", err
	}
	if version = k.versionOf(newest.Key); version == "" {
		return "", k.unreadable()
	}
	if k.of != nil && !k.of.Equal(publicOf(newest.Key)) {
		if version, err = k.older(ctx, version); err != nil {
			return "", err
		}
	}
	if version == "" {
		return "", k.mismatch(newest)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version = version
	return version, nil
}

// older returns the version with the public key that is wanted, "" for none.
func (k *Key) older(ctx context.Context, newest string) (string, error) {
	versions, err := k.versions(ctx)
	if err != nil {
		return "", err
	}
	for _, version := range versions[:min(len(versions), maxVersions)] {
		if version == newest {
			continue
		}
		found, err := k.get(ctx, version)
		switch {
		case err != nil:
			return "", err
		case k.of.Equal(publicOf(found.Key)):
			return version, nil
		}
	}
	return "", nil
}

// versions returns the versions of the key that are enabled, the newest first.
func (k *Key) versions(ctx context.Context) ([]string, error) {
	type dated struct {
		version string
		made    time.Time
	}
	var all []dated
	var pages *runtime.Pager[azkeys.ListKeyPropertiesVersionsResponse]
	for n := 0; n < maxPages && (pages == nil || pages.More()); n++ {
		var page azkeys.ListKeyPropertiesVersionsResponse
		err := k.ask(ctx, func(ctx context.Context, c *azkeys.Client) (err error) {
			if pages == nil {
				pages = c.NewListKeyPropertiesVersionsPager(k.named.Name, nil)
			}
			page, err = pages.NextPage(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, one := range page.Value {
			if one == nil || one.Attributes != nil && one.Attributes.Enabled != nil && !*one.Attributes.Enabled {
				continue
			}
			found := dated{version: k.versionIn(one.KID)}
			if one.Attributes != nil && one.Attributes.Created != nil {
				found.made = *one.Attributes.Created
			}
			if found.version != "" {
				all = append(all, found)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b dated) int { return b.made.Compare(a.made) })
	versions := make([]string, len(all))
	for i, one := range all {
		versions[i] = one.version
	}
	return versions, nil
}

// versionOf returns which version of the key a public key is, "" for none of it.
func (k *Key) versionOf(key *azkeys.JSONWebKey) string {
	if key == nil {
		return ""
	}
	return k.versionIn(key.KID)
}

// versionIn returns the version in the URL of one. Names of keys have no case.
func (k *Key) versionIn(id *azkeys.ID) string {
	if id == nil {
		return ""
	}
	named, err := secret.ParseVaultURL(string(*id))
	if err != nil || named.Collection != "keys" || !strings.EqualFold(named.Name, k.named.Name) {
		return ""
	}
	return named.Version
}

// publicOf returns an RSA key of 2,048 bits or more, and nil for any other.
func publicOf(key *azkeys.JSONWebKey) *rsa.PublicKey {
	if key == nil || !isRSA(key) || len(key.E) == 0 || len(key.E) > 4 {
		return nil
	}
	n, e := new(big.Int).SetBytes(key.N), new(big.Int).SetBytes(key.E).Int64()
	if size := (n.BitLen() + 7) / 8; size < minBytes || size > maxBytes || e < 3 || e > math.MaxInt32 || e%2 == 0 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e)}
}

func isRSA(key *azkeys.JSONWebKey) bool {
	return key.Kty != nil && (*key.Kty == azkeys.KeyTypeRSA || *key.Kty == azkeys.KeyTypeRSAHSM)
}

// useless returns why a key does not sign, nil if it does.
func (k *Key) useless(found azkeys.KeyBundle) *secret.Error {
	vault, _, _ := strings.Cut(k.named.At.Name(), ".")
	named := k.named
	named.Version = cmp.Or(k.versionOf(found.Key), named.Version)
	about, code := keyAt(named), ""
	if a := found.Attributes; a != nil {
		now := time.Now()
		switch {
		case a.Enabled != nil && !*a.Enabled:
			code = keyDisabled
		case a.NotBefore != nil && now.Before(*a.NotBefore):
			code = keyNotYetValid
		case a.Expires != nil && now.After(*a.Expires):
			code = keyExpired
		}
	}
	switch {
	case found.Key == nil || found.Key.Kty == nil:
		return k.unreadable()
	case !isRSA(found.Key):
		return &secret.Error{
			Kind: secret.Malformed, Problem: about.the + " is not an RSA key, and Entra ID takes no other",
			Advice: "make one: az keyvault key create --kty RSA --size 2048 --ops sign verify --vault-name " + vault + " --name <another name>",
		}
	case publicOf(found.Key) == nil:
		return &secret.Error{
			Kind: secret.Malformed, Problem: about.the + " is not an RSA key of 2048 to 4096 bits",
			Advice: "make one: az keyvault key create --kty RSA --size 2048 --ops sign verify --vault-name " + vault + " --name <another name>",
		}
	case code != "":
		return about.useless(code, vault)
	case len(found.Key.KeyOps) > 0 && !slices.ContainsFunc(found.Key.KeyOps, func(o *azkeys.KeyOperation) bool { return o != nil && *o == azkeys.KeyOperationSign }):
		return &secret.Error{
			Kind: secret.Malformed, Problem: about.the + " is not for signing",
			Advice: "allow it: az keyvault key set-attributes --ops sign verify" + about.selected(vault),
		}
	}
	return nil
}

// unreadable is the error of an answer that says nothing of the key.
func (k *Key) unreadable() *secret.Error {
	return &secret.Error{Kind: secret.Malformed, Problem: "the answer of Key Vault does not tell of " + k.about.the, Advice: "check KeyVaultKeyID, and a proxy on the way", Status: http.StatusOK}
}

// mismatch is the error of a key none of whose versions has the certificate's public key.
func (k *Key) mismatch(newest azkeys.KeyBundle) *secret.Error {
	if why := k.useless(newest); why != nil {
		return why
	}
	return &secret.Error{
		Kind: secret.Malformed, Problem: "no version of " + k.about.the + " is the one that the certificate was made for",
		Advice: "make a certificate of it, register it on the app and put it into Certificate: rollcall certificate create --keyvault " + k.named.String(),
	}
}
