package s3_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// bucket speaks as much of S3 as a store uses, by the S3 API reference.
type bucket struct {
	uploads map[string]*parts
	// ignorant is a service of S3's protocol that knows no checksums; change is what it
	// makes of an object that it stores, refuse why it does not serve a request.
	ignorant bool
	change   func([]byte) []byte
	refuse   func(r *http.Request) (status int, code string)
}

type parts struct {
	id     string
	bodies map[int][]byte
}

func newDouble() *storetest.Double {
	return storetest.NewDouble(&bucket{uploads: map[string]*parts{}})
}

func (b *bucket) Pending() int { return len(b.uploads) }

func (b *bucket) Refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", "REQ1")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>User: arn:aws:sts::1:assumed-role/x/kim@contoso.com may not</Message></Error>", code)
}

func (b *bucket) Serve(d *storetest.Double, w http.ResponseWriter, r *http.Request, body []byte) {
	query := r.URL.Query()
	key := strings.TrimPrefix(r.URL.Path, "/people/")
	upload := b.uploads[query.Get("uploadId")]
	if b.refuse != nil {
		if status, code := b.refuse(r); status != 0 {
			b.Refuse(w, status, code)
			return
		}
	}
	switch {
	case query.Get("list-type") == "2":
		names, next := d.Below(query.Get("prefix"), query.Get("continuation-token"))
		_, _ = fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%t</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", next != "", next)
		for _, name := range names {
			_, _ = fmt.Fprintf(w, "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>", name)
		}
		_, _ = fmt.Fprint(w, "</ListBucketResult>")
	case query.Has("uploadId") && upload == nil:
		b.Refuse(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPost && query.Has("uploads"):
		id := "u" + strconv.Itoa(len(d.Objects)+len(b.uploads))
		b.uploads[id] = &parts{id: r.Header.Get("X-Amz-Meta-Rollcall-Upload"), bodies: map[int][]byte{}}
		_, _ = fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == http.MethodPut && upload != nil:
		if sum := r.Header.Get("X-Amz-Checksum-Crc32"); sum != sumOf(body) && !b.ignorant {
			b.Refuse(w, http.StatusBadRequest, "BadDigest")
			return
		}
		n, _ := strconv.Atoi(query.Get("partNumber"))
		upload.bodies[n] = body
		w.Header().Set("ETag", `"part"`)
	case r.Method == http.MethodDelete && upload != nil:
		delete(b.uploads, query.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost:
		var whole []byte
		for n := range len(upload.bodies) {
			whole = append(whole, upload.bodies[n+1]...)
		}
		if !b.put(d, w, r, key, whole, upload.id) {
			return
		}
		delete(b.uploads, query.Get("uploadId"))
		_, _ = fmt.Fprintf(w, "<CompleteMultipartUploadResult><ChecksumCRC32>%s</ChecksumCRC32></CompleteMultipartUploadResult>", d.Objects[key].Sum)
	case r.Method == http.MethodPut:
		b.put(d, w, r, key, body, r.Header.Get("X-Amz-Meta-Rollcall-Upload"))
	case r.Method == http.MethodDelete:
		delete(d.Objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		b.get(d, w, r, key)
	}
}

// sumOf is a checksum as S3 writes it.
func sumOf(body []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
}

// put stores an object if the conditions and the checksum of the request hold.
func (b *bucket) put(d *storetest.Double, w http.ResponseWriter, r *http.Request, key string, body []byte, id string) bool {
	now := d.Objects[key]
	match := r.Header.Get("If-Match")
	sum := sumOf(body)
	size := r.Header.Get("X-Amz-Mp-Object-Size")
	switch {
	case match != "" && now == nil:
		b.Refuse(w, http.StatusNotFound, "NoSuchKey")
	case r.Header.Get("If-None-Match") == "*" && now != nil, match != "" && match != now.Tag:
		b.Refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case b.ignorant:
		if b.change != nil {
			body = b.change(body)
		}
		w.Header().Set("ETag", d.Put(key, storetest.Object{Body: body, ID: id}))
		return true
	case r.Header.Get("X-Amz-Checksum-Crc32") != sum, (r.Method == http.MethodPost) != (size != ""), size != "" && size != strconv.Itoa(len(body)):
		b.Refuse(w, http.StatusBadRequest, "BadDigest")
	default:
		w.Header().Set("X-Amz-Checksum-Crc32", sum)
		w.Header().Set("ETag", d.Put(key, storetest.Object{Body: body, ID: id, Sum: sum}))
		return true
	}
	return false
}

func (b *bucket) get(d *storetest.Double, w http.ResponseWriter, r *http.Request, key string) {
	now := d.Objects[key]
	switch match := r.Header.Get("If-Match"); {
	case now == nil:
		b.Refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	case match != "" && match != now.Tag:
		b.Refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	w.Header().Set("X-Amz-Meta-Rollcall-Upload", now.ID)
	if r.Header.Get("Range") == "" && now.Sum != "" {
		w.Header().Set("X-Amz-Checksum-Crc32", now.Sum)
	}
	d.Get(w, r, now, "Range")
}

func (*bucket) Operation(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case query.Has("list-type"):
		return "ListObjectsV2"
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
