package tolerance_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestAToleranceIsWrittenAsAShareOrANumber(t *testing.T) {
	for text, want := range map[string]string{"0.05%": "0.05%", "0%": "0", "12": "12", "1.50 %": "1.5%", "100%": "100%"} {
		var got tolerance.Tolerance
		if err := got.UnmarshalText([]byte(text)); err != nil || got.String() != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "-1", "1.5", "101%", "1e3%", "NaN%", "ten", "1%%", "99999999999999999999"} {
		got := tolerance.Tolerance{Users: 7}
		if err := got.UnmarshalText([]byte(text)); err == nil || got.Users != 7 {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestAToleranceIsRoundedDown(t *testing.T) {
	for _, c := range []struct {
		tolerance tolerance.Tolerance
		n, want   int
	}{
		{tolerance.Tolerance{Share: 0.0005}, 1999, 0},
		{tolerance.Tolerance{Share: 0.0005}, 2000, 1}, // 0.0005 * 2000 is 0.9999999999999999 or 1
		{tolerance.Tolerance{Share: 0.07}, 10_000, 700},
		{tolerance.Tolerance{Share: 1}, 5, 5},
		{tolerance.Tolerance{Users: 5}, 1_000_000, 5},
		{tolerance.Tolerance{}, 1_000_000, 0},
	} {
		if got := c.tolerance.Of(c.n); got != c.want {
			t.Errorf("%v of %d is %d, want %d", c.tolerance, c.n, got, c.want)
		}
	}
}
