package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// eventText shows events to a person, each in a line: when, what, who, and what was before.
type eventText struct{ w *bufio.Writer }

func newEventText(w io.Writer) *eventText { return &eventText{bufio.NewWriter(w)} }

// valueWidth is the number of columns that a value may take.
const valueWidth = 40

// Publish shows an event.
func (t *eventText) Publish(_ context.Context, e bus.Event) error {
	var data struct {
		User    map[string]json.RawMessage
		Changed []string
		Before  map[string]json.RawMessage
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return fmt.Errorf("show an event: %w", err)
	}
	kind := e.Type[strings.LastIndexByte(e.Type, '.')+1:]
	line := e.Time.Local().Format("15:04:05") + "  " + padded(kind, len("restored")) + "  " + who(data.User, e.Subject)
	for _, name := range data.Changed {
		line += fmt.Sprintf("  %s: %s -> %s", name, shown(data.Before[name]), shown(data.User[name]))
	}
	_, err := t.w.WriteString(printable(line) + "\n")
	return err
}

// Flush shows what is left.
func (t *eventText) Flush(context.Context) error { return t.w.Flush() }

// Close drops what was not flushed.
func (t *eventText) Close() {}

// who names a user by what is known.
func who(user map[string]json.RawMessage, id string) string {
	var name, address string
	_ = json.Unmarshal(user["displayName"], &name) // what is missing or null stays ""
	_ = json.Unmarshal(user["userPrincipalName"], &address)
	switch {
	case name != "" && address != "":
		return name + " <" + address + ">"
	case name+address != "":
		return name + address
	}
	return id
}

// shown is a value, cut if it is long.
func shown(value json.RawMessage) string {
	if len(value) == 0 {
		return "null"
	}
	return fit(printable(string(value)), valueWidth)
}
