package storetest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Double is a storage service in memory. It stands where the SDK's HTTP client does,
// so that no socket is needed and time is that of testing/synctest. What the service
// speaks is its Protocol's; what goes wrong is its Plan's.
type Double struct {
	// Protocol serves the requests.
	Protocol Protocol
	// Objects are what the service holds, by their keys.
	Objects map[string]*Object
	// Plan says what becomes of a request; nil means that nothing does.
	Plan Plan

	mu   sync.Mutex
	seen []*http.Request
}

// Object is one object of a service.
type Object struct {
	Body []byte
	// Tag is its ETag; ID that of the upload that made it, which the service keeps as
	// metadata; Sum its checksum, where the service keeps one.
	Tag, ID, Sum string
}

// Protocol is as much of a service's protocol as a store uses. Its methods are called
// for one request at a time.
type Protocol interface {
	// Operation names the operation of a request.
	Operation(r *http.Request) string
	// Serve answers it.
	Serve(d *Double, w http.ResponseWriter, r *http.Request, body []byte)
	// Refuse answers with an error, whose message names a person (kim@contoso.com).
	Refuse(w http.ResponseWriter, status int, code string)
	// Pending is how many uploads were begun and neither completed nor dropped.
	Pending() int
}

// Fault is what becomes of a request, one of these.
type Fault struct {
	Status int    // answered instead of serving it, with the code
	Code   string // of the answer
	Lost   bool   // served, and the connection breaks
	Cut    int    // of the body of the answer so many bytes arrive
	Quiet  bool   // and nothing says that more should have
}

// Plan decides about a request of an operation; nil serves it.
type Plan func(operation string, r *http.Request) *Fault

// At makes a fault of each request of an operation; times limits them, 0 does not.
func At(operation string, times int, f Fault) Plan {
	done := 0
	return func(op string, _ *http.Request) *Fault {
		if op != operation || times > 0 && done == times {
			return nil
		}
		done++
		return &f
	}
}

// NewDouble returns a service that holds nothing.
func NewDouble(p Protocol) *Double { return &Double{Protocol: p, Objects: map[string]*Object{}} }

// Do is the SDK's HTTP client.
func (d *Double) Do(sent *http.Request) (*http.Response, error) {
	if err := sent.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if sent.Body != nil {
		var err error
		if body, err = io.ReadAll(sent.Body); err != nil {
			return nil, err
		}
	}
	// An SDK may write the names of headers as it likes, which only a real connection
	// would put right.
	r := sent.Clone(sent.Context())
	r.Header = http.Header{}
	for name, values := range sent.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, r)
	var f Fault
	if d.Plan != nil {
		if planned := d.Plan(d.Protocol.Operation(r), r); planned != nil {
			f = *planned
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err // cut off before the server had all of it
	}
	w := httptest.NewRecorder()
	if f.Status != 0 {
		d.Protocol.Refuse(w, f.Status, f.Code)
	} else {
		d.Protocol.Serve(d, w, r, body)
	}
	if f.Lost {
		return nil, fmt.Errorf("read: %w", syscall.ECONNRESET)
	}
	answer := w.Result()
	answer.Request = sent
	if n := w.Body.Len(); answer.Header.Get("Content-Length") == "" {
		answer.ContentLength = int64(n)
		answer.Header.Set("Content-Length", strconv.Itoa(n))
	}
	if f.Cut > 0 {
		arrives := io.LimitReader(answer.Body, int64(f.Cut))
		if !f.Quiet {
			arrives = io.MultiReader(arrives, reset{})
		}
		answer.Body = io.NopCloser(arrives)
	}
	return answer, nil
}

// reset is the end of a connection that was reset.
type reset struct{}

func (reset) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Put replaces an object and returns its new tag.
func (d *Double) Put(key string, o Object) string {
	o.Body = slices.Clone(o.Body)
	o.Tag = fmt.Sprintf("%q", "tag"+strconv.Itoa(len(d.seen)))
	d.Objects[key] = &o
	return o.Tag
}

// Get answers with an object, or the part of it that the range header names.
func (d *Double) Get(w http.ResponseWriter, r *http.Request, o *Object, rangeHeader string) {
	body, status := o.Body, http.StatusOK
	var from int
	if _, err := fmt.Sscanf(r.Header.Get(rangeHeader), "bytes=%d-", &from); err == nil {
		body, status = body[from:], http.StatusPartialContent
	}
	w.Header().Set("ETag", o.Tag)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// Requests returns the requests of an operation so far, of all for "".
func (d *Double) Requests(operation string) []*http.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.seen), func(r *http.Request) bool {
		return operation != "" && d.Protocol.Operation(r) != operation
	})
}

// Below returns a page of the names directly below a prefix that have objects below them, as
// services list them, and where the next page begins, "" for none.
func (d *Double) Below(prefix, from string) (names []string, next string) {
	for key := range d.Objects {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			if name, _, below := strings.Cut(rest, "/"); below && prefix+name+"/" >= from && !slices.Contains(names, prefix+name+"/") {
				names = append(names, prefix+name+"/")
			}
		}
	}
	slices.Sort(names)
	if len(names) > 2 {
		return names[:2], names[2]
	}
	return names, ""
}
