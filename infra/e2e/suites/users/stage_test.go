package users

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// world is what all tests share: the binary and the AWS it talks to.
type world struct {
	bootstrap string
	aws       *moto.Server
	secrets   *secretsmanager.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{bootstrap: filepath.Join(t.TempDir(), "bootstrap")}
	if err := build.Release(t.Context(), "functions/users", "", w.bootstrap); err != nil {
		t.Fatal(err)
	}
	server, err := moto.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w.aws = server
	w.secrets = secretsmanager.NewFromConfig(server.Config())
	return w
}

// set is how a test wants its stage.
type set struct {
	tenant  simulator.Config
	timeout time.Duration
	env     []string // more variables; a later one wins
}

// stage is one function running against one tenant.
type stage struct {
	world    *world
	tenant   *simulator.Tenant
	secret   string // ARN
	host     *lambdahost.Host
	canaries map[string]bool // what must not be in the log
}

// play starts a tenant, puts its app's secret into Secrets Manager and starts
// the function. At the end of the test its log is searched for canaries.
func (w *world) play(t *testing.T, s set) *stage {
	t.Helper()
	p := &stage{world: w, tenant: simulator.New(s.tenant), canaries: map[string]bool{}}
	server, err := p.tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, server.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	p.makeSecret(t)
	p.host, err = lambdahost.Start(t.Context(), lambdahost.Config{
		Bootstrap: w.bootstrap,
		Timeout:   s.timeout,
		Env: append([]string{
			"AWS_ENDPOINT_URL=" + w.aws.URL,
			"SSL_CERT_FILE=" + authority,
			"ROLLCALL_CREDENTIALS=secretsmanager:" + p.secret,
			"ROLLCALL_LOGIN_URL=" + server.URL,
			"ROLLCALL_GRAPH_URL=" + server.URL,
		}, s.env...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.host.Close()
		p.searchLog(t)
	})
	return p
}

func (p *stage) makeSecret(t *testing.T) {
	t.Helper()
	name := fmt.Sprintf("e2e/%s-%d", strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()), time.Now().UnixNano())
	made, err := p.world.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: aws.String(p.identity(t, p.tenant.Config().ClientSecret)),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.secret = *made.ARN
}

// putSecret makes a new version of the secret the current one.
func (p *stage) putSecret(t *testing.T, clientSecret string) {
	t.Helper()
	if _, err := p.world.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &p.secret, SecretString: aws.String(p.identity(t, clientSecret)),
	}); err != nil {
		t.Fatal(err)
	}
}

// identity is the secret's JSON, in the spelling of the documentation.
func (p *stage) identity(t *testing.T, clientSecret string) string {
	t.Helper()
	p.canaries[clientSecret] = true
	text, err := json.Marshal(map[string]string{
		"TenantID": p.tenant.Config().Tenant, "ClientID": p.tenant.Config().ClientID, "ClientSecret": clientSecret,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// searchLog fails the test when the function wrote a secret, a token, a person
// or a page token to stdout or stderr.
func (p *stage) searchLog(t *testing.T) {
	t.Helper()
	log := p.host.Output()
	for canary := range p.canaries {
		if strings.Contains(log, canary) {
			t.Errorf("the log holds %q:\n%s", canary, log)
		}
	}
	if strings.Contains(log, "eyJ") { // how every JSON Web Token begins
		t.Errorf("the log holds a token:\n%s", log)
	}
}
