package stepfunctions

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
)

// Execution is one that has ended.
type Execution struct {
	// ARN names it.
	ARN string
	// Status is SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
	Status types.ExecutionStatus
	// Output is the result of one that succeeded.
	Output json.RawMessage
	// Error and Cause are those of one that failed.
	Error, Cause string
}

// Create makes a state machine and returns its ARN.
func (s *Server) Create(ctx context.Context, name, definition string) (string, error) {
	made, err := s.sfn().CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name:       aws.String(name),
		Definition: aws.String(definition),
		RoleArn:    aws.String("arn:aws:iam::" + cloud.Account + ":role/" + name),
	})
	if err != nil {
		return "", fmt.Errorf("create the state machine %s: %w", name, err)
	}
	return *made.StateMachineArn, nil
}

// Run starts an execution with an input, JSON, and waits for its end. A name is
// made up when it is "".
func (s *Server) Run(ctx context.Context, machine, name, input string) (*Execution, error) {
	start := &sfn.StartExecutionInput{StateMachineArn: aws.String(machine), Input: aws.String(input)}
	if name != "" {
		start.Name = aws.String(name)
	}
	started, err := s.sfn().StartExecution(ctx, start)
	if err != nil {
		return nil, fmt.Errorf("start the execution: %w", err)
	}
	return s.wait(ctx, *started.ExecutionArn)
}

func (s *Server) wait(ctx context.Context, execution string) (*Execution, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := s.sfn().DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)})
		if err != nil {
			return nil, fmt.Errorf("describe the execution: %w", err)
		}
		if got.Status != types.ExecutionStatusRunning {
			return &Execution{
				ARN: execution, Status: got.Status, Output: json.RawMessage(aws.ToString(got.Output)),
				Error: aws.ToString(got.Error), Cause: aws.ToString(got.Cause),
			}, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// History returns the events of an execution, in order.
func (s *Server) History(ctx context.Context, execution string) ([]types.HistoryEvent, error) {
	var all []types.HistoryEvent
	pages := sfn.NewGetExecutionHistoryPaginator(s.sfn(), &sfn.GetExecutionHistoryInput{ExecutionArn: aws.String(execution)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("the execution's history: %w", err)
		}
		all = append(all, page.Events...)
	}
	return all, nil
}

// sfn is a client of Step Functions. The SDK would send StartSyncExecution and
// TestState to another host, which nothing here uses.
func (s *Server) sfn() *sfn.Client { return sfn.NewFromConfig(s.Config()) }
