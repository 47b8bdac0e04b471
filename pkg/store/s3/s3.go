// Package s3 is a store in a bucket of Amazon S3, or of a service that speaks its
// protocol.
//
// It needs conditional writes (If-None-Match and If-Match on PutObject, and
// If-None-Match on CompleteMultipartUpload), which S3 has had since 2024. Every
// body goes with a CRC32 that S3 checks and keeps; see checksum.go for services that
// do not.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

const (
	// defaultPart is the smallest part that S3 allows, but for the last: an upload
	// keeps about three of them in memory.
	defaultPart = 5 << 20
	// maxParts is S3's own limit.
	maxParts = 10_000
	// attempts of one request, the first included, unless AWS_MAX_ATTEMPTS or the
	// profile says otherwise: more than the SDK's three, since a whole run depends on it.
	attempts = 6
	// headerTimeout is how long S3 may take to begin its answer. It sends white space
	// while it still works on one.
	headerTimeout = time.Minute
	// grace bounds the requests that are made once an upload's context has ended: to
	// drop the parts, or to find out whether the object is there.
	grace = 5 * time.Second
)

// Config is a part of a bucket.
type Config struct {
	// Bucket is the bucket's name.
	Bucket string
	// Prefix stands before every key; it may be empty.
	Prefix string
	// KMSKey is the id, ARN or alias of the KMS key that objects are encrypted with.
	// Empty means the bucket's default encryption.
	KMSKey string `option:"kms-key"`
	// Region is the bucket's, "" for the configured one.
	Region string `option:"region"`
	// PartSize is the size in bytes of an upload's parts, at least 5 MiB. 0 means
	// 5 MiB, of which an object may have 10,000 (48.8 GiB).
	PartSize int64
	// Tags has every object that Create and SwapExpendable make tagged
	// rollcall=expendable, for a lifecycle rule of the bucket; see Retain. It takes the
	// permission s3:PutObjectTagging, and a service that knows tags.
	Tags bool `option:"retention=tags"`
}

// Parse reads the address of a part of a bucket: //bucket/prefix.
func Parse(address string) (Config, error) {
	rest, found := strings.CutPrefix(address, "//")
	bucket, prefix, _ := strings.Cut(rest, "/")
	if !found || !isBucket(bucket) {
		return Config{}, errors.New("is not of the form s3://bucket/prefix")
	}
	return Config{Bucket: bucket, Prefix: strings.Trim(prefix, "/")}, store.CheckPrefix(prefix)
}

// isBucket reports whether a text can be a bucket's name, also one of the older rules,
// or the ARN of an access point. Anything else may hold a credential.
func isBucket(name string) bool {
	return name != "" && len(name) <= 255 && strings.Trim(name, letters+".-_:") == "" &&
		(strings.HasPrefix(name, "arn:") || !strings.Contains(name, ":"))
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// String returns s3://bucket/prefix.
func (c Config) String() string { return "s3://" + path.Join(c.Bucket, c.Prefix) }

// Store is a part of a bucket. It may be used by several goroutines.
type Store struct {
	client   *s3.Client
	transfer *transfermanager.Client
	config   Config
	prefix   string
	// foreign says that the service is another one than AWS's.
	foreign bool
	// checked says that bodies go with a checksum, validated that the one of what is read
	// is asked for: unless the SDK's own settings say when_required.
	checked, validated bool
}

// New returns the store that c describes, reached by cfg (a region, credentials, and
// whatever else the SDK's standard configuration found). With a custom endpoint
// (AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3) the bucket is named in the path instead
// of the host. New makes no request.
func New(cfg aws.Config, c Config) (*Store, error) {
	if c.Region != "" {
		cfg.Region = c.Region
	}
	prefix, err := store.Prefix(c.Prefix)
	switch {
	case c.Bucket == "" || strings.ContainsAny(c.Bucket, "/?#"):
		return nil, fmt.Errorf("%q is not a bucket's name", c.Bucket)
	case err != nil:
		return nil, err
	case strings.Trim(c.Region, letters+"-") != "": // it becomes a part of the host
		return nil, errors.New("the region of the bucket " + c.Bucket + " is not one; write for instance region=eu-west-1")
	case cfg.Region == "":
		return nil, errors.New("no AWS region is set: set AWS_REGION to the region of the bucket " + c.Bucket)
	case c.PartSize == 0:
		c.PartSize = defaultPart
	case c.PartSize < defaultPart:
		return nil, fmt.Errorf("parts of %d bytes are smaller than S3 allows (5 MiB)", c.PartSize)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil && !strings.HasPrefix(c.Bucket, "arn:")
		o.DisableLogOutputChecksumValidationSkipped = true
		if o.RetryMaxAttempts == 0 {
			o.RetryMaxAttempts = attempts
		}
		o.HTTPClient = awsapi.Client(o.HTTPClient, func(t *http.Transport) { t.ResponseHeaderTimeout = headerTimeout })
	})
	options := client.Options()
	if own := options.BaseEndpoint; own != nil {
		if err := origin.CheckEndpoint(*own); err != nil {
			return nil, fmt.Errorf("the address of the service with the bucket %s (AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL) %w", c.Bucket, err)
		}
	}
	return &Store{
		client: client,
		transfer: transfermanager.New(client, func(o *transfermanager.Options) {
			o.PartSizeBytes = c.PartSize
			o.RequestChecksumCalculation = options.RequestChecksumCalculation
			// What fits into one part goes by one request.
			o.MultipartUploadThreshold = c.PartSize
			// One part being sent, one being filled, and the first, which is kept apart.
			o.Concurrency = 1
			o.MaxUploadParts = maxParts
			o.FailTimeout = grace
		}),
		config:    c,
		prefix:    prefix,
		foreign:   options.BaseEndpoint != nil,
		checked:   options.RequestChecksumCalculation != aws.RequestChecksumCalculationWhenRequired,
		validated: options.ResponseChecksumValidation != aws.ResponseChecksumValidationWhenRequired,
	}, nil
}

// URL returns the key's address: s3://bucket/prefix/key.
func (s *Store) URL(key string) string { return "s3://" + s.config.Bucket + "/" + s.prefix + key }

// name returns the object's name in the bucket.
func (s *Store) name(key string) *string { return aws.String(s.prefix + key) }

// Read returns the whole object and its ETag. It fails with store.ErrNotFound,
// and with store.ErrTooLarge above store.MaxRead.
func (s *Store) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	if err := s.check("read", key); err != nil {
		return nil, "", err
	}
	body, version, err := s.read(ctx, key)
	if err != nil {
		return nil, "", s.failed(ctx, "read", key, err)
	}
	return body, version, nil
}

func (s *Store) read(ctx context.Context, key string) ([]byte, store.Version, error) {
	opened, err := s.open(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = opened.Close() }()
	if opened.tag == "" { // "" is the version of what is not there
		return nil, "", errNoTag
	}
	body, err := store.ReadAll(opened, opened.size)
	return body, store.Version(opened.tag), err
}

// Swap replaces the version old of an object, or makes the object if old is "".
// It fails with store.ErrConflict when S3 answers that the key holds another
// version (412), that another writer is writing it (409), or that there is nothing
// to replace (404). It returns the new ETag.
func (s *Store) Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	return s.swap(ctx, key, body, old, false)
}

func (s *Store) swap(ctx context.Context, key string, body []byte, old store.Version, expires bool) (store.Version, error) {
	if err := s.check("swap", key); err != nil {
		return "", err
	}
	in := &s3.PutObjectInput{
		Bucket: &s.config.Bucket, Key: s.name(key),
		Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
	}
	if s.checked {
		in.ChecksumCRC32 = aws.String(encodeSum(crc32.ChecksumIEEE(body)))
	}
	if expires {
		in.Tagging = aws.String(retentionTag + "=" + expendable)
	}
	if old == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(string(old))
	}
	if s.config.KMSKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &s.config.KMSKey
		in.BucketKeyEnabled = aws.Bool(true)
	}
	out, err := s.client.PutObject(ctx, in)
	if err == nil && aws.ToString(out.ETag) == "" {
		err = errNoTag
	}
	if err == nil {
		err = s.verify(ctx, key, int64(len(body)), *out.ETag, in.ChecksumCRC32, out.ChecksumCRC32)
	}
	if err != nil {
		return "", s.failed(ctx, "swap", key, err)
	}
	return store.Version(*out.ETag), nil
}

// Delete removes the object; a missing one is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check("delete", key); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.config.Bucket, Key: s.name(key)})
	if err == nil {
		return nil
	}
	if err = s.failed(ctx, "delete", key, err); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
