package lambda

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// receiveFunctionURL reads a request of a Function URL. Its event is that of an
// HTTP API except for the path, which is escaped as the caller sent it; it has no
// stage, and only IAM can verify its callers. It waits as long as Lambda.
func (h *HTTP) receiveFunctionURL(event *events.APIGatewayV2HTTPRequest) *request {
	x := h.receiveV2(event)
	if u, ok := encodedPath(event.RawPath); ok {
		x.Request.URL = u
	} else {
		x.Problem = badPath
	}
	x.Request.URL.RawQuery = event.RawQueryString
	x.stream = func(s *trigger.Stream) any {
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: s.Status, Headers: single(s.Header), Cookies: s.Header.Values("Set-Cookie"), Body: s.Body,
		}
	}
	return x
}
