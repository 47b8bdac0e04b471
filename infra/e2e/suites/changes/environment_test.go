package changes_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/consumer"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
)

// shared is what all tests use: servers of AWS, the built functions, the consumers.
var shared environment

type environment struct {
	aws              *moto.Server
	s3               *versity.Server
	dir              string
	changes, webhook string // binaries
	consumers        []consumer.Program
}

func (e *environment) prepare(ctx context.Context) (err error) {
	if e.dir, err = os.MkdirTemp("", "rollcall-changes-"); err != nil {
		return err
	}
	e.changes, e.webhook = filepath.Join(e.dir, "changes"), filepath.Join(e.dir, "webhook")
	buckets := filepath.Join(e.dir, "buckets")
	err = errors.Join(
		repository.Release(ctx, "functions/changes", "", e.changes),
		repository.Release(ctx, "functions/webhook", "", e.webhook),
		os.Mkdir(buckets, 0o700),
	)
	if err != nil {
		return err
	}
	if e.consumers, err = consumer.Build(ctx, e.dir); err != nil {
		return err
	}
	if e.aws, err = moto.Start(ctx); err != nil {
		return err
	}
	e.s3, err = versity.Config{Dir: buckets}.Start(ctx)
	return err
}

func (e *environment) close() {
	if e.aws != nil {
		e.aws.Close()
	}
	if e.s3 != nil {
		e.s3.Close()
	}
	_ = os.RemoveAll(e.dir)
}

func TestMain(m *testing.M) { os.Exit(harness.Main(m, shared.prepare, shared.close)) }
