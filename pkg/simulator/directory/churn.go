package directory

import (
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// Churn makes the changes that are due since the directory was made, so many a
// minute: in turn a user is created, one is deleted, and one moves in the list.
func (d *Directory) Churn(perMinute int) {
	due := int64(time.Since(d.started).Minutes() * float64(perMinute))
	for n := d.churned.Load(); n < due; n = d.churned.Load() {
		if !d.churned.CompareAndSwap(n, n+1) {
			continue
		}
		extent := d.Extent()
		if extent == 0 {
			d.Create()
			continue
		}
		// The user may have been deleted before, which is no error here.
		switch user := int(guid.Mix(uint64(n)) % uint64(extent)); n % 3 {
		case 0:
			d.Create()
		case 1:
			_ = d.Delete(user)
		default:
			_ = d.Move(user, n%2 == 0)
		}
	}
}
