package lambdahost

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// bufferedLimit is the largest response that Lambda takes from a function,
// unless it is streamed: 6 MiB and 100 bytes.
const bufferedLimit = 6<<20 + 100

// streaming is the Content-Type under which a function streams an HTTP response.
const streaming = "application/vnd.awslambda.http-integration-response"

// api serves the Runtime API and as much of the Extensions API as a function
// needs that wants a signal before its end.
func (h *Host) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", h.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", h.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", h.fault)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", h.initError)
	mux.HandleFunc("POST /2020-01-01/extension/register", h.register)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", h.event)
	return mux
}

// next answers with the next invocation, however long that takes.
func (h *Host) next(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	if h.toPoll == 0 {
		h.toPoll = time.Since(h.started)
		close(h.polled)
	}
	h.mu.Unlock()
	select {
	case <-r.Context().Done():
	case inv := <-h.queue:
		h.mu.Lock()
		h.current = inv
		h.mu.Unlock()
		head := w.Header()
		head.Set("Content-Type", "application/json")
		head.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		head.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		head.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":123456789012:function:"+functionName)
		head.Set("Lambda-Runtime-Trace-Id", cmp.Or(h.trace, "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"))
		_, _ = w.Write(inv.payload)
	}
}

// finish ends the invocation under way, if that is the one the request names.
func (h *Host) finish(w http.ResponseWriter, r *http.Request, result Result) {
	h.mu.Lock()
	inv := h.current
	if inv == nil || inv.id != r.PathValue("id") {
		h.mu.Unlock()
		refuse(w, "InvalidRequestID")
		return
	}
	h.current = nil
	h.mu.Unlock()
	inv.done <- result
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func (h *Host) response(w http.ResponseWriter, r *http.Request) {
	if to := h.streamTo(r); to != nil {
		if _, err := io.Copy(to, r.Body); err != nil {
			h.finish(w, r, ended("Runtime.TruncatedResponse", "the response was not read to its end"))
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, "InvalidRequest")
		return
	}
	result := Result{Payload: body, Header: r.Header}
	switch broke := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); {
	case broke != "":
		object, _ := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		result.ErrorType, result.ErrorMessage = broke, failed(object, nil).ErrorMessage
	case len(body) > bufferedLimit && r.Header.Get("Content-Type") != streaming:
		result = ended("Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size ("+strconv.Itoa(bufferedLimit)+" bytes).")
	}
	h.finish(w, r, result)
}

// streamTo is where a response goes as it comes, nil if it is to be kept.
func (h *Host) streamTo(r *http.Request) io.Writer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current == nil || h.current.id != r.PathValue("id") || r.Header.Get("Content-Type") != streaming {
		return nil
	}
	return h.current.stream
}

func (h *Host) fault(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, "InvalidRequest")
		return
	}
	h.finish(w, r, failed(body, r.Header))
}

func (h *Host) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, "InvalidRequest")
		return
	}
	result := failed(body, r.Header)
	h.mu.Lock()
	h.initFault = &result
	h.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// register records an extension's name. The Go runtime client registers one, for
// no events, so that Lambda sends SIGTERM before the end.
func (h *Host) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("Lambda-Extension-Name")
	if name == "" {
		refuse(w, "InvalidExtensionName")
		return
	}
	h.mu.Lock()
	h.extensions[name] = true
	h.mu.Unlock()
	w.Header().Set("Lambda-Extension-Identifier", uuid.NewString())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"functionName": functionName, "functionVersion": "$LATEST", "handler": "bootstrap",
	})
}

// event blocks: an internal extension gets no event here, and SIGTERM is its end.
func (h *Host) event(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// refuse answers a call that the Runtime API does not take.
func refuse(w http.ResponseWriter, errorType string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(failure{ErrorType: errorType, ErrorMessage: "the call is not one that fits here"})
}
