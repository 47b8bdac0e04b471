// Package format writes users as NDJSON, as one JSON object, or as CSV. A user
// is the JSON object that Graph sent, as package graph hands it on: whatever a
// format need not take apart is written byte for byte.
//
// A list is whole or it is not, and each format says which. NDJSON ends with a
// closing record, the JSON object is left open when the list failed, and CSV,
// which has no room for either, is held back in a [Spool] until the list is
// complete.
//
// Every writer here has a buffer, keeps the first error of the writer below and
// returns it from every later call. None is safe for concurrent use.
package format
