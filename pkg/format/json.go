// Package format writes users as NDJSON, as one JSON object, or as CSV. A user is
// the JSON object that Graph sent: formats that do not need to parse it write it
// byte for byte.
//
// Each format shows whether a list is complete. NDJSON ends with a closing record,
// the JSON object of a failed list is left open, and CSV, which has room for
// neither, is written to a [Spool] until the list is complete.
//
// All writers are buffered; they keep the first error of the underlying writer and
// return it from every later call. They are not safe for concurrent use.
package format

import (
	"bufio"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// bufferSize is the size of a write to the underlying writer: about two hundred users.
const bufferSize = 64 << 10

// NDJSON writes one user per line.
type NDJSON struct {
	w     *bufio.Writer
	users int
}

// NewNDJSON returns an NDJSON that writes to w.
func NewNDJSON(w io.Writer) *NDJSON {
	return &NDJSON{w: bufio.NewWriterSize(w, bufferSize)}
}

// User writes a user's JSON object, raw, unchanged. It must be on one line and is
// not kept.
func (n *NDJSON) User(raw []byte) error {
	n.users++
	_, _ = n.w.Write(raw) // bufio keeps the error for the next call
	return n.w.WriteByte('\n')
}

// Users returns the number of users written.
func (n *NDJSON) Users() int { return n.users }

// Flush writes everything so far to the underlying writer. A file in a store ends
// with it, as it has no closing record.
func (n *NDJSON) Flush() error { return n.w.Flush() }

// Complete ends a stream with the record that says it is complete, and whether that was
// verified.
func (n *NDJSON) Complete(verified bool) error {
	_, _ = n.w.Write(AppendComplete(n.w.AvailableBuffer(), n.users, verified))
	return n.w.Flush()
}

// Fail ends a stream with the record that says it is not complete. code is one of
// the public error names; message names no person.
func (n *NDJSON) Fail(code, message string) error {
	_, _ = n.w.Write(AppendFailure(n.w.AvailableBuffer(), code, message))
	return n.w.Flush()
}

// AppendComplete appends the closing record of a complete stream of count users,
// with a line feed:
//
//	{"@rollcall.complete":true,"@rollcall.verified":true,"@odata.count":N}
func AppendComplete(dst []byte, count int, verified bool) []byte {
	dst = append(dst, `{"@rollcall.complete":true,"@rollcall.verified":`...)
	dst = strconv.AppendBool(dst, verified)
	dst = append(dst, `,"@odata.count":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	return append(dst, "}\n"...)
}

// AppendFailure appends the closing record of an incomplete stream, with a line
// feed:
//
//	{"@rollcall.complete":false,"error":{"code":"Graph.Throttled","message":"..."}}
func AppendFailure(dst []byte, code, message string) []byte {
	dst = append(dst, `{"@rollcall.complete":false,"error":{"code":`...)
	dst = appendString(dst, code)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, message)
	return append(dst, "}}\n"...)
}

// appendString appends text as a JSON string. Invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // the only possible error is invalid UTF-8
	return dst
}

// JSON writes a list as one object in Graph's shape, streamed:
//
//	{"value":[
//	{...},
//	{...}
//	],"@odata.count":N,"@rollcall.complete":true,"@rollcall.verified":true}
//
// Only [JSON.Complete] closes the object. A failed list is left open, so that no
// parser takes it for complete.
type JSON struct {
	w     *bufio.Writer
	users int
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON {
	return &JSON{w: bufio.NewWriterSize(w, bufferSize)}
}

// User writes a user's JSON object, raw, unchanged. It is not kept.
func (j *JSON) User(raw []byte) error {
	if j.users == 0 {
		_, _ = j.w.WriteString(`{"value":[` + "\n") // bufio keeps the error for the next call
	} else {
		_, _ = j.w.WriteString(",\n")
	}
	j.users++
	_, err := j.w.Write(raw)
	return err
}

// Users returns the number of users written.
func (j *JSON) Users() int { return j.users }

// Flush writes everything so far to the underlying writer and leaves the object open.
func (j *JSON) Flush() error { return j.w.Flush() }

// Complete closes the object with the count, the mark that the list is complete, and
// whether that was verified.
func (j *JSON) Complete(verified bool) error {
	if j.users == 0 {
		_, _ = j.w.WriteString(`{"value":[`)
	} else {
		_ = j.w.WriteByte('\n')
	}
	tail := append(j.w.AvailableBuffer(), `],"@odata.count":`...)
	tail = strconv.AppendInt(tail, int64(j.users), 10)
	tail = append(tail, `,"@rollcall.complete":true,"@rollcall.verified":`...)
	tail = strconv.AppendBool(tail, verified)
	tail = append(tail, "}\n"...)
	_, _ = j.w.Write(tail)
	return j.w.Flush()
}
