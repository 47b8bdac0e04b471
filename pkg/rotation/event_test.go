package rotation_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/rotation"
)

const (
	arn     = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rollcall/entra-AbCdEf"
	version = "0b7a4f4e-1111-4c59-8a52-7d1d9f1f0002"
)

// event is one of Secrets Manager's, with other or further members.
func event(changes map[string]any) string {
	all := map[string]any{"Step": "createSecret", "SecretId": arn, "ClientRequestToken": version, "RotationToken": "canary-0123456789"}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == "absent" })
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestAnEventOfSecretsManagerIsTaken(t *testing.T) {
	for text, want := range map[string][3]string{
		event(nil): {"createSecret", version, "canary-0123456789"},
		event(map[string]any{"RotationToken": "absent"}):              {"createSecret", version, ""},
		event(map[string]any{"RotationToken": nil}):                   {"createSecret", version, ""},
		event(map[string]any{"Step": "finishSecret", "New": []int{}}): {"finishSecret", version, "canary-0123456789"},
		event(map[string]any{"Step": "test_secret"}):                  {"testSecret", version, "canary-0123456789"},
		event(map[string]any{"ClientRequestToken": strings.Repeat("aB3/_+=.@-", 6)}): {
			"createSecret", strings.Repeat("aB3/_+=.@-", 6), "canary-0123456789",
		},
		" \n" + event(nil) + "\n": {"createSecret", version, "canary-0123456789"},
	} {
		e, err := rotation.Decode([]byte(text))
		if err != nil || e.Step != want[0] || e.Version != want[1] || e.Token.Reveal() != want[2] || e.Secret != arn {
			t.Errorf("%s: %+v, %v", text, e, err)
		}
	}
}

func TestAnARNOfEachPartitionIsTaken(t *testing.T) {
	for arn, want := range map[string]string{
		arn: "eu-west-1",
		"arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a":               "cn-north-1",
		"arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b-1":    "us-gov-west-1",
		"arn:aws-eusc:secretsmanager:eusc-de-east-1:123456789012:secret:_/+=.@-":   "eusc-de-east-1",
		"arn:aws:secretsmanager:eu-west-1:12345678901:secret:a":                    "",
		"arn:aws:secretsmanager:eu-west-1:1234567890123:secret:a":                  "",
		"arn:aws:secretsmanager:eu-west-1:12345678901a:secret:a":                   "",
		"arn:aws:secretsmanager:eu-west-1.attacker.example:123456789012:secret:a":  "",
		"arn:aws:secretsmanager:EU-WEST-1:123456789012:secret:a":                   "",
		"arn:aws:secretsmanager::123456789012:secret:a":                            "",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:":                    "",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a:b":                 "",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a?stage=AWSPREVIOUS": "",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a b":                 "",
		"arn:aws:ssm:eu-west-1:123456789012:secret:a":                              "",
		"arn:other:secretsmanager:eu-west-1:123456789012:secret:a":                 "",
		"rollcall/entra": "",
		"":               "",
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:" + strings.Repeat("a", 600): "",
	} {
		if got, err := rotation.Region(arn); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", arn, got, err)
		}
	}
}

func TestAnEventOfAnotherKindIsRefused(t *testing.T) {
	events := map[string]string{
		"":                                      "is empty",
		"null":                                  "not an object",
		"7":                                     "not an object",
		`"createSecret"`:                        "a JSON string",
		"[]":                                    "not an object",
		"{":                                     "is not JSON",
		"{}":                                    "has no Step, SecretId and ClientRequestToken",
		event(nil) + event(nil):                 "something after",
		event(map[string]any{"Step": "absent"}): "its Step",
		event(map[string]any{"Step": "canary"}): "its Step",
		event(map[string]any{"Step": 7}):        "has a Step that is not a text",
		event(map[string]any{"Step": []string{"createSecret"}}):                                   "has a Step that is not a text",
		event(map[string]any{"SecretId": "absent"}):                                               "its SecretId",
		event(map[string]any{"SecretId": nil}):                                                    "has a SecretId that is not a text",
		event(map[string]any{"SecretId": "canary"}):                                               "its SecretId",
		event(map[string]any{"SecretId": arn + "?version=canary"}):                                "its SecretId",
		event(map[string]any{"SecretId": map[string]string{"a": arn}}):                            "has a SecretId that is not a text",
		event(map[string]any{"ClientRequestToken": "absent"}):                                     "its ClientRequestToken",
		event(map[string]any{"ClientRequestToken": "canary"}):                                     "its ClientRequestToken",
		event(map[string]any{"ClientRequestToken": version + "\ncanary"}):                         "its ClientRequestToken",
		event(map[string]any{"ClientRequestToken": strings.Repeat("a", 65)}):                      "its ClientRequestToken",
		event(map[string]any{"RotationToken": 7}):                                                 "has a RotationToken that is not a text",
		event(map[string]any{"RotationToken": strings.Repeat("canary", 50)}):                      "its RotationToken",
		event(map[string]any{"RotationToken": "canary\r\nX-Evil: 1"}):                             "its RotationToken",
		`{"Step":"createSecret",` + event(nil)[1:]:                                                "has Step twice",
		`{"step":"createSecret","secretId":"` + arn + `","clientRequestToken":"` + version + `"}`: "has no Step",
		"{\"Step\":\"\xff\"}": "is not JSON",
	}
	// What starts the other functions.
	files, err := filepath.Glob("../trigger/lambda/testdata/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rotation.Decode(text); filepath.Base(file) == "rotation.json" {
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		events[string(text)] = "has no Step"
	}
	for text, says := range events {
		e, err := rotation.Decode([]byte(text))
		if err == nil || failure.Of(err).Name != "Request.Invalid" || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.200s: %+v, %v", text, e, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(event(nil)))
	f.Add([]byte(event(map[string]any{"Step": "set_secret", "RotationToken": nil, "x": map[string]any{"Step": 1}})))
	f.Add([]byte(`{"Step":"createSecret","Step":"createSecret"}`))
	f.Add([]byte(`{"httpMethod":"GET","path":"/users"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := rotation.Decode(text)
		if err != nil {
			var named *failure.Named
			if !errors.As(err, &named) || named.Name() != "Request.Invalid" {
				t.Fatal(err)
			}
			return
		}
		region, err := rotation.Region(e.Secret)
		if err != nil || strings.ContainsAny(region, "./@:?#% \n") || !strings.Contains(e.Secret, ":"+region+":") {
			t.Fatalf("%+v, %q, %v", e, region, err)
		}
		if len(e.Version) < 32 || len(e.Version) > 64 || strings.ContainsAny(e.Version+e.Secret+e.Token.Reveal(), "\"\\\r\n \x00") || !strings.HasSuffix(e.Step, "Secret") {
			t.Fatalf("%+v", e)
		}
		if !json.Valid(text) {
			t.Fatalf("%q is taken", text)
		}
	})
}
