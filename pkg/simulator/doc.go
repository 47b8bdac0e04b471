// Package simulator is a simulated Entra ID tenant: the token service,
// Microsoft Graph's users, and a small AWS Secrets Manager, on one host.
//
// It exists to prove the client wrong. It answers as the real services do,
// down to the order of JSON members and the wording of errors, and on demand it
// misbehaves as they do: throttled, cut off, stalled, looping, stale, or simply
// silent half-way. Nothing in it is taken from the client's code, and it imports
// only the standard library and package property.
//
// People are functions of a seed and an index. A tenant of ten million users
// takes no more memory than one of ten; only changes made while it runs are
// remembered.
//
// Serve it through [Tenant.Handler], over TLS with [Tenant.Start], or without a
// socket with [Tenant.Transport], which also works in a testing/synctest bubble.
package simulator
