package property_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// date parses a date by package time, and checks its form, as package time is lenient.
func date(text string) (at time.Time, ok bool) {
	shape := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	err := at.UnmarshalText([]byte(text))
	return at, err == nil && shape.MatchString(text) && at.UTC().Year() >= 1 && at.UTC().Year() <= 9999
}

func TestEveryDayOfTheCalendarMatchesPackageTime(t *testing.T) {
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); !at.After(last); at = at.AddDate(0, 0, 3).Add(17 * time.Second) {
		if got, exact, ok := property.ParseInstant([]byte(at.Format(time.RFC3339))); !ok || !exact || got != at.UnixMicro() {
			t.Fatalf("%s is %d, %t, %t, want %d", at, got, exact, ok, at.UnixMicro())
		}
	}
}

func FuzzInstantsAgreeWithPackageTime(f *testing.F) {
	for _, text := range []string{
		"2024-01-02T03:04:05Z", "2024-01-02T03:04:05.1234567Z", "0000-02-29T00:00:00-23:59", "2024-02-29T23:59:59.000000+14:00", "",
		"2024-01-02T03:04:05", "2024-01-02 03:04:05Z", "2024-01-02T03:04:05.Z", "2024-01-02T03:04:05,5Z", "20a4-01-02T03:04:05Z",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		micros, exact, ok := property.ParseInstant([]byte(text))
		at, want := date(text)
		if ok != want {
			t.Fatalf("%q: %t, want %t", text, ok, want)
		}
		if ok && micros != at.UnixMicro() {
			t.Fatalf("%q: %d, want %d", text, micros, at.UnixMicro())
		}
		if ok && len(text) <= len("2024-01-02T03:04:05.123456789Z") && exact != (at.Nanosecond()%1000 == 0) {
			t.Fatalf("%q: exact %t", text, exact)
		}
	})
}
