package bus

import (
	"context"
	"fmt"
)

// encode writes the event's text to the scratch buffer, as a claim check where
// the service does not take it whole.
func (p *Publisher) encode(ctx context.Context, e Event) (Entry, error) {
	if err := e.check(); err != nil {
		return Entry{}, p.unfit(e, "Event.Invalid", err.Error(), "", err)
	}
	entry, problem := p.appendEntry(e)
	if problem == "" {
		return entry, nil
	}
	if len(e.Data) == 0 {
		return Entry{}, p.unfit(e, tooLarge, problem, "", nil)
	}
	if p.claim == nil {
		return Entry{}, p.unfit(e, tooLarge, problem, "add a store to ROLLCALL_SINKS or set ROLLCALL_STATE, so that such events can go as claim checks", nil)
	}
	url, err := p.claim(ctx, e.ID, e.Data)
	if err != nil {
		if ctx.Err() != nil {
			return Entry{}, p.interrupted(ctx)
		}
		return Entry{}, p.unfit(e, tooLarge, problem+", and its claim check could not be stored", "see the store's error", err)
	}
	p.claims.Add(1)
	e.Data, e.DataRef = nil, url
	if entry, problem = p.appendEntry(e); problem != "" {
		return Entry{}, p.unfit(e, tooLarge, "even without its data, "+problem, "", nil)
	}
	return entry, nil
}

// tooLarge is the code of events that the service cannot take as they are.
const tooLarge = "Event.TooLarge"

// appendEntry returns what is wrong with the event, "" when nothing is.
func (p *Publisher) appendEntry(e Event) (entry Entry, problem string) {
	text, size, err := p.driver.Append(p.scratch[:0], e)
	p.scratch = text
	switch {
	case err != nil:
		return Entry{}, "the event cannot be sent: " + err.Error()
	case size > p.limits.EntryBytes:
		return Entry{}, fmt.Sprintf("the event takes %d bytes, the bus %d", size, p.limits.EntryBytes)
	}
	return Entry{ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: e.Time, index: p.count, size: size}, ""
}

func (p *Publisher) unfit(e Event, code, problem, remedy string, err error) *Error {
	return &Error{
		Bus: p.driver.String(), Count: 1, Events: []Undelivered{{Index: p.count, ID: e.ID, Code: code}},
		Problem: problem, Remedy: remedy, Err: err,
	}
}
