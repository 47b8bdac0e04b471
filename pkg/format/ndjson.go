package format

import (
	"bufio"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// bufferSize is what goes to the writer below at once: about two hundred users.
const bufferSize = 64 << 10

// NDJSON writes one user a line.
type NDJSON struct {
	w     *bufio.Writer
	users int
}

// NewNDJSON returns an NDJSON that writes to w.
func NewNDJSON(w io.Writer) *NDJSON {
	return &NDJSON{w: bufio.NewWriterSize(w, bufferSize)}
}

// User writes the user's object as it is. raw is one JSON object on one line and
// is not kept.
func (n *NDJSON) User(raw []byte) error {
	n.users++
	_, _ = n.w.Write(raw) // bufio keeps the error for the next call
	return n.w.WriteByte('\n')
}

// Users returns how many users were written.
func (n *NDJSON) Users() int { return n.users }

// Flush hands everything written so far to the writer below. It is also the end
// of a file in a store, which has no closing record.
func (n *NDJSON) Flush() error { return n.w.Flush() }

// Complete ends a stream with the record that says it is whole.
func (n *NDJSON) Complete() error {
	_, _ = n.w.Write(AppendComplete(n.w.AvailableBuffer(), n.users))
	return n.w.Flush()
}

// Fail ends a stream with the record that says it is not whole. code is one of
// the public error names; message names no person.
func (n *NDJSON) Fail(code, message string) error {
	_, _ = n.w.Write(AppendFailure(n.w.AvailableBuffer(), code, message))
	return n.w.Flush()
}

// AppendComplete appends the closing record of a complete stream of count users,
// with its line end:
//
//	{"@rollcall.complete":true,"@odata.count":N}
func AppendComplete(dst []byte, count int) []byte {
	dst = append(dst, `{"@rollcall.complete":true,"@odata.count":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	return append(dst, "}\n"...)
}

// AppendFailure appends the closing record of a stream that is not complete,
// with its line end:
//
//	{"@rollcall.complete":false,"error":{"code":"Graph.Throttled","message":"..."}}
func AppendFailure(dst []byte, code, message string) []byte {
	dst = append(dst, `{"@rollcall.complete":false,"error":{"code":`...)
	dst = appendString(dst, code)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, message)
	return append(dst, "}}\n"...)
}

// appendString appends text as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // its error says only that there was such a byte
	return dst
}
