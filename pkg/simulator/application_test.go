package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	rotatorID     = "20747a70-0a57-4a7e-9d0c-ba9876543210"
	rotatorSecret = "the-secret-of-the-rotator"
)

// rotated is a tenant in which an app owns the registration of another.
func rotated(more simulator.Config) simulator.Config {
	more.Apps = append(more.Apps, simulator.App{
		ClientID: rotatorID, ClientSecret: rotatorSecret, Roles: []string{"Application.ReadWrite.OwnedBy"}, Owns: []string{simulator.DefaultClientID},
	})
	return more
}

// owner signs in as an app.
type owner struct{ *client }

func newOwner(t *testing.T, tenant *simulator.Tenant, clientID, secret string) owner {
	t.Helper()
	o := owner{clientOf(t, tenant)}
	o.token = o.signIn(clientID, secret)
	return o
}

// signIn buys a token, or returns the code of the refusal.
func (o owner) signIn(clientID, secret string) string {
	o.t.Helper()
	a := o.form(simulator.DefaultTenant, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}, "scope": {graphURL + "/.default"},
	})
	var answer struct {
		Token string `json:"access_token"`
		Codes []int  `json:"error_codes"`
	}
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil {
		o.t.Fatalf("%s: %v", a.body, err)
	}
	if answer.Token == "" {
		return a.body
	}
	return answer.Token
}

// of is the registration of the app that reads.
const of = "/applications(appId='" + simulator.DefaultClientID + "')"

func (o owner) post(path, body string) answer {
	o.t.Helper()
	r := o.request(o.t.Context(), http.MethodPost, graphURL+"/v1.0"+path, body)
	r.Header.Set("Authorization", "Bearer "+o.token)
	return o.do(r)
}

// password is a client secret in an answer.
type password struct {
	Name   *string   `json:"displayName"`
	Value  *string   `json:"secretText"`
	Start  time.Time `json:"startDateTime"`
	End    time.Time `json:"endDateTime"`
	Custom any       `json:"customKeyIdentifier"`
	Hint   string
	KeyID  string
}

func (o owner) add(body string) password {
	o.t.Helper()
	a := o.post(of+"/addPassword", body)
	var made password
	if err := json.Unmarshal([]byte(a.body), &made); err != nil || a.status != http.StatusOK || made.Value == nil {
		o.t.Fatalf("%d %s", a.status, a.body)
	}
	return made
}

func (o owner) list() []password {
	o.t.Helper()
	a := o.get(of + "?$select=id,passwordCredentials")
	var app struct {
		ID        string
		Passwords []password `json:"passwordCredentials"`
	}
	if err := json.Unmarshal([]byte(a.body), &app); err != nil || a.status != http.StatusOK || app.ID == "" {
		o.t.Fatalf("%d %s", a.status, a.body)
	}
	return app.Passwords
}

func TestAClientSecretIsAddedShownAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(rotated(simulator.Config{Users: 3, SecretPropagation: time.Minute}))
		o := newOwner(t, tenant, rotatorID, rotatorSecret)
		made := o.add(`{"passwordCredential":{"displayName":"a \"name\"","endDateTime":"2000-04-01T00:00:00Z"}}`)
		if len(*made.Value) < 16 || len(*made.Value) > 64 || made.Hint != (*made.Value)[:3] || *made.Name != `a "name"` ||
			!made.End.Equal(time.Date(2000, 4, 1, 0, 0, 0, 0, time.UTC)) || !made.Start.Equal(time.Now()) || made.Custom != nil {
			t.Errorf("%+v", made)
		}
		shown := o.list()
		want := made
		want.Value = nil
		if diff := cmp.Diff(want, shown[len(shown)-1]); len(shown) != 2 || diff != "" || shown[0].Value != nil || shown[0].Hint != simulator.DefaultClientSecret[:3] {
			t.Errorf("%d: %s", len(shown), diff)
		}
		if got := o.signIn(simulator.DefaultClientID, *made.Value); !strings.Contains(got, "AADSTS7000215") {
			t.Errorf("it works at once: %s", got)
		}
		time.Sleep(time.Minute)
		for range 2 {
			if got := o.signIn(simulator.DefaultClientID, *made.Value); strings.Contains(got, "AADSTS") {
				t.Error(got)
			}
		}
		if a := o.post(of+"/removePassword", `{"keyId":"`+strings.ToUpper(made.KeyID)+`"}`); a.status != http.StatusNoContent || a.body != "" {
			t.Errorf("%d %s", a.status, a.body)
		}
		if got := o.signIn(simulator.DefaultClientID, *made.Value); !strings.Contains(got, "AADSTS7000215") {
			t.Errorf("it works although it was removed: %s", got)
		}
		if a := o.post(of+"/removePassword", `{"keyId":"`+made.KeyID+`"}`); a.status != http.StatusBadRequest || a.code() != "Request_BadRequest" {
			t.Errorf("it is removed twice: %d %s", a.status, a.body)
		}
		if again := o.add(`{"passwordCredential":{}}`); again.KeyID == made.KeyID || *again.Value == *made.Value || !again.End.Equal(again.Start.AddDate(2, 0, 0)) || again.Name != nil {
			t.Errorf("%+v", again)
		}
	})
}

func TestOnlyAnOwnerChangesClientSecrets(t *testing.T) {
	const stranger = "57a47e70-0a57-4a7e-9d0c-ba9876543210"
	config := rotated(simulator.Config{Users: 3})
	config.Apps = append(config.Apps,
		simulator.App{ClientID: stranger, ClientSecret: "s", Roles: []string{"Application.ReadWrite.OwnedBy"}},
		simulator.App{ClientID: "a11a11a1-0a57-4a7e-9d0c-ba9876543210", ClientSecret: "s", Roles: []string{"Application.ReadWrite.All"}},
		simulator.App{ClientID: "7ead7ead-0a57-4a7e-9d0c-ba9876543210", ClientSecret: "s", Roles: []string{"Application.Read.All"}, Owns: []string{simulator.DefaultClientID}},
	)
	tenant := simulator.New(config)
	for app, row := range map[string]struct {
		secret      string
		read, write int
	}{
		rotatorID:                              {rotatorSecret, 200, 200},
		stranger:                               {"s", 200, 403},
		"a11a11a1-0a57-4a7e-9d0c-ba9876543210": {"s", 200, 200},
		"7ead7ead-0a57-4a7e-9d0c-ba9876543210": {"s", 200, 403},
		simulator.DefaultClientID:              {simulator.DefaultClientSecret, 403, 403},
	} {
		o := newOwner(t, tenant, app, row.secret)
		if got := o.get(of); got.status != row.read {
			t.Errorf("%s reads: %d %s", app, got.status, got.body)
		}
		if got := o.post(of+"/addPassword", `{}`); got.status != row.write || row.write == 403 && got.code() != "Authorization_RequestDenied" {
			t.Errorf("%s adds: %d %s", app, got.status, got.body)
		}
		if got := o.get("/users"); (got.status == 200) != (app == simulator.DefaultClientID) {
			t.Errorf("%s reads users: %d", app, got.status)
		}
	}
	o := newOwner(t, tenant, rotatorID, rotatorSecret)
	if got := o.post("/applications(appId='"+rotatorID+"')/addPassword", "{}"); got.status != 403 {
		t.Errorf("the rotator changes its own registration: %d", got.status)
	}
	if got := o.signIn(rotatorID, simulator.DefaultClientSecret); !strings.Contains(got, "AADSTS7000215") {
		t.Errorf("one app signs in with the secret of another: %s", got)
	}
}

func TestARegistrationIsFoundByBothOfItsIDs(t *testing.T) {
	o := newOwner(t, simulator.New(rotated(simulator.Config{})), rotatorID, rotatorSecret)
	var app struct{ ID, AppID string }
	if err := json.Unmarshal([]byte(o.get(of+"?$select=id,appId").body), &app); err != nil || app.AppID != simulator.DefaultClientID {
		t.Fatalf("%+v, %v", app, err)
	}
	if got := o.get("/applications/" + app.ID); got.status != 200 || !strings.Contains(got.body, `"appId":"`+simulator.DefaultClientID+`"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	for path, status := range map[string]int{
		"/applications/" + simulator.DefaultClientID: 404, "/applications(appId='" + app.ID + "')": 404, "/applications/x": 400,
		"/applications(appId='x')": 400, of + "/owners": 400, "/applications": 400,
	} {
		if got := o.get(path); got.status != status {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for body, status := range map[string]int{
		"": 400, "[]": 400, `{"passwordCredential":{"endDateTime":"tomorrow"}}`: 400, `{"passwordCredential":{"endDateTime":"1999-01-01T00:00:00Z"}}`: 400,
	} {
		if got := o.post(of+"/addPassword", body); got.status != status {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}

func TestAPolicyRefusesClientSecrets(t *testing.T) {
	for code, config := range map[string]simulator.Config{
		"CredentialTypeNotAllowedAsPerAppPolicy":  {NoSecrets: true},
		"CredentialInvalidLifetimeAsPerAppPolicy": {MaxSecretLifetime: 24 * time.Hour},
		"TooManyAppPasswords":                     {MaxSecrets: 1},
	} {
		o := newOwner(t, simulator.New(rotated(config)), rotatorID, rotatorSecret)
		if got := o.post(of+"/addPassword", "{}"); got.status != http.StatusBadRequest || got.code() != code {
			t.Errorf("%s: %d %s", code, got.status, got.body)
		}
	}
}

// Graph's reads of a registration lag behind what was written.
func TestARegistrationThatLagsShowsWhatWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwner(t, simulator.New(rotated(simulator.Config{ReplicaLag: 10 * time.Second})), rotatorID, rotatorSecret)
		made := o.add("{}")
		if got := len(o.list()); got != 1 {
			t.Errorf("%d secrets, at once", got)
		}
		remove := func() int { return o.post(of+"/removePassword", `{"keyId":"`+made.KeyID+`"}`).status }
		if got := remove(); got != 400 {
			t.Errorf("it is removed before it is known: %d", got)
		}
		time.Sleep(11 * time.Second)
		if got := len(o.list()); got != 2 {
			t.Errorf("%d secrets, later", got)
		}
		if got := remove(); got != 204 {
			t.Errorf("it is not removed: %d", got)
		}
		if got := len(o.list()); got != 2 {
			t.Errorf("%d secrets, at once after the removal", got)
		}
	})
}

func TestAFaultIsInjectedIntoRequestsAboutApplications(t *testing.T) {
	f, err := simulator.ParseFault("503@application")
	if err != nil {
		t.Fatal(err)
	}
	o := newOwner(t, simulator.New(rotated(simulator.Config{Faults: []simulator.Fault{f}})), rotatorID, rotatorSecret)
	if first, second := o.get(of).status, o.get(of).status; first != 503 || second != 200 {
		t.Errorf("%d, then %d", first, second)
	}
}
