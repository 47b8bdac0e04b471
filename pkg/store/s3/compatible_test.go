package s3_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/store/s3"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// compatible is a store at another service than AWS's, over TLS, where the SDK would
// frame bodies in chunks to put checksums behind them.
func compatible(t *testing.T, b *bucket, change ...func(*aws.Config)) (*s3.Store, *storetest.Double) {
	t.Helper()
	b.uploads = map[string]*parts{}
	d := storetest.NewDouble(b)
	cfg := config(d)
	cfg.BaseEndpoint = aws.String("https://objects.example")
	for _, f := range change {
		f(&cfg)
	}
	s, err := s3.New(cfg, s3.Config{Bucket: "people", Prefix: storetest.Prefix})
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

// without switches checksums off, as AWS_REQUEST_CHECKSUM_CALCULATION and
// AWS_RESPONSE_CHECKSUM_VALIDATION do.
func without(cfg *aws.Config) {
	cfg.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	cfg.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
}

// write uploads a small and a large object and swaps a third one twice.
func write(t *testing.T, s *s3.Store) error {
	t.Helper()
	for key, size := range map[string]int{"small": storetest.Small, "large": storetest.Large} {
		u, err := s.Create(t.Context(), key)
		if err != nil {
			return err
		}
		_, _ = u.Write(bytes.Repeat([]byte("k"), size)) // Commit repeats why it failed
		if err := u.Commit(); err != nil {
			return err
		}
	}
	version, err := s.Swap(t.Context(), "state", []byte("one"), "")
	if err == nil {
		_, err = s.Swap(t.Context(), "state", []byte("two"), version)
	}
	return err
}

// wantWritten checks what write left, by the service and by reading.
func wantWritten(t *testing.T, s *s3.Store, d *storetest.Double) {
	t.Helper()
	for key, want := range map[string][]byte{
		"small": bytes.Repeat([]byte("k"), storetest.Small), "large": bytes.Repeat([]byte("k"), storetest.Large), "state": []byte("two"),
	} {
		if o := d.Objects[storetest.Prefix+"/"+key]; o == nil || !bytes.Equal(o.Body, want) {
			t.Errorf("the service stores something else as %s", key)
		}
		if got, _, err := s.Read(t.Context(), key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %s are read: %v", len(got), key, err)
		}
	}
}

func TestNoBodyIsFramedInChunks(t *testing.T) {
	for name, cfg := range map[string]func(*aws.Config){
		"at another service": func(*aws.Config) {},
		"at AWS":             func(cfg *aws.Config) { cfg.BaseEndpoint = nil },
		"without checksums":  without,
	} {
		t.Run(name, func(t *testing.T) {
			s, d := compatible(t, &bucket{ignorant: true}, cfg)
			if err := write(t, s); err != nil {
				t.Fatal(err)
			}
			bodies := 0
			for _, r := range d.Requests("") {
				if r.URL.Scheme != "https" {
					t.Fatalf("a request goes to %s, where no body is framed", r.URL)
				}
				operation := d.Protocol.Operation(r)
				framed := strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") || r.Header.Get("X-Amz-Trailer") != "" ||
					strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING")
				if framed {
					t.Errorf("%s is framed: %v", operation, r.Header)
				}
				if operation != "PutObject" && operation != "UploadPart" {
					continue
				}
				bodies++
				if sum := r.Header.Get("X-Amz-Checksum-Crc32"); (sum == "") != (name == "without checksums") {
					t.Errorf("%s has the checksum %q", operation, sum)
				}
			}
			if bodies < 5 {
				t.Errorf("%d bodies were sent", bodies)
			}
		})
	}
}

// refusing refuses requests that carry or ask for checksums.
func refusing(status int, code string) *bucket {
	return &bucket{ignorant: true, refuse: func(r *http.Request) (int, string) {
		for name := range r.Header {
			if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-checksum") || name == "x-amz-trailer" || strings.HasPrefix(name, "x-amz-sdk-checksum") || name == "x-amz-mp-object-size" {
				return status, code
			}
		}
		return 0, ""
	}}
}

func TestAServiceThatRefusesChecksumsIsNamedWithTheSettingThatHelps(t *testing.T) {
	for _, answer := range []struct {
		status int
		code   string
	}{
		{501, "NotImplemented"},
		{501, ""},
		{400, "InvalidArgument"},
		{400, "InvalidRequest"},
		{400, "XAmzContentSHA256Mismatch"},
		{400, "BadDigest"},
		{411, "MissingContentLength"},
		{403, "SignatureDoesNotMatch"},
	} {
		t.Run(fmt.Sprint(answer), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, d := compatible(t, refusing(answer.status, answer.code))
				storetest.WantFailure(t, write(t, s), s, "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required")
				_, err := s.Swap(t.Context(), "state", []byte("x"), "")
				storetest.WantFailure(t, err, s, "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required")
				_, _, err = s.Read(t.Context(), "state")
				storetest.WantFailure(t, err, s, "set AWS_RESPONSE_CHECKSUM_VALIDATION=when_required")
				if len(d.Objects) > 0 {
					t.Errorf("%d objects are left", len(d.Objects))
				}
				s, d = compatible(t, refusing(answer.status, answer.code), without)
				if err := write(t, s); err != nil {
					t.Fatal(err)
				}
				wantWritten(t, s, d)
			})
		})
	}
}

func TestS3ItselfIsNeverBlamedForChecksums(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := compatible(t, refusing(400, "InvalidArgument"), func(cfg *aws.Config) { cfg.BaseEndpoint = nil })
		if err := write(t, s); err == nil || strings.Contains(err.Error(), "when_required") {
			t.Error(err)
		}
	})
}

func TestAServiceThatStoresSomethingElseIsNoticed(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"with the frames of chunks": func(body []byte) []byte {
			return fmt.Appendf(nil, "%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", len(body), body)
		},
		"without its last byte": func(body []byte) []byte { return body[:len(body)-1] },
		"nothing of it":         func([]byte) []byte { return nil },
	} {
		for mode, cfg := range map[string]func(*aws.Config){"with checksums": func(*aws.Config) {}, "without": without} {
			t.Run(name+" "+mode, func(t *testing.T) {
				for _, size := range []int{storetest.Small, storetest.Large} {
					s, d := compatible(t, &bucket{ignorant: true, change: change}, cfg)
					u, err := s.Create(t.Context(), "part")
					if err != nil {
						t.Fatal(err)
					}
					_, _ = u.Write(make([]byte, size))
					storetest.WantFailure(t, u.Commit(), s, fmt.Sprintf("instead of the %d that were sent", size))
					if len(d.Objects) > 0 {
						t.Errorf("what is stored instead of %d bytes is left", size)
					}
					_, err = s.Swap(t.Context(), "state", make([]byte, size), "")
					storetest.WantFailure(t, err, s, "frames of a chunked body")
				}
			})
		}
	}
}

func TestAnObjectThatAnotherHasReplacedIsNotMistaken(t *testing.T) {
	s, d := compatible(t, &bucket{ignorant: true})
	d.Plan = func(operation string, _ *http.Request) *storetest.Fault {
		if operation == "HeadObject" {
			d.Put(storetest.Prefix+"/state", storetest.Object{Body: []byte("longer than that"), Tag: `"another"`})
		}
		return nil
	}
	if _, err := s.Swap(t.Context(), "state", []byte("x"), ""); err != nil {
		t.Error(err)
	}
}

func TestAServiceThatRepeatsTheChecksumIsNotAskedForTheSize(t *testing.T) {
	s, d := compatible(t, &bucket{})
	if err := write(t, s); err != nil {
		t.Fatal(err)
	}
	wantWritten(t, s, d)
	if n := len(d.Requests("HeadObject")); n > 0 {
		t.Errorf("it is asked %d times", n)
	}
}
