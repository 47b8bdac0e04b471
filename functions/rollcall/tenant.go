package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
)

const envSource = "env:"

// tenantFlags choose the tenant that a command reads.
type tenantFlags struct {
	Demo      bool     `help:"Read a simulated tenant that runs inside this command."`
	DemoUsers int      `placeholder:"N" default:"1000" help:"How many users the simulated tenant has (${default})."`
	DemoFault []string `hidden:"" sep:"none" placeholder:"NAME[:PAGE]" help:"What goes wrong in the simulated tenant."`

	churn   int             // how many changes happen in the simulated tenant per minute
	options []reader.Option // of the reader
}

// tenant is a connection to a tenant, real or simulated.
type tenant struct {
	*reader.Reader
	config  *config.Config
	options []reader.Option // of the reader
	close   func()
}

// connect wires a reader from the environment and the flags that override it. more
// are further settings for [config.Read] to fill. It makes no request. The caller
// closes the tenant.
func (p *program) connect(ctx context.Context, f tenantFlags, flags overrides, c *console, log *slog.Logger, more ...any) (*tenant, error) {
	environ := flags.environ(p.environ)
	t := &tenant{close: func() {}}
	var d *demo
	var err error
	if f.Demo {
		if d, err = startDemo(ctx, f); err != nil {
			return nil, err
		}
		environ, t.options, t.close = setenv(environ, d.settings()), d.options(), d.close
	} else if t.options, err = trust(environ); err != nil {
		return nil, err
	}
	if t.config, err = config.Read(environ, more...); err == nil {
		if f.Demo {
			t.config.Replaced = nil // the demo itself replaces the hosts: no warning
		}
		t.options = append(append(t.options, reader.WithAudience(p.pauses(c))), f.options...)
		t.Reader, err = reader.New(t.config, log, t.options...)
	}
	if err != nil {
		t.close()
		return nil, flags.named(err)
	}
	if f.Demo {
		_, _ = fmt.Fprintln(p.stderr, d)
	}
	return t, nil
}

// publisher returns what publishes the tenant by the settings.
func (t *tenant) publisher(settings publisher.Settings, log *slog.Logger) (*publisher.Publisher, error) {
	cfg := *t.config
	cfg.Replaced = nil // the reader has logged the warnings
	return publisher.New(&cfg, settings, log, t.options...)
}

// trust honours SSL_CERT_FILE on every system. Go does so only on Linux, and
// without it a simulated tenant could not be read on macOS or Windows.
func trust(environ []string) ([]reader.Option, error) {
	name := lookup(environ, "SSL_CERT_FILE")
	if name == "" {
		return nil, nil
	}
	certificates, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, &usageError{fmt.Sprintf("SSL_CERT_FILE: %v; name a file that exists, or unset it", err)}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(certificates) {
		return nil, &usageError{"SSL_CERT_FILE: " + name + " contains no PEM certificate"}
	}
	transport := graph.NewTransport()
	transport.TLSClientConfig.RootCAs = pool
	return []reader.Option{reader.WithTransport(transport)}, nil
}
