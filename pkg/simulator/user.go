package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// user answers GET /users/{id or userPrincipalName}.
func (x *exchange) user(argument string) {
	t := x.tenant
	key, rest, deeper := strings.Cut(argument, "/")
	if deeper && rest != property.Manager {
		x.fail(refuse(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+rest+"'."))
		return
	}
	index, byID, ok := t.find(key)
	if !ok || !t.roster.exists(index, x.asOf()) {
		x.fail(notFound(key))
		return
	}
	if deeper {
		if index, ok = t.people.manager(index); !ok {
			x.fail(notFound(property.Manager))
			return
		}
	}
	q, refusal := t.parseSingle(x.r.URL.RawQuery, byID)
	if refusal == nil {
		q.columns, refusal = t.permit(x.token.Roles, q.columns, func(name string) bool { return slices.Contains(q.selected, name) })
	}
	if refusal != nil {
		x.fail(refusal)
		return
	}
	u := t.people.person(index)
	object := appendUser(nil, &u, q.columns)
	x.json()
	b := x.context(q.selected, q.manager, "/$entity")
	if len(object) > len("{}") {
		b = append(append(b, ','), object[1:]...)
	} else {
		b = append(b, '}')
	}
	x.write(b)
}

// find resolves the key of a user's address. The path comes decoded.
func (t *Tenant) find(key string) (index uint64, byID, ok bool) {
	if g, isID := parseGUID(key); isID {
		index, ok = userIndex(t.people.seed, g)
		return index, true, ok
	}
	index, ok = t.people.findUPN(key)
	return index, false, ok
}

func notFound(key string) *graphError {
	return refuse(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '"+key+"' does not exist or one of its queried reference-property objects are not present.")
}

// parseSingle understands the options of a single read: $select and $expand.
func (t *Tenant) parseSingle(raw string, byID bool) (*listQuery, *graphError) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("The query string is not valid.")
	}
	q := &listQuery{}
	names := defaultNames()
	if values.Has("$select") {
		var refusal *graphError
		if q.selected, refusal = selection(values.Get("$select")); refusal != nil {
			return nil, refusal
		}
		names = q.selected
	}
	if slices.Contains(names, "signInActivity") && !byID {
		return nil, badRequest("Get By Key only supports UserId and the key has to be a valid Guid")
	}
	var bad string
	if q.columns, bad = columnsOf(names); bad != "" {
		return nil, noSuchProperty(bad)
	}
	switch strings.ReplaceAll(values.Get("$expand"), " ", "") {
	case "":
	case "manager", "manager($select=id)":
		q.manager = true
		q.columns = append(q.columns, column{name: property.Manager})
	default:
		return nil, refuse(http.StatusBadRequest, "ExpandNotSupported", "Only $expand=manager($select=id) is served by this tenant.")
	}
	return q, nil
}
