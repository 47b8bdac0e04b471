package credential

import (
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
	"github.com/rollcall-dev/rollcall/pkg/keyvault"
	"github.com/rollcall-dev/rollcall/pkg/kms"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// way is a way to prove an identity.
type way struct {
	// field is the one that tells that it is meant, also are others that it takes.
	field string
	also  []string
	// take puts into an identity what the fields hold.
	take func(*fields, *Identity) error
}

// ways are the ways, in the order in which they are taken where there are several.
func ways() []way {
	return []way{
		{clientSecret, nil, (*fields).bySecret},
		{kmsKeyID, []string{certificateText}, (*fields).byKMS},
		{keyVaultKeyID, []string{certificateText}, (*fields).byKeyVault},
		{certificateText, []string{privateKey}, (*fields).byCertificate},
		{privateKey, []string{certificateText}, (*fields).byCertificate},
		{certificatePath, nil, (*fields).byCertificateFile},
		{federation, nil, (*fields).byFederation},
		{tokenFile, nil, (*fields).byTokenFile},
	}
}

// prove finds the way to prove the identity, which reports what is missing for it. Another
// way beside it is a choice, which is explained.
func (f *fields) prove(id *Identity) error {
	var taken *way
	for _, w := range ways() {
		given, ok := f.values[w.field]
		switch {
		case !ok:
		case taken == nil:
			taken = &w
		case !slices.Contains(taken.also, w.field):
			f.warn(taken.field + " is used: the " + w.field + " beside it, in " + given.name + ", is not; remove one of them")
		}
	}
	var missing []string
	for _, field := range []string{tenantID, clientID} {
		if f.values[field].value == "" {
			missing = append(missing, field)
		}
	}
	if taken == nil {
		missing = append(missing, clientSecret)
	}
	switch {
	case len(missing) > 0 && f.fromEnvironment:
		return missingVariables(missing)
	case len(missing) > 0:
		return malformed("the secret lacks "+strings.Join(missing, ", ")+f.has(), secretForm)
	case f.values[taken.field].odd:
		return malformed("the secret's "+taken.field+", in "+f.values[taken.field].name+", is not a text", "write it as a JSON string")
	}
	return taken.take(f, id)
}

func (f *fields) bySecret(id *Identity) error {
	id.Method, id.ClientSecret = ClientSecret, secret.NewText(f.values[clientSecret].value)
	return nil
}

func (f *fields) byCertificate(id *Identity) error {
	text := f.values[privateKey].value + "\n" + f.values[certificateText].value
	return id.certify([]byte(strings.TrimSpace(text)), f.values[certificatePassword].value, "the secret's Certificate ")
}

// byCertificateFile reads the file that AZURE_CLIENT_CERTIFICATE_PATH names. A secret that
// names a file, or a thumbprint, was written for a machine that has the certificate.
func (f *fields) byCertificateFile(id *Identity) error {
	given := f.values[certificatePath]
	if !f.fromEnvironment {
		return malformed("the secret only says where a certificate is, in "+given.name, "put the PEM of the certificate and of its key into Certificate, or the PFX in base64")
	}
	content, err := secret.ReadFile(given.value)
	if err != nil {
		return ofVariable(given.name, err)
	}
	return id.certify(content, f.values[certificatePassword].value, "the file of AZURE_CLIENT_CERTIFICATE_PATH ")
}

// certify reads a certificate and its key. Errors begin with what whose says.
func (id *Identity) certify(text []byte, password, whose string) error {
	c, err := certificate.Parse(text, password)
	if err != nil {
		return wrongCertificate(whose, err)
	}
	key, err := encodeKey(c.Key)
	if err != nil {
		return malformed(whose+"holds a private key that cannot be used", "make a new certificate")
	}
	id.Method, id.Certificate, id.PrivateKey, id.ExpiresAt = Certificate, c.X509, key, c.X509.NotAfter
	return nil
}

// ofVariable names the variable that says where a file is.
func ofVariable(name string, err error) error {
	var e *secret.Error
	if errors.As(err, &e) {
		e.Problem = name + ": " + e.Problem
	}
	return err
}

func wrongCertificate(whose string, err error) error {
	var e *certificate.Error
	if errors.As(err, &e) {
		return malformed(whose+e.Problem, e.Advice)
	}
	return err
}

func (f *fields) byKMS(id *Identity) error {
	key := f.values[kmsKeyID].value
	if _, err := kms.New(key, nil); err != nil {
		return err
	}
	if err := f.byPublic(id, "rollcall certificate create --kms "+key); err != nil {
		return err
	}
	id.Method, id.SigningKey = KMS, key
	return nil
}

func (f *fields) byKeyVault(id *Identity) error {
	key := f.values[keyVaultKeyID].value
	if err := keyvault.CheckKeyID(key); err != nil {
		return err
	}
	if err := f.byPublic(id, "rollcall certificate create --keyvault "+key); err != nil {
		return err
	}
	id.Method, id.SigningKey = KeyVault, key
	return nil
}

// byPublic reads the certificate of a key that a service keeps. create is the command that
// makes it.
func (f *fields) byPublic(id *Identity, create string) error {
	text := f.values[certificateText].value
	if text == "" {
		return malformed("the secret has a key that signs, and lacks Certificate, which the app registration knows it by", "make it, register it, and put it there: "+create)
	}
	c, withKey, err := certificate.ParsePublic([]byte(text))
	if err != nil {
		return wrongCertificate("the secret's Certificate ", err)
	}
	if withKey {
		f.warn("Certificate holds a private key, which is not used, since another place keeps the one that signs: remove it")
	}
	id.Certificate, id.ExpiresAt = c.X509, c.X509.NotAfter
	return nil
}

func (f *fields) byFederation(id *Identity) error {
	if !strings.EqualFold(f.values[federation].value, "aws") {
		return malformed(`Federation is not "aws", the only one that there is`, `write "Federation":"aws", or set AZURE_FEDERATED_TOKEN_FILE with ROLLCALL_CREDENTIALS=env: for tokens of another platform`)
	}
	id.Method = AWS
	return nil
}

// byTokenFile takes the path that AZURE_FEDERATED_TOKEN_FILE has. A token or a path in a
// secret is of the time when that was written.
func (f *fields) byTokenFile(id *Identity) error {
	given := f.values[tokenFile]
	if !f.fromEnvironment {
		return malformed("the secret holds a token, or says where one is, in "+given.name, "set AZURE_FEDERATED_TOKEN_FILE with ROLLCALL_CREDENTIALS=env:")
	}
	id.Method, id.TokenFile = TokenFile, given.value
	return nil
}
