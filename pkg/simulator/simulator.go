// Package simulator is a simulated Entra ID tenant: the token service,
// Microsoft Graph's users with their change notifications, a small AWS Secrets
// Manager and a small Azure Key Vault, on one host.
//
// It exists to prove the client wrong. It answers as the real services do,
// down to the order of JSON members and the wording of errors, and on demand it
// misbehaves as they do: throttled, cut off, stalled, looping, stale, or simply
// silent half-way. Nothing in it is taken from the client's code, and it imports
// only the standard library and package property.
//
// People are functions of a seed and an index. A tenant of ten million users
// takes no more memory than one of ten; only changes made while it runs are
// remembered.
//
// Serve it through [Tenant.Handler], over TLS with [Tenant.Start], or without a
// socket with [Tenant.Transport], which also works in a testing/synctest bubble.
//
// This package is the front. The rooms below it are people (who they are),
// directory (who exists), login (tokens), vault (secrets), sts and jwt (tokens of another issuer), query (what a request
// asks for), graphapi (what Graph answers), subscription (who is notified), fault (what
// goes wrong), and wire (how an answer travels, and the journal).
package simulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/graphapi"
	"github.com/rollcall-dev/rollcall/pkg/simulator/login"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/sts"
	"github.com/rollcall-dev/rollcall/pkg/simulator/subscription"
	"github.com/rollcall-dev/rollcall/pkg/simulator/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator/vault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// What the rooms below define for the users of a tenant.
type (
	// Config describes a tenant. The zero value is an empty tenant without faults.
	Config = tenant.Config
	// Request is what the tenant remembers of one request.
	Request = wire.Request
	// Fault is one misbehaviour of the tenant.
	Fault = fault.Fault
	// FaultName describes one fault for people.
	FaultName = fault.Name
	// Subscription is a subscription to changes, with what has become of its notices.
	Subscription = subscription.State
	// Notices counts notices, and the requests that carried them.
	Notices = subscription.Counts
	// App is a further app registration.
	App = tenant.App
	// Password is one of the client secrets of a registration.
	Password = login.Password
	// Identity is a managed identity.
	Identity = tenant.Identity
	// Role is an application permission that decides about Graph's answers.
	Role = graphapi.Role
)

// Defaults and limits of Config.
const (
	DefaultTenant       = tenant.DefaultTenant
	DefaultDomain       = tenant.DefaultDomain
	DefaultClientID     = tenant.DefaultClientID
	DefaultClientSecret = tenant.DefaultClientSecret
	DefaultIdentity     = tenant.DefaultIdentity
	DefaultForeignHost  = tenant.DefaultForeignHost
	MaxUsers            = tenant.MaxUsers
	// IdentityHeader is what the endpoint of managed identities at IdentityPath wants in the
	// header X-IDENTITY-HEADER.
	IdentityHeader = tenant.IdentityHeader
	IdentityPath   = login.AppServicePath
)

// ParseFault reads a fault written as name[@on][:page][xN], such as 503:3x2
// (page 3 is unavailable twice), reset, 429-date@count or 500x* (without end).
func ParseFault(s string) (Fault, error) { return fault.Parse(s) }

// FaultNames lists the faults that exist, with a line each.
func FaultNames() []FaultName { return fault.Names() }

// Tenant is a simulated Entra tenant. All its methods may be used at once.
type Tenant struct {
	config    Config
	directory *directory.Directory
	faults    *fault.Injector
	login     *login.Service
	graph     *graphapi.Service
	notices   *subscription.Service
	secrets   *vault.SecretsManager
	vault     *vault.KeyVault
	kms       *vault.KMS
	account   *sts.Account
	journal   *wire.Journal
}

// New makes a tenant.
func New(config Config) *Tenant {
	c := config.WithDefaults()
	var chaos *fault.Chaos
	if c.Chaos != 0 {
		chaos = fault.NewChaos(c.Chaos, c.B2C)
	}
	t := &Tenant{
		config:  c,
		faults:  fault.NewInjector(c.Faults, chaos),
		secrets: vault.New(c.Seed),
		kms:     vault.NewKMS(c.Seed),
		account: sts.New(c.Seed, c.Role),
		journal: wire.NewJournal(c.Seed),
	}
	t.login = login.New(c, t.faults)
	t.vault = vault.NewKeyVault(c.Seed, c.Tenant, t.login.Accepts)
	if t.login.Issuers = c.Issuers; c.Issuers == nil {
		t.login.Issuers = t.Transport()
	}
	t.notices = subscription.New(c, t.faults)
	t.directory = newDirectory(c, t.notices)
	t.graph = graphapi.New(c, t.directory, t.login, t.faults, t.notices)
	return t
}

// newDirectory makes the directory, whose changes the subscribers are told of.
func newDirectory(c Config, notices *subscription.Service) *directory.Directory {
	everybody := people.New(people.Config{Seed: c.Seed, Domain: c.Domain, Hostile: c.Hostile, Agents: c.Agents})
	return directory.New(everybody, c.Users, func(index int, life directory.Life) {
		notices.Changed(everybody.ID(index), life == directory.Purged)
	})
}

// Config returns the configuration with its defaults filled in.
func (t *Tenant) Config() Config { return t.config }

// Handler serves everything on one host: the token service, the endpoints of managed
// identities, Microsoft Graph under /v1.0, Secrets Manager, KMS and the Security Token
// Service at POST /, and Key Vault below /secrets.
func (t *Tenant) Handler() http.Handler { return t.around(http.HandlerFunc(t.serve)) }

func (t *Tenant) around(h http.Handler) http.Handler {
	if t.config.Around == nil {
		return h
	}
	return t.config.Around(h)
}

// Transport answers requests without a socket. In a testing/synctest bubble all
// its waiting is virtual. Redirects are returned as they are (an http.Client
// follows them, a RoundTripper does not). It answers for every host.
func (t *Tenant) Transport() http.RoundTripper { return TransportTo(t.Handler()) }

func (t *Tenant) serve(w http.ResponseWriter, r *http.Request) {
	t.directory.Churn(t.config.Churn)
	x := t.journal.Begin(w, r)
	x.Rate = t.config.Bandwidth
	defer x.End(t.config.Log)
	switch path := r.URL.Path; {
	case hostOf(r.Host) == t.config.ForeignHost:
		t.graph.ServeForeign(x)
	case path == "/v1.0" || strings.HasPrefix(path, "/v1.0/"):
		t.graph.Serve(x)
	case sts.IsIssuer(hostOf(r.Host)):
		t.account.ServeIssuer(x)
	case path == "/" && r.Method == http.MethodPost && r.Header.Get("X-Amz-Target") == "":
		t.account.Serve(x)
	case path == "/" && strings.HasPrefix(r.Header.Get("X-Amz-Target"), "TrentService."):
		t.kms.Serve(x)
	case path == "/" && r.Method == http.MethodPost:
		t.secrets.Serve(x)
	case strings.HasPrefix(path, "/secrets/"), strings.HasPrefix(path, "/keys/"):
		t.vault.Serve(x)
	default:
		t.login.Serve(x)
	}
}

func hostOf(hostport string) string {
	host, port, _ := strings.Cut(hostport, ":")
	if port != "" && strings.Trim(port, "0123456789") == "" {
		return host
	}
	return hostport
}

// AddFault sets a further fault while the tenant runs.
func (t *Tenant) AddFault(f Fault) { t.faults.Add(f) }

// Users counts the users that exist now.
func (t *Tenant) Users() int { return t.directory.Size(time.Now()) }

// Create adds a user, listed last, and returns its index.
func (t *Tenant) Create() int { return t.directory.Create() }

// Delete removes the user with the index. A deleted user can be restored.
func (t *Tenant) Delete(index int) error { return t.directory.Delete(index) }

// Restore brings a deleted user back.
func (t *Tenant) Restore(index int) error { return t.directory.Restore(index) }

// Purge removes a deleted user for good.
func (t *Tenant) Purge(index int) error { return t.directory.Purge(index) }

// Rename gives a user another userPrincipalName, and a displayName that goes with it.
// The user moves in each order: by name, and in the list's own order to the front with
// a name that sorts before the old one, else to the end.
func (t *Tenant) Rename(index int, userPrincipalName string) error {
	return t.directory.Rename(index, userPrincipalName)
}

// SetDepartment changes the department of a user; an empty one is null.
func (t *Tenant) SetDepartment(index int, department string) error {
	return t.directory.SetDepartment(index, department)
}

// SetManager gives a user another manager, by index, or none with an index below 0.
func (t *Tenant) SetManager(index, manager int) error { return t.directory.SetManager(index, manager) }

// Move lists a user elsewhere: before everybody else, or last. A reader that is
// half-way misses a user that moves to the front, and sees a user twice that it
// has read and that moves to the end.
func (t *Tenant) Move(index int, front bool) error { return t.directory.Move(index, front) }

// Position is how many changes of users the tenant has made so far: creations,
// deletions, restorations, new names and departments.
func (t *Tenant) Position() int { return t.PositionAt(time.Now()) }

// PositionAt is the position at a time. Lists and counts that lag show an older one.
func (t *Tenant) PositionAt(moment time.Time) int { return t.directory.Position(moment) }

// PresentThroughout returns the ids of the users who were there at each moment between
// two positions, both included. Every complete list that was read meanwhile has them.
func (t *Tenant) PresentThroughout(from, to int) []string { return t.present(from, to, true) }

// PresentEver returns the ids of the users who were there at some moment between two
// positions, both included. No list that was read meanwhile has anybody else.
func (t *Tenant) PresentEver(from, to int) []string { return t.present(from, to, false) }

func (t *Tenant) present(from, to int, throughout bool) (ids []string) {
	t.directory.Presence(from, to, func(index int, always bool) {
		if always || !throughout {
			ids = append(ids, t.ID(index))
		}
	})
	return ids
}

// ID is the object id of the user with the index, whether it exists or not.
func (t *Tenant) ID(index int) string { return t.directory.People.ID(max(index, 0)).String() }

// UserPrincipalName is the sign-in name of the user with the index, whether it
// exists or not.
func (t *Tenant) UserPrincipalName(index int) string {
	u := t.directory.Person(max(index, 0))
	return u.UserPrincipalName()
}

// Index finds a user that exists by its object id.
func (t *Tenant) Index(id string) (int, bool) {
	index, byID, ok := t.directory.People.Find(id)
	if _, exists := t.directory.User(index, time.Now()); !ok || !byID || !exists {
		return 0, false
	}
	return index, true
}

// Requests returns the last 10,000 requests, oldest first.
func (t *Tenant) Requests() []Request { return t.journal.All() }

// ForgetRequests empties the journal.
func (t *Tenant) ForgetRequests() { t.journal.Forget() }

// Foreign returns how many requests reached the foreign host, and how many of
// them carried an Authorization header, which none ever should.
func (t *Tenant) Foreign() (requests, withToken int) { return t.journal.Foreign() }

// AddSecret gives the app a further client secret, valid from now until the
// given time (zero: without end), and returns its key id. It works at once, or
// on some requests only during Config.SecretPropagation.
func (t *Tenant) AddSecret(value string, until time.Time) (keyID string) {
	return t.login.Secrets().Add(value, until)
}

// Passwords are the client secrets of the registration with the client id, as it shows them.
func (t *Tenant) Passwords(clientID string) []Password {
	if app, ok := t.login.App(clientID); ok {
		return app.Secrets.Passwords(time.Now())
	}
	return nil
}

// ExpireSecret makes a secret's life end now: AADSTS7000222 from here on.
func (t *Tenant) ExpireSecret(value string) error { return t.login.Secrets().Expire(value) }

// RemoveSecret removes a secret: AADSTS7000215 from here on.
func (t *Tenant) RemoveSecret(value string) error { return t.login.Secrets().Remove(value) }

// RotateSecret gives the app a new secret and removes all others.
func (t *Tenant) RotateSecret(value string) { t.login.Secrets().Rotate(value) }

// RevokeTokens makes Graph challenge every token issued so far to a client with
// the capability cp1, until the client presents one issued with the claims of the
// challenge. As in reality, tokens of other clients stay valid.
func (t *Tenant) RevokeTokens() { t.login.RevokeTokens() }

// IdentityObject is the object id of the service principal of a managed identity.
func (t *Tenant) IdentityObject(clientID string) string { return t.login.IdentityObject(clientID) }

// ForgetIdentityTokens makes the platform forget the tokens of managed identities, which it
// else gives again and again for almost a day.
func (t *Tenant) ForgetIdentityTokens() { t.login.ForgetIdentityTokens() }

// IdentityHandler serves the endpoint of the tenant's managed identities alone, for a
// plain-HTTP server on loopback.
func (t *Tenant) IdentityHandler() http.Handler {
	return t.around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != IdentityPath {
			http.NotFound(w, r)
			return
		}
		t.serve(w, r)
	}))
}

// SetSecret stores a secret's text in the simulated Secrets Manager. The value
// before becomes the stage AWSPREVIOUS.
func (t *Tenant) SetSecret(name, text string) { t.secrets.Set(name, text) }

// SetSecretBinary stores a binary secret.
func (t *Tenant) SetSecretBinary(name string, value []byte) { t.secrets.SetBinary(name, value) }

// BeginRotation does what Secrets Manager does before it invokes a rotation function: it
// turns rotation on, every so many days, and makes a version without a value that is
// AWSPENDING. The function gets the ARN as SecretId, and the version's id as
// ClientRequestToken.
func (t *Tenant) BeginRotation(name string, days int) (arn, token string, err error) {
	return t.secrets.BeginRotation(name, days)
}

// CancelRotation turns rotation off.
func (t *Tenant) CancelRotation(name string) error { return t.secrets.CancelRotation(name) }

// FillSecret gives the version of a secret with an id a text, as Secrets Manager does to
// have a rotation function tested.
func (t *Tenant) FillSecret(name, id, text string) error { return t.secrets.Fill(name, id, text) }

// LabelSecret moves a staging label of a secret to the version with an id, or removes it
// where that is "".
func (t *Tenant) LabelSecret(name, label, id string) { t.secrets.Label(name, label, id) }

// SecretValue is the text of the version of a secret that has a staging label, "" for none.
func (t *Tenant) SecretValue(name, stage string) string { return t.secrets.Value(name, stage) }

// SecretStages are the staging labels of the versions of a secret by their ids.
func (t *Tenant) SecretStages(name string) map[string][]string { return t.secrets.Stages(name) }

// RefuseSecret makes requests about a secret fail with an error code of Secrets
// Manager: InvalidRequestException (it is scheduled for deletion),
// AccessDeniedException, DecryptionFailure, InternalServiceError or
// ResourceNotFoundException. SetSecret ends that.
func (t *Tenant) RefuseSecret(name, code string) error { return t.secrets.Refuse(name, code) }

// SetVaultSecret stores a secret's text in the simulated Key Vault as its current version, which
// ends at a time, never if that is zero, and returns the version.
func (t *Tenant) SetVaultSecret(name, text string, ends time.Time) (version string) {
	return t.vault.Set(name, text, ends)
}

// DisableVaultSecret disables the current version of a secret in Key Vault.
func (t *Tenant) DisableVaultSecret(name string) error { return t.vault.Disable(name) }

// RefuseVaultSecret makes reads of a secret in Key Vault fail, until it is set anew, by a code
// that Key Vault gives: ForbiddenByRbac, ForbiddenByFirewall, AccessDenied, Throttled or
// InternalServerError.
func (t *Tenant) RefuseVaultSecret(name, code string) error { return t.vault.Refuse(name, code) }

// SecretARN is the ARN of a secret: its name and six characters.
func (t *Tenant) SecretARN(name string) string { return vault.ARN(name) }
