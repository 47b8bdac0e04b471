package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/caarlos0/env/v11"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

const prefix = "ROLLCALL_"

// ExtraVariables names the variables that only some functions read, through settings of
// their own; see [Read].
func ExtraVariables() []string {
	return []string{"ROLLCALL_MAX_LEAVERS", "ROLLCALL_SINKS", "ROLLCALL_STATE", "ROLLCALL_TENANTS", "ROLLCALL_WEBHOOK_SECRET"}
}

// settings are the variables that every function reads, and their types.
type settings struct {
	Credentials    secret.Source       `env:"ROLLCALL_CREDENTIALS"`
	SealKey        keySource           `env:"ROLLCALL_SEAL_KEY"`
	Cloud          cloudName           `env:"ROLLCALL_CLOUD"`
	LoginURL       host                `env:"ROLLCALL_LOGIN_URL"`
	GraphURL       host                `env:"ROLLCALL_GRAPH_URL"`
	Select         property.Columns    `env:"ROLLCALL_SELECT"`
	Filter         string              `env:"ROLLCALL_FILTER"`
	PageSize       pageSize            `env:"ROLLCALL_PAGE_SIZE"`
	CountSlack     tolerance.Tolerance `env:"ROLLCALL_COUNT_SLACK"`
	AllowAnonymous flag                `env:"ROLLCALL_ALLOW_ANONYMOUS"`
	Response       stream              `env:"ROLLCALL_RESPONSE"`
	Parallel       parallel            `env:"ROLLCALL_PARALLEL"`
	AuthorityHost  host                `env:"AZURE_AUTHORITY_HOST"`
	LogLevel       string              `env:"AWS_LAMBDA_LOG_LEVEL"`
	LogFormat      string              `env:"AWS_LAMBDA_LOG_FORMAT"`
	MemorySize     int                 `env:"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"`
	NoColor        string              `env:"NO_COLOR"`
}

// Read reads the environment, given as os.Environ() gives it. A variable that is
// empty or white space counts as unset, and white space around a value does not
// count. The error is an *[Error] with every problem.
//
// Each extra is a pointer to a struct of further variables, which a function
// reads besides those of Config: its fields have tags such as env:"ROLLCALL_STATE"
// and types that parse themselves, and their errors quote no value.
func Read(environ []string, extra ...any) (*Config, error) {
	var found collector
	values := gather(environ, &found)
	set := settings{
		Credentials: secret.Source{Scheme: secret.Environment},
		Select:      property.DefaultColumns(),
		Cloud:       cloudName(cloud.Public()),
		PageSize:    defaultPageSize,
		CountSlack:  tolerance.Tolerance{Share: defaultShare},
		Parallel:    1,
	}
	known := ExtraVariables()
	err := env.ParseWithOptions(&set, env.Options{
		Environment: values,
		OnSet:       func(name string, _ any, _ bool) { known = append(known, name) },
	})
	found.parsed(err, &set)
	reportUnknown(values, known, &found)
	set.check(&found)
	for _, settings := range extra {
		found.parsed(env.ParseWithOptions(settings, env.Options{Environment: values}), settings)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return set.config(values), nil
}

// gather makes a map of what is set among the variables that anything here or in
// the credentials reads. App Service leaves a Key Vault reference that it could not
// resolve as it is; it is reported and not read.
func gather(environ []string, found *collector) map[string]string {
	values := map[string]string{}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !isOurs(name) {
			continue
		}
		if _, twice := values[name]; twice {
			continue // as os.Getenv does: the first counts
		}
		value = strings.TrimSpace(value)
		switch {
		case value == "":
		case isReference(value):
			found.add(name, "is a Key Vault reference that was not resolved", "give the app's identity access to the vault, and check the reference")
		default:
			values[name] = value
		}
	}
	return values
}

func isOurs(name string) bool {
	switch name {
	case "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "NO_COLOR",
		"AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY",
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST", "AZURE_REGIONAL_AUTHORITY_NAME",
		"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE":
		return true
	}
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

func isReference(value string) bool {
	const start = "@Microsoft.KeyVault("
	return len(value) >= len(start) && strings.EqualFold(value[:len(start)], start)
}

func reportUnknown(values map[string]string, known []string, found *collector) {
	isKnown := map[string]bool{}
	var ours []string
	for _, name := range known {
		isKnown[name] = true
		if strings.HasPrefix(name, prefix) {
			ours = append(ours, name)
		}
	}
	for name := range values {
		if !isKnown[name] && strings.EqualFold(name[:min(len(name), len(prefix))], prefix) {
			found.add(name, "is not a variable that this version knows", "did you mean "+nearest(name, ours)+"? Otherwise remove it")
		}
	}
}

// check looks at what is wrong with values together.
func (s *settings) check(found *collector) {
	if limit := int(s.PageSize) / 2; s.CountSlack.Users > limit {
		found.add("ROLLCALL_COUNT_SLACK", fmt.Sprintf("is more than half a page, which is %d users", limit), "write a smaller number: a lost page must not pass unseen")
	}
	if strings.ContainsFunc(s.Filter, unicode.IsControl) {
		found.add("ROLLCALL_FILTER", "holds a control character", "write the filter on one line")
	}
	own := cloud.Cloud(s.Cloud)
	login, variable := s.login()
	for _, given := range []struct {
		variable string
		host     host
		check    func(host string) error
	}{
		{variable, login, own.CheckLogin},
		{"ROLLCALL_GRAPH_URL", s.GraphURL, own.CheckGraph},
	} {
		var foreign *cloud.ForeignError
		if errors.As(given.check(origin.Origin(given.host).Name()), &foreign) {
			found.add(given.variable, foreign.Problem, foreign.Remedy)
		}
	}
}

// login returns the login host that replaces the cloud's, and the variable that
// names it. The standard one does not count beside our own.
func (s *settings) login() (login host, variable string) {
	if s.LoginURL.isSet() {
		return s.LoginURL, "ROLLCALL_LOGIN_URL"
	}
	return s.AuthorityHost, "AZURE_AUTHORITY_HOST"
}

// config completes the settings.
func (s *settings) config(values map[string]string) *Config {
	own := cloud.Cloud(s.Cloud)
	c := &Config{
		Credentials:    s.Credentials,
		SealKey:        secret.Source(s.SealKey),
		Cloud:          own,
		LoginURL:       s.Cloud.LoginURL,
		GraphURL:       s.Cloud.GraphURL,
		Scope:          own.Scope(),
		Select:         s.Select,
		Filter:         s.Filter,
		PageSize:       int(s.PageSize),
		CountSlack:     s.CountSlack,
		AllowAnonymous: bool(s.AllowAnonymous),
		Stream:         bool(s.Response),
		Parallel:       int(s.Parallel),
		MemorySize:     int64(s.MemorySize) << 20,
		LogLevel:       s.LogLevel,
		LogFormat:      s.LogFormat,
		NoColor:        s.NoColor != "",
		lookup: func(name string) (string, bool) {
			value, ok := values[name]
			return value, ok
		},
	}
	login, variable := s.login()
	c.replace(&c.LoginURL, variable, login)
	c.replace(&c.GraphURL, "ROLLCALL_GRAPH_URL", s.GraphURL)
	return c
}

func (c *Config) replace(target *string, variable string, by host) {
	if by.isSet() && by.url() != *target {
		*target = by.url()
		c.Replaced = append(c.Replaced, variable)
	}
}
