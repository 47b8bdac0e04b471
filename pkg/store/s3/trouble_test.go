package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

const (
	small = 1000
	large = 12<<20 + 12_345
)

func body(size int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size] }

type written struct{ store.Upload }

// upload writes an object up to its Commit.
func upload(ctx context.Context, t *testing.T, s *s3.Store, key string, size int) written {
	t.Helper()
	u, err := s.Create(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	// A Write may fail where the store is made to; Commit says so again.
	_, _ = u.Write(body(size))
	return written{u}
}

func (w written) mustCommit(t *testing.T) {
	t.Helper()
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestAnUploadSurvivesWhatCanBeSurvived(t *testing.T) {
	for _, test := range []struct {
		name  string
		size  int
		fault func(*http.Request) *fault
	}{
		{"PutObject: reply lost once", small, at("PutObject", 1, fault{lost: true})},
		{"PutObject: every reply lost", small, at("PutObject", 0, fault{lost: true})},
		{"PutObject: slow down", small, at("PutObject", 2, fault{status: 503, code: "SlowDown"})},
		{"CreateMultipartUpload: slow down", large, at("CreateMultipartUpload", 2, fault{status: 503, code: "SlowDown"})},
		{"UploadPart: reply lost", large, at("UploadPart", 1, fault{lost: true})},
		{"UploadPart: slow down", large, at("UploadPart", 3, fault{status: 503, code: "SlowDown"})},
		{"CompleteMultipartUpload: reply lost once", large, at("CompleteMultipartUpload", 1, fault{lost: true})},
		{"CompleteMultipartUpload: every reply lost", large, at("CompleteMultipartUpload", 0, fault{lost: true})},
		{"CompleteMultipartUpload: broken inside", large, at("CompleteMultipartUpload", 1, fault{status: 500, code: "InternalError"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble()
				d.fault = test.fault
				upload(t.Context(), t, d.store(t, s3.Config{}), "part", test.size).mustCommit(t)
				if held := d.objects["part"]; held == nil || !bytes.Equal(held.body, body(test.size)) {
					t.Error("the bucket holds something else")
				}
				if len(d.uploads) > 0 {
					t.Errorf("%d uploads are left", len(d.uploads))
				}
			})
		})
	}
}

func TestAnUploadThatFailsLeavesNothing(t *testing.T) {
	for _, test := range []struct {
		name  string
		size  int
		fault func(*http.Request) *fault
		want  string
	}{
		{"a part is refused", large, at("UploadPart", 1, fault{status: 400, code: "BadDigest"}), "run again"},
		{"a part is never taken", large, at("UploadPart", 0, fault{status: 503, code: "SlowDown"}), "later"},
		{"an upload may not begin", large, at("CreateMultipartUpload", 0, fault{status: 403, code: "AccessDenied"}), "s3:PutObject"},
		{"an upload may not end", large, at("CompleteMultipartUpload", 0, fault{status: 403, code: "AccessDenied"}), "s3:AbortMultipartUpload"},
		{"a small object is refused", small, at("PutObject", 0, fault{status: 403, code: "AccessDenied"}), "s3:PutObject"},
		{"somebody else writes the same object", large, at("CompleteMultipartUpload", 0, fault{status: 409, code: "ConditionalRequestConflict"}), store.ErrConflict.Error()},
		{"the store never answers", small, at("PutObject", 0, fault{status: 500, code: "InternalError"}), "later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var printed bytes.Buffer
				log.SetOutput(&printed)
				defer log.SetOutput(os.Stderr)
				d := newDouble()
				d.fault = test.fault
				err := upload(t.Context(), t, d.store(t, s3.Config{}), "part", test.size).Commit()
				wantFailure(t, err, test.want)
				if len(d.objects) > 0 || len(d.uploads) > 0 {
					t.Errorf("%d objects and %d uploads are left", len(d.objects), len(d.uploads))
				}
				if printed.Len() > 0 {
					t.Errorf("the standard logger got %q", printed.String())
				}
			})
		})
	}
}

func wantFailure(t *testing.T, err error, want string) {
	t.Helper()
	var e *store.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%v, want a *store.Error", err)
	case !strings.Contains(err.Error(), want):
		t.Errorf("%v, want %q in it", err, want)
	case strings.Contains(err.Error(), "kim") || !strings.Contains(err.Error(), "s3://people/"):
		t.Errorf("%v names a person, or not the object", err)
	}
}

func TestAnUploadThatIsCutOffWhileItEndsTellsTheTruth(t *testing.T) {
	for _, operation := range []string{"PutObject", "CompleteMultipartUpload"} {
		size := map[string]int{"PutObject": small, "CompleteMultipartUpload": large}[operation]
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d := newDouble()
		d.fault = func(r *http.Request) *fault {
			if kind(r) == operation {
				cancel() // the request is on its way already
			}
			return nil
		}
		if err := upload(ctx, t, d.store(t, s3.Config{}), "part", size).Commit(); err != nil {
			t.Errorf("%s: the object is there, and Commit returned %v", operation, err)
		}
		if d.objects["part"] == nil {
			t.Errorf("%s: the object is not there", operation)
		}
	}
}

func TestABrokenBodyIsReadOnFromWhereItBroke(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDouble()
			s := d.store(t, s3.Config{})
			upload(t.Context(), t, s, "part", large).mustCommit(t)
			d.fault = at("GetObject", 3, fault{cut: 1 << 20, quiet: quiet})
			opened, err := s.Open(t.Context(), "part")
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(opened)
			if err = errors.Join(err, opened.Close()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, body(large)) {
				t.Errorf("%d bytes came, or other ones", len(got))
			}
			var ranges []string
			for _, r := range d.seen {
				if kind(r) == "GetObject" {
					ranges = append(ranges, r.Header.Get("Range"))
				}
			}
			want := []string{"", "bytes=1048576-", "bytes=2097152-", "bytes=3145728-"}
			if diff := cmp.Diff(want, ranges); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestABodyThatKeepsBreakingIsNeverAnEnd(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(d *double)
	}{
		{"it breaks for ever", func(d *double) { d.fault = at("GetObject", 0, fault{cut: 10}) }},
		{"the object is replaced meanwhile", func(d *double) {
			first := at("GetObject", 1, fault{cut: 10})
			d.fault = func(r *http.Request) *fault {
				if f := first(r); f != nil {
					return f
				}
				d.objects["part"].tag = `"another"`
				return nil
			}
		}},
		{"the object is damaged", func(d *double) { d.objects["part"].body[500] ^= 1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble()
				s := d.store(t, s3.Config{})
				upload(t.Context(), t, s, "part", small).mustCommit(t)
				test.change(d)
				opened, err := s.Open(t.Context(), "part")
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, opened)
				wantFailure(t, errors.Join(err, opened.Close()), "read s3://people/part")
				test.change(d)
				if _, _, err := s.Read(t.Context(), "part"); err == nil && test.name == "it breaks for ever" {
					t.Error("Read succeeded")
				}
			})
		})
	}
}

func TestAnObjectTooLargeToReadAtOnceIsNotRead(t *testing.T) {
	d := newDouble()
	d.objects["large"] = &object{body: make([]byte, store.MaxRead+1), tag: `"t"`}
	if _, _, err := d.store(t, s3.Config{}).Read(t.Context(), "large"); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Read returned %v", err)
	}
}

func TestASmallObjectIsOneRequest(t *testing.T) {
	d := newDouble()
	s := d.store(t, s3.Config{})
	upload(t.Context(), t, s, "small", 5<<20-1).mustCommit(t)
	if got := d.requests(); !slices.Equal(got, []string{"PutObject"}) {
		t.Errorf("%q", got)
	}
}
