package lambda

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// healthChecker begins the User-Agent of a load balancer that asks, at a path of the
// target group's, whether the function works. It is not signed in.
const healthChecker = "ELB-HealthChecker/"

// receiveALB reads a request of an Application Load Balancer. Path and query
// options are escaped as the caller sent them. Whether headers have one value or
// many is a setting of the target group; the answer does as the event does.
func (h *HTTP) receiveALB(event *events.ALBTargetGroupRequest) *request {
	headers := allValues(event.MultiValueHeaders, event.Headers)
	host := headers.Get("Host")
	headers.Del("Host")
	proto := headers.Values(header.Proto) // a load balancer adds its own value last
	u, ok := encodedPath(event.Path)
	x := &request{
		Exchange: trigger.Exchange{
			HealthCheck: !h.broken && strings.HasPrefix(headers.Get("User-Agent"), healthChecker),
			PlainHTTP:   len(proto) > 0 && proto[len(proto)-1] == "http",
			Limit:       trigger.Limit{Bytes: 1 << 20, Name: "1 MB", Advice: adviceHTTP},
			Compressed:  true,
			Caller: func(ctx context.Context) (string, error) {
				return h.albCaller(ctx, event.RequestContext.ELB.TargetGroupArn, headers.Values("X-Amzn-Oidc-Data"))
			},
		},
		answer: func(r *trigger.Response) (any, error) { return albResponse(r, event.MultiValueHeaders != nil), nil },
	}
	if !ok {
		x.Problem = badPath
		u, _ = decodedPath("/")
	}
	u.RawQuery = escapedQuery(event.MultiValueQueryStringParameters, event.QueryStringParameters)
	x.Request = trigger.NewRequest(event.HTTPMethod, host, u, headers, event.Body, event.IsBase64Encoded)
	return x
}

func albResponse(r *trigger.Response, multi bool) events.ALBTargetGroupResponse {
	body, encoded := r.Text()
	out := events.ALBTargetGroupResponse{
		StatusCode:        r.Status,
		StatusDescription: strconv.Itoa(r.Status) + " " + http.StatusText(r.Status),
		Body:              body,
		IsBase64Encoded:   encoded,
	}
	if multi {
		out.MultiValueHeaders = multiple(r.Header)
		return out
	}
	out.Headers = single(r.Header)
	if cookies := r.Header.Values("Set-Cookie"); len(cookies) > 0 {
		out.Headers["set-cookie"] = cookies[len(cookies)-1]
	}
	return out
}
