// Package trigger turns the events that start a Lambda function into HTTP
// requests for one handler, and the handler's responses into what each trigger
// expects; one file a trigger. It knows net/http and the events, nothing else
// of this program.
package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Lambda answers the events of one function with an http.Handler.
type Lambda struct {
	// Handler answers every event, once it is a request.
	Handler http.Handler
	// AllowAnonymous lets HTTP events through that carry no verified caller.
	AllowAnonymous bool
	// Annotate, if set, puts the invocation's request id into the context, for
	// the log lines that are written under it.
	Annotate func(ctx context.Context, requestID string) context.Context
}

// margin is what is kept of an invocation's time to write down why it failed.
// Lambda kills a function at its deadline without a word.
const margin = 400 * time.Millisecond

// maxResponse is Lambda's limit for a buffered response, 6 MB, in bytes.
const maxResponse = 6*1024*1024 - 1024

// Invoke answers one event: a Function URL or HTTP API request with an HTTP
// response, a direct invocation with the page itself or an error whose type is
// the public name of the failure (Graph.Throttled), which Step Functions match.
func (l *Lambda) Invoke(ctx context.Context, event json.RawMessage) (any, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	if invoked, ok := lambdacontext.FromContext(ctx); ok && l.Annotate != nil {
		ctx = l.Annotate(ctx, invoked.AwsRequestID)
	}
	switch probe(event) {
	case httpAPI:
		return l.serveHTTPAPI(ctx, event)
	default:
		return l.serveInvocation(ctx, event)
	}
}

// kind is what an event is.
type kind int

const (
	invocation kind = iota // none of the others: our own request schema
	httpAPI                // HTTP API or Function URL, payload version 2.0
)

// probe tells events apart by what only one of them has.
func probe(event []byte) kind {
	var p struct {
		Version        string `json:"version"`
		RequestContext struct {
			HTTP json.RawMessage `json:"http"`
		} `json:"requestContext"`
	}
	if json.Unmarshal(event, &p) == nil && p.Version == "2.0" && p.RequestContext.HTTP != nil {
		return httpAPI
	}
	return invocation
}

// recorder keeps the handler's response.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

// Header returns the headers that the response will have.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader notes the status; the first one counts.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write keeps a part of the body.
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// fail is an error that Lambda reports under its public name.
func fail(name, message string) error {
	return messages.InvokeResponse_Error{Type: name, Message: message}
}
