// Package cloud makes what tests need on a server that speaks AWS's protocols:
// buckets, queues, and the configuration that leads there.
package cloud

import (
	"context"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// Region is where everything is; Account is moto's.
const (
	Region  = "eu-west-1"
	Account = "123456789012"
)

// Config is an SDK configuration that reaches a server with one of its users.
func Config(url, user, secret string) aws.Config {
	leak.Name("secret key of AWS", secret)
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider(user, secret, ""),
		APIOptions:   []func(*middleware.Stack) error{nameSecrets},
	}
}

// nameSecrets names the texts that a test puts into Secrets Manager.
func nameSecrets(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NameSecrets", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		if input := reflect.Indirect(reflect.ValueOf(in.Parameters)); input.Kind() == reflect.Struct {
			if text, ok := fieldOf(input, "SecretString").(*string); ok && text != nil {
				leak.Name("a secret in Secrets Manager", *text)
			}
		}
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
}

func fieldOf(input reflect.Value, name string) any {
	if field := input.FieldByName(name); field.IsValid() {
		return field.Interface()
	}
	return nil
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
