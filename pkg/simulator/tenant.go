package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Tenant is a simulated Entra tenant. All its methods may be used at once.
type Tenant struct {
	config  Config
	people  *people
	roster  *roster
	display displayOrder
	faults  *faultBook
	journal journal
	secrets *clientSecrets
	vault   *vault
	meter   *meter
	key     []byte
	started time.Time

	chains   atomic.Uint64
	requests atomic.Uint64
	counts   atomic.Int64
	churned  atomic.Int64

	mu         sync.Mutex
	challenged int64 // CAE: tokens must answer this challenge or a later one
	pages      pageMemory
}

// New makes a tenant.
func New(config Config) *Tenant {
	c := config.withDefaults()
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("simulated tenant "+c.Tenant+" "), c.Seed))
	return &Tenant{
		config:  c,
		people:  newPeople(c.Seed, c.Domain, c.Nasty),
		roster:  newRoster(c.Users),
		faults:  newFaultBook(append([]Fault(nil), c.Faults...)),
		secrets: newClientSecrets(c.ClientSecret, c.SecretPropagation),
		vault:   newVault(c.Seed),
		meter:   newMeter(),
		key:     sum[:],
		started: time.Now(),
		pages:   newPageMemory(),
	}
}

// Config returns the configuration with its defaults filled in.
func (t *Tenant) Config() Config { return t.config }

// AddFault sets a further fault while the tenant runs.
func (t *Tenant) AddFault(f Fault) { t.faults.add(f) }

// Users counts the users that exist now.
func (t *Tenant) Users() int { return t.roster.size(time.Now()) }

// Create adds a user, listed last, and returns its index.
func (t *Tenant) Create() int { return count(t.roster.create(time.Now())) }

// Delete removes the user with the index.
func (t *Tenant) Delete(index int) error {
	if index < 0 {
		return fmt.Errorf("delete user %d: there is no such user", index)
	}
	return t.roster.remove(uint64(index), time.Now())
}

// Move lists a user elsewhere: before everybody else, or behind. A reader that
// is half-way misses a user that moves to the front, and meets twice one that
// it has seen and that moves to the end.
func (t *Tenant) Move(index int, front bool) error {
	if index < 0 {
		return fmt.Errorf("move user %d: there is no such user", index)
	}
	return t.roster.move(uint64(index), front, time.Now())
}

// ID is the object id of the user with the index, whether it exists or not.
func (t *Tenant) ID(index int) string {
	return userID(t.people.seed, uint64(max(index, 0))).String()
}

// UserPrincipalName is the sign-in name of the user with the index.
func (t *Tenant) UserPrincipalName(index int) string {
	u := t.people.person(uint64(max(index, 0)))
	return string(u.appendUPN(nil))
}

// Index finds a user that exists by its object id.
func (t *Tenant) Index(id string) (int, bool) {
	g, ok := parseGUID(id)
	if !ok {
		return 0, false
	}
	index, ok := userIndex(t.people.seed, g)
	if !ok || !t.roster.exists(index, time.Now()) {
		return 0, false
	}
	return count(index), true
}

// Handler serves everything on one host: the token service, Microsoft Graph
// under /v1.0, and Secrets Manager at POST /.
func (t *Tenant) Handler() http.Handler { return http.HandlerFunc(t.serve) }

func (t *Tenant) serve(w http.ResponseWriter, r *http.Request) {
	t.churn()
	entry := t.journal.begin(r)
	x := &exchange{
		tenant: t, w: w, r: r, entry: entry,
		requestID: guidFrom(t.config.Seed+1, t.requests.Add(1)).String(),
		rate:      t.config.Bandwidth,
	}
	t.journal.note(entry, func(e *Request) { e.RequestID = x.requestID })
	defer func() {
		if err := r.Context().Err(); err != nil {
			// The client gave up. What it has of the answer must not end as if
			// it were whole.
			x.reset(err)
		}
		t.journal.note(entry, func(e *Request) { e.Done = true })
		t.logRequest(x)
	}()
	switch path := r.URL.Path; {
	case hostOf(r.Host) == t.config.ForeignHost:
		x.foreign()
	case path == "/v1.0" || strings.HasPrefix(path, "/v1.0/"):
		x.graph()
	case path == "/" && r.Method == http.MethodPost:
		x.secretsManager()
	default:
		x.login()
	}
}

func hostOf(hostport string) string {
	if host, port, ok := strings.Cut(hostport, ":"); ok && isNumber(port) {
		return host
	}
	return hostport
}

// logRequest writes a line that names nobody.
func (t *Tenant) logRequest(x *exchange) {
	if t.config.Log == nil {
		return
	}
	var e Request
	t.journal.note(x.entry, func(entry *Request) { e = *entry })
	t.config.Log.Info("request",
		"kind", e.Kind, "method", e.Method, "status", e.Status, "page", e.Page, "bytes", e.Bytes,
		"took", time.Since(e.Started).Round(time.Millisecond), "faults", strings.Join(e.Faults, ","), "request_id", e.RequestID)
}

// foreign answers as an attacker's host would: a page that looks whole.
func (x *exchange) foreign() {
	x.kind("foreign")
	j := &x.tenant.journal
	j.mu.Lock()
	j.foreign++
	if x.r.Header.Get("Authorization") != "" {
		j.leaked++
	}
	j.mu.Unlock()
	x.json()
	x.write([]byte(`{"@odata.context":"https://` + x.tenant.config.ForeignHost + `/v1.0/$metadata#users","value":[]}`))
}

func (x *exchange) kind(kind string) {
	x.tenant.journal.note(x.entry, func(e *Request) { e.Kind = kind })
}

// churn makes the changes that are due since the tenant started.
func (t *Tenant) churn() {
	if t.config.Churn <= 0 {
		return
	}
	due := int64(time.Since(t.started).Minutes() * float64(t.config.Churn))
	for n := t.churned.Load(); n < due; n = t.churned.Load() {
		if !t.churned.CompareAndSwap(n, n+1) {
			continue
		}
		extent := t.roster.extent()
		if extent == 0 {
			t.Create()
			continue
		}
		// Somebody who is gone already is left alone: an error here is no news.
		switch victim := count(mix(unsigned(n)) % extent); n % 3 {
		case 0:
			t.Create()
		case 1:
			_ = t.Delete(victim)
		default:
			_ = t.Move(victim, n%2 == 0)
		}
	}
}
