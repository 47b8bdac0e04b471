package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// demoSecret is the name of the secret in the simulated Secrets Manager.
const demoSecret = "rollcall-demo"

// demo is a simulated tenant on the loopback interface. It is read the way a
// Lambda function reads a real one: the secret comes from Secrets Manager through
// the AWS SDK, the token is bought over TLS.
type demo struct {
	tenant *simulator.Tenant
	server *simulator.Server
}

func startDemo(ctx context.Context, f tenantFlags) (*demo, error) {
	config, err := simulatorConfig("--demo-users", f.DemoUsers, f.DemoFault)
	if err != nil {
		return nil, err
	}
	config.Churn = f.churn
	t := simulator.New(config)
	c := t.Config()
	secret, err := json.Marshal(map[string]string{"TenantID": c.Tenant, "ClientID": c.ClientID, "ClientSecret": c.ClientSecret})
	if err != nil {
		return nil, err
	}
	t.SetSecret(demoSecret, string(secret))
	server, err := t.Start(ctx)
	if err != nil {
		return nil, err
	}
	return &demo{t, server}, nil
}

// simulatorConfig validates the flags of a simulated tenant; usersFlag is the name
// of the flag for the number of users.
func simulatorConfig(usersFlag string, users int, faults []string) (simulator.Config, error) {
	if users < 0 || users > simulator.MaxUsers {
		return simulator.Config{}, &usageError{fmt.Sprintf("%s: the simulated tenant has 0 to %d users", usersFlag, simulator.MaxUsers)}
	}
	config := simulator.Config{Users: users}
	for _, text := range faults {
		fault, err := simulator.ParseFault(text)
		if err != nil {
			return simulator.Config{}, &usageError{err.Error()}
		}
		config.Faults = append(config.Faults, fault)
	}
	return config, nil
}

// String tells people that they are looking at a demo.
func (d *demo) String() string {
	return fmt.Sprintf("This is a simulated tenant (%s, %d users, nobody in it exists).", d.tenant.Config().Domain, d.tenant.Users())
}

// settings are the variables that connect to the demo. Columns, filter and page
// size remain those of the environment.
func (d *demo) settings() map[string]string {
	return map[string]string{
		"ROLLCALL_CREDENTIALS": "secretsmanager:" + demoSecret,
		"ROLLCALL_LOGIN_URL":   d.server.URL,
		"ROLLCALL_GRAPH_URL":   d.server.URL,
		"ROLLCALL_CLOUD":       "",
		"ROLLCALL_SEAL_KEY":    "",
		"AZURE_AUTHORITY_HOST": "",

		"ROLLCALL_NOTIFICATION_URL": "", // nobody outside is to hear of people who do not exist
	}
}

// options make a reader trust the demo's certificate and use its Secrets Manager,
// which accepts any key. The process environment stays as it is.
func (d *demo) options() []reader.Option {
	transport := graph.NewTransport()
	transport.TLSClientConfig.RootCAs = d.server.CertPool
	transport.Proxy = nil
	return []reader.Option{reader.WithTransport(transport), reader.WithAWS(func(context.Context, string) (aws.Config, error) {
		return aws.Config{
			Region:       "eu-west-1",
			BaseEndpoint: aws.String(d.server.URL),
			Credentials:  credentials.NewStaticCredentialsProvider("demo", "demo", ""),
			HTTPClient:   &http.Client{Transport: transport},
		}, nil
	})}
}

func (d *demo) close() { _ = d.server.Close() } // nothing to save
