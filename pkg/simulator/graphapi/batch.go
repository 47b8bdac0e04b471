package graphapi

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// batchItem is one request of a batch.
type batchItem struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

const maxBatch = 20

// batch answers POST /$batch: up to 20 requests, each metered by itself, with
// the answers in no particular order.
func (c *call) batch(string) {
	items, refusal := c.batchItems()
	if refusal != "" {
		c.fail(grapherror.New(http.StatusBadRequest, "BadRequest", refusal))
		return
	}
	answers := make([]batchAnswer, len(items))
	succeeded := map[string]bool{}
	for i, item := range items {
		if i == 0 && c.faults.Has("batch-throttled") {
			answers[len(answers)-1] = throttledPart(item.ID)
			continue
		}
		answer := batchAnswer{ID: item.ID, Status: http.StatusFailedDependency, Headers: map[string]string{}, Body: json.RawMessage(`{"error":{"code":"FailedDependency","message":"A dependency of the request failed."}}`)}
		if !slices.ContainsFunc(item.DependsOn, func(id string) bool { return !succeeded[id] }) {
			answer = c.part(item)
		}
		succeeded[item.ID] = answer.Status < 400
		answers[len(answers)-1-i] = answer
	}
	out, err := json.Marshal(map[string][]batchAnswer{"responses": answers})
	if err != nil {
		c.fail(grapherror.New(http.StatusInternalServerError, "UnknownError", ""))
		return
	}
	c.json()
	c.Write(out)
}

// throttledPart is the answer to a request of a batch that is throttled by itself.
func throttledPart(id string) batchAnswer {
	return batchAnswer{
		ID: id, Status: http.StatusTooManyRequests, Headers: map[string]string{"Retry-After": "3"},
		Body: json.RawMessage(`{"error":{"code":"TooManyRequests","message":"Please retry again later.","innerError":{"code":"429"}}}`),
	}
}

// batchItems reads the requests of a batch, or says what is wrong with them.
func (c *call) batchItems() (items []batchItem, refusal string) {
	var in struct {
		Requests []batchItem `json:"requests"`
	}
	body, err := c.plainBody()
	switch {
	case err != nil || json.Unmarshal(body, &in) != nil || len(in.Requests) == 0:
		return nil, "Invalid batch payload format."
	case len(in.Requests) > maxBatch:
		return nil, "Number of batch request steps exceeds the maximum value of 20."
	}
	seen := map[string]bool{"": true}
	for _, item := range in.Requests {
		id := strings.ToLower(item.ID)
		if seen[id] {
			return nil, "Request Ids must be unique within a batch."
		}
		seen[id] = true
	}
	return in.Requests, ""
}

// plainBody reads the request's body, which Microsoft's SDKs compress.
func (c *call) plainBody() ([]byte, error) {
	var body io.Reader = c.R.Body
	if c.R.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	}
	return io.ReadAll(io.LimitReader(body, 4<<20))
}

// part answers one request of a batch.
func (c *call) part(item batchItem) batchAnswer {
	u, err := url.Parse("/v1.0/" + strings.TrimPrefix(item.URL, "/"))
	if err != nil {
		u = &url.URL{Path: "/v1.0/invalid"}
	}
	r := c.R.Clone(c.R.Context())
	r.Method, r.URL, r.Body = item.Method, u, io.NopCloser(bytes.NewReader(item.Body))
	r.Header = http.Header{}
	for name, value := range item.Headers {
		r.Header.Set(name, value)
	}
	w := &partWriter{header: http.Header{}}
	e, argument := route(item.Method, u.Path)
	sub := &call{Service: c.Service, Exchange: c.Part(w, r), kind: e.kind, page: 1, rights: c.rights}
	refusal := sub.charge(e.kind)
	if k := c.injector.Event(e.kind, 1, "in a batch: "+item.URL).Kind; k.Status != 0 {
		refusal = sub.refusalOf(k) // chaos; other faults meet the batch as a whole
		c.NoteFaults(k.Name)
	}
	if e.kind == fault.Batch {
		refusal = grapherror.New(http.StatusBadRequest, "BadRequest", "A batch cannot hold a batch.")
	}
	if refusal != nil {
		sub.fail(refusal)
	} else {
		sub.answer(e, argument)
	}
	answer := batchAnswer{ID: item.ID, Status: w.status, Headers: map[string]string{}, Body: w.body.Bytes()}
	for _, name := range []string{"Content-Type", "Retry-After", "Cache-Control", "OData-Version"} {
		if value := w.header.Get(name); value != "" {
			answer.Headers[name] = value
		}
	}
	if len(answer.Body) > 0 && !json.Valid(answer.Body) { // anything but JSON travels in base64
		answer.Body = json.RawMessage(wire.Quote(base64.StdEncoding.EncodeToString(answer.Body)))
	}
	return answer
}

// partWriter keeps the answer to one request of a batch.
type partWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *partWriter) Header() http.Header         { return w.header }
func (w *partWriter) WriteHeader(status int)      { w.status = status }
func (w *partWriter) Write(b []byte) (int, error) { return w.body.Write(b) }
func (w *partWriter) Flush()                      {}
