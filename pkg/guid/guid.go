// Package guid tells GUIDs, which Entra, Graph and AWS give to most things, from other texts.
package guid

import "github.com/google/uuid"

// length is that of a GUID in characters. The parser takes others as well: in braces, after
// urn:uuid:, and without hyphens.
const length = 36

// Valid reports whether a text has the form 8-4-4-4-12 in hexadecimal digits of any case.
func Valid(text string) bool { return len(text) == length && uuid.Validate(text) == nil }
