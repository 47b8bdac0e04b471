package api

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// route is what a path names.
type route struct {
	// name is for the log: the path itself may name a person.
	name string
	// key is the one user's, unescaped.
	key    string
	answer func(w http.ResponseWriter, r *http.Request, key string) error
	// refused says why nothing is answered there.
	refused error
}

// routeOf reads a path as Graph does: resources in any case, with or without /v1.0 and a
// slash at the end, a user's key as a segment or in parentheses. Each segment is
// unescaped by itself, so an escaped slash divides nothing.
func (a *API) routeOf(path string) route {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		var err error
		if segments[i], err = url.PathUnescape(segment); err != nil || !utf8.ValidString(segments[i]) {
			return refuse(http.StatusBadRequest, "the path is not properly escaped UTF-8")
		}
	}
	if last := len(segments) - 1; last > 0 && segments[last] == "" {
		segments = segments[:last]
	}
	if strings.EqualFold(segments[0], "v1.0") && len(segments) > 1 {
		segments = segments[1:]
	}
	key, keyed, err := parenthesised(segments[0])
	switch {
	case err != nil:
		return route{name: nameUser, refused: err}
	case keyed && len(segments) == 1:
		return route{name: nameUser, key: key, answer: a.user}
	case len(segments) == 1 && strings.EqualFold(segments[0], "openapi.json"):
		return route{name: "/openapi.json", answer: a.describe}
	case !keyed && !strings.EqualFold(segments[0], "users"):
		return other(segments[0])
	case !keyed && len(segments) == 1:
		return route{name: "/users", answer: a.list}
	case !keyed && len(segments) == 2:
		return a.below(segments[1])
	}
	return refuse(http.StatusNotFound, "nothing that belongs to a user is served by itself: GET /users/{id}?$select=... returns the user's columns, "+
		"and manager may be one of them")
}

const nameUser = "/users/{id}"

// below is the route of what follows /users/.
func (a *API) below(segment string) route {
	function := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(segment), "microsoft.graph."), "()")
	switch {
	case strings.EqualFold(segment, "$count"):
		return route{name: "/users/$count", answer: a.count}
	case strings.HasPrefix(segment, "$") && strings.Contains(segment, "@"):
		return refuse(http.StatusBadRequest, "a userPrincipalName that begins with $ stands in parentheses and quotation marks: /users('$...')")
	case function == "delta":
		return refuse(http.StatusBadRequest, "changes are not served here; GET /users?$format=ndjson returns all users")
	}
	return route{name: nameUser, key: segment, answer: a.user}
}

// other refuses what Graph has and this API has not.
func other(segment string) route {
	const served = "/users, /users/{id} and /users/$count are, also under /v1.0, and /openapi.json describes them"
	switch strings.ToLower(segment) {
	case "$batch":
		r := refuse(http.StatusNotImplemented, "requests cannot be sent in a batch: send each of them by itself; GET /users?$format=ndjson returns all users with one request")
		r.name = "/$batch"
		return r
	case "me":
		return refuse(http.StatusNotFound, "nobody is signed in here, so there is no /me; GET /users/{id} returns one user")
	case "beta":
		return refuse(http.StatusNotFound, "only version v1.0 is served; "+served)
	case "$metadata":
		return refuse(http.StatusNotFound, "the metadata are those of Microsoft Graph v1.0 and not served again here; "+served)
	}
	return refuse(http.StatusNotFound, "nothing is served at this path; "+served)
}

func refuse(status int, text string) route {
	return route{name: "none", refused: &statusError{status, text}}
}

// parenthesised reads users('key'), in which a quotation mark is doubled. keyed is
// false for a segment of another form.
func parenthesised(segment string) (key string, keyed bool, err error) {
	open := strings.IndexByte(segment, '(')
	if open < 0 || !strings.EqualFold(segment[:open], "users") {
		return "", false, nil
	}
	inside, closed := strings.CutSuffix(segment[open+1:], ")")
	inside, opened := strings.CutPrefix(inside, "'")
	inside, ended := strings.CutSuffix(inside, "'")
	if single := strings.ReplaceAll(inside, "''", ""); !closed || !opened || !ended || strings.Contains(single, "'") {
		return "", true, failure.InvalidRequest("users(...) takes one object id or userPrincipalName in single quotation marks, such as users('anna@contoso.com'); " +
			"a quotation mark within it is doubled, and no other property is a key")
	}
	return strings.ReplaceAll(inside, "''", "'"), true, nil
}
