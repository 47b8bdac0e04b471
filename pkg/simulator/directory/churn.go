package directory

import (
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// Churn makes the changes that are due since the directory was made, so many a
// minute: in turn users are created, deleted, renamed, restored, and given another
// department. All of them are changes that a delta query shows.
func (d *Directory) Churn(perMinute int) {
	due := int64(time.Since(d.started).Minutes() * float64(perMinute))
	for n := d.churned.Load(); n < due; n = d.churned.Load() {
		if d.churned.CompareAndSwap(n, n+1) {
			d.Disturb(uint64(n))
		}
	}
}

// Disturb makes one change, which the number decides: its remainder by 6 about what
// happens, and all of it about to whom. Nothing happens to a user who is gone.
func (d *Directory) Disturb(number uint64) {
	random := guid.Mix(number)
	user := int(random % uint64(max(1, d.Extent())))
	switch number % 6 {
	case 0:
		d.Create()
	case 1, 3:
		_ = d.Delete(user)
	case 2:
		_ = d.Rename(user, d.newName(int(random>>32%uint64(max(1, d.Extent()))), number))
	case 4:
		d.undelete(random)
	default:
		_ = d.SetDepartment(user, [...]string{"IT", "Legal", "Observatory", ""}[random>>40%4])
	}
}

// newName makes a sign-in name like no other user is made with, next to that of
// another user.
func (d *Directory) newName(other int, number uint64) string {
	u := d.People.Person(other, nil)
	local, domain, _ := strings.Cut(u.UserPrincipalName(), "@")
	local, _, _ = strings.Cut(local, "_")
	return local + ".r" + strconv.FormatUint(number%1_000_000, 10) + "@" + domain
}

// undelete restores a user who was deleted, or now and then purges one.
func (d *Directory) undelete(random uint64) {
	d.mu.RLock()
	user := -1
	for position := range d.journal {
		at := (position + int(random%uint64(len(d.journal)))) % len(d.journal)
		if index := d.journal[at].index; d.stateAt(index, len(d.journal)).life == Deleted {
			user = index
			break
		}
	}
	d.mu.RUnlock()
	if random>>40%8 == 0 {
		_ = d.Purge(user)
		return
	}
	_ = d.Restore(user)
}
