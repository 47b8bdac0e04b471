// Package tenant is what a simulated tenant is configured to be. All its rooms
// read the same description. It imports package fault only.
package tenant

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
)

// Defaults and limits of Config. They are constants, so that a demo needs no
// set-up.
const (
	DefaultTenant       = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
	DefaultDomain       = "contoso.example"
	DefaultClientID     = "c11e47ed-5ec7-4a7e-9d0c-ba9876543210"
	DefaultClientSecret = "sim8Q-this-secret-opens-only-the-simulator"
	DefaultIdentity     = "1de47171-0a57-4f6b-8d3c-5e1f2a3b4c5d"
	DefaultRole         = "arn:aws:iam::123456789012:role/rollcall-users"
	DefaultForeignHost  = "graph.microsoft.com.attacker.example"

	// IdentityHeader is what App Service wants to see of its own processes.
	IdentityHeader = "sim8Q-this-header-opens-only-the-simulator"

	// MaxUsers is the largest tenant.
	MaxUsers = 10_000_000

	// MaxTop is the largest page that Graph gives.
	MaxTop = 999
)

// DefaultRoles are the application permissions of an app that was granted what the
// documentation of Rollcall asks for.
func DefaultRoles() []string { return []string{"User.Read.All"} }

// Config describes a tenant. The zero value is an empty tenant without faults.
type Config struct {
	// Users is how many users the tenant starts with, 0 to MaxUsers.
	Users int
	// Seed decides who they are. The same seed gives the same user at the same
	// index, whatever the size of the tenant.
	Seed uint64
	// Hosts are names, in lower case and without a port, under which the tenant is reached
	// besides its address: they are in the server's certificate, and tokens for Graph may
	// name them as their audience.
	Hosts []string
	// Tenant is the tenant's GUID, Domain its verified domain.
	Tenant, Domain string
	// ClientID and ClientSecret are the app registration that reads. The secret is
	// valid for as long as the tenant lives; see AddSecret and ExpireSecret.
	ClientID, ClientSecret string
	// Roles are the app's granted application permissions; nil means DefaultRoles, an
	// empty slice none at all.
	Roles []string
	// Apps are further app registrations.
	Apps []App
	// NoSecrets is an app management policy by which no registration gets a client secret;
	// MaxSecretLifetime is one that bounds how long a new one may live. MaxSecrets is how many
	// a registration may have, as those have that are open to personal accounts; 0 is
	// unlimited.
	NoSecrets         bool
	MaxSecretLifetime time.Duration
	MaxSecrets        int
	// Identities are the managed identities of the host that the app runs on; nil means one,
	// which is system-assigned and has DefaultRoles, an empty slice none at all.
	Identities []Identity
	// Role is the ARN of the role that asks the account's Security Token Service; "" means
	// one for the function users.
	Role string
	// Issuers reaches the issuers of federated credentials; nil means the account's own alone.
	Issuers http.RoundTripper
	// Free says that the tenant has no Entra ID P1 licence, so that
	// signInActivity is refused.
	Free bool
	// B2C says that the tenant is a B2C tenant, which refuses the header
	// ConsistencyLevel: eventual, $count, $search, and delta queries of users.
	B2C bool
	// Hostile gives every eighth user hostile values: spreadsheet formulas, numerals,
	// control characters, emoji, lone surrogates. Without it one in a thousand has
	// a hostile display name.
	Hostile bool

	// Agents makes one in 40 users the account of an AI agent, of the derived type
	// microsoft.graph.agentUser.
	Agents bool
	// MaxURL is how many characters a request's address may have before it is refused
	// with 414; 0 is unlimited.
	MaxURL int

	// PageSize is the page without $top; 0 means 100.
	PageSize int
	// ClampTop makes a $top beyond 999 mean 999; without it, it is an error.
	ClampTop bool
	// LinkAfterValue puts @odata.nextLink after value. Graph puts it before.
	LinkAfterValue bool
	// DeltaPageSize is the page of a delta query; 0 means 200. DeltaMaxAge is how long
	// a delta token works; 0 means 7 days. NoDelta refuses delta queries, as B2C does.
	DeltaPageSize int
	DeltaMaxAge   time.Duration
	NoDelta       bool
	// NoDescending refuses $orderby with desc.
	NoDescending bool
	// Endpoints sends what Graph sends: the validation of notification addresses, and
	// notifications. Without it no address can be reached, and nobody can subscribe.
	Endpoints http.RoundTripper
	// PlainLoopback permits notification addresses with http:// on loopback, for
	// developers; Graph permits https:// only.
	PlainLoopback bool
	// NotificationLag is how long after a change its notification is sent; changes
	// within that time are sent in one.
	NotificationLag time.Duration
	// SequenceText makes the sequenceNumber of notifications a string; otherwise it is a
	// number.
	SequenceText bool
	// MaxSubscriptions is how many subscriptions the app may have in the tenant; 0 means
	// 100.
	MaxSubscriptions int
	// TokenMaxAge is how long a page token works; 0 means forever.
	TokenMaxAge time.Duration
	// CountBOM starts the body of /users/$count with a byte order mark.
	CountBOM bool

	// Latency is the time to the first byte of each Graph response, and
	// TokenLatency that of each token response.
	Latency, TokenLatency time.Duration
	// Bandwidth is how many bytes of a body are sent in a second; 0 is unlimited.
	Bandwidth int
	// ReplicaLag is how old the state is that lists and single reads show.
	ReplicaLag time.Duration
	// CountLag is how old the state is that $count shows.
	CountLag time.Duration
	// Count, when set, decides what every count says: it gets the number of the
	// count request (from 1) and the true figure.
	Count func(request, truth int) int
	// Throttle meters resource units (S, M and L buckets) and answers 429.
	Throttle bool
	// Churn is how many changes happen in a minute: users are created, deleted,
	// restored and renamed, and get another department.
	Churn int

	// TokenLifetime is an access token's life; 0 means 3599 s.
	TokenLifetime time.Duration
	// SecretPropagation is for how long a secret added later is recognised on
	// some requests and not on others.
	SecretPropagation time.Duration

	// Faults are the faults to inject; see FaultNames.
	Faults []fault.Fault
	// Chaos, unless 0, is the seed of a tenant that misbehaves and changes: every request
	// may meet any fault that fits it, while users come, go, are renamed and restored.
	// The seed also decides about some of the settings above.
	Chaos uint64
	// Speedup divides the waits and lags of faults, for tests that have no virtual time;
	// 0 means 1, and 20 with Chaos.
	Speedup int
	// ForeignHost is the host that some faults send the client to. The in-memory
	// transport serves it too, and Tenant.Foreign counts who came.
	ForeignHost string
	// OnPage, when set, is called as a list page is asked for, before its users
	// are chosen, with the number of the page in its chain (from 1). It may
	// change the tenant.
	OnPage func(page int)
	// Around wraps the handler of everything that the tenant serves; nil leaves it as it is.
	Around func(http.Handler) http.Handler
	// Log gets one line a request, without people, tokens or queries; nil is
	// silent.
	Log *slog.Logger
}

// App is an app registration beside the one of [Config.ClientID].
type App struct {
	// ClientID and ClientSecret are the registration's; the secret has no end.
	ClientID, ClientSecret string
	// Roles are its application permissions.
	Roles []string
	// Owns are the client ids of the registrations that its service principal owns.
	Owns []string
}

// Identity is a managed identity of the tenant.
type Identity struct {
	ClientID string
	// SystemAssigned says that it is the host's own: the one that is meant where none is
	// named.
	SystemAssigned bool
	// Roles are its application permissions for Graph.
	Roles []string
}

// Identity returns the managed identity with a client id, or for "" the system-assigned one.
func (c Config) Identity(clientID string) (Identity, bool) {
	for _, one := range c.Identities {
		if clientID == "" && one.SystemAssigned || clientID != "" && strings.EqualFold(clientID, one.ClientID) {
			return one, true
		}
	}
	return Identity{}, false
}

// Named says whether host, which may have a port, is one of Hosts.
func (c Config) Named(host string) bool {
	name, _, _ := strings.Cut(strings.ToLower(host), ":")
	return slices.Contains(c.Hosts, name)
}

// WithDefaults fills in what was left out and bounds what is out of range.
func (c Config) WithDefaults() Config {
	c.Users = min(max(c.Users, 0), MaxUsers)
	c.Tenant = cmp.Or(c.Tenant, DefaultTenant)
	c.Domain = cmp.Or(c.Domain, DefaultDomain)
	c.ClientID = cmp.Or(c.ClientID, DefaultClientID)
	c.ClientSecret = cmp.Or(c.ClientSecret, DefaultClientSecret)
	c.Role = cmp.Or(c.Role, DefaultRole)
	c.ForeignHost = cmp.Or(c.ForeignHost, DefaultForeignHost)
	if c.PageSize <= 0 {
		c.PageSize = 100
	}
	c.PageSize = min(c.PageSize, MaxTop)
	if c.Chaos != 0 {
		c = c.chaotic()
	}
	c.Speedup = max(c.Speedup, 1)
	if c.DeltaPageSize <= 0 {
		c.DeltaPageSize = 200
	}
	if c.MaxSubscriptions <= 0 {
		c.MaxSubscriptions = 100
	}
	if c.DeltaMaxAge <= 0 {
		c.DeltaMaxAge = 7 * 24 * time.Hour
	}
	if c.TokenLifetime <= 0 {
		c.TokenLifetime = 3599 * time.Second
	}
	if c.Roles == nil {
		c.Roles = DefaultRoles()
	}
	if c.Identities == nil {
		c.Identities = []Identity{{DefaultIdentity, true, DefaultRoles()}}
	}
	return c
}

// chaotic sets what the seed of chaos decides.
func (c Config) chaotic() Config {
	r := rand.New(rand.NewPCG(c.Chaos, 1))
	one := func(in int) bool { return r.IntN(in) == 0 }
	c.Seed = cmp.Or(c.Seed, c.Chaos)
	c.Speedup = cmp.Or(c.Speedup, 20)
	c.LinkAfterValue = one(4) || c.LinkAfterValue
	c.CountBOM = one(4) || c.CountBOM
	c.Hostile = one(4) || c.Hostile
	c.Agents = one(4) || c.Agents
	c.NoDescending = one(8) || c.NoDescending
	c.NoDelta = one(8) || c.NoDelta
	c.B2C = one(16) || c.B2C
	c.DeltaPageSize = cmp.Or(c.DeltaPageSize, 3+r.IntN(100))
	return c
}

// Scaled is how long a wait or lag of a fault is.
func (c Config) Scaled(d time.Duration) time.Duration { return d / time.Duration(c.Speedup) }

// ScaledSeconds is Scaled for the text of a Retry-After.
func (c Config) ScaledSeconds(text string) string {
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || c.Speedup == 1:
		return text
	case strings.Contains(text, "."):
		return strconv.FormatFloat(seconds/float64(c.Speedup), 'f', 3, 64)
	}
	return strconv.Itoa(int(math.Ceil(seconds / float64(c.Speedup))))
}

// Key returns the key that the tenant's access and page tokens are sealed with.
func (c Config) Key() []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("simulated tenant "+c.Tenant+" "), c.Seed))
	return sum[:]
}
