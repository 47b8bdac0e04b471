package config

import "strings"

// stream is how REST API and Function URL events are answered.
type stream bool

// UnmarshalText reads buffered or stream, in any case.
func (s *stream) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "buffered":
		*s = false
	case "stream":
		*s = true
	default:
		return &complaint{"is not a way to respond", "write buffered, or stream where the trigger is set up for it"}
	}
	return nil
}
