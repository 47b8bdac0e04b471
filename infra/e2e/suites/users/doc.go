// Package users tests the built functions/users as Lambda drives it: its secret
// in Secrets Manager (moto), the tenant (simulated) over TLS, its log read to the
// last byte. It has no code of its own.
package users
