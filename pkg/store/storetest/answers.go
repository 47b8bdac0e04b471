package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// AddAnswers adds answers of S3 and of Azure Storage, and of services that lie, to a fuzz
// target that gives them to [CheckAnswer].
func AddAnswers(f *testing.F) {
	f.Helper()
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nETag: \"t\"\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nETag: \"t\"\r\nContent-Length: 9\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nETag: \"t\"\r\nContent-Length: 99999999999\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nETag: \"t\"\r\nContent-Length: -1\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nETag: \"t\"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nETag: \"t\"\r\nContent-Length: 3\r\nX-Amz-Checksum-Crc32: AAAAAA==\r\n\r\nabc",
		"HTTP/1.1 206 Partial Content\r\nETag: \"t\"\r\nContent-Range: bytes 1-3/9\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 404 Not Found\r\nx-ms-error-code: BlobNotFound\r\n\r\n<Error><Code>NoSuchKey</Code></Error>",
		"HTTP/1.1 403 Forbidden\r\nx-ms-error-code: canary canary x\r\n\r\n<Error><Code>canary canary x</Code><Message>canary</Message></Error>",
		"HTTP/1.1 412 Precondition Failed\r\n\r\n<Error><Code>PreconditionFailed",
		"HTTP/1.1 200 OK\r\n\r\n<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken><CommonPrefixes><Prefix>key/../</Prefix></CommonPrefixes></ListBucketResult>",
		"HTTP/1.1 200 OK\r\n\r\n<EnumerationResults><Blobs><BlobPrefix><Name>key/a/b/</Name></BlobPrefix></Blobs><NextMarker>a</NextMarker></EnumerationResults>",
		"HTTP/1.1 500 x\r\n\r\n<", "HTTP/1.1 200 OK\r\nETag: \"t\"\r\n\r\n", "HTTP/1.1 301 x\r\nLocation: https://canary.example/\r\n\r\n", "",
	} {
		f.Add([]byte(text))
	}
}

// Answered is what [CheckAnswer] asks of a store.
type Answered interface {
	Read(ctx context.Context, key string) ([]byte, store.Version, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error)
	Folders(ctx context.Context, key string, most int) ([]string, error)
}

// CheckAnswer checks what becomes of an answer, raw as it comes over the wire: an object is
// read whole and in a version, or not at all; a swap has a version; no error quotes the
// answer.
func CheckAnswer(t *testing.T, s Answered, raw []byte) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), &http.Request{Method: http.MethodGet})
	status := 0
	var whole []byte
	if err == nil {
		status = answer.StatusCode
		whole, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	wellMade := err == nil && status >= 200 && status < 300
	body, version, failed := s.Read(t.Context(), "key")
	if failed == nil && (!wellMade || version == "" || !bytes.Equal(body, whole) || len(body) > store.MaxRead) {
		t.Fatalf("%d bytes of version %q are read of %q", len(body), version, raw)
	}
	wantNamed(t, failed)
	stream, failed := s.Open(t.Context(), "key")
	if failed == nil {
		body, failed = io.ReadAll(stream)
		_ = stream.Close()
		if failed == nil && (!wellMade || !bytes.Equal(body, whole)) {
			t.Fatalf("%d bytes are streamed of %q", len(body), raw)
		}
	}
	wantNamed(t, failed)
	names, failed := s.Folders(t.Context(), "key", 10)
	for _, name := range names {
		if store.CheckKey(name) != nil || len(names) > 10 {
			t.Fatalf("%q are below a key, of %q", names, raw)
		}
	}
	wantNamed(t, failed)
	version, failed = s.Swap(t.Context(), "key", []byte("x"), `"old"`)
	if failed == nil && (status < 200 || status > 299 || version == "") {
		t.Fatalf("version %q of %q", version, raw)
	}
	wantNamed(t, failed)
}

func wantNamed(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var named *store.Error
	if !errors.As(err, &named) || strings.Contains(err.Error(), "canary canary") || strings.Contains(err.Error(), "canary.example") { // a single word may be a code
		t.Fatalf("%v", err)
	}
}
