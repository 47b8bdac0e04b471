package snapshot

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAnInputNamesOneSliceOfOneRun(t *testing.T) {
	long := strings.Repeat("r", 80)
	for name, c := range map[string]struct {
		in    Input
		run   string
		slice int
		field string // that the error names; "" means none
	}{
		"a run":                        {in: Input{Run: "nightly"}, run: "nightly", slice: 1},
		"a time as in EventBridge":     {in: Input{Run: "2026-11-22T02:15:00Z"}, run: "2026-11-22T021500Z", slice: 1},
		"all that a name may contain":  {in: Input{Run: "A-z_0.9"}, run: "A-z_0.9", slice: 1},
		"as long as it may be":         {in: Input{Run: long}, run: long, slice: 1},
		"longer":                       {in: Input{Run: long + "r"}, field: "run"},
		"too long only by its colons":  {in: Input{Run: long + ":::"}, run: long, slice: 1},
		"colons only":                  {in: Input{Run: "::"}, run: "", slice: 1},
		"a slash":                      {in: Input{Run: "a/b"}, field: "run"},
		"two dots":                     {in: Input{Run: "../old"}, field: "run"},
		"a space":                      {in: Input{Run: "a b"}, field: "run"},
		"a line break at the end":      {in: Input{Run: "a\n"}, field: "run"},
		"another alphabet":             {in: Input{Run: "запуск"}, field: "run"},
		"a slice":                      {in: Input{Resume: "nightly.2"}, run: "nightly", slice: 2},
		"a slice of dots":              {in: Input{Resume: "a.b.3.14"}, run: "a.b.3", slice: 14},
		"a slice of its run":           {in: Input{Run: "a:b", Resume: "ab.2"}, run: "ab", slice: 2},
		"a slice of another run":       {in: Input{Run: "a", Resume: "b.2"}, field: "resume"},
		"slice zero":                   {in: Input{Resume: "a.0"}, field: "resume"},
		"a negative slice":             {in: Input{Resume: "a.-1"}, field: "resume"},
		"no slice":                     {in: Input{Resume: "a"}, field: "resume"},
		"no slice after the dot":       {in: Input{Resume: "a."}, field: "resume"},
		"a slice of no run":            {in: Input{Resume: ".2"}, field: "resume"},
		"a slice that is not a number": {in: Input{Resume: "a.two"}, field: "resume"},
		"a slice that overflows":       {in: Input{Resume: "a.99999999999999999999"}, field: "resume"},
		"a slice of a path":            {in: Input{Resume: "a/b.2"}, field: "resume"},
		"a suspect run":                {in: Input{Accept: "2026-11-22T02:15:00Z"}, run: "2026-11-22T021500Z", slice: 1},
		"a suspect run and a slice":    {in: Input{Accept: "a", Resume: "a.2"}, field: "resume"},
		"a path to accept":             {in: Input{Accept: "a/b"}, field: "accept"},
	} {
		run, slice, err := c.in.parse(time.Now())
		var refused *InputError
		switch {
		case c.field != "":
			if !errors.As(err, &refused) || refused.Field != c.field || refused.Name() != "Request.Invalid" {
				t.Errorf("%s: %v, want an error about %s", name, err, c.field)
			}
		case err != nil || slice != c.slice:
			t.Errorf("%s: slice %d, %v", name, slice, err)
		case run != c.run && c.run != "":
			t.Errorf("%s: run %s, want %s", name, run, c.run)
		}
	}
}

func TestARunWithoutANameIsNamedAfterItsTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 4, 5, 0, time.FixedZone("", 7200))
	first, slice, err := Input{}.parse(now)
	if err != nil || slice != 1 || !strings.HasPrefix(first, "20261122T010405Z-") || !runName.MatchString(first) {
		t.Errorf("run %s, slice %d, %v", first, slice, err)
	}
	if second, _, _ := (Input{}).parse(now); second == first {
		t.Error("two runs of the same second have the same name")
	}
	if named, _, _ := (Input{Request: "8f2c-request"}).parse(now); named != "20261122T010405Z-8f2c-request" {
		t.Errorf("the run of an invocation is %s", named)
	}
}
