package changes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// pointerVersion is the form of the pointer. One that this version does not know is an
// error, never a guess.
const pointerVersion = 1

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
			total.Values[c] += n
		}
	}
	return total
}

// claim names shards that may exist, though nothing points to them.
type claim struct {
	Nonce  string `json:"nonce"`
	Shards []int  `json:"shards"`
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

// keys are those of the shards of a claim.
func (c *claim) keys(tenant string) (all []string) {
	if c == nil {
		return nil
	}
	for _, i := range c.Shards {
		all = append(all, shardKey(tenant, c.Nonce, i))
	}
	return all
}

// load reads the pointer, or starts with nothing.
func load(ctx context.Context, f *Feed) (*run, error) {
	r := &run{f: f, began: time.Now(), result: &Result{Status: Complete}, writer: newShardWriter()}
	r.p = pointer{Version: pointerVersion, Tenant: f.Tenant}
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
	r.p, r.version = *p, version
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
	if p.Version != pointerVersion || p.Tenant != tenant || p.Turn < 0 {
		return errors.New("it is not the pointer of this tenant")
	}
	keys := append(p.Claim.keys(tenant), p.Obsolete...)
	for i := range p.Shards {
		if err := p.Shards[i].check(len(p.Columns)); err != nil {
			return err
		}
		keys = append(keys, p.Shards[i].Key)
	}
	if p.Claim != nil {
		for _, i := range p.Claim.Shards {
			if i < 0 || i >= shardCount {
				return errors.New("it claims a shard that there is not")
			}
		}
	}
	if t := p.Pending; t != nil {
		if t.Link == "" || t.Turn <= p.Turn || t.Next < 0 {
			return errors.New("its pending turn is none")
		}
		for i, s := range t.Shards {
			if err := s.check(len(t.Columns)); err != nil || i < 0 || i >= shardCount {
				return errors.New("its pending turn has a shard that is none")
			}
			keys = append(keys, s.Key)
		}
	}
	for _, key := range keys {
		if key != "" && (!strings.HasPrefix(key, prefix(tenant)) || key == pointerKey(tenant) || store.CheckKey(key) != nil) {
			return errors.New("it names an object that is not the feed's")
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

// save moves the pointer, and deletes what it makes obsolete.
func (r *run) save(ctx context.Context) error {
	r.p.Nonce = store.Nonce()
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
	r.version = version
	r.collect(ctx)
	return nil
}

// collect deletes what the stored pointer says is obsolete. What cannot be deleted stays
// in the list; the list is stored anew with the next pointer.
func (r *run) collect(ctx context.Context) {
	var left []string
	for _, key := range r.p.Obsolete {
		if err := r.f.State.Delete(ctx, key); err != nil && !errors.Is(err, store.ErrNotFound) {
			left = append(left, key)
			r.f.Log.WarnContext(ctx, "a shard that nothing needs any more could not be deleted yet", "error", err)
		}
	}
	r.p.Obsolete = left
}
