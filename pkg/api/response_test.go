package api_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheBodyIsCompressedForCallersThatAcceptIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 90})
		for _, target := range []string{"https://api.example/users", "https://api.example/users?$format=ndjson", "https://api.example/users?$format=csv"} {
			plain := s.ask(t, http.MethodGet, target, "Accept-Encoding", "br, gzip;q=0")
			packed := s.ask(t, http.MethodGet, target, "Accept-Encoding", "br, gzip")
			sent := packed.Body.Len()
			z, err := gzip.NewReader(packed.Body)
			if err != nil || packed.Header().Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: %v %v", target, err, packed.Header())
			}
			if size := packed.Header().Get("Content-Length"); size != "" && size != strconv.Itoa(sent) {
				t.Errorf("%s: %d bytes are sent, and their length is said to be %s", target, sent, size)
			}
			unpacked, err := io.ReadAll(z)
			if err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) {
				t.Errorf("%s: %v, %d bytes unpacked, %d plain", target, err, len(unpacked), plain.Body.Len())
			}
		}
		if w := s.ask(t, http.MethodGet, "https://api.example/users?$top=0", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
			t.Error("an error is compressed")
		}
	})
}

// firstFlush keeps what had been written at its first flush.
type firstFlush struct {
	*httptest.ResponseRecorder
	sent []byte
}

func (f *firstFlush) Flush() {
	if f.sent == nil {
		f.sent = bytes.Clone(f.Body.Bytes())
	}
}

func TestACompressedStreamSendsItsFirstUserAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1000, Bandwidth: 8 << 10})
		w := &firstFlush{ResponseRecorder: httptest.NewRecorder()}
		s.serve(t, w, http.MethodGet, "https://api.example/users?$format=ndjson", "Accept-Encoding", "gzip")
		packed, err := gzip.NewReader(bytes.NewReader(w.sent))
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(packed).ReadString('\n')
		if err != nil || !strings.Contains(line, `"displayName"`) {
			t.Errorf("the first %d bytes hold %q (%v)", len(w.sent), line, err)
		}
	})
}

func TestAHeadRequestIsNotCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range []string{"", "?$format=ndjson", "?$format=csv"} {
			w := s.ask(t, http.MethodHead, "https://api.example/users"+query, "Accept-Encoding", "gzip")
			if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "" {
				t.Errorf("%q: %d %v", query, w.Code, w.Header())
			}
		}
	})
}

func TestAHeadRequestReadsNoMoreThanItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 1050})
		for _, format := range []string{"json", "ndjson", "csv"} {
			if w := s.ask(t, http.MethodHead, "https://api.example/users?$format="+format); w.Code != http.StatusOK {
				t.Errorf("%s: %d", format, w.Code)
			}
		}
		if n := len(listed(s)); n > 1 {
			t.Errorf("%d pages were read", n)
		}
	})
}
