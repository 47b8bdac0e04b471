package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
)

type serveCommand struct {
	Addr      string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to serve on; port 0 takes a free one (${default})."`
	TokenFile string        `placeholder:"FILE" help:"File with the token that callers send as Authorization: Bearer. Required off loopback."`
	TLSCert   string        `placeholder:"FILE" help:"Certificate (PEM) to serve TLS with. Required off loopback."`
	TLSKey    string        `placeholder:"FILE" help:"Its private key (PEM)."`
	For       time.Duration `default:"0s" placeholder:"D" help:"Stop after this time. Default: when it is interrupted."`
	pageFlags
	tenantFlags
}

// Help is the rest of `rollcall serve --help`.
func (serveCommand) Help() string {
	return `Answers HTTP requests as the Lambda function does, in Graph's own dialect: any Graph client
that is pointed here reads the users without a Graph credential of its own.

  /users, /v1.0/users   a page; $select, $filter, $search, $orderby, $top, $count, $skiptoken;
                        all users with $format=ndjson (the last line says whether the list is
                        complete), or $format=csv or xlsx (sent only once it is; csv=excel keeps
                        spreadsheets from running cells as formulas)
  /users/{id}           one user, by object id, and by userPrincipalName where that is a column
  /users/$count         how many there are
  /                     for browsers: people, the snapshots of --sink, and with --watch the
                        changes as they come

Only the columns of ROLLCALL_SELECT can be read, filtered and sorted by.

Sixteen requests are answered at a time; others wait, ten seconds at most. A caller who takes
nothing of an answer for 30 seconds is given up.

On a loopback address anybody on this machine may send requests, but only to a loopback name, so
that a page in a browser cannot reach it through a name of its own (DNS rebinding). Anywhere else
callers need a token, over TLS.

Examples:

  rollcall serve --demo
  curl 'http://127.0.0.1:8080/users?$top=3&$select=displayName,mail'
  rollcall serve --demo --watch --sink ./snapshot
  rollcall serve --addr 0.0.0.0:8443 --token-file token --tls-cert cert.pem --tls-key key.pem
`
}

// Run serves until ctx ends or --for is over.
func (c *serveCommand) Run(ctx context.Context, p *program) error {
	guard, err := c.guard()
	if err != nil {
		return err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	flags, err := c.pageFlags.overrides()
	if err != nil {
		return err
	}
	if c.Watch {
		c.churn = 60
	}
	console, log := p.console()
	var settings publisher.Settings
	t, err := p.connect(context.WithoutCancel(ctx), c.tenantFlags, flags, console, log, &settings)
	if err != nil {
		return err
	}
	defer t.close()
	users, err := api.New(api.Config{Directory: t.Graph, Request: t.Request, Key: t.SealKey, Workbook: newWorkbook, Log: log})
	if err != nil {
		return err
	}
	pages, feed, err := c.page(t, users, settings, c.Demo, log)
	if err != nil {
		return err
	}
	guard.next, guard.isBrowser = beside(pages, newSemaphore(pages)), users.PrefersHTML
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("serve on %s: %w; --addr chooses another address", c.Addr, err)
	}
	if _, err := fmt.Fprintf(p.errOut(), "Serving %s://%s/users. Ctrl-C ends it. In a browser: %[1]s://%[2]s/\n", guard.scheme, listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	if feed != nil {
		watched := make(chan struct{})
		watching, end := context.WithCancel(ctx)
		defer func() { end(); <-watched }()
		go func() {
			defer close(watched)
			c.follow(watching, p, t, settings, feed, console, log)
		}()
	}
	return c.serve(ctx, pages.Guard(guard), &readersListener{listener, stalled}, log)
}

// serve answers requests until ctx ends; then those in progress have a few seconds
// to finish.
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
		return <-stopped // a signal is the normal end
	}
	stop()
	return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
}

// guard validates the flags that decide who may send requests.
func (c *serveCommand) guard() (*guard, error) {
	g := &guard{scheme: "http"}
	if c.TLSCert != "" {
		g.scheme = "https"
	}
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
	host, err := addrHost(c.Addr)
	if err != nil {
		return nil, err
	}
	g.loopback = isLoopback(host)
	if !g.loopback && (g.token == "" || c.TLSCert == "") {
		return nil, &usageError{fmt.Sprintf("--addr %s is not a loopback address: others on the network could read the users, so --token-file, --tls-cert and --tls-key are required", c.Addr)}
	}
	return g, nil
}

// minToken is the length of the shortest token accepted: 128 bits in base64.
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
		return "", &usageError{fmt.Sprintf("--token-file %s contains no token of at least %d characters; make one with: openssl rand -base64 32", file, minToken)}
	}
	return token, nil
}

// addrHost returns the host of --addr.
func addrHost(addr string) (string, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", &usageError{fmt.Sprintf("--addr %s is not HOST:PORT, such as 127.0.0.1:8080", addr)}
	}
	return host, nil
}

// isLoopback reports whether a host name or address is this machine's own.
func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	name, port, err := origin.ParseHost(host)
	return err == nil && port == "" && name == "localhost"
}

// isLoopbackURL reports whether a URL leads to this machine.
func isLoopbackURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && isLoopback(u.Hostname())
}

// guard decides whose requests reach the API.
type guard struct {
	next     http.Handler
	scheme   string // http or https
	loopback bool   // whether it is served on a loopback address
	token    string // that callers must send, "" for none
	// isBrowser tells the requests of browsers, which ask people for a password.
	isBrowser func(http.Header) bool
}

// ServeHTTP passes a request to the API or refuses it.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = correlation.Begin(w, r)
	if r.ContentLength != 0 {
		// No body is read here, and waiting for one that never comes would block the
		// connection.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second))
		w.Header().Set("Connection", "close")
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "cross-site" || site == "same-site":
		// Another page in the browser could not read the answer, but its requests
		// would use up Graph's quota.
		refuse(w, http.StatusForbidden, "Request.Invalid", "pages of other sites may not send requests")
		return
	case g.loopback && !isLoopbackHost(r.Host):
		// DNS rebinding: a page in a browser whose own name resolves to this
		// address sends that name.
		refuse(w, http.StatusMisdirectedRequest, "Request.Invalid", "this server answers under a loopback name only, such as 127.0.0.1 or localhost")
		return
	case g.token != "" && !g.authorized(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="rollcall"`)
		if g.isBrowser(r.Header) {
			w.Header().Set("WWW-Authenticate", `Basic realm="rollcall", charset="UTF-8"`)
		}
		refuse(w, http.StatusUnauthorized, "Request.Unauthorized", "send the token of --token-file as Authorization: Bearer")
		return
	case r.ContentLength != 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		refuse(w, http.StatusBadRequest, "Request.Invalid", "a request that reads has no body here")
		return
	}
	// Only a trigger may set these headers, not the caller.
	r.Header.Del(header.Prefix)
	r.Header.Del(header.User)
	r.Header.Set(header.Proto, g.scheme)
	g.next.ServeHTTP(w, r)
}

// authorized reports whether the request carries the token: as such, or as the password
// that a browser sends, with any user name.
func (g *guard) authorized(r *http.Request) bool {
	if _, password, ok := r.BasicAuth(); ok {
		return subtle.ConstantTimeCompare([]byte(password), []byte(g.token)) == 1
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(g.token)) == 1
}

// isLoopbackHost reports whether a Host header names this machine.
func isLoopbackHost(host string) bool {
	name, _, err := origin.ParseHost(host)
	return err == nil && isLoopback(strings.Trim(name, "[]"))
}

// refuse answers with an error in the envelope of the API.
func refuse(w http.ResponseWriter, status int, name, message string) {
	failure.Failure{Status: status, Name: name, Message: message}.Write(w)
}
