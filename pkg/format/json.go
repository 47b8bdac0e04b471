package format

import (
	"bufio"
	"io"
	"strconv"
)

// JSON writes a list as one object in Graph's shape, streamed:
//
//	{"value":[
//	{...},
//	{...}
//	],"@odata.count":N,"@rollcall.complete":true}
//
// Only [JSON.Complete] closes the object. A list that failed is left open, so
// that no parser takes it for whole.
type JSON struct {
	w     *bufio.Writer
	users int
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON {
	return &JSON{w: bufio.NewWriterSize(w, bufferSize)}
}

// User writes the user's object as it is. raw is one JSON object and is not kept.
func (j *JSON) User(raw []byte) error {
	j.separate()
	_, err := j.w.Write(raw)
	return err
}

func (j *JSON) separate() {
	if j.users == 0 {
		_, _ = j.w.WriteString(`{"value":[` + "\n") // bufio keeps the error for the next call
	} else {
		_, _ = j.w.WriteString(",\n")
	}
	j.users++
}

// Users returns how many users were written.
func (j *JSON) Users() int { return j.users }

// Flush hands everything written so far to the writer below. After it the object
// is still open.
func (j *JSON) Flush() error { return j.w.Flush() }

// Complete closes the object with the count and the word that the list is whole.
func (j *JSON) Complete() error {
	if j.users == 0 {
		_, _ = j.w.WriteString(`{"value":[`)
	} else {
		_ = j.w.WriteByte('\n')
	}
	tail := append(j.w.AvailableBuffer(), `],"@odata.count":`...)
	tail = strconv.AppendInt(tail, int64(j.users), 10)
	tail = append(tail, `,"@rollcall.complete":true}`+"\n"...)
	_, _ = j.w.Write(tail)
	return j.w.Flush()
}
