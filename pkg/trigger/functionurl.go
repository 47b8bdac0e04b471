package trigger

import (
	"io"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// receiveFunctionURL takes a request of a Function URL. Its event is that of an
// HTTP API but for the path, which is escaped as the caller sent it; it has no
// stage, and only IAM can verify its callers. It waits as long as Lambda.
func receiveFunctionURL(raw []byte) (*exchange, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := decode(raw, &event); err != nil {
		return nil, fail("Request.Invalid", "the event is not a Function URL event")
	}
	x := receiveV2(&event)
	if u, ok := encodedPath(event.RawPath); ok {
		x.request.URL = u
	} else {
		x.problem = badPath
	}
	x.request.URL.RawQuery = event.RawQueryString
	x.stream = func(status int, header http.Header, body io.ReadCloser) any {
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: status, Headers: single(header), Cookies: header.Values("Set-Cookie"), Body: body,
		}
	}
	return x, nil
}
