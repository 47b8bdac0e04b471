package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// idName is the metadata under which an object keeps the id of its upload.
const idName = "rollcall-upload"

// requests is the client that the transfer manager gets for one upload. It handles
// the requests that change what the bucket holds: each has a grace period when its
// context ends, so that its outcome is known; S3 checks the whole object; and a lost
// reply is no failure.
//
// A failed CompleteMultipartUpload is hidden from the transfer manager, which would
// write S3's message to the standard logger, with the caller's name in it. It is kept
// in err instead.
type requests struct {
	*s3.Client
	upload *upload
	err    error
}

// CreateMultipartUpload begins an upload of parts. Its answer is what an abort
// needs.
func (c *requests) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, options ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := store.WithGrace(ctx, grace)
	defer cancel()
	return c.Client.CreateMultipartUpload(ctx, in, options...)
}

// PutObject sends an object that fits into one part.
func (c *requests) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := store.WithGrace(ctx, grace)
	defer cancel()
	if in.ChecksumAlgorithm = ""; c.upload.store.checked {
		in.ChecksumCRC32 = aws.String(c.upload.checksum())
	}
	out, err := c.Client.PutObject(ctx, in, options...)
	if err != nil {
		return &s3.PutObjectOutput{}, c.upload.settle(err)
	}
	return out, c.upload.verify(ctx, out.ChecksumCRC32)
}

// UploadPart sends a part.
func (c *requests) UploadPart(ctx context.Context, in *s3.UploadPartInput, options ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	if in.ChecksumAlgorithm = ""; c.upload.store.checked {
		sum, err := sumOf(in.Body)
		if err != nil {
			return nil, err
		}
		in.ChecksumCRC32 = &sum
	}
	return c.Client.UploadPart(ctx, in, options...)
}

// CompleteMultipartUpload makes an object of the parts. It tells S3 the size and
// the checksum of the whole, so that no part can be missing.
func (c *requests) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, options ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if c.upload.store.checked {
		in.MpuObjectSize = aws.Int64(c.upload.size)
		in.ChecksumCRC32 = aws.String(c.upload.checksum())
	}
	if c.err = ctx.Err(); c.err == nil {
		patient, cancel := store.WithGrace(ctx, grace)
		defer cancel()
		var out *s3.CompleteMultipartUploadOutput
		if out, c.err = c.Client.CompleteMultipartUpload(patient, in, options...); c.err != nil {
			out, c.err = &s3.CompleteMultipartUploadOutput{}, c.upload.settle(c.err)
		} else {
			c.err = c.upload.verify(patient, out.ChecksumCRC32)
		}
		if c.err == nil {
			return out, nil
		}
	}
	fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	// Where this fails, the bucket's lifecycle rule does it.
	_, _ = c.AbortMultipartUpload(fresh, &s3.AbortMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId})
	return &s3.CompleteMultipartUploadOutput{}, nil
}

// settle finds out what became of the object when the request that was to make
// it appear ended with err. nil means that it is there.
func (u *upload) settle(err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), grace)
	defer cancel()
	out, failed := u.store.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &u.store.config.Bucket, Key: u.store.name(u.key)})
	switch {
	case failed != nil && conflict(awsapi.Of(service, err)):
		return store.ErrConflict
	case failed != nil:
		return err
	case out.Metadata[idName] == u.id && aws.ToInt64(out.ContentLength) == u.size:
		return nil
	}
	return store.ErrConflict
}
