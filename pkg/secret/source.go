package secret

import (
	"errors"
	"log/slog"
	"net/url"
	"strings"
)

// Scheme is the part of a source before its first colon.
type Scheme string

// The schemes. Those of an identity alone (Environment, ManagedIdentity) keep no
// text that a [Reader] could read.
const (
	SecretsManager  Scheme = "secretsmanager"
	Environment     Scheme = "env"
	File            Scheme = "file"
	KeyVault        Scheme = "keyvault"
	ManagedIdentity Scheme = "managed-identity"
)

// Source says where a secret is kept. It holds no secret and may be printed. The
// zero value is no source; make one with [ParseSource].
type Source struct {
	// Scheme is the kind of place.
	Scheme Scheme
	// Name is the ARN or name of a secret, its URL in a vault without the version, the
	// path of a file, or the client id of a managed identity, "" for the host's own.
	Name string
	// Stage is the staging label to read, "" for AWSCURRENT (secretsmanager only).
	Stage string
	// Version is the version id to read, "" for the one that Stage names (secretsmanager),
	// or for the current one (keyvault).
	Version string
}

// SourceError says why a text is not a source. It is found before anything is
// read, and its text never quotes what could be a secret.
type SourceError struct {
	// Problem says what is wrong with the source, Remedy what to write instead.
	Problem, Remedy string
}

// Name returns "Config.Invalid", the name under which the edge reports it.
func (e *SourceError) Name() string { return "Config.Invalid" }

// Error returns the problem and its remedy on one line.
func (e *SourceError) Error() string { return "the source " + e.Problem + "; " + e.Remedy }

// kind is a kind of place: how it is written, and what is read there.
type kind struct {
	scheme Scheme
	// form is how the configuration writes it.
	form string
	// text says that a text is kept there, which a [Reader] can read. What keeps none is
	// for identities alone.
	text bool
	// parse checks what follows the colon, which is in Name.
	parse func(Source) (Source, error)
}

// kinds are the kinds of places, in the order in which errors list them.
func kinds() []kind {
	return []kind{
		{SecretsManager, "secretsmanager:<ARN or name>", true, parseSecretsManager},
		{KeyVault, "keyvault:https://<vault>.vault.azure.net/secrets/<name>", true, parseKeyVault},
		{ManagedIdentity, "managed-identity:[<client id>]", false, parseManagedIdentity},
		{Environment, "env:", false, parseEnvironment},
		{File, "file:<path>", true, parseFile},
	}
}

// forms says how the configuration writes a source: any, or only one of a text.
func forms(text bool) string {
	var written []string
	for _, k := range kinds() {
		if k.text || !text {
			written = append(written, k.form)
		}
	}
	last := len(written) - 1
	return "write " + strings.Join(written[:last], ", ") + " or " + written[last]
}

// ParseSource reads a source as it is written in the configuration:
//
//	secretsmanager:<ARN or name>[?stage=<label>][&version=<id>]
//	keyvault:https://<vault>.vault.azure.net/secrets/<name>[/<version>]
//	managed-identity:[<client id>]
//	env:
//	file:<path>
//
// The error is a *[SourceError].
func ParseSource(text string) (Source, error) {
	source, _, err := parse(text)
	return source, err
}

// ParseTextSource reads the source of a text that a [Reader] can read, such as a
// key: env: is not one. The error is a *[SourceError].
func ParseTextSource(text string) (Source, error) {
	source, of, err := parse(text)
	var wrong *SourceError
	switch {
	case errors.As(err, &wrong):
		return Source{}, &SourceError{wrong.Problem, forms(true)}
	case !of.text:
		return Source{}, &SourceError{string(of.scheme) + ": keeps no text", forms(true)}
	}
	return source, nil
}

func parse(text string) (Source, kind, error) {
	scheme, rest, found := strings.Cut(strings.TrimSpace(text), ":")
	if !found {
		// Not quoted: people paste the secret itself here.
		return Source{}, kind{}, &SourceError{"has no scheme", forms(false)}
	}
	for _, k := range kinds() {
		if strings.EqualFold(scheme, string(k.scheme)) {
			source, err := k.parse(Source{Scheme: k.scheme, Name: rest})
			return source, k, err
		}
	}
	return Source{}, kind{}, unknownScheme(scheme)
}

// UnmarshalText reads a source like [ParseSource].
func (s *Source) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSource(string(text))
	return err
}

// String returns the source as it is written in the configuration.
func (s Source) String() string {
	if s.Scheme == "" {
		return ""
	}
	if s.Scheme == KeyVault {
		return strings.TrimSuffix("keyvault:"+s.Name+"/"+s.Version, "/")
	}
	query := url.Values{}
	if s.Stage != "" {
		query.Set("stage", s.Stage)
	}
	if s.Version != "" {
		query.Set("version", s.Version)
	}
	text := string(s.Scheme) + ":" + s.Name
	if len(query) > 0 {
		text += "?" + query.Encode()
	}
	return text
}

// LogValue logs the source as it is written.
func (s Source) LogValue() slog.Value { return slog.StringValue(s.String()) }

func unknownScheme(scheme string) error {
	problem := "has an unknown scheme"
	if isWord(scheme) {
		problem += " " + strings.ToLower(scheme) + ":"
	}
	return &SourceError{problem, forms(false)}
}

// isWord tells a mistyped scheme or parameter, which may be quoted, from a pasted secret.
func isWord(text string) bool {
	if text == "" || len(text) > 20 {
		return false
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' {
			return false
		}
	}
	return true
}
