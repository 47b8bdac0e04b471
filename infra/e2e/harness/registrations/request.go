package registrations

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// rooted puts a route below a version of Graph.
func rooted(version, route string) string {
	method, path, _ := strings.Cut(route, " ")
	return method + " /" + version + path
}

// request is a request to Graph, and its answer.
type request struct {
	*Tenant

	http *http.Request
	body Object
	w    http.ResponseWriter
}

// refused ends a request with Graph's envelope of errors.
type refused struct {
	status        int
	code, message string
}

func (t *Tenant) serve(w http.ResponseWriter, r *http.Request, serve func(*request)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() {
		switch why := recover().(type) {
		case nil:
		case refused:
			answer(w, why.status, Object{"error": Object{"code": why.code, "message": why.message}})
		default:
			panic(why)
		}
	}()
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "+tokenHeader) {
		refuse(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty.")
	}
	request := &request{Tenant: t, http: r, body: Object{}, w: w}
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if err := json.NewDecoder(r.Body).Decode(&request.body); err != nil {
			refuse(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload.")
		}
	}
	serve(request)
	if r.Method != http.MethodGet {
		t.changes++
	}
}

func refuse(status int, code, message string) { panic(refused{status, code, message}) }

func invalid(message string) { refuse(http.StatusBadRequest, "Request_BadRequest", message) }

func missing(id string) {
	refuse(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

func answer(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (r *request) shows(o Object)   { answer(r.w, http.StatusOK, o) }
func (r *request) creates(o Object) { answer(r.w, http.StatusCreated, o) }
func (r *request) done()            { answer(r.w, http.StatusNoContent, nil) }

// lists answers with those of objects that the request's filter lets through.
func (r *request) lists(objects []Object) {
	found := []any{}
	for _, o := range objects {
		if r.matches(o) {
			found = append(found, o)
		}
	}
	r.shows(Object{"value": found})
}

// matches knows the filters that are asked here, and refuses any other.
func (r *request) matches(o Object) bool {
	filter := r.http.URL.Query().Get("$filter")
	if filter == "" {
		return true
	}
	equal := regexp.MustCompile(`^(id|appId|displayName) eq '([^']*)'$`).FindStringSubmatch(filter)
	// Its client ID is one of the names of a service principal.
	named := regexp.MustCompile(`^servicePrincipalNames/any\(c:c eq '([^']*)'\)$`).FindStringSubmatch(filter)
	starts := regexp.MustCompile(`^startswith\(displayName,'([^']*)'\)$`).FindStringSubmatch(filter)
	switch {
	case equal != nil:
		return o[equal[1]] == equal[2]
	case named != nil:
		return o["appId"] == named[1]
	case starts != nil:
		return strings.HasPrefix(text(o, "displayName"), starts[1])
	}
	invalid("Unsupported or invalid query filter clause specified: " + filter)
	return false
}

// create gives a new object its id.
func (r *request) create(o Object) Object {
	id := newID()
	o["id"] = id
	r.unknown[id] = r.delay
	return o
}

// find returns the object of that id, once Graph knows it everywhere.
func (r *request) find(objects []Object, id string) Object {
	for _, o := range objects {
		if o["id"] != id {
			continue
		}
		if r.unknown[id] > 0 {
			r.unknown[id]--
			break
		}
		return o
	}
	missing(id)
	return nil
}

func (r *request) application() Object { return r.find(r.applications, r.http.PathValue("id")) }
func (r *request) principal() Object   { return r.find(r.principals, r.http.PathValue("id")) }

// text is a member that is a text, "" for any other.
func text(o Object, name string) string {
	s, _ := o[name].(string)
	return s
}

// objects is a member that is a list of objects, nil for any other.
func objects(o Object, name string) []Object {
	list, _ := o[name].([]any)
	var found []Object
	for _, v := range list {
		if member, ok := v.(Object); ok {
			found = append(found, member)
		}
	}
	return found
}
