package changes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// pointerVersion is the newest form of the pointer. One that this version does not know is
// an error, never a guess. A pointer is written in the oldest form that has all that is in
// it, so that older versions go on to work wherever they can.
const pointerVersion = 3

// pointer is all that is kept besides the shards.
type pointer struct {
	Version int `json:"version"`
	// Nonce makes every pointer that is written a different one.
	Nonce  string `json:"nonce"`
	Tenant string `json:"tenant"`
	mirror
	// Turn is the number of the last turn: it only grows.
	Turn int64 `json:"turn"`
	// Claim is what a turn is about to write.
	Claim *claim `json:"claim,omitempty"`
	// Pending is a turn that is written and not published yet.
	Pending *turn `json:"pending,omitempty"`
	// Resuming is a comparison with everybody that is not at its end; version 2.
	Resuming *comparison `json:"resuming,omitempty"`
	// SubscribedAt is when the subscription was looked at; version 3.
	SubscribedAt time.Time `json:"subscribedAt,omitzero"`
	// Suspect is a turn that was not published.
	Suspect *suspect `json:"suspect,omitempty"`
	// Obsolete are objects to be deleted.
	Obsolete []string `json:"obsolete,omitempty"`
}

// mirror is what is known of the users.
type mirror struct {
	// Asked are the columns of the configuration, Columns those of them that Graph gives.
	Asked   columns `json:"asked,omitempty"`
	Columns columns `json:"columns,omitempty"`
	// Link leads to the changes that come next, "" as long as there is no mirror.
	Link string `json:"link,omitempty"`
	// SavedAt is when the link was saved, ProvenAt when the mirror was compared with
	// everybody.
	SavedAt  time.Time         `json:"savedAt,omitzero"`
	ProvenAt time.Time         `json:"provenAt,omitzero"`
	Shards   [shardCount]shard `json:"shards"`
}

// totals adds up the shards.
func (m *mirror) totals() (total shard) {
	total.Values = make([]int, len(m.Columns))
	for i := range m.Shards {
		total.Users += m.Shards[i].Users
		total.Deleted += m.Shards[i].Deleted
		for c, n := range m.Shards[i].Values {
			if c < len(total.Values) {
				total.Values[c] += n
			}
		}
	}
	return total
}

// form is the oldest version that has all that is in the pointer.
func (p *pointer) form() int {
	if !p.SubscribedAt.IsZero() {
		return 3
	}
	if p.Resuming != nil || p.Claim != nil && p.Claim.Spill > 0 {
		return 2
	}
	return 1
}

// claim names objects that may exist, though nothing points to them.
type claim struct {
	Nonce  string `json:"nonce"`
	Shards []int  `json:"shards"`
	// Spill is how many pieces of a spill there may be; version 2.
	Spill int `json:"spill,omitempty"`
}

// suspect is what was found suspect, by the name to accept it by.
type suspect struct {
	Run     string    `json:"run"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Leavers int       `json:"leavers"`
	Reasons []string  `json:"reasons"`
}

func prefix(tenant string) string     { return "tenant=" + tenant + "/changes/" }
func pointerKey(tenant string) string { return prefix(tenant) + "pointer.json" }

func shardKey(tenant, nonce string, i int) string {
	return fmt.Sprintf("%s%s/%02x", prefix(tenant), nonce, i)
}

func pieceKey(tenant, nonce string, n int) string {
	return fmt.Sprintf("%s%s/spill-%d", prefix(tenant), nonce, n)
}

// keys are those of the objects of a claim.
func (c *claim) keys(tenant string) (all []string) {
	if c == nil {
		return nil
	}
	for _, i := range c.Shards {
		all = append(all, shardKey(tenant, c.Nonce, i))
	}
	for n := range c.Spill {
		all = append(all, pieceKey(tenant, c.Nonce, n))
	}
	return all
}

// names are the keys of the objects that the pointer names or claims.
func (p *pointer) names() map[string]bool {
	names := map[string]bool{}
	for _, key := range p.Claim.keys(p.Tenant) {
		names[key] = true
	}
	for i := range p.Shards {
		names[p.Shards[i].Key] = true
	}
	for _, t := range []*turn{p.Pending, p.Resuming.turn()} {
		for i := range t.shards() {
			names[t.Shards[i].Key] = true
		}
	}
	for _, piece := range p.Resuming.spill() {
		names[piece.Key] = true
	}
	delete(names, "") // of empty shards
	return names
}

// load reads the pointer, or starts with nothing.
func load(ctx context.Context, f *Feed) (*run, error) {
	r := &run{f: f, began: time.Now(), result: &Result{Status: Complete}, writer: newShardWriter()}
	r.p = pointer{Tenant: f.Tenant}
	body, version, err := f.State.Read(ctx, pointerKey(f.Tenant))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r, nil
	case err != nil:
		return nil, err
	}
	p, err := r.parse(body)
	if err != nil {
		return nil, err
	}
	r.p, r.version, r.named = *p, version, p.names()
	return r, nil
}

func (r *run) parse(body []byte) (*pointer, error) {
	var version struct{ Version int }
	if json.Unmarshal(body, &version) == nil && version.Version > pointerVersion {
		return nil, r.invalid("it was written by a newer version of rollcall; deploy that version here, too", nil)
	}
	var p pointer
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	if err == nil {
		err = p.check(r.f.Tenant)
	}
	if err != nil {
		return nil, r.invalid("it is damaged; restore it, or delete it to begin with a new baseline, which publishes nothing", err)
	}
	return &p, nil
}

func (r *run) invalid(problem string, err error) error {
	return &store.StateError{URL: r.f.State.URL(pointerKey(r.f.Tenant)), Problem: problem, Err: err}
}

// check says what is wrong with a pointer. What was changed must not be published or
// deleted.
func (p *pointer) check(tenant string) error {
	if p.Version < p.form() || p.Version > pointerVersion || p.Tenant != tenant || p.Turn < 0 {
		return errors.New("it is not the pointer of this tenant")
	}
	for i := range p.Shards {
		if err := p.Shards[i].check(len(p.Columns)); err != nil {
			return err
		}
	}
	if err := p.Claim.check(); err != nil {
		return err
	}
	if p.Pending != nil {
		if err := p.Pending.check(p.Turn); err != nil {
			return fmt.Errorf("its pending turn: %w", err)
		}
	}
	if p.Resuming != nil {
		if err := p.Resuming.check(p); err != nil {
			return fmt.Errorf("the comparison that is not at its end: %w", err)
		}
	}
	for _, key := range slices.AppendSeq(slices.Clone(p.Obsolete), maps.Keys(p.names())) {
		if !strings.HasPrefix(key, prefix(tenant)) || key == pointerKey(tenant) || store.CheckKey(key) != nil {
			return errors.New("it names an object that is not the feed's")
		}
	}
	return nil
}

// maxPieces bounds the pieces of a spill: more than a store of ten million users needs.
const maxPieces = 10_000

func (c *claim) check() error {
	switch {
	case c == nil:
	case c.Spill < 0 || c.Spill > maxPieces:
		return errors.New("it claims more pieces of a spill than there can be")
	case slices.ContainsFunc(c.Shards, notAShard) || len(c.Shards) > shardCount:
		return errors.New("it claims a shard that there is not")
	}
	return nil
}

func notAShard(i int) bool { return i < 0 || i >= shardCount }

// check says what is wrong with a stored turn that comes after the turn last.
func (t *turn) check(last int64) error {
	if t.Link == "" || t.Turn <= last || t.Next < 0 {
		return errors.New("it is none")
	}
	for i, s := range t.Shards {
		if notAShard(i) || s.check(len(t.Columns)) != nil {
			return errors.New("it has a shard that is none")
		}
	}
	return nil
}

func (s *shard) check(columns int) error {
	if s.Users < 0 || s.Deleted < 0 || s.Size < 0 || (s.Key == "") != (s.Users+s.Deleted == 0) || len(s.Values) != columns && (s.Key != "" || len(s.Values) > 0) {
		return errors.New("it has a shard that is none")
	}
	return nil
}

// conflict is the error of a run that another one has overtaken.
func (r *run) conflict() error {
	return &store.StateError{
		Conflict: true, URL: r.f.State.URL(pointerKey(r.f.Tenant)),
		Problem: "another run works on the changes of this tenant and publishes them; run again once it has ended",
	}
}

// save moves the pointer, and deletes what it makes obsolete: what the stored one names or
// claims and this one does not.
func (r *run) save(ctx context.Context) error {
	r.p.Version, r.p.Nonce = r.p.form(), store.Nonce()
	names := r.p.names()
	for _, key := range slices.Sorted(maps.Keys(r.named)) {
		if !names[key] {
			r.p.Obsolete = append(r.p.Obsolete, key)
		}
	}
	body, err := json.Marshal(&r.p)
	if err != nil {
		return err
	}
	version, _, err := store.Move(ctx, r.f.State, pointerKey(r.f.Tenant), body, r.version)
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound): // or deleted meanwhile
		return r.conflict()
	case err != nil:
		return fmt.Errorf("move the pointer of the changes: %w", err)
	}
	r.version, r.named = version, names
	if r.collect(ctx) > manyObsolete {
		return r.save(ctx) // or the next run would delete them all once more
	}
	return nil
}

// manyObsolete is how many objects may be deleted twice rather than the pointer moved again.
const manyObsolete = 16

// collect deletes what the stored pointer says is obsolete, and returns how much that was.
// What cannot be deleted stays in the list; the list is stored anew with the next pointer.
func (r *run) collect(ctx context.Context) (deleted int) {
	var left []string
	for _, key := range r.p.Obsolete {
		if err := r.f.State.Delete(ctx, key); err != nil && !errors.Is(err, store.ErrNotFound) {
			left = append(left, key)
			r.f.Log.WarnContext(ctx, "an object that nothing needs any more could not be deleted yet", "error", err)
		}
	}
	deleted = len(r.p.Obsolete) - len(left)
	r.p.Obsolete = left
	return deleted
}
