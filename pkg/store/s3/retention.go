package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// The tag by which the bucket's lifecycle rules find what may be deleted.
const (
	retentionTag = "rollcall"
	expendable   = "expendable"
	kept         = "kept"
)

// Retain tags the object, where Config.Tags is set: rollcall=expendable, which a
// lifecycle rule of the bucket may delete once it is old enough, or rollcall=kept.
func (s *Store) Retain(ctx context.Context, key string, keep bool) error {
	if !s.config.Tags {
		return nil
	}
	if err := s.check("tag", key); err != nil {
		return err
	}
	value := expendable
	if keep {
		value = kept
	}
	_, err := s.client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: &s.config.Bucket, Key: s.name(key),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String(retentionTag), Value: &value}}},
	})
	if err != nil {
		return s.failed(ctx, "tag", key, err)
	}
	return nil
}

// SwapExpendable is a Swap that tags the object rollcall=expendable, where Config.Tags is
// set. Swapping it by Swap takes the tag away.
func (s *Store) SwapExpendable(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	return s.swap(ctx, key, body, old, s.config.Tags)
}
