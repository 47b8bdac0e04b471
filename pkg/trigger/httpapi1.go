package trigger

import "github.com/aws/aws-lambda-go/events"

// receiveHTTPAPI1 takes a request of an HTTP API, payload version 1.0. It looks
// like a REST API's, but its path is that of version 2.0.
func receiveHTTPAPI1(raw []byte) (*exchange, error) {
	var event events.APIGatewayProxyRequest
	if err := decode(raw, &event); err != nil {
		return nil, fail("Request.Invalid", "the event is not an HTTP API event of payload version 1.0")
	}
	about := &event.RequestContext
	prefix, path := mount(event.Path, event.Resource, event.PathParameters, stageOf(about.Stage))
	x := receiveProxy(&event, false)
	if x.request.Method == "" {
		x.request.Method = about.HTTPMethod
	}
	x.place(path, prefix, about.Stage)
	x.request.URL.RawQuery = encodeQuery(event.MultiValueQueryStringParameters, event.QueryStringParameters)
	x.patience = httpPatience
	x.compressed = true
	return x, nil
}
