package awscall_test

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

	"github.com/rollcall-dev/rollcall/pkg/bus/awscall"
)

func call() awscall.Call {
	return awscall.Call{Service: "SQS", Action: "sqs:SendMessage", On: "queue people"}
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

func TestAnAnswerSaysWhetherToTryAgainAndWhatToDo(t *testing.T) {
	for _, row := range []struct {
		status       int
		code, remedy string
		again        bool
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
		r := call().Refusal(answered(row.status, row.code))
		if r.Retry != row.again || !strings.Contains(r.Remedy, row.remedy) || r.RequestID != "11710aed-b79e" {
			t.Errorf("%d %s: %+v", row.status, row.code, r)
		}
		if text := r.Error() + r.Remedy; strings.Contains(text, person) {
			t.Errorf("%d %s tells %s", row.status, row.code, text)
		}
	}
}

func TestNoAnswerIsToldApart(t *testing.T) {
	operation := func(err error) error {
		return &smithy.OperationError{ServiceID: "SQS", OperationName: "SendMessageBatch", Err: err}
	}
	for name, row := range map[string]struct {
		err   error
		again bool
		told  string
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
		r := call().Refusal(row.err)
		if r.Retry != row.again || !strings.Contains(r.Problem, row.told) || r.Remedy == "" || strings.Contains(r.Error(), person) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestWhatAnAnswerDoesNotNameWasNotTaken(t *testing.T) {
	results := call().Results(6)
	results.Taken(aws.String("0"))
	results.Taken(aws.String("1"))
	results.Failed(aws.String("1"), aws.String("InvalidMessageContents"), true)
	results.Failed(aws.String("2"), aws.String("InternalError"), false)
	results.Failed(aws.String("3"), aws.String("AccessDenied"), true)
	results.Failed(aws.String("9"), aws.String("Odd"), true)
	results.Taken(aws.String("x"))
	results.Taken(nil)
	results.Taken(aws.String("5"))
	failures := results.Failures()
	if len(failures) != 4 {
		t.Fatalf("%+v", failures)
	}
	for i, want := range []struct {
		index int
		code  string
		again bool
	}{{1, "InvalidMessageContents", false}, {2, "InternalError", true}, {3, "AccessDenied", false}, {4, awscall.Unanswered, true}} {
		if f := failures[i]; f.Index != want.index || f.Code != want.code || f.Retry != want.again {
			t.Errorf("%+v, want %+v", f, want)
		}
	}
}

func TestConfigTurnsTheSDKsRetriesOff(t *testing.T) {
	given := aws.Config{Region: "eu-west-1", RetryMaxAttempts: 7}
	cfg, err := awscall.Config(given, "us-east-2")
	if err != nil || cfg.Region != "us-east-2" || cfg.Retryer().MaxAttempts() != 1 || given.Region != "eu-west-1" {
		t.Errorf("%+v, %v", cfg, err)
	}
	if _, err := awscall.Config(aws.Config{}, ""); err == nil {
		t.Error("no region is no error")
	}
}
