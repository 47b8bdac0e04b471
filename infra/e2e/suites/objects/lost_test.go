package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lossy"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

const (
	small = 1000
	large = 12<<20 + 12_345
)

// firstOf picks the first of the requests that which picks.
func firstOf(which func(*http.Request) bool) func(*http.Request) bool {
	lost := false
	return func(r *http.Request) bool {
		if lost || !which(r) {
			return false
		}
		lost = true
		return true
	}
}

// upload makes an object and says how its Commit went.
func upload(ctx context.Context, t *testing.T, s storetest.Store, key string, size int) (body []byte, err error) {
	t.Helper()
	body = bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
	u, err := s.Create(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Abort()
	if _, err := u.Write(body); err != nil {
		return body, err
	}
	return body, u.Commit()
}

// wantWhole checks what a key holds, asking without any loss.
func wantWhole(t *testing.T, s storetest.Store, key string, want []byte) {
	t.Helper()
	opened, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(opened)
	if err = errors.Join(err, opened.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s holds %d bytes, want other %d", key, len(got), len(want))
	}
}

// wantNothingLost uploads while the proxy loses replies, and checks that the object
// is there. Its key is of the test's name.
func wantNothingLost(t *testing.T, s storetest.Store, proxy *lossy.Proxy, size int, lose func(*http.Request) bool) {
	t.Helper()
	key := "runs/" + strings.ReplaceAll(t.Name(), "/", "-")
	proxy.Lose(lose)
	body, err := upload(t.Context(), t, s, key, size)
	proxy.Lose(nil)
	if err != nil {
		t.Fatal(err)
	}
	wantWhole(t, s, key, body)
}

func TestALostReplyOfS3IsNoLostObject(t *testing.T) {
	cfg, proxy := behindTLS(t, startGateway(t))
	cfg.RetryMaxAttempts = 2
	s, name := bucketNamed(t, cfg)
	puts := func(r *http.Request) bool {
		return r.Method == http.MethodPut && !strings.Contains(r.URL.RawQuery, "partNumber")
	}
	for _, test := range []struct {
		name string
		size int
		lose func(*http.Request) bool
	}{
		{"PutObject once", small, firstOf(puts)},
		{"PutObject always", small, puts},
		{"UploadPart once", large, firstOf(isRequest(http.MethodPut, "partNumber=2"))},
		{"CompleteMultipartUpload once", large, firstOf(isRequest(http.MethodPost, "uploadId"))},
		{"CompleteMultipartUpload always", large, isRequest(http.MethodPost, "uploadId")},
	} {
		t.Run(test.name, func(t *testing.T) { wantNothingLost(t, s, proxy, test.size, test.lose) })
	}
	wantNoUploads(t, cfg, name)
}

func TestALostReplyToASwapInS3IsAConflictWithItself(t *testing.T) {
	cfg, proxy := behindTLS(t, startGateway(t))
	wantOwnConflict(t, bucket(t, cfg), proxy)
}

func TestALostReplyOfBlobStorageIsNoLostObject(t *testing.T) {
	s, proxy := lossyContainer(t)
	puts := func(r *http.Request) bool {
		return r.Method == http.MethodPut && !strings.Contains(r.URL.RawQuery, "comp=")
	}
	for _, test := range []struct {
		name string
		size int
		lose func(*http.Request) bool
	}{
		{"Put Blob once", small, firstOf(puts)},
		{"Put Blob always", small, puts},
		{"Put Block once", large, firstOf(isRequest(http.MethodPut, "comp=block&"))},
		{"Put Block List once", large, firstOf(isRequest(http.MethodPut, "comp=blocklist"))},
		{"Put Block List always", large, isRequest(http.MethodPut, "comp=blocklist")},
	} {
		t.Run(test.name, func(t *testing.T) { wantNothingLost(t, s, proxy, test.size, test.lose) })
	}
}

func TestALostReplyToASwapInBlobStorageIsAConflictWithItself(t *testing.T) {
	s, proxy := lossyContainer(t)
	wantOwnConflict(t, s, proxy)
}

func lossyContainer(t *testing.T) (*azblob.Store, *lossy.Proxy) {
	t.Helper()
	server := startAzurite(t)
	proxy, err := lossy.Start(strings.TrimSuffix(server.URL, "/"+azurite.Account))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	name := newName("container")
	makeContainer(t, server, name)
	s, err := azblob.New(azblob.Config{
		Account: azurite.Account, Key: azurite.Key, Endpoint: proxy.URL + "/" + azurite.Account,
		Container: name, Options: through(proxy),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, proxy
}

// wantOwnConflict loses the first reply to a Swap: the SDK tries again, and meets
// its own first try. Update then finds its own bytes.
func wantOwnConflict(t *testing.T, s storetest.Store, proxy *lossy.Proxy) {
	t.Helper()
	version, err := s.Swap(t.Context(), "latest.json", []byte("first"), "")
	if err != nil {
		t.Fatal(err)
	}
	puts := func(r *http.Request) bool { return r.Method == http.MethodPut }
	proxy.Lose(firstOf(puts))
	if _, err := s.Swap(t.Context(), "latest.json", []byte("second"), version); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the swap returned %v, want the conflict with its own first try", err)
	}
	wantWhole(t, s, "latest.json", []byte("second"))

	changes := 0
	proxy.Lose(firstOf(puts))
	err = store.Update(t.Context(), s, "latest.json", func(old []byte) ([]byte, error) {
		changes++
		return append(old, " and third"...), nil
	})
	if err != nil || changes != 1 {
		t.Errorf("Update returned %v after %d changes", err, changes)
	}
	proxy.Lose(nil)
	wantWhole(t, s, "latest.json", []byte("second and third"))
}

func TestNoUploadThatEndsBadlyLeavesItsPartsInS3(t *testing.T) {
	cfg, proxy := behindTLS(t, startGateway(t))
	cfg.RetryMaxAttempts = 2
	s, name := bucketNamed(t, cfg)
	write := func(ctx context.Context, key string) store.Upload {
		t.Helper()
		u, err := s.Create(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(make([]byte, large)); err != nil {
			t.Fatal(err)
		}
		return u
	}

	write(t.Context(), "aborted").Abort()

	ctx, cancel := context.WithCancel(t.Context())
	u := write(ctx, "cancelled")
	cancel()
	if err := u.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("the commit of a cancelled upload returned %v", err)
	}

	if _, err := upload(t.Context(), t, s, "taken", small); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), "taken").Commit(); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the commit over another object returned %v", err)
	}
	begun := 0
	for _, request := range proxy.Requests() {
		if strings.HasPrefix(request, "POST ") && strings.Contains(request, "uploads") {
			begun++
		}
	}
	if begun < 3 {
		t.Errorf("only %d uploads were begun: the test shows nothing", begun)
	}
	wantNoUploads(t, cfg, name)
}

// wantNoUploads checks that a bucket holds no part of an unfinished upload.
func wantNoUploads(t *testing.T, cfg aws.Config, name string) {
	t.Helper()
	client := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true })
	out, err := client.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range out.Uploads {
		t.Errorf("the upload of %s is left", aws.ToString(left.Key))
	}
}
