package bustest

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// sized returns an event of exactly size bytes as the driver counts them; the
// double counts for itself.
func (b Bus) sized(t *testing.T, n, size int) bus.Event {
	t.Helper()
	e := User(n, 0)
	_, least, err := b.Driver.Append(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	e.Data = append(bytes.TrimSuffix(e.Data, []byte(`"}}`)), strings.Repeat("x", size-least)+`"}}`...)
	return e
}

func fullEntry(t *testing.T, b Bus) {
	limit := b.Driver.Limits().EntryBytes
	claimed := 0
	p := b.publisher(t, bus.Options{Claim: func(context.Context, string, []byte) (string, error) {
		claimed++
		return "s3://bucket/claim", nil
	}})
	if err := send(t, p, []bus.Event{b.sized(t, 1, limit)}); err != nil {
		t.Fatal(err)
	}
	if size := b.Double.Requests()[0][0].Size; claimed != 0 || size != b.Double.Limits.EntryBytes {
		t.Errorf("%d bytes of %d, %d claims", size, b.Double.Limits.EntryBytes, claimed)
	}
	if err := send(t, p, []bus.Event{b.sized(t, 2, limit+1)}); err != nil {
		t.Fatal(err)
	}
	if claimed != 1 {
		t.Errorf("%d claims of an event one byte too large", claimed)
	}
}

// sizes are of entries that together have total bytes, the last two about alike.
func sizes(total, entry int) []int {
	var all []int
	for ; total >= 2*entry; total -= entry {
		all = append(all, entry)
	}
	return append(all, total/2, total-total/2)
}

func fullRequest(t *testing.T, b Bus) {
	limits := b.Driver.Limits()
	if limits.Entries == 1 {
		return // an entry's limit is all there is
	}
	for more := range 2 {
		before := len(b.Double.Requests())
		var events []bus.Event
		for i, size := range sizes(limits.Bytes+more, limits.EntryBytes) {
			events = append(events, b.sized(t, i, size))
		}
		if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
			t.Fatal(err)
		}
		requests := b.Double.Requests()[before:]
		if len(requests) != 1+more {
			t.Errorf("%d requests for %d bytes more than fit into one", len(requests), more)
		}
		sum := 0
		for _, entry := range requests[0] {
			sum += entry.Size
		}
		if more == 0 && sum != b.Double.Limits.Bytes {
			t.Errorf("the request has %d bytes of %d", sum, b.Double.Limits.Bytes)
		}
	}
}
