package lambdahost

import (
	"encoding/json"
	"slices"
	"strings"
)

// levels are those of Lambda's log controls, from the lowest on.
func levels() []string { return []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} }

// delivered are the lines of a log that Lambda delivers for a function of an
// ApplicationLogLevel: it drops JSON objects of a lower level, and takes one without a level
// that it knows for INFO.
func delivered(output, level string) string {
	least := slices.Index(levels(), level)
	var kept strings.Builder
	for line := range strings.Lines(output) {
		var record struct {
			Level string `json:"level"`
		}
		if json.Unmarshal([]byte(line), &record) == nil {
			own := slices.Index(levels(), record.Level)
			if own < 0 {
				own = slices.Index(levels(), "INFO")
			}
			if own < least {
				continue
			}
		}
		kept.WriteString(line)
	}
	return kept.String()
}
