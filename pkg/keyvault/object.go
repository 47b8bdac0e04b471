package keyvault

import "github.com/rollcall-dev/rollcall/pkg/secret"

// object is something that a vault keeps, as errors tell of it.
type object struct {
	// noun is its kind, which is also its word in the Azure command line, and name its name;
	// version is the one of it that is meant, "" for the newest.
	noun, name, version string
	// the is what errors call it, and use what is done with it.
	the, use string
	// role allows that, and so do permissions in a vault with access policies.
	role, permissions string
	// states are what a vault says of one that is there and of no use.
	states map[string]state
}

// state is a state in which an object is of no use.
type state struct{ is, advice string }

// secretNamed is a secret, or a version of it.
func secretNamed(name, version string) object {
	return object{
		"secret", name, version, "the secret", "read the secret", "Key Vault Secrets User", "get",
		map[string]state{"SecretDisabled": {"is disabled", "enable it: az keyvault secret set-attributes --enabled true"}},
	}
}

// keyAt is the key with a URL.
func keyAt(named secret.VaultObject) object {
	the := "the Key Vault key " + named.String()
	return object{
		"key", named.Name, named.Version, the, "sign with " + the, "Key Vault Crypto User", "get list sign",
		map[string]state{
			keyDisabled:    {"is disabled", "enable it: az keyvault key set-attributes --enabled true"},
			keyNotYetValid: {"is not valid yet", "wait until then, or correct it: az keyvault key set-attributes --not-before <time>"},
			keyExpired:     {"has expired", "make a new version and a certificate of it, or let it live longer: az keyvault key set-attributes --expires <time>"},
		},
	}
}

// The codes of keys that do not sign.
const (
	keyDisabled    = "KeyDisabled"
	keyNotYetValid = "KeyNotYetValid"
	keyExpired     = "KeyExpired"
)

// useless is the error of an object in the state that a code names, nil for another code.
func (o object) useless(code, vault string) *secret.Error {
	s, ok := o.states[code]
	if !ok {
		return nil
	}
	return &secret.Error{Kind: secret.Missing, Problem: o.the + " " + s.is, Advice: s.advice + o.selected(vault)}
}

// selected is how the Azure command line is told which object is meant.
func (o object) selected(vault string) string {
	text := " --vault-name " + vault + " --name " + o.name
	if o.version != "" {
		text += " --version " + o.version
	}
	return text
}
