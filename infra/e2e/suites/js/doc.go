// Package js reads the built functions/users with Microsoft's JavaScript client
// for Graph. It has no code of its own; `make e2e` installs the client.
package js
