package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// service is S3's name in the SDK and in these errors.
const service = "S3"

var (
	// errDamaged is a body that does not match the checksum S3 keeps of it.
	errDamaged = errors.New("the object does not match its checksum")
	// errNoTag is an answer that does not say which version of the object it is about.
	errNoTag = errors.New("an answer without an ETag")
	// errTooLarge is an upload of more parts than S3 allows.
	errTooLarge = errors.New("the object is larger than 10,000 parts: write smaller objects")
)

// check refuses what is not a key.
func (s *Store) check(op, key string) error {
	if err := store.CheckKey(key); err != nil {
		return &store.Error{Op: op, URL: s.URL(key), Err: err}
	}
	return nil
}

// failed makes the error of an operation: what happened, where, what to do next.
// What the SDK says is left out, since S3's messages name the caller.
func (s *Store) failed(ctx context.Context, op, key string, err error) error {
	if defect := (*crash.Error)(nil); errors.As(err, &defect) {
		return defect
	}
	e := &store.Error{Op: op, URL: s.URL(key), Err: err}
	switch f := awsapi.Of(service, err); {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrTooLarge), errors.Is(err, errTooLarge):
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.Is(err, store.ErrEnded):
		e.Err = store.ErrEnded
	case errors.Is(err, errDamaged):
		e.Problem = errDamaged.Error()
	case errors.As(err, new(*OtherError)):
		e.Advice = "nothing was published; the service, or a proxy before it, changes what it is sent, perhaps by storing the frames of a chunked body: use another one"
		e.Problem = err.Error()
	case f.Other != "":
		e.Problem = "AWS gave no credentials to reach S3 with"
		e.Advice = "check the function's role, or sign in again with `aws sso login` (asked: " + f.Other + ")"
	case f.Answered:
		missing := f.Status == http.StatusNotFound && (f.Code == "NoSuchKey" || f.Code == "NotFound")
		e.Answered(conflict(f), missing, f.Answer(service), s.advice(op, f))
	case f.Connection != diagnosis.None:
		e.Problem = f.Connection.String()
		e.Advice = "check the network, the proxy and AWS_ENDPOINT_URL; a function in a VPC needs a gateway endpoint for S3"
	default:
		e.Problem = "the request to S3 could not be made, or its answer not be read"
		e.Advice = "check the AWS credentials (aws sts get-caller-identity) and AWS_ENDPOINT_URL"
	}
	return e
}

// conflict reports whether S3 answered that a conditional write was not made.
func conflict(f diagnosis.Failure) bool {
	return f.Status == http.StatusPreconditionFailed || f.Code == "ConditionalRequestConflict"
}

// advice says what to do about an answer of S3, or of a service that speaks its protocol.
func (s *Store) advice(op string, f diagnosis.Failure) string {
	advice, setting := s.ownAdvice(op, f), s.setting(op, f)
	switch {
	case setting == "":
		return advice
	case f.Status == http.StatusNotImplemented:
		return "either this service does not take the AWS SDK's checksums: set " + setting + "; or it lacks conditional writes, without which no snapshot can be published"
	}
	return advice + "; if it goes on, this service does not take the AWS SDK's checksums: set " + setting
}

// ownAdvice is for an answer of S3 itself. The codes are those of S3's list of error
// responses, and of the operations' own pages.
func (s *Store) ownAdvice(op string, f diagnosis.Failure) string {
	switch code := f.Code; {
	case strings.HasPrefix(code, "KMS") || strings.HasPrefix(code, "Kms"):
		return "check that the KMS key exists in the bucket's region and is enabled"
	case code == "NoSuchBucket":
		return "make the bucket " + s.config.Bucket + ", or correct its name"
	case code == "PermanentRedirect", code == "AuthorizationHeaderMalformed", code == "IllegalLocationConstraintException",
		f.Status == http.StatusMovedPermanently:
		return "the bucket " + s.config.Bucket + " is in another region: set AWS_REGION to it"
	case code == "ExpiredToken", code == "InvalidAccessKeyId", code == "InvalidToken", code == "SignatureDoesNotMatch":
		return "AWS does not accept these credentials: renew them"
	case code == "RequestTimeTooSkewed":
		return "set the clock"
	case code == "AccessDenied", code == "AllAccessDisabled", f.Status == http.StatusForbidden:
		return s.permission(op)
	case code == "NoSuchUpload":
		return "something else ended the upload, perhaps a lifecycle rule that is too strict: run again"
	case code == "BadDigest", code == "InvalidPart", code == "InvalidPartOrder", code == "IncompleteBody":
		return "the object was damaged on its way, and was not stored: run again"
	case code == "NotImplemented":
		return "this service lacks conditional writes, without which no snapshot can be published"
	case code == "SlowDown", f.Status == http.StatusTooManyRequests, f.Status >= http.StatusInternalServerError:
		return "run again later"
	}
	return "see S3's list of error responses for the code"
}

// permission names what a role needs for an operation.
func (s *Store) permission(op string) string {
	objects := s.config.Bucket + "/" + s.prefix + "*"
	var text string
	switch op {
	case "read":
		text = "allow s3:GetObject on " + objects + " and s3:ListBucket on " + s.config.Bucket +
			" (without which S3 refuses to say that an object is missing), and kms:Decrypt if the bucket has a KMS key"
	case "list":
		text = "allow s3:ListBucket on " + s.config.Bucket
	case "delete":
		text = "allow s3:DeleteObject on " + objects
	default:
		text = "allow s3:PutObject, s3:GetObject and s3:AbortMultipartUpload on " + objects +
			", and kms:GenerateDataKey and kms:Decrypt if the bucket has a KMS key"
	}
	return text + "; check the bucket's policy too"
}
