package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/reader"
)

const envSource = "env:"

// tenantFlags choose the tenant that a command reads.
type tenantFlags struct {
	Demo      bool     `help:"Read a simulated tenant that runs inside this command."`
	DemoUsers int      `placeholder:"N" default:"1000" help:"How many users the simulated tenant has (${default})."`
	DemoFault []string `hidden:"" sep:"none" placeholder:"NAME[:PAGE]" help:"What goes wrong in the simulated tenant."`
}

// tenant is a connection to a tenant, real or simulated.
type tenant struct {
	*reader.Reader
	config  *config.Config
	options []reader.Option // by which it is reached
	close   func()
}

// connect reads the environment, with the overrides of the command line, and wires a
// reader. more are the settings that the command reads besides; see [config.Read].
// connect makes no request; the tenant is to be closed.
func (p *program) connect(ctx context.Context, f tenantFlags, overrides map[string]string, log *slog.Logger, more ...any) (*tenant, error) {
	environ := override(p.environ, overrides)
	if f.Demo {
		return p.connectDemo(ctx, f, environ, log, more)
	}
	cfg, err := config.Read(environ, more...)
	if err != nil {
		return nil, err
	}
	options, err := trust(environ)
	if err != nil {
		return nil, err
	}
	r, err := reader.New(cfg, log, options...)
	if err != nil {
		return nil, err
	}
	return &tenant{Reader: r, config: cfg, options: options, close: func() {}}, nil
}

// override puts variables in front: of several, the first counts. An override
// that is empty hides the variable.
func override(environ []string, overrides map[string]string) []string {
	merged := make([]string, 0, len(environ)+len(overrides))
	for name, value := range overrides {
		merged = append(merged, name+"="+value)
	}
	slices.Sort(merged)
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if _, hidden := overrides[name]; !hidden {
			merged = append(merged, entry)
		}
	}
	return merged
}

// lookup returns the value of a variable, "" when it is not set.
func lookup(environ []string, name string) string {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
