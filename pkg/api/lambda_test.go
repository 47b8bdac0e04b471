package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestAnyOverACollectionIsAnsweredEndToEnd asks by callers' filters, which are parsed and
// written anew on the way to Graph, and by the configured filter.
func TestAnyOverACollectionIsAnsweredEndToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		columns := []string{"id", "userPrincipalName", "proxyAddresses", "otherMails", "assignedLicenses", "identities", "businessPhones"}
		s := serve(t, simulator.Config{Users: 200}, columns...)
		upn := strings.ReplaceAll(s.tenant.UserPrincipalName(3), "'", "''")
		for filter, some := range map[string]bool{
			"proxyAddresses/any(p:startswith(p,'smtp:'))":                                               true,
			"proxyAddresses/any(id:startsWith(id,'SMTP:'))":                                             true,
			"ProxyAddresses/any(p:p eq 'smtp:nobody@nowhere.example')":                                  false,
			"proxyAddresses/any(p:endsWith(p,'@nowhere.example'))":                                      false,
			"not proxyAddresses/any(p:startsWith(p,'smtp:'))":                                           true,
			"identities/any(c:c/issuerAssignedId eq '" + upn + "' and c/issuer eq 'contoso.example')":   true,
			"identities/any(c:c/issuer eq 'elsewhere.example' and c/issuerAssignedId eq '" + upn + "')": false,
			"startsWith(userPrincipalName,'a') and proxyAddresses/any(p:startsWith(p,'smtp:'))":         true,
		} {
			w, b := s.get(t, "/users?$top=999&$filter="+url.QueryEscape(filter))
			if w.Code != http.StatusOK || (len(b.Value) > 0) != some {
				t.Errorf("%s: %d, %d users %.300s", filter, w.Code, len(b.Value), b.Error.Message)
			}
			whole := serveList(t, simulator.Config{Users: 200}, list.Request{Filter: strings.Replace(filter, "ProxyAddresses", "proxyAddresses", 1)}, columns...)
			ids, closing := lines(t, whole.ask(t, http.MethodGet, "/users?$format=ndjson").Body)
			if closing["@rollcall.verified"] != true || len(ids) != len(b.Value) && len(b.Value) < 100 || len(ids) < len(b.Value) {
				t.Errorf("%s: configured, %d users, want %d; %v", filter, len(ids), len(b.Value), closing)
			}
		}
		// Graph demands both members of an identity.
		if w, b := s.get(t, "/users?$filter="+url.QueryEscape("identities/any(c:c/issuerAssignedId eq '"+upn+"')")); w.Code != http.StatusBadRequest || b.Error.Code == "" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		// A lambda reaches no further than its collection.
		for _, filter := range []string{"proxyAddresses/any(p:department eq 'a')", "manager/any(m:m eq 'a')", "proxyAddresses/any(p:p eq 'a' or city eq 'b')"} {
			if w, b := s.get(t, "/users?$filter="+url.QueryEscape(filter)); w.Code != http.StatusBadRequest || b.Error.Code != "Request.Invalid" {
				t.Errorf("%s: %d %s", filter, w.Code, w.Body)
			}
		}
	})
}

func TestAMemberOfAStructureIsAnsweredWithWhereItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 5}, "id", "signInActivity")
		for _, target := range []string{"/users?$select=lastSignInDateTime", "/users?$filter=lastSignInDateTime%20le%202026-01-01T00:00:00Z", "/users?$orderby=lastsignindatetime"} {
			if w, b := s.get(t, target); w.Code != http.StatusBadRequest || !strings.Contains(b.Error.Message, "signInActivity/lastSignInDateTime") {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	})
}

func TestTheAccountsOfAgentsAreToldApartInEveryFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 400, Agents: true}, "id", "displayName", "@odata.type")
		const agent = "#microsoft.graph.agentUser"
		for format, mark := range map[string]string{"json": `"@odata.type":"` + agent + `"`, "ndjson": `"@odata.type":"` + agent + `"`, "csv": "," + agent + "\n"} {
			w := s.ask(t, http.MethodGet, "/users?$format="+format)
			if n := strings.Count(w.Body.String(), mark); w.Code != http.StatusOK || n != 10 && format != "json" || n == 0 {
				t.Errorf("%s: %d agents, %.300s", format, n, w.Body)
			}
		}
		table := s.ask(t, http.MethodGet, "/users?$format=csv").Body.String()
		if !strings.HasPrefix(table, "id,displayName,@odata.type\n") || strings.Count(table, "\n") != 401 {
			t.Errorf("%.100s", table)
		}
		for _, r := range s.tenant.Requests() {
			if strings.Contains(r.RawQuery, "odata.type") {
				t.Errorf("Graph was asked for %s", r.RawQuery)
			}
		}
		if w, _ := s.get(t, "/users?$filter="+url.QueryEscape("@odata.type eq 'a'")); w.Code != http.StatusBadRequest {
			t.Errorf("a filter by the type is answered with %d", w.Code)
		}
	})
}
