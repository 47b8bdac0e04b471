package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// service is how the SDK, and these errors, name who answered.
const service = "S3"

var (
	// errDamaged is a body that does not have the checksum S3 keeps of it.
	errDamaged = errors.New("the object does not have its checksum")
	// errTooLarge is an upload beyond S3's count of parts.
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
	e := &store.Error{Op: op, URL: s.URL(key), Err: err}
	switch refusal := refused(err); {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrTooLarge), errors.Is(err, errTooLarge):
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.Is(err, store.ErrEnded):
		e.Err = store.ErrEnded
	case errors.Is(err, errDamaged):
		e.Problem = errDamaged.Error()
	case foreign(err) != "":
		e.Problem = "AWS gave no credentials to reach S3 with"
		e.Advice = "check the function's role, or sign in again with `aws sso login` (asked: " + foreign(err) + ")"
	case refusal != nil:
		s.explain(e, refusal)
	case store.Broken(err) != "":
		e.Problem = store.Broken(err)
		e.Advice = "check the network, the proxy and AWS_ENDPOINT_URL; a function in a VPC needs a gateway endpoint for S3"
	default:
		e.Problem = "the request to S3 could not be made, or its answer not be read"
		e.Advice = "check the AWS credentials (aws sts get-caller-identity) and AWS_ENDPOINT_URL"
	}
	return e
}

// refused returns S3's answer if err is one.
func refused(err error) *store.Refusal {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return nil
	}
	r := &store.Refusal{Service: service, Code: api.ErrorCode()}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		r.Status, r.RequestID = answer.HTTPStatusCode(), answer.ServiceRequestID()
	}
	return r
}

// foreign returns the service that failed when it was not S3: the SDK asks others
// (sts, sso, the instance's metadata) for its credentials.
func foreign(err error) string {
	for err != nil {
		var op *smithy.OperationError
		if !errors.As(err, &op) {
			return ""
		}
		if op.Service() != service {
			return op.Service()
		}
		err = op.Unwrap()
	}
	return ""
}

// conflict reports whether S3 answered that a conditional write was not made.
func conflict(r *store.Refusal) bool {
	return r != nil && (r.Status == http.StatusPreconditionFailed || r.Code == "ConditionalRequestConflict")
}

// explain puts S3's answer into words.
func (s *Store) explain(e *store.Error, r *store.Refusal) {
	missing := r.Status == http.StatusNotFound && (r.Code == "NoSuchKey" || r.Code == "NotFound")
	e.Refused(r, conflict(r), missing, s.advice)
}

// advice says what to do about an answer of S3. The codes are those of S3's list
// of error responses, and of the operations' own pages.
func (s *Store) advice(op string, r *store.Refusal) string {
	switch code := r.Code; {
	case strings.HasPrefix(code, "KMS") || strings.HasPrefix(code, "Kms"):
		return "check that the KMS key exists in the bucket's region and is enabled"
	case code == "NoSuchBucket":
		return "make the bucket " + s.config.Bucket + ", or correct its name"
	case code == "PermanentRedirect", code == "AuthorizationHeaderMalformed", code == "IllegalLocationConstraintException",
		r.Status == http.StatusMovedPermanently:
		return "the bucket " + s.config.Bucket + " is in another region: set AWS_REGION to it"
	case code == "ExpiredToken", code == "InvalidAccessKeyId", code == "InvalidToken", code == "SignatureDoesNotMatch":
		return "AWS does not accept these credentials: renew them"
	case code == "RequestTimeTooSkewed":
		return "set the clock"
	case code == "AccessDenied", code == "AllAccessDisabled", r.Status == http.StatusForbidden:
		return s.permission(op)
	case code == "NoSuchUpload":
		return "something else ended the upload, perhaps a lifecycle rule that is too strict: run again"
	case code == "BadDigest", code == "InvalidPart", code == "InvalidPartOrder", code == "IncompleteBody":
		return "the object was damaged on its way, and was not stored: run again"
	case code == "NotImplemented":
		return "this service lacks conditional writes, without which no snapshot can be published"
	case code == "SlowDown", r.Status == http.StatusTooManyRequests, r.Status >= http.StatusInternalServerError:
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
	case "delete":
		text = "allow s3:DeleteObject on " + objects
	default:
		text = "allow s3:PutObject, s3:GetObject and s3:AbortMultipartUpload on " + objects +
			", and kms:GenerateDataKey and kms:Decrypt if the bucket has a KMS key"
	}
	return text + "; check the bucket's policy too"
}
