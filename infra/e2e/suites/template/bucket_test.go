package template_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
)

func TestTheBucketIsPrivateEncryptedVersionedAndKept(t *testing.T) {
	bucket := stack(t, nil).Resources["Bucket"]
	want := map[string]any{
		"PublicAccessBlockConfiguration": map[string]any{
			"BlockPublicAcls": "true", "BlockPublicPolicy": "true", "IgnorePublicAcls": "true", "RestrictPublicBuckets": "true",
		},
		"VersioningConfiguration": map[string]any{"Status": "Enabled"},
		"OwnershipControls":       map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
		"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{map[string]any{
			"BucketKeyEnabled":              "true",
			"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "<Key.Arn>"},
		}}},
	}
	for name, setting := range want {
		if diff := cmp.Diff(setting, bucket.Properties[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, name := range []string{"Bucket", "BucketPolicy", "Key", "AccessLogs", "AccessLogsPolicy"} {
		all := stack(t, map[string]string{"BucketAccessLogs": "yes"}).Resources[name].Attributes
		if all["DeletionPolicy"] != "Retain" || all["UpdateReplacePolicy"] != "Retain" {
			t.Errorf("%s goes with the stack", name)
		}
	}
}

// lifecycleRule is one of the bucket.
type lifecycleRule struct {
	ID                string `json:"Id"`
	Status            string
	Prefix            string
	TagFilters        []struct{ Key, Value string }
	ExpirationInDays  string
	ExpiredObjects    string                          `json:"ExpiredObjectDeleteMarker"`
	NoncurrentVersion struct{ NoncurrentDays string } `json:"NoncurrentVersionExpiration"`
}

func lifecycle(t *testing.T, s *cloudformation.Stack) []lifecycleRule {
	t.Helper()
	return as[struct{ Rules []lifecycleRule }](t, s.Resources["Bucket"].Properties["LifecycleConfiguration"]).Rules
}

// expires reports whether the rule deletes the current version of an object some day.
func (r lifecycleRule) expires(key string, tags map[string]string) bool {
	for _, tag := range r.TagFilters {
		if value, has := tags[tag.Key]; !has || value != tag.Value {
			return false
		}
	}
	return r.ExpirationInDays != "" && strings.HasPrefix(key, r.Prefix)
}

func TestNoAgeAloneExpiresWhatAReaderNeeds(t *testing.T) {
	harmless := map[string]bool{"directory/history/": true, "map/": true, "athena/": true}
	noncurrent := ""
	for _, r := range lifecycle(t, stack(t, nil)) {
		if r.ExpirationInDays != "" && len(r.TagFilters) == 0 && !harmless[r.Prefix] {
			t.Errorf("the rule %s deletes whatever is old below %q: also the run that latest names, or the state", r.ID, r.Prefix)
		}
		if r.ExpirationInDays != "" && r.ExpirationInDays != "30" {
			t.Errorf("the rule %s keeps for %s days", r.ID, r.ExpirationInDays)
		}
		noncurrent += r.NoncurrentVersion.NoncurrentDays
	}
	if noncurrent != "30" {
		t.Errorf("overwritten objects are kept for %q days", noncurrent)
	}
}

func TestOnlyRollcallWritesAndOnlyOverTLS(t *testing.T) {
	policy := as[document](t, stack(t, everything()).Resources["BucketPolicy"].Properties["PolicyDocument"])
	all := texts{"<Bucket.Arn>", "<Bucket.Arn>/*"}
	writes := texts{
		"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:PutObjectTagging", "s3:PutObjectVersionTagging",
		"s3:DeleteObject", "s3:DeleteObjectTagging", "s3:DeleteObjectVersion", "s3:DeleteObjectVersionTagging",
		"s3:AbortMultipartUpload", "s3:RestoreObject",
	}
	by := func(operator, key, value string) map[string]map[string]texts {
		return map[string]map[string]texts{operator: {key: {value}}}
	}
	want := []statement{
		{Sid: "TlsOnly", Effect: "Deny", Action: texts{"s3:*"}, Resource: all, Condition: by("Bool", "aws:SecureTransport", "false")},
		{Sid: "Tls12", Effect: "Deny", Action: texts{"s3:*"}, Resource: all, Condition: by("NumericLessThan", "s3:TlsVersion", "1.2")},
		{
			Sid: "NoReplicas", Effect: "Deny", Resource: texts{"<Bucket.Arn>/*"},
			Action: texts{"s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"},
		},
		{
			Sid: "WrittenByRollcallOnly", Effect: "Deny", Action: writes, Resource: texts{"<Bucket.Arn>/directory/*"},
			Condition: map[string]map[string]texts{"ArnNotEquals": {"aws:PrincipalArn": {"<SnapshotRole.Arn>", "<ChangesRole.Arn>"}}},
		},
		{
			Sid: "TenantsFileWrittenByOneOnly", Effect: "Deny", Action: writes, Resource: texts{"<Bucket.Arn>/tenants.json"},
			Condition: by("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/admin"),
		},
		{
			Sid: "MapWrittenByItsMachineOnly", Effect: "Deny", Action: writes, Resource: texts{"<Bucket.Arn>/map/*"},
			Condition: by("ArnNotEquals", "aws:PrincipalArn", "<TenantsMachineRole.Arn>"),
		},
	}
	if diff := cmp.Diff(want, policy.Statement); diff != "" {
		t.Error(diff)
	}
	least := as[document](t, stack(t, nil).Resources["BucketPolicy"].Properties["PolicyDocument"]).Statement
	if len(least) != 4 || !slices.Equal(least[3].Condition["ArnNotEquals"]["aws:PrincipalArn"], texts{"<SnapshotRole.Arn>"}) {
		t.Errorf("with the defaults the statements are %+v", least)
	}
}

func TestWhatTheLifecycleRuleDeletesIsWhatTheFunctionTags(t *testing.T) {
	s := stack(t, nil)
	variables := s.Resources["SnapshotFunction"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	for _, name := range []string{"ROLLCALL_SINKS", "ROLLCALL_STATE"} {
		if !strings.HasSuffix(variables[name].(string), "retention=tags") {
			t.Errorf("%s is %s, where nothing is tagged", name, variables[name])
		}
	}
	for _, r := range lifecycle(t, s) {
		if len(r.TagFilters) == 1 && r.Status == "Enabled" && r.TagFilters[0].Key == "rollcall" && r.TagFilters[0].Value == "expendable" {
			return
		}
	}
	t.Error("no rule deletes what is tagged rollcall=expendable")
}

func TestAlarmsAndQueuesAreEncrypted(t *testing.T) {
	s := stack(t, everything())
	if s.Resources["Alarms"].Properties["KmsMasterKeyId"] != "<Key.Arn>" {
		t.Error("the topic is not encrypted")
	}
	for _, name := range s.Of("AWS::SQS::Queue") {
		if s.Resources[name].Properties["SqsManagedSseEnabled"] != "true" {
			t.Errorf("%s is not encrypted", name)
		}
	}
}

func TestOneOwnKeyServesBoth(t *testing.T) {
	const own = "arn:aws:kms:eu-west-1:123456789012:key/own"
	s := stack(t, map[string]string{"KmsKeyArn": own})
	if len(s.Of("AWS::KMS::Key")) != 0 || s.Resources["Alarms"].Properties["KmsMasterKeyId"] != own {
		t.Error("the given key is not the topic's")
	}
	for role, all := range statements(t, s) {
		for _, one := range all {
			if strings.HasPrefix(one.Action[0], "kms:") && one.Resource[0] != own {
				t.Errorf("%s uses %q", role, one.Resource)
			}
		}
	}
}
