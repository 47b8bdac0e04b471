package azblob

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"hash/crc64"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// idName is the metadata under which an object keeps the id of its upload. It
// must be a C# identifier.
const idName = "rollcallupload"

// Create begins the object of a key. ctx governs the whole upload. What fits into
// one block is one Put Blob; of the rest each block is staged as it fills. Blocks
// without a Commit cannot be seen, and the service drops them after a week, not
// sooner; until then the key may count as taken (Azurite says so), so another attempt
// needs another key. The upload fails with store.ErrConflict at its Commit if the key
// holds something by then.
func (s *Store) Create(ctx context.Context, key string) (store.Upload, error) {
	if err := s.check("write", key); err != nil {
		return nil, err
	}
	at, err := s.blob(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, s.failed(ctx, "write", key, err)
	}
	u := &upload{store: s, ctx: ctx, key: key, id: rand.Text(), blob: at}
	u.sending, u.cancel = context.WithCancel(ctx)
	return u, nil
}

// upload fills one block while the one before it is in flight.
type upload struct {
	store    *Store
	ctx      context.Context
	sending  context.Context // ends with ctx, and with the upload
	cancel   context.CancelFunc
	key      string
	id       string // kept with the object, to know it by
	blob     *blockblob.Client
	size     int64
	filling  []byte
	spare    []byte     // what was sent last, for reuse
	staged   []string   // ids of the blocks so far
	inFlight chan error // the outcome of the block in flight, nil when there is none
	ended    bool
	err      error
}

func (u *upload) Write(p []byte) (int, error) {
	written := 0
	for {
		if err := u.state(); err != nil {
			return written, err
		}
		n := min(len(p)-written, blockSize-len(u.filling))
		u.filling = append(u.filling, p[written:written+n]...)
		written += n
		u.size += int64(n)
		if written == len(p) {
			return written, nil
		}
		// The block is full, and there is more.
		if err := u.stage(); err != nil {
			return written, u.stop(err)
		}
	}
}

func (u *upload) Commit() error {
	if err := u.state(); err != nil {
		return err
	}
	if err := u.commit(); err != nil {
		return u.stop(err)
	}
	u.end()
	return nil
}

func (u *upload) commit() error {
	if len(u.staged) > 0 {
		if err := u.stage(); err != nil {
			return err
		}
		if err := u.arrived(); err != nil {
			return err
		}
	}
	if err := u.ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := store.WithGrace(u.ctx, grace)
	defer cancel()
	metadata := map[string]*string{idName: &u.id}
	var err error
	if len(u.staged) == 0 {
		err = u.store.checked(u.filling, func(sum blob.TransferValidationType) error {
			_, err := u.blob.Upload(ctx, streaming.NopCloser(bytes.NewReader(u.filling)), &blockblob.UploadOptions{
				AccessConditions: onlyNew(), Metadata: metadata, TransactionalValidation: sum,
			})
			return err
		})
	} else {
		_, err = u.blob.CommitBlockList(ctx, u.staged, &blockblob.CommitBlockListOptions{
			AccessConditions: onlyNew(), Metadata: metadata,
		})
	}
	if err != nil {
		return u.settle(err)
	}
	return nil
}

// settle finds out what became of the object when the request that was to make
// it appear ended with err. nil means that it is there.
func (u *upload) settle(err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), grace)
	defer cancel()
	out, failed := u.blob.GetProperties(ctx, nil)
	switch {
	case failed != nil && conflict(azureapi.Of(err)):
		return store.ErrConflict
	case failed != nil:
		return err
	case out.ContentLength == nil || *out.ContentLength != u.size:
		return store.ErrConflict
	}
	for name, value := range out.Metadata { // the header's case is not the service's to keep
		if strings.EqualFold(name, idName) && value != nil && *value == u.id {
			return nil
		}
	}
	return store.ErrConflict
}

// stage sends the block that is filled, once the one before it has arrived.
func (u *upload) stage() error {
	if err := u.arrived(); err != nil {
		return err
	}
	if len(u.staged) == maxBlocks {
		return errTooLarge
	}
	id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s-%05d", u.id, len(u.staged)))
	block, outcome := u.filling, make(chan error, 1)
	u.staged, u.inFlight = append(u.staged, id), outcome
	if u.spare == nil {
		u.spare = make([]byte, 0, blockSize)
	}
	u.filling, u.spare = u.spare[:0], block
	go func() { outcome <- u.send(id, block) }()
	return nil
}

// send sends a block. It has a goroutine of its own.
func (u *upload) send(id string, block []byte) (err error) {
	defer crash.Recover(&err)
	return u.store.checked(block, func(sum blob.TransferValidationType) error {
		_, err := u.blob.StageBlock(u.sending, id, streaming.NopCloser(bytes.NewReader(block)),
			&blockblob.StageBlockOptions{TransactionalValidation: sum})
		return err
	})
}

// arrived waits for the block in flight.
func (u *upload) arrived() error {
	if u.inFlight == nil {
		return nil
	}
	err := <-u.inFlight
	u.inFlight = nil
	return err
}

func (u *upload) Abort() {
	if !u.ended {
		_ = u.stop(store.ErrEnded)
	}
}

// state returns why the upload accepts no more, or nil.
func (u *upload) state() error {
	switch {
	case u.err != nil:
		return u.err
	case u.ended:
		return u.store.failed(u.ctx, "write", u.key, store.ErrEnded)
	case u.ctx.Err() != nil:
		return u.stop(u.ctx.Err())
	}
	return nil
}

// stop ends the upload for the first reason that there is.
func (u *upload) stop(reason error) error {
	if u.err == nil {
		u.end()
		u.err = u.store.failed(u.ctx, "write", u.key, reason)
	}
	return u.err
}

// end waits until nothing is in flight, and frees the blocks.
func (u *upload) end() {
	u.ended = true
	u.cancel()
	_ = u.arrived()
	u.filling, u.spare = nil, nil
}

// noChecksums is how Azurite, Microsoft's emulator, answers a CRC64.
const noChecksums = "FeatureNotSupported"

// checked sends a body with the CRC64 that the service compares it with. Once the
// service has said that it knows no checksums, bodies go without.
func (s *Store) checked(body []byte, send func(blob.TransferValidationType) error) error {
	if !s.unchecked.Load() {
		sum := blob.TransferValidationTypeCRC64(crc64.Checksum(body, table()))
		err := send(sum)
		if azureapi.Of(err).Code != noChecksums {
			return err
		}
		s.unchecked.Store(true)
	}
	return send(nil)
}

// table is of the polynomial that Azure Storage uses.
var table = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9A6C9329AC4BC9B5) })

// retryable says which answers are worth another attempt: those of azcore's own
// list, unless the service says that it will never do it.
func retryable(answer *http.Response, err error) bool {
	return err != nil || answer.Header.Get("x-ms-error-code") != noChecksums && slices.Contains([]int{
		http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}, answer.StatusCode)
}
