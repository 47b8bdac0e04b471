package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// store is a destination of a snapshot. Keys are slash-separated paths.
type store interface {
	open(ctx context.Context, key string) (io.ReadCloser, error)
}

// open returns the store that contains latest, and the key of latest.
func open(ctx context.Context, name string) (store, string, error) {
	at := strings.LastIndex(filepath.ToSlash(name), "latest/tenant=")
	if at < 0 {
		return nil, "", fmt.Errorf("%s is not .../latest/tenant=<guid>.json", name)
	}
	root, key := strings.TrimRight(name[:at], "/"), filepath.ToSlash(name[at:])
	if rest, ok := strings.CutPrefix(root, "s3://"); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		cfg, err := awsconfig.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("AWS configuration: %w", err)
		}
		return &inBucket{client: s3.NewFromConfig(cfg), bucket: bucket, prefix: prefix}, key, nil
	}
	if rest, ok := strings.CutPrefix(root, "file://"); ok {
		path, err := url.PathUnescape(rest)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", name, err)
		}
		root = path
	}
	if root == "" {
		root = "."
	}
	folder, err := os.OpenRoot(root)
	if err != nil {
		return nil, "", err
	}
	return inFolder{folder}, key, nil
}

type inFolder struct{ *os.Root }

func (f inFolder) open(_ context.Context, key string) (io.ReadCloser, error) {
	return f.Open(filepath.FromSlash(key))
}

type inBucket struct {
	client         *s3.Client
	bucket, prefix string
}

func (b *inBucket) open(ctx context.Context, key string) (io.ReadCloser, error) {
	if b.prefix != "" {
		key = b.prefix + "/" + key
	}
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(b.bucket), Key: aws.String(key)})
	if err != nil {
		return nil, fmt.Errorf("s3://%s/%s: %w", b.bucket, key, err)
	}
	return out.Body, nil
}
