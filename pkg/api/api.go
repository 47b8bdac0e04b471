// Package api answers HTTP requests in Microsoft Graph's own dialect, so that a
// Graph client that is pointed here reads the tenant's users without holding a
// Graph credential. What may be read is fixed by configuration; a request can
// only narrow it.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/odata"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Directory is what the API asks of Graph; *graph.Client is one.
type Directory interface {
	list.Directory
	User(ctx context.Context, id string, q graph.Query) (graph.User, error)
}

// Config says what the API serves.
type Config struct {
	// Directory is where the users are read.
	Directory Directory
	// Request is the list that is served: its columns are the allow-list, and its
	// filter applies to everything that is read.
	Request list.Request
	// Key returns the 32 bytes with which skiptokens are sealed, the same in every
	// process that serves this API. Default: a random key of this process alone.
	Key func(ctx context.Context) ([]byte, error)
	// Workbook begins a workbook of the columns, to be written to w once it is complete.
	// nil: the API has no format xlsx.
	Workbook func(w io.Writer, columns []string) (Table, error)
	// Log gets a line for each request, which shows neither its query nor a person.
	Log *slog.Logger
}

// API is the handler of the read API.
type API struct {
	directory Directory
	request   list.Request
	filter    *odata.Filter // the configured one, nil for none
	key       func(ctx context.Context) ([]byte, error)
	workbook  func(w io.Writer, columns []string) (Table, error)
	log       *slog.Logger
	columns   atomic.Pointer[[]property.Column] // without those that Graph refused
	streams   atomic.Int32                      // lists that are being read whole
	undivided atomic.Pointer[string]            // the last filter whose list Graph refused to divide
}

// New returns the handler. It makes no request. A configured filter that cannot
// be parsed is an error, since it could not safely be combined with a caller's.
func New(cfg Config) (*API, error) {
	a := &API{directory: cfg.Directory, request: cfg.Request, key: cfg.Key, workbook: cfg.Workbook, log: cfg.Log}
	if a.key == nil {
		a.key = randomKey()
	}
	a.columns.Store(&cfg.Request.Columns)
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if cfg.Request.Filter != "" {
		var err error
		if a.filter, err = odata.ParseFilter(cfg.Request.Filter); err != nil {
			return nil, &failure.Named{Public: "Config.Invalid", Text: "ROLLCALL_FILTER: " + err.Error()}
		}
	}
	return a, nil
}

// maxQuery bounds a request's query string. Graph's own bound is 2,048
// characters of URL; escaping may triple it.
const maxQuery = 8 << 10

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	r = correlation.Begin(w, r)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	compressed, finish := compress(w, r)
	out := &observer{ResponseWriter: compressed}
	route, err := a.route(out, r)
	aborted := out.started() && err != nil && !errors.Is(err, errReported)
	if err != nil && !out.started() {
		failureOf(r, err).Write(out)
	}
	if !aborted {
		if cut := finish(); cut != nil {
			err, aborted = cut, true
		}
	}
	telemetry.End(r.Context(), outcome(r, err))
	ids := correlation.From(r.Context())
	attrs := []any{
		"route", route, "method", methodName(r.Method), "status", out.status(),
		"duration", time.Since(started), "caller", r.Header.Get(header.User),
		"requestId", ids.Request,
	}
	if ids.Client != "" {
		attrs = append(attrs, "clientRequestId", ids.Client)
	}
	if err == nil {
		a.log.InfoContext(r.Context(), "request answered", attrs...)
		return
	}
	a.log.WarnContext(r.Context(), "request failed", append(attrs, "error", err)...)
	if aborted {
		// The status has been sent and this body cannot say that it is incomplete, so
		// the connection has to: net/http aborts it, and so do the triggers.
		panic(http.ErrAbortHandler)
	}
}

// errReported marks a failure that the body of the response reports.
var errReported = errors.New("reported in the response")

// route answers what the path asks for. The name of the route is for the log.
func (a *API) route(w http.ResponseWriter, r *http.Request) (name string, err error) {
	defer crash.Recover(&err)
	to := a.routeOf(r.URL.EscapedPath())
	switch {
	case to.refused != nil:
		return to.name, to.refused
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
		return to.name, nil
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", allow)
		return to.name, &statusError{http.StatusMethodNotAllowed, "users can only be read, with GET or HEAD"}
	case len(r.URL.RawQuery) > maxQuery:
		return to.name, &statusError{http.StatusRequestURITooLong, fmt.Sprintf("the query string is longer than %d characters", maxQuery)}
	case encodingFor(r.Header) == unavailable:
		return to.name, errNoEncoding()
	}
	return to.name, to.answer(w, r, to.key)
}

const allow = "GET, HEAD, OPTIONS"

// methodName keeps an invented method out of the log.
func methodName(method string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, method) {
		return method
	}
	return "other"
}

// list answers with a page, or with all users, in the requested format.
func (a *API) list(w http.ResponseWriter, r *http.Request, _ string) error {
	o, err := a.parse(r, listOptions())
	if err != nil {
		return err
	}
	switch o.format {
	case ndjson:
		return a.ndjson(w, r, o)
	case csv, workbook:
		return a.table(w, r, o)
	}
	return a.page(w, r, o)
}

// narrowed is what the options leave of the list that is served.
func (a *API) narrowed(o *options) list.Request {
	q := a.request
	q.Columns, q.Filter, q.Search, q.OrderBy, q.Advanced = o.columns, o.filter, o.search, o.orderBy, o.query.Needed()
	return q
}
