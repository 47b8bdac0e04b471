package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
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
	// Name is the ARN or name of a secret, or the path of a file.
	Name string
	// Stage is the staging label to read, "" for AWSCURRENT (secretsmanager only).
	Stage string
	// Version is the version id to read, "" for the one that Stage names
	// (secretsmanager only).
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

// ParseSource reads a source as it is written in the configuration:
//
//	secretsmanager:<ARN or name>[?stage=<label>][&version=<id>]
//	env:
//	file:<path>
//
// `keyvault:` and `managed-identity:` are known but not available in this version.
// The error is a *[SourceError].
func ParseSource(text string) (Source, error) {
	scheme, rest, found := strings.Cut(strings.TrimSpace(text), ":")
	if !found {
		// Not quoted: people paste the secret itself here.
		return Source{}, &SourceError{"has no scheme", "write secretsmanager:<ARN or name>, env: or file:<path>"}
	}
	source := Source{Scheme: Scheme(strings.ToLower(scheme)), Name: rest}
	switch source.Scheme {
	case Environment:
		if rest != "" {
			return Source{}, &SourceError{"env: takes nothing after the colon", "write env: alone"}
		}
		return source, nil
	case File:
		return parseFile(source)
	case SecretsManager:
		return parseSecretsManager(source)
	case KeyVault, ManagedIdentity:
		return Source{}, &SourceError{string(source.Scheme) + ": is not available in this version", "use secretsmanager:<ARN or name>, env: or file:<path>"}
	}
	return Source{}, unknownScheme(scheme)
}

// ParseTextSource reads the source of a text that a [Reader] can read, such as a
// key: env: is not one. The error is a *[SourceError].
func ParseTextSource(text string) (Source, error) {
	const remedy = "write secretsmanager:<ARN or name> or file:<path>"
	source, err := ParseSource(text)
	var wrong *SourceError
	switch {
	case errors.As(err, &wrong):
		return Source{}, &SourceError{wrong.Problem, remedy}
	case source.Scheme == Environment:
		return Source{}, &SourceError{"env: keeps no key", remedy}
	}
	return source, nil
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
	return &SourceError{problem, "write secretsmanager:<ARN or name>, env: or file:<path>"}
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

func unknownParameter(key string) error {
	problem := "has an unknown parameter"
	if isWord(key) {
		problem += fmt.Sprintf(" %q", key)
	}
	return &SourceError{problem, "secretsmanager: knows stage and version"}
}

func parseFile(source Source) (Source, error) {
	// file:///etc/x is the URL form of the path /etc/x.
	if strings.HasPrefix(source.Name, "///") {
		source.Name = source.Name[2:]
	}
	if source.Name == "" || strings.HasPrefix(source.Name, "//") {
		return Source{}, &SourceError{"file: names no file on this machine", "write file:<path>"}
	}
	return source, nil
}

func parseSecretsManager(source Source) (Source, error) {
	name, query, _ := strings.Cut(source.Name, "?")
	source.Name = name
	if name == "" {
		return Source{}, &SourceError{"secretsmanager: names no secret", "write secretsmanager:<ARN or name>"}
	}
	if strings.HasPrefix(name, "arn:") && regionOf(name) == "" {
		return Source{}, &SourceError{"does not hold the ARN of a Secrets Manager secret", "write arn:aws:secretsmanager:<region>:<account>:secret:<name>"}
	}
	if !isSecretName(strings.ReplaceAll(name, ":", "/")) || !strings.HasPrefix(name, "arn:") && strings.Contains(name, ":") {
		return Source{}, &SourceError{"holds a character that a secret's name cannot have", "use letters, digits and /_+=.@- only"}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Source{}, &SourceError{"has parameters that are not a query", "write ?stage=<label>&version=<id>"}
	}
	return withParameters(source, values)
}

func withParameters(source Source, values url.Values) (Source, error) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values.Get(key)
		switch {
		case key != "stage" && key != "version":
			return Source{}, unknownParameter(key)
		case value == "" || len(values[key]) > 1:
			return Source{}, &SourceError{"needs one value for the parameter " + key, "write " + key + "=<value> once, or leave it out"}
		case !isSecretName(value):
			return Source{}, &SourceError{"holds a character that the parameter " + key + " cannot have", "use letters, digits and /_+=.@- only"}
		case key == "stage":
			source.Stage = value
		default:
			source.Version = value
		}
	}
	return source, nil
}

// regionOf returns the region of a secret's ARN, "" for anything else:
// arn:<partition>:secretsmanager:<region>:<account>:secret:<name>.
func regionOf(name string) string {
	parts := strings.SplitN(name, ":", 7)
	if len(parts) != 7 || parts[0] != "arn" || parts[2] != "secretsmanager" || parts[5] != "secret" || parts[6] == "" {
		return ""
	}
	if strings.Trim(parts[3], "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "" // it becomes part of a host's name
	}
	return parts[3]
}

func isSecretName(name string) bool {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case strings.ContainsRune("/_+=.@-", r):
		default:
			return false
		}
	}
	return true
}
