package roll

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// The types of the events.
const (
	EventCompleted = "rollcall.snapshot.completed"
	EventListed    = "rollcall.user.listed"
)

func (r *run) source() string { return "urn:rollcall:tenant:" + r.Tenant }

// eventID is the same each time the same event is sent.
func (r *run) eventID(kind, subject string) string {
	sum := sha256.Sum256([]byte(r.Tenant + "\x00" + r.state.Run + "\x00" + kind + "\x00" + subject))
	return hex.EncodeToString(sum[:16])
}

// listed says that a user was in the list of the run. It tells of presence only:
// that no event came says nothing.
func (r *run) listed(user graph.User) bus.Event {
	id := string(user.ID)
	data := append([]byte(`{"run":"`+r.state.Run+`","user":`), user.Raw...)
	return bus.Event{
		ID: r.eventID(EventListed, id), Source: r.source(), Type: EventListed, Subject: id,
		Time: r.state.StartedAt, Data: append(data, '}'),
	}
}

// completed is the data of the event that a list was published.
type completed struct {
	Run        string    `json:"run"`
	Manifest   string    `json:"manifest"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	Users      int       `json:"users"`
	Expected   *Expected `json:"expected"`
	Verified   bool      `json:"verified"`
	Difference int       `json:"difference"`
	Duplicates int       `json:"duplicates"`
	Leavers    int       `json:"leavers"`
	Pages      int       `json:"pages"`
	Passes     int       `json:"passes"`
}

// announce tells every bus that the list is published.
func (r *run) announce(ctx context.Context, manifest string) error {
	s := &r.state
	data, err := json.Marshal(completed{
		Run: s.Run, Manifest: manifest, StartedAt: s.StartedAt, FinishedAt: s.Judgement.FinishedAt, Users: s.Report.Users,
		Expected: s.Report.Expected, Verified: s.Report.Verified, Difference: s.Report.Difference, Duplicates: s.Report.Duplicates,
		Leavers: s.Judgement.Leavers, Pages: s.Report.Pages, Passes: s.Report.Passes,
	})
	if err != nil {
		return err
	}
	event := bus.Event{
		ID: r.eventID(EventCompleted, ""), Source: r.source(), Type: EventCompleted, Subject: s.Run,
		Time: s.Judgement.FinishedAt, Data: data,
	}
	var failed []error // one bus that is down keeps no other from its message
	for _, a := range r.Announcements {
		if err := tell(ctx, a.Open(), event); err != nil {
			failed = append(failed, fmt.Errorf("announce run %s: %w", s.Run, err))
		}
	}
	return errors.Join(failed...)
}

func tell(ctx context.Context, b Bus, event bus.Event) error {
	if err := b.Publish(ctx, event); err != nil {
		b.Close()
		return err
	}
	return b.Flush(ctx)
}
