package snapshot_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// expiring are the state's objects that its store deletes once they are old, and lasting
// the others, by the names below the tenant's, without what differs from run to run.
func (s *expiringStore) objects() (expiring, lasting []string) {
	for _, key := range s.Store.(*storetest.Memory).Keys() {
		_, name, _ := strings.Cut(key, "/")
		if at := strings.Index(name, "/ids-"); at >= 0 {
			name = name[:at+4]
		}
		if strings.HasPrefix(name, "known/") {
			name = "known"
		}
		if s.expires[key] {
			expiring = append(expiring, name)
		} else {
			lasting = append(lasting, name)
		}
	}
	return slices.Compact(expiring), slices.Compact(lasting)
}

func (s *expiringStore) want(t *testing.T, when string, expiring, lasting []string) {
	t.Helper()
	gotExpiring, gotLasting := s.objects()
	if !slices.Equal(gotExpiring, expiring) || !slices.Equal(gotLasting, lasting) {
		t.Errorf("%s: %q expire and %q stay, want %q and %q", when, gotExpiring, gotLasting, expiring, lasting)
	}
}

// newExpiringFixture is a tenant whose state may expire, with a run that is parked.
func newExpiringFixture(t *testing.T) (*fixture, *expiringStore, *snapshot.Result) {
	t.Helper()
	f := newSmallFixture(t)
	f.setPartitions(1)
	s := &expiringStore{Store: f.state, expires: map[string]bool{}}
	f.state = s
	return f, s, f.park(t, f.snapshot(), "a-late", sliceLimit(1))
}

// What an unfinished run keeps names users: its links contain them, and its ids are theirs.
func TestTheStateOfRunsThatAreNeverFinishedExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, parked := newExpiringFixture(t)
		s.want(t, "a run is parked", []string{"run=a-late/checkpoint.json", "run=a-late/ids"}, nil)
		time.Sleep(time.Hour)
		f.publish(t, "b-good")
		lasting := []string{"known", "run=b-good/checkpoint.json", "run=b-good/ids"}
		s.want(t, "another is published", []string{"run=a-late/checkpoint.json", "run=a-late/ids"}, lasting)
		time.Sleep(time.Hour)
		f.suspect(t, "c-new")
		s.want(t, "a third is suspect", []string{"run=a-late/checkpoint.json", "run=a-late/ids", "run=c-new/checkpoint.json", "run=c-new/ids"}, lasting)
		if _, err := f.snapshot().Run(t.Context(), snapshot.Input{Accept: "c-new"}); err != nil {
			t.Fatal(err)
		}
		s.want(t, "it is accepted", []string{"run=a-late/checkpoint.json", "run=a-late/ids"},
			[]string{"known", "run=b-good/checkpoint.json", "run=c-new/checkpoint.json", "run=c-new/ids"})
		f.maxLeavers = tolerance.Tolerance{Users: smallTenant}
		f.complete(t, f.snapshot(), snapshot.Input{Resume: parked.Resume}, noLimit)
		s.want(t, "the first is finished, too late", []string{"run=a-late/ids"},
			[]string{"known", "run=a-late/checkpoint.json", "run=b-good/checkpoint.json", "run=c-new/checkpoint.json", "run=c-new/ids"})
	})
}

func TestWhatTheNextRunNeedsIsThereWhenTheRestHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s, parked := newExpiringFixture(t)
		f.publish(t, "b-good")
		time.Sleep(24 * time.Hour)
		for key, expires := range s.expires {
			if expires {
				if err := s.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
		}
		f.deleteUsers(t, 0, smallTenant/2)
		f.fail(t, f.snapshot(), snapshot.Input{Run: "c-half"}, noLimit, "Snapshot.Suspect") // compared with b-good
		f.fail(t, f.snapshot(), snapshot.Input{Resume: parked.Resume}, noLimit, "Request.Invalid")
		f.wantLatest(t, "b-good", smallTenant)
		if got := f.complete(t, f.snapshot(), snapshot.Input{Run: "b-good"}, noLimit); got.Users != smallTenant {
			t.Errorf("asked again, the published run answers %+v", got)
		}
	})
}

func TestIdsThatCannotBeRetainedAreNoBaseline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		s := &expiringStore{Store: f.state, expires: map[string]bool{}, err: &store.Error{Op: "tag", Err: errors.New("no")}}
		f.state = s
		f.fail(t, f.snapshot(), snapshot.Input{Run: "p-new"}, noLimit, "Sink.Failed")
		s.want(t, "the store does not keep them", []string{"run=p-new/checkpoint.json", "run=p-new/ids"}, []string{"known", "run=old/checkpoint.json", "run=old/ids"})
		s.err = nil
		f.publish(t, "p-new")
		s.want(t, "it does", nil, []string{"known", "run=old/checkpoint.json", "run=p-new/checkpoint.json", "run=p-new/ids"})
	})
}
