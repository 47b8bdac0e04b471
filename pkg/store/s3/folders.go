package s3

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Folders returns the names directly below a key that have objects below them, in the order
// of their bytes: at most so many, the last ones. It takes the permission s3:ListBucket.
func (s *Store) Folders(ctx context.Context, key string, most int) ([]string, error) {
	if err := s.check("list", key); err != nil {
		return nil, err
	}
	folder := s.prefix + key + "/"
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		Bucket: &s.config.Bucket, Prefix: &folder, Delimiter: aws.String("/"),
	}, func(o *s3.ListObjectsV2PaginatorOptions) { o.StopOnDuplicateToken = true })
	names := store.NewLast(most)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.failed(ctx, "list", key, err)
		}
		for _, below := range page.CommonPrefixes {
			names.Add(strings.TrimSuffix(strings.TrimPrefix(aws.ToString(below.Prefix), folder), "/"))
		}
	}
	return names.All(), nil
}
