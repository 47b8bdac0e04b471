// Package aws is where a webhook on AWS sends to: the queue of the change feed and the
// state machine of snapshots.
package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/rollcall-dev/rollcall/pkg/bus/sqs"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/webhook"
)

// Settings are the variables that the function reads besides those of [config.Config].
type Settings struct {
	// Queue is the URL of the queue of the change feed, which is a FIFO queue.
	Queue Queue `env:"ROLLCALL_QUEUE"`
	// Secret is what webhooks are trusted by.
	Secret secret.WebhookSource `env:"ROLLCALL_WEBHOOK_SECRET"`
	// StateMachine is the ARN of the state machine of snapshots; without it hooks cannot
	// start one.
	StateMachine StateMachine `env:"ROLLCALL_STATE_MACHINE"`
}

// Queue is a FIFO queue.
type Queue struct{ sqs.Config }

// UnmarshalText reads the queue's URL.
func (q *Queue) UnmarshalText(text []byte) (err error) {
	if q.Config, err = sqs.Parse(string(text)); err != nil {
		return err
	}
	if !q.FIFO {
		return errors.New("is not a FIFO queue, whose name ends in .fifo; only such a queue drops what comes twice")
	}
	return nil
}

// New returns the webhook of the settings. It makes no request but for AWS's
// configuration, and reads no secret.
func New(ctx context.Context, s Settings, log *slog.Logger) (http.Handler, error) {
	var problems []config.Problem
	if s.Queue.URL == "" {
		problems = append(problems, config.Problem{Variable: "ROLLCALL_QUEUE", Text: "is needed: the URL of the queue that starts functions/changes"})
	}
	if s.Secret.IsZero() {
		problems = append(problems, config.Problem{Variable: "ROLLCALL_WEBHOOK_SECRET", Text: `is needed; write secretsmanager:<ARN or name>, file:<path> or {"ClientState":"...","HookKey":"whsec_..."}`})
	}
	if err := s.Secret.Check(); err != nil {
		problems = append(problems, config.Problem{Variable: "ROLLCALL_WEBHOOK_SECRET", Text: err.Error()})
	}
	if len(problems) > 0 {
		return nil, &config.Error{Problems: problems}
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		// Its text is dropped: it may quote a profile's lines.
		return nil, errors.New("the AWS configuration could not be loaded; check the function's environment")
	}
	to := webhook.Config{Secret: s.Secret.Cache(log), Log: log}
	if to.Changes, err = sqs.New(cfg, s.Queue.Config); err != nil {
		return nil, fmt.Errorf("ROLLCALL_QUEUE: %w", err)
	}
	if s.StateMachine.ARN != "" {
		if to.Snapshots, err = newStateMachine(cfg, s.StateMachine); err != nil {
			return nil, fmt.Errorf("ROLLCALL_STATE_MACHINE: %w", err)
		}
	}
	return webhook.New(to), nil
}
