package main

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
)

// guard decides who may ask a server on this machine.
type guard struct {
	next     http.Handler
	scheme   string // http or https
	loopback bool   // served on a loopback address
	token    string // what callers have to send, "" for nothing
}

// ServeHTTP lets a request through to the API or refuses it.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// Nothing here takes a body, and one that never comes would hold the
		// connection.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second))
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusBadRequest, "Request.Invalid", "requests have no body here")
		return
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "cross-site" || site == "same-site":
		// Another page in the browser could not read the answer, but its requests
		// would cost Graph's quota.
		refuse(w, http.StatusForbidden, "Request.Invalid", "pages of other sites may not ask here")
		return
	case g.loopback && !isLoopbackHost(r.Host):
		// A page in a browser whose own name leads here (DNS rebinding) sends that
		// name.
		refuse(w, http.StatusMisdirectedRequest, "Request.Invalid", "this server answers under a loopback name only, such as 127.0.0.1 or localhost")
		return
	case g.token != "" && !g.knows(r):
		w.Header().Set("WWW-Authenticate", `Bearer realm="rollcall"`)
		refuse(w, http.StatusUnauthorized, "Request.Unauthorized", "send the token of --token-file as Authorization: Bearer")
		return
	}
	// What only a trigger may say about the caller's way is not the caller's to say.
	r.Header.Del(header.Prefix)
	r.Header.Del(header.User)
	r.Header.Set(header.Proto, g.scheme)
	g.next.ServeHTTP(w, r)
}

// knows reports whether the request carries the token.
func (g *guard) knows(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(g.token)) == 1
}

// isLoopbackHost reports whether a Host header names this machine.
func isLoopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// refuse answers with a failure of the API's kind.
func refuse(w http.ResponseWriter, status int, name, message string) {
	failure.Failure{Status: status, Name: name, Message: message}.Write(w)
}
