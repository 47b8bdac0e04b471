package page

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
)

// answer is what the API has answered.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

// WriteHeader records the status; the first one counts.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write keeps the body.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// ask has the API answer what a page needs. The request is the browser's, with another
// path and query, so that the API logs its caller and its ids.
func (p *Page) ask(r *http.Request, path string, q query) *answer {
	a := &answer{header: http.Header{}}
	p.have(a, subrequest(r, path, q))
	return a
}

// have has the API answer, and reports whether the answer came to its end. A panic is that
// of an answer that was broken off, or a defect.
func (p *Page) have(into interface {
	http.ResponseWriter
	breakOff()
}, r *http.Request,
) {
	err := func() (err error) {
		defer crash.Recover(&err)
		p.config.API.ServeHTTP(into, r)
		return nil
	}()
	if err != nil {
		into.breakOff()
	}
}

// breakOff makes the answer a failure.
func (a *answer) breakOff() {
	a.status = http.StatusBadGateway
	a.header.Set(header.Error, failure.Unavailable)
	a.body.Reset()
	a.body.WriteString(`{"error":{"message":"the answer broke off, and nothing is known about the rest"}}`)
}

// subrequest is what the API is asked: as JSON, unless the query says otherwise.
func subrequest(r *http.Request, path string, q query) *http.Request {
	inner := r.Clone(r.Context())
	inner.Method = http.MethodGet
	inner.URL = &url.URL{Path: path, RawQuery: q.String()}
	if unescaped, err := url.PathUnescape(path); err == nil && unescaped != path {
		inner.URL.Path, inner.URL.RawPath = unescaped, path
	}
	inner.Header = http.Header{"Accept": {"application/json"}}
	for _, name := range []string{header.Prefix, header.Proto, header.User, header.ClientRequestID} {
		if values := r.Header.Values(name); len(values) > 0 {
			inner.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	return inner
}

// problem is the failure that the API has answered, nil if it is none.
func (a *answer) problem() *problem {
	if a.status < http.StatusBadRequest {
		return nil
	}
	return problemOf(a.status, a.header, a.body.Bytes())
}

// decode reads a JSON answer.
func (a *answer) decode(into any) *problem {
	if failed := a.problem(); failed != nil {
		return failed
	}
	if err := json.Unmarshal(a.body.Bytes(), into); err != nil {
		return unreadable()
	}
	return nil
}

// problemOf reads a failure from the envelope in which the API has answered it.
func problemOf(status int, h http.Header, body []byte) *problem {
	failed := &problem{Status: status, Name: h.Get(header.Error)}
	failed.RetryAfter, _ = strconv.Atoi(h.Get("Retry-After"))
	var e failure.Envelope
	if json.Unmarshal(body, &e) == nil {
		failed.Code, failed.Message = e.Error.Code, e.Error.Message
		failed.RequestID, failed.GraphRequestID = e.Error.InnerError.RequestID, e.Error.InnerError.GraphRequestID
	}
	if failed.Name == "" {
		failed.Name = failed.Code
	}
	return failed
}

// rescuer passes an answer on, unless it is a failure: then it is shown as a page.
type rescuer struct {
	http.ResponseWriter
	page    *Page
	request *http.Request
	status  int
	failed  bool
}

// WriteHeader begins the answer, or keeps its status for the page.
func (r *rescuer) WriteHeader(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	r.failed = status >= http.StatusBadRequest && strings.HasPrefix(r.Header().Get("Content-Type"), "application/json")
	if !r.failed {
		if status == http.StatusOK && strings.HasPrefix(r.Header().Get("Content-Type"), ndjsonType) {
			r.Header().Set("Content-Disposition", `attachment; filename="users.ndjson"`) // browsers would show it
		}
		r.ResponseWriter.WriteHeader(status)
	}
}

const ndjsonType = "application/x-ndjson"

// Write passes the body on. That of a failure is the envelope, written at once.
func (r *rescuer) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if !r.failed {
		return r.ResponseWriter.Write(p)
	}
	r.page.fail(r.ResponseWriter, r.request, problemOf(r.status, r.Header(), p))
	return len(p), nil
}

// Unwrap lets http.ResponseController reach the writer below.
func (r *rescuer) Unwrap() http.ResponseWriter { return r.ResponseWriter }
