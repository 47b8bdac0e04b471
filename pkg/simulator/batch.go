package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

type batchRequest struct {
	Requests []struct {
		ID        string            `json:"id"`
		Method    string            `json:"method"`
		URL       string            `json:"url"`
		Headers   map[string]string `json:"headers"`
		DependsOn []string          `json:"dependsOn"`
	} `json:"requests"`
}

type batchAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

const maxBatch = 20

// batch answers POST /$batch: up to 20 requests, each metered by itself, with
// the answers in no particular order.
func (x *exchange) batch() {
	var in batchRequest
	if x.r.Method != http.MethodPost {
		x.fail(refuse(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."))
		return
	}
	body, err := x.plainBody()
	if err != nil || json.Unmarshal(body, &in) != nil || len(in.Requests) == 0 {
		x.fail(refuse(http.StatusBadRequest, "BadRequest", "Invalid batch payload format."))
		return
	}
	if len(in.Requests) > maxBatch {
		x.fail(refuse(http.StatusBadRequest, "BadRequest", "Number of batch request steps exceeds the maximum value of 20."))
		return
	}
	seen := map[string]bool{}
	for _, item := range in.Requests {
		if id := strings.ToLower(item.ID); item.ID == "" || seen[id] {
			x.fail(refuse(http.StatusBadRequest, "BadRequest", "Request Ids must be unique within a batch."))
			return
		}
		seen[strings.ToLower(item.ID)] = true
	}
	answers := make([]batchAnswer, len(in.Requests))
	status := map[string]int{}
	for i, item := range in.Requests {
		answer := batchAnswer{ID: item.ID, Status: http.StatusFailedDependency, Headers: map[string]string{}, Body: json.RawMessage(`{"error":{"code":"FailedDependency","message":"A dependency of the request failed."}}`)}
		if !failedBefore(item.DependsOn, status) {
			answer = x.part(item.ID, item.Method, item.URL, item.Headers)
		}
		status[item.ID] = answer.Status
		answers[len(answers)-1-i] = answer
	}
	out, err := json.Marshal(map[string][]batchAnswer{"responses": answers})
	if err != nil {
		x.fail(refuse(http.StatusInternalServerError, "UnknownError", ""))
		return
	}
	x.json()
	x.write(out)
}

// plainBody reads the request's body, which Microsoft's SDKs compress.
func (x *exchange) plainBody() ([]byte, error) {
	var body io.Reader = x.r.Body
	if x.r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	}
	return io.ReadAll(io.LimitReader(body, 4<<20))
}

func failedBefore(ids []string, status map[string]int) bool {
	for _, id := range ids {
		if status[id] >= 400 || status[id] == 0 {
			return true
		}
	}
	return false
}

// part answers one request of a batch.
func (x *exchange) part(id, method, address string, headers map[string]string) batchAnswer {
	answer := batchAnswer{ID: id, Headers: map[string]string{}}
	u, err := url.Parse("/v1.0/" + strings.TrimPrefix(address, "/"))
	if err != nil {
		u = &url.URL{Path: "/v1.0/invalid"}
	}
	r := x.r.Clone(x.r.Context())
	r.Method, r.URL, r.Body = method, u, http.NoBody
	r.Header = http.Header{}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := &partWriter{header: http.Header{}}
	sub := &exchange{tenant: x.tenant, w: w, r: r, entry: &Request{}, requestID: x.requestID, token: x.token}
	kind, argument := route(u.Path)
	switch refusal := sub.charge(kind, u.RawQuery); {
	case refusal != nil:
		sub.fail(refusal)
	case kind == onBatch:
		sub.fail(refuse(http.StatusBadRequest, "BadRequest", "A batch cannot hold a batch."))
	default:
		sub.answer(kind, argument, 1)
	}
	answer.Status = w.status
	for _, name := range []string{"Content-Type", "Retry-After", "Cache-Control", "OData-Version"} {
		if value := w.header.Get(name); value != "" {
			answer.Headers[name] = value
		}
	}
	answer.Body = w.body.Bytes()
	if !json.Valid(answer.Body) { // anything but JSON travels in base64
		answer.Body = append(append([]byte{'"'}, base64.StdEncoding.EncodeToString(w.body.Bytes())...), '"')
	}
	return answer
}

// partWriter keeps one answer of a batch.
type partWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *partWriter) Header() http.Header         { return w.header }
func (w *partWriter) WriteHeader(status int)      { w.status = status }
func (w *partWriter) Write(b []byte) (int, error) { return w.body.Write(b) }
func (w *partWriter) Flush()                      {}
