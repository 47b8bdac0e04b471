package template_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/pkg/bus"
	busdriver "github.com/rollcall-dev/rollcall/pkg/bus/eventbridge"
)

// patterns are the template's event patterns by rule, as JSON: false is no text.
func patterns(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(harness.Path(t, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				EventPattern any `yaml:"EventPattern"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for name, resource := range document.Resources {
		if pattern := resource.Properties.EventPattern; pattern != nil {
			body, err := json.Marshal(pattern)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(body)
		}
	}
	return all
}

// makeRules makes the bus and its rules, and a queue behind each.
func makeRules(t *testing.T, at *moto.Server) map[string]*cloud.Queue {
	t.Helper()
	client := eventbridge.NewFromConfig(at.Config())
	if _, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String(busName)}); err != nil {
		t.Fatal(err)
	}
	inbox := map[string]*cloud.Queue{}
	for name, pattern := range patterns(t) {
		queue, err := cloud.CreateQueue(t.Context(), at.Config(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: &name, EventBusName: aws.String(busName), EventPattern: &pattern}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
			Rule: &name, EventBusName: aws.String(busName), Targets: []types.Target{{Id: aws.String("target"), Arn: &queue.ARN}},
		}); err != nil {
			t.Fatal(err)
		}
		inbox[name] = queue
	}
	return inbox
}

// received are the types and subjects of the events that each rule has sent on, sorted.
func received(t *testing.T, inbox map[string]*cloud.Queue) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, queue := range inbox {
		bodies, err := queue.Drain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all[name] = nil
		for _, body := range bodies {
			var event struct {
				Type   string `json:"detail-type"`
				Detail struct{ Subject string }
			}
			if err := json.Unmarshal(body, &event); err != nil {
				t.Fatal(err)
			}
			all[name] = append(all[name], event.Type+" "+event.Detail.Subject)
		}
		slices.Sort(all[name])
	}
	return all
}

func TestARuleMatchesWhatItIsFor(t *testing.T) {
	at := harness.Start(t, moto.Start)
	inbox := makeRules(t, at)
	to, err := busdriver.Parse(busName)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := busdriver.New(at.Config(), to)
	if err != nil {
		t.Fatal(err)
	}
	out := bus.New(driver, bus.Options{})
	defer out.Close()
	for i, e := range []struct{ subject, kind, data string }{
		{"new", "created", `{"user":{"accountEnabled":true,"department":"R&D"}}`},
		{"new and disabled", "created", `{"user":{"accountEnabled":false}}`},
		{"back", "restored", `{"user":{"accountEnabled":true}}`},
		{"gone", "deleted", `{"user":{"accountEnabled":true,"department":"R&D"}}`},
		{"gone for good", "purged", `{"user":{"accountEnabled":true}}`},
		{"disabled", "updated", `{"user":{"accountEnabled":false},"changed":["accountEnabled"],"before":{"accountEnabled":true}}`},
		{"enabled", "updated", `{"user":{"accountEnabled":true},"changed":["accountEnabled"],"before":{"accountEnabled":false}}`},
		{"renamed while disabled", "updated", `{"user":{"accountEnabled":false},"changed":["displayName"],"before":{"displayName":"x"}}`},
		{"another department", "updated", `{"user":{"department":"R&D","accountEnabled":true},"changed":["department"],"before":{"department":null}}`},
		{"no job title", "updated", `{"user":{"jobTitle":null},"changed":["displayName","jobTitle"],"before":{"displayName":"x","jobTitle":"y"}}`},
		{"another manager", "updated", `{"user":{"manager":{"id":"m"}},"changed":["manager"],"before":{"manager":null}}`},
		{"moved and disabled", "updated", `{"user":{"accountEnabled":false,"department":"R&D"},"changed":["accountEnabled","department"],"before":{"accountEnabled":true,"department":"x"}}`},
	} {
		event := bus.Event{ID: e.subject, Source: "urn:rollcall:tenant:7c0de5e1-1a57-4ace-8c0b-0123456789ab", Type: "rollcall.user." + e.kind, Subject: e.subject, Time: time.Unix(int64(i), 0), Data: []byte(e.data)}
		if err := out.Publish(t.Context(), event); err != nil {
			t.Fatal(err)
		}
		event.Source = "urn:else:tenant" // not of a tenant
		if err := out.Publish(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"JoinerRule":   {"created new", "created new and disabled", "restored back"},
		"MoverRule":    {"updated another department", "updated another manager", "updated moved and disabled", "updated no job title"},
		"LeaverRule":   {"deleted gone"},
		"DisabledRule": {"updated disabled", "updated moved and disabled"},
	}
	for _, all := range want {
		for i := range all {
			all[i] = "rollcall.user." + all[i]
		}
	}
	if diff := cmp.Diff(want, received(t, inbox)); diff != "" {
		t.Error(diff)
	}
}

func TestRulesAreOffUntilTheyHaveATarget(t *testing.T) {
	const target = "arn:aws:sqs:eu-west-1:123456789012:people"
	off, on := stack(t, publishing(nil)), stack(t, publishing(map[string]string{"RuleTargetArn": target}))
	names := off.Of("AWS::Events::Rule")
	if len(names) != 4 {
		t.Errorf("the rules are %q", names)
	}
	for _, name := range names {
		if p := off.Resources[name].Properties; p["State"] != "DISABLED" || p["Targets"] != nil || p["EventBusName"] != "<Events>" {
			t.Errorf("%s is %v", name, p)
		}
		want := []any{map[string]any{"Id": "target", "Arn": target, "DeadLetterConfig": map[string]any{"Arn": "<Undelivered.Arn>"}}}
		if diff := cmp.Diff(want, on.Resources[name].Properties["Targets"]); diff != "" || on.Resources[name].Properties["State"] != "ENABLED" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, one := range as[document](t, on.Resources["UndeliveredPolicy"].Properties["PolicyDocument"]).Statement {
		if one.Effect == "Allow" && (len(one.Condition["ArnLike"]["aws:SourceArn"]) != 1 || !strings.HasSuffix(one.Condition["ArnLike"]["aws:SourceArn"][0], ":rule/<Events>/*")) {
			t.Errorf("anybody's rules send to the queue: %+v", one)
		}
	}
}
