package awsapi

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// Client returns the HTTP client for a service: own, nil for the SDK's, whose transport
// change adjusts. Its answers are bounded. The SDK's follows redirects that keep the
// method; this one does not: people and secrets go to the configured address and to no
// other, whatever an answer says.
func Client(own aws.HTTPClient, change ...func(*http.Transport)) diagnosis.Client {
	if own == nil {
		own = awshttp.NewBuildableClient()
	}
	if standard, ok := own.(*awshttp.BuildableClient); ok {
		own = standard.WithTransportOptions(change...).Freeze()
	}
	if client, ok := own.(*http.Client); ok {
		staying := *client
		staying.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		own = &staying
	}
	return diagnosis.Bounded(own)
}
