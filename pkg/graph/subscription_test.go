package graph_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const hook = "https://hook.example/notifications?code=canary-key"

// validating answers a handshake as a webhook does.
func validating(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
}

// subscribing is a tenant whose notifications go to a handler, and its client.
func subscribing(t *testing.T, cfg simulator.Config, handler http.HandlerFunc) (*simulator.Tenant, *graph.Client) {
	t.Helper()
	cfg.Endpoints = simulator.TransportTo(handler)
	tenant := simulator.New(cfg)
	t.Cleanup(tenant.Close)
	return tenant, newClient(t, tenant, tenant.Transport())
}

func wanted() graph.Subscription {
	return graph.Subscription{
		Resource: "users", ChangeType: "updated,deleted", NotificationURL: hook, LifecycleNotificationURL: hook,
		ExpiresAt: time.Now().Add(48*time.Hour + 7*time.Nanosecond), ClientState: "state-0123456789", TLSVersion: "v1_2",
	}
}

func TestASubscriptionIsCreatedListedRenewedAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, client := subscribing(t, simulator.Config{Users: 3}, validating)
		made, err := client.CreateSubscription(t.Context(), wanted(), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := wanted()
		want.ID, want.ApplicationID, want.ExpiresAt = made.ID, simulator.DefaultClientID, time.Now().Add(48*time.Hour).UTC()
		if diff := cmp.Diff(want, made); diff != "" {
			t.Error(diff)
		}
		want.ClientState = ""
		if all, err := client.Subscriptions(t.Context()); err != nil || !cmp.Equal([]graph.Subscription{want}, all) {
			t.Errorf("%+v, %v", all, err)
		}
		until := time.Now().Add(graph.MaxSubscriptionLifetime).UTC()
		if renewed, err := client.RenewSubscription(t.Context(), strings.ToUpper(made.ID), until.Add(time.Millisecond)); err != nil || !renewed.ExpiresAt.Equal(until) {
			t.Errorf("%+v, %v", renewed, err)
		}
		if one, err := client.Subscription(t.Context(), made.ID); err != nil || one.ClientState != "state-0123456789" {
			t.Errorf("%+v, %v", one, err)
		}
		for range 2 {
			if err := client.DeleteSubscription(t.Context(), made.ID); err != nil || len(tenant.Subscriptions()) != 0 {
				t.Errorf("%v", err)
			}
		}
		_, err = client.Subscription(t.Context(), made.ID)
		_, renewErr := client.RenewSubscription(t.Context(), made.ID, until)
		for _, err := range []error{err, renewErr} {
			var answer *graph.Error
			if !errors.As(err, &answer) || answer.Status != 404 {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestSubscriptionsAreListedToTheLastPage(t *testing.T) {
	tenant, client := subscribing(t, simulator.Config{Users: 3, PageSize: 2}, validating)
	for range 5 {
		if _, err := client.CreateSubscription(t.Context(), wanted(), nil); err != nil {
			t.Fatal(err)
		}
	}
	all, err := client.Subscriptions(t.Context())
	if err != nil || len(all) != 5 {
		t.Fatalf("%d, %v", len(all), err)
	}
	for i, s := range tenant.Subscriptions() {
		if s.ID != all[i].ID {
			t.Errorf("%d is %s, not %s", i, all[i].ID, s.ID)
		}
	}
	for _, fault := range []string{"foreign-host", "foreign-path"} {
		link := map[string]string{"foreign-host": "https://graph.elsewhere.example/v1.0/subscriptions?x", "foreign-path": "https://graph.microsoft.com/v1.0/users?x"}[fault]
		sent := &answers{all: []answer{{status: 200, body: `{"value":[],"@odata.nextLink":"` + link + `"}`}}}
		var refused *graph.LinkError
		if _, err := sent.client(t, graph.Config{}).Subscriptions(t.Context()); !errors.As(err, &refused) || len(sent.sent) != 1 {
			t.Errorf("%s: %v after %d requests", fault, err, len(sent.sent))
		}
	}
}

func TestAListOfSubscriptionsThatDoesNotEndIsAnError(t *testing.T) {
	endless := &answers{all: []answer{{status: 200, body: `{"value":[],"@odata.nextLink":"https://graph.microsoft.com/v1.0/subscriptions?$skiptoken=x"}`}}}
	if _, err := endless.client(t, graph.Config{}).Subscriptions(t.Context()); err == nil || len(endless.sent) > 500 {
		t.Errorf("%v after %d pages", err, len(endless.sent))
	}
	var many []string
	for i := range 2001 {
		many = append(many, strings.Replace(entry(nil), "11111111", fmt.Sprintf("%08d", i), 1))
	}
	large := &answers{all: []answer{{status: 200, body: `{"value":[` + strings.Join(many, ",") + `]}`}}}
	if _, err := large.client(t, graph.Config{}).Subscriptions(t.Context()); err == nil || !strings.Contains(err.Error(), "2000") {
		t.Errorf("%v", err)
	}
}

// lossy passes requests on, and loses the answers to some that were carried out.
type lossy struct {
	next http.RoundTripper
	lose func(r *http.Request) (status int, err error)
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	status, err := l.lose(r)
	if status != 0 || err != nil {
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
	}
	return resp, nil
}

func TestACreationWhoseAnswerIsLostIsAdoptedAndNotRepeated(t *testing.T) {
	for name, lost := range map[string]struct {
		status int
		err    error
	}{"reset": {0, io.ErrUnexpectedEOF}, "504": {504, nil}, "500": {500, nil}, "a body that is none": {201, nil}} {
		synctest.Test(t, func(t *testing.T) {
			tenant, _ := subscribing(t, simulator.Config{Users: 3}, validating)
			creations := 0
			client := newClient(t, tenant, &lossy{tenant.Transport(), func(r *http.Request) (int, error) {
				if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/subscriptions") {
					return 0, nil
				}
				if creations++; creations == 2 {
					return lost.status, lost.err
				}
				return 0, nil
			}})
			// One that is there already, and asks for the very same, is not adopted.
			first, err := client.CreateSubscription(t.Context(), wanted(), nil)
			if err != nil {
				t.Fatal(err)
			}
			made, err := client.CreateSubscription(t.Context(), wanted(), []graph.Subscription{first})
			if all := tenant.Subscriptions(); err != nil || creations != 2 || len(all) != 2 || all[1].ID != made.ID {
				t.Errorf("%s: %d creations, %d subscriptions, %v", name, creations, len(all), err)
			}
		})
	}
}

func TestACreationThatFailedIsRepeated(t *testing.T) {
	for _, name := range []string{"503", "429-seconds", "reset-before-headers", "401", "cae"} {
		synctest.Test(t, func(t *testing.T) {
			tenant, _ := subscribing(t, simulator.Config{Users: 3}, validating)
			f := fault(t, name)
			f.On = "subscription"
			tenant.AddFault(f)
			lists := 0
			client := newClient(t, tenant, &lossy{tenant.Transport(), func(r *http.Request) (int, error) {
				if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/subscriptions") {
					lists++
				}
				return 0, nil
			}})
			// The host is known to be Graph.
			if _, err := client.Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil {
				t.Fatal(err)
			}
			if _, err := client.CreateSubscription(t.Context(), wanted(), nil); err != nil || len(tenant.Subscriptions()) != 1 {
				t.Errorf("%s: %d, %v", name, len(tenant.Subscriptions()), err)
			}
			if unsure := name == "503" || name == "reset-before-headers"; unsure != (lists > 0) {
				t.Errorf("%s: listed %d times", name, lists)
			}
		})
	}
}

// Somebody else subscribes at the same time to the same, and until another moment.
func TestAForeignCreationIsNotAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, other := subscribing(t, simulator.Config{Users: 3}, validating)
		foreign, refused := "", false
		client := newClient(t, tenant, &before{tenant.Transport(), func(r *http.Request) *http.Response {
			if refused || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/subscriptions") {
				return nil
			}
			refused = true
			s := wanted()
			s.ExpiresAt = s.ExpiresAt.Add(2 * time.Second)
			made, err := other.CreateSubscription(t.Context(), s, nil)
			if err != nil {
				t.Error(err)
			}
			foreign = made.ID
			return &http.Response{StatusCode: 504, Header: http.Header{}, Body: http.NoBody, Request: r}
		}})
		made, err := client.CreateSubscription(t.Context(), wanted(), nil)
		if all := tenant.Subscriptions(); err != nil || made.ID == foreign || len(all) != 2 {
			t.Errorf("%+v, %v, %d subscriptions", made, err, len(all))
		}
	})
}

// before answers some requests itself.
type before struct {
	next   http.RoundTripper
	answer func(*http.Request) *http.Response
}

func (b *before) RoundTrip(r *http.Request) (*http.Response, error) {
	if resp := b.answer(r); resp != nil {
		return resp, nil
	}
	return b.next.RoundTrip(r)
}

func TestOnlyGraphCanSayThatASubscriptionIsGone(t *testing.T) {
	for body, gone := range map[string]bool{`{"error":{"code":"ResourceNotFound"}}`: true, `<html>`: false, `{}`: false, ``: false} {
		if err := answering(t, 404, body).DeleteSubscription(t.Context(), "11111111-2222-4333-8444-555555555555"); (err == nil) != gone {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestARefusedSubscriptionSaysWhatToDo(t *testing.T) {
	silent := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) }
	late := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, c := range map[string]struct {
		cfg     simulator.Config
		handler http.HandlerFunc
		refusal graph.SubscriptionRefusal
		says    []string
	}{
		"wrong answer": {simulator.Config{}, silent, graph.NotValidated, []string{"400 ValidationError", "https://hook.example/notifications?... from", "text/plain within 10 s", "deploy the webhook before", "ROLLCALL_NOTIFICATION_URL"}},
		"no answer":    {simulator.Config{}, late, graph.NotValidated, []string{"400 ValidationError", "within 10 s"}},
		"permission":   {simulator.Config{Roles: []string{"User.ReadBasic.All"}}, validating, graph.NotPermitted, []string{"User.Read.All", "admin consent"}},
		"quota":        {simulator.Config{MaxSubscriptions: 1}, validating, graph.OverQuota, []string{"403 ExtensionError", "100 subscriptions", "`rollcall subscription list`", "`rollcall subscription delete ID`"}},
		"B2C":          {simulator.Config{B2C: true}, validating, graph.NotOffered, []string{"B2C", "ROLLCALL_NOTIFICATION_URL"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.cfg.Users = 3
			_, client := subscribing(t, c.cfg, c.handler)
			var err error
			for range 2 {
				_, err = client.CreateSubscription(t.Context(), wanted(), nil)
			}
			var refused *graph.SubscriptionError
			if !errors.As(err, &refused) || refused.Refusal != c.refusal {
				t.Fatalf("%s: %v", name, err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q does not say %q", name, err, part)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %q shows the query, which may be a key", name, err)
			}
			if _, err := client.Subscriptions(t.Context()); c.refusal != graph.NotValidated && c.refusal != graph.OverQuota && !errors.As(err, &refused) {
				t.Errorf("%s: a list: %v", name, err)
			}
		})
	}
}

func TestOnlyAGUIDBecomesPartOfThePath(t *testing.T) {
	sent := &answers{all: []answer{{status: 200, body: entry(nil)}}}
	client := sent.client(t, graph.Config{})
	for _, id := range []string{"", "x", "../users", "{11111111-2222-4333-8444-555555555555}", "urn:uuid:11111111-2222-4333-8444-555555555555", "11111111222243338444555555555555"} {
		_, err := client.Subscription(t.Context(), id)
		_, renewErr := client.RenewSubscription(t.Context(), id, time.Now())
		if err == nil || renewErr == nil || client.DeleteSubscription(t.Context(), id) == nil || len(sent.sent) != 0 {
			t.Errorf("%q was sent", id)
		}
	}
}

// entry is a subscription as Graph writes it, changed by some members.
func entry(changes map[string]any) string {
	all := map[string]any{
		"id": "11111111-2222-4333-8444-555555555555", "applicationId": "22222222-2222-4333-8444-555555555555", "resource": "users",
		"changeType": "updated,deleted", "notificationUrl": hook, "lifecycleNotificationUrl": nil, "expirationDateTime": "2026-12-01T00:00:00.1234567Z",
		"clientState": nil, "latestSupportedTlsVersion": "v1_2", "creatorId": 7, "unknown": []int{1},
	}
	for name, value := range changes {
		all[name] = value
	}
	body, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(body)
}

func TestASubscriptionOfAnotherFormIsNotTaken(t *testing.T) {
	long := strings.Repeat("x", 20<<10)
	for _, changes := range []map[string]any{
		{"id": nil},
		{"id": 7},
		{"id": "7"},
		{"id": "{1111111-2222-4333-8444-555555555555}"},
		{"applicationId": "x"},
		{"resource": nil},
		{"changeType": ""},
		{"notificationUrl": nil},
		{"notificationUrl": long},
		{"expirationDateTime": nil},
		{"expirationDateTime": 7},
		{"expirationDateTime": "tomorrow"},
		{"expirationDateTime": "0001-01-01T00:00:00Z"},
		{"clientState": long},
		{"clientState": map[string]any{}},
		{"lifecycleNotificationUrl": true},
		{"id": "99999999-2222-4333-8444-555555555555"},
	} {
		if s, err := answering(t, 200, entry(changes)).Subscription(t.Context(), "11111111-2222-4333-8444-555555555555"); err == nil {
			t.Errorf("%v: %+v", changes, s)
		}
	}
	for _, v := range append(kinds(), `{"value":[null]}`, `{"value":[{}]}`, `{"value":[`+entry(nil)+`,7]}`, `{"value":[],"@odata.nextLink":7}`) {
		if all, err := answering(t, 200, v).Subscriptions(t.Context()); err == nil {
			t.Errorf("%s: %+v", v, all)
		}
	}
	if s, err := answering(t, 200, entry(map[string]any{"id": "AAAAAAAA-2222-4333-8444-555555555555"})).Subscription(t.Context(), "aaaaaaaa-2222-4333-8444-555555555555"); err != nil || s.ID[0] != 'a' {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzSubscriptions(f *testing.F) {
	f.Add(`{"value":[` + entry(nil) + `],"@odata.nextLink":"https://graph.microsoft.com/v1.0/users"}`)
	f.Add(entry(map[string]any{"expirationDateTime": "9999-12-31T23:59:59Z"}))
	f.Fuzz(func(t *testing.T, body string) {
		all, err := answering(t, 200, body).Subscriptions(t.Context())
		if one, err := answering(t, 200, body).Subscription(t.Context(), "11111111-2222-4333-8444-555555555555"); err == nil {
			all = append(all, one)
		}
		for _, s := range all {
			if len(s.ID) != 36 || s.ID != strings.ToLower(s.ID) || s.Resource == "" || s.ExpiresAt.IsZero() || len(s.NotificationURL) > 20<<10 {
				t.Fatalf("%+v, %v", s, err)
			}
		}
	})
}
