package vault_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const name = "rollcall/entra"

// rotation is a secret that is being rotated, seen through the SDK.
type rotation struct {
	t          *testing.T
	tenant     *simulator.Tenant
	sdk        *secretsmanager.Client
	arn, token string
}

func begin(t *testing.T) *rotation {
	t.Helper()
	tenant := simulator.New(simulator.Config{})
	tenant.SetSecret(name, "one")
	r := &rotation{t: t, tenant: tenant, sdk: secretsmanager.New(secretsmanager.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("https://secretsmanager.example"),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:  &http.Client{Transport: tenant.Transport()}, RetryMaxAttempts: 1,
	})}
	var err error
	if r.arn, r.token, err = tenant.BeginRotation(name, 30); err != nil {
		t.Fatal(err)
	}
	return r
}

// codeOf is the code of a refusal, "" for none.
func codeOf(t *testing.T, err error) string {
	t.Helper()
	var refusal smithy.APIError
	if err != nil && !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	if err == nil {
		return ""
	}
	return refusal.ErrorCode()
}

func (r *rotation) put(token, text string, stages ...string) string {
	r.t.Helper()
	_, err := r.sdk.PutSecretValue(r.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &r.arn, ClientRequestToken: &token, SecretString: &text, VersionStages: stages,
	})
	return codeOf(r.t, err)
}

func (r *rotation) move(stage, from, to string) string {
	r.t.Helper()
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &r.arn, VersionStage: &stage}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	if to != "" {
		in.MoveToVersionId = &to
	}
	_, err := r.sdk.UpdateSecretVersionStage(r.t.Context(), in)
	return codeOf(r.t, err)
}

// state are the labels by version, and the value of each.
func (r *rotation) state() string {
	r.t.Helper()
	out, err := r.sdk.DescribeSecret(r.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &r.arn})
	if err != nil {
		r.t.Fatal(err)
	}
	if !aws.ToBool(out.RotationEnabled) || aws.ToInt64(out.RotationRules.AutomaticallyAfterDays) != 30 {
		r.t.Errorf("%+v", out)
	}
	var all []string
	for id, stages := range out.VersionIdsToStages {
		value := "no value"
		if got, err := r.sdk.GetSecretValue(r.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &r.arn, VersionId: &id}); err == nil {
			value = aws.ToString(got.SecretString)
		} else if codeOf(r.t, err) != "ResourceNotFoundException" {
			r.t.Error(err)
		}
		slices.Sort(stages)
		all = append(all, fmt.Sprint(value, " ", stages))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (r *rotation) expect(want string) {
	r.t.Helper()
	if got := r.state(); got != want {
		r.t.Errorf("%s, want %s", got, want)
	}
}

func (r *rotation) current() string {
	for id, stages := range r.tenant.SecretStages(name) {
		if slices.Contains(stages, "AWSCURRENT") {
			return id
		}
	}
	return ""
}

func TestARotationPutsAValueAndMovesTheLabels(t *testing.T) {
	r := begin(t)
	r.expect("no value [AWSPENDING], one [AWSCURRENT]")
	if code := r.move("AWSCURRENT", r.current(), r.token); code != "InvalidRequestException" {
		t.Errorf("a version without a value becomes current: %q", code)
	}
	if code := r.put(r.token, "two", "AWSPENDING"); code != "" {
		t.Error(code)
	}
	if code := r.put(r.token, "two", "AWSPENDING"); code != "" {
		t.Errorf("the same once more: %s", code)
	}
	if code := r.put(r.token, "three", "AWSPENDING"); code != "ResourceExistsException" {
		t.Errorf("another value under the same token: %q", code)
	}
	r.expect("one [AWSCURRENT], two [AWSPENDING]")
	for _, from := range []string{"", r.token, "nobody"} {
		if code := r.move("AWSCURRENT", from, r.token); code != "InvalidParameterException" {
			t.Errorf("AWSCURRENT moves from %q: %q", from, code)
		}
	}
	if code := r.move("AWSCURRENT", r.current(), r.token); code != "" {
		t.Error(code)
	}
	r.expect("one [AWSPREVIOUS], two [AWSCURRENT AWSPENDING]")
	if r.tenant.SecretValue(name, "AWSPREVIOUS") != "one" || r.tenant.SecretValue(name, "AWSPENDING") != "two" {
		t.Error("the tenant says something else")
	}
}

func TestALabelOfOnesOwnKeepsAVersion(t *testing.T) {
	r := begin(t)
	one := r.current()
	if code := r.move("MINE", "", one); code != "" {
		t.Error(code)
	}
	r.put(r.token, "two", "AWSPENDING")
	r.move("AWSCURRENT", one, r.token)
	_, next, err := r.tenant.BeginRotation(name, 30)
	if err != nil {
		t.Fatal(err)
	}
	r.put(next, "three", "AWSPENDING")
	r.move("AWSCURRENT", r.token, next)
	r.expect("one [MINE], three [AWSCURRENT AWSPENDING], two [AWSPREVIOUS]")
	if code := r.move("MINE", "", r.token); code != "InvalidParameterException" {
		t.Errorf("it moves without saying from where: %q", code)
	}
	if code := r.move("MINE", one, r.token); code != "" {
		t.Error(code)
	}
	r.expect("three [AWSCURRENT AWSPENDING], two [AWSPREVIOUS MINE]")
}

func TestOneRotationIsInProgressAtATime(t *testing.T) {
	r := begin(t)
	if _, _, err := r.tenant.BeginRotation(name, 30); err == nil {
		t.Error("a second one has begun")
	}
	if _, _, err := r.tenant.BeginRotation("another", 30); err == nil {
		t.Error("there is no such secret")
	}
	if err := r.tenant.CancelRotation(name); err != nil {
		t.Fatal(err)
	}
	out, err := r.sdk.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &r.arn})
	if err != nil || aws.ToBool(out.RotationEnabled) || !maps.EqualFunc(out.VersionIdsToStages, r.tenant.SecretStages(name), slices.Equal) {
		t.Errorf("%+v, %v", out, err)
	}
}
