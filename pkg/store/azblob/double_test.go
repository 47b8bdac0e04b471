package azblob_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// container speaks as much of Blob Storage as a store uses, by the service's REST
// reference.
type container struct {
	// staged holds the blocks of each blob that no list names yet, by their ids.
	staged map[string]map[string][]byte
	// emulator has the double refuse checksums, as Azurite does.
	emulator bool
}

func newDouble() *storetest.Double {
	return storetest.NewDouble(&container{staged: map[string]map[string][]byte{}})
}

func (c *container) Pending() int { return len(c.staged) }

func (c *container) Refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("x-ms-request-id", "req-1")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>kim@contoso.com may not</Message></Error>", code)
}

func (c *container) Serve(d *storetest.Double, w http.ResponseWriter, r *http.Request, body []byte) {
	key := strings.TrimPrefix(r.URL.Path, "/people/")
	if sum := r.Header.Get("x-ms-content-crc64"); sum != "" {
		table := crc64.MakeTable(0x9A6C9329AC4BC9B5)
		switch want := base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint64(nil, crc64.Checksum(body, table))); {
		case c.emulator:
			c.Refuse(w, http.StatusInternalServerError, "FeatureNotSupported")
			return
		case sum != want:
			c.Refuse(w, http.StatusBadRequest, "Crc64Mismatch")
			return
		}
	}
	switch c.Operation(r) {
	case "List Blobs":
		names, next := d.Below(r.URL.Query().Get("prefix"), r.URL.Query().Get("marker"))
		w.Header().Set("Content-Type", "application/xml")
		_, _ = fmt.Fprint(w, "<EnumerationResults><Blobs>")
		for _, name := range names {
			_, _ = fmt.Fprintf(w, "<BlobPrefix><Name>%s</Name></BlobPrefix>", name)
		}
		_, _ = fmt.Fprintf(w, "</Blobs><NextMarker>%s</NextMarker></EnumerationResults>", next)
	case "Put Block":
		if c.staged[key] == nil {
			c.staged[key] = map[string][]byte{}
		}
		c.staged[key][r.URL.Query().Get("blockid")] = body
		w.WriteHeader(http.StatusCreated)
	case "Put Block List":
		var list struct {
			Latest []string `xml:"Latest"`
		}
		var whole []byte
		if err := xml.Unmarshal(body, &list); err != nil {
			c.Refuse(w, http.StatusBadRequest, "InvalidXmlDocument")
			return
		}
		for _, id := range list.Latest {
			block, ok := c.staged[key][id]
			if !ok && d.Objects[key] == nil {
				c.Refuse(w, http.StatusBadRequest, "InvalidBlockList")
				return
			}
			whole = append(whole, block...)
		}
		c.put(d, w, r, key, whole)
	case "Put Blob":
		c.put(d, w, r, key, body)
	case "Delete Blob":
		if d.Objects[key] == nil {
			c.Refuse(w, http.StatusNotFound, "BlobNotFound")
			return
		}
		delete(d.Objects, key)
		w.WriteHeader(http.StatusAccepted)
	default:
		c.get(d, w, r, key)
	}
}

// put stores a blob if the conditions of the request hold.
func (c *container) put(d *storetest.Double, w http.ResponseWriter, r *http.Request, key string, body []byte) {
	now, match := d.Objects[key], r.Header.Get("If-Match")
	switch {
	case r.Header.Get("If-None-Match") == "*" && now != nil:
		c.Refuse(w, http.StatusConflict, "BlobAlreadyExists")
	case match != "" && (now == nil || match != now.Tag):
		c.Refuse(w, http.StatusPreconditionFailed, "ConditionNotMet")
	default:
		delete(c.staged, key)
		w.Header().Set("ETag", d.Put(key, storetest.Object{Body: body, ID: r.Header.Get("x-ms-meta-rollcallupload")}))
		w.WriteHeader(http.StatusCreated)
	}
}

func (c *container) get(d *storetest.Double, w http.ResponseWriter, r *http.Request, key string) {
	now := d.Objects[key]
	switch match := r.Header.Get("If-Match"); {
	case now == nil:
		c.Refuse(w, http.StatusNotFound, "BlobNotFound")
		return
	case match != "" && match != now.Tag:
		c.Refuse(w, http.StatusPreconditionFailed, "ConditionNotMet")
		return
	}
	w.Header().Set("x-ms-meta-RollcallUpload", now.ID)
	d.Get(w, r, now, "x-ms-range")
}

func (*container) Operation(r *http.Request) string {
	switch comp := r.URL.Query().Get("comp"); {
	case comp == "list":
		return "List Blobs"
	case comp == "block":
		return "Put Block"
	case comp == "blocklist":
		return "Put Block List"
	}
	return map[string]string{
		http.MethodPut: "Put Blob", http.MethodGet: "Get Blob", http.MethodHead: "Get Blob Properties", http.MethodDelete: "Delete Blob",
	}[r.Method]
}
