package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/rotation"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// wantRefusal checks that a step fails under a name, with a text.
func (f *fixture) wantRefusal(over http.RoundTripper, step, token, name string, says ...string) {
	f.t.Helper()
	result, err := f.step(f.t.Context(), f.rotator(over), step, token)
	if err == nil {
		f.t.Errorf("%s: %+v", step, result)
		return
	}
	if got := failure.Of(err); got.Name != name {
		f.t.Errorf("%s is a %s: %v", step, got.Name, err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			f.t.Errorf("%s does not say %q: %v", step, text, err)
		}
	}
}

func TestASecretThatIsNotBeingRotatedIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		over := f.tenant.Transport()
		token := f.begin()
		for _, step := range steps() {
			f.wantRefusal(over, step, strings.Repeat("0", 32), "State.Invalid", "no version", "rotate-secret")
		}
		f.wantRefusal(over, rotation.Test, token, "State.Invalid", "has no value")
		f.wantRefusal(over, rotation.Finish, token, "State.Invalid", "has no value")
		if err := f.tenant.CancelRotation(f.name); err != nil {
			t.Fatal(err)
		}
		for _, step := range steps() {
			f.wantRefusal(over, step, token, "State.Invalid", "turned off")
		}
		f.tenant.LabelSecret(f.name, "AWSPENDING", "")
		token = f.rotate()
		f.tenant.SetSecret(f.name, f.tenant.SecretValue(f.name, "AWSCURRENT"))
		for _, step := range steps() {
			f.wantRefusal(over, step, token, "State.Invalid", "--version-stage AWSPENDING --remove-from-version-id "+token)
		}
		f.tenant.LabelSecret(f.name, "AWSPENDING", "")
		for _, step := range steps() {
			f.wantRefusal(over, step, token, "State.Invalid", "is not AWSPENDING")
		}
		if len(f.keys()) != 2 {
			t.Errorf("%q", f.keys())
		}
	})
}

func TestAnotherSecretThanTheConfiguredOneIsRefused(t *testing.T) {
	for configured, name := range map[string]string{
		"":                                    "",
		"ARN":                                 "",
		"ARN without its six characters":      "",
		"ARN of another secret":               "Request.Invalid",
		"ARN of a secret that begins alike":   "Request.Invalid",
		"ARN with six characters too many":    "Request.Invalid",
		"ARN of a secret of another account":  "Request.Invalid",
		"ARN of a secret of another region":   "Request.Invalid",
		"ARN of a secret with another ending": "Request.Invalid",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{}, "")
			value := map[string]string{
				"": "", "ARN": f.arn, "ARN without its six characters": strings.TrimSuffix(f.arn, "-S1mul8"),
				"ARN of another secret": f.tenant.SecretARN(rotatorName), "ARN of a secret that begins alike": strings.TrimSuffix(f.arn, "ntra-S1mul8"),
				"ARN with six characters too many": f.arn + "-S1mul8", "ARN of a secret of another account": strings.Replace(f.arn, "123456789012", "210987654321", 1),
				"ARN of a secret of another region": strings.Replace(f.arn, "eu-west-1", "eu-west-2", 1), "ARN of a secret with another ending": strings.Replace(f.arn, "S1mul8", "S1mul9", 1),
			}[configured]
			f.more = []string{"ROLLCALL_ROTATED_SECRET=" + value}
			token := f.begin()
			if name == "" {
				f.allSteps(token)
				return
			}
			for _, step := range steps() {
				f.wantRefusal(f.tenant.Transport(), step, token, name, "ROLLCALL_ROTATED_SECRET")
			}
			if n := len(f.tenant.Requests()); n > 0 {
				t.Errorf("%s: %d requests", configured, n)
			}
		})
	}
}

func TestAnEventOfAnotherKindMakesNoRequest(t *testing.T) {
	f := newFixture(t, simulator.Config{}, "")
	for _, event := range []string{"", "null", "{}", `{"Step":"createSecret"}`, `{"Records":[{"eventSource":"aws:sqs"}]}`, `{"Step":"createSecret","SecretId":"rollcall/entra","ClientRequestToken":"` + simulator.DefaultTenant + `"}`} {
		if result, err := f.rotator(f.tenant.Transport()).Rotate(t.Context(), json.RawMessage(event)); err == nil || failure.Of(err).Name != "Request.Invalid" || len(f.tenant.Requests()) > 0 {
			t.Errorf("%s: %+v, %v, %d requests", event, result, err, len(f.tenant.Requests()))
		}
	}
}

func TestWhatCannotBeRotatedIsLeftAlone(t *testing.T) {
	const ids = `"TenantID":"` + simulator.DefaultTenant + `","ClientID":"` + readerID + `"`
	for form, says := range map[string]string{
		`{` + ids + `,"ClientSecret":"","x":"%s"}`:                     "ClientSecret",
		`{"TenantID":"` + simulator.DefaultTenant + `","Secret":"%s"}`: "ClientID",
		`{` + ids + `,"ClientSecret":["%s"]}`:                          "not a text",
		`%s`:                                                           "is not JSON",
		`"%s"`:                                                         "JSON string",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{}, form)
			f.wantRefusal(f.tenant.Transport(), rotation.Create, f.begin(), "Credentials.Missing", says, "?version=")
			if len(f.keys()) != 1 {
				t.Errorf("%s: %q", form, f.keys())
			}
			f.expectSilence()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		token := f.begin()
		f.tenant.LabelSecret(f.name, "AWSCURRENT", "")
		f.wantRefusal(f.tenant.Transport(), rotation.Create, token, "State.Invalid", "no value that could be rotated")
	})
}

func TestARefusalOfEntraSaysWhatToDo(t *testing.T) {
	for says, row := range map[string]struct {
		cfg  simulator.Config
		name string
	}{
		"exempt":                   {simulator.Config{NoSecrets: true}, "Graph.BadRequest"},
		"ROLLCALL_SECRET_LIFETIME": {simulator.Config{MaxSecretLifetime: 30 * 24 * time.Hour}, "Graph.BadRequest"},
		"AzureADMyOrg":             {simulator.Config{MaxSecrets: 1}, "Graph.BadRequest"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, row.cfg, "")
			f.wantRefusal(f.tenant.Transport(), rotation.Create, f.begin(), row.name, says)
			f.expectSilence()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{MaxSecretLifetime: 30 * 24 * time.Hour}, "")
		f.more = []string{"ROLLCALL_SECRET_LIFETIME=720h"}
		token := f.begin()
		f.allSteps(token)
		f.expectRotated(token)
		if !strings.Contains(f.log.String(), "should live for two rotations") {
			t.Errorf("nobody is warned that it ends too early: %s", f.log)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		f.more = []string{"ROLLCALL_CREDENTIALS=secretsmanager:" + f.arn}
		f.wantRefusal(f.tenant.Transport(), rotation.Create, f.begin(), "Graph.AccessDenied", "Application.ReadWrite.OwnedBy")
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, `{"TenantID":"`+simulator.DefaultTenant+`","ClientID":"`+simulator.DefaultTenant+`","ClientSecret":"%s"}`)
		f.wantRefusal(f.tenant.Transport(), rotation.Create, f.begin(), "Graph.NotFound", "no registration")
	})
}

func TestARefusalOfSecretsManagerNamesThePermission(t *testing.T) {
	for target, step := range map[string]string{
		"DescribeSecret": rotation.Set, "GetSecretValue": rotation.Create, "PutSecretValue": rotation.Create, "UpdateSecretVersionStage": rotation.Finish,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{}, "")
			f.more = []string{"AZURE_TENANT_ID=" + simulator.DefaultTenant, "AZURE_CLIENT_ID=" + rotatorID, "AZURE_CLIENT_SECRET=" + rotatorSecret, "ROLLCALL_CREDENTIALS=env:"}
			token := f.begin()
			if step == rotation.Finish {
				if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), rotation.Create, token); err != nil {
					t.Fatal(err)
				}
			}
			denied := &denying{next: f.tenant.Transport(), target: target}
			f.wantRefusal(denied, step, token, "Credentials.Missing", "secretsmanager:"+target, "AccessDeniedException", f.arn)
			if err := f.said[len(f.said)-1]; strings.Contains(err, "canary") {
				t.Error(err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		token := f.begin()
		for code, name := range map[string]string{"InvalidRequestException": "Credentials.Missing", "DecryptionFailure": "Credentials.Missing", "InternalServiceError": "Graph.Unavailable", "ResourceNotFoundException": "Credentials.Missing"} {
			if err := f.tenant.RefuseSecret(f.name, code); err != nil {
				t.Fatal(err)
			}
			f.wantRefusal(f.tenant.Transport(), rotation.Create, token, name, code)
		}
	})
}

// denying refuses an operation of Secrets Manager.
type denying struct {
	next   http.RoundTripper
	target string
}

func (d *denying) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") != "secretsmanager."+d.target {
		return d.next.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: 400, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amzn-Errortype": {"AccessDeniedException"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"__type":"AccessDeniedException","Message":"User canary is not authorized"}`)),
	}, nil
}

func TestAClientSecretThatIsNotTakenEverywhereFailsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{SecretPropagation: time.Hour}, "")
		token := f.begin()
		if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), rotation.Create, token); err != nil {
			t.Fatal(err)
		}
		for _, limit := range []time.Duration{time.Minute, time.Hour} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			_, err := f.step(ctx, f.rotator(f.tenant.Transport()), rotation.Test, token)
			cancel()
			if took := time.Since(began); err == nil || failure.Of(err).Name == failure.Internal || !strings.Contains(err.Error(), "10 times in a row") || took > min(limit, 6*time.Minute) || took < min(limit, 5*time.Minute)-10*time.Second {
				t.Errorf("%v after %s", err, took)
			}
		}
		if !f.works("AWSCURRENT") || f.identity("AWSCURRENT").ClientSecret != simulator.DefaultClientSecret {
			t.Error("the secret in use has changed")
		}
		time.Sleep(time.Hour)
		f.allSteps(token)
		f.expectRotated(token)
		f.expectSilence()
	})
}

func TestAClientSecretThatDoesNotWorkIsNotPromoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		token := f.begin()
		if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), rotation.Create, token); err != nil {
			t.Fatal(err)
		}
		if err := f.tenant.RemoveSecret(f.identity("AWSPENDING").ClientSecret); err != nil {
			t.Fatal(err)
		}
		f.wantRefusal(f.tenant.Transport(), rotation.Test, token, "Credentials.Rejected", "7000215", "0 of ")
	})
	for faulty, name := range map[string]string{"token-expired-secret": "Credentials.Rejected", "403": "Graph.AccessDenied"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{}, "")
			token := f.begin()
			if _, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), rotation.Create, token); err != nil {
				t.Fatal(err)
			}
			f.tenant.AddFault(simulator.Fault{Name: faulty})
			began := time.Now()
			f.wantRefusal(f.tenant.Transport(), rotation.Test, token, name)
			if time.Since(began) > 2*time.Minute {
				t.Errorf("%s: it took %s", faulty, time.Since(began))
			}
		})
	}
}

// Entra ID is throttled or broken for a while; so is Graph.
func TestARotationGoesOnAfterFaultsThatPass(t *testing.T) {
	for _, name := range []string{"token-429", "token-500", "token-html", "503@application", "429-seconds@application", "504@application", "reset-before-headers@application", "html-200@application", "503", "429-date"} {
		synctest.Test(t, func(t *testing.T) {
			fault, err := simulator.ParseFault(name)
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, simulator.Config{Faults: []simulator.Fault{fault}}, "")
			token := f.begin()
			r := f.rotator(f.tenant.Transport())
			for _, step := range steps() {
				// Secrets Manager does the whole of it again.
				for range 3 {
					if _, err = f.step(t.Context(), r, step, token); err == nil {
						break
					}
				}
				if err != nil {
					t.Errorf("%s, %s: %v", name, step, err)
				}
			}
			f.expectRotated(token)
			f.expectSilence()
		})
	}
}

// When rotation is turned on without rotating at once, Secrets Manager does testSecret alone,
// with a version that has the value of the current one.
func TestTheTestThatSecretsManagerMakesAtFirstSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		token := f.begin()
		if err := f.tenant.FillSecret(f.name, token, f.tenant.SecretValue(f.name, "AWSCURRENT")); err != nil {
			t.Fatal(err)
		}
		if got, err := f.step(t.Context(), f.rotator(f.tenant.Transport()), rotation.Test, token); err != nil || !strings.Contains(got.Did, "10 in a row") {
			t.Errorf("%+v, %v", got, err)
		}
		f.tenant.LabelSecret(f.name, "AWSPENDING", "")
		f.expectRotated(f.rotate())
	})
}

func TestAContextThatEndsEndsAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{}, "")
		token := f.begin()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, step := range steps() {
			if _, err := f.step(ctx, f.rotator(f.tenant.Transport()), step, token); err == nil || errors.Is(err, errKilled) {
				t.Errorf("%s: %v", step, err)
			}
		}
	})
}
