package consumers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// tools are the programs of a test: the publisher and the two consumers.
type tools struct {
	rollcall, golang, python, script string
	env                              []string
}

func built(t *testing.T) *tools {
	t.Helper()
	dir := t.TempDir()
	at := &tools{rollcall: filepath.Join(dir, "rollcall"), golang: filepath.Join(dir, "consumer")}
	for folder, binary := range map[string]string{"functions/rollcall": at.rollcall, "docs/examples/go": at.golang} {
		if err := build.Plain(t.Context(), folder, binary); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if at.python, err = filepath.Abs(filepath.Join("..", "..", ".venv", "bin", "python")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(at.python); err != nil {
		t.Fatalf("boto3 is not installed (%v): run `make e2e`, which installs it", err)
	}
	if at.script, err = filepath.Abs(filepath.Join("..", "..", "..", "..", "docs", "examples", "python", "load.py")); err != nil {
		t.Fatal(err)
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "AZURE_") && !strings.HasPrefix(name, "ROLLCALL_") && !strings.HasPrefix(name, "AWS_") {
			at.env = append(at.env, variable)
		}
	}
	return at
}

// run runs a program and returns all that it prints.
func (at *tools) run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = at.env
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}

func (at *tools) publish(t *testing.T, args ...string) {
	t.Helper()
	if out, err := at.run(t, at.rollcall, append([]string{"snapshot"}, args...)...); err != nil {
		t.Fatalf("rollcall snapshot %v: %v\n%s", args, err, out)
	}
}

// loads has both consumers load, and says what they print.
func (at *tools) loads(t *testing.T, latest, database string) (byGo, byPython string, failed [2]error) {
	t.Helper()
	byGo, failed[0] = at.run(t, at.golang, latest)
	byPython, failed[1] = at.run(t, at.python, at.script, latest, database)
	return byGo, byPython, failed
}

// counts returns the users and the different ids of a database that the Python
// example has made.
func (at *tools) counts(t *testing.T, database string) string {
	t.Helper()
	const query = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*), count(DISTINCT id) FROM users').fetchone())"
	out, err := at.run(t, at.python, "-c", query, database)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(out)
}

// must has both consumers load n users.
func (at *tools) must(t *testing.T, latest string, n int) {
	t.Helper()
	database := filepath.Join(t.TempDir(), "users.db")
	byGo, byPython, failed := at.loads(t, latest, database)
	want := regexp.MustCompile(fmt.Sprintf(`(?m)^%d users of run \S+, begun `, n))
	if failed[0] != nil || !want.MatchString(byGo) || !strings.Contains(byGo, "@contoso") {
		t.Errorf("Go: %v\n%s", failed[0], byGo)
	}
	if failed[1] != nil || !want.MatchString(byPython) {
		t.Errorf("Python: %v\n%s", failed[1], byPython)
	}
	if got := at.counts(t, database); got != fmt.Sprintf("%d %[1]d", n) {
		t.Errorf("Python: the table has %s users and ids, want %d", got, n)
	}
}

// latestOf is the file that says which run of a folder is the current one.
func latestOf(t *testing.T, folder string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "latest", "tenant=*.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("latest in %s: %v, %v", folder, found, err)
	}
	return found[0]
}

func TestConsumersLoadExactlyWhatWasPublished(t *testing.T) {
	at := built(t)
	for name, options := range map[string]string{"gzip": "", "plain, in parts": "?compression=none&part-size=1MiB"} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			at.publish(t, "--demo", "--demo-users", "6000", "--sink", folder+options)
			at.must(t, latestOf(t, folder), 6000)
			at.publish(t, "--demo", "--demo-users", "6007", "--sink", folder+options)
			at.must(t, latestOf(t, folder), 6007)
			copied := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			at.must(t, "file://"+latestOf(t, copied), 6007)
		})
	}
}

func TestConsumersLoadFromABucket(t *testing.T) {
	at := built(t)
	server, err := moto.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	_, err = s3.NewFromConfig(server.Config(), func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("directory"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1},
	})
	if err != nil {
		t.Fatal(err)
	}
	tenant := simulator.New(simulator.Config{Users: 2500})
	graph, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = graph.Close() })
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, graph.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	c := tenant.Config()
	at.env = append(at.env, "ROLLCALL_LOGIN_URL="+graph.URL, "ROLLCALL_GRAPH_URL="+graph.URL, "SSL_CERT_FILE="+authority,
		"AZURE_TENANT_ID="+c.Tenant, "AZURE_CLIENT_ID="+c.ClientID, "AZURE_CLIENT_SECRET="+c.ClientSecret,
		"AWS_ENDPOINT_URL="+server.URL, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=e2e", "AWS_SECRET_ACCESS_KEY=e2e")
	at.publish(t, "--sink", "s3://directory/people")
	at.must(t, "s3://directory/people/latest/tenant="+c.Tenant+".json", 2500)
}
