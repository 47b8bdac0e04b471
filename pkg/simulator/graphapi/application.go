package graphapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/login"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

const (
	applications = "applications"
	appIDKey     = "appId="
	// policyID is that of the app management policy.
	policyID = "538f1913-366a-440a-95a0-e195cb55b282"
)

// byAppID writes applications(appId='...') as a segment of the path.
func byAppID(path string) string {
	rest, ok := strings.CutPrefix(path, applications+"(appId='")
	id, behind, closed := strings.Cut(rest, "')")
	if !ok || !closed {
		return path
	}
	return applications + "/" + appIDKey + id + behind
}

// registration finds the app that a segment of the path names: by the object id of its
// registration, or by its client id.
func (c *call) registration(segment string) (*login.App, *grapherror.Error) {
	clientID, byClient := strings.CutPrefix(segment, appIDKey)
	id, find := segment, c.tokens.AppByObject
	if byClient {
		id, find = clientID, c.tokens.App
	}
	if _, ok := guid.Parse(id); !ok {
		return nil, grapherror.BadRequest("Invalid object identifier '" + id + "'.")
	}
	app, ok := find(id)
	if !ok {
		return nil, grapherror.New(http.StatusNotFound, "Request_ResourceNotFound",
			"Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
	}
	return app, nil
}

// application answers GET /applications/{id} with what the tenant knows of a registration.
func (c *call) application(segment string) {
	if !c.may(readApplications) {
		c.fail(grapherror.Denied())
		return
	}
	app, refusal := c.registration(segment)
	if refusal != nil {
		c.fail(refusal)
		return
	}
	selected := strings.Split(c.R.URL.Query().Get("$select"), ",")
	all := len(selected) == 1 && selected[0] == ""
	body := []byte(`{"@odata.context":"` + c.Base() + `/v1.0/$metadata#` + applications + `/$entity"`)
	for _, member := range [][2]string{
		{"id", wire.Quote(app.ObjectID)},
		{"appId", wire.Quote(app.ClientID)},
		{"displayName", `"rollcall"`},
		{"passwordCredentials", c.passwords(app)},
		{"keyCredentials", keys(app)},
	} {
		if all || slices.Contains(selected, member[0]) {
			body = append(body, `,"`+member[0]+`":`+member[1]...)
		}
	}
	c.json()
	c.Write(append(body, '}'))
}

// passwords are the client secrets of a registration, without their values.
func (c *call) passwords(app *login.App) string {
	var all []string
	for _, p := range app.Secrets.Passwords(c.asOf()) {
		all = append(all, "{"+password(p, "null")+"}")
	}
	return "[" + strings.Join(all, ",") + "]"
}

// keys are the certificates of a registration. As in reality, the keys themselves are null
// in what is read.
func keys(app *login.App) string {
	var all []string
	for i, key := range app.Trust.Keys() {
		all = append(all, `{"customKeyIdentifier":`+wire.Quote(base64.StdEncoding.EncodeToString(key.Thumbprint))+`,"displayName":"CN=rollcall","endDateTime":"`+
			key.End.UTC().Format(time.RFC3339)+`","key":null,"keyId":"`+guid.Of(uint64(key.Thumbprint[0]), uint64(i)).String()+
			`","startDateTime":"`+key.Start.UTC().Format(time.RFC3339)+`","type":"AsymmetricX509Cert","usage":"Verify"}`)
	}
	return "[" + strings.Join(all, ",") + "]"
}

// password writes the members of a client secret, whose value is in JSON.
func password(p login.Password, value string) string {
	start, end, name := p.Start, p.End, "null"
	if start.IsZero() {
		start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if end.IsZero() {
		end = time.Date(2299, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	if p.Name != "" {
		name = wire.Quote(p.Name)
	}
	const form = "2006-01-02T15:04:05.9999999Z"
	return `"customKeyIdentifier":null,"displayName":` + name + `,"endDateTime":"` + end.UTC().Format(form) + `","hint":` + wire.Quote(p.Hint) +
		`,"keyId":"` + p.KeyID + `","secretText":` + value + `,"startDateTime":"` + start.UTC().Format(form) + `"`
}

// applicationAction answers POST /applications/{id}/addPassword and removePassword.
func (c *call) applicationAction(argument string) {
	segment, action, _ := strings.Cut(argument, "/")
	do := map[string]func(*login.App, []byte) *grapherror.Error{"addPassword": c.addPassword, "removePassword": c.removePassword}[action]
	if do == nil {
		c.fail(segmentNotFound(action))
		return
	}
	app, refusal := c.registration(segment)
	if refusal == nil {
		refusal = c.permitWriting(app)
	}
	var body []byte
	if refusal == nil {
		var err error
		if body, err = c.plainBody(); err != nil {
			refusal = grapherror.BadRequest("The request body cannot be read.")
		}
	}
	if refusal == nil {
		refusal = do(app, body)
	}
	if refusal != nil {
		c.fail(refusal)
	}
}

// permitWriting refuses what neither a role for all registrations permits nor one for those
// that the calling app owns.
func (c *call) permitWriting(app *login.App) *grapherror.Error {
	caller, known := c.tokens.App(c.app)
	if c.may(writeApplications) || c.may(writeOwnApplications) && known && app.OwnedBy(caller) {
		return nil
	}
	return grapherror.Denied()
}

// defaultLifetime is how long a client secret lives that nobody says so of: two years.
const defaultLifetime = 2

func (c *call) addPassword(app *login.App, body []byte) *grapherror.Error {
	var in struct {
		Password struct {
			Name  string  `json:"displayName"`
			Start *string `json:"startDateTime"`
			End   *string `json:"endDateTime"`
		} `json:"passwordCredential"`
	}
	if json.Unmarshal(body, &in) != nil {
		return unreadable()
	}
	now := time.Now()
	start, refusal := instant(in.Password.Start, now)
	if refusal != nil {
		return refusal
	}
	end, refusal := instant(in.Password.End, now.AddDate(defaultLifetime, 0, 0))
	if refusal == nil {
		refusal = c.policy(app, start, end)
	}
	if refusal != nil {
		return refusal
	}
	made, value := app.Secrets.AddPassword(in.Password.Name, start, end)
	c.json()
	c.Write([]byte(`{"@odata.context":"` + c.Base() + `/v1.0/$metadata#microsoft.graph.passwordCredential",` + password(made, wire.Quote(value)) + "}"))
	return nil
}

// instant reads a time, which is missing where there is no text.
func instant(text *string, missing time.Time) (time.Time, *grapherror.Error) {
	if text == nil {
		return missing, nil
	}
	t, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		return missing, grapherror.BadRequest("Cannot convert the literal '" + *text + "' to the expected type 'Edm.DateTimeOffset'.")
	}
	return t, nil
}

func unreadable() *grapherror.Error {
	return grapherror.BadRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
}

// policy refuses a client secret that the tenant's policy does not allow.
func (c *call) policy(app *login.App, start, end time.Time) *grapherror.Error {
	there := len(app.Secrets.Passwords(time.Now()))
	switch {
	case c.config.NoSecrets:
		return grapherror.New(http.StatusBadRequest, "CredentialTypeNotAllowedAsPerAppPolicy", "Credential type not allowed as per assigned policy '"+policyID+"'.")
	case c.config.MaxSecretLifetime > 0 && end.Sub(start) > c.config.MaxSecretLifetime:
		return grapherror.New(http.StatusBadRequest, "CredentialInvalidLifetimeAsPerAppPolicy", "Credential lifetime exceeds the max value allowed as per assigned policy '"+policyID+"'.")
	case !end.After(start):
		return grapherror.BadRequest("Key credential end date is invalid.")
	case c.config.MaxSecrets > 0 && there >= c.config.MaxSecrets:
		return grapherror.New(http.StatusBadRequest, "TooManyAppPasswords", "Not allowed to add another password. You can only add a limited number of passwords.")
	}
	return nil
}

func (c *call) removePassword(app *login.App, body []byte) *grapherror.Error {
	var in struct {
		KeyID string `json:"keyId"`
	}
	if json.Unmarshal(body, &in) != nil || in.KeyID == "" {
		return unreadable()
	}
	// What was added a moment ago may not be known here yet.
	if !app.Secrets.RemovePassword(in.KeyID, c.asOf()) {
		return grapherror.BadRequest("No password credential found with keyId '" + in.KeyID + "'.")
	}
	c.head(http.StatusNoContent, "")
	return nil
}
