package credential

import (
	"context"
	"errors"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// reader returns what reads the identity, afresh at every call.
func reader(cfg Config, used place) (func(ctx context.Context) (Identity, error), error) {
	read, err := identityReader(cfg, used)
	if err != nil {
		return nil, err
	}
	logged := map[string]bool{}
	return func(ctx context.Context) (Identity, error) {
		id, err := read(ctx)
		if err != nil {
			return Identity{}, at(cfg.Source, err)
		}
		for _, warning := range id.Warnings {
			if !logged[warning] {
				cfg.Log.WarnContext(ctx, "the app's credentials have an oddity", "source", cfg.Source, "warning", warning)
			}
			logged[warning] = true
		}
		return id, nil
	}, nil
}

// identityReader returns what reads the identity without its source in errors.
func identityReader(cfg Config, used place) (func(ctx context.Context) (Identity, error), error) {
	if cfg.Source.Scheme == secret.ManagedIdentity {
		return func(context.Context) (Identity, error) { return fromHost(cfg) }, nil
	}
	read, err := fieldReader(cfg)
	return func(ctx context.Context) (Identity, error) {
		f, err := read(ctx)
		if err != nil {
			return Identity{}, err
		}
		return identify(f, used)
	}, err
}

// fieldReader returns what reads the fields of the identity.
func fieldReader(cfg Config) (func(ctx context.Context) (*fields, error), error) {
	if cfg.Source.Scheme == secret.Environment {
		if cfg.LookupEnv == nil {
			return nil, errors.New("credentials in the environment need Config.LookupEnv")
		}
		return func(context.Context) (*fields, error) { return fromEnvironment(cfg.LookupEnv) }, nil
	}
	text, err := secret.NewReader(cfg.Source, cfg.Secrets)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*fields, error) {
		content, err := text.Read(ctx)
		if err != nil {
			return nil, err
		}
		f, err := parse(content)
		if err == nil {
			f.ends = text.Ends()
		}
		return f, err
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
func fromEnvironment(lookup func(string) (string, bool)) (*fields, error) {
	value := func(name string) string {
		text, _ := lookup(name)
		return strings.TrimSpace(text)
	}
	f := newFields(nil)
	var missing []string
	for _, v := range [][2]string{{tenantID, "AZURE_TENANT_ID"}, {clientID, "AZURE_CLIENT_ID"}, {clientSecret, "AZURE_CLIENT_SECRET"}} {
		field, variable := v[0], v[1]
		if f.values[field] = (found{variable, value(variable)}); f.values[field].value == "" {
			missing = append(missing, variable)
		}
	}
	advice := "set the three AZURE_ variables, or point ROLLCALL_CREDENTIALS at secretsmanager:<ARN or name>"
	for _, other := range [][2]string{{certificate, "AZURE_CLIENT_CERTIFICATE_PATH"}, {federation, "AZURE_FEDERATED_TOKEN_FILE"}} {
		if value(other[1]) != "" {
			f.values[other[0]] = found{other[1], ""}
			advice = other[1] + " is set, but only a client secret is supported yet"
		}
	}
	if len(missing) == 0 {
		return f, nil
	}
	return nil, &secret.Error{
		Kind:    secret.Missing,
		Problem: "not set: " + strings.Join(missing, ", "),
		Advice:  advice,
	}
}
