package aws

import (
	"context"
	"errors"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
)

// StateMachine is a state machine of Step Functions.
type StateMachine struct {
	// ARN is its whole name, Name the last part of it, Region where it is.
	ARN, Name, Region string
}

var errARN = errors.New("is not the ARN of a state machine, arn:aws:states:<region>:<account>:stateMachine:<name>")

// UnmarshalText reads the ARN.
func (m *StateMachine) UnmarshalText(text []byte) error {
	parts := regexp.MustCompile(`^arn:aws[a-z-]{0,20}:states:([a-z0-9-]{1,40}):[0-9]{12}:stateMachine:([A-Za-z0-9_-]{1,80}(?::[A-Za-z0-9_-]{1,80})?)$`).FindSubmatch(text)
	if parts == nil || !awsbus.IsRegion(string(parts[1])) {
		return errARN
	}
	*m = StateMachine{ARN: string(text), Name: string(parts[2]), Region: string(parts[1])}
	return nil
}

// newStateMachine returns what starts executions: an entry's id is the execution's name,
// its body the input.
func newStateMachine(cfg aws.Config, m StateMachine) (*awsbus.Driver, error) {
	return awsbus.New(cfg, awsbus.Spec[*sfn.Client, sfn.Options]{
		Service: sfn.ServiceID, Action: "states:StartExecution", Resource: "state machine " + m.Name, Region: m.Region,
		Limits:   bus.Limits{Entries: 1},
		Client:   sfn.NewFromConfig,
		Endpoint: func(o *sfn.Options) *string { return o.BaseEndpoint },
		Send:     m.send,
	})
}

// send starts an execution. One of that name is the same hook, which came again.
func (m StateMachine) send(ctx context.Context, client *sfn.Client, batch []bus.Entry, outcome *awsbus.Outcome) error {
	for i, e := range batch {
		_, err := client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &m.ARN, Name: &e.ID, Input: aws.String(string(e.Body))})
		if err != nil && !errors.As(err, new(*types.ExecutionAlreadyExists)) {
			return err
		}
		outcome.At(i, aws.String(e.ID), nil, false)
	}
	return nil
}
