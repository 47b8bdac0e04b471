package changes_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestAFunctionWhoseTimeIsTooShortGoesOn from process to process, through a real S3.
func TestAFunctionWhoseTimeIsTooShortGoesOn(t *testing.T) {
	t.Parallel()
	const users, bucket = 3000, "parked"
	if err := cloud.CreateBucket(t.Context(), shared.s3.Config(), bucket); err != nil {
		t.Fatal(err)
	}
	directory := harness.Start(t, tenant.New(simulator.Config{Users: users, Latency: 200 * time.Millisecond}).Start)
	timeout := 5 * time.Second
	for parked := 0; ; {
		host := harness.Start(t, lambdahost.Config{
			Bootstrap: shared.changes, Timeout: timeout,
			Env: slices.Concat(directory.Environ(), versity.Environ(shared.s3.URL), []string{
				"ROLLCALL_SINKS=eventbridge://" + bucket, "ROLLCALL_STATE=s3://" + bucket + "/rollcall", "ROLLCALL_SELECT=" + columns,
				"ROLLCALL_PAGE_SIZE=20", "ROLLCALL_PARALLEL=1",
			}),
		}.Start)
		answer, err := host.Invoke(t.Context(), []byte(`{}`))
		host.Close()
		if err != nil {
			t.Fatal(err)
		}
		if answer.ErrorType != "" { // on a busy machine nothing may fit into so little time
			if timeout *= 2; timeout > time.Minute {
				t.Fatalf("%s: %s", answer.ErrorType, answer.ErrorMessage)
			}
			continue
		}
		var r changes.Result
		if err := json.Unmarshal(answer.Payload, &r); err != nil {
			t.Fatal(err)
		}
		if r.Status == changes.Complete {
			if parked == 0 || r.Users != users || r.Kind != changes.Baseline {
				t.Errorf("parked %d times: %+v", parked, r)
			}
			break
		}
		parked++
	}
	objects, err := cloud.S3(shared.s3.Config()).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects.Contents {
		if strings.Contains(*o.Key, "/spill-") {
			t.Errorf("%s is left", *o.Key)
		}
	}
	if n := len(objects.Contents); n < 250 || n > 257 {
		t.Errorf("there are %d objects, want a pointer and 256 shards", n)
	}
}
