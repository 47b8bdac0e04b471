package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/list"
)

func verified(users int) list.Report { return list.Report{Users: users, Verified: true} }

func beginTable(w io.Writer, columns []string, limit, width int) *table {
	t := newTable(w, limit, width, false)
	_ = t.begin(columns, true) // never fails
	return t
}

func TestATableAlignsNamesOfEveryWidth(t *testing.T) {
	var out bytes.Buffer
	table := beginTable(&out, []string{"displayName", "mail", "accountEnabled"}, 10, 0)
	for _, raw := range []string{
		`{"displayName":"Olivia","mail":"o@x","accountEnabled":true}`,
		`{"displayName":"𠮷野 真理","mail":null,"accountEnabled":false}`,
		`{"displayName":"Cle\u0301ment \u001b[31m","mail":"c@x"}`,
		`{"displayName":"` + strings.Repeat("long ", 20) + `","mail":"l@x","accountEnabled":true}`,
	} {
		if err := table.User([]byte(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Complete(verified(4)); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"displayName                               mail  accountEnabled",
		"Olivia                                    o@x   true",
		"𠮷野 真理                                       false",
		"Cle\u0301ment ␛[31m                             c@x   ",
		"long long long long long long long long…  l@x   true",
		"4 users, complete (verified against $count)",
		"",
	}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	for _, line := range strings.Split(out.String(), "\n")[1:5] {
		if column := displayWidth(line[:strings.Index(line, "  ")]); column > 40 {
			t.Errorf("the first column of %q takes %d", line, column)
		}
	}
}

func TestATableFitsTheTerminal(t *testing.T) {
	columns := []string{"displayName", "userPrincipalName", "jobTitle", "department", "userType"}
	raw := []byte(fmt.Sprintf(`{"displayName":%q,"userPrincipalName":%q,"jobTitle":%q,"department":%q,"userType":"Member"}`,
		strings.Repeat("真", 15), strings.Repeat("u", 60), strings.Repeat("j", 25), strings.Repeat("d", 25)))
	for width := 12; width <= 200; width++ {
		var out bytes.Buffer
		table := beginTable(&out, columns, 10, width)
		if err := table.User(raw); err != nil {
			t.Fatal(err)
		}
		if err := table.Complete(verified(1)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		for _, line := range lines[:2] {
			if got := displayWidth(line); got > width {
				t.Fatalf("%d columns wide on a terminal of %d: %q", got, width, line)
			}
		}
		if cut := strings.Contains(out.String(), "columns that do not fit"); cut == strings.Contains(lines[0], "userType") {
			t.Errorf("at width %d: says that columns are left out: %t\n%s", width, cut, out.String())
		}
	}
}

func TestATablePrintsNothingOfAnIncompleteList(t *testing.T) {
	var out bytes.Buffer
	table := beginTable(&out, []string{"id"}, 10, 0)
	for range 5000 {
		if err := table.User([]byte(`{"id":"1"}`)); err != nil {
			t.Fatal(err)
		}
	}
	table.Abort(errors.New("failed"))
	if out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
}

func TestATableOfAllRowsStreamsAndHasNoClosingLineIfTheListFails(t *testing.T) {
	var out bytes.Buffer
	table := beginTable(&out, []string{"id"}, 0, 0)
	for i := range 5000 {
		if err := table.User(fmt.Appendf(nil, `{"id":"%d"}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.buffered) > sampleRows {
		t.Errorf("%d rows are buffered", len(table.buffered))
	}
	table.Abort(errors.New("failed"))
	if lines := strings.Count(out.String(), "\n"); lines != 5001 || strings.Contains(out.String(), "complete") {
		t.Errorf("%d lines, want the header and 5000 rows only", lines)
	}
}

func TestATableReportsAFailedWrite(t *testing.T) {
	table := beginTable(brokenWriter{}, []string{"id"}, 0, 0)
	var err error
	for i := 0; i < 100_000 && err == nil; i++ {
		err = table.User([]byte(`{"id":"1"}`))
	}
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestTheClosingLineSaysHowCompletenessIsKnown(t *testing.T) {
	for _, c := range []struct {
		report list.Report
		want   string
	}{
		{verified(1000), "1000 users, complete (verified against $count)"},
		{list.Report{Users: 7, Verified: true, VerifiedBy: list.BySecondReading, Difference: -2}, "7 users, complete (verified by a second reading; $count differs by -2)"},
		{list.Report{Users: 5}, "5 users, complete (not verified: Graph does not count this tenant's users)"},
		{
			list.Report{Users: 9998, Expected: &list.Expected{Before: 10000, After: 10000}, Difference: -2},
			"9998 users, complete (not verified: it differs from $count by -2, which is within ROLLCALL_COUNT_SLACK)",
		},
	} {
		if got := closingLine(c.report); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestATableShowsTheChosenColumns(t *testing.T) {
	selected := []string{"id", "mail", "userPrincipalName", "displayName"}
	if diff := cmp.Diff(selected, tableColumns(selected, true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"displayName", "userPrincipalName"}, tableColumns(selected, false)); diff != "" {
		t.Error(diff)
	}
}
