package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// HTTP answers the events of one function with an http.Handler. It may be used
// by several goroutines; it must not be copied once it is in use.
type HTTP struct {
	// Handler, AllowAnonymous, Log and Meter are those of a [trigger.Server].
	Handler        http.Handler
	AllowAnonymous bool
	Log            *slog.Logger
	Meter          *trigger.Meter
	// Stream answers REST API and Function URL events with a stream. The trigger
	// must be set up for it (responseTransferMode STREAM, InvokeMode
	// RESPONSE_STREAM): the event does not say.
	Stream bool
	// Roles are what the token of a caller must have one of, where a JSON Web Token
	// verifies the caller at an API Gateway; none asks for no role.
	Roles []string
	// LoadBalancer is the ARN of the one load balancer whose sign-in verifies a caller,
	// "" for any of the target group's account and region.
	LoadBalancer string
	// Keys is how the public keys of load balancers are read, nil for
	// http.DefaultTransport.
	Keys http.RoundTripper

	keys   keyring
	broken bool // it cannot start
}

// request is an event that is an HTTP request. Each trigger makes its own.
type request struct {
	trigger.Exchange
	// answer makes the trigger's response of the handler's.
	answer func(*trigger.Response) (any, error)
	// stream makes the trigger's streamed response; nil where there is none.
	stream func(*trigger.Stream) any
}

// Limits of a response. API Gateway's own 10 MB are never reached.
func buffered() trigger.Limit { return trigger.Limit{Bytes: 6 << 20, Name: "6 MB", Advice: adviceHTTP} }

// streamed takes Lambda's 200 MB as decimal megabytes, to be on the safe side.
func streamed() trigger.Limit {
	return trigger.Limit{Bytes: 200_000_000, Name: "200 MB", Advice: "ask for fewer columns with $select, or for fewer users with $filter"}
}

const adviceHTTP = "ask for fewer users with $top, for fewer columns with $select, or for $format=ndjson at an address that streams"

// Invoke answers one event: an HTTP request with what its trigger takes for a
// response, a direct invocation with the page itself or an error whose type is
// the public name of the failure (Graph.Throttled), which Step Functions match.
// An event of another kind is a Request.Invalid that names the kind.
func (h *HTTP) Invoke(ctx context.Context, event json.RawMessage) (any, error) {
	ctx = withRequestID(ctx)
	r, err := h.receive(event)
	if err != nil {
		return nil, named(err)
	}
	server := trigger.Server{Handler: h.Handler, AllowAnonymous: h.AllowAnonymous, Log: h.Log, Meter: h.Meter}
	if h.Stream && r.stream != nil {
		// A stream lasts as long as Lambda, and its bytes reach the caller as they are.
		r.Limit, r.Timeout, r.Compressed = streamed(), 0, true
		stream, err := server.Streamed(ctx, &r.Exchange)
		if err != nil {
			return nil, named(err)
		}
		stream.Body = namedErrors{stream.Body}
		return r.stream(stream), nil
	}
	response, err := server.Buffered(ctx, &r.Exchange)
	if err != nil {
		return nil, named(err)
	}
	return r.answer(response)
}

// receive makes a request of an event.
func (h *HTTP) receive(event []byte) (*request, error) {
	switch kind := probe(event); kind {
	case restAPI:
		return h.receiveREST(read[events.APIGatewayProxyRequest](event)), nil
	case httpAPI:
		return h.receiveHTTPAPI(read[events.APIGatewayV2HTTPRequest](event)), nil
	case httpAPI1:
		return h.receiveHTTPAPI1(read[events.APIGatewayProxyRequest](event)), nil
	case functionURL:
		return h.receiveFunctionURL(read[events.APIGatewayV2HTTPRequest](event)), nil
	case loadBalancer:
		return h.receiveALB(read[events.ALBTargetGroupRequest](event)), nil
	case invocation:
		return receiveInvocation(event)
	default:
		return nil, failure.InvalidRequest("the event is " + string(kind) +
			", which this function does not take; it returns users to API Gateway, a Function URL, a load balancer or a direct invocation")
	}
}

func (h *HTTP) fail(err error) {
	h.Log.Error(cannotStart, "error", err)
	h.Handler, h.broken = failure.Handler(err), true
}

// namedErrors is a body whose errors Lambda reports under their public names.
type namedErrors struct{ io.ReadCloser }

func (b namedErrors) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = named(err)
	}
	return n, err
}
