// Package cloud makes what tests need on a server that speaks AWS's protocols:
// buckets, queues, and the configuration that leads there.
package cloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Region is where everything is; Account is moto's.
const (
	Region  = "eu-west-1"
	Account = "123456789012"
)

// Config is an SDK configuration that reaches a server with one of its users.
func Config(url, user, secret string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider(user, secret, ""),
	}
}

// S3 is a client of S3 that puts the bucket into the path.
func S3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// CreateBucket makes a bucket.
func CreateBucket(ctx context.Context, cfg aws.Config, name string) error {
	_, err := S3(cfg).CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region},
	})
	if err != nil {
		return fmt.Errorf("create the bucket %s: %w", name, err)
	}
	return nil
}
