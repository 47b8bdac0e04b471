package credential

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// reader returns what reads the identity, afresh at every call.
func reader(cfg Config) (func(ctx context.Context) (Identity, error), error) {
	if cfg.Source.Scheme == secret.Environment {
		if cfg.LookupEnv == nil {
			return nil, errors.New("credentials in the environment need Config.LookupEnv")
		}
		return func(context.Context) (Identity, error) {
			id, err := fromEnvironment(cfg.LookupEnv)
			return id, at(cfg.Source, err)
		}, nil
	}
	text, err := secret.NewReader(cfg.Source, cfg.AWS)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (Identity, error) {
		content, err := text.Read(ctx)
		if err != nil {
			return Identity{}, err
		}
		id, err := parse(content)
		return id, at(cfg.Source, err)
	}, nil
}

// at adds to an error where the identity is kept.
func at(source secret.Source, err error) error {
	var e *secret.Error
	if errors.As(err, &e) {
		e.Source = source.String()
	}
	return err
}

// fromEnvironment reads the three standard variables and names all that are missing.
func fromEnvironment(lookup func(string) (string, bool)) (Identity, error) {
	value := func(name string) string {
		text, _ := lookup(name)
		return strings.TrimSpace(text)
	}
	values := map[string]string{}
	var missing []string
	for _, v := range [][2]string{{tenantID, "AZURE_TENANT_ID"}, {clientID, "AZURE_CLIENT_ID"}, {clientSecret, "AZURE_CLIENT_SECRET"}} {
		field, variable := v[0], v[1]
		if values[field] = value(variable); values[field] == "" {
			missing = append(missing, variable)
		}
	}
	if len(missing) == 0 {
		return identify(values)
	}
	advice := "set the three AZURE_ variables, or point ROLLCALL_CREDENTIALS at secretsmanager:<ARN or name>"
	for _, other := range []string{"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"} {
		if value(other) != "" {
			advice = other + " is set, but only a client secret is supported yet"
		}
	}
	return Identity{}, &secret.Error{
		Kind:    secret.Missing,
		Problem: "not set: " + strings.Join(missing, ", "),
		Advice:  advice,
	}
}

// identify makes an identity of the fields, or names all that is missing.
func identify(values map[string]string) (Identity, error) {
	for _, field := range []string{certificate, kmsKeyID, federation} {
		if values[field] != "" {
			return Identity{}, malformed("the secret holds "+field+", which is not supported yet", "keep a ClientSecret in it instead")
		}
	}
	var missing []string
	for _, field := range []string{tenantID, clientID, clientSecret} {
		if values[field] == "" {
			missing = append(missing, field)
		}
	}
	if len(missing) > 0 {
		return Identity{}, malformed("the secret lacks "+strings.Join(missing, ", "), secretForm)
	}
	id := Identity{
		TenantID:     values[tenantID],
		ClientID:     values[clientID],
		ClientSecret: secret.NewText(values[clientSecret]),
		KeyID:        values[keyID],
	}
	if at := values[expiresAt]; at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return Identity{}, malformed("the secret's ExpiresAt is not a time", "write it as in 2027-01-31T00:00:00Z, or leave it out")
		}
		id.ExpiresAt = t
	}
	return id, check(id)
}

// check finds what no Entra tenant could accept, before anything is sent.
func check(id Identity) error {
	switch strings.ToLower(id.TenantID) {
	case "common", "organizations", "consumers":
		return malformed("TenantID is not one tenant", "write the tenant's GUID or its domain")
	}
	if !isTenant(id.TenantID) {
		return malformed("TenantID is neither a GUID nor a domain", "write the Directory (tenant) ID of the app registration")
	}
	switch {
	case garbled(id.ClientID):
		return malformed("ClientID holds a character that cannot be typed", "copy it again from the app registration")
	case garbled(id.ClientSecret.Reveal()):
		return malformed("ClientSecret holds a character that cannot be typed", "copy its Value again from the app registration")
	}
	return nil
}

func garbled(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}
