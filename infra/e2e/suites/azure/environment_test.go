package azure_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionapp"
)

// shared is what all tests use: the packed function app, and Azure Storage.
var shared environment

type environment struct {
	dir, app string
	blobs    *azurite.Blobs
	queues   *azurite.Queues
	accounts atomic.Int32 // that are taken
}

func (e *environment) prepare(ctx context.Context) (err error) {
	if e.dir, err = os.MkdirTemp("", "rollcall-azure-"); err != nil {
		return err
	}
	e.app = filepath.Join(e.dir, "app")
	if err = functionapp.Build(ctx, e.app); err != nil {
		return err
	}
	if e.blobs, err = azurite.StartBlobs(ctx); err != nil {
		return err
	}
	if e.queues, err = azurite.StartQueues(ctx); err != nil {
		return err
	}
	// Most of the time the tests wait: for a tenant that is slow on purpose, and for leases.
	return flag.Set("test.parallel", "6")
}

func (e *environment) close() {
	if e.blobs != nil {
		e.blobs.Close()
	}
	if e.queues != nil {
		e.queues.Close()
	}
	_ = os.RemoveAll(e.dir)
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(harness.Main(m, shared.prepare, shared.close))
}
