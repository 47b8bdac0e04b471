// Package azblob is a store in a container of Azure Blob Storage: each object is a
// block blob.
//
// It needs If-None-Match and If-Match on Put Blob and on Put Block List, which
// every version of the service has. Every body goes with a CRC64 that the service
// checks.
package azblob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

const (
	// blockSize is what one request carries of a large object. An upload keeps two
	// blocks: one that is being filled and one in flight.
	blockSize = 4 << 20
	// maxBlocks is the service's own limit: objects of up to 195 GiB.
	maxBlocks = 50_000
	// resumptions is how often a body that broke is requested from where it broke.
	resumptions = 5
	// grace bounds the requests that are made once an upload's context has ended.
	grace = 5 * time.Second
)

// Store is a part of a container. It may be used by several goroutines.
type Store struct {
	config Config
	prefix string
	base   string // URL of the container, without any signature
	query  string // the signature
	open   opener
	// unchecked says that the service does not know checksums.
	unchecked atomic.Bool
}

// New returns the store that c describes. It makes no request.
func New(c Config) (*Store, error) {
	prefix, err := store.Prefix(c.Prefix)
	if err != nil {
		return nil, err
	}
	address, query, open, err := c.open()
	if err != nil {
		return nil, err
	}
	s := &Store{config: c, prefix: prefix, base: strings.TrimRight(address, "/") + "/", query: query, open: open}
	// What is wrong with the address is wrong with every blob's.
	if _, err := s.blob("x"); err != nil {
		return nil, errors.New("no client can be made for the container " + c.Container)
	}
	return s, nil
}

// URL returns the key's address: https://account.blob.core.windows.net/container/prefix/key.
func (s *Store) URL(key string) string { return s.base + escape(s.prefix) + key }

func (s *Store) blob(key string) (*blockblob.Client, error) { return s.open(s.URL(key) + s.query) }

// Read returns the whole object and its ETag. It fails with store.ErrNotFound,
// and with store.ErrTooLarge above store.MaxRead.
func (s *Store) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	if err := s.check("read", key); err != nil {
		return nil, "", err
	}
	body, version, err := s.read(ctx, key)
	if err != nil {
		return nil, "", s.failed(ctx, "read", key, err)
	}
	return body, version, nil
}

func (s *Store) read(ctx context.Context, key string) ([]byte, store.Version, error) {
	opened, err := s.download(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = opened.Close() }()
	body, err := store.ReadAll(opened, opened.left)
	return body, opened.version, err
}

// Swap replaces the version old of an object, or makes the object if old is "".
// It fails with store.ErrConflict when the service answers that the key holds
// another version (412), holds something (409), or that there is nothing to
// replace (404). It returns the new ETag.
func (s *Store) Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	if err := s.check("swap", key); err != nil {
		return "", err
	}
	condition := onlyNew()
	if old != "" {
		condition = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: to.Ptr(azcore.ETag(old))}}
	}
	at, err := s.blob(key)
	if err != nil {
		return "", s.failed(ctx, "swap", key, err)
	}
	var version store.Version
	err = s.checked(body, func(sum blob.TransferValidationType) error {
		out, err := at.Upload(ctx, streaming.NopCloser(bytes.NewReader(body)), &blockblob.UploadOptions{
			AccessConditions: condition, TransactionalValidation: sum,
		})
		if err == nil && out.ETag == nil {
			return errors.New("an answer without an ETag")
		}
		if err == nil {
			version = store.Version(*out.ETag)
		}
		return err
	})
	if err != nil {
		return "", s.failed(ctx, "swap", key, err)
	}
	return version, nil
}

// onlyNew is the condition that the key holds nothing.
func onlyNew() *blob.AccessConditions {
	return &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
}

// Delete removes the object, and its snapshots if there are any; a missing
// one is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check("delete", key); err != nil {
		return err
	}
	at, err := s.blob(key)
	if err == nil {
		_, err = at.Delete(ctx, &blob.DeleteOptions{DeleteSnapshots: to.Ptr(blob.DeleteSnapshotsOptionTypeInclude)})
	}
	if err == nil {
		return nil
	}
	if err = s.failed(ctx, "delete", key, err); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Open reads the object as a stream. It fails with store.ErrNotFound. ctx governs
// the stream too. A body that breaks is resumed, in the same version; one that
// cannot be resumed is an error of Read, never an early end.
func (s *Store) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := s.check("read", key); err != nil {
		return nil, err
	}
	opened, err := s.download(ctx, key)
	if err != nil {
		return nil, s.failed(ctx, "read", key, err)
	}
	return &named{opened}, nil
}

func (s *Store) download(ctx context.Context, key string) (*stream, error) {
	at, err := s.blob(key)
	if err != nil {
		return nil, err
	}
	out, err := at.DownloadStream(ctx, nil)
	switch {
	case err != nil:
		return nil, err
	case out.ContentLength == nil || out.ETag == nil:
		_ = out.Body.Close()
		return nil, errors.New("an answer without a length or an ETag")
	}
	resumed := 0
	resuming, cancel := context.WithCancel(ctx)
	return &stream{
		ctx: ctx, store: s, key: key, left: *out.ContentLength, version: store.Version(*out.ETag), cancel: cancel,
		body: out.NewRetryReader(resuming, &blob.RetryReaderOptions{EarlyCloseAsError: true, OnFailedRead: func(int32, error, blob.HTTPRange, bool) {
			if resumed++; resumed > resumptions { // the SDK counts anew after each byte
				cancel()
			}
		}}),
	}, nil
}

// stream is a blob's body. The SDK resumes it from where it broke.
type stream struct {
	ctx     context.Context
	store   *Store
	key     string
	body    io.ReadCloser
	cancel  context.CancelFunc // of resuming
	left    int64
	version store.Version
}

func (r *stream) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.body.Read(p)
	r.left -= int64(n)
	if errors.Is(err, io.EOF) && r.left != 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (r *stream) Close() error {
	r.cancel()
	return r.body.Close()
}

// named gives the errors of a stream their object's name.
type named struct{ *stream }

func (r *named) Read(p []byte) (int, error) {
	n, err := r.stream.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.store.failed(r.ctx, "read", r.key, err)
	}
	return n, err
}
