package azure_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// doctor runs `rollcall doctor` with the settings of the function app, and returns what it prints.
func (d *deployment) doctor(program string, env ...string) (text string, failed bool) {
	d.Helper()
	command := process.NewCommand(d.Context(), program, "doctor")
	command.Env = slices.Concat(os.Environ(), d.config.Env, env)
	var out, log strings.Builder
	command.Stdout, command.Stderr = &out, &log
	err := command.Run()
	for canary := range d.canaries {
		if strings.Contains(out.String()+log.String(), canary) {
			d.Errorf("doctor shows a secret:\n%s%s", out.String(), log.String())
		}
	}
	return out.String(), err != nil
}

// TestDoctorFindsOutWhatAFunctionAppLacks checks real storage by the tokens of the app's
// managed identity.
func TestDoctorFindsOutWhatAFunctionAppLacks(t *testing.T) {
	program := harness.Plain(t, "functions/rollcall")
	d := prepare(t, simulator.Config{Users: 300})
	account := filepath.Base(d.account.URL)
	d.tenant.SetVaultSecret("seal", sealKey, time.Time{})
	d.config.Env = append(d.config.Env, "ROLLCALL_SEAL_KEY=keyvault:"+d.tenant.URL+"/secrets/seal",
		"ROLLCALL_SINKS=azblob://"+account+"/"+container+"?endpoint="+d.blobs.URL+"/"+account+" azqueue://"+account+"/"+changesQueue+"?endpoint="+d.queues.URL)
	text, failed := d.doctor(program)
	for _, want := range []string{
		"ok      identity       user-assigned managed identity, client " + simulator.DefaultIdentity + ", object " + d.tenant.IdentityObject(simulator.DefaultIdentity),
		"ok      role           User.Read.All\n", "ok      count          Graph counts 300 users\n",
		"ok      storage        azblob://" + account + "/" + state + " can be read, written", "ok      storage        azblob://" + account + "/" + container + " can be read, written",
		"ok      queue          azqueue queue " + changesQueue + " takes messages", "ok      key vault      ROLLCALL_SEAL_KEY can be read from keyvault:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if failed {
		t.Error("the exit status is not 0")
	}
	if names := d.blobNames(""); len(names) > 0 {
		t.Errorf("%q are left in the container", names)
	}
	if messages, err := d.queues.Receive(t.Context(), changesQueue); err != nil || len(messages) > 0 {
		t.Errorf("%d messages were sent, %v", len(messages), err)
	}

	if err := d.tenant.RefuseVaultSecret("seal", "ForbiddenByRbac"); err != nil {
		t.Fatal(err)
	}
	text, failed = d.doctor(program, "ROLLCALL_STATE=azblob://"+account+"/nowhere?endpoint="+d.blobs.URL+"/"+account,
		"ROLLCALL_SINKS=azqueue://"+account+"/nobody?endpoint="+d.queues.URL)
	for _, want := range []string{"make the container nowhere", "the queue nobody does not exist", "Key Vault Secrets User"} {
		if !failed || !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
}
