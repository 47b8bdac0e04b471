// Package buses puts every bus before a server that is not ours: moto for those
// of AWS, TLS over a socket for webhooks. The tests are those of package bustest.
package buses
