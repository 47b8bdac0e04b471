package snapshots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

// shared is what all tests use: one gateway, one binary.
var shared struct {
	gateway   *versity.Server
	bootstrap string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "rollcall-snapshots-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	shared.bootstrap = filepath.Join(dir, "bootstrap")
	if err := build.Release(ctx, "functions/snapshot", "", shared.bootstrap); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	buckets := filepath.Join(dir, "buckets")
	if err := os.Mkdir(buckets, 0o700); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if shared.gateway, err = versity.Start(ctx, buckets); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer shared.gateway.Close()
	return m.Run()
}

// world is a tenant and a bucket; functions of it come and go.
type world struct {
	*testing.T
	tenant  *simulator.Tenant
	bucket  *s3.Store
	guard   *guard
	env     []string
	trusted string // file of the authorities that functions trust
	timeout time.Duration

	mu   sync.Mutex
	host *lambdahost.Host
}

// prefix is where the snapshots are in the bucket.
const prefix = "rollcall"

func newWorld(t *testing.T, bucket string, cfg simulator.Config, env ...string) *world {
	t.Helper()
	w := &world{T: t, tenant: simulator.New(cfg), timeout: 30 * time.Second}
	sdk := shared.gateway.Config()
	client := awss3.NewFromConfig(sdk, func(o *awss3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.bucket, err = s3.New(sdk, s3.Config{Bucket: bucket, Prefix: prefix}); err != nil {
		t.Fatal(err)
	}
	server, err := w.tenant.Start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	w.guard = startGuard(t, shared.gateway.URL)
	w.trusted = filepath.Join(t.TempDir(), "ca.pem")
	w.trust(server.CAPEM)
	tenant := w.tenant.Config()
	w.env = append([]string{
		"SSL_CERT_FILE=" + w.trusted,
		"AZURE_TENANT_ID=" + tenant.Tenant, "AZURE_CLIENT_ID=" + tenant.ClientID, "AZURE_CLIENT_SECRET=" + tenant.ClientSecret,
		"ROLLCALL_LOGIN_URL=" + server.URL, "ROLLCALL_GRAPH_URL=" + server.URL,
		"AWS_ENDPOINT_URL_S3=" + w.guard.url, "AWS_ACCESS_KEY_ID=" + versity.User, "AWS_SECRET_ACCESS_KEY=" + versity.Secret, "AWS_SESSION_TOKEN=",
		"ROLLCALL_SINKS=s3://" + bucket + "/" + prefix + "?part-size=1MiB",
	}, env...)
	t.Cleanup(func() {
		w.end()
		_ = server.Close()
	})
	return w
}

// trust lets functions trust a further authority.
func (w *world) trust(authority []byte) {
	w.Helper()
	f, err := os.OpenFile(w.trusted, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(authority)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		w.Fatal(err)
	}
}

// start starts a fresh process, as Lambda does after one has died.
func (w *world) start() {
	w.Helper()
	w.end()
	host, err := lambdahost.Start(w.Context(), lambdahost.Config{Bootstrap: shared.bootstrap, Timeout: w.timeout, Env: w.env})
	if err != nil {
		w.Fatal(err)
	}
	w.mu.Lock()
	w.host = host
	w.mu.Unlock()
}

func (w *world) end() {
	w.mu.Lock()
	host := w.host
	w.host = nil
	w.mu.Unlock()
	if host != nil {
		host.Close()
	}
}

// killer returns what ends the present process, and no later one, as the kernel
// does.
func (w *world) killer() func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.host == nil {
		return func() {}
	}
	process, err := os.FindProcess(w.host.PID())
	if err != nil {
		w.Fatal(err)
	}
	return func() { _ = process.Kill() }
}

// invoke asks the function once.
func (w *world) invoke(in snapshot.Input) (*snapshot.Result, *lambdahost.Result, error) {
	w.Helper()
	event, err := json.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	host := w.host
	w.mu.Unlock()
	answer, err := host.Invoke(w.Context(), event)
	if err != nil {
		return nil, nil, err
	}
	if answer.ErrorType != "" {
		return nil, &answer, fmt.Errorf("%s: %s", answer.ErrorType, answer.ErrorMessage)
	}
	var result snapshot.Result
	if err := json.Unmarshal(answer.Payload, &result); err != nil {
		return nil, &answer, fmt.Errorf("%w: %s", err, answer.Payload)
	}
	return &result, &answer, nil
}

// complete goes on until the run is complete, and returns the number of slices.
func (w *world) complete(in snapshot.Input) (*snapshot.Result, int) {
	w.Helper()
	for slices := 1; ; slices++ {
		result, _, err := w.invoke(in)
		if err != nil {
			w.Fatalf("slice %d of %s%s: %v\n%s", slices, in.Run, in.Resume, err, w.host.Output())
		}
		if result.Status == snapshot.Complete {
			return result, slices
		}
		in = snapshot.Input{Resume: result.Resume}
	}
}

func (w *world) read(url string) []byte {
	w.Helper()
	_, key, found := strings.Cut(url, "/"+prefix+"/")
	if !found {
		w.Fatalf("%s is not in the bucket", url)
	}
	body, err := w.maybe(key)
	if err != nil {
		w.Fatal(err)
	}
	return body
}

func (w *world) maybe(key string) ([]byte, error) {
	body, _, err := w.bucket.Read(context.WithoutCancel(w.Context()), key)
	return body, err
}
