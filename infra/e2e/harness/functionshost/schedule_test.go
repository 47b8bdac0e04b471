package functionshost

import (
	"testing"
	"time"
)

func TestSchedulesHaveSixFields(t *testing.T) {
	for text, want := range map[string]string{
		"0 0 3 * * *":               "2026-11-29T03:00:00Z",
		"0 */5 * * * *":             "2026-11-28T10:05:00Z",
		"30 0 10-12 * * *":          "2026-11-28T10:00:30Z",
		"0 0 0 1 1 *":               "2027-01-01T00:00:00Z",
		"0 0 9 * * Mon-Fri":         "2026-11-30T09:00:00Z",
		"0 0 9 * december,6 sunday": "2026-12-06T09:00:00Z",
		"5/20 1 2 29 2 *":           "2028-02-29T02:01:05Z",
		"0 0 0 31 2 *":              "0001-01-01T00:00:00Z",
	} {
		s, err := parseSchedule(text)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := s.next(time.Date(2026, 11, 28, 10, 0, 0, 1, time.UTC)).Format(time.RFC3339); got != want {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "0 3 * * *", "0 0 3 * * * *", "60 0 3 * * *", "0 0 24 * * *", "0 0 3 0 * *", "0 0 3 * 13 *", "0 0 3 * * 7", "0 0 3 * * fun",
		"0 0/0 3 * * *", "0 5-1 3 * * *", "00:05:00", "0 , 3 * * *", "0 */x 3 * * *",
	} {
		if _, err := parseSchedule(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
