package credential

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

const bom = "\xef\xbb\xbf"

// mistake is what is wrong with a secret's content, without any of that content.
type mistake struct{ problem, advice string }

func (m *mistake) Error() string { return m.problem + ": " + m.advice }

const secretForm = `the secret is a JSON object such as {"TenantID":"...","ClientID":"...","ClientSecret":"..."}`

// parse reads the secret's JSON. Names are matched by canonical; values lose the
// white space around them, since a trailing newline is the commonest accident and
// Entra issues no secret that has any. Fields of other names are ignored. No
// error of it carries a value, nor a decoder's text, which would quote one.
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
			return nil, &mistake{"the secret's " + field + " is not a text", "write it as a JSON string"}
		}
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if earlier, ok := values[field]; ok && earlier != value {
			return nil, &mistake{"the secret has two different values for " + field, "keep one of the spellings and remove the others"}
		}
		values[field] = value
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, notJSON()
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, &mistake{"the secret has something after its JSON object", secretForm}
	}
	return values, nil
}

func expectObject(dec *jsontext.Decoder, content []byte) error {
	if len(content) == 0 {
		return &mistake{"the secret is empty", secretForm}
	}
	token, err := dec.ReadToken()
	if err != nil {
		return notJSON()
	}
	switch token.Kind() {
	case '{':
		return nil
	case '"':
		return &mistake{"the secret is a JSON string, not an object (encoded twice?)", secretForm}
	default:
		return &mistake{"the secret is JSON, but not an object", secretForm}
	}
}

func notJSON() error { return &mistake{"the secret is not JSON", secretForm} }

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

// identify makes an identity of the fields, or names all that is missing.
func identify(values map[string]string) (Identity, error) {
	for _, field := range []string{certificate, kmsKeyID, federation} {
		if values[field] != "" {
			return Identity{}, &mistake{"the secret holds " + field + ", which is not supported yet", "keep a ClientSecret in it instead"}
		}
	}
	var missing []string
	for _, field := range []string{tenantID, clientID, clientSecret} {
		if values[field] == "" {
			missing = append(missing, field)
		}
	}
	if len(missing) > 0 {
		return Identity{}, &mistake{"the secret lacks " + strings.Join(missing, ", "), secretForm}
	}
	id := Identity{
		TenantID:     values[tenantID],
		ClientID:     values[clientID],
		ClientSecret: NewSecret(values[clientSecret]),
		KeyID:        values[keyID],
	}
	if at := values[expiresAt]; at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return Identity{}, &mistake{"the secret's ExpiresAt is not a time", "write it as in 2027-01-31T00:00:00Z, or leave it out"}
		}
		id.ExpiresAt = t
	}
	return id, check(id)
}

// check finds what no Entra tenant could accept, before anything is sent.
func check(id Identity) error {
	switch strings.ToLower(id.TenantID) {
	case "common", "organizations", "consumers":
		return &mistake{"TenantID is not one tenant", "write the tenant's GUID or its domain"}
	}
	if !isTenant(id.TenantID) {
		return &mistake{"TenantID is neither a GUID nor a domain", "write the Directory (tenant) ID of the app registration"}
	}
	switch {
	case garbled(id.ClientID):
		return &mistake{"ClientID holds a character that cannot be typed", "copy it again from the app registration"}
	case garbled(id.ClientSecret.Reveal()):
		return &mistake{"ClientSecret holds a character that cannot be typed", "copy its Value again from the app registration"}
	}
	return nil
}

func garbled(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}
