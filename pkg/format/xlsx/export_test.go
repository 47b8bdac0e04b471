package xlsx

import "io"

// Escape and Unmark are shown to the tests: what a text is written as.
func Escape(text string) string { return escape(text) }

// Unmark is shown to the tests.
var Unmark = newUnmark

// Skip counts users that were not written.
func (x *Writer) Skip(users int) { x.users += users }

// Dir is where the temporary file is.
func (x *Writer) Dir() string { return x.dir }

// Limit is shown to the tests.
func Limit(w io.Writer, size int64) io.Writer { return &limited{w: w, left: size} }
