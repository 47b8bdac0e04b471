package graphapi

import (
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// deletedUsers is the collection of users who can be restored; Graph lists deleted objects
// of one type at a time.
const deletedUsers = "directory/deletedItems/microsoft.graph.user"

// deletedItem is a user who can be restored.
type deletedItem struct {
	user people.Person
	at   time.Time
}

// deletedList answers GET /directory/deletedItems/microsoft.graph.user.
func (c *call) deletedList(string) {
	q, refusal := query.List(c.config, c.R.URL.RawQuery, c.eventual())
	if refusal == nil {
		refusal = c.permitDeleted(q)
	}
	var token pageToken
	if refusal == nil {
		token, refusal = c.open(q)
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	next, more := token, false
	next.page = c.page + 1
	var items []deletedItem
	c.directory.Deleted(token.place.At, c.asOf(), func(index int, u *people.Person, at time.Time) bool {
		if more = len(items) == q.Top; more {
			next.place = directory.Place{At: index}
			return false
		}
		items = append(items, deletedItem{*u, at})
		return true
	})
	p := &page{query: q, total: -1, size: len(items), write: func(dst []byte, i int) []byte {
		return items[i].user.Append(dst, deletedColumns(q.Columns, items[i].at))
	}}
	if more {
		p.link = c.linkMember("nextLink", c.misdirect(c.pathTo(deletedUsers, q, next)))
	}
	c.send(p)
}

// deletedItem answers GET /directory/deletedItems/microsoft.graph.user/{id}.
func (c *call) deletedItem(id string) {
	var item *deletedItem
	index, byID, ok := c.directory.People.Find(id)
	if ok && byID {
		c.directory.Deleted(index, c.asOf(), func(at int, u *people.Person, since time.Time) bool {
			if at == index {
				item = &deletedItem{*u, since}
			}
			return false
		})
	}
	q, refusal := query.Single(c.R.URL.RawQuery, people.DefaultNames(), true, c.eventual())
	if refusal == nil {
		refusal = c.permitDeleted(q)
	}
	if refusal == nil && item == nil {
		refusal = notFound(id)
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	c.sendEntity("directoryObjects", q, item.user.Append(nil, deletedColumns(q.Columns, item.at)))
}

// permitDeleted refuses what is not offered for deleted users.
func (c *call) permitDeleted(q *query.Query) *grapherror.Error {
	switch {
	case !c.may(readUsers):
		return grapherror.Denied()
	case q.Manager != nil:
		return grapherror.Unsupported("$expand is not supported for deleted users.")
	}
	return c.permit(q)
}

// deletedColumns write what is different about a deleted user: the moment of its deletion,
// and a sign-in name that has the object id before it, so that the name is free.
func deletedColumns(columns []people.Column, at time.Time) []people.Column {
	changed := make([]people.Column, len(columns))
	for i, column := range columns {
		switch changed[i] = column; column.Name {
		case "deletedDateTime":
			changed[i] = people.NewColumn(column.Name, func(_ *people.Person, dst []byte) []byte {
				return append(at.UTC().AppendFormat(append(dst, '"'), time.RFC3339), '"')
			})
		case "userPrincipalName":
			changed[i] = people.NewColumn(column.Name, func(u *people.Person, dst []byte) []byte {
				id := strings.ReplaceAll(u.ID(u.Index()).String(), "-", "")
				return append(append(append(dst, '"'), id...), u.UserPrincipalName()+`"`...)
			})
		}
	}
	return changed
}
