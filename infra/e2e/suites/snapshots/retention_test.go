package snapshots_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// tags returns the tag of every object below a folder of a bucket.
func tags(t *testing.T, bucket, folder string) map[string]string {
	t.Helper()
	client := cloud.S3(shared.s3.Config())
	listed, err := client.ListObjectsV2(context.Background(), &awss3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String(prefix + folder)})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range listed.Contents {
		tagged, err := client.GetObjectTagging(context.Background(), &awss3.GetObjectTaggingInput{Bucket: &bucket, Key: o.Key})
		value := ""
		if err == nil && len(tagged.TagSet) == 1 { // without tags some servers answer with an error
			value = *tagged.TagSet[0].Key + "=" + *tagged.TagSet[0].Value
		}
		all[*o.Key] = value
	}
	return all
}

// wantTag checks the tags of the parts of one run.
func wantTag(t *testing.T, bucket, run, want string) {
	t.Helper()
	found := 0
	for key, tag := range tags(t, bucket, "/runs/") {
		if !strings.Contains(key, "/run="+run+"/part-") {
			continue
		}
		if found++; tag != want {
			t.Errorf("%s has the tag %q, want %q", key, tag, want)
		}
	}
	if found == 0 {
		t.Errorf("run %s has no parts", run)
	}
}

// wantState checks the tags of what is kept of one run between invocations.
func wantState(t *testing.T, bucket, run, checkpoint, ids string) {
	t.Helper()
	found := 0
	for key, tag := range tags(t, bucket, "/state/") {
		want := ids
		switch {
		case strings.Contains(key, "/known/"):
			want = ""
		case !strings.Contains(key, "/run="+run+"/"):
			continue
		case strings.HasSuffix(key, "/checkpoint.json"):
			want = checkpoint
		}
		if found++; tag != want {
			t.Errorf("%s has the tag %q, want %q", key, tag, want)
		}
	}
	if found < 2 {
		t.Errorf("run %s has no state", run)
	}
}

func TestOnlyPartsOfRunsThatNothingNamesMayExpire(t *testing.T) {
	const (
		bucket     = "retention"
		expendable = "rollcall=expendable"
		kept       = "rollcall=kept"
	)
	d := deploy(t, bucket, simulator.Config{Users: 1000}, "ROLLCALL_SINKS=s3://"+bucket+"/"+prefix+"?retention=tags")
	d.start()
	d.complete(snapshot.Input{Run: "monday"})
	wantTag(t, bucket, "monday", kept)
	wantState(t, bucket, "monday", "", kept)
	d.complete(snapshot.Input{Run: "tuesday"})
	wantTag(t, bucket, "monday", expendable)
	wantTag(t, bucket, "tuesday", kept)
	for i := range 500 {
		if err := d.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	if _, answer, _ := d.invoke(snapshot.Input{Run: "wednesday"}); answer.ErrorType != "Snapshot.Suspect" {
		t.Fatalf("it answers %+v", answer)
	}
	wantTag(t, bucket, "wednesday", expendable)
	wantTag(t, bucket, "tuesday", kept)
	wantState(t, bucket, "wednesday", expendable, expendable)
	wantState(t, bucket, "tuesday", "", kept)
	d.complete(snapshot.Input{Accept: "wednesday"})
	wantTag(t, bucket, "wednesday", kept)
	wantState(t, bucket, "wednesday", "", kept)
	wantTag(t, bucket, "tuesday", expendable)
}
