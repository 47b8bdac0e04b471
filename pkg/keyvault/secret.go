package keyvault

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Check returns a *[secret.SourceError] unless the host is a vault of the cloud, or, for
// tests, this machine.
func (v *Vaults) Check(source secret.Source) error {
	_, err := v.at(source)
	return err
}

// at returns the secret of a source that may be read.
func (v *Vaults) at(source secret.Source) (secret.VaultObject, error) {
	named, err := secret.ParseVaultURL(source.Name)
	if err != nil {
		return secret.VaultObject{}, &secret.SourceError{Problem: "keyvault: holds a URL that " + err.Error(), Remedy: "write https://<vault>." + v.Domain + "/secrets/<name>"}
	}
	if problem, remedy := v.check(named.At); problem != "" {
		return secret.VaultObject{}, &secret.SourceError{Problem: "keyvault: " + problem, Remedy: remedy}
	}
	return named, nil
}

// Read returns the text of a secret, at most 64 KiB of it, and when it ends. The error is a
// *[secret.Error] or wraps context.Canceled.
func (v *Vaults) Read(ctx context.Context, source secret.Source) ([]byte, time.Time, error) {
	named, err := v.at(source)
	if err != nil {
		return nil, time.Time{}, err
	}
	var out azsecrets.GetSecretResponse
	err = v.ask(ctx, named.At, secretNamed(named.Name, source.Version), func(ctx context.Context) error {
		client, err := v.reader(named.At)
		if err == nil {
			out, err = client.GetSecret(ctx, named.Name, source.Version, nil)
		}
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return text(out.Secret)
}

// allowsSecrets says which requests go to a vault for secrets: to read them.
func allowsSecrets(method, path string) bool {
	name, ok := strings.CutPrefix(path, "/secrets/")
	return ok && name != "" && method == http.MethodGet
}

// text returns what is kept, and when it ends.
func text(s azsecrets.Secret) ([]byte, time.Time, error) {
	var ends time.Time
	if s.Attributes != nil && s.Attributes.Expires != nil {
		ends = *s.Attributes.Expires
	}
	if s.Value == nil {
		return nil, ends, &secret.Error{Kind: secret.Malformed, Problem: "the secret in Key Vault holds no text", Advice: "put a value into it"}
	}
	return []byte(*s.Value), ends, nil
}

// reader returns the client that reads from a vault.
func (v *Vaults) reader(at origin.Origin) (*azsecrets.Client, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.readers[at]; c != nil {
		return c, nil
	}
	options, err := v.options(at, allowsSecrets)
	if err != nil {
		return nil, err
	}
	c, err := azsecrets.NewClient(at.String(), signer{v.by}, &azsecrets.ClientOptions{
		ClientOptions: options, DisableChallengeResourceVerification: true, // the door allows one resource alone
	})
	if err != nil {
		return nil, err
	}
	if v.readers == nil {
		v.readers = map[origin.Origin]*azsecrets.Client{}
	}
	v.readers[at] = c
	return c, nil
}
