// Package cloud makes what tests need on a server that speaks AWS's protocols:
// buckets, queues, and the configuration that leads there.
package cloud

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
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

// Queue is a queue of SQS.
type Queue struct {
	// URL is its address, ARN its name.
	URL, ARN string

	client *sqs.Client
}

// CreateQueue makes a queue, or takes the one of that name. One whose name ends
// in .fifo keeps the order.
func CreateQueue(ctx context.Context, cfg aws.Config, name string) (*Queue, error) {
	client := sqs.NewFromConfig(cfg)
	in := &sqs.CreateQueueInput{QueueName: &name}
	if strings.HasSuffix(name, ".fifo") {
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	made, err := client.CreateQueue(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("create the queue %s: %w", name, err)
	}
	return &Queue{URL: *made.QueueUrl, ARN: "arn:aws:sqs:" + Region + ":" + Account + ":" + name, client: client}, nil
}

// Receive takes the bodies of a few messages out of the queue, none when it is
// empty.
func (q *Queue) Receive(ctx context.Context) ([][]byte, error) {
	got, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.URL, MaxNumberOfMessages: 10})
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", q.ARN, err)
	}
	if len(got.Messages) == 0 {
		return nil, nil
	}
	var bodies [][]byte
	done := &sqs.DeleteMessageBatchInput{QueueUrl: &q.URL}
	for i, m := range got.Messages {
		bodies = append(bodies, []byte(*m.Body))
		done.Entries = append(done.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	deleted, err := q.client.DeleteMessageBatch(ctx, done)
	if err != nil {
		return nil, fmt.Errorf("delete from %s: %w", q.ARN, err)
	}
	if len(deleted.Failed) > 0 {
		return nil, fmt.Errorf("delete from %s: %s", q.ARN, aws.ToString(deleted.Failed[0].Message))
	}
	return bodies, nil
}

// Drain takes the bodies of all messages out of the queue.
func (q *Queue) Drain(ctx context.Context) ([][]byte, error) {
	var all [][]byte
	for {
		some, err := q.Receive(ctx)
		if err != nil || len(some) == 0 {
			return all, err
		}
		all = append(all, some...)
	}
}
