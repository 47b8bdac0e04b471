package iam

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Gate stands before moto. Of those whose keys it knows it lets through what their roles
// allow, and keeps account of it; of all others, everything.
type Gate struct {
	// Account is where it stands.
	Account Account
	// Elsewhere are services that moto does not have as they are.
	Elsewhere map[string]http.Handler
	// Resource are the statements of the policies of buckets and event buses, all of which deny.
	Resource []Statement

	mu       sync.Mutex
	roles    map[string]*Role // by access key
	made     map[*Role]map[string]bool
	refused  map[*Role][]Call
	problems []string
}

// Admit makes a role known by its access key.
func (g *Gate) Admit(key string, r *Role) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.roles == nil {
		g.roles, g.made, g.refused = map[string]*Role{}, map[*Role]map[string]bool{}, map[*Role][]Call{}
	}
	g.roles[key], g.made[r] = r, map[string]bool{}
}

// TakeAway takes a grant from a role, or gives it back: "". What was refused before is forgotten.
func (g *Gate) TakeAway(r *Role, grant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.without = grant
	g.refused[r] = nil
}

// Used are the grants that the role has made use of.
func (g *Gate) Used(r *Role) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var used []string
	for key := range g.made[r] {
		used = append(used, key)
	}
	slices.Sort(used)
	return used
}

// Refused is what the role has been refused, by moto or here.
func (g *Gate) Refused(r *Role) []Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.refused[r])
}

// Problems are requests that nobody could judge, and those of which moto said otherwise.
func (g *Gate) Problems() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.problems)
}

// Before is the gate before somebody's handler.
func (g *Gate) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, service, err := principal(r)
		g.mu.Lock()
		role := g.roles[key]
		g.mu.Unlock()
		if err != nil || role == nil {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		g.pass(w, r, body, role, service, next)
	})
}

func (g *Gate) pass(w http.ResponseWriter, r *http.Request, body []byte, role *Role, service string, next http.Handler) {
	calls, err := g.Account.asked(service, r, body)
	if err != nil {
		g.problem("%s: %v", role.Name, err)
	}
	handler, elsewhere := g.Elsewhere[service]
	if !elsewhere {
		handler = next
	}
	named := true // whether the permission that the request is named for is there
	for i, c := range calls {
		ofRole, ofResource := g.decide(role, c)
		// moto refuses the rest, and has to.
		here := i > 0 || elsewhere || service == "lambda" || !ofResource
		switch {
		case ofRole && ofResource:
		case here:
			g.refuse(w, service, role, c)
			return
		default:
			named = false
		}
	}
	reply := recorder{httptest.NewRecorder()}
	handler.ServeHTTP(reply, r)
	denied, done := reply.Code == http.StatusForbidden, reply.Code < http.StatusBadRequest
	if len(calls) > 0 && !elsewhere && service != "lambda" && (named && denied || !named && done) {
		g.problem("%s: of %s on %s the policy says %t, and moto answers %d: %s", role.Name, calls[0].Action, calls[0].Resource, named, reply.Code, reply.Body)
	}
	if !named {
		g.note(role, calls[0])
	}
	if service == "s3" && reply.Code == http.StatusNotFound && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if lists, _ := g.decide(role, missing(r)); !lists {
			g.refuse(w, service, role, missing(r))
			return
		}
	}
	for name, values := range reply.Header() {
		w.Header()[name] = values
	}
	// S3 repeats the checksum that it has compared. Of moto, the client asks once more.
	if sum := r.Header.Get("X-Amz-Checksum-Crc32"); sum != "" {
		w.Header().Set("X-Amz-Checksum-Crc32", sum)
	}
	w.WriteHeader(reply.Code)
	_, _ = w.Write(reply.Body.Bytes())
}

// recorder records the reply, without "100 Continue" and the like.
type recorder struct{ *httptest.ResponseRecorder }

func (r recorder) WriteHeader(status int) {
	if status >= http.StatusOK {
		r.ResponseRecorder.WriteHeader(status)
	}
}

// decide reports whether a role's policies, and those of the resource, allow something.
func (g *Gate) decide(role *Role, c Call) (ofRole, ofResource bool) {
	context := map[string][]string{"aws:PrincipalArn": {role.ARN}}
	for key, values := range c.Context {
		context[key] = values
	}
	c.Context = context
	g.mu.Lock()
	defer g.mu.Unlock()
	by, err := role.decide(c)
	if by != "" {
		g.made[role][by] = true
	}
	for _, s := range g.Resource {
		denies, failed := s.concerns(c)
		if failed != nil {
			err = failed
		}
		if denies {
			return by != "", false
		}
	}
	if err != nil {
		g.problems = append(g.problems, err.Error())
	}
	return by != "", true
}

func (g *Gate) note(role *Role, c Call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused[role] = append(g.refused[role], c)
}

func (g *Gate) problem(format string, values ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.problems = append(g.problems, fmt.Sprintf(format, values...))
}

// refuse answers as the service does that is asked.
func (g *Gate) refuse(w http.ResponseWriter, service string, role *Role, c Call) {
	g.note(role, c)
	message := fmt.Sprintf("%s is not authorized to perform: %s on resource: %s", role.ARN, c.Action, c.Resource)
	status, kind, body := http.StatusBadRequest, "application/x-amz-json-1.1", `{"__type":"AccessDeniedException","message":"`+message+`"}`
	switch service {
	case "s3":
		status, kind, body = http.StatusForbidden, "application/xml", "<Error><Code>AccessDenied</Code><Message>"+message+"</Message></Error>"
	case "sns", "sts":
		status, kind = http.StatusForbidden, "text/xml"
		body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>" + message + "</Message></Error></ErrorResponse>"
	case "lambda":
		status = http.StatusForbidden
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
