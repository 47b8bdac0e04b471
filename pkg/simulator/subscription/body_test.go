package subscription_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/simulator/subscription"
)

func FuzzDecodeAcceptsOnlyWhatGraphAccepts(f *testing.F) {
	f.Add([]byte(`{"changeType":"updated","notificationUrl":"https://h.example","resource":"users","expirationDateTime":"2026-01-01T00:00:00Z","clientState":"s"}`))
	f.Add([]byte(`{"changeType":"updated,deleted","notificationUrl":"http://127.0.0.1:1/x?y","lifecycleNotificationUrl":"https://h.example","resource":"/users/9d0c0000-0000-4000-8000-000000000000","expirationDateTime":"2026-01-01T00:00:00.123+02:00"}`))
	f.Add([]byte(`{"expirationDateTime":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"expirationDateTime":null,"a":[[[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if expires, refusal := subscription.DecodeRenewal(body); refusal == nil && expires.IsZero() && !strings.Contains(string(body), "0001") {
			t.Errorf("%s: no expiry", body)
		}
		for _, plain := range []bool{false, true} {
			r, refusal := subscription.Decode(body, plain)
			if refusal != nil {
				if refusal.Status != 400 || refusal.Message == "" || !json.Valid(refusal.Envelope("", "")) {
					t.Errorf("%s: %+v", body, refusal)
				}
				continue
			}
			if !json.Valid(body) || utf8.RuneCountInString(r.ClientState) > 128 || r.TLSVersion == "" || r.User != "" && len(r.User) != 36 {
				t.Errorf("%s: %+v", body, r)
			}
			for _, address := range []string{r.NotificationURL, r.LifecycleNotificationURL} {
				if https := len(address) > 8 && strings.EqualFold(address[:8], "https://"); address != "" && !https && !plain {
					t.Errorf("%s: %+v", body, r)
				}
			}
		}
	})
}
