package registrations

import (
	"maps"
	"slices"
	"strings"
)

// App is what an app registration amounts to.
type App struct {
	Name, ClientID, Audience string
	// Asks and May are names of Microsoft Graph's application permissions that the
	// registration asks for, and that were consented to.
	Asks, May []string
	// Owners are display names of service principals.
	Owners []string
	// Federated are federated credentials: issuer, subject and audience.
	Federated [][3]string
	// Secrets and Certificates are the ends of those.
	Secrets, Certificates []string
}

// Apps are the app registrations, by their names.
func (t *Tenant) Apps() []App {
	t.mu.Lock()
	defer t.mu.Unlock()
	var apps []App
	for _, o := range t.applications {
		app := App{Name: text(o, "displayName"), ClientID: text(o, "appId"), Audience: text(o, "signInAudience")}
		for _, resource := range objects(o, "requiredResourceAccess") {
			for _, access := range objects(resource, "resourceAccess") {
				app.Asks = append(app.Asks, text(access, "type")+" "+role(text(access, "id")))
			}
		}
		for _, p := range t.principals {
			if p["appId"] == o["appId"] {
				app.May = t.consents(text(p, "id"))
			}
			if slices.Contains(t.owners[text(o, "id")], text(p, "id")) {
				app.Owners = append(app.Owners, text(p, "displayName"))
			}
		}
		for _, f := range t.federated[text(o, "id")] {
			app.Federated = append(app.Federated, [3]string{text(f, "issuer"), text(f, "subject"), f["audiences"].([]any)[0].(string)})
		}
		for _, p := range objects(o, "passwordCredentials") {
			app.Secrets = append(app.Secrets, text(p, "endDateTime"))
		}
		for _, k := range objects(o, "keyCredentials") {
			app.Certificates = append(app.Certificates, text(k, "endDateTime"))
		}
		slices.Sort(app.Asks)
		slices.Sort(app.Owners)
		slices.SortFunc(app.Federated, func(a, b [3]string) int { return strings.Compare(a[1], b[1]) })
		apps = append(apps, app)
	}
	slices.SortFunc(apps, func(a, b App) int { return strings.Compare(a.Name, b.Name) })
	return apps
}

func (t *Tenant) consents(principal string) []string {
	var names []string
	for _, a := range t.assignments {
		if a["principalId"] == principal && a["resourceId"] == graphID {
			names = append(names, role(text(a, "appRoleId")))
		}
	}
	slices.Sort(names)
	return names
}

// role returns the name of an application permission, or its id.
func role(id string) string {
	for name := range maps.Keys(Roles()) {
		if Roles()[name] == id {
			return name
		}
	}
	return id
}
