package parquet_test

import (
	"runtime"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// BenchmarkUser reports what a user costs, beside NDJSON in gzip.
func BenchmarkUser(b *testing.B) {
	for _, selection := range []struct {
		name    string
		columns []string
	}{{"usual", usual()}, {"everything", everything()}} {
		users := people(b, selection.columns, 20_000)
		for _, c := range []parquet.Compression{parquet.Zstd, parquet.Gzip, parquet.Snappy, parquet.None} {
			b.Run(selection.name+"/"+string(c), func(b *testing.B) {
				var out counter
				w, err := parquet.New(&out, selection.columns, parquet.Options{Compression: c})
				if err != nil {
					b.Fatal(err)
				}
				measure(b, users, &out, func(u graph.User) error { return w.User(u.Raw) }, w.Close)
			})
		}
		b.Run(selection.name+"/ndjson.gz", func(b *testing.B) {
			out := counter{}
			z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
			if err != nil {
				b.Fatal(err)
			}
			end := []byte("\n")
			measure(b, users, &out, func(u graph.User) error {
				_, _ = z.Write(u.Raw) // gzip keeps the error for the next call
				_, err := z.Write(end)
				return err
			}, z.Close)
		})
	}
}

func measure(b *testing.B, users []graph.User, out *counter, write func(graph.User) error, end func() error) {
	b.ReportAllocs()
	runtime.GC()
	n := 0
	for b.Loop() {
		if err := write(users[n%len(users)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := end(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(out.n)/float64(n), "out-B/user")
}

// counter discards what is written and counts it.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
