package graph

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// startSpan begins the span of one attempt. It has nothing of a URL but the kinds of its
// segments: queries hold page tokens, and paths hold people.
func (c *Client) startSpan(ctx context.Context, r request) (context.Context, telemetry.Span) {
	if !telemetry.Traced {
		return ctx, telemetry.Span{}
	}
	method, route := cmp.Or(r.method, http.MethodGet), route(r.url.Path)
	return telemetry.StartCall(ctx, method+" "+route,
		slog.String("http.request.method", method), slog.String("url.template", route), slog.String("server.address", c.base.Hostname()),
		slog.Bool("graph.next_link", r.continuation))
}

// route is a path of Graph in which everything but the names that Graph gives is {id}.
func route(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		name, _, _ := strings.Cut(segment, "(") // a key or arguments
		switch name {
		case "", "v1.0", "users", "delta", "microsoft.graph.delta", "$count", "$batch", "subscriptions", "directory", "deletedItems", "microsoft.graph.user",
			"applications", "addPassword", "removePassword", "manager", "organization":
			segments[i] = name
		default:
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}

// statusError is the outcome of an attempt that Graph did not answer with success.
type statusError int

func (e statusError) Error() string { return "Graph answered " + strconv.Itoa(int(e)) }

// Name is the status, which OpenTelemetry takes for the type of an error.
func (e statusError) Name() string { return strconv.Itoa(int(e)) }
