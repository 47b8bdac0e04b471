package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/api"
)

type serveCommand struct {
	Addr      string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to serve on; port 0 takes a free one (${default})."`
	TokenFile string        `placeholder:"FILE" help:"File with the token that callers send as Authorization: Bearer. Required off loopback."`
	TLSCert   string        `placeholder:"FILE" help:"Certificate (PEM) to serve TLS with. Required off loopback."`
	TLSKey    string        `placeholder:"FILE" help:"Its private key (PEM)."`
	For       time.Duration `default:"0s" placeholder:"D" help:"Stop after this time. Default: when it is interrupted."`
	tenantFlags
}

// Help is the rest of `rollcall serve --help`.
func (serveCommand) Help() string {
	return `Answers HTTP requests as the Lambda function does, in Graph's own dialect: any Graph client
that is pointed here reads the users without holding a Graph credential.

  /users, /v1.0/users   a page; $select, $filter, $search, $orderby, $top, $count, $skiptoken
                        everyone with $format=ndjson (its last line says whether the list is
                        complete) or $format=csv (sent only once it is; csv=excel keeps
                        spreadsheets from running cells as formulas)
  /users/{id}           one user, by object id or userPrincipalName
  /users/$count         how many there are

The columns of ROLLCALL_SELECT are all that can be read, filtered and sorted by.

On a loopback address anybody on this machine may ask, but only under a loopback name: a page in a
browser cannot reach it through a name of its own. Anywhere else callers need a token, over TLS.

Examples:

  rollcall serve --demo
  curl 'http://127.0.0.1:8080/users?$top=3&$select=displayName,mail'
  rollcall serve --addr 0.0.0.0:8443 --token-file token --tls-cert cert.pem --tls-key key.pem
`
}

// Run serves until ctx or the time given ends.
func (c *serveCommand) Run(ctx context.Context, p *program, all *commands) error {
	stderr := &screen{w: p.stderr}
	guard, err := c.guard()
	if err != nil {
		return err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	log := stderr.logger(all.Verbose)
	t, err := p.connect(context.WithoutCancel(ctx), c.tenantFlags, nil, log)
	if err != nil {
		return err
	}
	defer t.close()
	handler, err := api.New(api.Config{Directory: t.Graph, Request: t.Request, Key: t.SealKey, Log: log})
	if err != nil {
		return err
	}
	guard.next = handler
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("serve on %s: %w; --addr chooses another address", c.Addr, err)
	}
	if _, err := fmt.Fprintf(p.stderr, "Serving %s://%s/users. Ctrl-C ends it.\n", c.scheme(), listener.Addr()); err != nil {
		return errors.Join(&writeError{where: "stderr", err: err}, listener.Close())
	}
	return c.serve(ctx, guard, listener, log)
}

// serve answers requests until ctx ends; those under way get some time to end.
func (c *serveCommand) serve(ctx context.Context, handler http.Handler, listener net.Listener, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	var err error
	if c.TLSCert != "" {
		err = server.ServeTLS(listener, c.TLSCert, c.TLSKey)
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return <-stopped // a signal is how it is meant to end
	}
	stop()
	return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
}

func (c *serveCommand) scheme() string {
	if c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// guard checks the flags that decide who may ask.
func (c *serveCommand) guard() (*guard, error) {
	g := &guard{scheme: c.scheme(), loopback: loopback(c.Addr) == nil}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return nil, &usageError{"--tls-cert and --tls-key go together"}
	}
	if c.TokenFile != "" {
		token, err := readToken(c.TokenFile)
		if err != nil {
			return nil, err
		}
		g.token = token
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return nil, &usageError{fmt.Sprintf("--addr %s is not HOST:PORT, such as 127.0.0.1:8080", c.Addr)}
	}
	if !g.loopback && (g.token == "" || c.TLSCert == "") {
		return nil, &usageError{fmt.Sprintf("--addr %s is not a loopback address: others on the network could ask, so --token-file, --tls-cert and --tls-key are required", c.Addr)}
	}
	return g, nil
}

// minToken is the shortest token that is taken: 128 bits in base64.
const minToken = 22

func readToken(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", &usageError{fmt.Sprintf("--token-file: %v", err)}
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return "", &usageError{fmt.Sprintf("--token-file: %v", err)}
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minToken || strings.ContainsAny(token, " \t\r\n") {
		return "", &usageError{fmt.Sprintf("--token-file %s holds no token of at least %d characters; make one with: openssl rand -base64 32", file, minToken)}
	}
	return token, nil
}
