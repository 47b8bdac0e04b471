package azure_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionapp"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// TestAMessageThatKeepsFailingGoesToThePoisonQueue, and publishes when it is put back once
// the cause is mended.
func TestAMessageThatKeepsFailingGoesToThePoisonQueue(t *testing.T) {
	t.Parallel()
	d := prepare(t, simulator.Config{Users: 300})
	d.config.Env = append(d.config.Env, strings.Replace(d.setting("ROLLCALL_STATE"), "/"+state+"?", "/late?", 1))
	d.start()
	d.send(snapshots, snapshot.Input{Run: "r"})
	d.poisoned(snapshots, 1)
	records := d.records("snapshot_run")
	if got := d.messages(snapshots + poison); len(records) != 5 || records[4].DequeueCount != 5 || got[0] != `{"run":"r"}` {
		t.Errorf("there were %d deliveries, and %q is in the poison queue", len(records), got)
	}
	d.logged(`"level":"ERROR","message":"the message goes to the poison queue","deliveries":5,"error":"`, 1)
	d.logged("make the container late", 5)
	d.logged(records[0].Message, 5)
	if m, _ := d.latest(d.tenant.TenantID); m != nil {
		t.Errorf("run %s is published", m.Run)
	}

	// As docs/azure.md has it done.
	if err := d.account.CreateContainer(t.Context(), "late"); err != nil {
		t.Fatal(err)
	}
	peeked, err := d.queues.Peek(t.Context(), snapshots+poison)
	if err == nil {
		err = d.queues.Send(t.Context(), snapshots, peeked[0].Text)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m := d.published("", d.present()); m.Run != "r" {
		t.Errorf("run %s is published", m.Run)
	}
}

// poison is what the host adds to the name of a queue.
const poison = "-poison"

// poisoned waits until so many messages are in the poison queue of a queue.
func (d *deployment) poisoned(queue string, want int) {
	d.Helper()
	d.until("a message is in the poison queue", func() bool {
		n, err := d.queues.Len(d.Context(), queue+poison)
		return err == nil && n == want
	})
}

// logged checks that a text is in the log so many times at least.
func (d *deployment) logged(text string, times int) {
	d.Helper()
	if n := strings.Count(d.logs(), text); n < times {
		d.Errorf("%q is %d times in the log, want %d", text, n, times)
	}
}

// setting is an app setting as it is so far, with its name.
func (d *deployment) setting(name string) string {
	d.Helper()
	for _, variable := range d.config.Env {
		if strings.HasPrefix(variable, name+"=") {
			return variable
		}
	}
	d.Fatalf("there is no setting %s", name)
	return ""
}

// TestAMessageThatIsNoneIsPoisoned tries it as often as any other.
func TestAMessageThatIsNoneIsPoisoned(t *testing.T) {
	t.Parallel()
	d := deploy(t, simulator.Config{Users: 30}, timeout("00:00:08"))
	for _, message := range []any{"hello", 7, []string{"a"}, map[string]string{"runn": "r"}, map[string]string{"run": "a/b"}} {
		d.send(snapshots, message)
	}
	d.send(changesQueue, map[string]string{"baseline": "everything"})
	d.poisoned(snapshots, 5)
	d.poisoned(changesQueue, 1)
	for _, r := range d.tenant.Requests() {
		if r.Kind != "identity" {
			t.Errorf("a %s went to the tenant", r.Kind)
		}
	}
	d.logged("Request.Invalid", 30)
}

// TestAnUnresolvedReferenceIsNamedByEveryFunction and the handler stays up.
func TestAnUnresolvedReferenceIsNamedByEveryFunction(t *testing.T) {
	t.Parallel()
	const variable, reference = "ROLLCALL_TENANTS", "@Microsoft.KeyVault(SecretUri=https://v4ult-name.vault.azure.net/secrets/tenants/)"
	d := deploy(t, simulator.Config{Users: 30}, variable+"="+reference, timeout("00:00:08"))
	d.canaries["v4ult-name"] = true
	before := d.host().PID()
	for _, r := range []response{d.get("/users"), d.get("/v1.0/users/$count"), d.post("/notifications", d.tenant.Notification(d.tenant.TenantID, clientState), nil)} {
		if r.status != http.StatusInternalServerError || !strings.Contains(r.body, variable) || !strings.Contains(r.body, "Config.Invalid") || strings.Contains(r.body, "v4ult") {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	for _, timer := range []string{"snapshot", "changes"} {
		if _, err := d.host().Fire(t.Context(), timer); err == nil {
			t.Errorf("the timer %s succeeds", timer)
		}
		if n := len(d.records(timer)); n != 11 {
			t.Errorf("the timer %s was tried %d times, which function.json says 11 times", timer, n)
		}
	}
	d.send(snapshots, snapshot.Input{})
	d.send(changesQueue, changes.Input{})
	d.poisoned(snapshots, 1)
	d.poisoned(changesQueue, 1)
	// Of each function at its start, of each timer, of each delivery.
	d.logged(variable+": is a Key Vault reference that was not resolved", 2+2*11+2*5)
	if d.host().PID() != before {
		t.Error("the handler has ended")
	}
}

// refuses starts an app whose every function fails for one reason, which the answer to the
// caller has and the log.
func refuses(t *testing.T, cfg simulator.Config, code string, says []string, change func(*deployment)) {
	t.Helper()
	d := prepare(t, cfg)
	if change != nil {
		change(d)
	}
	d.start()
	r := d.get("/users")
	for _, text := range append(says, code) {
		if !strings.Contains(r.body, text) {
			t.Errorf("%d %s does not say %q", r.status, r.body, text)
		}
	}
	d.send(snapshots, snapshot.Input{})
	d.poisoned(snapshots, 1)
	for _, text := range append(says, code) {
		d.logged(text, 5)
	}
}

func TestAnIdentityWithoutTheRoleOfGraphIsToldWhichAndHow(t *testing.T) {
	t.Parallel()
	cfg := simulator.Config{Users: 30, Identities: []simulator.Identity{{ClientID: simulator.DefaultIdentity, Roles: []string{}}}}
	refuses(t, cfg, "Graph.AccessDenied", []string{"User.Read.All", "az rest "}, nil)
}

func TestAnIdentityThatIsNotAssignedIsToldSo(t *testing.T) {
	t.Parallel()
	cfg := simulator.Config{Users: 30, Identities: []simulator.Identity{}}
	refuses(t, cfg, "Credentials.Rejected", []string{"az functionapp identity assign"}, nil)
}

func TestAnAppWithoutAnIdentityIsToldSo(t *testing.T) {
	t.Parallel()
	refuses(t, simulator.Config{Users: 30}, "Credentials.Missing", []string{"az functionapp identity assign"}, func(d *deployment) {
		env := d.config.Env
		d.config.Env = nil
		for _, variable := range env {
			if !strings.HasPrefix(variable, "IDENTITY_") {
				d.config.Env = append(d.config.Env, variable)
			}
		}
	})
}

// TestAStorageAccountThatForbidsIsExplained has one that answers as without the role.
func TestAStorageAccountThatForbidsIsExplained(t *testing.T) {
	t.Parallel()
	storage := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Ms-Error-Code", "AuthorizationPermissionMismatch")
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthorizationPermissionMismatch</Code><Message>This request is not authorized to perform this operation using this permission.</Message></Error>`)
	}))
	t.Cleanup(storage.Close)
	d := deploy(t, simulator.Config{Users: 30}, "ROLLCALL_SINKS=azblob://forbidden/users?endpoint="+storage.URL, "ROLLCALL_STATE=azblob://forbidden/state?endpoint="+storage.URL)
	d.send(snapshots, snapshot.Input{})
	d.poisoned(snapshots, 1)
	d.logged("403", 5)
	d.logged("Storage Blob Data", 5)
	if r := d.get("/users?$top=1"); r.status != http.StatusOK {
		t.Errorf("the API needs no storage, and answers %d %s", r.status, r.body)
	}
}

// TestAVaultThatForbidsIsExplained and is asked again, so that nothing has to be started anew
// once it allows.
func TestAVaultThatForbidsIsExplained(t *testing.T) {
	t.Parallel()
	d := prepare(t, simulator.Config{Users: 30})
	d.closed()
	for _, name := range []string{"seal-key", "webhook"} {
		if err := d.tenant.RefuseVaultSecret(name, "ForbiddenByRbac"); err != nil {
			t.Fatal(err)
		}
	}
	if r := d.get("/users?$top=5"); r.status != http.StatusInternalServerError || !strings.Contains(r.body, "Key Vault Secrets User") {
		t.Errorf("the API: %d %s", r.status, r.body)
	}
	if r := d.post("/notifications", d.tenant.Notification(d.tenant.TenantID, clientState), nil); r.status != http.StatusServiceUnavailable {
		t.Errorf("the webhook, to which Graph has to come again: %d %s", r.status, r.body)
	}
	d.logged("Key Vault Secrets User", 2)
	d.keep("seal-key", sealKey)
	d.keep("webhook", `{"ClientState":"`+clientState+`"}`)
	d.until("both work", func() bool {
		return d.get("/users?$top=5").status == http.StatusOK && d.post("/notifications", d.tenant.Notification(d.tenant.TenantID, clientState), nil).status == http.StatusAccepted
	})
}

// TestTheHandlerAloneSaysWhoStartsIt is run by a person.
func TestTheHandlerAloneSaysWhoStartsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := process.NewCommand(ctx, filepath.Join(shared.app, functionapp.Handler))
	command.Dir, command.Env = shared.app, []string{"PATH=/usr/bin:/bin"}
	out, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "FUNCTIONS_CUSTOMHANDLER_PORT is not set") {
		t.Errorf("%v: %s", err, out)
	}
}
