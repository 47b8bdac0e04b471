// Package trigger turns the events that start a Lambda function into HTTP
// requests for one handler, and the handler's responses into what each trigger
// expects; one file a trigger. It knows net/http and the events, nothing else
// of this program.
package trigger

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Lambda answers the events of one function with an http.Handler. It may be used
// by several goroutines; it must not be copied once it is in use.
type Lambda struct {
	// Handler answers every event, once it is a request. Among its headers are,
	// whatever the caller sent under these names: X-Forwarded-Prefix, the part of
	// the caller's path that was taken off; X-Forwarded-User, who calls, for the
	// log; X-Forwarded-Proto, http where the caller came without TLS.
	Handler http.Handler
	// AllowAnonymous lets HTTP events through that carry no verified caller.
	AllowAnonymous bool
	// Stream answers REST API and Function URL events with a stream. The trigger
	// must be set up for it (responseTransferMode STREAM, InvokeMode
	// RESPONSE_STREAM): the event does not tell.
	Stream bool
	// Annotate, if set, puts the invocation's request id into the context, for
	// the log lines that are written under it.
	Annotate func(ctx context.Context, requestID string) context.Context
	// Log, if set, gets a line when a request is refused, and when the handler
	// panics: where, but not with what.
	Log *slog.Logger
	// Keys is how the public keys of load balancers are read, nil for
	// http.DefaultTransport.
	Keys http.RoundTripper

	keys keyring
}

// Invoke answers one event: an HTTP request with what its trigger takes for a
// response, a direct invocation with the page itself or an error whose type is
// the public name of the failure (Graph.Throttled), which Step Functions match.
// An event of another kind is a Request.Invalid that names the kind.
func (l *Lambda) Invoke(ctx context.Context, event json.RawMessage) (any, error) {
	if invoked, ok := lambdacontext.FromContext(ctx); ok && l.Annotate != nil {
		ctx = l.Annotate(ctx, invoked.AwsRequestID)
	}
	x, err := l.receive(event)
	if err != nil {
		return nil, err
	}
	return l.serve(ctx, x)
}

// receive makes an exchange of an event.
func (l *Lambda) receive(event []byte) (*exchange, error) {
	switch kind := probe(event); kind {
	case restAPI:
		return receiveREST(event)
	case httpAPI:
		return receiveHTTPAPI(event)
	case httpAPI1:
		return receiveHTTPAPI1(event)
	case functionURL:
		return receiveFunctionURL(event)
	case loadBalancer:
		return l.receiveALB(event)
	case invocation:
		return receiveInvocation(event)
	default:
		return nil, fail("Request.Invalid", "the event is "+string(kind)+
			", which this function does not take; it returns users to API Gateway, a Function URL, a load balancer or a direct invocation")
	}
}

// fail is an error that Lambda reports under its public name.
func fail(name, message string) error {
	return messages.InvokeResponse_Error{Type: name, Message: message}
}
