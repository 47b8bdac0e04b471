package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/eventbridge"
	"github.com/rollcall-dev/rollcall/pkg/bus/firehose"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/bus/kinesis"
	"github.com/rollcall-dev/rollcall/pkg/bus/sns"
	"github.com/rollcall-dev/rollcall/pkg/bus/sqs"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// announcement makes a bus of a sink. What is too large for the bus is kept in
// claims.
func (w *world) announcement(ctx context.Context, s *sink, claims snapshot.Store) (snapshot.Announcement, error) {
	driver, err := w.driver(ctx, s)
	if err != nil {
		return snapshot.Announcement{}, err
	}
	options := bus.Options{Log: w.log, Claim: claim(claims)}
	return snapshot.Announcement{
		Open:     func() snapshot.Bus { return bus.New(driver, options) },
		EachUser: s.options["users"] == "each",
	}, nil
}

func (w *world) driver(ctx context.Context, s *sink) (bus.Driver, error) {
	if s.kind == "https" {
		return w.webhook(ctx, s)
	}
	cfg, err := w.aws(ctx)
	if err != nil {
		return nil, err
	}
	most, err := s.options.number("max-bytes")
	if err != nil {
		return nil, err
	}
	switch s.kind {
	case "eventbridge":
		to, err := eventbridge.Parse(s.address)
		if err != nil {
			return nil, err
		}
		to.MaxBytes = most
		return eventbridge.New(cfg, to)
	case "sns":
		to, err := sns.Parse(s.address)
		if err != nil {
			return nil, err
		}
		to.MaxBytes = most
		return sns.New(cfg, to)
	case "sqs":
		to, err := sqs.Parse(s.address)
		if err != nil {
			return nil, err
		}
		to.MaxBytes = most
		return sqs.New(cfg, to)
	case "kinesis":
		to, err := kinesis.Parse(s.address)
		if err != nil {
			return nil, err
		}
		to.MaxRecordBytes = most
		return kinesis.New(cfg, to)
	case "firehose":
		to, err := firehose.Parse(s.address)
		if err != nil {
			return nil, err
		}
		return firehose.New(cfg, to)
	}
	return nil, fmt.Errorf("%s takes no messages", s.kind)
}

// checkAddress lets a bus's own package look at the address, before anything is
// started.
func (s *sink) checkAddress() error {
	var err error
	switch s.kind {
	case "eventbridge":
		_, err = eventbridge.Parse(s.address)
	case "sns":
		_, err = sns.Parse(s.address)
	case "sqs":
		_, err = sqs.Parse(s.address)
	case "kinesis":
		_, err = kinesis.Parse(s.address)
	case "firehose":
		_, err = firehose.Parse(s.address)
	case "https":
		_, err = https.Parse(s.address)
	}
	return err
}

func (w *world) webhook(ctx context.Context, s *sink) (bus.Driver, error) {
	target, err := https.Parse(s.address)
	if err != nil {
		return nil, err
	}
	secrets, err := w.sinkKeys(ctx)
	if err != nil {
		return nil, err
	}
	batch, err := s.options.number("batch")
	if err != nil {
		return nil, err
	}
	most, err := s.options.number("max-bytes")
	if err != nil {
		return nil, err
	}
	target.Secrets, target.AllowPrivate, target.Batch, target.MaxBytes = secrets, s.options["private"] == "allow", batch, most
	return https.New(target)
}

// claim keeps the data of an event that is too large for its bus.
func claim(at snapshot.Store) func(ctx context.Context, id string, data []byte) (string, error) {
	return func(ctx context.Context, id string, data []byte) (string, error) {
		key := "claims/" + id + ".json"
		_, err := at.Swap(ctx, key, data, "")
		if err != nil && !errors.Is(err, store.ErrConflict) { // the same id has the same data
			return "", err
		}
		return at.URL(key), nil
	}
}
