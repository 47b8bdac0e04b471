package list

import (
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// Report is what is known about a list: figures only, no person.
type Report struct {
	// Users is the number of users delivered, each once.
	Users int `json:"users"`
	// Duplicates is how often the final pass saw a user another time.
	Duplicates int `json:"duplicates"`
	// Pages is the number of pages of the final pass.
	Pages int `json:"pages"`
	// Passes is how often the list was started.
	Passes int `json:"passes"`
	// Retries and Throttled count requests made again and answers with status
	// 429, over all passes.
	Retries   int `json:"retries"`
	Throttled int `json:"throttled"`
	// Expected is Graph's own count, nil where the tenant does not count.
	Expected *Expected `json:"expected"`
	// Verified means that the list was shown to be whole, by what VerifiedBy says:
	// the count, or a second reading ([ByCount], [BySecondReading]).
	Verified   bool   `json:"verified"`
	VerifiedBy string `json:"verifiedBy,omitempty"`
	// Fenced means that the changes made while the list was read are accounted for.
	Fenced bool `json:"fenced"`
	// Left is how many of the users delivered have left since, or no longer match.
	Left int `json:"left"`
	// Difference is by how many the users who have not left exceed the count: negative
	// when there are fewer users than counted.
	Difference int `json:"difference"`
	// MissingColumns are the optional columns that Graph refused.
	MissingColumns []string `json:"missingColumns"`
	// Warnings are sentences for a person.
	Warnings []string `json:"warnings"`
	// Duration is the wall time that reading took.
	Duration time.Duration `json:"duration"`
}

// Expected is Graph's count of the users before and after they were read.
type Expected struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

// reset clears what each pass counts for itself.
func (r *Report) reset() {
	r.Duplicates, r.Pages, r.Expected, r.Verified, r.VerifiedBy, r.Fenced, r.Left, r.Difference = 0, 0, nil, false, "", false, 0, 0
	r.Warnings = nil
}

// add counts the retries below one pager or count.
func (r *Report) add(s *graph.Stats) {
	r.Retries += s.Retries()
	r.Throttled += s.Throttled()
}

func (r *Report) warn(sentence string) { r.Warnings = append(r.Warnings, sentence) }

// LogValue shows the report as one group of a log line.
func (r Report) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int("users", r.Users),
		slog.Int("duplicates", r.Duplicates),
		slog.Int("pages", r.Pages),
		slog.Int("passes", r.Passes),
		slog.Int("retries", r.Retries),
		slog.Int("throttled", r.Throttled),
		slog.Bool("verified", r.Verified),
		slog.Bool("fenced", r.Fenced),
		slog.Int("left", r.Left),
		slog.Int("difference", r.Difference),
		slog.Duration("duration", r.Duration),
	}
	if r.Expected != nil {
		attrs = append(attrs, slog.Int("countBefore", r.Expected.Before), slog.Int("countAfter", r.Expected.After))
	}
	if len(r.MissingColumns) > 0 {
		attrs = append(attrs, slog.Any("missingColumns", r.MissingColumns))
	}
	return slog.GroupValue(attrs...)
}
