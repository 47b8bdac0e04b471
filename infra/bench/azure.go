package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionapp"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
)

// azure prints how long the handler of the function app takes to start, and what it takes
// to publish.
func (b *bench) azure(ctx context.Context, users int) error {
	progress("packing the function app")
	app := filepath.Join(b.dir, "app")
	if err := functionapp.Build(ctx, app); err != nil {
		return err
	}
	if err := b.handlerStart(ctx, app); err != nil {
		return err
	}
	return b.azurePublish(ctx, app, users/10, users)
}

// handlerSettings are the app settings that do not depend on what is started.
func handlerSettings() []string {
	return []string{
		"AZURE_CLIENT_ID=" + simulator.DefaultIdentity, "ROLLCALL_CREDENTIALS=managed-identity:" + simulator.DefaultIdentity,
		"SNAPSHOT_SCHEDULE=0 0 2 * * *", "CHANGES_SCHEDULE=0 */5 * * * *", "AzureWebJobsStorage__credential=managedidentity",
	}
}

// storage is a storage account with a container for the list, one for the state, and the
// queue of snapshots.
type storage struct {
	blobs  *azurite.Blobs
	queues *azurite.Queues
}

const snapshotQueue = "rollcall-snapshots"

func startStorage(ctx context.Context) (*storage, error) {
	s := &storage{}
	var err error
	if s.blobs, err = azurite.StartBlobs(ctx); err != nil {
		return nil, err
	}
	if s.queues, err = azurite.StartQueues(ctx); err == nil {
		err = errors.Join(s.blobs.CreateContainer(ctx, "directory"), s.blobs.CreateContainer(ctx, "state"), s.queues.CreateQueue(ctx, snapshotQueue))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *storage) close() {
	s.blobs.Close()
	if s.queues != nil {
		s.queues.Close()
	}
}

// azurePublish prints what publishing tenants takes, beside the list alone.
func (b *bench) azurePublish(ctx context.Context, app string, sizes ...int) error {
	at, err := startStorage(ctx)
	if err != nil {
		return err
	}
	defer at.close()
	fmt.Printf("\n### Users published by the function app\n\nBy a message in the queue, with a managed identity, into Azurite over TLS; NDJSON.gz, one chain, one process a row; no latency. `list alone` is `list.New` to NDJSON.gz in memory.\n\n")
	fmt.Println("| users | what | CPU µs a user | of the list | peak RSS MiB | wall s |")
	fmt.Println("|--:|---|--:|--:|--:|--:|")
	for _, users := range sizes {
		list, run, err := b.azureRun(ctx, app, at, users)
		if err != nil {
			return err
		}
		row := func(what string, s spent) {
			fmt.Printf("| %d | %s | %.2f | %.2f | %.0f | %.1f |\n", users, what, s.cpu.Seconds()*1e6/float64(users), float64(s.cpu)/float64(list.CPU), mebibytes(s.peak), s.wall.Seconds())
		}
		row("list alone", spent{wall: list.Wall, cpu: list.CPU, peak: list.PeakRSS})
		row("functions/azure", run)
	}
	return nil
}

// azureRun reads a tenant, and has it published.
func (b *bench) azureRun(ctx context.Context, app string, at *storage, users int) (list client.Measurement, run spent, err error) {
	tenant, err := b.startTenant(ctx, users, 0, 0)
	if err != nil {
		return list, run, err
	}
	defer tenant.Close()
	progress(fmt.Sprintf("%d users, list alone", users))
	if list, err = b.clients[0].read(ctx, tenant); err != nil {
		return list, run, err
	}
	// The tenant in the other process takes the tokens of its twin in this one.
	who, err := identity.Of(simulator.New(simulator.Config{}))(ctx)
	if err != nil {
		return list, run, err
	}
	defer who.Close()
	certificate, err := os.ReadFile(at.blobs.Authority)
	if err != nil {
		return list, run, err
	}
	if err := tenant.Trust(certificate); err != nil {
		return list, run, err
	}
	progress(fmt.Sprintf("%d users published by functions/azure", users))
	host, err := functionshost.Config{
		Folder: app, Queues: at.queues, Poll: 10 * time.Millisecond,
		Env: slices.Concat(handlerSettings(), tenant.Hosts(), who.Platform(), []string{
			"AzureWebJobsStorage__queueServiceUri=" + at.queues.URL, "ROLLCALL_PARALLEL=1",
			"ROLLCALL_SINKS=azblob://" + azurite.Account + "/directory?endpoint=" + at.blobs.URL, "ROLLCALL_STATE=azblob://" + azurite.Account + "/state?endpoint=" + at.blobs.URL,
		}),
	}.Start(ctx)
	if err != nil {
		return list, run, err
	}
	defer host.Close()
	run, err = publishByMessage(ctx, host, at, fmt.Sprintf("run-%d", users), users)
	return list, run, err
}

// publishByMessage puts a message into the queue and waits for the invocation.
func publishByMessage(ctx context.Context, host *functionshost.Host, at *storage, name string, users int) (spent, error) {
	before, err := host.CPU()
	if err != nil {
		return spent{}, err
	}
	if err := at.queues.Send(ctx, snapshotQueue, base64.StdEncoding.EncodeToString([]byte(`{"run":"`+name+`"}`))); err != nil {
		return spent{}, err
	}
	record, err := host.Wait(ctx, func(r functionshost.Record) bool { return r.Function == "snapshot_run" })
	if err == nil {
		err = record.Err
	}
	if err != nil {
		return spent{}, fmt.Errorf("%w\n%s", err, host.Output())
	}
	after, err := host.CPU()
	if err != nil {
		return spent{}, err
	}
	peak, err := host.PeakRSS()
	if err != nil {
		return spent{}, err
	}
	return spent{wall: record.Took, cpu: after - before, peak: peak}, at.check(ctx, name, users)
}

// check reads the manifest of a run.
func (s *storage) check(ctx context.Context, run string, users int) error {
	store, err := azblob.New(azblob.Config{
		Account: azurite.Account, Container: "directory", Endpoint: s.blobs.URL, Credential: identity.Credential{},
		Options: policy.ClientOptions{Transport: s.blobs.Client()},
	})
	if err != nil {
		return err
	}
	text, _, err := store.Read(ctx, "runs/tenant="+simulator.DefaultTenant+"/run="+run+"/manifest.json")
	var m snapshot.Manifest
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return err
	}
	if m.Status != snapshot.Complete || m.Users != users || !strings.HasPrefix(m.VerifiedBy, "count") {
		return fmt.Errorf("run %s is %s, with %d users of %d, verified by %q", run, m.Status, m.Users, users, m.VerifiedBy)
	}
	return nil
}
