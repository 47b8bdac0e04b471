// Package triggers tests the built functions/users behind every trigger that it
// answers, from the HTTP request to the HTTP response. It has no code of its own.
package triggers
