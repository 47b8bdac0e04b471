package secret

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/guid"
)

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
