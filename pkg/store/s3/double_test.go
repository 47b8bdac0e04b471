package s3_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// double is a bucket in memory that speaks as much of S3 as a store uses, by the
// S3 API reference. It stands where the SDK's HTTP client does, so that no socket
// is needed and time is that of testing/synctest.
type double struct {
	mu      sync.Mutex
	objects map[string]*object
	uploads map[string]*parts
	seen    []*http.Request
	// fault says what becomes of a request; nil means that nothing does.
	fault func(r *http.Request) *fault
}

type object struct {
	body []byte
	tag  string
	id   string // x-amz-meta-rollcall-upload
	sum  string // x-amz-checksum-crc32
}

type parts struct {
	key, id string
	bodies  map[int][]byte
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
	return &double{objects: map[string]*object{}, uploads: map[string]*parts{}}
}

// Do is the SDK's HTTP client.
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
	if n := w.Body.Len(); answer.Header.Get("Content-Length") == "" {
		answer.ContentLength = int64(n)
		answer.Header.Set("Content-Length", strconv.Itoa(n))
	}
	if f.cut > 0 {
		arrives := io.LimitReader(answer.Body, int64(f.cut))
		if !f.quiet {
			arrives = io.MultiReader(arrives, broken{})
		}
		answer.Body = io.NopCloser(arrives)
	}
	answer.Request = r
	return answer, nil
}

// broken is the end of a connection that was reset.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", "REQ1")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>User: arn:aws:sts::1:assumed-role/x/kim@contoso.com is the trouble</Message></Error>", code)
}

func (d *double) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	query := r.URL.Query()
	key := strings.TrimPrefix(r.URL.Path, "/people/")
	upload := d.uploads[query.Get("uploadId")]
	switch {
	case query.Has("uploadId") && upload == nil:
		refuse(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPost && query.Has("uploads"):
		id := "u" + strconv.Itoa(len(d.seen))
		d.uploads[id] = &parts{key: key, id: r.Header.Get("X-Amz-Meta-Rollcall-Upload"), bodies: map[int][]byte{}}
		_, _ = fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == http.MethodPut && upload != nil:
		n, _ := strconv.Atoi(query.Get("partNumber"))
		upload.bodies[n] = body
		w.Header().Set("ETag", `"part"`)
	case r.Method == http.MethodDelete && upload != nil:
		delete(d.uploads, query.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost:
		var whole []byte
		for n := range len(upload.bodies) {
			whole = append(whole, upload.bodies[n+1]...)
		}
		if !d.put(w, r, key, whole, upload.id) {
			return
		}
		delete(d.uploads, query.Get("uploadId"))
		_, _ = io.WriteString(w, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
	case r.Method == http.MethodPut:
		d.put(w, r, key, body, r.Header.Get("X-Amz-Meta-Rollcall-Upload"))
	case r.Method == http.MethodDelete:
		delete(d.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		d.get(w, r, key)
	}
}

// put stores an object if the conditions and the checksum of the request hold.
func (d *double) put(w http.ResponseWriter, r *http.Request, key string, body []byte, id string) bool {
	held := d.objects[key]
	match := r.Header.Get("If-Match")
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
	size := r.Header.Get("X-Amz-Mp-Object-Size")
	switch {
	case match != "" && held == nil:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	case r.Header.Get("If-None-Match") == "*" && held != nil, match != "" && match != held.tag:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Header.Get("X-Amz-Checksum-Crc32") != sum, (r.Method == http.MethodPost) != (size != ""), size != "" && size != strconv.Itoa(len(body)):
		refuse(w, http.StatusBadRequest, "BadDigest")
	default:
		tag := fmt.Sprintf("%q", "tag"+strconv.Itoa(len(d.seen)))
		d.objects[key] = &object{body: bytes.Clone(body), tag: tag, id: id, sum: sum}
		w.Header().Set("ETag", tag)
		return true
	}
	return false
}

func (d *double) get(w http.ResponseWriter, r *http.Request, key string) {
	held := d.objects[key]
	switch match := r.Header.Get("If-Match"); {
	case held == nil:
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	case match != "" && match != held.tag:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	w.Header().Set("ETag", held.tag)
	w.Header().Set("X-Amz-Meta-Rollcall-Upload", held.id)
	body := held.body
	var from int
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		body = body[from:]
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("X-Amz-Checksum-Crc32", held.sum)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// requests returns what the double saw, each as its method and the names of its
// query.
func (d *double) requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, r := range d.seen {
		all = append(all, kind(r))
	}
	return all
}

// kind names the operation of a request.
func kind(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case query.Has("uploads"):
		return "CreateMultipartUpload"
	case query.Has("uploadId"):
		return map[string]string{
			http.MethodPut: "UploadPart", http.MethodPost: "CompleteMultipartUpload", http.MethodDelete: "AbortMultipartUpload",
		}[r.Method]
	}
	return map[string]string{
		http.MethodPut: "PutObject", http.MethodGet: "GetObject", http.MethodHead: "HeadObject", http.MethodDelete: "DeleteObject",
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

// count returns how many of all are operation.
func count(all []string, operation string) int {
	return len(slices.DeleteFunc(slices.Clone(all), func(o string) bool { return o != operation }))
}
