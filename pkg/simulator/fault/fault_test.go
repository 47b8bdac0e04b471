package fault_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
)

func TestFaultsAreReadFromText(t *testing.T) {
	for text, want := range map[string]fault.Fault{
		"503":                {Name: "503"},
		"503:3x2":            {Name: "503", Page: 3, Times: 2},
		"reset:12":           {Name: "reset", Page: 12},
		"500x*":              {Name: "500", Times: -1},
		"429-date@user":      {Name: "429-date", On: "user"},
		"502-html@graph:1x3": {Name: "502-html", On: "graph", Page: 1, Times: 3},
		"token-429x2":        {Name: "token-429", Times: 2},
	} {
		got, err := fault.Parse(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", text, err, diff)
		}
		if got.String() != text {
			t.Errorf("%s is written %s", text, got)
		}
	}
	for _, text := range []string{"", "nothing", "503:", "503:0", "503:x", "503x0", "503@moon", "reset@count", "token-429:2", "count-lag:1"} {
		if f, err := fault.Parse(text); err == nil {
			t.Errorf("%q is read as %+v", text, f)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("503@list:3x2")
	f.Add("500x*")
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := fault.Parse(s)
		if err != nil {
			return
		}
		reread, err := fault.Parse(parsed.String())
		if err != nil || reread != parsed {
			t.Fatalf("%q is %+v, written %q, read %+v, %v", s, parsed, parsed, reread, err)
		}
	})
}

func TestWhatBefallsRequestsToGraphDoesNotBefallNotifications(t *testing.T) {
	in := fault.NewInjector([]fault.Fault{{Name: "slow-body", On: fault.Graph}, {Name: "notification-slow"}}, nil)
	for on, want := range map[string]string{fault.Notification: "notification-slow", fault.Subscription: "slow-body", fault.Token: ""} {
		if got := strings.Join(in.Within(on, 0, fault.Event{}).Names(), " "); got != want {
			t.Errorf("%s: %q, want %q", on, got, want)
		}
	}
}
