package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Remote is a store that reaches its service by HTTP.
type Remote struct {
	// Open returns a store below [Prefix], and its service, which holds nothing.
	Open func(t *testing.T) (Store, *Double)
	// Put, Part, Complete, Get and Delete name the operations that write a small
	// object, write a part of a large one, complete it, read and delete; Begin the one
	// that begins a large object, "" if there is none.
	Put, Begin, Part, Complete, Get, Delete string
	// OneRequest is a size of objects that one Put writes.
	OneRequest int
	// Range is the header by which Get asks for the rest of an object.
	Range string
	// Busy is the code by which the service asks to retry later.
	Busy string
	// Drops says that a failed upload leaves no parts, either.
	Drops bool
	// Notices says that a body that ends early without a sign of it is resumed, and
	// that a damaged one is found; otherwise the former is an error.
	Notices bool
	// Refusals are faults by which an upload fails, Answers what a single request
	// makes of them.
	Refusals []Refusal
	Answers  []Answer
}

// Refusal is a fault by which the upload of an object of a size fails.
type Refusal struct {
	Name string
	Size int
	Plan Plan
	Want string // in the error's text
}

// Answer is what an operation makes of a fault.
type Answer struct {
	Operation string
	Fault     Fault
	Is        error  // what the error wraps, nil for neither ErrConflict nor ErrNotFound
	Want      string // in its text
}

// Prefix stands before the keys of a remote store under test.
const Prefix = "out"

// Small fits into one request, Large does not.
const (
	Small = 1000
	Large = large
)

// RunRemote runs the suite of failing requests.
func RunRemote(t *testing.T, r Remote) {
	for name, test := range map[string]func(*testing.T){
		"AnUploadSurvivesTransientFaults":              r.survives,
		"AnUploadThatFailsLeavesNothing":               r.fails,
		"AnUploadThatIsCutOffWhileItEndsTellsTheTruth": r.cutOff,
		"ABrokenBodyIsResumedFromWhereItBroke":         r.resumes,
		"ABodyThatCannotBeResumedIsAnError":            r.neverEndsEarly,
		"AnObjectTooLargeToReadAtOnceIsNotRead":        r.tooLarge,
		"AnAnswerSaysWhatItMeans":                      r.answers,
		"ABusyServiceIsRetried":                        r.busy,
		"ASmallObjectIsOneRequest":                     r.oneRequest,
	} {
		t.Run(name, test)
	}
}

// upload writes an object up to its Commit.
func upload(ctx context.Context, t *testing.T, s Store, key string, size int) store.Upload {
	t.Helper()
	u, err := s.Create(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	// A Write may fail where the store is made to; Commit repeats why.
	_, _ = u.Write(content(size))
	return u
}

func mustUpload(t *testing.T, s Store, key string, size int) {
	t.Helper()
	if err := upload(t.Context(), t, s, key, size).Commit(); err != nil {
		t.Fatal(err)
	}
}

// Secret stands for every credential that no error may repeat.
const Secret = "c2VjcmV0LWtleQ=="

// WantFailure checks that err is a store's error, has a text in it, and names its
// object, no person and no [Secret].
func WantFailure(t *testing.T, err error, s Store, want string) {
	t.Helper()
	var e *store.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%v, want a *store.Error", err)
	case !strings.Contains(err.Error(), want):
		t.Errorf("%v, want %q in it", err, want)
	case strings.Contains(err.Error(), "kim"), strings.Contains(err.Error(), Secret), !strings.Contains(err.Error(), s.URL("")):
		t.Errorf("%v names a person or a secret, or not the object", err)
	}
}

func (r Remote) survives(t *testing.T) {
	for _, test := range []struct {
		operation string
		size      int
		times     int
		fault     Fault
	}{
		{r.Put, Small, 1, Fault{Lost: true}},
		{r.Put, Small, 0, Fault{Lost: true}},
		{r.Put, Small, 2, Fault{Status: 503, Code: r.Busy}},
		{r.Begin, Large, 2, Fault{Status: 503, Code: r.Busy}},
		{r.Part, Large, 1, Fault{Lost: true}},
		{r.Part, Large, 3, Fault{Status: 503, Code: r.Busy}},
		{r.Complete, Large, 1, Fault{Lost: true}},
		{r.Complete, Large, 0, Fault{Lost: true}},
		{r.Complete, Large, 1, Fault{Status: 500, Code: "InternalError"}},
	} {
		if test.operation == "" {
			continue
		}
		t.Run(fmt.Sprintf("%s %d %+v", test.operation, test.times, test.fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, d := r.Open(t)
				d.Plan = At(test.operation, test.times, test.fault)
				mustUpload(t, s, "part", test.size)
				if o := d.Objects[Prefix+"/part"]; o == nil || !bytes.Equal(o.Body, content(test.size)) {
					t.Error("the service holds something else")
				}
				if n := d.Protocol.Pending(); n > 0 {
					t.Errorf("%d uploads are left", n)
				}
			})
		})
	}
}

func (r Remote) fails(t *testing.T) {
	for _, test := range r.Refusals {
		t.Run(test.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var printed bytes.Buffer
				log.SetOutput(&printed)
				defer log.SetOutput(os.Stderr)
				s, d := r.Open(t)
				d.Plan = test.Plan
				WantFailure(t, upload(t.Context(), t, s, "part", test.Size).Commit(), s, test.Want)
				if n := d.Protocol.Pending(); len(d.Objects) > 0 || r.Drops && n > 0 {
					t.Errorf("%d objects and %d uploads are left", len(d.Objects), n)
				}
				if printed.Len() > 0 {
					t.Errorf("the standard logger got %q", printed.String())
				}
			})
		})
	}
}

func (r Remote) cutOff(t *testing.T) {
	for operation, size := range map[string]int{r.Put: Small, r.Complete: Large} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s, d := r.Open(t)
		d.Plan = func(op string, _ *http.Request) *Fault {
			if op == operation {
				cancel() // the request was sent already
			}
			return nil
		}
		if err := upload(ctx, t, s, "part", size).Commit(); err != nil {
			t.Errorf("%s: the object is there, and Commit returned %v", operation, err)
		}
		if d.Objects[Prefix+"/part"] == nil {
			t.Errorf("%s: the object is not there", operation)
		}
	}
}

// stream reads an object by Open.
func stream(t *testing.T, s Store, key string) ([]byte, error) {
	t.Helper()
	opened, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(opened)
	return body, errors.Join(err, opened.Close())
}

func (r Remote) resumes(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, d := r.Open(t)
			mustUpload(t, s, "part", Large)
			if quiet && !r.Notices {
				d.Plan = At(r.Get, 0, Fault{Cut: 10, Quiet: true})
				_, err := stream(t, s, "part")
				WantFailure(t, err, s, "the connection broke")
				_, _, err = s.Read(t.Context(), "part")
				WantFailure(t, err, s, "the connection broke")
				return
			}
			d.Plan = At(r.Get, 3, Fault{Cut: 1 << 20, Quiet: quiet})
			if got, err := stream(t, s, "part"); err != nil || !bytes.Equal(got, content(Large)) {
				t.Errorf("%d bytes came, or other ones: %v", len(got), err)
			}
			for i, request := range d.Requests(r.Get) {
				want := fmt.Sprintf("bytes=%d-", i<<20)
				if got := request.Header.Get(r.Range); i > 0 && !strings.HasPrefix(got, want) || i == 0 && got != "" {
					t.Errorf("request %d has the range %q, want %s", i, got, want)
				}
			}
			if n := len(d.Requests(r.Get)); n != 4 {
				t.Errorf("%d requests, want 4", n)
			}
		})
	}
}

func (r Remote) neverEndsEarly(t *testing.T) {
	for name, change := range map[string]func(d *Double){
		"it always breaks": func(d *Double) { d.Plan = At(r.Get, 0, Fault{Cut: 10}) },
		"the object is replaced meanwhile": func(d *Double) {
			first := At(r.Get, 1, Fault{Cut: 10})
			d.Plan = func(op string, request *http.Request) *Fault {
				f := first(op, request)
				if f == nil {
					d.Objects[Prefix+"/part"].Tag = `"another"`
				}
				return f
			}
		},
		"the object is damaged": func(d *Double) { d.Objects[Prefix+"/part"].Body[500] ^= 1 },
	} {
		if name == "the object is damaged" && !r.Notices {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, d := r.Open(t)
				mustUpload(t, s, "part", Small)
				change(d)
				_, err := stream(t, s, "part")
				WantFailure(t, err, s, "read "+s.URL("part"))
				if name == "it always breaks" {
					_, _, err := s.Read(t.Context(), "part")
					WantFailure(t, err, s, "read "+s.URL("part"))
				}
			})
		})
	}
}

func (r Remote) tooLarge(t *testing.T) {
	s, d := r.Open(t)
	d.Objects[Prefix+"/large"] = &Object{Body: make([]byte, store.MaxRead+1), Tag: `"t"`}
	if _, _, err := s.Read(t.Context(), "large"); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Read returned %v", err)
	}
}

func (r Remote) answers(t *testing.T) {
	for _, test := range r.Answers {
		t.Run(test.Operation+" "+test.Fault.Code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, d := r.Open(t)
				d.Plan = At(test.Operation, 0, test.Fault)
				var err error
				switch test.Operation {
				case r.Put:
					_, err = s.Swap(t.Context(), "latest", []byte("x"), `"old"`)
				case r.Get:
					_, _, err = s.Read(t.Context(), "latest")
				default:
					err = s.Delete(t.Context(), "latest")
				}
				WantFailure(t, err, s, test.Want)
				if test.Is != nil && !errors.Is(err, test.Is) {
					t.Errorf("%v, want %v", err, test.Is)
				}
				if test.Is == nil && (errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound)) {
					t.Errorf("%v passes for something harmless", err)
				}
			})
		})
	}
}

func (r Remote) busy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, d := r.Open(t)
		d.Plan = At(r.Put, 5, Fault{Status: 503, Code: r.Busy})
		if _, err := s.Swap(t.Context(), "latest", []byte("x"), ""); err != nil {
			t.Fatal(err)
		}
		if n := len(d.Requests(r.Put)); n != 6 {
			t.Errorf("it took %d attempts, want 6", n)
		}
	})
}

func (r Remote) oneRequest(t *testing.T) {
	s, d := r.Open(t)
	mustUpload(t, s, "small", r.OneRequest)
	if all, puts := d.Requests(""), d.Requests(r.Put); !slices.Equal(all, puts) || len(puts) != 1 {
		t.Errorf("%d requests, %d of them %s", len(all), len(puts), r.Put)
	}
}
