package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/guid"
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
	// Name is the ARN or name of a secret, the path of a file, or the client id of a
	// managed identity, "" for the host's own.
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
//	managed-identity:[<client id>]
//	env:
//	file:<path>
//
// `keyvault:` is known but not available in this version. The error is a *[SourceError].
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
	if strings.EqualFold(scheme, string(KeyVault)) {
		return &SourceError{"keyvault: is not available in this version", forms(false)}
	}
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

func unknownParameter(key string) error {
	problem := "has an unknown parameter"
	if isWord(key) {
		problem += fmt.Sprintf(" %q", key)
	}
	return &SourceError{problem, "secretsmanager: knows stage and version"}
}

func parseEnvironment(source Source) (Source, error) {
	if source.Name != "" {
		return Source{}, &SourceError{"env: takes nothing after the colon", "write env: alone"}
	}
	return source, nil
}

// parseManagedIdentity takes the client id of a user-assigned identity, or nothing.
func parseManagedIdentity(source Source) (Source, error) {
	if source.Name != "" && !guid.Valid(source.Name) {
		return Source{}, &SourceError{
			"managed-identity: takes the client id of a user-assigned identity, a GUID, and nothing else",
			"write managed-identity:<client id> (az identity show --query clientId), or managed-identity: alone for the one that AZURE_CLIENT_ID names, or else the system-assigned one",
		}
	}
	source.Name = strings.ToLower(source.Name)
	return source, nil
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
