package list_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
)

// BenchmarkList reads a tenant to its proof and drops the users: what one user
// costs between the network and the writer.
func BenchmarkList(b *testing.B) {
	recorded := listtest.Record(b, 100_000)
	b.SetBytes(int64(recorded.Size()))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range list.New(recorded.Client, recorded.Request, nil).Users(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	recorded.ReportPerUser(b)
}
