package azblob_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// double is a container in memory that speaks as much of Blob Storage as a store
// uses, by the service's REST reference. It is azcore's transport, so that no
// socket is needed and time is that of testing/synctest.
type double struct {
	mu    sync.Mutex
	blobs map[string]*held
	// staged holds the blocks of each blob that no list names yet, by their ids.
	staged map[string]map[string][]byte
	seen   []*http.Request
	// fault says what becomes of a request; nil means that nothing does.
	fault func(r *http.Request) *fault
	// emulator has the double refuse checksums, as Azurite does.
	emulator bool
}

type held struct {
	body []byte
	tag  string
	id   string // x-ms-meta-rollcallupload
}

// fault is what becomes of a request, one of these.
type fault struct {
	status int    // answered instead of doing it, with the code
	code   string // of the answer
	lost   bool   // done, and the connection breaks
	cut    int    // of the body of the answer so many bytes arrive
	quiet  bool   // and nothing says that more should have
}

func newDouble() *double {
	return &double{blobs: map[string]*held{}, staged: map[string]map[string][]byte{}}
}

// Do is azcore's transport.
func (d *double) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	// The SDK writes the names of headers as it likes, which only a real connection
	// would put right.
	sent := r
	r = r.Clone(r.Context())
	for name, values := range sent.Header {
		delete(r.Header, name)
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, r)
	w := httptest.NewRecorder()
	var f fault
	if d.fault != nil {
		if found := d.fault(r); found != nil {
			f = *found
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err // cut off before the server had all of it
	}
	if f.status != 0 {
		refuse(w, f.status, f.code)
	} else {
		d.serve(w, r, body)
	}
	if f.lost {
		return nil, fmt.Errorf("read: %w", syscall.ECONNRESET)
	}
	answer := w.Result()
	if f.cut > 0 {
		arrives := io.LimitReader(answer.Body, int64(f.cut))
		if !f.quiet {
			arrives = io.MultiReader(arrives, broken{})
		}
		answer.Body = io.NopCloser(arrives)
	}
	answer.Request = sent
	return answer, nil
}

// broken is the end of a connection that was reset.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("x-ms-request-id", "req-1")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>kim@contoso.com is the trouble</Message></Error>", code)
}

func (d *double) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	key := strings.TrimPrefix(r.URL.Path, "/people/")
	if sum := r.Header.Get("x-ms-content-crc64"); sum != "" {
		table := crc64.MakeTable(0x9A6C9329AC4BC9B5)
		switch want := base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint64(nil, crc64.Checksum(body, table))); {
		case d.emulator:
			refuse(w, http.StatusInternalServerError, "FeatureNotSupported")
			return
		case sum != want:
			refuse(w, http.StatusBadRequest, "Crc64Mismatch")
			return
		}
	}
	switch operation := kind(r); operation {
	case "Put Block":
		if d.staged[key] == nil {
			d.staged[key] = map[string][]byte{}
		}
		d.staged[key][r.URL.Query().Get("blockid")] = body
		w.WriteHeader(http.StatusCreated)
	case "Put Block List":
		var list struct {
			Latest []string `xml:"Latest"`
		}
		var whole []byte
		if err := xml.Unmarshal(body, &list); err != nil {
			refuse(w, http.StatusBadRequest, "InvalidXmlDocument")
			return
		}
		for _, id := range list.Latest {
			block, ok := d.staged[key][id]
			if !ok && d.blobs[key] == nil {
				refuse(w, http.StatusBadRequest, "InvalidBlockList")
				return
			}
			whole = append(whole, block...)
		}
		d.put(w, r, key, whole)
	case "Put Blob":
		d.put(w, r, key, body)
	case "Delete Blob":
		if d.blobs[key] == nil {
			refuse(w, http.StatusNotFound, "BlobNotFound")
			return
		}
		delete(d.blobs, key)
		w.WriteHeader(http.StatusAccepted)
	default:
		d.get(w, r, key)
	}
}

// put stores a blob if the conditions of the request hold.
func (d *double) put(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	now, match := d.blobs[key], r.Header.Get("If-Match")
	switch {
	case r.Header.Get("If-None-Match") == "*" && now != nil:
		refuse(w, http.StatusConflict, "BlobAlreadyExists")
	case match != "" && (now == nil || match != now.tag):
		refuse(w, http.StatusPreconditionFailed, "ConditionNotMet")
	default:
		tag := fmt.Sprintf("%q", "0x"+strconv.Itoa(len(d.seen)))
		d.blobs[key] = &held{body: bytes.Clone(body), tag: tag, id: r.Header.Get("x-ms-meta-rollcallupload")}
		delete(d.staged, key)
		w.Header().Set("ETag", tag)
		w.WriteHeader(http.StatusCreated)
	}
}

func (d *double) get(w http.ResponseWriter, r *http.Request, key string) {
	now := d.blobs[key]
	switch match := r.Header.Get("If-Match"); {
	case now == nil:
		refuse(w, http.StatusNotFound, "BlobNotFound")
		return
	case match != "" && match != now.tag:
		refuse(w, http.StatusPreconditionFailed, "ConditionNotMet")
		return
	}
	body, status := now.body, http.StatusOK
	var from int
	if _, err := fmt.Sscanf(r.Header.Get("x-ms-range"), "bytes=%d-", &from); err == nil {
		body, status = body[from:], http.StatusPartialContent
	}
	w.Header().Set("ETag", now.tag)
	w.Header().Set("x-ms-meta-RollcallUpload", now.id)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// kind names the operation of a request.
func kind(r *http.Request) string {
	switch comp := r.URL.Query().Get("comp"); {
	case comp == "block":
		return "Put Block"
	case comp == "blocklist":
		return "Put Block List"
	}
	return map[string]string{
		http.MethodPut: "Put Blob", http.MethodGet: "Get Blob", http.MethodHead: "Get Blob Properties", http.MethodDelete: "Delete Blob",
	}[r.Method]
}

// at makes a fault for each request of a kind; times limits them, 0 does not.
func at(operation string, times int, f fault) func(*http.Request) *fault {
	struck := 0
	return func(r *http.Request) *fault {
		if kind(r) != operation || times > 0 && struck == times {
			return nil
		}
		struck++
		return &f
	}
}
