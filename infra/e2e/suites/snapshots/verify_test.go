package snapshots_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// TestTheCommandVerifiesAndComparesWhatTheFunctionHasPublished has it published to a bucket, by
// the function in several objects of each format, and read by the URLs that manifests have.
func TestTheCommandVerifiesAndComparesWhatTheFunctionHasPublished(t *testing.T) {
	const bucket = "verify"
	sinks := []string{"s3://" + bucket + "/" + prefix, "s3://" + bucket + "/sheet", "s3://" + bucket + "/table"}
	d := deploy(t, bucket, simulator.Config{Users: 20_000, Hostile: true},
		"ROLLCALL_SINKS="+sinks[0]+"?part-size=1MiB "+sinks[1]+"?format=csv&compression=zstd&part-size=1MiB "+sinks[2]+"?format=parquet&part-size=1MiB")
	d.start()
	d.complete(snapshot.Input{Run: "monday"})
	for i := range 20 {
		if err := d.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	d.complete(snapshot.Input{Run: "tuesday"})

	program := harness.Plain(t, "functions/rollcall")
	rollcall := func(args ...string) (text string, failed bool) {
		t.Helper()
		command := process.NewCommand(t.Context(), program, args...)
		command.Env = slices.Concat(process.CleanEnviron(), d.env, []string{"AWS_REGION=eu-west-1"}) // which Lambda sets by itself
		out, err := command.CombinedOutput()
		return string(out), err != nil
	}
	runs := "/runs/tenant=" + d.tenant.TenantID + "/run="
	for i, sink := range sinks {
		for _, args := range [][]string{{sink, "--tenant", d.tenant.TenantID}, {sink + runs + "tuesday/manifest.json"}} {
			if text, failed := rollcall(append([]string{"verify"}, args...)...); failed || !strings.Contains(text, "ok      ids            19980, all different\n") {
				t.Errorf("%v: %s", args, text)
			}
		}
		other := sinks[(i+1)%len(sinks)] // of another format
		text, failed := rollcall("diff", sink+runs+"monday/manifest.json", other+runs+"tuesday/manifest.json", "--format", "csv")
		if failed || !strings.Contains(text, "\n0 joined, 20 left, 0 changed, 19980 unchanged\n") {
			t.Errorf("%s and %s: %.1000s", sink, other, text)
		}
	}

	key := d.partOf("monday")
	if err := d.bucket.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if text, failed := rollcall("verify", sinks[0]+runs+"monday/manifest.json"); !failed || !strings.Contains(text, "FAIL    objects        "+path.Base(key)+" does not exist\n") {
		t.Error(text)
	}
}

// partOf is the key of an object of a run.
func (d *deployment) partOf(run string) string {
	d.Helper()
	manifest, _, err := d.bucket.Read(d.Context(), "runs/tenant="+d.tenant.TenantID+"/run="+run+"/manifest.json")
	if err != nil {
		d.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(manifest), `"url": "s3://verify/`+prefix+"/")
	key, _, _ := strings.Cut(rest, `"`)
	return key
}
