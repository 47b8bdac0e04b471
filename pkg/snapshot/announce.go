package snapshot

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
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// The types of the events.
const (
	EventCompleted = "rollcall.snapshot.completed"
	EventListed    = "rollcall.user.listed"
)

// events makes the events of a run. The same event has the same id each time it is
// sent.
type events struct {
	tenant, run string
	startedAt   time.Time
}

func (e events) event(kind, subject string, at time.Time, data []byte) bus.Event {
	event := bus.Event{Source: "urn:rollcall:tenant:" + e.tenant, Type: kind, Subject: subject, Time: at, Data: data}
	if kind == EventCompleted {
		subject = "" // the run is part of every id already
	}
	sum := sha256.Sum256([]byte(e.tenant + "\x00" + e.run + "\x00" + kind + "\x00" + subject))
	event.ID = hex.EncodeToString(sum[:16])
	return event
}

// listed says that a user was in the list of the run. It tells presence only: that
// no event came for a user says nothing.
func (e events) listed(user graph.User) bus.Event {
	data := append([]byte(`{"run":"`+e.run+`","user":`), user.Raw...)
	return e.event(EventListed, string(user.ID), e.startedAt, append(data, '}'))
}

// completion is the data of the event that a list was published.
type completion struct {
	Run        string         `json:"run"`
	Manifest   string         `json:"manifest"`
	StartedAt  time.Time      `json:"startedAt"`
	FinishedAt time.Time      `json:"finishedAt"`
	Users      int            `json:"users"`
	Expected   *list.Expected `json:"expected"`
	Verified   bool           `json:"verified"`
	VerifiedBy string         `json:"verifiedBy,omitempty"`
	Fenced     bool           `json:"fenced"`
	Left       int            `json:"left"`
	Difference int            `json:"difference"`
	Duplicates int            `json:"duplicates"`
	Leavers    int            `json:"leavers"`
	Pages      int            `json:"pages"`
	Passes     int            `json:"passes"`
}

// completed says that the list of the manifest at the URL is published.
func (e events) completed(m Manifest, url string) (bus.Event, error) {
	data, err := json.Marshal(completion{
		Run: m.Run, Manifest: url, StartedAt: m.StartedAt, FinishedAt: m.FinishedAt, Users: m.Users,
		Expected: m.Expected, Verified: m.Verified, VerifiedBy: m.VerifiedBy, Fenced: m.Fenced, Left: m.Left, Difference: m.Difference, Duplicates: m.Duplicates,
		Leavers: m.Leavers, Pages: m.Pages, Passes: m.Passes,
	})
	return e.event(EventCompleted, m.Run, m.FinishedAt, data), err
}

// announce sends an event to every bus. One that fails keeps no other from it.
func announce(ctx context.Context, to []Announcement, event bus.Event) error {
	var failed []error
	for _, a := range to {
		b := a.Open()
		err := b.Publish(ctx, event)
		if err != nil {
			b.Close()
		} else {
			err = b.Flush(ctx)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("announce run %s: %w", event.Subject, err))
		}
	}
	return errors.Join(failed...)
}
