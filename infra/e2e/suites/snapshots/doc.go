// Package snapshots runs the built functions/snapshot against a simulated tenant
// and a real S3 server: whole runs, runs in slices, and runs that are killed at
// every call of the store and at random instants. It has no code of its own.
package snapshots
