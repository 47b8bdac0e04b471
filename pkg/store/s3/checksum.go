package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// The SDK itself sends a checksum behind the body, which it frames in chunks for that
// (aws-chunked). Services that speak S3's protocol refuse that in many ways, or store
// the frames as content. So the checksum is computed before, and goes in a header,
// which S3 checks all the same and others pass over. A service whose answer does not
// repeat it has not compared it: then it is asked how large the object is.
//
// Services that refuse even the header are for AWS_REQUEST_CHECKSUM_CALCULATION=when_required,
// and those that refuse to be asked for one for AWS_RESPONSE_CHECKSUM_VALIDATION=when_required.

// encodeSum returns a CRC32 as S3 writes it.
func encodeSum(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// sumOf returns the checksum of a part, which can be read again.
func sumOf(body io.Reader) (string, error) {
	seeker, ok := body.(io.ReadSeeker)
	if !ok {
		return "", errUnseekable
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, seeker); err != nil {
		return "", err
	}
	_, err := seeker.Seek(0, io.SeekStart)
	return encodeSum(sum.Sum32()), err
}

// OtherError means that a service acknowledged an object and stored another one.
type OtherError struct{ Stored, Sent int64 }

// Error says how many bytes there are.
func (e *OtherError) Error() string {
	return fmt.Sprintf("the service stored an object of %d bytes instead of the %d that were sent", e.Stored, e.Sent)
}

// verify makes sure that the object with a tag, if that is known, has the size of what
// was sent, unless the service repeated its checksum, sum, as got. It returns an
// *OtherError, or what kept it from asking.
func (s *Store) verify(ctx context.Context, key string, size int64, tag string, sum, got *string) error {
	if sum != nil && aws.ToString(got) == *sum {
		return nil
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.config.Bucket, Key: s.name(key)})
	switch {
	case err != nil:
		return err
	case tag != "" && aws.ToString(out.ETag) != tag: // replaced meanwhile
		return nil
	case out.ContentLength == nil || *out.ContentLength != size:
		return &OtherError{aws.ToInt64(out.ContentLength), size}
	}
	return nil
}

// verify is that of the store, for an upload that was acknowledged. What is not what was
// sent is deleted: nobody can have any use for it.
func (u *upload) verify(ctx context.Context, got *string) error {
	var sum *string
	if u.store.checked {
		sum = aws.String(u.checksum())
	}
	err := u.store.verify(ctx, u.key, u.size, "", sum, got)
	if err != nil {
		fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		_, _ = u.store.client.DeleteObject(fresh, &s3.DeleteObjectInput{Bucket: &u.store.config.Bucket, Key: u.store.name(u.key)})
	}
	return err
}

// setting is the variable by which checksums are switched off, if they may be why a
// service refused a request: "" for S3 itself, and where they are off already.
func (s *Store) setting(op string, f diagnosis.Failure) string {
	codes := []string{
		"NotImplemented", "InvalidArgument", "InvalidRequest", "InvalidDigest", "BadDigest", "BadRequest", "InvalidHeader", "UnsupportedHeader",
		"SignatureDoesNotMatch", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "MissingContentLength", "MalformedTrailerError",
	}
	switch {
	case !s.foreign, op == "delete", f.Status != http.StatusNotImplemented && !slices.Contains(codes, f.Code):
	case op == "read" && s.validated:
		return "AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"
	case op != "read" && s.checked:
		return "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
	}
	return ""
}

// errUnseekable is a part that the transfer manager passes on as a stream. It does not.
var errUnseekable = fmt.Errorf("a part is a stream: %w", store.ErrEnded)
