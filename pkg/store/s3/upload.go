package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	transfer "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Create begins the object of a key. ctx governs the whole upload. What fits into
// one part is one PutObject, the rest a multipart upload, which is aborted when it
// fails; what a kill leaves of one is for the bucket's lifecycle rule
// (AbortIncompleteMultipartUpload). The upload fails with store.ErrConflict at its
// Commit if the key holds something by then.
func (s *Store) Create(ctx context.Context, key string) (store.Upload, error) {
	if err := s.check("write", key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, s.failed(ctx, "write", key, err)
	}
	read, write := io.Pipe()
	sending, cancel := context.WithCancel(ctx)
	u := &upload{
		store: s, ctx: ctx, key: key, id: rand.Text(),
		body: write, sum: crc32.NewIEEE(), cancel: cancel, done: make(chan struct{}),
	}
	// The end of ctx frees a Write that waits for S3, and the reader of the pipe.
	u.release = context.AfterFunc(ctx, func() { _ = write.CloseWithError(ctx.Err()) })
	go u.send(sending, read)
	return u, nil
}

// upload hands what is written to the transfer manager, which pulls.
type upload struct {
	store   *Store
	ctx     context.Context
	key     string
	id      string // kept with the object, to know it by
	body    *io.PipeWriter
	release func() bool
	cancel  context.CancelFunc // ends what is being sent
	size    int64
	sum     hash.Hash32
	ended   bool
	err     error // why Write or Commit failed

	done chan struct{} // closed when send has ended
	sent error         // what send ended with, once done
}

// send uploads what is read from body until it ends. It runs beside the writer.
func (u *upload) send(ctx context.Context, body *io.PipeReader) {
	defer close(u.done)
	defer func() {
		if u.sent != nil {
			// The reader has ended: a Write must not wait for it.
			_ = body.CloseWithError(u.sent)
		}
	}()
	defer crash.Recover(&u.sent)
	c := u.store.config
	in := &transfermanager.UploadObjectInput{
		Bucket: &c.Bucket, Key: u.store.name(u.key), Body: body,
		IfNoneMatch: aws.String("*"),
		Metadata:    map[string]string{idName: u.id},
	}
	if u.store.checked {
		in.ChecksumAlgorithm, in.ChecksumType = transfer.ChecksumAlgorithmCrc32, transfer.ChecksumTypeFullObject
	}
	if c.Tags {
		in.Tagging = aws.String(retentionTag + "=" + expendable)
	}
	if c.KMSKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyID = transfer.ServerSideEncryptionAwsKms, &c.KMSKey
		in.BucketKeyEnabled = aws.Bool(true)
	}
	client := &requests{Client: u.store.client, upload: u}
	_, err := u.store.transfer.UploadObject(ctx, in, func(o *transfermanager.Options) { o.S3 = client })
	u.sent = errors.Join(err, client.err)
}

func (u *upload) Write(p []byte) (int, error) {
	switch {
	case u.err != nil:
		return 0, u.err
	case u.ended:
		return 0, u.store.failed(u.ctx, "write", u.key, store.ErrEnded)
	case u.size+int64(len(p)) > u.store.config.PartSize*maxParts:
		return 0, u.stop(errTooLarge)
	}
	n, err := u.body.Write(p)
	if err != nil {
		return n, u.stop(err)
	}
	u.size += int64(n)
	_, _ = u.sum.Write(p) // never fails
	return n, nil
}

func (u *upload) Commit() error {
	switch {
	case u.err != nil:
		return u.err
	case u.ended:
		return u.store.failed(u.ctx, "write", u.key, store.ErrEnded)
	case u.ctx.Err() != nil:
		return u.stop(u.ctx.Err())
	}
	u.ended = true
	_ = u.body.Close()
	u.wait()
	if u.sent != nil {
		u.err = u.store.failed(u.ctx, "write", u.key, u.sent)
	}
	return u.err
}

func (u *upload) Abort() {
	if !u.ended {
		_ = u.stop(store.ErrEnded)
	}
}

// stop ends the upload for the first reason that there is, and waits until what
// was sent of it is dropped.
func (u *upload) stop(reason error) error {
	if u.err != nil {
		return u.err
	}
	u.ended = true
	_ = u.body.CloseWithError(reason)
	u.cancel()
	u.wait()
	u.err = u.store.failed(u.ctx, "write", u.key, reason)
	return u.err
}

// wait waits until nothing is sent any more.
func (u *upload) wait() {
	<-u.done
	u.release()
	u.cancel()
}

// checksum is the CRC32 of everything that was written, as S3 writes it.
func (u *upload) checksum() string { return encodeSum(u.sum.Sum32()) }
