// Package config is the only reader of the environment. [Read] turns it into a
// typed and checked [Config] and reports every problem at once, each with the
// variable and what to write instead, so that a deployment is corrected in one go.
//
// It reads what it is handed, never the process, and imports only the packages whose
// values parse themselves.
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

// Config is the configuration. However it is printed, marshalled or logged, it
// shows no filter (which may name a person) and no value of AZURE_ variables.
type Config struct {
	// Credentials is where the app's identity is kept, `env:` by default.
	Credentials secret.Source
	// SealKey is where the key that skiptokens are sealed with is kept, zero for
	// none.
	SealKey secret.Source
	// Cloud is the national cloud.
	Cloud cloud.Cloud
	// LoginURL and GraphURL are the hosts to use, https://host[:port]: the cloud's,
	// or those that replace them.
	LoginURL, GraphURL string
	// Replaced names the variables that replaced a host of the cloud. The caller
	// logs a warning for each: the client secret and the token go there.
	Replaced []string
	// Scope is what a token is asked for. It always comes from the cloud, also
	// when GraphURL is replaced.
	Scope string
	// Select holds the columns, which are also the allow-list; "id" is always among them.
	Select property.Columns
	// Filter is the $filter that goes into every listing, "" for none.
	Filter string
	// PageSize is $top, 1 to 999.
	PageSize int
	// CountSlack is how far a list may be from /users/$count.
	CountSlack tolerance.Tolerance
	// AllowAnonymous answers HTTP events that carry no verified caller.
	AllowAnonymous bool
	// Stream answers REST API and Function URL events with a stream, not whole.
	Stream bool
	// Parallel is how many ranges of the list are read side by side.
	Parallel int
	// MemorySize is the Lambda function's memory in bytes, 0 elsewhere.
	MemorySize int64
	// LogLevel and LogFormat are Lambda's AWS_LAMBDA_LOG_LEVEL and
	// AWS_LAMBDA_LOG_FORMAT as they are, "" when unset.
	LogLevel, LogFormat string
	// NoColor says that NO_COLOR is set to anything.
	NoColor bool

	lookup func(name string) (string, bool)
}

// LookupEnv returns the value of an AZURE_ variable, and whether it is set to
// anything. It hands the values that `env:` credentials need to package
// credential without making them a field that could be printed. It knows no
// other variable.
func (c *Config) LookupEnv(name string) (string, bool) {
	if c.lookup == nil || !strings.HasPrefix(name, "AZURE_") {
		return "", false
	}
	return c.lookup(name)
}

// LogValue logs what helps to understand a run.
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
		slog.Bool("allowAnonymous", c.AllowAnonymous),
		slog.Bool("stream", c.Stream),
		slog.Int("parallel", c.Parallel),
	)
}

// String returns the cloud and hosts on one line.
func (c Config) String() string {
	return fmt.Sprintf("cloud %s, login %s, graph %s", c.Cloud.Name, c.LoginURL, c.GraphURL)
}

// Format writes String, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalText returns String, so that no encoder walks the fields.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
