package registrations

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

func listApplications(r *request) { r.lists(r.applications) }

func register(r *request) {
	if text(r.body, "displayName") == "" {
		invalid("Invalid value specified for property 'displayName' of resource 'Application'.")
	}
	app := Object{
		"appId": newID(), "signInAudience": "AzureADandPersonalMicrosoftAccount", "passwordCredentials": []any{}, "keyCredentials": []any{},
		"requiredResourceAccess": []any{}, "identifierUris": []any{}, "api": Object{"requestedAccessTokenVersion": nil},
	}
	maps.Copy(app, r.body)
	app = r.create(app)
	r.applications = append(r.applications, app)
	r.owners[text(app, "id")] = []string{deployerID}
	r.creates(app)
}

func showApplication(r *request) { r.shows(r.application()) }

func changeApplication(r *request) {
	app := r.application()
	if keys, ok := r.body["keyCredentials"]; ok {
		r.body["keyCredentials"] = certificates(objects(app, "keyCredentials"), objects(Object{"keys": keys}, "keys"))
	}
	maps.Copy(app, r.body)
	r.done()
}

func deleteApplication(r *request) {
	app := r.application()
	r.applications = slices.DeleteFunc(r.applications, func(o Object) bool { return o["id"] == app["id"] })
	r.principals = slices.DeleteFunc(r.principals, func(o Object) bool { return o["appId"] == app["appId"] })
	r.done()
}

// owned is the application or service principal whose owners a request is about.
func (r *request) owned() string {
	return text(r.find(slices.Concat(r.applications, r.principals), r.http.PathValue("id")), "id")
}

func listOwners(r *request) {
	found := []Object{}
	for _, id := range r.owners[r.owned()] {
		found = append(found, Object{"@odata.type": "#microsoft.graph.servicePrincipal", "id": id})
	}
	r.lists(found)
}

func addOwner(r *request) {
	owned := r.owned()
	link := text(r.body, "@odata.id")
	owner := text(r.find(r.principals, link[strings.LastIndex(link, "/")+1:]), "id")
	if slices.Contains(r.owners[owned], owner) {
		invalid("One or more added object references already exist for the following modified properties: 'owners'.")
	}
	r.owners[owned] = append(r.owners[owned], owner)
	r.done()
}

func removeOwner(r *request) {
	owned := r.owned()
	r.owners[owned] = slices.DeleteFunc(r.owners[owned], func(id string) bool { return id == r.http.PathValue("owner") })
	r.done()
}

func listPrincipals(r *request) { r.lists(r.principals) }

func addPrincipal(r *request) {
	var app Object
	for _, o := range r.applications {
		if o["appId"] == r.body["appId"] {
			app = o
		}
	}
	if id := text(app, "id"); app == nil || r.unknown[id] > 0 {
		r.unknown[id]--
		invalid("The appId '" + text(r.body, "appId") + "' of the service principal does not reference a valid application object.")
	}
	for _, o := range r.principals {
		if o["appId"] == app["appId"] {
			refuse(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "The service principal cannot be created because it is already in use.")
		}
	}
	principal := Object{"displayName": app["displayName"], "servicePrincipalType": "Application", "appRoles": []any{}, "accountEnabled": true}
	maps.Copy(principal, r.body)
	principal = r.create(principal)
	r.principals = append(r.principals, principal)
	r.owners[text(principal, "id")] = []string{deployerID}
	r.creates(principal)
}

func showPrincipal(r *request) { r.shows(r.principal()) }

func changePrincipal(r *request) {
	maps.Copy(r.principal(), r.body)
	r.done()
}

func deletePrincipal(r *request) {
	id := r.principal()["id"]
	r.principals = slices.DeleteFunc(r.principals, func(o Object) bool { return o["id"] == id })
	r.assignments = slices.DeleteFunc(r.assignments, func(o Object) bool { return o["principalId"] == id })
	r.done()
}

func showObject(r *request) { r.shows(r.principal()) }

func listAssignments(r *request) { r.listRoles("principalId") }

func listAssigned(r *request) { r.listRoles("resourceId") }

func (r *request) listRoles(side string) {
	id := r.principal()["id"]
	r.lists(slices.DeleteFunc(slices.Clone(r.assignments), func(o Object) bool { return o[side] != id }))
}

// assign takes an assignment on either side: of the principal or of the resource.
func assign(r *request) {
	r.principal()
	principal, resource := r.find(r.principals, text(r.body, "principalId")), r.find(r.principals, text(r.body, "resourceId"))
	if !slices.ContainsFunc(objects(resource, "appRoles"), func(o Object) bool { return o["id"] == r.body["appRoleId"] }) {
		invalid("Permission being assigned was not found on application '" + text(resource, "appId") + "'.")
	}
	for _, o := range r.assignments {
		if o["principalId"] == r.body["principalId"] && o["resourceId"] == r.body["resourceId"] && o["appRoleId"] == r.body["appRoleId"] {
			invalid("Permission being assigned already exists on the object.")
		}
	}
	assignment := r.create(r.body)
	assignment["principalDisplayName"], assignment["principalType"] = principal["displayName"], "ServicePrincipal"
	assignment["resourceDisplayName"] = resource["displayName"]
	r.assignments = append(r.assignments, assignment)
	r.creates(assignment)
}

func showAssignment(r *request) { r.shows(r.find(r.assignments, r.http.PathValue("assignment"))) }

func unassign(r *request) {
	id := r.find(r.assignments, r.http.PathValue("assignment"))["id"]
	r.assignments = slices.DeleteFunc(r.assignments, func(o Object) bool { return o["id"] == id })
	r.done()
}
