package azblob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
)

const (
	small = 1000
	large = 12<<20 + 12_345
)

func body(size int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size] }

type written struct{ store.Upload }

// upload writes an object up to its Commit.
func upload(ctx context.Context, t *testing.T, s *azblob.Store, key string, size int) written {
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
		{"Put Blob: reply lost once", small, at("Put Blob", 1, fault{lost: true})},
		{"Put Blob: every reply lost", small, at("Put Blob", 0, fault{lost: true})},
		{"Put Block: busy", large, at("Put Block", 3, fault{status: 503, code: "ServerBusy"})},
		{"Put Block: reply lost", large, at("Put Block", 1, fault{lost: true})},
		{"Put Block List: reply lost once", large, at("Put Block List", 1, fault{lost: true})},
		{"Put Block List: every reply lost", large, at("Put Block List", 0, fault{lost: true})},
		{"Put Block List: broken inside", large, at("Put Block List", 1, fault{status: 500, code: "InternalError"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble()
				d.fault = test.fault
				upload(t.Context(), t, d.store(t, ""), "part", test.size).mustCommit(t)
				if now := d.blobs["part"]; now == nil || !bytes.Equal(now.body, body(test.size)) {
					t.Error("the container holds something else")
				}
			})
		})
	}
}

func TestAnUploadThatFailsLeavesNothingToBeSeen(t *testing.T) {
	for _, test := range []struct {
		name  string
		size  int
		fault func(*http.Request) *fault
		want  string
	}{
		{"a block is refused", large, at("Put Block", 1, fault{status: 400, code: "Crc64Mismatch"}), "run again"},
		{"a block is never taken", large, at("Put Block", 0, fault{status: 503, code: "ServerBusy"}), "later"},
		{"the end is refused", large, at("Put Block List", 0, fault{status: 403, code: "AuthorizationPermissionMismatch"}), "Storage Blob Data Contributor"},
		{"a small object is refused", small, at("Put Blob", 0, fault{status: 403, code: "AuthorizationPermissionMismatch"}), "Storage Blob Data Contributor"},
		{"there is no container", small, at("Put Blob", 0, fault{status: 404, code: "ContainerNotFound"}), "make the container people"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble()
				d.fault = test.fault
				wantFailure(t, upload(t.Context(), t, d.store(t, ""), "part", test.size).Commit(), test.want)
				if len(d.blobs) > 0 {
					t.Errorf("%d blobs are left", len(d.blobs))
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
	case strings.Contains(err.Error(), "kim") || strings.Contains(err.Error(), secret):
		t.Errorf("%v names a person or a secret", err)
	}
}

func TestAnUploadThatIsCutOffWhileItEndsTellsTheTruth(t *testing.T) {
	for _, operation := range []string{"Put Blob", "Put Block List"} {
		size := map[string]int{"Put Blob": small, "Put Block List": large}[operation]
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d := newDouble()
		d.fault = func(r *http.Request) *fault {
			if kind(r) == operation {
				cancel() // the request is on its way already
			}
			return nil
		}
		if err := upload(ctx, t, d.store(t, ""), "part", size).Commit(); err != nil {
			t.Errorf("%s: the blob is there, and Commit returned %v", operation, err)
		}
		if d.blobs["part"] == nil {
			t.Errorf("%s: the blob is not there", operation)
		}
	}
}

func TestABrokenBodyIsReadOnFromWhereItBroke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		s := d.store(t, "")
		upload(t.Context(), t, s, "part", large).mustCommit(t)
		d.fault = at("Get Blob", 2, fault{cut: 1 << 20})
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
	})
}

func TestABodyThatEndsTooSoonIsNoEnd(t *testing.T) {
	d := newDouble()
	s := d.store(t, "")
	upload(t.Context(), t, s, "part", small).mustCommit(t)
	d.fault = at("Get Blob", 0, fault{cut: 10, quiet: true})
	opened, err := s.Open(t.Context(), "part")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, opened)
	wantFailure(t, errors.Join(err, opened.Close()), "the connection broke")
	_, _, err = s.Read(t.Context(), "part")
	wantFailure(t, err, "the connection broke")
}

func TestABodyThatKeepsBreakingIsNeverAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		s := d.store(t, "")
		upload(t.Context(), t, s, "part", small).mustCommit(t)
		first := at("Get Blob", 1, fault{cut: 10})
		d.fault = func(r *http.Request) *fault {
			if f := first(r); f != nil {
				return f
			}
			d.blobs["part"].tag = `"another"`
			return nil
		}
		opened, err := s.Open(t.Context(), "part")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, opened)
		wantFailure(t, errors.Join(err, opened.Close()), "read https://contoso")
	})
}

func TestAnswersOfBlobStorage(t *testing.T) {
	for _, test := range []struct {
		operation string
		fault     fault
		is        error
		want      string
	}{
		{"Put Blob", fault{status: 412, code: "ConditionNotMet"}, store.ErrConflict, ""},
		{"Put Blob", fault{status: 409, code: "BlobAlreadyExists"}, store.ErrConflict, ""},
		{"Put Blob", fault{status: 404, code: "BlobNotFound"}, store.ErrConflict, ""},
		{"Put Blob", fault{status: 412, code: "LeaseIdMissing"}, nil, "lease"},
		{"Put Blob", fault{status: 409, code: "BlobImmutableDueToPolicy"}, nil, "policy"},
		{"Put Blob", fault{status: 404, code: "ContainerNotFound"}, nil, "make the container people"},
		{"Put Blob", fault{status: 403, code: "AuthorizationFailure"}, nil, "network rules"},
		{"Put Blob", fault{status: 403, code: "AuthenticationFailed"}, nil, "renew"},
		{"Put Blob", fault{status: 403, code: "KeyBasedAuthenticationNotPermitted"}, nil, "identity"},
		{"Put Blob", fault{status: 503, code: "ServerBusy"}, nil, "later"},
		{"Get Blob", fault{status: 404, code: "BlobNotFound"}, store.ErrNotFound, ""},
		{"Get Blob", fault{status: 404, code: "ContainerNotFound"}, nil, "make the container people"},
		{"Get Blob", fault{status: 403, code: "AuthorizationPermissionMismatch"}, nil, "Storage Blob Data Reader"},
		{"Delete Blob", fault{status: 403, code: "AuthorizationPermissionMismatch"}, nil, "Storage Blob Data Contributor"},
		{"Delete Blob", fault{lost: true}, nil, ""},
	} {
		t.Run(test.operation+" "+test.fault.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble()
				d.fault = at(test.operation, 0, test.fault)
				s := d.store(t, "out")
				var err error
				switch test.operation {
				case "Put Blob":
					_, err = s.Swap(t.Context(), "latest", []byte("x"), `"old"`)
				case "Get Blob":
					_, _, err = s.Read(t.Context(), "latest")
				default:
					err = s.Delete(t.Context(), "latest")
				}
				wantFailure(t, err, test.want)
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%v, want %v", err, test.is)
				}
				if test.is == nil && (errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound)) {
					t.Errorf("%v passes for something harmless", err)
				}
			})
		})
	}
}

func TestAnObjectTooLargeToReadAtOnceIsNotRead(t *testing.T) {
	d := newDouble()
	d.blobs["large"] = &held{body: make([]byte, store.MaxRead+1), tag: `"t"`}
	if _, _, err := d.store(t, "").Read(t.Context(), "large"); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Read returned %v", err)
	}
}

// refusal is an error of this project's own, as a credential returns it.
type refusal struct{}

func (refusal) Error() string { return "the client secret has expired: make a new one" }
func (refusal) Name() string  { return "Credentials.Rejected" }

type rejected struct{}

func (rejected) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, refusal{}
}

func TestAnIdentityThatIsRejectedSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := azblob.New(azblob.Config{
			Account: "contoso", Container: "people", Credential: rejected{},
			Options: policy.ClientOptions{Transport: newDouble()},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Read(t.Context(), "latest")
		wantFailure(t, err, "the client secret has expired: make a new one")
	})
}
