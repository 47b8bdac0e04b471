package baseline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// FuzzRecord has a baseline that somebody else wrote. It is an error, or names as many ids
// as it has users: with fewer of them leavers would pass.
func FuzzRecord(f *testing.F) {
	memory := storetest.NewMemory()
	ids := storeIDs(f, memory, "ids-monday", someIDs(0, 1000))
	r := record("monday", 0)
	r.Users, r.IDs = 1000, ids
	b := baseline.New(memory, tenantID, "")
	if _, err := b.Replace(f.Context(), r); err != nil {
		f.Fatal(err)
	}
	var key string
	for _, k := range memory.Keys() {
		if k != ids[0].Key {
			key = k
		}
	}
	body, _, err := memory.Read(f.Context(), key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	for _, change := range [][2]string{
		{`"users":1000`, `"users":-1000`}, {`"users":1000`, `"users":1e3`}, {`[{`, `[null,{`}, {`"ids"`, `"IDS":null,"ids"`}, {`"version":1`, `"version":"1"`},
	} {
		f.Add(bytes.ReplaceAll(body, []byte(change[0]), []byte(change[1])))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := store.Update(t.Context(), memory, key, func([]byte) ([]byte, error) { return body, nil }); err != nil {
			t.Fatal(err)
		}
		last, err := b.Load(t.Context())
		var state *store.StateError
		if err != nil {
			if !errors.As(err, &state) || state.Name() != "State.Invalid" {
				t.Fatal(err)
			}
			return
		}
		n := 0
		for _, err := range baseline.ReadIDs(t.Context(), memory, last.IDs) {
			if err != nil {
				return
			}
			n++
		}
		if n != last.Users {
			t.Fatalf("%s names %d users, and %d ids were read", body, last.Users, n)
		}
	})
}

// FuzzIDs has an object of ids that somebody else wrote: it is read as it was written, or
// is an error.
func FuzzIDs(f *testing.F) {
	memory := storetest.NewMemory()
	ids := storeIDs(f, memory, "ids", someIDs(0, 3))
	body, _, err := memory.Read(f.Context(), ids[0].Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, 3, ids[0].SHA256)
	f.Add(body, 2, ids[0].SHA256)
	f.Add(body[:40], 3, ids[0].SHA256)
	f.Add(append(bytes.Clone(body), body...), 6, ids[0].SHA256)
	f.Add([]byte(nil), 0, "")
	f.Add([]byte(nil), -1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	f.Fuzz(func(t *testing.T, text []byte, users int, digest string) {
		if err := store.Update(t.Context(), memory, "ids", func([]byte) ([]byte, error) { return text, nil }); err != nil {
			t.Fatal(err)
		}
		n := 0
		for id, err := range baseline.ReadIDs(t.Context(), memory, []baseline.IDs{{Key: "ids", Users: users, SHA256: digest}}) {
			if err != nil {
				if state := (*store.StateError)(nil); !errors.As(err, &state) {
					t.Fatal(err)
				}
				return
			}
			if n++; n > max(users, 0) {
				t.Fatal("there are more ids than there should be")
			}
			_ = id
		}
		if n != users || n*list.IDSize != len(text) {
			t.Fatalf("%d ids in %d bytes are taken for %d", n, len(text), users)
		}
	})
}

func TestAnObjectOfIDsWithoutAnEndIsAnError(t *testing.T) {
	memory := storetest.NewMemory()
	ids := storeIDs(t, memory, "ids", someIDs(0, 3))
	endless := endlessStore{memory}
	n := 0
	for _, err := range baseline.ReadIDs(t.Context(), endless, ids) {
		if n++; err != nil {
			if state := (*store.StateError)(nil); !errors.As(err, &state) || n != 4 {
				t.Errorf("after %d ids: %v", n-1, err)
			}
			return
		}
	}
	t.Error("it is no error")
}

// endlessStore is a store whose objects never end.
type endlessStore struct{ *storetest.Memory }

func (s endlessStore) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	body, err := s.Memory.Open(ctx, key)
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(body, zeros{}), body}, err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
