// Package config is the only reader of the environment. [Read] turns it into a typed
// and validated [Config]. It reports all problems at once, each with the variable and
// what to write instead, so that a deployment can be corrected in one go.
//
// It never reads the process environment itself, and imports only packages whose
// types parse themselves.
package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// Config is the configuration. However it is printed, marshalled or logged, it shows
// neither the filter (which may name a person) nor the values of AZURE_ variables.
type Config struct {
	// Credentials is where the app's identity is stored, `env:` by default.
	Credentials secret.Source
	// SealKey is where the key that seals skiptokens is stored, zero for none.
	SealKey secret.Source
	// Cloud is the national cloud.
	Cloud cloud.Cloud
	// LoginURL and GraphURL are the hosts to use, https://host[:port]: the cloud's,
	// or those that replace them.
	LoginURL, GraphURL string
	// VaultDomain is that of the key vaults that secrets are read from, such as
	// vault.azure.net: the cloud's, or the one that replaces it. "" where neither is known.
	VaultDomain string
	// Replaced names the variables that replace a host of the cloud. The caller logs a
	// warning for each, since the client secret or the token is sent there.
	Replaced []string
	// Select is the columns, which are also the allow-list. It always includes "id".
	Select property.Columns
	// Filter is the $filter of every listing, "" for none.
	Filter string
	// PageSize is $top, 1 to 999.
	PageSize int
	// CountSlack is how far a list may be from /users/$count and still be taken,
	// unverified.
	CountSlack tolerance.Tolerance
	// RequireVerified refuses a list that cannot be verified.
	RequireVerified bool
	// AllowAnonymous accepts HTTP events without a verified caller.
	AllowAnonymous bool
	// Roles are what a caller's JSON Web Token must have one of, none for no role.
	Roles []string
	// LoadBalancer is the ARN of the load balancer whose sign-in counts, "" for any.
	LoadBalancer string
	// Stream answers REST API and Function URL events with a stream instead of a
	// buffered response.
	Stream bool
	// Parallel is how many partitions of the list are read in parallel.
	Parallel Parallel
	// MemorySize is the Lambda function's memory in bytes, 0 elsewhere.
	MemorySize int64
	// LogLevel is Lambda's AWS_LAMBDA_LOG_LEVEL, "" if it is not set.
	LogLevel string

	lookup func(name string) (string, bool)
}

// LookupEnv returns the value of an AZURE_ variable, of ROLLCALL_FEDERATION or of one by which
// App Service tells of its managed identity, and whether it is set. It passes the values of `env:`
// credentials to package credential without storing them in a field that could be printed.
// No other variable can be looked up.
func (c *Config) LookupEnv(name string) (string, bool) {
	if c.lookup == nil || !strings.HasPrefix(name, "AZURE_") && name != "ROLLCALL_FEDERATION" && name != "IDENTITY_ENDPOINT" && name != "WEBSITE_SITE_NAME" {
		return "", false
	}
	return c.lookup(name)
}

// LogValue logs the settings that help to understand a run.
func (c Config) LogValue() slog.Value {
	names := make([]string, len(c.Select))
	for i, column := range c.Select {
		names[i] = column.String()
	}
	return slog.GroupValue(
		slog.String("credentials", string(c.Credentials.Scheme)),
		slog.String("cloud", c.Cloud.Name),
		slog.String("login", c.LoginURL),
		slog.String("graph", c.GraphURL),
		slog.String("select", strings.Join(names, ",")),
		slog.Bool("filtered", c.Filter != ""),
		slog.Int("pageSize", c.PageSize),
		slog.String("countSlack", c.CountSlack.String()),
		slog.Bool("requireVerified", c.RequireVerified),
		slog.Bool("allowAnonymous", c.AllowAnonymous),
		slog.Int("jwtRoles", len(c.Roles)),
		slog.String("loadBalancer", c.LoadBalancer),
		slog.Bool("stream", c.Stream),
		slog.String("parallel", c.Parallel.String()),
	)
}

// String returns the cloud and hosts on one line.
func (c Config) String() string {
	return fmt.Sprintf("cloud %s, login %s, graph %s", c.Cloud.Name, c.LoginURL, c.GraphURL)
}

// Format writes String for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalText returns String, so that no encoder walks the fields.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
