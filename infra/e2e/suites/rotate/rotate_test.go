package rotate_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/emf"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// contextOf outlives a test, whose own context has ended when its log is searched.
func contextOf() context.Context { return context.Background() }

// readers are how many processes of functions/users read while the secret is rotated.
const readers = 20

// Each reader has a process of its own, with the secret that it has read at some time and a
// token that Graph revokes again and again, so that all of them sign in all the time: with the
// old client secret, the new one while it is not yet known everywhere, and once the old one
// is removed.
func TestTheSecretIsRotatedWhileItIsReadWithoutOneFailure(t *testing.T) {
	e := newEnvironment(t, simulator.Config{Users: 30, SecretPropagation: 6 * time.Second, ReplicaLag: 500 * time.Millisecond})
	crowd := e.read20(t, harness.Release(t, "functions/users"))
	rotate := e.start(t, harness.Release(t, "functions/rotate"), e.rotator, "ROLLCALL_ROTATED_SECRET="+e.reader)
	first := e.tenant.ClientSecret
	for n := range 2 {
		crowd.round(t)
		r := e.begin(t, rotate)
		r.steps()
		r.expectRotated()
		crowd.round(t)
		if works := e.works(t, first); works != (n == 0) {
			t.Errorf("after rotation %d the first client secret works: %t", n+1, works)
		}
	}
	crowd.end()
	rotate.Close() // after which all of its log is there
	records := emf.Read(t, rotate.Output())
	for _, r := range records {
		if _, known := r.Metrics["Failed"]; !known || r.Metrics["Failed"] != 0 || r.Members["job"] != "rotate" {
			t.Errorf("%v", r.Members)
		}
	}
	if len(records) != 8 {
		t.Errorf("two rotations of four steps have %d records of metrics", len(records))
	}
	if crowd.failed.Load() > 0 || crowd.done.Load() < readers*10 {
		t.Errorf("%d of %d requests failed", crowd.failed.Load(), crowd.done.Load())
	}
	t.Logf("%d requests of %d readers during two rotations; of all requests for tokens %d were answered and %d refused", crowd.done.Load(), readers, crowd.tokens, crowd.refused)
	if crowd.refused < readers || crowd.tokens < 4*readers {
		t.Errorf("the readers had no trouble, so nothing is shown: of the requests for tokens %d were answered and %d refused", crowd.tokens, crowd.refused)
	}
}

// crowd are the readers.
type crowd struct {
	done, failed atomic.Int64
	revoked      atomic.Int64 // how often all tokens were
	stop         chan struct{}
	all          sync.WaitGroup

	tokens, refused int // requests for tokens
}

func (e *environment) read20(t *testing.T, bootstrap string) *crowd {
	t.Helper()
	c := &crowd{stop: make(chan struct{})}
	for range readers {
		// Unless it is told which version, moto returns the one that a rotation has begun.
		host := e.start(t, bootstrap, e.reader+"?stage=AWSCURRENT")
		c.all.Add(1)
		go func() {
			defer c.all.Done()
			for {
				select {
				case <-c.stop:
					return
				default:
					c.list(t, host)
				}
			}
		}()
	}
	c.all.Add(1)
	go func() {
		defer c.all.Done()
		for range time.Tick(700 * time.Millisecond) {
			e.tenant.RevokeTokens()
			c.revoked.Add(1)
			c.count(e)
			select {
			case <-c.stop:
				return
			default:
			}
		}
	}()
	t.Cleanup(c.end)
	return c
}

// count counts the requests for tokens; the tenant forgets the older ones.
func (c *crowd) count(e *environment) {
	for _, request := range e.tenant.Requests() {
		switch {
		case request.Kind != "token":
		case request.Status == http.StatusOK:
			c.tokens++
		default:
			c.refused++
		}
	}
	e.tenant.ForgetRequests()
}

// list reads users once.
func (c *crowd) list(t *testing.T, host *lambdahost.Host) {
	result, err := host.Invoke(contextOf(), []byte(`{"top":5,"select":["id"]}`))
	c.done.Add(1)
	var page struct{ Value []json.RawMessage }
	if err != nil || result.ErrorType != "" || json.Unmarshal(result.Payload, &page) != nil || len(page.Value) != 5 {
		if c.failed.Add(1) == 1 {
			t.Errorf("a request failed: %v %s; the log:\n%s", err, result.Payload, host.Output())
		}
	}
	time.Sleep(50 * time.Millisecond) // two processors serve all of them
}

// round waits until everybody has signed in and read.
func (c *crowd) round(t *testing.T) {
	t.Helper()
	revoked := c.revoked.Load()
	for limit := time.Now().Add(2 * time.Minute); c.revoked.Load() < revoked+4; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d requests, %d of which failed", c.done.Load(), c.failed.Load())
		}
	}
}

func (c *crowd) end() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.all.Wait()
}

// works reports whether the app has a client secret that begins like this one.
func (e *environment) works(t *testing.T, value string) bool {
	t.Helper()
	for _, p := range e.tenant.Passwords(e.tenant.ClientID) {
		if strings.HasPrefix(value, p.Hint) {
			return true
		}
	}
	return false
}

func TestARotationOfWhichEachStepIsKilledEndsWell(t *testing.T) {
	e := newEnvironment(t, simulator.Config{Users: 3, Latency: 300 * time.Millisecond, TokenLatency: 300 * time.Millisecond})
	bootstrap := harness.Release(t, "functions/rotate")
	r := e.begin(t, e.start(t, bootstrap, e.rotator))
	for _, step := range []string{"createSecret", "testSecret", "finishSecret"} {
		r.killIn(step)
		r.host = e.start(t, bootstrap, e.rotator)
		if got := r.step(step); got.ErrorType != "" {
			t.Fatalf("%s: %s; the log:\n%s", step, got.Payload, r.host.Output())
		}
	}
	r.expectRotated()
}

// killIn kills the process while it does a step, once it has begun to talk to the tenant.
func (r *rotation) killIn(step string) {
	r.t.Helper()
	r.tenant.ForgetRequests()
	dead := make(chan lambdahost.Result)
	go func() { dead <- r.step(step) }()
	for limit := time.Now().Add(time.Minute); len(r.tenant.Requests()) < 2 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	if err := syscall.Kill(r.host.PID(), syscall.SIGKILL); err != nil {
		r.t.Fatal(err)
	}
	if got := <-dead; got.ErrorType != "Runtime.ExitError" {
		r.t.Errorf("%s was over before it was killed: %s", step, got.Payload)
	}
}

func TestWhatIsRefusedHasAName(t *testing.T) {
	e := newEnvironment(t, simulator.Config{Users: 3})
	bootstrap := harness.Release(t, "functions/rotate")
	r := e.begin(t, e.start(t, bootstrap, e.rotator, "ROLLCALL_ROTATED_SECRET="+e.reader))
	for name, events := range map[string][]string{
		"Request.Invalid": {
			`{}`, `null`, `{"httpMethod":"GET"}`, strings.Replace(string(r.event("createSecret")), "rollcall/entra", "rollcall/rotator", 1),
			strings.Replace(string(r.event("createSecret")), e.reader, "rollcall/entra", 1), string(r.event("deleteSecret")),
		},
		"State.Invalid": {string(r.event("testSecret")), string(r.event("finishSecret")), strings.Replace(string(r.event("createSecret")), r.version, strings.Repeat("0", 36), 1)},
	} {
		for _, event := range events {
			result, err := r.host.Invoke(t.Context(), []byte(event))
			if err != nil || result.ErrorType != name || result.ErrorMessage == "" || strings.Contains(string(result.Payload), rotationToken) {
				t.Errorf("%s: %s, %v", event, result.Payload, err)
			}
		}
	}
	if n := len(e.tenant.Requests()); n > 0 {
		t.Errorf("%d requests to the tenant", n)
	}
	if _, err := e.secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String(e.reader)}); err != nil {
		t.Fatal(err)
	}
	if got := r.step("createSecret"); got.ErrorType != "State.Invalid" || !strings.Contains(got.ErrorMessage, "turned off") {
		t.Errorf("%s", got.Payload)
	}
	wrong := &rotation{environment: e, t: t, version: r.version, host: e.start(t, bootstrap, e.rotator, "ROLLCALL_SECRET_LIFETIME=90d")}
	if got := wrong.step("createSecret"); got.ErrorType != "Config.Invalid" || !strings.Contains(got.ErrorMessage, "ROLLCALL_SECRET_LIFETIME") {
		t.Errorf("%s", got.Payload)
	}
}
