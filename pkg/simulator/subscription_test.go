package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestASubscriptionIsMadeReadRenewedAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		made := s.send(http.MethodPost, "", asked(nil))
		id := strings.TrimSuffix(strings.TrimPrefix(made.header.Get("Location"), graphURL+"/v1.0/subscriptions('"), "')")
		body := func(context, state, expires string) string {
			return `{"@odata.context":"` + graphURL + `/v1.0/$metadata#subscriptions/$entity","id":"` + id + `","resource":"users","applicationId":"` + simulator.DefaultClientID +
				`","changeType":"updated,deleted","clientState":` + state + `,"notificationUrl":"https://hook.example/notifications?code=a%20b","notificationQueryOptions":null,` +
				`"lifecycleNotificationUrl":"https://hook.example/notifications?code=a%20b","expirationDateTime":"` + expires + `.0000000Z","creatorId":"` + principalOf(t, s.token) +
				`","includeResourceData":null,"latestSupportedTlsVersion":"v1_2","encryptionCertificate":null,"encryptionCertificateId":null,"notificationUrlAppId":null}`
		}
		want := body("/$entity", `"s3cret"`, "2000-01-03T00:00:00")
		if diff := cmp.Diff(want, made.body); made.status != http.StatusCreated || diff != "" {
			t.Fatalf("%d %s", made.status, diff)
		}
		if got := s.send(http.MethodGet, "/"+strings.ToUpper(id), ""); got.status != 200 || got.body != want {
			t.Errorf("%d %s", got.status, got.body)
		}
		entry := strings.Replace(body("", "null", "2000-01-03T00:00:00"), "/$entity", "", 1)
		list := strings.Replace(entry, `",`, `","value":[{`, 1) + "]}"
		if got := s.send(http.MethodGet, "", ""); got.status != 200 || got.body != list {
			t.Errorf("%d %s", got.status, cmp.Diff(list, got.body))
		}
		renewed := s.send(http.MethodPatch, "/"+id, `{"expirationDateTime":"2000-01-29T00:00:00+00:00"}`)
		if want := body("", `"s3cret"`, "2000-01-29T00:00:00"); renewed.status != 200 || renewed.body != want {
			t.Errorf("%d %s", renewed.status, cmp.Diff(want, renewed.body))
		}
		if got := s.send(http.MethodPost, "/"+id+"/reauthorize", ""); got.status != http.StatusNoContent || got.body != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := s.send(http.MethodDelete, "/"+id, ""); got.status != http.StatusNoContent || got.body != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
		for _, r := range [][2]string{{"GET", ""}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/reauthorize"}} {
			if got := s.send(r[0], "/"+id+r[1], `{"expirationDateTime":"2000-01-20T00:00:00Z"}`); got.status != 404 || got.code() != "ResourceNotFound" {
				t.Errorf("%s of what was deleted: %d %s", r[0], got.status, got.body)
			}
		}
		for _, r := range [][2]string{{"PUT", ""}, {"DELETE", ""}, {"POST", "/" + id}, {"GET", "/" + id + "/reauthorize"}} {
			if got := s.send(r[0], r[1], "{}"); got.status != 405 && got.status != 404 {
				t.Errorf("%s %s: %d %s", r[0], r[1], got.status, got.body)
			}
		}
	})
}

// principalOf reads the object id of the app's service principal in a token.
func principalOf(t *testing.T, token string) string {
	t.Helper()
	claims := claimsOf(t, token)
	var id string
	if err := json.Unmarshal(claims["oid"], &id); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestABodyThatGraphWouldRefuseIsRefused(t *testing.T) {
	s := newSubscriber(t, simulator.Config{Users: 3})
	for name, row := range map[string]struct {
		body string
		says string
	}{
		"no object":                   {"[]", "Unable to read JSON"},
		"nothing":                     {"", "Unable to read JSON"},
		"two objects":                 {asked(nil) + "{}", "Unable to read JSON"},
		"bytes that are no text":      {"{\"resource\":\"\xff\"}", "Unable to read JSON"},
		"no changeType":               {asked(fields{"changeType": ""}), "changeType is a required property"},
		"null notificationUrl":        {asked(fields{"notificationUrl": nil}), "notificationUrl is a required property"},
		"no resource":                 {asked(fields{"resource": ""}), "resource is a required property"},
		"no expiry":                   {asked(fields{"expirationDateTime": ""}), "expirationDateTime is a required property"},
		"a number for a text":         {asked(fields{"resource": 7}), "Cannot convert the value of the property 'resource'"},
		"an unknown member":           {asked(fields{"notificationURL": "https://x.example"}), "The property 'notificationURL' does not exist on type"},
		"a member twice":              {strings.Replace(asked(nil), "{", `{"resource":"users",`, 1), "more than once"},
		"created":                     {asked(fields{"changeType": "created"}), "changeType 'created' is not supported"},
		"updated twice":               {asked(fields{"changeType": "updated,updated"}), "changeType"},
		"http":                        {asked(fields{"notificationUrl": "http://hook.example/"}), "notificationUrl is not a valid HTTPS address"},
		"http on loopback":            {asked(fields{"notificationUrl": "http://127.0.0.1/"}), "notificationUrl is not a valid HTTPS address"},
		"no host":                     {asked(fields{"notificationUrl": "https:///x"}), "notificationUrl"},
		"an event hub":                {asked(fields{"notificationUrl": "EventHub:https://v.vault.azure.net/secrets/x?tenantId=y"}), "notificationUrl"},
		"http for lifecycle":          {asked(fields{"lifecycleNotificationUrl": "http://hook.example/"}), "lifecycleNotificationUrl is not a valid HTTPS address"},
		"groups":                      {asked(fields{"resource": "groups"}), "resource 'groups' is not supported"},
		"users with a query":          {asked(fields{"resource": "users?$select=id"}), "not supported"},
		"a sign-in name":              {asked(fields{"resource": "users/" + s.tenant.UserPrincipalName(1)}), "not supported"},
		"a user who is not there":     {asked(fields{"resource": "users/" + s.tenant.ID(9)}), "does not exist"},
		"a long clientState":          {asked(fields{"clientState": strings.Repeat("ä", 129)}), "128 characters"},
		"a TLS version":               {asked(fields{"latestSupportedTlsVersion": "v1_4"}), "latestSupportedTlsVersion"},
		"rich notifications":          {asked(fields{"includeResourceData": true}), "includeResourceData is not supported"},
		"a certificate":               {asked(fields{"encryptionCertificate": "AAAA"}), "includeResourceData is not supported"},
		"an id":                       {asked(fields{"id": s.tenant.ID(1)}), "read-only"},
		"an expiry that is no time":   {asked(fields{"expirationDateTime": "tomorrow"}), "Edm.DateTimeOffset"},
		"an expiry without a zone":    {asked(fields{"expirationDateTime": "2100-01-01T00:00:00"}), "Edm.DateTimeOffset"},
		"an expiry in the past":       {asked(fields{"expirationDateTime": in(-time.Second)}), "must be in the future"},
		"an expiry too far ahead":     {asked(fields{"expirationDateTime": in(41_761 * time.Minute)}), "can only be 41760 minutes in the future"},
		"an expiry for ever and ever": {asked(fields{"expirationDateTime": "9999-12-31T23:59:59Z"}), "can only be 41760 minutes in the future"},
	} {
		want := 400
		if strings.Contains(row.says, "does not exist or") || name == "a user who is not there" {
			want = 404
		}
		if got := s.send(http.MethodPost, "", row.body); got.status != want || !strings.Contains(got.body, row.says) {
			t.Errorf("%s: %d %s, want %d with %q", name, got.status, got.body, want, row.says)
		}
	}
	if seen := s.seen(true); len(seen) != 0 {
		t.Errorf("what is refused is not validated: %v", seen)
	}
	for _, accepted := range []fields{
		{"resource": "/users"},
		{"resource": "Users/" + strings.ToUpper(s.tenant.ID(1))},
		{"changeType": "deleted , updated"},
		{"lifecycleNotificationUrl": nil},
		{"clientState": strings.Repeat("ä", 128)},
		{"clientState": ""},
		{"latestSupportedTlsVersion": "v1_3"},
		{"includeResourceData": false},
		{"@odata.type": "#microsoft.graph.subscription"},
		{"expirationDateTime": in(41_759 * time.Minute)},
	} {
		s.subscribe(accepted)
	}
}

func TestARenewalChangesTheExpiryAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		id := s.subscribe(fields{"lifecycleNotificationUrl": nil})
		for body, says := range map[string]string{
			`{"lifecycleNotificationUrl":"https://hook.example/","expirationDateTime":"` + in(time.Hour) + `"}`: "'lifecycleNotificationUrl' cannot be updated",
			`{"changeType":"deleted"}`: "'changeType' cannot be updated",
			`{}`:                       "expirationDateTime is a required property",
			`[]`:                       "Unable to read JSON",
			`{"expirationDateTime":7}`: "Cannot convert",
			`{"expirationDateTime":"` + in(-time.Hour) + `"}`:              "must be in the future",
			`{"expirationDateTime":"` + in(41_761*time.Minute) + `"}`:      "41760 minutes",
			`{"expirationDateTime":"` + in(48 * time.Hour)[:19] + `+0000"`: "Unable to read JSON",
		} {
			if got := s.send(http.MethodPatch, "/"+id, body); got.status != 400 || !strings.Contains(got.body, says) {
				t.Errorf("%s: %d %s, want %q", body, got.status, got.body, says)
			}
		}
		// What is short is made 45 minutes long.
		for asked, want := range map[time.Duration]time.Duration{time.Minute: 45 * time.Minute, 46 * time.Minute: 46 * time.Minute} {
			for _, got := range []answer{
				s.send(http.MethodPatch, "/"+id, `{"expirationDateTime":"`+in(asked)+`"}`),
				s.send(http.MethodPost, "", fmt.Sprintf(`{"changeType":"updated","resource":"users","notificationUrl":"https://h.example","expirationDateTime":%q}`, in(asked))),
			} {
				if text := `"expirationDateTime":"` + time.Now().Add(want).UTC().Format("2006-01-02T15:04:05.0000000Z"); !strings.Contains(got.body, text) {
					t.Errorf("%d %s, want %s", got.status, got.body, text)
				}
			}
		}
		if got := s.seen(true); len(got) != 3 {
			t.Errorf("a renewal does not validate: %d handshakes", len(got))
		}
	})
}

func TestTheQuotaOfSubscriptionsIsOneHundredUnlessItIsLess(t *testing.T) {
	for configured, quota := range map[int]int{0: 100, 2: 2} {
		s := newSubscriber(t, simulator.Config{Users: 3, MaxSubscriptions: configured})
		var ids []string
		for range quota {
			ids = append(ids, s.subscribe(nil))
		}
		handshakes := len(s.seen(true))
		if got := s.send(http.MethodPost, "", asked(nil)); got.status != 403 || !strings.Contains(got.body, fmt.Sprintf("limit of %d subscriptions", quota)) || len(s.seen(true)) != handshakes {
			t.Errorf("%d %s", got.status, got.body)
		}
		s.send(http.MethodDelete, "/"+ids[0], "")
		s.subscribe(nil)
	}
}

func TestFailedAndConcurrentAttemptsDoNotEatOrExceedTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3, MaxSubscriptions: 2})
		s.validate = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusBadGateway)
		}
		statuses := make([]int, 5)
		attempt := func() {
			var done sync.WaitGroup
			for i := range statuses {
				done.Go(func() { statuses[i] = s.send(http.MethodPost, "", asked(nil)).status })
			}
			done.Wait()
			slices.Sort(statuses)
		}
		if attempt(); !slices.Equal(statuses, []int{400, 400, 403, 403, 403}) {
			t.Errorf("%v", statuses)
		}
		s.validate = nil
		if attempt(); !slices.Equal(statuses, []int{201, 201, 403, 403, 403}) {
			t.Errorf("%v", statuses)
		}
	})
}

func TestSubscriptionsAreListedInPages(t *testing.T) {
	s := newSubscriber(t, simulator.Config{Users: 3, PageSize: 2})
	var want []string
	for range 5 {
		want = append(want, `"`+s.subscribe(nil)+`"`)
	}
	ids, pages := s.all("/subscriptions", "id")
	if diff := cmp.Diff(want, ids); diff != "" || pages != 3 {
		t.Errorf("%s on %d pages", diff, pages)
	}
	if got := s.get("/subscriptions?$skiptoken=RFNwdA"); got.status != 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
	s.tenant.AddFault(simulator.Fault{Name: "503", On: "subscription", Page: 2})
	first := s.page("/subscriptions")
	if got := s.get(first.Next); got.status != 503 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestAnExpiredSubscriptionIsGoneInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3, MaxSubscriptions: 1})
		id := s.subscribe(fields{"expirationDateTime": in(time.Hour)})
		time.Sleep(time.Hour - time.Nanosecond)
		s.token = s.buy("")
		if got := s.send(http.MethodGet, "/"+id, ""); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
		time.Sleep(time.Nanosecond)
		if got := s.send(http.MethodGet, "", ""); !strings.Contains(got.body, `"value":[]`) {
			t.Errorf("%s", got.body)
		}
		if got := s.send(http.MethodPatch, "/"+id, `{"expirationDateTime":"`+in(time.Hour)+`"}`); got.status != 404 {
			t.Errorf("%d %s", got.status, got.body)
		}
		s.subscribe(nil)
	})
}

func TestSubscriptionsNeedTheirRoleAndATenantThatHasThem(t *testing.T) {
	for name, row := range map[string]struct {
		config simulator.Config
		status int
	}{
		"User.Read.All":      {simulator.Config{}, 201},
		"Directory.Read.All": {simulator.Config{Roles: []string{"Directory.Read.All"}}, 403},
		"User.ReadWrite.All": {simulator.Config{Roles: []string{"User.ReadWrite.All"}}, 403},
		"none":               {simulator.Config{Roles: []string{}}, 403},
		"B2C":                {simulator.Config{B2C: true}, 400},
	} {
		row.config.Users = 3
		s := newSubscriber(t, row.config)
		if got := s.send(http.MethodPost, "", asked(nil)); got.status != row.status {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		for _, r := range [][2]string{{"GET", ""}, {"GET", "/x"}, {"PATCH", "/x"}, {"DELETE", "/x"}, {"POST", "/x/reauthorize"}} {
			if got := s.send(r[0], r[1], `{"expirationDateTime":"`+in(time.Hour)+`"}`); row.status >= 400 && got.status != row.status {
				t.Errorf("%s: %s %d %s", name, r, got.status, got.body)
			}
		}
	}
}

func TestSubscriptionsAreMadeInABatchToo(t *testing.T) {
	s := newSubscriber(t, simulator.Config{Users: 3})
	r := s.request(t.Context(), http.MethodPost, graphURL+"/v1.0/$batch", `{"requests":[{"id":"1","method":"POST","url":"/subscriptions","headers":{"Content-Type":"application/json"},"body":`+asked(nil)+`}]}`)
	r.Header.Set("Authorization", "Bearer "+s.token)
	if got := s.do(r); got.status != 200 || !strings.Contains(got.body, `"status":201`) || len(s.seen(true)) != 2 {
		t.Errorf("%d %s", got.status, got.body)
	}
	r = s.request(t.Context(), http.MethodPost, graphURL+"/v1.0/$batch", `{"requests":[{"id":"1","method":"DELETE","url":"/subscriptions/`+s.tenant.Subscriptions()[0].ID+`"}]}`)
	r.Header.Set("Authorization", "Bearer "+s.token)
	if got := s.do(r); got.body != `{"responses":[{"id":"1","status":204,"headers":{}}]}` {
		t.Errorf("%d %s", got.status, got.body)
	}
}
