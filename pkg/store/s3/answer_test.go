package s3_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

func TestAnswersOfS3(t *testing.T) {
	for _, test := range []struct {
		operation string
		fault     fault
		is        error
		want      string
	}{
		{"PutObject", fault{status: 412, code: "PreconditionFailed"}, store.ErrConflict, ""},
		{"PutObject", fault{status: 409, code: "ConditionalRequestConflict"}, store.ErrConflict, ""},
		{"PutObject", fault{status: 404, code: "NoSuchKey"}, store.ErrConflict, ""},
		{"PutObject", fault{status: 404, code: "NoSuchBucket"}, nil, "make the bucket people"},
		{"PutObject", fault{status: 403, code: "AccessDenied"}, nil, "allow s3:PutObject, s3:GetObject and s3:AbortMultipartUpload on people/out/*"},
		{"PutObject", fault{status: 400, code: "KMS.DisabledException"}, nil, "KMS key"},
		{"PutObject", fault{status: 503, code: "SlowDown"}, nil, "later"},
		{"PutObject", fault{status: 501, code: "NotImplemented"}, nil, "conditional writes"},
		{"PutObject", fault{status: 403, code: "RequestTimeTooSkewed"}, nil, "set the clock"},
		{"GetObject", fault{status: 404, code: "NoSuchKey"}, store.ErrNotFound, ""},
		{"GetObject", fault{status: 404, code: "NoSuchBucket"}, nil, "make the bucket people"},
		{"GetObject", fault{status: 403, code: "AccessDenied"}, nil, "allow s3:GetObject on people/out/* and s3:ListBucket on people"},
		{"GetObject", fault{status: 301, code: "PermanentRedirect"}, nil, "AWS_REGION"},
		{"GetObject", fault{status: 403, code: "ExpiredToken"}, nil, "renew"},
		{"DeleteObject", fault{status: 403, code: "AccessDenied"}, nil, "allow s3:DeleteObject on people/out/*"},
		{"DeleteObject", fault{lost: true}, nil, "the connection broke: check the network"},
	} {
		t.Run(test.operation+" "+test.fault.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble()
				d.fault = at(test.operation, 0, test.fault)
				s := d.store(t, s3.Config{Prefix: "out"})
				var err error
				switch test.operation {
				case "PutObject":
					_, err = s.Swap(t.Context(), "latest", []byte("x"), `"old"`)
				case "GetObject":
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

func TestABusyS3IsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		d.fault = at("PutObject", 5, fault{status: 503, code: "SlowDown"})
		if _, err := d.store(t, s3.Config{}).Swap(t.Context(), "latest", []byte("x"), ""); err != nil {
			t.Fatal(err)
		}
		if n := count(d.requests(), "PutObject"); n != 6 {
			t.Errorf("it took %d tries, want 6", n)
		}
	})
}
