package trigger

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// maxALB is a load balancer's limit for the response of a Lambda target, in bytes.
const maxALB = 1 << 20

// receiveALB takes a request of an Application Load Balancer. Path and query
// options are escaped as the caller sent them. Whether headers have one value or
// many is a setting of the target group; the answer follows the event.
func (l *Lambda) receiveALB(raw []byte) (*exchange, error) {
	var event events.ALBTargetGroupRequest
	if err := decode(raw, &event); err != nil {
		return nil, fail("Request.Invalid", "the event is not a load balancer's event")
	}
	header := allValues(event.MultiValueHeaders, event.Headers)
	host := header.Get("Host")
	header.Del("Host")
	proto := header.Values("X-Forwarded-Proto")
	u, ok := encodedPath(event.Path)
	x := &exchange{
		plain:      len(proto) > 0 && proto[len(proto)-1] == "http",
		limit:      maxALB,
		advice:     adviceHTTP,
		compressed: true,
		caller: func(ctx context.Context) (string, error) {
			return l.albCaller(ctx, event.RequestContext.ELB.TargetGroupArn, header.Values("X-Amzn-Oidc-Data"))
		},
		answer: func(w *recorder) (any, error) { return albResponse(w, event.MultiValueHeaders != nil), nil },
	}
	if !ok {
		x.problem = badPath
		u, _ = decodedPath("/")
	}
	u.RawQuery = escapedQuery(event.MultiValueQueryStringParameters, event.QueryStringParameters)
	x.request = newRequest(event.HTTPMethod, host, u, header)
	return x, nil
}

// escapedQuery makes a query string of options that are still escaped.
func escapedQuery(multi map[string][]string, one map[string]string) string {
	if len(multi) == 0 {
		multi = make(map[string][]string, len(one))
		for name, value := range one {
			multi[name] = []string{value}
		}
	}
	var options []string
	for _, name := range slices.Sorted(maps.Keys(multi)) {
		for _, value := range multi[name] {
			options = append(options, name+"="+value)
		}
	}
	return strings.Join(options, "&")
}

func albResponse(w *recorder, multi bool) events.ALBTargetGroupResponse {
	body, encoded := w.text()
	out := events.ALBTargetGroupResponse{
		StatusCode:        w.status,
		StatusDescription: strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		Body:              body,
		IsBase64Encoded:   encoded,
	}
	if multi {
		out.MultiValueHeaders = multiple(w.header)
		return out
	}
	out.Headers = single(w.header)
	if cookies := w.header.Values("Set-Cookie"); len(cookies) > 0 {
		out.Headers["set-cookie"] = cookies[len(cookies)-1]
	}
	return out
}
