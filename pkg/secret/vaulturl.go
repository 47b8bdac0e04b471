package secret

import (
	"errors"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// VaultObject is what a URL of Azure Key Vault names.
type VaultObject struct {
	// At is the vault, which may be any host.
	At origin.Origin
	// Collection is the kind of object: secrets, keys or certificates.
	Collection string
	// Name is its name, and Version one of its versions, "" for the newest.
	Name, Version string
}

// String returns the URL.
func (o VaultObject) String() string {
	return strings.TrimSuffix(o.At.String()+"/"+o.Collection+"/"+o.Name+"/"+o.Version, "/")
}

var errVaultURL = errors.New("is not that of an object in a vault")

// ParseVaultURL takes the URL of an object as the portal shows it, with or without a version
// and a slash at its end: https://<vault>/<collection>/<name>[/<version>]. The error is a
// predicate ("the URL has a query"), and does not quote the URL.
func ParseVaultURL(text string) (VaultObject, error) {
	u, err := url.Parse(text)
	if err != nil {
		return VaultObject{}, origin.ErrURL // url.Error quotes the text
	}
	at, err := origin.Of(u)
	switch {
	case err != nil:
		return VaultObject{}, err
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return VaultObject{}, origin.ErrQuery
	}
	parts := strings.Split(strings.TrimSuffix(u.EscapedPath(), "/"), "/")
	version := ""
	if len(parts) == 4 {
		version, parts = parts[3], parts[:3]
	}
	if len(parts) != 3 || parts[0] != "" || !isVaultName(parts[2]) || !isVaultVersion(version) {
		return VaultObject{}, errVaultURL
	}
	switch parts[1] {
	case "secrets", "keys", "certificates":
		return VaultObject{at, parts[1], parts[2], version}, nil
	}
	return VaultObject{}, errVaultURL
}

// isVaultName follows "Object identifiers" of Key Vault: 1 to 127 letters, digits and hyphens.
func isVaultName(name string) bool {
	return name != "" && len(name) <= 127 && strings.Trim(name, letters+"0123456789-") == ""
}

// isVaultVersion takes none, or the 32 characters that the vault gives to one.
func isVaultVersion(version string) bool {
	return version == "" || len(version) == 32 && strings.Trim(version, letters+"0123456789") == ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// parseKeyVault takes the URL of a secret. Whether the host is one of a vault is for
// [Vault.Check].
func parseKeyVault(source Source) (Source, error) {
	const form = "write keyvault:https://<vault>.vault.azure.net/secrets/<name>, with /<version> for one of its versions"
	object, err := ParseVaultURL(source.Name)
	switch {
	case errors.Is(err, origin.ErrURL):
		return Source{}, &SourceError{"keyvault: holds no URL", form}
	case err != nil && !errors.Is(err, errVaultURL):
		return Source{}, &SourceError{"keyvault: holds a URL that " + err.Error(), form}
	case err == nil && object.Collection == "keys":
		return Source{}, &SourceError{"keyvault: holds a URL that is not that of a secret, but of a key", form + "; the secret itself names a key that signs, as KeyVaultKeyID"}
	case err != nil || object.Collection != "secrets":
		return Source{}, &SourceError{"keyvault: holds a URL that is not that of a secret", form}
	}
	source.Version, object.Version = object.Version, ""
	source.Name = object.String()
	return source, nil
}
