package graphapi

import (
	"time"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// managerOf finds a user's manager, who may be gone.
func (c *call) managerOf(u *people.Person, asOf time.Time) (manager people.Person, ok bool) {
	index, has := u.ManagerIndex()
	if !has {
		return manager, false
	}
	return c.directory.User(index, asOf)
}

// expand adds the expanded manager to the columns of a query.
func (c *call) expand(q *query.Query, asOf time.Time) {
	if q.Manager == nil {
		return
	}
	q.Columns = append(q.Columns, people.NewMember(property.Manager, func(u *people.Person, dst []byte) []byte {
		return c.appendManager(dst, u, q.Manager, q.Manager.Levels, asOf)
	}))
}

// appendManager writes a user's manager, and in it as many of those above as there are
// levels. A user without a manager has no such member.
func (c *call) appendManager(dst []byte, u *people.Person, e *query.Expansion, levels int, asOf time.Time) []byte {
	manager, ok := c.managerOf(u, asOf)
	if !ok || levels == 0 {
		return dst
	}
	dst = manager.AppendDirectoryObject(append(dst, `,"`+property.Manager+`":`...), e.Columns)
	return append(c.appendManager(dst[:len(dst)-1], &manager, e, levels-1, asOf), '}')
}

// reference answers GET /users/{id}/manager/$ref.
func (c *call) reference(manager *people.Person) {
	c.json()
	c.Write([]byte(`{"@odata.context":"` + c.Base() + `/v1.0/$metadata#$ref","@odata.id":"` + c.Base() + `/v2/` + c.config.Tenant +
		`/directoryObjects/` + manager.ID(manager.Index()).String() + `/Microsoft.DirectoryServices.User"}`))
}
