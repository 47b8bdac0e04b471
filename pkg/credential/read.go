package credential

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// reader returns what reads the identity, afresh at every call.
func reader(cfg Config, used place) (func(ctx context.Context) (Identity, error), error) {
	read, err := identityReader(cfg, used)
	if err != nil {
		return nil, err
	}
	logged, watch := map[string]bool{}, WatchExpiry(cfg.Log)
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
		watch(ctx, id)
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
		return func(context.Context) (*fields, error) { return fromEnvironment(cfg.LookupEnv), nil }, nil
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

// variables are those of the standard credentials of Azure's SDKs, and the project's own
// for federation.
func variables() [][2]string {
	return [][2]string{
		{tenantID, "AZURE_TENANT_ID"},
		{clientID, "AZURE_CLIENT_ID"},
		{clientSecret, "AZURE_CLIENT_SECRET"},
		{certificatePath, "AZURE_CLIENT_CERTIFICATE_PATH"},
		{certificatePassword, "AZURE_CLIENT_CERTIFICATE_PASSWORD"},
		{tokenFile, "AZURE_FEDERATED_TOKEN_FILE"},
		{federation, "ROLLCALL_FEDERATION"},
	}
}

// fromEnvironment reads the variables.
func fromEnvironment(lookup func(string) (string, bool)) *fields {
	f := newFields(nil)
	f.fromEnvironment = true
	for _, v := range variables() {
		text, _ := lookup(v[1])
		if text = strings.TrimSpace(text); text != "" {
			f.values[v[0]] = found{name: v[1], value: text}
		}
	}
	return f
}

// missingVariables is the error of fields that no variable has.
func missingVariables(missing []string) error {
	var names []string
	for _, v := range variables() {
		if slices.Contains(missing, v[0]) {
			names = append(names, v[1])
		}
	}
	advice := "set the three AZURE_ variables, or point ROLLCALL_CREDENTIALS at secretsmanager:<ARN or name>"
	if len(missing) == 1 && missing[0] == clientSecret {
		advice = "set it, or instead of it AZURE_CLIENT_CERTIFICATE_PATH, AZURE_FEDERATED_TOKEN_FILE or ROLLCALL_FEDERATION=aws, or point ROLLCALL_CREDENTIALS at secretsmanager:<ARN or name>"
	}
	return &secret.Error{Kind: secret.Missing, Problem: "not set: " + strings.Join(names, ", "), Advice: advice}
}
