package graphapi

import (
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// user answers GET /users/{id or userPrincipalName}, and its manager.
func (c *call) user(argument string) {
	key, rest, deeper := strings.Cut(argument, "/")
	if deeper && rest != property.Manager {
		c.fail(segmentNotFound(rest))
		return
	}
	u, byID, ok := c.directory.Find(key, c.asOf())
	if !ok {
		c.fail(notFound(key))
		return
	}
	if deeper {
		index, has := c.directory.People.Manager(u.Index())
		if ok = has; ok {
			u, ok = c.directory.User(index, c.asOf())
		}
		if !ok {
			c.fail(notFound(property.Manager))
			return
		}
	}
	q, refusal := query.Single(c.R.URL.RawQuery, byID)
	if refusal == nil {
		refusal = c.permit(q)
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	object := u.Append(nil, q.Columns)
	c.json()
	b := []byte(c.context(q, "/$entity"))
	if len(object) > len("{}") {
		b = append(b, ',')
	}
	c.Write(append(b, object[1:]...))
}

func notFound(key string) *grapherror.Error {
	return grapherror.New(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '"+key+"' does not exist or one of its queried reference-property objects are not present.")
}
