package buses_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	firehoseapi "github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	kinesisapi "github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	s3api "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/firehose"
	"github.com/rollcall-dev/rollcall/pkg/bus/kinesis"
)

// kinesis is a stream of two shards, so that the order is that of partition keys.
// It is named by its name after prefix.
func (s *server) kinesis(t *testing.T, prefix string) bustest.Bus {
	name := s.name()
	client := kinesisapi.NewFromConfig(s.aws)
	if _, err := client.CreateStream(t.Context(), &kinesisapi.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(2)}); err != nil {
		t.Fatal(err)
	}
	parsed, err := kinesis.Parse(prefix + name)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := kinesis.New(s.aws, parsed)
	if err != nil {
		t.Fatal(err)
	}
	shards, err := client.ListShards(t.Context(), &kinesisapi.ListShardsInput{StreamName: &name})
	if err != nil {
		t.Fatal(err)
	}
	var iterators []*string
	for _, shard := range shards.Shards {
		out, err := client.GetShardIterator(t.Context(), &kinesisapi.GetShardIteratorInput{
			StreamName: &name, ShardId: shard.ShardId, ShardIteratorType: kinesistypes.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			t.Fatal(err)
		}
		iterators = append(iterators, out.ShardIterator)
	}
	read := func(ctx context.Context) ([][]byte, error) {
		var bodies [][]byte
		for i, iterator := range iterators {
			out, err := client.GetRecords(ctx, &kinesisapi.GetRecordsInput{ShardIterator: iterator})
			if err != nil {
				return nil, err
			}
			iterators[i] = out.NextShardIterator
			for _, record := range out.Records {
				bodies = append(bodies, record.Data)
			}
		}
		return bodies, nil
	}
	return bustest.Bus{Driver: driver, Ordered: true, Receive: reader(read)}
}

// firehose is read from the bucket that the stream delivers to. It is named by its
// name after prefix.
func (s *server) firehose(t *testing.T, prefix string) bustest.Bus {
	name := s.name()
	client := firehoseapi.NewFromConfig(s.aws)
	if err := cloud.CreateBucket(t.Context(), s.aws, name); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateDeliveryStream(t.Context(), &firehoseapi.CreateDeliveryStreamInput{
		DeliveryStreamName: &name,
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + name), RoleARN: aws.String("arn:aws:iam::" + cloud.Account + ":role/firehose"),
		},
	}); err != nil {
		t.Fatal(err)
	}
	parsed, err := firehose.Parse(prefix + name)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := firehose.New(s.aws, parsed)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	read := func(ctx context.Context) ([][]byte, error) { return lines(ctx, cloud.S3(s.aws), name, seen) }
	return bustest.Bus{Driver: driver, Receive: reader(read)}
}

// lines returns the lines of the bucket's objects that were not seen before.
func lines(ctx context.Context, client *s3api.Client, bucket string, seen map[string]bool) ([][]byte, error) {
	objects, err := client.ListObjectsV2(ctx, &s3api.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for _, object := range objects.Contents {
		if seen[*object.Key] {
			continue
		}
		seen[*object.Key] = true
		out, err := client.GetObject(ctx, &s3api.GetObjectInput{Bucket: &bucket, Key: object.Key})
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(out.Body)
		_ = out.Body.Close()
		if err != nil {
			return nil, err
		}
		if !bytes.HasSuffix(text, []byte("\n")) {
			return nil, fmt.Errorf("%s does not end with its line", *object.Key)
		}
		all = append(all, bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))...)
	}
	return all, nil
}
