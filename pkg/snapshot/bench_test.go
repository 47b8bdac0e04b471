package snapshot_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
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
	recorded := listtest.Record(b, 100_000)
	for _, compression := range []string{format.None, format.Gzip, format.Zstd} {
		b.Run(compression, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				memory := sink{storetest.NewMemory()}
				s := snapshot.New(snapshot.Publication{
					Directory: recorded.Client, Request: recorded.Request, Tenant: tenantID, State: memory,
					Destinations: []snapshot.Destination{{
						Store: memory, Format: "ndjson", Compression: compression, Suffix: ".ndjson", PartSize: 128 << 20,
						Encode: func(w io.Writer, columns []string) (snapshot.Encoder, error) {
							return format.NewObject(w, "ndjson", compression, columns)
						},
					}},
				})
				if _, err := s.Run(b.Context(), snapshot.Input{Run: fmt.Sprint(n)}); err != nil {
					b.Fatal(err)
				}
			}
			recorded.ReportPerUser(b)
		})
	}
}
