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

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

const (
	small = 1000
	large = 12<<20 + 12_345
)

// upload makes an object and returns the error of its Commit.
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

// wantWhole checks the object of a key.
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
		t.Errorf("%s has %d bytes, want other %d", key, len(got), len(want))
	}
}

// wantNothingLost uploads while the proxy loses replies, and checks the object.
func wantNothingLost(t *testing.T, s storetest.Store, proxy *faultproxy.Proxy, size int, lose func(faultproxy.Call) bool) {
	t.Helper()
	key := "runs/" + strings.ReplaceAll(t.Name(), "/", "-")
	proxy.Cut(lose)
	body, err := upload(t.Context(), t, s, key, size)
	proxy.Cut(nil)
	if err != nil {
		t.Fatal(err)
	}
	wantWhole(t, s, key, body)
}

func TestALostReplyOfS3LosesNoObject(t *testing.T) {
	cfg, proxy := behindTLS(t, startVersity(t))
	cfg.RetryMaxAttempts = 2
	s, name := bucketNamed(t, cfg)
	puts := replyWithout(http.MethodPut, "partNumber")
	for _, test := range []struct {
		name string
		size int
		lose func(faultproxy.Call) bool
	}{
		{"PutObject once", small, first(puts)},
		{"PutObject always", small, puts},
		{"UploadPart once", large, first(reply(http.MethodPut, "partNumber=2"))},
		{"CompleteMultipartUpload once", large, first(reply(http.MethodPost, "uploadId"))},
		{"CompleteMultipartUpload always", large, reply(http.MethodPost, "uploadId")},
	} {
		t.Run(test.name, func(t *testing.T) { wantNothingLost(t, s, proxy, test.size, test.lose) })
	}
	wantNoUploads(t, cfg, name)
}

func TestALostReplyToASwapInS3IsAConflictWithItself(t *testing.T) {
	cfg, proxy := behindTLS(t, startVersity(t))
	wantOwnConflict(t, bucket(t, cfg), proxy)
}

func TestALostReplyOfBlobStorageLosesNoObject(t *testing.T) {
	s, proxy := lossyContainer(t)
	puts := replyWithout(http.MethodPut, "comp=")
	for _, test := range []struct {
		name string
		size int
		lose func(faultproxy.Call) bool
	}{
		{"Put Blob once", small, first(puts)},
		{"Put Blob always", small, puts},
		{"Put Block once", large, first(reply(http.MethodPut, "comp=block&"))},
		{"Put Block List once", large, first(reply(http.MethodPut, "comp=blocklist"))},
		{"Put Block List always", large, reply(http.MethodPut, "comp=blocklist")},
	} {
		t.Run(test.name, func(t *testing.T) { wantNothingLost(t, s, proxy, test.size, test.lose) })
	}
}

func TestALostReplyToASwapInBlobStorageIsAConflictWithItself(t *testing.T) {
	s, proxy := lossyContainer(t)
	wantOwnConflict(t, s, proxy)
}

func lossyContainer(t *testing.T) (*azblob.Store, *faultproxy.Proxy) {
	t.Helper()
	server := harness.Start(t, azurite.Start)
	proxy := harness.Start(t, faultproxy.Config{Target: strings.TrimSuffix(server.URL, "/"+azurite.Account), TLS: true}.Start)
	return container(t, server, azblob.Config{Endpoint: proxy.URL + "/" + azurite.Account, Options: through(proxy)}), proxy
}

// wantOwnConflict loses the first reply to a Swap: the SDK retries, and conflicts
// with its own first try. Update then finds its own bytes.
func wantOwnConflict(t *testing.T, s storetest.Store, proxy *faultproxy.Proxy) {
	t.Helper()
	version, err := s.Swap(t.Context(), "latest.json", []byte("first"), "")
	if err != nil {
		t.Fatal(err)
	}
	puts := reply(http.MethodPut, "")
	proxy.Cut(first(puts))
	if _, err := s.Swap(t.Context(), "latest.json", []byte("second"), version); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the swap returned %v, want the conflict with its own first try", err)
	}
	wantWhole(t, s, "latest.json", []byte("second"))

	changes := 0
	proxy.Cut(first(puts))
	err = store.Update(t.Context(), s, "latest.json", func(old []byte) ([]byte, error) {
		changes++
		return append(old, " and third"...), nil
	})
	if err != nil || changes != 1 {
		t.Errorf("Update returned %v after %d changes", err, changes)
	}
	proxy.Cut(nil)
	wantWhole(t, s, "latest.json", []byte("second and third"))
}

func TestUploadsThatFailLeaveNoPartsInS3(t *testing.T) {
	cfg, proxy := behindTLS(t, startVersity(t))
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

// wantNoUploads checks that a bucket has no part of an unfinished upload.
func wantNoUploads(t *testing.T, cfg aws.Config, name string) {
	t.Helper()
	out, err := cloud.S3(cfg).ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range out.Uploads {
		t.Errorf("the upload of %s is left", aws.ToString(left.Key))
	}
}
