package bus_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

// BenchmarkPublish is what an event costs between its maker and the service's
// client: the envelope, the batch, the acknowledgement.
func BenchmarkPublish(b *testing.B) {
	d := &driver{
		limits: bus.Limits{Entries: 500, Bytes: 4 << 20, EntryBytes: 1 << 20},
		send:   func(context.Context, []bus.Entry) ([]bus.Failure, error) { return nil, nil },
	}
	p := bus.New(d, bus.Options{})
	events := make([]bus.Event, 1000)
	size := 0
	for i := range events {
		events[i] = bustest.User(i, 340)
		size += len(events[i].AppendJSON(nil))
	}
	b.SetBytes(int64(size / len(events)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := p.Publish(b.Context(), events[i%len(events)]); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkEscapeXML is what SQS and SNS cost on top.
func BenchmarkEscapeXML(b *testing.B) {
	for name, text := range map[string]string{
		"ascii": strings.Repeat("x", 500), "kanji": strings.Repeat("漢", 166), "refused": strings.Repeat("x", 250) + "\uffff" + strings.Repeat("x", 250),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				bus.EscapeXML([]byte(text))
			}
		})
	}
}
