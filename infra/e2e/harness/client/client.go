// Package client runs programs that read a tenant with a Graph client which other people
// wrote, and compares what they found with who is in the tenant.
//
// A program finds in its environment BASE_URL, unless it is to go to Microsoft's own
// hosts, and CALLER_TOKEN or else AZURE_TENANT_ID, AZURE_CLIENT_ID and
// AZURE_CLIENT_SECRET. It prints a [Report].
package client

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/detour"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Users is how many users a program reads: more than two of its pages of 500.
const Users = 1234

// Nobody is the id of no user.
const Nobody = "9d0c0000-0000-4000-8000-000000000000"

// Report is what a program found.
type Report struct {
	// IDs are those of all users, in the order in which they came, and Names how many of
	// them had a userPrincipalName.
	IDs   []string `json:"ids"`
	Names int      `json:"names"`
	// One is the id of the first of them, read alone by it.
	One string `json:"one"`
	// Count is what /users/$count says.
	Count int `json:"count"`
	// Managers are the ids of the second user's manager, read alone and expanded, if the
	// program was asked for them by MANAGERS.
	Managers []string `json:"managers"`
	// Refusals are the status and code of: the user [Nobody], the property shoeSize, and a
	// list without a token; none where there is no refusal.
	Refusals []string `json:"refusals"`
}

// Target is what a program reads.
type Target struct {
	// Env leads the program there.
	Env []string
	// Authority is a file with the certificate to trust, Proxy an HTTPS proxy, or empty.
	Authority, Proxy string

	tenant   *tenant.Tenant
	managers bool
	refusals []string
	after    func(t *testing.T)
}

// people is the tenant that is read.
func people() simulator.Config {
	return simulator.Config{Users: Users, Hostile: true, Hosts: []string{"graph.microsoft.com", "login.microsoftonline.com"}}
}

// Tenant is a simulated tenant at its own address.
func Tenant(t *testing.T) *Target {
	t.Helper()
	served := harness.Start(t, tenant.New(people()).Start)
	target := &Target{
		Env:       []string{"BASE_URL=" + served.URL + "/v1.0"},
		Authority: served.Authorities, tenant: served, managers: true,
		refusals: []string{"404 Request_ResourceNotFound", "400 Request_BadRequest", "401 InvalidAuthenticationToken"},
	}
	target.Env = append(target.Env, "AUTHORITY_HOST="+served.URL, "MANAGERS=yes")
	target.Env = append(target.Env, identity(served)...)
	return target
}

// MicrosoftsHosts is a simulated tenant that passes for graph.microsoft.com and
// login.microsoftonline.com, which the program reaches through Proxy and knows by itself.
func MicrosoftsHosts(t *testing.T) *Target {
	t.Helper()
	target := Tenant(t)
	proxy := detour.Start(strings.TrimPrefix(target.tenant.URL, "https://"))
	t.Cleanup(proxy.Close)
	target.Proxy = proxy.URL
	target.Env = append(identity(target.tenant), "MANAGERS=yes", "HTTPS_PROXY="+proxy.URL)
	target.after = func(t *testing.T) {
		t.Helper()
		if diff := cmp.Diff([]string{"graph.microsoft.com:443", "login.microsoftonline.com:443"}, proxy.Names()); diff != "" {
			t.Errorf("the client went to other hosts (-want +got):\n%s", diff)
		}
	}
	return target
}

func identity(served *tenant.Tenant) []string {
	return []string{"AZURE_TENANT_ID=" + served.TenantID, "AZURE_CLIENT_ID=" + served.ClientID, "AZURE_CLIENT_SECRET=" + served.ClientSecret}
}

// API is the built functions/users behind an HTTP API.
func API(t *testing.T) *Target {
	t.Helper()
	e := harness.Start(t, endpoint.Config{
		Bootstrap: harness.Release(t, "functions/users"), Kind: gateway.HTTPAPI(), Tenant: people(),
	}.Start)
	authority := filepath.Join(t.TempDir(), "api.pem")
	if err := os.WriteFile(authority, e.Gateway.CertPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return &Target{
		Env:       []string{"BASE_URL=" + e.Gateway.URL + "/v1.0", "CALLER_TOKEN=" + endpoint.Token},
		Authority: authority, tenant: e.Tenant,
		refusals: []string{"404 Request_ResourceNotFound", "400 Request.Invalid", "401 Request.Unauthorized"},
		after: func(t *testing.T) {
			t.Helper()
			if leaks := e.Leaks(); len(leaks) > 0 {
				t.Errorf("the function's log contains %q", leaks)
			}
			if t.Failed() {
				t.Logf("the function's log:\n%s", e.Host.Output())
			}
		},
	}
}

// Serve is `rollcall serve` on this machine, which asks nobody for a token.
func Serve(t *testing.T) *Target {
	t.Helper()
	served := harness.Start(t, tenant.New(people()).Start)
	running := harness.Serve(t, process.Server{Program: harness.Plain(t, "functions/rollcall"), Env: append(process.CleanEnviron(), served.Environ()...)})
	return &Target{
		Env:       []string{"BASE_URL=" + running.Address + "/v1.0", "CALLER_TOKEN=" + endpoint.Token},
		Authority: served.Authorities, tenant: served,
		refusals: []string{"404 Request_ResourceNotFound", "400 Request.Invalid", "none"},
	}
}

// Read runs the program, with more variables in its environment, and checks its report.
func (target *Target) Read(t *testing.T, program []string, env ...string) {
	t.Helper()
	command := process.NewCommand(t.Context(), program[0], program[1:]...)
	command.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "NOBODY=" + Nobody,
		"SSL_CERT_FILE=" + target.Authority, "REQUESTS_CA_BUNDLE=" + target.Authority, "NODE_EXTRA_CA_CERTS=" + target.Authority,
	}, target.Env, env)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	var got Report
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil {
		t.Errorf("the client: %v: %.2000s\n%s", err, out, stderr.Bytes())
	} else {
		target.check(t, got)
	}
	if target.after != nil {
		target.after(t)
	}
}

// check compares a report with who is in the tenant.
func (target *Target) check(t *testing.T, got Report) {
	t.Helper()
	first := ""
	if len(got.IDs) > 0 {
		first = got.IDs[0]
	}
	want := Report{
		IDs:   target.tenant.PresentThroughout(0, target.tenant.Position()),
		Names: Users, One: first, Count: Users, Refusals: target.refusals,
	}
	if target.managers {
		want.Managers = []string{target.tenant.ID(0), target.tenant.ID(0)}
	}
	slices.Sort(got.IDs)
	slices.Sort(want.IDs)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the client found (-want +got):\n%s", diff)
	}
}
