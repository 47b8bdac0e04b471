// Package registrations is the part of an Entra ID tenant where apps are registered, as the
// Azure command line and Terraform's azuread provider meet it: a sign-in, and of
// Microsoft Graph the applications, service principals, owners, consents and credentials,
// with the rules that Graph documents for them. Nothing in it knows Rollcall.
package registrations

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// Object is an object of the directory, as Graph's JSON has it.
type Object = map[string]any

// What every tenant has.
const (
	// TenantID is the tenant.
	TenantID = "3f1c6a52-7d0e-4b8a-9c55-0a1b2c3d4e5f"
	// GraphAppID is the client ID of Microsoft Graph.
	GraphAppID = "00000003-0000-0000-c000-000000000000"

	graphID    = "60000000-0000-0000-0000-000000000003" // Microsoft Graph's service principal
	deployerID = "70000000-0000-0000-0000-000000000007" // who is signed in
	deployer   = "80000000-0000-0000-0000-000000000008" // its client ID
	// Password is that of who is signed in.
	Password = "password-of-the-deployer"
)

// Roles are application permissions of Microsoft Graph, with the ids of its permissions reference.
func Roles() map[string]string {
	return map[string]string{
		"User.Read.All":                 "df021288-bdef-4463-88db-98f22de89214",
		"AuditLog.Read.All":             "b0afded3-3588-46d8-8b3d-9842eff778da",
		"Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
		"Directory.Read.All":            "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
	}
}

// Tenant is the tenant's registrations.
type Tenant struct {
	server *httptest.Server

	mu           sync.Mutex
	applications []Object
	principals   []Object
	assignments  []Object            // app role assignments
	owners       map[string][]string // of an application or service principal, by its object ID
	federated    map[string][]Object
	secrets      []string
	// A new object is not found so many times, since Graph's replicas differ for a while.
	unknown map[string]int
	delay   int
	// Changes counts requests that changed something.
	changes int
}

// Start starts a tenant on loopback. The caller closes it.
func Start(context.Context) (*Tenant, error) {
	t := &Tenant{owners: map[string][]string{}, federated: map[string][]Object{}, unknown: map[string]int{}}
	var roles []any
	for _, name := range slices.Sorted(maps.Keys(Roles())) {
		roles = append(roles, Object{
			"id": Roles()[name], "value": name, "displayName": name, "description": name, "isEnabled": true, "allowedMemberTypes": []any{"Application"},
		})
	}
	t.principals = append(t.principals,
		Object{"id": graphID, "appId": GraphAppID, "displayName": "Microsoft Graph", "servicePrincipalType": "Application", "appRoles": roles},
		Object{"id": deployerID, "appId": deployer, "displayName": "deployer", "servicePrincipalType": "Application"})
	t.server = httptest.NewTLSServer(leak.Wire(t.routes()))
	return t, nil
}

// Close ends the tenant.
func (t *Tenant) Close() { t.server.Close() }

// URL is the root of everything: login host, Graph, Azure Resource Manager and metadata.
func (t *Tenant) URL() string { return t.server.URL }

// Certificate writes the certificate of the tenant's hosts into a folder, in PEM, and returns the file.
func (t *Tenant) Certificate(folder string) (string, error) {
	path := filepath.Join(folder, "hosts.pem")
	return path, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: t.server.Certificate().Raw}), 0o600)
}

// Delay lets every new object be unknown to the first n requests that name it.
func (t *Tenant) Delay(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.delay = n
}

// Changes counts the requests that have changed something.
func (t *Tenant) Changes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes
}

// Secrets are the client secrets that were made, whatever became of them.
func (t *Tenant) Secrets() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.secrets)
}

// routes is the tenant's API, below all roots.
func (t *Tenant) routes() http.Handler {
	mux := http.NewServeMux()
	t.signIn(mux)
	for path, serve := range map[string]func(*request){
		"GET /applications":                                                   listApplications,
		"POST /applications":                                                  register,
		"GET /applications/{id}":                                              showApplication,
		"PATCH /applications/{id}":                                            changeApplication,
		"DELETE /applications/{id}":                                           deleteApplication,
		"GET /applications/{id}/owners":                                       listOwners,
		"POST /applications/{id}/owners/$ref":                                 addOwner,
		"DELETE /applications/{id}/owners/{owner}/$ref":                       removeOwner,
		"POST /applications/{id}/addPassword":                                 addPassword,
		"POST /applications/{id}/removePassword":                              removePassword,
		"GET /applications/{id}/federatedIdentityCredentials":                 listFederated,
		"POST /applications/{id}/federatedIdentityCredentials":                addFederated,
		"GET /applications/{id}/federatedIdentityCredentials/{credential}":    showFederated,
		"PATCH /applications/{id}/federatedIdentityCredentials/{credential}":  changeFederated,
		"DELETE /applications/{id}/federatedIdentityCredentials/{credential}": removeFederated,
		"GET /servicePrincipals":                                              listPrincipals,
		"POST /servicePrincipals":                                             addPrincipal,
		"GET /servicePrincipals/{id}":                                         showPrincipal,
		"PATCH /servicePrincipals/{id}":                                       changePrincipal,
		"DELETE /servicePrincipals/{id}":                                      deletePrincipal,
		"GET /servicePrincipals/{id}/owners":                                  listOwners,
		"POST /servicePrincipals/{id}/owners/$ref":                            addOwner,
		"DELETE /servicePrincipals/{id}/owners/{owner}/$ref":                  removeOwner,
		"GET /servicePrincipals/{id}/appRoleAssignments":                      listAssignments,
		"POST /servicePrincipals/{id}/appRoleAssignments":                     assign,
		"GET /servicePrincipals/{id}/appRoleAssignedTo":                       listAssigned,
		"POST /servicePrincipals/{id}/appRoleAssignedTo":                      assign,
		"GET /servicePrincipals/{id}/appRoleAssignedTo/{assignment}":          showAssignment,
		"DELETE /servicePrincipals/{id}/appRoleAssignedTo/{assignment}":       unassign,
		"GET /directoryObjects/{id}":                                          showObject,
	} {
		// The provider reads service principals by the beta version.
		for _, version := range []string{"v1.0", "beta"} {
			mux.HandleFunc(rooted(version, path), func(w http.ResponseWriter, r *http.Request) { t.serve(w, r, serve) })
		}
	}
	return mux
}

// newID returns a GUID.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b)
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
