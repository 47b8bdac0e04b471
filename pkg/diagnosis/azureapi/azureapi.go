// Package azureapi reads the errors of the Azure SDK. It imports the SDK's core
// and none of its services.
package azureapi

import (
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// Of returns what can be told of err, which a call to a service of Azure returned.
func Of(err error) diagnosis.Failure {
	f := diagnosis.Failure{Connection: diagnosis.OfConnection(err)}
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		f.Answered, f.Code, f.Status = true, diagnosis.Token(answer.ErrorCode), answer.StatusCode
		if answer.RawResponse != nil {
			f.RequestID = diagnosis.Token(answer.RawResponse.Header.Get("x-ms-request-id"))
		}
	}
	return f
}
