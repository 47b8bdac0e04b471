package awsbus_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
)

type (
	options struct{}
	client  struct{ cfg aws.Config }
)

func newClient(cfg aws.Config, _ ...func(*options)) *client { return &client{cfg} }

type send = func(context.Context, *client, []bus.Entry, *awsbus.Outcome) error

// driver is a driver of a queue whose requests are made by send.
func driver(t *testing.T, cfg aws.Config, send send) *awsbus.Driver {
	t.Helper()
	d, err := awsbus.New(cfg, awsbus.Spec[*client, options]{
		Service: "SQS", Action: "sqs:SendMessage", Resource: "queue people", Region: "us-east-2", Client: newClient, Send: send,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// refusal is what a driver makes of the SDK's error.
func refusal(t *testing.T, err error) *bus.Refusal {
	t.Helper()
	_, got := driver(t, aws.Config{}, func(context.Context, *client, []bus.Entry, *awsbus.Outcome) error { return err }).Send(t.Context(), nil)
	var r *bus.Refusal
	if !errors.As(got, &r) {
		t.Fatalf("%v became %v", err, got)
	}
	return r
}

// person is in AWS's messages and must be in none of ours.
const person = "person@example.com"

func answered(status int, code string) error {
	return &smithy.OperationError{ServiceID: "SQS", OperationName: "SendMessageBatch", Err: &awshttp.ResponseError{
		RequestID: "11710aed-b79e",
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "User " + person + " may not"},
		},
	}}
}

func TestAnAnswerSaysWhetherToRetryAndWhatToDo(t *testing.T) {
	for _, row := range []struct {
		status       int
		code, remedy string
		retry        bool
	}{
		{400, "ThrottlingException", "quota", true},
		{400, "ProvisionedThroughputExceededException", "quota", true},
		{400, "RequestThrottled", "quota", true},
		{400, "KmsThrottled", "kms:", true},
		{500, "InternalFailure", "", true},
		{503, "ServiceUnavailableException", "", true},
		{500, "", "", true},
		{429, "Odd", "", true},
		{400, "AccessDeniedException", "sqs:SendMessage", false},
		{403, "AuthorizationError", "sqs:SendMessage", false},
		{400, "NotAuthorizedForSourceException", "sqs:SendMessage", false},
		{400, "KMSAccessDeniedException", "kms:GenerateDataKey", false},
		{400, "KmsDisabled", "kms:", false},
		{400, "AWS.SimpleQueueService.NonExistentQueue", "region", false},
		{400, "QueueDoesNotExist", "region", false},
		{400, "ResourceNotFoundException", "region", false},
		{404, "NotFound", "region", false},
		{400, "AWS.SimpleQueueService.BatchRequestTooLong", "smaller", false},
		{400, "InvalidParameterValue", "smaller", false},
		{400, "UnrecognizedClientException", "credentials", false},
		{400, "InvalidSignatureException", "credentials", false},
		{400, "Odd", "", false},
		{400, "odd " + person, "", false},
	} {
		r := refusal(t, answered(row.status, row.code))
		if r.Retry != row.retry || !strings.Contains(r.Remedy, row.remedy) || r.RequestID != "11710aed-b79e" {
			t.Errorf("%d %s: %+v", row.status, row.code, r)
		}
		if text := r.Error() + r.Remedy; strings.Contains(text, person) {
			t.Errorf("%d %s shows %s", row.status, row.code, text)
		}
	}
}

func TestRequestsWithoutAnAnswerAreClassified(t *testing.T) {
	operation := func(err error) error {
		return &smithy.OperationError{ServiceID: "SQS", OperationName: "SendMessageBatch", Err: err}
	}
	for name, row := range map[string]struct {
		err   error
		retry bool
		want  string
	}{
		"time limit":     {operation(context.DeadlineExceeded), true, "in time"},
		"cancelled":      {operation(&aws.RequestCanceledError{Err: context.Canceled}), true, "in time"},
		"no such name":   {operation(&net.DNSError{IsNotFound: true, Name: person}), false, "resolve"},
		"name server":    {operation(&net.DNSError{IsTimeout: true}), true, "resolve"},
		"refused":        {operation(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true, "reached"},
		"no credentials": {operation(&smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: errors.New(person)}), false, "credentials"},
		"half an answer": {operation(&smithy.DeserializationError{Err: errors.New(person)}), true, "read"},
		"odd":            {operation(errors.New(person)), false, "made"},
	} {
		r := refusal(t, row.err)
		if r.Retry != row.retry || !strings.Contains(r.Problem, row.want) || r.Remedy == "" || strings.Contains(r.Error(), person) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestWhatAnAnswerDoesNotNameWasNotTaken(t *testing.T) {
	d := driver(t, aws.Config{}, func(_ context.Context, _ *client, _ []bus.Entry, outcome *awsbus.Outcome) error {
		taken := func(id *string) { outcome.At(awsbus.Index(id), id, nil, false) }
		failed := func(id, code string, sender bool) { outcome.At(awsbus.Index(&id), nil, &code, sender) }
		taken(awsbus.ID(0))
		taken(awsbus.ID(1))
		failed("1", "InvalidMessageContents", true)
		failed("2", "InternalError", false)
		failed("3", "AccessDenied", true)
		failed("9", "Odd", true)
		taken(aws.String("x"))
		taken(nil)
		taken(awsbus.ID(5))
		return nil
	})
	failures, err := d.Send(t.Context(), make([]bus.Entry, 6))
	if len(failures) != 4 || err != nil {
		t.Fatalf("%+v, %v", failures, err)
	}
	for i, want := range []struct {
		index int
		code  string
		retry bool
	}{{1, "InvalidMessageContents", false}, {2, "InternalError", true}, {3, "AccessDenied", false}, {4, "NoAnswer", true}} {
		if f := failures[i]; f.Index != want.index || f.Code != want.code || f.Retry != want.retry {
			t.Errorf("%+v, want %+v", f, want)
		}
	}
}

func TestTheSDKsRetriesAreOff(t *testing.T) {
	given := aws.Config{Region: "eu-west-1", RetryMaxAttempts: 7}
	d := driver(t, given, func(_ context.Context, c *client, _ []bus.Entry, _ *awsbus.Outcome) error {
		if c.cfg.Region != "us-east-2" || c.cfg.Retryer().MaxAttempts() != 1 {
			t.Errorf("%+v", c.cfg)
		}
		return nil
	})
	if _, err := d.Send(t.Context(), nil); err != nil || given.Region != "eu-west-1" || given.Retryer != nil {
		t.Errorf("%+v, %v", given, err)
	}
}

func TestARegionIsNeeded(t *testing.T) {
	spec := awsbus.Spec[*client, options]{Client: newClient}
	if _, err := awsbus.New(aws.Config{}, spec); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("error %v", err)
	}
	spec.Region = "us-east-2"
	if _, err := awsbus.New(aws.Config{}, spec); err != nil {
		t.Error(err)
	}
}
