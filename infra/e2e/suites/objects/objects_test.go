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
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lossy"
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
	server := startGateway(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return bucket(t, server.Config()) })
}

// TLS is what the real S3 has, and there the SDK sends bodies in another way: in
// chunks, with the checksum behind them.
func TestABucketOfVersitygwBehindTLSKeepsThePromisesOfAStore(t *testing.T) {
	cfg, _ := behindTLS(t, startGateway(t))
	storetest.Run(t, func(t *testing.T) storetest.Store { return bucket(t, cfg) })
}

func TestABucketOfMotoKeepsThePromisesOfAStore(t *testing.T) {
	server, err := moto.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	cfg := server.Config()
	cfg.HTTPClient = &oneByOne{next: awshttp.NewBuildableClient()}
	storetest.Run(t, func(t *testing.T) storetest.Store { return bucket(t, cfg) })
}

// oneByOne sends one request at a time: moto looks whether a condition holds and
// then writes, so that of two requests at once both may win.
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
	server := startAzurite(t)
	storetest.Run(t, func(t *testing.T) storetest.Store {
		name := newName("container")
		makeContainer(t, server, name)
		s, err := azblob.New(azblob.Config{Account: azurite.Account, Key: azurite.Key, Endpoint: server.URL, Container: name, Prefix: "people"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// newName returns a name that no bucket or container has yet.
func newName(kind string) string {
	return fmt.Sprintf("%s-%d", kind, time.Now().UnixNano())
}

// bucket makes an empty bucket and returns a part of it as a store.
func bucket(t *testing.T, cfg aws.Config) *s3.Store {
	t.Helper()
	s, _ := bucketNamed(t, cfg)
	return s
}

func bucketNamed(t *testing.T, cfg aws.Config) (s *s3.Store, name string) {
	t.Helper()
	name = newName("bucket")
	client := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(cfg.Region)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s3.New(cfg, s3.Config{Bucket: name, Prefix: "exports/people"}); err != nil {
		t.Fatal(err)
	}
	return s, name
}

func startGateway(t *testing.T) *versity.Server {
	t.Helper()
	server, err := versity.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// behindTLS is a way to a gateway through a proxy.
func behindTLS(t *testing.T, gateway *versity.Server) (aws.Config, *lossy.Proxy) {
	t.Helper()
	proxy, err := lossy.Start(gateway.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	cfg := gateway.Config()
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(proxy.URL), proxy.Client()
	return cfg, proxy
}

func startAzurite(t *testing.T) *azurite.Server {
	t.Helper()
	server, err := azurite.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func makeContainer(t *testing.T, server *azurite.Server, name string) {
	t.Helper()
	if err := server.CreateContainer(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// through is azcore's configuration for a way through a proxy.
func through(proxy *lossy.Proxy) policy.ClientOptions {
	return policy.ClientOptions{
		Transport: proxy.Client(),
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: time.Millisecond, MaxRetryDelay: 10 * time.Millisecond},
	}
}

// isRequest picks requests by method and by a part of their query.
func isRequest(method, part string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.Contains(r.URL.RawQuery, part) }
}
