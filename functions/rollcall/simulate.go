package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

type simulateCommand struct {
	Addr            string        `default:"127.0.0.1:8443" placeholder:"HOST:PORT" help:"Address to serve on, loopback only; port 0 takes a free one (${default})."`
	Users           int           `default:"1000" placeholder:"N" help:"How many users the tenant has, up to 10 million (${default})."`
	Seed            uint64        `default:"0" placeholder:"N" help:"Which people they are; the same number gives the same people."`
	Latency         time.Duration `default:"0s" placeholder:"D" help:"Delay of each of Graph's responses, such as 200ms."`
	Fault           []string      `sep:"none" placeholder:"NAME[:PAGE]" help:"Something that goes wrong, on one page or on all; repeatable. See below."`
	Throttle        bool          `help:"Meter requests and answer 429 as Graph does."`
	Churn           int           `default:"0" placeholder:"N" help:"How many changes happen per minute: users are created, deleted, restored, renamed."`
	Chaos           uint64        `default:"0" placeholder:"SEED" help:"Let any request meet any fault while users come, go and are renamed, as the seed decides."`
	Host            []string      `sep:"none" placeholder:"NAME" help:"A further name in the certificate, such as graph.microsoft.com; repeatable. See below."`
	Role            roleChanges   `placeholder:"NAME" help:"Grant the app an application permission, with - before the name withhold it, with none all; repeatable. See below."`
	ManagedIdentity bool          `help:"Vouch for other terminals as Azure does for a function: they sign in by a managed identity instead of a client secret."`
	NotifyCA        string        `placeholder:"FILE" help:"Certificate authorities, PEM, that notification addresses are trusted by besides the system's."`
	NotifyAnywhere  bool          `help:"Send notifications to any address. Default: to loopback only."`
	For             time.Duration `default:"0s" placeholder:"D" help:"Stop after this time. Default: when it is interrupted."`
	Dir             string        `placeholder:"DIR" help:"Folder for the two files that other terminals need. Default: rollcall in the user's cache folder."`
}

// Help is the rest of `rollcall simulate --help`.
func (simulateCommand) Help() string {
	var faults, roles strings.Builder
	for _, fault := range simulator.FaultNames() {
		fmt.Fprintf(&faults, "  %-21s  %s\n", fault.Name, fault.Summary)
	}
	for _, role := range simulator.Roles() {
		fmt.Fprintf(&roles, "  %-42s  %s\n", role.Name, role.Summary)
	}
	return `Serves a simulated Entra ID tenant over TLS: token service, Graph's users, count and delta queries,
subscriptions, throttling, and any faults that are asked for. Nobody in it exists.

It writes its certificate authority and an environment file, and prints the line that connects
another terminal to it:

  terminal 1   rollcall simulate --users 1000000
  terminal 2   . ~/.cache/rollcall/simulate-8443.env
               rollcall list --format ndjson | wc -l

Both files are removed at the end.

Tools that know only Microsoft's own hosts reach it under --host names, once these lead to this
machine: by the hosts file, a proxy, or the tool's own means. Links lead back to the name by which
a caller came. A tool that adds no port needs --addr 127.0.0.1:443.

  rollcall simulate --host graph.microsoft.com --host login.microsoftonline.com
  curl --cacert FILE.pem --connect-to ::127.0.0.1:8443 https://graph.microsoft.com/v1.0/users

Graph's subscriptions to users work: the address is asked to repeat a token, and told of every change,
such as those of --churn. It is on loopback, by http:// or https://, unless --notify-anywhere is given.

With --managed-identity the environment file names an endpoint of a managed identity, on loopback
without TLS as in Azure Functions, and ROLLCALL_CREDENTIALS=managed-identity:. It has the app's permissions.

The app has the permission User.Read.All; --role, in order, changes that. Its tokens name what it
has, and Graph refuses the rest: --role AuditLog.Read.All, --role -User.Read.All, or --role none
--role User.ReadBasic.All. The names:

` + roles.String() + `
Faults are written name[@kind][:page][xN]: 503:3x2 makes page 3 unavailable twice, 429-seconds@count
throttles the count, early-end:2 ends the list after page 2 without an error. @delta means the changes,
@subscription the requests about subscriptions; notifications have faults of their own.
--chaos SEED draws from all of them, makes their waits 20 times shorter, and may make the tenant one
without delta queries, or without counts; the same seed treats the same requests alike. The names:

` + faults.String()
}

// Run serves until ctx ends or --for is over.
func (c *simulateCommand) Run(ctx context.Context, p *program) error {
	if err := requireLoopback(c.Addr); err != nil {
		return err
	}
	config, err := c.config()
	if err != nil {
		return err
	}
	if p.verbose {
		_, config.Log = p.console()
	}
	tenant := simulator.New(config)
	server, err := tenant.StartOn(ctx, c.Addr)
	if err != nil {
		return fmt.Errorf("%w; is another one running? --addr chooses the port", err)
	}
	defer func() { _ = server.Close() }()
	signIn := secretOf(tenant.Config())
	if c.ManagedIdentity {
		endpoint, stop, err := serveIdentity(ctx, tenant)
		if err != nil {
			return err
		}
		defer stop()
		signIn = identityAt(endpoint)
	}
	files, err := writeEnvironment(c.Dir, server, signIn)
	if err != nil {
		return err
	}
	defer files.remove()
	if _, err := io.WriteString(p.errOut(), files.directions(server, tenant)); err != nil {
		return err
	}
	if c.For > 0 {
		defer time.AfterFunc(c.For, func() { _ = server.Close() }).Stop()
	}
	if err := server.Wait(); err != nil {
		return fmt.Errorf("serve the simulated tenant: %w", err)
	}
	return nil // a signal is the normal end
}

// serveIdentity serves the endpoint of the tenant's managed identities until stop is called.
func serveIdentity(ctx context.Context, tenant *simulator.Tenant) (endpoint string, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve the managed identity: %w", err)
	}
	server := &http.Server{Handler: tenant.IdentityHandler(), ReadHeaderTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	return "http://" + listener.Addr().String() + simulator.IdentityPath, func() {
		_ = server.Close()
		serving.Wait()
	}, nil
}

func (c *simulateCommand) config() (simulator.Config, error) {
	config, err := simulatorConfig("--users", c.Users, c.Fault)
	if err == nil && (c.Latency < 0 || c.For < 0 || c.Churn < 0) {
		err = &usageError{"--latency, --for and --churn are not negative"}
	}
	config.Seed, config.Latency, config.Throttle, config.Churn = c.Seed, c.Latency, c.Throttle, c.Churn
	config.Chaos = c.Chaos
	if err != nil {
		return config, err
	}
	if config.Hosts, err = names(c.Host); err != nil {
		return config, err
	}
	if config.Roles, err = simulator.ParseRoles(c.Role); err != nil {
		return config, &usageError{"--role: " + err.Error()}
	}
	config.Identities = []simulator.Identity{{ClientID: simulator.DefaultIdentity, SystemAssigned: true, Roles: config.Roles}}
	config.PlainLoopback = true
	config.Endpoints, err = c.endpoints()
	return config, err
}

// endpoints is the way to the addresses that are notified.
func (c *simulateCommand) endpoints() (http.RoundTripper, error) {
	var authorities []byte
	if c.NotifyCA != "" {
		var err error
		if authorities, err = os.ReadFile(filepath.Clean(c.NotifyCA)); err != nil {
			return nil, &usageError{"--notify-ca: " + err.Error()}
		}
	}
	transport, err := simulator.EndpointTransport(authorities, c.NotifyAnywhere)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("--notify-ca %s: %v", c.NotifyCA, err)}
	}
	return transport, nil
}

// names are the names of hosts in one spelling, each once.
func names(hosts []string) ([]string, error) {
	var parsed []string
	for _, host := range hosts {
		name, err := origin.ParseName(host)
		if err != nil {
			return nil, &usageError{fmt.Sprintf("--host %q %v; it takes a name such as graph.microsoft.com", host, err)}
		}
		if !slices.Contains(parsed, name) {
			parsed = append(parsed, name)
		}
	}
	return parsed, nil
}

// roleChanges are the values of --role. Unlike those of other flags they may begin with a
// hyphen.
type roleChanges []string

// Decode takes the flag's next value.
func (c *roleChanges) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	if token.IsEOL() || !token.IsValue() && strings.HasPrefix(token.String(), "--") {
		return errors.New("missing value, expecting NAME, -NAME or none")
	}
	*c = append(*c, strings.Split(token.String(), ",")...)
	return nil
}

// requireLoopback rejects addresses that others on the network can reach: the
// credential of the simulated tenant is not a secret.
func requireLoopback(addr string) error {
	host, err := addrHost(addr)
	if err != nil {
		return err
	}
	if !isLoopback(host) {
		return &usageError{fmt.Sprintf("--addr %s is not a loopback address; the simulated tenant is for this machine only, use 127.0.0.1, [::1] or localhost", addr)}
	}
	return nil
}
