// Package consumers runs the examples of docs/examples as their readers would: on
// a snapshot that the command line made, whole and spoilt. It has no code of its own.
package consumers
