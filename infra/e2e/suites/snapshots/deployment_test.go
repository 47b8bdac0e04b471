package snapshots_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

// shared is what all tests use: one server of S3, one binary.
var shared environment

type environment struct {
	s3             *versity.Server
	dir, bootstrap string
}

func (e *environment) prepare(ctx context.Context) (err error) {
	if e.dir, err = os.MkdirTemp("", "rollcall-snapshots-"); err != nil {
		return err
	}
	e.bootstrap = filepath.Join(e.dir, "bootstrap")
	buckets := filepath.Join(e.dir, "buckets")
	if err = errors.Join(repository.Release(ctx, "functions/snapshot", "", e.bootstrap), os.Mkdir(buckets, 0o700)); err != nil {
		return err
	}
	e.s3, err = versity.Config{Dir: buckets}.Start(ctx)
	return err
}

func (e *environment) close() {
	if e.s3 != nil {
		e.s3.Close()
	}
	_ = os.RemoveAll(e.dir)
}

func TestMain(m *testing.M) { os.Exit(harness.Main(m, shared.prepare, shared.close)) }

// deployment is a tenant and a bucket. Functions come and go.
type deployment struct {
	*testing.T
	tenant  *tenant.Tenant
	bucket  *s3.Store
	proxy   *faultproxy.Proxy // between the functions and the bucket
	env     []string
	timeout time.Duration
	level   string // ApplicationLogLevel

	mu   sync.Mutex
	host *lambdahost.Host
}

// prefix is where the snapshots are in the bucket.
const prefix = "rollcall"

func deploy(t *testing.T, bucket string, cfg simulator.Config, env ...string) *deployment {
	t.Helper()
	d := &deployment{
		T: t, timeout: 30 * time.Second, tenant: harness.Start(t, tenant.New(cfg).Start),
		proxy: harness.Start(t, faultproxy.Config{Target: shared.s3.URL}.Start),
	}
	sdk := shared.s3.Config()
	err := cloud.CreateBucket(t.Context(), sdk, bucket)
	if err == nil {
		d.bucket, err = s3.New(sdk, s3.Config{Bucket: bucket, Prefix: prefix})
	}
	if err != nil {
		t.Fatal(err)
	}
	d.env = slices.Concat(d.tenant.Environ(), versity.Environ(d.proxy.URL),
		[]string{"ROLLCALL_SINKS=s3://" + bucket + "/" + prefix + "?part-size=1MiB"}, env)
	t.Cleanup(d.end)
	return d
}

// start starts a fresh process, as Lambda does after one has died.
func (d *deployment) start() {
	d.Helper()
	d.end()
	host, err := lambdahost.Config{Bootstrap: shared.bootstrap, Timeout: d.timeout, Env: d.env, LogLevel: d.level}.Start(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	d.mu.Lock()
	d.host = host
	d.mu.Unlock()
}

func (d *deployment) end() {
	d.mu.Lock()
	host := d.host
	d.host = nil
	d.mu.Unlock()
	if host != nil {
		host.Close()
	}
}

// killer returns a function that kills the current process, and no later one, as
// the kernel does.
func (d *deployment) killer() func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.host == nil {
		return func() {}
	}
	process, err := os.FindProcess(d.host.PID())
	if err != nil {
		d.Fatal(err)
	}
	return func() { _ = process.Kill() }
}

// invoke invokes the function once.
func (d *deployment) invoke(in snapshot.Input) (*snapshot.Result, *lambdahost.Result, error) {
	d.Helper()
	event, err := json.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	host := d.host
	d.mu.Unlock()
	answer, err := host.Invoke(d.Context(), event)
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

// complete invokes slice after slice until the run is complete.
func (d *deployment) complete(in snapshot.Input) (result *snapshot.Result, slices int) {
	d.Helper()
	for slices = 1; ; slices++ {
		result, _, err := d.invoke(in)
		if err != nil {
			d.Fatalf("slice %d of %s%s: %v\n%s", slices, in.Run, in.Resume, err, d.host.Output())
		}
		if result.Status == snapshot.Complete {
			return result, slices
		}
		in = snapshot.Input{Resume: result.Resume}
	}
}

// read reads an object by its URL.
func (d *deployment) read(url string) []byte {
	d.Helper()
	_, key, found := strings.Cut(url, "/"+prefix+"/")
	if !found {
		d.Fatalf("%s is not in the bucket", url)
	}
	body, err := d.get(key)
	if err != nil {
		d.Fatal(err)
	}
	return body
}

// get reads a key, which need not be there.
func (d *deployment) get(key string) ([]byte, error) {
	body, _, err := d.bucket.Read(context.WithoutCancel(d.Context()), key)
	return body, err
}
