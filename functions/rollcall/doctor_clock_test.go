package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// dated answers with a time.
type dated string

func (d dated) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{Header: http.Header{"Date": {string(d)}}, Body: http.NoBody}, nil
}

func TestDoctorComparesTheClockWithGraphs(t *testing.T) {
	at := func(off time.Duration) string { return time.Now().Add(off).UTC().Format(http.TimeFormat) }
	for want, date := range map[string]string{
		"ok      clock          within a minute of Graph's\n":                                   at(-30 * time.Second),
		"warn    clock          2m0s behind Graph's\n        set this machine's clock by NTP":   at(2 * time.Minute),
		"FAIL    clock          6m0s ahead of Graph's\n        Entra ID refuses what is signed": at(-6 * time.Minute),
		"FAIL    clock          1h0m0s behind Graph's\n":                                        at(time.Hour),
		"skip    clock          because Graph gave no answer with a time\n":                     "yesterday",
	} {
		var here clock
		cfg := graph.Config{Transport: dated(date)}
		here.watch(nil, &cfg)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://graph.example", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := cfg.Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		var out strings.Builder
		c := &checks{checklist: checklist{w: &out}}
		c.clock(&here)
		if !strings.HasPrefix(strings.NewReplacer("2m1s", "2m0s", "1m59s", "2m0s", "6m1s", "6m0s", "5m59s", "6m0s", "59m59s", "1h0m0s", "1h0m1s", "1h0m0s").Replace(out.String()), want) {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}
