package credential

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const bom = "\xef\xbb\xbf"

// malformed says what is wrong with a secret's content, without any of that content.
func malformed(problem, advice string) error {
	return &secret.Error{Kind: secret.Malformed, Problem: problem, Advice: advice}
}

const secretForm = `the secret is a JSON object such as {"TenantID":"...","ClientID":"...","ClientSecret":"..."}`

// parse reads the secret's JSON. Names are matched by canonical; values lose the
// white space around them, since a trailing newline is the commonest accident and
// Entra issues no secret that has any. Fields of other names are ignored. Its
// errors carry no value, nor a decoder's text, which would quote one.
func parse(content []byte) (Identity, error) {
	values, err := fields(bytes.TrimPrefix(bytes.TrimSpace(content), []byte(bom)))
	if err != nil {
		return Identity{}, err
	}
	return identify(values)
}

// fields decodes the known fields of the object by their canonical names.
func fields(content []byte) (map[string]string, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(content), jsontext.AllowDuplicateNames(true))
	if err := expectObject(dec, content); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, notJSON()
		}
		field := canonical(name.String())
		value, kind, err := readValue(dec)
		if err != nil {
			return nil, notJSON()
		}
		if field == "" || kind == 'n' {
			continue
		}
		if kind != '"' {
			return nil, malformed("the secret's "+field+" is not a text", "write it as a JSON string")
		}
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if earlier, ok := values[field]; ok && earlier != value {
			return nil, malformed("the secret has two different values for "+field, "keep one of the spellings and remove the others")
		}
		values[field] = value
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, notJSON()
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, malformed("the secret has something after its JSON object", secretForm)
	}
	return values, nil
}

func expectObject(dec *jsontext.Decoder, content []byte) error {
	if len(content) == 0 {
		return malformed("the secret is empty", secretForm)
	}
	token, err := dec.ReadToken()
	if err != nil {
		return notJSON()
	}
	switch token.Kind() {
	case '{':
		return nil
	case '"':
		return malformed("the secret is a JSON string, not an object (encoded twice?)", secretForm)
	default:
		return malformed("the secret is JSON, but not an object", secretForm)
	}
}

func notJSON() error { return malformed("the secret is not JSON", secretForm) }

// readValue reads one value whole and returns a string's text.
func readValue(dec *jsontext.Decoder) (string, jsontext.Kind, error) {
	if kind := dec.PeekKind(); kind != '"' {
		return "", kind, dec.SkipValue()
	}
	token, err := dec.ReadToken()
	if err != nil {
		return "", 0, err
	}
	return token.String(), '"', nil
}

// The fields of the secret, as messages name them.
const (
	tenantID            = "TenantID"
	clientID            = "ClientID"
	clientSecret        = "ClientSecret"
	certificate         = "Certificate"
	certificatePassword = "CertificatePassword"
	kmsKeyID            = "KMSKeyID"
	federation          = "Federation"
	keyID               = "KeyID"
	expiresAt           = "ExpiresAt"
)

// canonical returns the field that a name in the secret means, "" for none. Case and
// the characters _-.() and space do not count, nor does a leading AZURE, ENTRA, AAD or ARM:
// so ClientID, client_id, AZURE_CLIENT_ID and ARM_CLIENT_ID are one. The
// other words are those of the portal, of `az ad sp create-for-rbac` and of Graph.
func canonical(name string) string {
	name = strings.ToLower(name)
	name = strings.NewReplacer("_", "", "-", "", ".", "", " ", "", "(", "", ")", "").Replace(name)
	for _, prefix := range []string{"azure", "entra", "aad", "arm"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = rest
			break
		}
	}
	switch name {
	case "tenantid", "tenant", "directoryid", "directorytenantid":
		return tenantID
	case "clientid", "appid", "applicationid", "applicationclientid":
		return clientID
	case "clientsecret", "appsecret", "applicationsecret", "password", "secrettext", "clientsecretvalue":
		return clientSecret
	case "certificate", "clientcertificate":
		return certificate
	case "certificatepassword", "clientcertificatepassword":
		return certificatePassword
	case "kmskeyid":
		return kmsKeyID
	case "federation":
		return federation
	case "keyid", "clientsecretid", "secretid":
		return keyID
	case "expiresat", "enddatetime", "expirydate", "expires":
		return expiresAt
	}
	return ""
}
