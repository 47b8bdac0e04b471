package roll_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/roll"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// sink keeps small objects and drops what is uploaded.
type sink struct{ *storetest.Memory }

func (s sink) Create(context.Context, string) (store.Upload, error) { return dropped{}, nil }

type dropped struct{}

func (dropped) Write(p []byte) (int, error) { return len(p), nil }
func (dropped) Commit() error               { return nil }
func (dropped) Abort()                      {}

// BenchmarkSnapshot reads a tenant to its proof and publishes it as NDJSON: what
// one user costs between the network and the store. Compare with BenchmarkList.
func BenchmarkSnapshot(b *testing.B) {
	const users = 100_000
	pages := record(b, users)
	tenant := simulator.New(simulator.Config{})
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(tenant.Transport()), Transport: pages,
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, compression := range []string{format.None, format.Gzip, format.Zstd} {
		b.Run(compression, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				q := request()
				q.Columns, q.PageSize = columns(defaultColumns...), 999
				memory := sink{storetest.NewMemory()}
				s := roll.NewSnapshot(roll.Publication{
					Directory: client, Request: q, Tenant: tenantID, State: memory,
					Destinations: []roll.Destination{{
						Store: memory, Format: "ndjson", Compression: compression, Suffix: ".ndjson", PartSize: 128 << 20,
						Encode: func(w io.Writer, columns []string) (roll.Encoder, error) {
							return format.NewObject(w, "ndjson", compression, columns)
						},
					}},
				})
				if _, err := s.Run(b.Context(), roll.Input{Run: fmt.Sprint(n)}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/users, "ns/user")
		})
	}
}
