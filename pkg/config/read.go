package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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

// ExtraVariables names the variables that only some functions read, into settings of
// their own; see [Read].
func ExtraVariables() []string {
	return []string{"ROLLCALL_MAX_COLUMN_LOSS", "ROLLCALL_MAX_LEAVERS", "ROLLCALL_NOTIFICATION_URL", "ROLLCALL_QUEUE", "ROLLCALL_RECONCILE", "ROLLCALL_ROTATED_SECRET", "ROLLCALL_SECRET_LIFETIME", "ROLLCALL_SINKS", "ROLLCALL_STATE", "ROLLCALL_STATE_MACHINE", "ROLLCALL_TENANTS", "ROLLCALL_WEBHOOK_SECRET"}
}

// settings are the variables that every function reads, and their types.
type settings struct {
	Credentials     secret.Source       `env:"ROLLCALL_CREDENTIALS"`
	Federation      federation          `env:"ROLLCALL_FEDERATION"`
	SealKey         keySource           `env:"ROLLCALL_SEAL_KEY"`
	Cloud           cloudName           `env:"ROLLCALL_CLOUD"`
	LoginURL        host                `env:"ROLLCALL_LOGIN_URL"`
	GraphURL        host                `env:"ROLLCALL_GRAPH_URL"`
	VaultDomain     domain              `env:"ROLLCALL_VAULT_DOMAIN"`
	Select          property.Columns    `env:"ROLLCALL_SELECT"`
	Filter          string              `env:"ROLLCALL_FILTER"`
	PageSize        pageSize            `env:"ROLLCALL_PAGE_SIZE"`
	CountSlack      tolerance.Tolerance `env:"ROLLCALL_COUNT_SLACK"`
	RequireVerified flag                `env:"ROLLCALL_REQUIRE_VERIFIED"`
	AllowAnonymous  flag                `env:"ROLLCALL_ALLOW_ANONYMOUS"`
	Roles           roles               `env:"ROLLCALL_JWT_ROLES"`
	LoadBalancer    loadBalancer        `env:"ROLLCALL_LOAD_BALANCER"`
	Response        stream              `env:"ROLLCALL_RESPONSE"`
	Parallel        Parallel            `env:"ROLLCALL_PARALLEL"`
	AuthorityHost   host                `env:"AZURE_AUTHORITY_HOST"`
	LogLevel        string              `env:"AWS_LAMBDA_LOG_LEVEL"`
	MemorySize      int                 `env:"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"`
}

// Read reads an environment in the form of os.Environ(). A variable that is empty or
// white space counts as unset, and white space around a value is ignored. The error
// is an *[Error] with all problems.
//
// Each extra is a pointer to a struct of variables that a function reads in addition
// to those of Config. Its fields have tags such as env:"ROLLCALL_STATE" and types that
// parse themselves, whose errors must not quote the value.
func Read(environ []string, extra ...any) (*Config, error) {
	var found collector
	values := gather(environ, &found)
	set := settings{
		Credentials: secret.Source{Scheme: secret.Environment},
		Select:      property.DefaultColumns(),
		Cloud:       cloudName(cloud.Public()),
		PageSize:    defaultPageSize,
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

// OnAzure returns the environment of a function in Azure, for [Read]: where
// ROLLCALL_CREDENTIALS is unset, the credentials are the managed identity of the
// function. Elsewhere they are `env:`.
func OnAzure(environ []string) []string {
	// The first of two counts, unless it is empty.
	return append(slices.Clip(environ), "ROLLCALL_CREDENTIALS=managed-identity:")
}

// gather returns the values of the variables that this package or the credentials
// read. App Service leaves unresolved Key Vault references in place; they are
// reported as problems, also where a library reads the variable.
func gather(environ []string, found *collector) map[string]string {
	values := map[string]string{}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !isOurs(name) && !isLibrarys(name) && !isWatching(name) {
			continue
		}
		if _, duplicate := values[name]; duplicate {
			continue // the first one counts, as in os.Getenv
		}
		value = strings.TrimSpace(value)
		switch {
		case value == "":
		case isReference(value) && !isWatching(name):
			found.add(name, "is a Key Vault reference that was not resolved", "give the app's identity access to the vault, and check the reference")
		case isOurs(name) || isWatching(name):
			values[name] = value
		}
	}
	return values
}

func isOurs(name string) bool {
	switch name {
	case "IDENTITY_ENDPOINT", "WEBSITE_SITE_NAME", // of App Service
		"AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"FUNCTIONS_CUSTOMHANDLER_PORT", "FUNCTIONS_APP_ROOT_PATH", "WEBSITE_AUTH_ENABLED", "WEBSITE_HOSTNAME",
		"AzureFunctionsJobHost__functionTimeout", "AzureFunctionsJobHost__extensions__http__routePrefix", "AzureFunctionsJobHost__extensions__queues__maxDequeueCount":
		return true
	}
	return strings.HasPrefix(name, "AZURE_") || len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// isLibrarys reports whether a library that is linked here reads a variable: the AWS SDK,
// net/http and crypto/x509. Those that azidentity reads are ours as well.
func isLibrarys(name string) bool {
	switch strings.ToUpper(name) {
	case "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "IDENTITY_HEADER":
		return true
	}
	return strings.HasPrefix(name, "AWS_")
}

// isWatching reports whether a variable is only about metrics, for want of which nothing fails.
func isWatching(name string) bool { return strings.HasPrefix(name, "APPLICATIONINSIGHTS_") }

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

// check finds values that contradict each other.
func (s *settings) check(found *collector) {
	if limit := int(s.PageSize) / 2; s.CountSlack.Users > limit {
		found.add("ROLLCALL_COUNT_SLACK", fmt.Sprintf("is more than half a page, which is %d users", limit), "write a smaller number: a lost page must not go unnoticed")
	}
	if strings.ContainsFunc(s.Filter, unicode.IsControl) {
		found.add("ROLLCALL_FILTER", "contains a control character", "write the filter on one line")
	}
	if s.Federation != "" && s.Credentials.Scheme != secret.Environment {
		found.add("ROLLCALL_FEDERATION", "is for ROLLCALL_CREDENTIALS=env: only", `remove it, or put "Federation":"aws" into the secret`)
	}
	for variable, asks := range map[string]bool{"ROLLCALL_JWT_ROLES": len(s.Roles.names) > 0, "ROLLCALL_LOAD_BALANCER": s.LoadBalancer != ""} {
		if asks && bool(s.AllowAnonymous) {
			found.add(variable, "asks for callers that ROLLCALL_ALLOW_ANONYMOUS does not ask for", "remove one of the two")
		}
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

// login returns the login host that replaces the cloud's, and its variable.
// ROLLCALL_LOGIN_URL takes precedence over the Azure SDK's variable.
func (s *settings) login() (login host, variable string) {
	if s.LoginURL.isSet() {
		return s.LoginURL, "ROLLCALL_LOGIN_URL"
	}
	return s.AuthorityHost, "AZURE_AUTHORITY_HOST"
}

// config makes the Config.
func (s *settings) config(values map[string]string) *Config {
	own := cloud.Cloud(s.Cloud)
	c := &Config{
		Credentials:     s.Credentials,
		SealKey:         secret.Source(s.SealKey),
		Cloud:           own,
		LoginURL:        s.Cloud.LoginURL,
		GraphURL:        s.Cloud.GraphURL,
		VaultDomain:     cmp.Or(string(s.VaultDomain), s.Cloud.VaultDomain),
		Select:          s.Select,
		Filter:          s.Filter,
		PageSize:        int(s.PageSize),
		CountSlack:      s.CountSlack,
		RequireVerified: bool(s.RequireVerified),
		AllowAnonymous:  bool(s.AllowAnonymous),
		Roles:           s.Roles.names,
		LoadBalancer:    string(s.LoadBalancer),
		Stream:          bool(s.Response),
		Parallel:        s.Parallel,
		MemorySize:      int64(s.MemorySize) << 20,
		LogLevel:        s.LogLevel,
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
