package credential

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret is what Secrets Manager allows a secret to be, in bytes.
const maxSecret = 64 << 10

// reader reads the identity from its place, afresh at every call. Its errors are
// *Error or mistakes.
type reader func(ctx context.Context) (Identity, error)

func (cfg Config) reader() (reader, error) {
	switch cfg.Source.Scheme {
	case Environment:
		lookup := cfg.LookupEnv
		if lookup == nil {
			return nil, errors.New("credentials in the environment need Config.LookupEnv")
		}
		return func(context.Context) (Identity, error) { return fromEnvironment(lookup) }, nil
	case File:
		path := cfg.Source.Name
		return func(context.Context) (Identity, error) { return fromFile(path) }, nil
	case SecretsManager:
		return newSecretsManager(cfg).read, nil
	}
	return nil, &SourceError{"is not one that can be read", "make it with ParseSource"}
}

// readIdentity reads once and completes the error with the source.
func (c *Credential) readIdentity(ctx context.Context) (Identity, error) {
	id, err := c.read(ctx)
	if err == nil {
		return id, nil
	}
	if ctx.Err() != nil {
		return Identity{}, c.stopped(ctx.Err())
	}
	return Identity{}, c.source.complete(err)
}

// complete makes an *[Error] of a mistake and says where it was found.
func (s Source) complete(err error) error {
	var wrong *mistake
	if errors.As(err, &wrong) {
		err = &Error{Kind: Malformed, Problem: wrong.problem, Advice: wrong.advice}
	}
	var e *Error
	if errors.As(err, &e) {
		e.Source = s.String()
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
	return Identity{}, &Error{
		Kind:    Missing,
		Problem: "not set: " + strings.Join(missing, ", "),
		Advice:  advice,
	}
}

// fromFile reads the secret's JSON from a file.
func fromFile(path string) (Identity, error) {
	content, err := fileText(path)
	if err != nil {
		return Identity{}, err
	}
	return parse(content)
}

// fileText reads a secret from a file as it stands.
func fileText(path string) ([]byte, error) {
	content, err := readFile(path)
	switch {
	case err == nil:
		return content, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Kind: Missing, Problem: "the file of the secret does not exist", Advice: "create it, or correct its path where it is configured", Err: fs.ErrNotExist}
	case errors.Is(err, fs.ErrPermission):
		return nil, &Error{Kind: Forbidden, Problem: "the file of the secret may not be read", Advice: "give this user read permission", Err: fs.ErrPermission}
	}
	var wrong *mistake
	if errors.As(err, &wrong) {
		return nil, wrong
	}
	return nil, &Error{Kind: Unavailable, Problem: "the file of the secret could not be read", Advice: "check the file system", Err: err}
}

func readFile(path string) (_ []byte, err error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &mistake{"the file of the secret is a directory", "name the file itself"}
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxSecret {
		return nil, &mistake{"the file of the secret is larger than 64 KiB", "name the right one"}
	}
	return content, nil
}
