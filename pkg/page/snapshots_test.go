package page_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/page"
	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// ran is a run of a day, whose list is proven.
func ran(day, users, leavers int, change func(*snapshot.Manifest)) published.Run {
	at := time.Date(2026, 11, day, 2, 0, 0, 0, time.UTC)
	m := &snapshot.Manifest{
		Version: 1, Run: fmt.Sprintf("run-%02d", day), Status: snapshot.Complete, StartedAt: at, FinishedAt: at.Add(42 * time.Second),
		Users: users, Leavers: leavers, Verified: true, VerifiedBy: list.ByCount, Objects: []snapshot.Object{{URL: "x", Users: users, Bytes: 1 << 20}},
	}
	if change != nil {
		change(m)
	}
	return published.Run{Name: m.Run, Manifest: m}
}

func showing(t *testing.T, stores ...page.Store) *site {
	t.Helper()
	return openWith(t, simulator.Config{Users: 3}, page.Config{Snapshots: func(context.Context, int) ([]page.Store, error) { return stores, nil }})
}

func TestSnapshotsAreShownWithTheirProof(t *testing.T) {
	s := showing(t, page.Store{
		Place: "s3://bucket/people", Latest: "run-05", More: true,
		Runs: []published.Run{
			ran(1, 1000, 0, nil),
			ran(2, 1010, 2, nil),
			ran(3, 500, 520, func(m *snapshot.Manifest) {
				m.Status, m.Suspicions = snapshot.Suspect, []string{"520 of 1010 users are missing"}
			}),
			ran(4, 1008, 5, func(m *snapshot.Manifest) { m.VerifiedBy, m.Difference = list.BySecondReading, -1 }),
			ran(5, 1009, 0, func(m *snapshot.Manifest) {
				m.Verified, m.VerifiedBy, m.MissingColumns, m.Accepted = false, "", []string{"signInActivity"}, true
			}),
			{Name: "20261106T020000Z-abc", Unfinished: true},
			{Name: "x<script>\u202e", Err: errors.New("it is <b>wrong</b>")},
		},
	})
	status, html := s.browse(t, "/snapshots")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	want(t, html, "s3://bucket/people", "Latest: 1,009 people", "(2026-11-05 02:00 UTC). Complete, not verified; accepted though suspect",
		"2026-11-02 02:00 1,010 12 2 Verified against $count 42 s 1.0 MiB run-02",
		"2026-11-03 02:00 500 10 520 Suspect, and held back 520 of 1010 users are missing",
		"2026-11-04 02:00 1,008 3 5 Verified by a second reading; $count differs by -1",
		"2026-11-01 02:00 1,000 Verified", "Graph refused signInActivity", "2026-11-06 02:00 Not finished: there is no manifest",
		`it is <b>wrong</b> x<script>\u202e`, "7 of more", "Show earlier runs")
	if strings.Contains(html, "<b>wrong") || strings.Contains(html, "\u202e") {
		t.Error("what is wrong is more than text")
	}
	if hrefs(html)["Show earlier runs"] != "/snapshots?runs=240" {
		t.Error(hrefs(html)["Show earlier runs"])
	}
	for _, drawn := range []string{`<rect class="joined"`, `<rect class="left"`, `role="img"`, "2026-11-02 02:00 UTC: 1,010 people, 12 joined, 2 left"} {
		if !strings.Contains(html, drawn) {
			t.Errorf("the picture has no %s", drawn)
		}
	}
	if strings.Contains(html, " style=") {
		t.Error("a style that the policy forbids")
	}
}

func TestTheViewOfSnapshotsSaysWhatIsMissing(t *testing.T) {
	_, html := open(t, simulator.Config{}).browse(t, "/snapshots")
	want(t, html, "No store is configured", "rollcall serve --sink ./snapshot")
	_, html = showing(t, page.Store{Place: "./snapshot"}).browse(t, "/snapshots")
	want(t, html, "Nothing has been published here yet")
	_, html = showing(t, page.Store{Place: "s3://a/b", Err: errors.New("read s3://a/b: forbidden")}, page.Store{Place: "file:///x", Runs: []published.Run{ran(1, 5, 0, nil)}, Latest: "gone", LatestErr: errors.New("latest: it is gone")}).browse(t, "/snapshots")
	want(t, html, "forbidden", "file:///x", "latest: it is gone", "Verified against $count")
	s := openWith(t, simulator.Config{}, page.Config{Snapshots: func(context.Context, int) ([]page.Store, error) { return nil, errors.New("no tenant") }})
	status, html := s.browse(t, "/snapshots")
	if status != http.StatusInternalServerError {
		t.Error(status)
	}
	want(t, html, "Something went wrong", "no tenant")
}

// A picture of whatever a manifest says is within its frame.
func TestAPictureStaysWithinItsFrame(t *testing.T) {
	for name, runs := range map[string][]published.Run{
		"nobody":           {ran(1, 0, 0, nil), ran(2, 0, 0, nil)},
		"as many":          {ran(1, 7, 0, nil), ran(2, 7, 7, nil)},
		"from none to all": {ran(1, 0, 0, nil), ran(2, 9_999_999, 0, nil)},
		"beyond reason":    {ran(1, math.MaxInt, 0, nil), ran(2, 5, math.MaxInt, nil), ran(3, 5, 0, nil), ran(4, 1<<40, 1<<40, nil)},
		"at once":          {ran(1, 7, 0, nil), ran(1, 8, 0, nil)},
		"of all times": {
			ran(1, 7, 0, func(m *snapshot.Manifest) { m.StartedAt = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC) }),
			ran(1, 8, 0, func(m *snapshot.Manifest) {
				m.StartedAt, m.FinishedAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, html := showing(t, page.Store{Runs: runs}).browse(t, "/snapshots")
			for _, match := range regexp.MustCompile(` (x|y|x1|x2|y1|y2|cx|cy|width|height)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
				n, err := strconv.ParseFloat(match[2], 64)
				limit := 960.0
				if strings.Contains(match[1], "y") || match[1] == "height" {
					limit = 312
				}
				if err != nil || math.IsNaN(n) || n < 0 || n > limit {
					t.Errorf("%s", match[0])
				}
			}
			if !strings.Contains(html, "<svg") {
				t.Error("there is no picture")
			}
		})
	}
}
