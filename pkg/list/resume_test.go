package list_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// sliced is a list that is read in slices: each by a new List, which resumes from the
// stored state of the one before.
type sliced struct {
	client    *graph.Client
	request   list.Request
	onRestart func()

	state     list.State
	delivered map[list.ID]int // how often
	slices    int
	last      *list.List
}

// read reads so many pages, and in partitions perhaps a few more.
func (s *sliced) read(t *testing.T, pages int32) error {
	t.Helper()
	s.slices++
	s.last = list.New(s.client, s.request, nil)
	if err := s.last.Resume(s.state, s.ids(nil)); err != nil {
		t.Fatal(err)
	}
	var ends atomic.Int32
	s.last.Pause = func(time.Duration) bool { return ends.Add(1) >= pages }
	s.last.OnRestart = s.onRestart
	readErr := s.last.Read(t.Context(), func(id list.ID, _ graph.User) error {
		s.delivered[id]++
		return nil
	})
	stored, err := json.Marshal(s.last.State())
	if err != nil {
		t.Fatal(err)
	}
	s.state = list.State{}
	if err := json.Unmarshal(stored, &s.state); err != nil {
		t.Fatal(err)
	}
	return readErr
}

// readAll reads slices until the list is complete or fails.
func (s *sliced) readAll(t *testing.T, pages int32) error {
	t.Helper()
	for {
		if err := s.read(t, pages); !errors.Is(err, list.ErrPaused) {
			return err
		}
	}
}

// ids are those of the users delivered so far, and then err, if there is one.
func (s *sliced) ids(err error) iter.Seq2[list.ID, error] {
	return func(yield func(list.ID, error) bool) {
		for id := range s.delivered {
			if !yield(id, nil) {
				return
			}
		}
		if err != nil {
			yield(list.ID{}, err)
		}
	}
}

// wantDelivered checks that so many users were delivered, each once, and are the ones
// that the list has.
func (s *sliced) wantDelivered(t *testing.T, users int) {
	t.Helper()
	if len(s.delivered) != users {
		t.Errorf("%d users, want %d", len(s.delivered), users)
	}
	for id, times := range s.delivered {
		if times != 1 || !s.last.Has(id) {
			t.Fatalf("a user was delivered %d times; that the list has it is %t", times, s.last.Has(id))
		}
	}
	if s.last.Has(list.NewID([]byte("nobody"))) {
		t.Error("the list has somebody who was not delivered")
	}
}

func newSliced(t *testing.T, request list.Request, faults ...string) *sliced {
	t.Helper()
	tenant := simulator.New(simulator.Config{Users: 2000, Faults: listtest.Faults(t, faults...)})
	return &sliced{
		client: listtest.Client(t, tenant, graph.Config{}), request: request,
		state: list.NewState(request), delivered: map[list.ID]int{},
	}
}

func TestAListReadInSlicesIsTheSameList(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			s := newSliced(t, listtest.Parallel(parallel))
			s.onRestart = func() { clear(s.delivered) }
			if err := s.read(t, 3); !errors.Is(err, list.ErrPaused) || s.last.Pages() < 3 || s.last.Report().Verified {
				t.Fatalf("after three pages: %v, %+v", err, s.last.Report())
			}
			s.wantDelivered(t, s.last.Report().Users)
			if before := s.last.CountBefore(); before == nil || *before != 2000 {
				t.Error("a list that is being read does not give the count from before")
			}
			if err := s.readAll(t, 3); err != nil || s.slices < 3 {
				t.Fatalf("%d slices, %v", s.slices, err)
			}
			s.wantDelivered(t, 2000)
			r := s.last.Report()
			if !r.Verified || r.Passes != 1 || r.Users != 2000 || r.Pages < 20 || parallel == 1 && (r.Pages != 20 || r.Duplicates != 0) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestAListThatStartsOverInALaterSliceDeliversEveryoneAnew loses its page token in the
// second slice, after 700 users.
func TestAListThatStartsOverInALaterSliceDeliversEveryoneAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSliced(t, listtest.Request(), "expired-token:8")
		var dropped []int
		s.onRestart = func() {
			dropped = append(dropped, len(s.delivered))
			clear(s.delivered)
		}
		if err := s.readAll(t, 5); err != nil || !slices.Equal(dropped, []int{0, 700}) {
			t.Fatalf("restarted after %d users, %v", dropped, err)
		}
		s.wantDelivered(t, 2000)
		if r := s.last.Report(); r.Passes != 2 || r.Users != 2000 || !r.Verified || r.Duplicates != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestResumingFailsWithTheErrorOfTheIDs(t *testing.T) {
	s := &sliced{delivered: map[list.ID]int{list.NewID([]byte("anna")): 1}}
	lost := errors.New("lost")
	if err := list.New(nil, listtest.Request(), nil).Resume(list.NewState(listtest.Request()), s.ids(lost)); !errors.Is(err, lost) {
		t.Errorf("resumed with %v", err)
	}
}

// TestPagesWithoutUsersEndTheList over slices that are each too short to notice.
func TestPagesWithoutUsersEndTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSliced(t, listtest.Request())
		tenant, pages := simulator.New(simulator.Config{Users: 500}), 0
		s.client = listtest.Client(t, tenant, graph.Config{Transport: listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
			if !listtest.IsList(r) {
				return nil
			}
			pages++
			return listtest.Respond(r, http.StatusOK, fmt.Sprintf(`{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=%d","value":[]}`, pages))
		})})
		if err := s.readAll(t, 600); err == nil || failure.Of(err).Name != "Snapshot.Incomplete" {
			t.Errorf("after %d pages: %v", pages, err)
		}
		if s.slices < 5 {
			t.Errorf("only %d slices, so this shows nothing", s.slices)
		}
	})
}
