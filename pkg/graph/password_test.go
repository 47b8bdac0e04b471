package graph_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const readerID = "7ead7ead-0a57-4a7e-9d0c-ba9876543210"

// registered is a tenant whose client may change the registration of another app.
func registered(t *testing.T, cfg simulator.Config) (*simulator.Tenant, *graph.Client) {
	t.Helper()
	if cfg.Roles == nil {
		cfg.Roles = []string{"Application.ReadWrite.All"}
	}
	cfg.Apps = []simulator.App{{ClientID: readerID, ClientSecret: "0ld-secret"}}
	tenant := simulator.New(cfg)
	return tenant, newClient(t, tenant, tenant.Transport())
}

func TestAClientSecretIsAddedListedAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, client := registered(t, simulator.Config{})
		until := time.Now().Add(90*24*time.Hour + 7*time.Nanosecond)
		made, value, err := client.AddPassword(t.Context(), strings.ToUpper(readerID), "rollcall \"one\"", until)
		if err != nil {
			t.Fatal(err)
		}
		if made.Name != `rollcall "one"` || made.Hint != value[:3] || !made.EndsAt.Equal(until.Truncate(time.Second)) || !made.StartsAt.Equal(time.Now()) || len(value) < 16 {
			t.Errorf("%+v", made)
		}
		all, err := client.Passwords(t.Context(), readerID)
		if err != nil || len(all) != 2 || all[1] != made || all[0].Hint != "0ld" || all[0].Name != "" {
			t.Errorf("%+v, %v", all, err)
		}
		for range 2 {
			if err := client.RemovePassword(t.Context(), readerID, strings.ToUpper(made.KeyID)); err != nil || len(tenant.Passwords(readerID)) != 1 {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestARefusalOfClientSecretsSaysWhatToDo(t *testing.T) {
	for says, row := range map[string]struct {
		cfg    simulator.Config
		app    string
		name   string
		reason graph.PasswordRefusal
	}{
		"az ad app owner add":      {simulator.Config{Roles: []string{"Application.ReadWrite.OwnedBy"}}, readerID, "Graph.AccessDenied", graph.NotOwner},
		"no registration":          {simulator.Config{}, simulator.DefaultTenant, "Graph.NotFound", graph.NoRegistration},
		"allows this app no":       {simulator.Config{NoSecrets: true}, readerID, "Graph.BadRequest", graph.SecretsForbidden},
		"ROLLCALL_SECRET_LIFETIME": {simulator.Config{MaxSecretLifetime: time.Hour}, readerID, "Graph.BadRequest", graph.LifetimeTooLong},
		"signInAudience":           {simulator.Config{MaxSecrets: 1}, readerID, "Graph.BadRequest", graph.TooManySecrets},
	} {
		_, client := registered(t, row.cfg)
		_, _, err := client.AddPassword(t.Context(), row.app, "x", time.Now().Add(24*time.Hour))
		var refusal *graph.PasswordError
		if !errors.As(err, &refusal) || refusal.Refusal != row.reason || refusal.Name() != row.name || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "request-id") {
			t.Errorf("%s: %v", says, err)
		}
	}
	full := &answers{all: []answer{{status: 403, body: `{"error":{"code":"Directory_ResourceSizeExceeded","message":"m"}}`}}}
	_, _, err := full.client(t, graph.Config{}).AddPassword(t.Context(), readerID, "x", time.Now())
	var refusal *graph.PasswordError
	if !errors.As(err, &refusal) || refusal.Refusal != graph.RegistrationFull || refusal.Name() != "Graph.BadRequest" || !strings.Contains(err.Error(), "is full") {
		t.Errorf("%v", err)
	}
	_, client := registered(t, simulator.Config{Roles: []string{}})
	if _, err := client.Passwords(t.Context(), readerID); !errors.As(err, &refusal) || refusal.Refusal != graph.NotOwner {
		t.Errorf("%v", err)
	}
	if err := client.RemovePassword(t.Context(), readerID, simulator.DefaultTenant); !errors.As(err, &refusal) || refusal.Refusal != graph.NotOwner {
		t.Errorf("%v", err)
	}
}

// losing loses the answers to requests that add a client secret.
type losing struct {
	next http.RoundTripper
	lost int
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/addPassword") {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		l.lost++
		return nil, io.ErrUnexpectedEOF
	}
	return resp, err
}

func TestASecretThatMayHaveBeenAddedIsNotAddedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, _ := registered(t, simulator.Config{})
		over := &losing{next: tenant.Transport()}
		if _, _, err := newClient(t, tenant, over).AddPassword(t.Context(), readerID, "x", time.Now().Add(time.Hour)); err == nil || over.lost != 1 || len(tenant.Passwords(readerID)) != 2 {
			t.Errorf("%v after %d requests", err, over.lost)
		}
	})
	for _, status := range []int{500, 503, 504} {
		broken := &answers{all: []answer{{status: status}}}
		if _, _, err := broken.client(t, graph.Config{}).AddPassword(t.Context(), readerID, "x", time.Now()); err == nil || len(broken.sent) != 1 {
			t.Errorf("%d: %v after %d requests", status, err, len(broken.sent))
		}
	}
}

func TestARequestThatComesAtTheTimeOfAnotherIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conflict := answer{status: 409, body: `{"error":{"code":"Directory_ConcurrencyViolation","message":"m"}}`}
		added := answer{status: 200, body: addedPassword(nil)}
		over := &answers{all: []answer{conflict, {status: 429}, conflict, added}}
		if made, value, err := over.client(t, graph.Config{}).AddPassword(t.Context(), readerID, "x", time.Now()); err != nil || len(over.sent) != 4 || value != "s3cret-value-canary" || made.KeyID != keyID {
			t.Errorf("%v after %d requests", err, len(over.sent))
		}
		removed := &answers{all: []answer{conflict, {status: 503}, {status: 204}}}
		if err := removed.client(t, graph.Config{}).RemovePassword(t.Context(), readerID, keyID); err != nil || len(removed.sent) != 3 {
			t.Errorf("%v after %d requests", err, len(removed.sent))
		}
		endless := &answers{all: []answer{conflict}}
		var answer *graph.Error
		if err := endless.client(t, graph.Config{Attempts: 3}).RemovePassword(t.Context(), readerID, keyID); !errors.As(err, &answer) || answer.Tries != 3 || len(endless.sent) != 3 {
			t.Errorf("%v after %d requests", err, len(endless.sent))
		}
	})
}

// Graph says the same of a secret that is gone and of one that is not known yet.
func TestASecretThatIsNotFoundIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, client := registered(t, simulator.Config{ReplicaLag: 3 * time.Second})
		made, _, err := client.AddPassword(t.Context(), readerID, "x", time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := client.RemovePassword(t.Context(), readerID, made.KeyID); err != nil {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Second)
		if err := client.RemovePassword(t.Context(), readerID, made.KeyID); err != nil || len(tenant.Passwords(readerID)) != 1 {
			t.Errorf("%v, %d secrets", err, len(tenant.Passwords(readerID)))
		}
		missing := answer{status: 400, body: `{"error":{"code":"Request_BadRequest","message":"m"}}`}
		there := answer{status: 200, body: `{"id":"` + readerID + `","passwordCredentials":[` + addedPassword(nil) + `]}`}
		stuck := &answers{all: []answer{missing, there, missing, there, missing, there, missing, there}}
		var refusal *graph.Error
		if err := stuck.client(t, graph.Config{}).RemovePassword(t.Context(), readerID, keyID); !errors.As(err, &refusal) || refusal.Status != 400 || len(stuck.sent) != 8 {
			t.Errorf("%v after %d requests", err, len(stuck.sent))
		}
	})
}

func TestNoRequestIsMadeForWhatIsNoID(t *testing.T) {
	none := &answers{all: []answer{{status: 200}}}
	client := none.client(t, graph.Config{})
	for _, id := range []string{"", "x", readerID + "')/addPassword", "../users", strings.ToUpper(readerID) + " "} {
		_, listErr := client.Passwords(t.Context(), id)
		_, _, addErr := client.AddPassword(t.Context(), id, "x", time.Now())
		for _, err := range []error{listErr, addErr, client.RemovePassword(t.Context(), id, keyID), client.RemovePassword(t.Context(), readerID, id)} {
			if err == nil || len(none.sent) > 0 {
				t.Errorf("%q: %v, %d requests", id, err, len(none.sent))
			}
		}
	}
}

const keyID = "11111111-2222-4333-8444-555555555555"

// addedPassword is a client secret as Graph writes it.
func addedPassword(changes map[string]any) string {
	all := map[string]any{
		"keyId": keyID, "displayName": "canary-name", "hint": "s3c", "secretText": "s3cret-value-canary", "customKeyIdentifier": nil,
		"startDateTime": "2026-11-01T00:00:00.1234567Z", "endDateTime": "2027-01-30T00:00:00Z",
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

func TestAClientSecretOfAnotherFormIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, changes := range []map[string]any{
			{"keyId": nil},
			{"keyId": 7},
			{"keyId": "x"},
			{"secretText": nil},
			{"secretText": ""},
			{"secretText": []int{1}},
			{"secretText": "two words"},
			{"secretText": "line\nbreak"},
			{"secretText": "zero\u200bwidth"},
			{"endDateTime": nil},
			{"endDateTime": "tomorrow"},
			{"displayName": strings.Repeat("x", 20<<10)},
			{"hint": 7},
		} {
			once := &answers{all: []answer{{status: 200, body: addedPassword(changes)}}}
			made, value, err := once.client(t, graph.Config{}).AddPassword(t.Context(), readerID, "x", time.Now())
			if err == nil || len(once.sent) != 1 || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v: %+v, %q, %v after %d requests", changes, made, value, err, len(once.sent))
			}
		}
		for _, body := range []string{
			"", "null", "[]", "7", `"x"`, "{}", `{"id":"` + readerID + `"}`, `{"passwordCredentials":[]}`, `{"id":"` + readerID + `","passwordCredentials":null}`,
			`{"id":"` + readerID + `","passwordCredentials":[null]}`, `{"id":"` + readerID + `","passwordCredentials":[{}]}`, `{"id":"` + readerID + `","passwordCredentials":{}}`,
			`{"id":"` + readerID + `","passwordCredentials":[` + strings.Repeat(addedPassword(nil)+",", 2000) + addedPassword(nil) + `]}`,
		} {
			once := &answers{all: []answer{{status: 200, body: body}}}
			if all, err := once.client(t, graph.Config{Attempts: 1}).Passwords(t.Context(), readerID); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%.60s: %+v, %v", body, all, err)
			}
		}
	})
}

func TestTheValueOfASecretIsInNoRequestAndNoErrorOfTheClient(t *testing.T) {
	for _, body := range []string{addedPassword(nil) + "x", addedPassword(map[string]any{"keyId": "x"}), addedPassword(nil)[1:], `<html>s3cret-value-canary</html>`} {
		once := &answers{all: []answer{{status: 200, body: body}}}
		if _, _, err := once.client(t, graph.Config{}).AddPassword(t.Context(), readerID, "x", time.Now()); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%.30s: %v", body, err)
		}
	}
}

func FuzzPasswords(f *testing.F) {
	f.Add(`{"id":"` + readerID + `","passwordCredentials":[` + addedPassword(map[string]any{"secretText": nil}) + `]}`)
	f.Add(addedPassword(nil))
	f.Add(addedPassword(map[string]any{"endDateTime": "9999-12-31T23:59:59Z"}))
	f.Fuzz(func(t *testing.T, body string) {
		once := &answers{all: []answer{{status: 200, body: body}}}
		client := once.client(t, graph.Config{Attempts: 1})
		all, _ := client.Passwords(t.Context(), readerID)
		if made, value, err := client.AddPassword(t.Context(), readerID, "x", time.Now()); err == nil {
			all = append(all, made)
			if value == "" || strings.ContainsAny(value, " \r\n\x00") || made.EndsAt.IsZero() {
				t.Fatalf("%+v, %q", made, value)
			}
		}
		if slices.ContainsFunc(all, func(p graph.Password) bool {
			return len(p.KeyID) != 36 || p.KeyID != strings.ToLower(p.KeyID) || len(p.Name) > 20<<10
		}) {
			t.Fatalf("%+v", all)
		}
	})
}
