// Package correlation gives every request that is answered the two ids by which Graph
// and its clients find it again: request-id, the server's, and client-request-id, the
// caller's. They are headers of the answer, members of an error's envelope, and stand on
// the log's lines.
package correlation

import (
	"cmp"
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// IDs are the ids of a request.
type IDs struct {
	// Request is a GUID: the platform's own where that is one, so that its logs match.
	Request string
	// Client is what the caller calls the request, "" where no id that is fit for a
	// header and a log was sent.
	Client string
}

type contextKey struct{}

// With returns a context with the ids of the request that has these headers. A context
// that has ids keeps them.
func With(ctx context.Context, h http.Header) context.Context {
	if From(ctx) != (IDs{}) {
		return ctx
	}
	ids := IDs{Request: telemetry.RequestID(ctx), Client: clientID(h.Values(header.ClientRequestID))}
	switch {
	case ids.Request == "":
		ids.Request = uuid.NewString()
		ctx = telemetry.WithRequestID(ctx, ids.Request)
	case !guid.Valid(ids.Request):
		ids.Request = uuid.NewString()
	}
	if ids.Client != "" {
		ctx = telemetry.WithClientRequestID(ctx, ids.Client)
	}
	return context.WithValue(ctx, contextKey{}, ids)
}

// From returns the ids that With put into ctx.
func From(ctx context.Context) IDs {
	ids, _ := ctx.Value(contextKey{}).(IDs)
	return ids
}

// Begin puts the ids of a request into the headers of its answer, and returns the
// request with them. As Graph's, client-request-id is there without the caller's, too.
func Begin(w http.ResponseWriter, r *http.Request) *http.Request {
	ctx := With(r.Context(), r.Header)
	ids := From(ctx)
	w.Header().Set(header.RequestID, ids.Request)
	w.Header().Set(header.ClientRequestID, cmp.Or(ids.Client, ids.Request))
	return r.WithContext(ctx)
}

const maxClientID = 128 // Graph's clients send a GUID

// clientID returns the one id that the caller sent, or "" where it has other characters
// than ids have: it becomes a header and a text in the log.
func clientID(sent []string) string {
	if len(sent) != 1 || len(sent[0]) > maxClientID {
		return ""
	}
	for _, c := range []byte(sent[0]) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != ':' && c != '{' && c != '}' {
			return ""
		}
	}
	return sent[0]
}
