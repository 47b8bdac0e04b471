// Package api answers HTTP requests in Microsoft Graph's own dialect, so that a
// Graph client that is pointed here reads the tenant's users without holding a
// Graph credential. What may be read is fixed by configuration; a request can
// only narrow it.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// Config says what the API serves.
type Config struct {
	// Users reads pages; *graph.Client does.
	Users roll.Pager
	// Request is the list that may be seen: its columns are the allow-list.
	Request roll.Request
	// Log gets a line for each failed request: never its query, nor a person.
	Log *slog.Logger
}

// API is the handler of the read API.
type API struct {
	users   roll.Pager
	request roll.Request
	log     *slog.Logger
	columns atomic.Pointer[[]roll.Column] // less what Graph was found to refuse
	mux     *http.ServeMux
}

// New returns the handler. It makes no request.
func New(cfg Config) *API {
	a := &API{users: cfg.Users, request: cfg.Request, log: cfg.Log, mux: http.NewServeMux()}
	a.columns.Store(&cfg.Request.Columns)
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.mux.HandleFunc("/users", a.listUsers)
	a.mux.HandleFunc("/v1.0/users", a.listUsers)
	a.mux.HandleFunc("/", notFound)
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	a.mux.ServeHTTP(w, r)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, failure.Failure{
		Name: "Request.Invalid", Status: http.StatusNotFound,
		Message: "there is nothing at this path; the list is at /users and /v1.0/users",
	})
}

func (a *API) listUsers(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		writeError(w, failure.Failure{
			Name: "Request.Invalid", Status: http.StatusMethodNotAllowed, Message: "the list can only be read, with GET",
		})
		return
	}
	columns := *a.columns.Load()
	opts, err := parseOptions(r.URL.RawQuery, columns, a.request.PageSize)
	if err != nil {
		a.fail(r.Context(), w, err)
		return
	}
	p, err := a.readPage(r.Context(), opts)
	if err != nil {
		a.fail(r.Context(), w, err)
		return
	}
	p.write(w, baseURL(r), opts)
}

func (a *API) fail(ctx context.Context, w http.ResponseWriter, err error) {
	a.log.ErrorContext(ctx, "request failed", "error", err)
	writeFailure(w, err)
}
