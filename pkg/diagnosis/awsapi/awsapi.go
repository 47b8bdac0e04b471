// Package awsapi reads the errors of the AWS SDK. It imports the SDK's core and
// none of its services.
package awsapi

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// Of returns what can be told of err, which a call to the service returned. The
// service is named as the SDK names it, such as "Secrets Manager" or "S3".
func Of(service string, err error) diagnosis.Failure {
	f := diagnosis.Failure{
		Other:      other(service, err),
		Connection: diagnosis.OfConnection(err),
		Retryable:  retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary,
	}
	if errors.As(err, new(*aws.RequestCanceledError)) {
		f.Connection = diagnosis.Timeout
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		f.Answered, f.Code = true, diagnosis.Token(api.ErrorCode())
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		f.Status, f.RequestID = response.HTTPStatusCode(), diagnosis.Token(response.ServiceRequestID())
		f.Answered = f.Answered || f.Status >= 300
	}
	return f
}

// other returns the service that failed when it was not the one called.
func other(service string, err error) string {
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
