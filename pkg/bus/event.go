package bus

import (
	"bytes"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Event is one CloudEvent (https://cloudevents.io, version 1.0) whose data, if
// any, is a JSON object.
type Event struct {
	// ID is the same each time the same event is sent; consumers recognise
	// repetitions by it and Source. Required.
	ID string
	// Source is a URI, such as urn:rollcall:tenant:<guid>. Required.
	Source string
	// Type is what happened, such as rollcall.user.listed. Required.
	Type string
	// Subject is what it happened to, such as a user's id. Events of one subject
	// stay in order on buses that keep an order; events without a subject are
	// ordered by their source.
	Subject string
	// Time is when it happened. The zero time is left out.
	Time time.Time
	// Sequence orders the events of a source (the extension of that name). Compared
	// as text. "" is left out.
	Sequence string
	// DataRef is where the data is, when it is not in the event (the extension
	// of that name, known as the claim check). "" is left out.
	DataRef string
	// Data is a JSON object as raw text, sent as it is. It must be valid JSON,
	// which is not checked here. Empty is left out.
	Data jsontext.Value
}

var errIncomplete = errors.New("an event needs an ID, a Source and a Type")

func (e Event) check() error {
	if e.ID == "" || e.Source == "" || e.Type == "" {
		return errIncomplete
	}
	return nil
}

// order is the scope within which events keep their order.
func (e Event) order() string {
	if e.Subject != "" {
		return e.Subject
	}
	return e.Source
}

// AppendJSON appends the event in structured mode (the JSON event format,
// application/cloudevents+json), on one line, to dst.
func (e Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"specversion":"1.0"`...)
	dst = appendMember(dst, "id", e.ID)
	dst = appendMember(dst, "source", e.Source)
	dst = appendMember(dst, "type", e.Type)
	dst = appendMember(dst, "subject", e.Subject)
	if !e.Time.IsZero() {
		dst = append(dst, `,"time":"`...)
		dst = e.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, '"')
	}
	dst = appendMember(dst, "sequence", e.Sequence)
	if len(e.Data) == 0 && e.DataRef == "" {
		return append(dst, '}')
	}
	dst = append(dst, `,"datacontenttype":"application/json"`...)
	dst = appendMember(dst, "dataref", e.DataRef)
	if len(e.Data) > 0 {
		dst = append(dst, `,"data":`...)
		dst = appendLine(dst, e.Data)
	}
	return append(dst, '}')
}

func appendMember(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	// The error reports invalid UTF-8, which became U+FFFD.
	dst, _ = jsontext.AppendQuote(dst, value)
	return dst
}

// appendLine appends JSON without line breaks, which valid JSON has only
// between its tokens: streams separate messages by them.
func appendLine(dst []byte, value jsontext.Value) []byte {
	start := len(dst)
	dst = append(dst, value...)
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 {
		return dst
	}
	for i, c := range dst[start:] {
		if c == '\n' || c == '\r' {
			dst[start+i] = ' '
		}
	}
	return dst
}
