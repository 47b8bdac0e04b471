package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// resumptions is how often a body that broke is requested from where it broke. Each
// makes progress or fails by itself, after the SDK's own attempts.
const resumptions = 5

// Open reads the object as a stream. It fails with store.ErrNotFound. ctx governs
// the stream too. A body that breaks is resumed, in the same version; one that
// cannot be resumed is an error of Read, never an early end.
func (s *Store) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := s.check("read", key); err != nil {
		return nil, err
	}
	opened, err := s.open(ctx, key)
	if err != nil {
		return nil, s.failed(ctx, "read", key, err)
	}
	return &named{opened}, nil
}

func (s *Store) open(ctx context.Context, key string) (*stream, error) {
	in := &s3.GetObjectInput{Bucket: &s.config.Bucket, Key: s.name(key)}
	if s.validated {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	out, err := s.client.GetObject(ctx, in)
	if err != nil {
		return nil, err
	}
	r := &stream{ctx: ctx, store: s, key: key, body: out.Body, tag: aws.ToString(out.ETag), size: -1}
	if out.ContentLength != nil {
		r.size = *out.ContentLength
	}
	return r, nil
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

// stream is an object's body, in as many answers as it takes.
type stream struct {
	ctx     context.Context
	store   *Store
	key     string
	body    io.ReadCloser
	tag     string
	size    int64 // -1 where the service does not say
	read    int64
	resumed int
}

func (r *stream) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	for {
		n, err := r.body.Read(p)
		r.read += int64(n)
		// A checksum that does not match comes in place of the end.
		whole := r.size < 0 || r.read >= r.size
		switch {
		case err == nil, errors.Is(err, io.EOF) && whole:
			return n, err
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		case whole:
			return n, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if err := r.resume(err); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// resume asks for the rest of a body that broke.
func (r *stream) resume(broken error) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.resumed == resumptions || r.tag == "" {
		return broken
	}
	r.resumed++
	out, err := r.store.client.GetObject(r.ctx, &s3.GetObjectInput{
		Bucket: &r.store.config.Bucket, Key: r.store.name(r.key),
		Range: aws.String(fmt.Sprintf("bytes=%d-", r.read)), IfMatch: &r.tag,
	})
	if err != nil {
		return err
	}
	if aws.ToInt64(out.ContentLength) != r.size-r.read || aws.ToString(out.ETag) != r.tag {
		_ = out.Body.Close()
		return broken
	}
	_ = r.body.Close()
	r.body = out.Body
	return nil
}

func (r *stream) Close() error { return r.body.Close() }
