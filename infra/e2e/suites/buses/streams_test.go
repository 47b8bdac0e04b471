package buses

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
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/firehose"
	"github.com/rollcall-dev/rollcall/pkg/bus/kinesis"
)

func (w *world) kinesis(t *testing.T) bustest.Bus {
	name := w.name()
	return w.stream(t, name, name)
}

func (w *world) kinesisByARN(t *testing.T) bustest.Bus {
	name := w.name()
	return w.stream(t, name, "arn:aws:kinesis:"+region+":"+account+":stream/"+name)
}

// stream has two shards, so that the order is that of partition keys.
func (w *world) stream(t *testing.T, name, address string) bustest.Bus {
	client := kinesisapi.NewFromConfig(w.aws)
	if _, err := client.CreateStream(t.Context(), &kinesisapi.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(2)}); err != nil {
		t.Fatal(err)
	}
	parsed, err := kinesis.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := kinesis.New(w.aws, parsed)
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
	var all [][]byte
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
	return bustest.Bus{Driver: driver, Ordered: true, Receive: func(ctx context.Context, want int) ([][]byte, error) {
		return drain(ctx, want, &all, read)
	}}
}

func (w *world) firehose(t *testing.T) bustest.Bus {
	name := w.name()
	return w.delivery(t, name, name)
}

func (w *world) firehoseByARN(t *testing.T) bustest.Bus {
	name := w.name()
	return w.delivery(t, name, "arn:aws:firehose:"+region+":"+account+":deliverystream/"+name)
}

// delivery is read from the bucket that the stream delivers to.
func (w *world) delivery(t *testing.T, name, address string) bustest.Bus {
	client := firehoseapi.NewFromConfig(w.aws)
	bucket := s3api.NewFromConfig(w.aws, func(o *s3api.Options) { o.UsePathStyle = true })
	if _, err := bucket.CreateBucket(t.Context(), &s3api.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateDeliveryStream(t.Context(), &firehoseapi.CreateDeliveryStreamInput{
		DeliveryStreamName: &name,
		ExtendedS3DestinationConfiguration: &firehosetypes.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + name), RoleARN: aws.String("arn:aws:iam::" + account + ":role/firehose"),
		},
	}); err != nil {
		t.Fatal(err)
	}
	parsed, err := firehose.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := firehose.New(w.aws, parsed)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	seen := map[string]bool{}
	read := func(ctx context.Context) ([][]byte, error) { return lines(ctx, bucket, name, seen) }
	return bustest.Bus{Driver: driver, Receive: func(ctx context.Context, want int) ([][]byte, error) {
		return drain(ctx, want, &all, read)
	}}
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
