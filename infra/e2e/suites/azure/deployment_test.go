package azure_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/appservice"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/azurite"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
)

// deployment is a function app on Azure:
//
//	front -> instances -> tenant
//	            |-> blobs  -> Azurite
//	            '-> queues -> Azurite
//
// It has a storage account of its own. Instances come and go.
type deployment struct {
	*testing.T
	tenant  *tenant.Tenant
	front   *appservice.Front
	client  *http.Client      // of the front
	blobs   *faultproxy.Proxy // between the handler and the blobs
	queue   *faultproxy.Proxy // between the host and the queues
	queues  *azurite.Queues   // not through the proxy
	account *azurite.Blobs    // not through the proxy
	store   *azblob.Store     // the container of the lists, not through the proxy
	config  functionshost.Config
	// sealKey is the file of the key that seals skiptokens.
	sealKey string

	mu       sync.Mutex
	hosts    []*functionshost.Host
	canaries map[string]bool // texts that no log may contain
}

const (
	sealKey     = "s3al-key-that-no-log.may.contain-0123456789"
	clientState = "cl1ent-state-that-no-log.may.contain"
	sinkKey     = "c2luay1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHMuLi4="
	hookKey     = "d2ViaG9vay1rZXktb2YtdGhlLWVuZC10by1lbmQtdGVzdHM="

	// The containers, and queues of the app.
	container, state        = "users", "state"
	snapshots, changesQueue = "rollcall-snapshots", "rollcall-changes"

	// Settings of host.json that make tests short: a message that failed comes again at once.
	comesAgainAtOnce  = "AzureFunctionsJobHost__extensions__queues__visibilityTimeout=00:00:00"
	comesAgainForEver = "AzureFunctionsJobHost__extensions__queues__maxDequeueCount=1000"
)

// timeout is the app setting that sets functionTimeout.
func timeout(span string) string { return "AzureFunctionsJobHost__functionTimeout=" + span }

// prepare makes everything but an instance. Later variables win.
func prepare(t *testing.T, cfg simulator.Config, env ...string) *deployment {
	t.Helper()
	n := int(shared.accounts.Add(1)) - 1
	if n >= azurite.Accounts {
		t.Fatal("there are not enough accounts in Azurite")
	}
	account := azurite.Numbered(n)
	d := &deployment{T: t, front: harness.Start(t, appservice.Start), queues: shared.queues.In(account), canaries: map[string]bool{
		sealKey: true, clientState: true, hookKey: true, sinkKey: true, functionshost.FunctionKey: true, functionshost.MasterKey: true,
		simulator.IdentityHeader: true,
	}}
	d.client = d.front.Client()
	endpoints, err := simulator.EndpointTransport(d.front.CertPEM, false)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Endpoints = endpoints
	if cfg.Identities == nil { // assigned by the user, as infra/azure does it
		cfg.Identities = []simulator.Identity{{ClientID: simulator.DefaultIdentity, Roles: []string{"User.Read.All"}}}
	}
	d.tenant = harness.Start(t, tenant.New(cfg).Start)
	who := harness.Start(t, identity.Of(d.tenant.Tenant))
	d.storage(account)
	d.sealKey = filepath.Join(t.TempDir(), "seal-key")
	if err := errors.Join(os.WriteFile(d.sealKey, []byte(sealKey), 0o600), d.tenant.Trust(d.front.CertPEM)); err != nil {
		t.Fatal(err)
	}
	d.config = functionshost.Config{
		Folder: shared.app, Queues: d.queues.At(d.queue.URL), Lease: 2 * time.Second, Poll: 50 * time.Millisecond,
		RetryPause: 100 * time.Millisecond,
		Env: slices.Concat(d.tenant.Hosts(), who.Platform(), []string{
			"AzureWebJobsStorage__queueServiceUri=" + d.queue.URL + "/" + account, "AzureWebJobsStorage__credential=managedidentity",
			"SNAPSHOT_SCHEDULE=0 0 2 * * *", "CHANGES_SCHEDULE=0 */5 * * * *", comesAgainAtOnce,
			"AZURE_CLIENT_ID=" + simulator.DefaultIdentity, "ROLLCALL_CREDENTIALS=managed-identity:" + simulator.DefaultIdentity, "ROLLCALL_SEAL_KEY=" + d.keep("seal-key", sealKey),
			"ROLLCALL_SINKS=azblob://" + account + "/" + container + "?endpoint=" + d.blobs.URL + "/" + account,
			"ROLLCALL_STATE=azblob://" + account + "/" + state + "?endpoint=" + d.blobs.URL + "/" + account,
			"ROLLCALL_WEBHOOK_SECRET=" + d.keep("webhook", `{"ClientState":"`+clientState+`","HookKey":"whsec_`+hookKey+`","SinkKey":"whsec_`+sinkKey+`"}`),
		}, env),
	}
	t.Cleanup(d.searchLogs)
	return d
}

// keep keeps a secret in the vault, and returns where that is.
func (d *deployment) keep(name, text string) (source string) {
	d.tenant.SetVaultSecret(name, text, time.Time{})
	return "keyvault:" + d.tenant.URL + "/secrets/" + name
}

// storage makes the account's containers and queues, and the proxies before them.
func (d *deployment) storage(account string) {
	d.Helper()
	d.account = shared.blobs.In(account)
	for _, name := range []string{container, state} {
		if err := d.account.CreateContainer(d.Context(), name); err != nil {
			d.Fatal(err)
		}
	}
	for _, name := range []string{snapshots, changesQueue} {
		if err := d.queues.CreateQueue(d.Context(), name); err != nil {
			d.Fatal(err)
		}
	}
	behind := func(url string, client *http.Client) *faultproxy.Proxy {
		return harness.Start(d, faultproxy.Config{Target: strings.TrimSuffix(url, "/"+account), TLS: true, Transport: client.Transport}.Start)
	}
	d.blobs, d.queue = behind(d.account.URL, d.account.Client()), behind(d.queues.URL, d.queues.Client())
	var err error
	d.store, err = azblob.New(azblob.Config{
		Account: account, Container: container, Endpoint: d.account.URL, Credential: identity.Credential{},
		Options: policy.ClientOptions{Transport: d.account.Client()},
	})
	if err != nil {
		d.Fatal(err)
	}
}

// deploy is prepare with one instance.
func deploy(t *testing.T, cfg simulator.Config, env ...string) *deployment {
	t.Helper()
	d := prepare(t, cfg, env...)
	d.start()
	return d
}

// start starts a further instance, to which requests go from now on.
func (d *deployment) start() *functionshost.Host {
	d.Helper()
	host, err := d.config.Start(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(host.Close)
	d.mu.Lock()
	d.hosts = append(d.hosts, host)
	d.mu.Unlock()
	if err := d.front.Use(host.URL); err != nil {
		d.Fatal(err)
	}
	return host
}

// host is the instance that was started last.
func (d *deployment) host() *functionshost.Host {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hosts[len(d.hosts)-1]
}

// logs are all lines of all instances: of the handlers and of the hosts.
func (d *deployment) logs() string {
	d.mu.Lock()
	hosts := slices.Clone(d.hosts)
	d.mu.Unlock()
	var all strings.Builder
	for _, host := range hosts {
		for _, line := range host.Lines() {
			all.WriteString(line.Source + ": " + line.Text + "\n")
		}
	}
	return all.String()
}

// searchLogs fails the test if a secret, a token or a person is in a log.
func (d *deployment) searchLogs() {
	d.addPeople()
	logs := d.logs()
	if leaks := endpoint.Leaks(logs, slices.Collect(maps.Keys(d.canaries))...); len(leaks) > 0 {
		d.Errorf("the logs contain %q:\n%s", leaks, logs)
	}
	if d.Failed() {
		d.Logf("the logs:\n%s", logs)
	}
}

// addPeople adds what is known of the tenant's first users to what no log may contain.
func (d *deployment) addPeople() {
	d.canaries["contoso.example"] = true // ends every userPrincipalName
	c := d.tenant.Config()
	same := simulator.New(simulator.Config{Users: 99, Seed: c.Seed, Hostile: c.Hostile}) // without faults
	client := listtest.Client(d, same, graph.Config{})
	for page, err := range client.Pager(listtest.Request().Query()).Pages(context.WithoutCancel(d.Context())) {
		if err != nil {
			d.Fatal(err)
		}
		for user, err := range page.Users() {
			var u struct{ ID, DisplayName, Mail string }
			if err == nil {
				err = json.Unmarshal(user.Raw, &u)
			}
			if err != nil {
				d.Fatal(err)
			}
			for _, text := range []string{u.ID, u.DisplayName, u.Mail} {
				if len(text) > 8 {
					d.canaries[text] = true
				}
			}
		}
	}
}

// until waits for something that must come true.
func (d *deployment) until(what string, done func() bool) {
	d.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for !done() {
		select {
		case <-limit.C:
			d.Fatalf("it is not so that %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// send puts a message into a queue of the app, as the portal does.
func (d *deployment) send(queue string, message any) {
	d.Helper()
	text, err := json.Marshal(message)
	if err == nil {
		err = d.queues.Send(d.Context(), queue, base64.StdEncoding.EncodeToString(text))
	}
	if err != nil {
		d.Fatal(err)
	}
}

// fire fires a timer of the instance that was started last.
func (d *deployment) fire(timer string) functionshost.Record {
	d.Helper()
	record, err := d.host().Fire(d.Context(), timer)
	if err != nil {
		d.Fatal(err)
	}
	return record
}

// records are the invocations of a function that have ended, over all instances.
func (d *deployment) records(function string) []functionshost.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []functionshost.Record
	for _, host := range d.hosts {
		for _, record := range host.Records() {
			if record.Function == function {
				all = append(all, record)
			}
		}
	}
	return all
}
