package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// demoSecret is the name under which the simulated store keeps the secret.
const demoSecret = "rollcall-demo"

// connectDemo starts a simulated tenant on the loopback interface and connects to
// it as a Lambda function does to a real one: the secret comes from Secrets
// Manager through the AWS SDK, the token is bought over TLS. Columns, filter and
// page size are those of the environment; nothing else of it is used, and the
// process environment is not touched.
func (p *program) connectDemo(ctx context.Context, f tenantFlags, environ []string, log *slog.Logger, more []any) (*tenant, error) {
	simulated, server, err := startDemo(ctx, f)
	if err != nil {
		return nil, err
	}
	stop := func() { _ = server.Close() } // it is on its way out and holds nothing
	environ = override(environ, map[string]string{
		"ROLLCALL_CREDENTIALS": "secretsmanager:" + demoSecret,
		"ROLLCALL_LOGIN_URL":   server.URL,
		"ROLLCALL_GRAPH_URL":   server.URL,
		"ROLLCALL_CLOUD":       "",
		"ROLLCALL_SEAL_KEY":    "",
		"AZURE_AUTHORITY_HOST": "",
	})
	cfg, err := config.Read(environ, more...)
	if err != nil {
		stop()
		return nil, err
	}
	cfg.Replaced = nil // replaced here, on purpose
	transport := graph.NewTransport()
	transport.TLSClientConfig.RootCAs = server.CertPool
	transport.Proxy = nil
	options := []reader.Option{reader.WithTransport(transport), reader.WithAWS(demoAWS(server, transport))}
	r, err := reader.New(cfg, log, options...)
	if err != nil {
		stop()
		return nil, err
	}
	_, _ = fmt.Fprintf(p.stderr, "This is a simulated tenant (%s, %d users, nobody in it exists).\n",
		simulated.Config().Domain, simulated.Users())
	return &tenant{Reader: r, config: cfg, options: options, close: stop}, nil
}

func startDemo(ctx context.Context, f tenantFlags) (*simulator.Tenant, *simulator.Server, error) {
	if f.DemoUsers < 0 || f.DemoUsers > simulator.MaxUsers {
		return nil, nil, &usageError{fmt.Sprintf("--demo-users: the simulated tenant has 0 to %d users", simulator.MaxUsers)}
	}
	faults, err := parseFaults(f.DemoFault)
	if err != nil {
		return nil, nil, err
	}
	simulated := simulator.New(simulator.Config{Users: f.DemoUsers, Faults: faults})
	c := simulated.Config()
	secret, err := json.Marshal(map[string]string{"TenantID": c.Tenant, "ClientID": c.ClientID, "ClientSecret": c.ClientSecret})
	if err != nil {
		return nil, nil, err
	}
	simulated.SetSecret(demoSecret, string(secret))
	server, err := simulated.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	return simulated, server, nil
}

// demoAWS is an AWS configuration for the simulated Secrets Manager, which takes
// any key.
func demoAWS(server *simulator.Server, transport http.RoundTripper) func(context.Context, string) (aws.Config, error) {
	return func(context.Context, string) (aws.Config, error) {
		return aws.Config{
			Region:       "eu-west-1",
			BaseEndpoint: aws.String(server.URL),
			Credentials:  credentials.NewStaticCredentialsProvider("demo", "demo", ""),
			HTTPClient:   &http.Client{Transport: transport},
		}, nil
	}
}

// parseFaults reads the faults of a simulated tenant.
func parseFaults(texts []string) ([]simulator.Fault, error) {
	var faults []simulator.Fault
	for _, text := range texts {
		fault, err := simulator.ParseFault(text)
		if err != nil {
			return nil, &usageError{err.Error()}
		}
		faults = append(faults, fault)
	}
	return faults, nil
}
