package subscription_test

import (
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/subscription"
)

func TestAnAddressIsHTTPSWithAPath(t *testing.T) {
	for _, text := range []string{
		address, "https://hook.example:8443/prod/notifications?code=a%20b", "https://[::1]:8443/n", "https://127.0.0.1/n?", "https://HOOK.example:443/n/",
	} {
		var a subscription.Address
		if err := a.UnmarshalText([]byte(text)); err != nil || a.IsZero() || strings.Contains(a.String(), "?") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, problem := range map[string]string{
		"":                                            "is not an https URL",
		"hook.example/n":                              "is not an https URL",
		"http://hook.example/n":                       "is not an https URL",
		"EventHub:https://v.x/n":                      "is not an https URL",
		"https:///n":                                  "names no host",
		"https:hook.example/n":                        "names no host",
		"https://hook.example":                        "has no path",
		"https://hook.example//":                      "has no path",
		"https://k:s3cr3t@hook.x/n":                   "user name or password",
		"https://hook.x/n#s3cr3t":                     "has a fragment",
		"https://hook.x/n#":                           "has a fragment",
		"https://hook.x./n":                           "a dot at its end",
		"https://hoo\u212a.x/n":                       "plain ASCII",
		"https://127.1/n":                             "plain ASCII",
		"https://hook.x/n\u00f6":                      "percent-encode",
		"https://hook.x/n s3cr3t":                     "percent-encode",
		"https://hook.x/%zz":                          "is not a URL",
		"https://hook.x/\x00":                         "is not a URL",
		"https://hook.x:99999/n":                      "port",
		"https://hook.x/n?state=s3cr3t":               "parameter state",
		"https://hook.x/n?validationToken=s3cr3t":     "parameter state",
		"https://hook.x/" + strings.Repeat("x", 2048): "2048",
	} {
		var a subscription.Address
		if err := a.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), problem) || strings.Contains(err.Error(), "s3cr3t") || !a.IsZero() {
			t.Errorf("%q: %v, want %q", text, err, problem)
		}
	}
}

func TestASubscriptionIsMineHoweverGraphSpellsItsAddress(t *testing.T) {
	k := (&rig{t: t}).keeper("https://Hook.example:443/prod/n?code=a%20b", state)
	for url, mine := range map[string]bool{
		"https://hook.example/prod/n?code=a%20b&state=0123456789abcdef":      true,
		"https://HOOK.example/prod/n?code=a%20b&state=0123456789abcdef":      true,
		"https://hook.example:443/prod/n?code=a%20b&state=0123456789abcdef":  true,
		"https://hook.example/prod/n?code=a%20b":                             false,
		"https://hook.example/prod/n?code=a%20b&state=0123":                  false,
		"https://hook.example/prod/n?state=0123456789abcdef":                 false,
		"https://hook.example/prod/n?code=x&state=0123456789abcdef":          false,
		"https://hook.example/n?code=a%20b&state=0123456789abcdef":           false,
		"https://hook.example:8443/prod/n?code=a%20b&state=0123456789abcdef": false,
		"http://hook.example/prod/n?code=a%20b&state=0123456789abcdef":       false,
		"https://x@hook.example/prod/n?code=a%20b&state=0123456789abcdef":    false,
		"https://hoo\u212a.example/prod/n?code=a%20b&state=0123456789abcdef": false,
		"EventHub:https://hook.example/prod/n?code=a%20b":                    false,
		"": false,
	} {
		if got := k.Mine(graph.Subscription{Resource: "Users", NotificationURL: url}); got != mine {
			t.Errorf("%s: %t", url, got)
		}
	}
	for resource, mine := range map[string]bool{"users": true, "/users": true, "USERS": true, "users/11111111-2222-4333-8444-555555555555": false, "groups": false, "": false} {
		if got := k.Mine(graph.Subscription{Resource: resource, NotificationURL: k.Wanted().NotificationURL}); got != mine {
			t.Errorf("%q: %t", resource, got)
		}
	}
	if (&subscription.Keeper{ClientState: secret.NewText(state)}).Mine(graph.Subscription{Resource: "users"}) {
		t.Error("no address is no address of anybody")
	}
}

// FuzzAddress has what may be pasted as an address, and what Graph may repeat.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{address, "https://hook.example", "https://hook.example/n?code=a%20b&c", "https://[::1]:8443/n?", "https://hook.example/n?state", "http://x", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var a subscription.Address
		if err := a.UnmarshalText([]byte(text)); err != nil {
			if len(text) > 16 && strings.Contains(err.Error(), text) {
				t.Fatalf("%v quotes it", err)
			}
			return
		}
		if a.IsZero() || !strings.HasPrefix(a.String(), "https://") || strings.Contains(a.String(), "?") {
			t.Fatalf("%q becomes %s", text, a)
		}
		k := subscription.Keeper{Address: a, ClientState: secret.NewText(state)}
		at := k.Wanted().NotificationURL
		if !k.Mine(graph.Subscription{Resource: "users", NotificationURL: at}) {
			t.Fatalf("%q is not known again as %q", text, at)
		}
	})
}
