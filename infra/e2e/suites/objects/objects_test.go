package objects_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestMain(m *testing.M) {
	if to := os.Getenv(childVariable); to != "" {
		os.Exit(child(to))
	}
	os.Exit(m.Run())
}

func TestABucketOfVersitygwKeepsThePromisesOfAStore(t *testing.T) {
	server := startVersity(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return bucket(t, server.Config()) })
}

func TestBucketsAndContainersSayWhatTheyHold(t *testing.T) {
	t.Run("versitygw", func(t *testing.T) { storetest.RunFolders(t, bucket(t, startVersity(t).Config())) })
	t.Run("moto", func(t *testing.T) { storetest.RunFolders(t, bucket(t, harness.Start(t, moto.Start).Config())) })
	t.Run("Azurite", func(t *testing.T) {
		server := harness.Start(t, azurite.Start)
		storetest.RunFolders(t, container(t, server, azblob.Config{Endpoint: server.URL, Prefix: "people"}))
	})
}

// TLS is what the real S3 has, and there the SDK sends bodies in another way: in
// chunks, with the checksum behind them.
func TestABucketOfVersitygwBehindTLSKeepsThePromisesOfAStore(t *testing.T) {
	cfg, _ := behindTLS(t, startVersity(t))
	storetest.Run(t, func(t *testing.T) storetest.Store { return bucket(t, cfg) })
}

func TestABucketOfMotoKeepsThePromisesOfAStore(t *testing.T) {
	cfg := harness.Start(t, moto.Start).Config()
	cfg.HTTPClient = &oneByOne{next: awshttp.NewBuildableClient()}
	storetest.Run(t, func(t *testing.T) storetest.Store { return bucket(t, cfg) })
}

// oneByOne sends one request at a time, because moto's conditional writes are not
// atomic: of two at once both may succeed.
type oneByOne struct {
	mu   sync.Mutex
	next aws.HTTPClient
}

func (c *oneByOne) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next.Do(r)
}

func TestAContainerOfAzuriteKeepsThePromisesOfAStore(t *testing.T) {
	server := harness.Start(t, azurite.Start)
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return container(t, server, azblob.Config{Endpoint: server.URL, Prefix: "people"})
	})
}

// newName returns a name that no bucket or container has yet.
func newName(kind string) string {
	return fmt.Sprintf("%s-%d", kind, time.Now().UnixNano())
}

// bucket makes an empty bucket and returns a prefix of it as a store.
func bucket(t *testing.T, cfg aws.Config) *s3.Store {
	t.Helper()
	s, _ := bucketNamed(t, cfg)
	return s
}

func bucketNamed(t *testing.T, cfg aws.Config) (s *s3.Store, name string) {
	t.Helper()
	name = newName("bucket")
	err := cloud.CreateBucket(t.Context(), cfg, name)
	if err == nil {
		s, err = s3.New(cfg, s3.Config{Bucket: name, Prefix: "exports/people"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, name
}

func startVersity(t *testing.T) *versity.Server {
	t.Helper()
	return harness.Start(t, versity.Config{Dir: t.TempDir()}.Start)
}

// behindTLS is a way to a server of S3 through a proxy.
func behindTLS(t *testing.T, server *versity.Server) (aws.Config, *faultproxy.Proxy) {
	t.Helper()
	proxy := harness.Start(t, faultproxy.Config{Target: server.URL, TLS: true}.Start)
	cfg := server.Config()
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(proxy.URL), proxy.Client()
	return cfg, proxy
}

// container makes an empty container and returns it as a store, at the address
// of Azurite or of a proxy.
func container(t *testing.T, server *azurite.Server, cfg azblob.Config) *azblob.Store {
	t.Helper()
	cfg.Account, cfg.Key, cfg.Container = azurite.Account, azurite.Key, newName("container")
	err := server.CreateContainer(t.Context(), cfg.Container)
	var s *azblob.Store
	if err == nil {
		s, err = azblob.New(cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// through is azcore's configuration for a way through a proxy.
func through(proxy *faultproxy.Proxy) policy.ClientOptions {
	return policy.ClientOptions{
		Transport: proxy.Client(),
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: time.Millisecond, MaxRetryDelay: 10 * time.Millisecond},
	}
}

// reply picks the replies to requests by method and by a part of their query.
func reply(method, part string) func(faultproxy.Call) bool {
	return func(c faultproxy.Call) bool {
		return c.Replied && c.Request.Method == method && strings.Contains(c.Request.URL.RawQuery, part)
	}
}

// replyWithout picks the replies to requests by method and by what their query
// does not contain.
func replyWithout(method, part string) func(faultproxy.Call) bool {
	return func(c faultproxy.Call) bool {
		return c.Replied && c.Request.Method == method && !strings.Contains(c.Request.URL.RawQuery, part)
	}
}

// first picks the first of the calls that which picks.
func first(which func(faultproxy.Call) bool) func(faultproxy.Call) bool {
	done := false
	return func(c faultproxy.Call) bool {
		if done || !which(c) {
			return false
		}
		done = true
		return true
	}
}
