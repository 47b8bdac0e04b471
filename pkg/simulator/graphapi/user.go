package graphapi

import (
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// user answers GET /users/{id or userPrincipalName}, its manager, and the reference to
// that.
func (c *call) user(argument string) {
	key, rest, _ := strings.Cut(argument, "/")
	collection, names := "users", people.DefaultNames()
	switch rest {
	case "":
	case property.Manager, property.Manager + "/$ref":
		collection, names = "directoryObjects", people.DirectoryObjectNames()
		if !c.may(readUsers) {
			c.fail(grapherror.Denied())
			return
		}
	default:
		c.fail(segmentNotFound(strings.TrimPrefix(rest, property.Manager+"/")))
		return
	}
	asOf := c.asOf()
	u, byID, ok := c.directory.Find(key, asOf)
	if !ok {
		c.fail(notFound(key))
		return
	}
	if rest != "" {
		if u, ok = c.managerOf(&u, asOf); !ok {
			c.fail(notFound(property.Manager))
			return
		}
	}
	if strings.HasSuffix(rest, "/$ref") {
		c.reference(&u)
		return
	}
	q, refusal := query.Single(c.R.URL.RawQuery, names, byID, c.eventual())
	if refusal == nil {
		refusal = c.permit(q)
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	c.expand(q, asOf)
	write := u.Append
	if rest != "" {
		write = u.AppendDirectoryObject
	}
	c.sendEntity(collection, q, write(nil, q.Columns))
}

// sendEntity sends one object of a collection.
func (c *call) sendEntity(collection string, q *query.Query, object []byte) {
	c.json()
	b := []byte(c.context(collection, q, "/$entity"))
	if len(object) > len("{}") {
		b = append(b, ',')
	}
	c.Write(append(b, object[1:]...))
}

func notFound(key string) *grapherror.Error {
	return grapherror.New(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '"+key+"' does not exist or one of its queried reference-property objects are not present.")
}
