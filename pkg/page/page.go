// Package page shows a tenant's users to people: a table of them, the snapshots that were
// published, and the changes as they come, written on the server as HTML.
//
// It is a client of the read API of package api, which it asks in the same process. So what
// may be read, searched and sorted by, and what is refused, is decided there and nowhere
// else. Requests of everybody but browsers go to the API as they are.
//
// It authenticates nobody: whoever serves it decides whose requests reach it.
package page

import (
	"context"
	"html/template"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/header"
)

// API is the read API that the page shows; *api.API is one.
type API interface {
	http.Handler
	// Columns are the names of the columns that may be read.
	Columns() []string
	// PrefersHTML reports whether the headers are those of a browser that shows a page.
	PrefersHTML(h http.Header) bool
}

// Config says what the page shows.
type Config struct {
	// API answers what the page asks, and the requests of everybody but browsers.
	API API
	// Workbooks says that the API has the format xlsx.
	Workbooks bool
	// Demo says that the tenant is a simulated one.
	Demo bool
	// Snapshots reads, of each store, so many runs at most, the newest ones. nil: there is no
	// store.
	Snapshots func(ctx context.Context, most int) ([]Store, error)
	// Changes are those since the server was started. nil: nobody watches.
	Changes *Feed
}

// Page is the handler.
type Page struct {
	config    Config
	assets    map[string]asset // by their paths
	templates map[string]*template.Template
	listening chan struct{} // one element for each page that listens for changes
}

// New returns the handler. It makes no request.
func New(cfg Config) (*Page, error) {
	p := &Page{config: cfg, listening: make(chan struct{}, listeners)}
	var err error
	if p.assets, err = readAssets(); err != nil {
		return nil, err
	}
	p.templates, err = parseTemplates(p.assets)
	return p, err
}

// ServeHTTP answers browsers by pages and everybody else by the API.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = correlation.Begin(w, r)
	if a, ok := p.assets[r.URL.Path]; ok && reads(r) {
		a.serve(w, r)
		return
	}
	if r.URL.Path == EventsPath && r.Method == http.MethodGet && p.config.Changes != nil {
		p.live(w, r)
		return
	}
	view := p.view(r.URL.Path)
	switch {
	case !reads(r):
		p.config.API.ServeHTTP(w, r)
	case view != nil && p.wantsHTML(r):
		view(w, r)
	default:
		p.Guard(p.config.API).ServeHTTP(w, r)
	}
}

// view returns what shows a path, nil for what the API serves to browsers, too.
func (p *Page) view(path string) http.HandlerFunc {
	switch path {
	case "/":
		return p.home
	case "/users", "/users/", "/v1.0/users", "/v1.0/users/":
		return p.people
	case "/find":
		return p.find
	case "/check":
		return p.check
	case "/snapshots":
		return p.snapshots
	case "/changes":
		return p.changes
	}
	if key, ok := strings.CutPrefix(strings.TrimPrefix(path, "/v1.0"), "/users/"); ok && !strings.HasPrefix(key, "$") && !strings.Contains(key, "/") {
		return p.person
	}
	return nil
}

// home is the address that people are told.
func (p *Page) home(w http.ResponseWriter, r *http.Request) {
	p.redirect(w, r, "/users")
}

// redirect leads a browser on to another view.
func (p *Page) redirect(w http.ResponseWriter, r *http.Request, to string) {
	protect(w.Header())
	w.Header().Set("Vary", "Accept")
	w.Header().Set("Location", prefix(r)+to)
	w.WriteHeader(http.StatusSeeOther)
}

// Guard has the failures of a handler shown to browsers as pages, too: those of the API, and
// of what stands before the page, such as what authenticates.
func (p *Page) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reads(r) && p.config.API.PrefersHTML(r.Header) {
			w = &rescuer{ResponseWriter: w, page: p, request: r}
		}
		next.ServeHTTP(w, r)
	})
}

// reads reports whether a request changes nothing, as all do that a page makes.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// wantsHTML reports whether a request is for a page: by $format, or else by Accept.
func (p *Page) wantsHTML(r *http.Request) bool {
	for name, values := range r.URL.Query() {
		if strings.EqualFold(name, formatOption) && len(values) == 1 {
			return strings.EqualFold(values[0], "html") || strings.EqualFold(values[0], "text/html")
		}
	}
	return p.config.API.PrefersHTML(r.Header)
}

// prefix is the part of the caller's path that a front has taken off, such as a stage.
func prefix(r *http.Request) string {
	at := strings.TrimRight(r.Header.Get(header.Prefix), "/")
	if at != "" && (!strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//")) {
		return ""
	}
	return at
}
