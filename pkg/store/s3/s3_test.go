package s3_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func config(d *storetest.Double) aws.Config {
	return aws.Config{
		Region: "eu-west-1", HTTPClient: d, BaseEndpoint: aws.String("http://127.0.0.1:9"),
		Credentials: credentials.NewStaticCredentialsProvider("id", storetest.Secret, ""),
	}
}

func open(t *testing.T, d *storetest.Double, c s3.Config) *s3.Store {
	t.Helper()
	c.Bucket = "people"
	s, err := s3.New(config(d), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestABucketKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, newDouble(), s3.Config{Prefix: "/exports/people/"}) })
}

func TestABucketSaysWhatItHolds(t *testing.T) {
	storetest.RunFolders(t, open(t, newDouble(), s3.Config{Prefix: "/exports/people/"}))
}

func TestABucketsURL(t *testing.T) {
	for prefix, want := range map[string]string{
		"":                 "s3://people/latest/tenant=a.json",
		"/exports/people/": "s3://people/exports/people/latest/tenant=a.json",
	} {
		if got := open(t, newDouble(), s3.Config{Prefix: prefix}).URL("latest/tenant=a.json"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestABucketIsNamedInThePathOnlyAtAnEndpointOfOnesOwn(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                     "https://people.s3.eu-west-1.amazonaws.com/a",
		"https://127.0.0.1:99": "https://127.0.0.1:99/people/a",
	} {
		d := newDouble()
		cfg := config(d)
		cfg.BaseEndpoint = nil
		if endpoint != "" {
			cfg.BaseEndpoint = &endpoint
		}
		s, err := s3.New(cfg, s3.Config{Bucket: "people"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		got := *d.Requests("")[0].URL
		got.RawQuery = ""
		if got.String() != want {
			t.Errorf("at %q it asked %s, want %s", endpoint, &got, want)
		}
	}
}

func TestEveryWriteNamesTheKMSKey(t *testing.T) {
	for _, key := range []string{"", "alias/rollcall"} {
		d := newDouble()
		s := open(t, d, s3.Config{KMSKey: key})
		for name, size := range map[string]int{"small": storetest.Small, "large": storetest.Large} {
			u, err := s.Create(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := u.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if err := u.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Swap(t.Context(), "state", []byte("x"), ""); err != nil {
			t.Fatal(err)
		}
		writes := 0
		for _, r := range append(d.Requests("PutObject"), d.Requests("CreateMultipartUpload")...) {
			writes++
			if got := r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"); got != key {
				t.Errorf("%s names the key %q, want %q", d.Protocol.Operation(r), got, key)
			}
			if key != "" && (r.Header.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || r.Header.Get("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled") != "true") {
				t.Errorf("%s asks for no KMS encryption with a bucket key: %v", d.Protocol.Operation(r), r.Header)
			}
		}
		if writes != 3 {
			t.Errorf("%d writes were seen, want 3", writes)
		}
	}
}

func TestWhatIsNoBucketIsRefused(t *testing.T) {
	good := config(newDouble())
	nowhere := good
	nowhere.Region = ""
	for _, test := range []struct {
		name string
		cfg  aws.Config
		c    s3.Config
		want string
	}{
		{"no bucket", good, s3.Config{}, "bucket"},
		{"a path for a bucket", good, s3.Config{Bucket: "a/b"}, "bucket"},
		{"a prefix with dots", good, s3.Config{Bucket: "b", Prefix: "a/../b"}, "prefix"},
		{"small parts", good, s3.Config{Bucket: "b", PartSize: 1 << 20}, "5 MiB"},
		{"no region", nowhere, s3.Config{Bucket: "b"}, "AWS_REGION"},
	} {
		if _, err := s3.New(test.cfg, test.c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", test.name, err, test.want)
		}
	}
}

func TestABucketKeepsThePromisesOfAStoreWhileRequestsFail(t *testing.T) {
	storetest.RunRemote(t, storetest.Remote{
		Open: func(t *testing.T) (storetest.Store, *storetest.Double) {
			d := newDouble()
			return open(t, d, s3.Config{Prefix: storetest.Prefix}), d
		},
		Put: "PutObject", Begin: "CreateMultipartUpload", Part: "UploadPart", Complete: "CompleteMultipartUpload",
		Get: "GetObject", Delete: "DeleteObject", OneRequest: 5<<20 - 1, Range: "Range", Busy: "SlowDown", Drops: true, Notices: true,
		Refusals: []storetest.Refusal{
			{Name: "a part is refused", Size: storetest.Large, Plan: storetest.At("UploadPart", 1, storetest.Fault{Status: 400, Code: "BadDigest"}), Want: "run again"},
			{Name: "a part is never taken", Size: storetest.Large, Plan: storetest.At("UploadPart", 0, storetest.Fault{Status: 503, Code: "SlowDown"}), Want: "later"},
			{Name: "an upload may not begin", Size: storetest.Large, Plan: storetest.At("CreateMultipartUpload", 0, storetest.Fault{Status: 403, Code: "AccessDenied"}), Want: "s3:PutObject"},
			{Name: "an upload may not end", Size: storetest.Large, Plan: storetest.At("CompleteMultipartUpload", 0, storetest.Fault{Status: 403, Code: "AccessDenied"}), Want: "s3:AbortMultipartUpload"},
			{Name: "a small object is refused", Size: storetest.Small, Plan: storetest.At("PutObject", 0, storetest.Fault{Status: 403, Code: "AccessDenied"}), Want: "s3:PutObject"},
			{Name: "somebody else writes the same object", Size: storetest.Large, Plan: storetest.At("CompleteMultipartUpload", 0, storetest.Fault{Status: 409, Code: "ConditionalRequestConflict"}), Want: store.ErrConflict.Error()},
			{Name: "the store never answers", Size: storetest.Small, Plan: storetest.At("PutObject", 0, storetest.Fault{Status: 500, Code: "InternalError"}), Want: "later"},
		},
		Answers: []storetest.Answer{
			{Operation: "PutObject", Fault: storetest.Fault{Status: 412, Code: "PreconditionFailed"}, Is: store.ErrConflict},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 409, Code: "ConditionalRequestConflict"}, Is: store.ErrConflict},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 404, Code: "NoSuchKey"}, Is: store.ErrConflict},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 404, Code: "NoSuchBucket"}, Want: "make the bucket people"},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 403, Code: "AccessDenied"}, Want: "allow s3:PutObject, s3:GetObject and s3:AbortMultipartUpload on people/out/*"},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 400, Code: "KMS.DisabledException"}, Want: "KMS key"},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 503, Code: "SlowDown"}, Want: "later"},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 501, Code: "NotImplemented"}, Want: "conditional writes"},
			{Operation: "PutObject", Fault: storetest.Fault{Status: 403, Code: "RequestTimeTooSkewed"}, Want: "set the clock"},
			{Operation: "GetObject", Fault: storetest.Fault{Status: 404, Code: "NoSuchKey"}, Is: store.ErrNotFound},
			{Operation: "GetObject", Fault: storetest.Fault{Status: 404, Code: "NoSuchBucket"}, Want: "make the bucket people"},
			{Operation: "GetObject", Fault: storetest.Fault{Status: 403, Code: "AccessDenied"}, Want: "allow s3:GetObject on people/out/* and s3:ListBucket on people"},
			{Operation: "GetObject", Fault: storetest.Fault{Status: 301, Code: "PermanentRedirect"}, Want: "AWS_REGION"},
			{Operation: "GetObject", Fault: storetest.Fault{Status: 403, Code: "ExpiredToken"}, Want: "renew"},
			{Operation: "DeleteObject", Fault: storetest.Fault{Status: 403, Code: "AccessDenied"}, Want: "allow s3:DeleteObject on people/out/*"},
			{Operation: "DeleteObject", Fault: storetest.Fault{Lost: true}, Want: "the connection broke: check the network"},
			{Operation: "GetObject", Fault: storetest.Fault{Status: 403, Code: "User: kim@contoso.com may not"}, Want: "S3 answered (HTTP 403"},
		},
	})
}
