package s3_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/store/s3"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func (d *double) config() aws.Config {
	return aws.Config{
		Region: "eu-west-1", HTTPClient: d, BaseEndpoint: aws.String("http://s3.test"),
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	}
}

func (d *double) store(t *testing.T, c s3.Config) *s3.Store {
	t.Helper()
	c.Bucket = "people"
	s, err := s3.New(d.config(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestABucketKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return newDouble().store(t, s3.Config{Prefix: "/exports/people/"}) })
}

func TestABucketsURL(t *testing.T) {
	for prefix, want := range map[string]string{
		"":                 "s3://people/latest/tenant=a.json",
		"/exports/people/": "s3://people/exports/people/latest/tenant=a.json",
	} {
		if got := newDouble().store(t, s3.Config{Prefix: prefix}).URL("latest/tenant=a.json"); got != want {
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
		cfg := d.config()
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
		got := *d.seen[0].URL
		got.RawQuery = ""
		if got.String() != want {
			t.Errorf("at %q it asked %s, want %s", endpoint, &got, want)
		}
	}
}

func TestEveryWriteNamesTheKMSKey(t *testing.T) {
	for _, key := range []string{"", "alias/rollcall"} {
		d := newDouble()
		s := d.store(t, s3.Config{KMSKey: key})
		upload(t.Context(), t, s, "small", 10).mustCommit(t)
		upload(t.Context(), t, s, "large", large).mustCommit(t)
		if _, err := s.Swap(t.Context(), "state", []byte("x"), ""); err != nil {
			t.Fatal(err)
		}
		writes := 0
		for _, r := range d.seen {
			if r.Method == http.MethodGet || kind(r) == "UploadPart" || kind(r) == "CompleteMultipartUpload" {
				continue
			}
			writes++
			if got := r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"); got != key {
				t.Errorf("%s names the key %q, want %q", kind(r), got, key)
			}
			if key != "" && (r.Header.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || r.Header.Get("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled") != "true") {
				t.Errorf("%s asks for no KMS encryption with a bucket key: %v", kind(r), r.Header)
			}
		}
		if writes != 3 {
			t.Errorf("%d writes were seen, want 3", writes)
		}
	}
}

func TestWhatIsNoBucketIsRefused(t *testing.T) {
	good := newDouble().config()
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
