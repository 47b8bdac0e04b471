package simulator_test

import (
	"bytes"
	"compress/gzip"
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

func TestAPageLooksAsGraphSendsIt(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 3}).eventual()
	c.header.Set("Client-Request-Id", "5c52bd40-54e9-48c9-b108-07e559c25d35")
	a := c.get(users("$select=id,displayName", "$top=2", "$count=true", "$filter=userPrincipalName ge 'a' and accountEnabled in (true,false)"))
	want := `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users(id,displayName)","@odata.count":3,` +
		`"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$select=id%2cdisplayName&$top=2&$count=true&$filter=userPrincipalName+ge+%27a%27+and+accountEnabled+in+(true%2cfalse)&$skiptoken=RFNwdA`
	if !strings.HasPrefix(a.body, want) {
		t.Errorf("the page starts %.300s", a.body)
	}
	for name, want := range map[string]string{
		"Content-Type":              "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
		"OData-Version":             "4.0",
		"Cache-Control":             "no-cache",
		"Client-Request-Id":         "5c52bd40-54e9-48c9-b108-07e559c25d35",
		"X-Ms-Resource-Unit":        "1",
		"Strict-Transport-Security": "max-age=31536000",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"Request-Id", "Date", "X-Ms-Ags-Diagnostic"} {
		if a.header.Get(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	var p listPage
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatal(err)
	}
	last := c.page(p.Next)
	if last.Count != nil || last.Next != "" || len(last.Value) != 1 {
		t.Errorf("the last page has count %v, link %q, %d users", last.Count, last.Next, len(last.Value))
	}
}

func TestWithoutSelectAListHasTheDefaultSet(t *testing.T) {
	a := newClient(t, simulator.Config{Users: 1}).get("/users")
	if !strings.Contains(a.body, `/v1.0/$metadata#users","@microsoft.graph.tips":"`) {
		t.Errorf("%.200s", a.body)
	}
	var p listPage
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || len(p.Value) != 1 || len(p.Value[0]) != 11 {
		t.Errorf("%v: %d members, want 11", err, len(p.Value[0]))
	}
}

func TestAnAdvancedQueryNeedsItsHeaderOnEveryPage(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 50}).eventual()
	first := c.page("/users?$top=10&$count=true")
	if first.Count == nil || *first.Count != 50 {
		t.Errorf("count %v, want 50", first.Count)
	}
	c.header.Del("ConsistencyLevel")
	if a := c.get(first.Next); a.status != 400 || a.code() != "Request_UnsupportedQuery" {
		t.Errorf("without the header the second page gives %d %s", a.status, a.body)
	}
	if p := c.page("/users?$top=10&$count=true"); p.Count != nil {
		t.Error("without the header $count=true gives a count")
	}
}

func TestAPageTokenIsBoundToItsQuery(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 50})
	link := c.page("/users?$top=10&$select=id").Next
	end := "AA"
	if strings.HasSuffix(link, end) { // as one token in a thousand does
		end = "gA"
	}
	for _, changed := range []string{
		strings.Replace(link, "$top=10", "$top=20", 1),
		strings.Replace(link, "$select=id", "$select=id%2cmail", 1),
		link[:len(link)-1],
		link[:len(link)-2] + end,
		strings.Replace(link, "RFNwdA", "RFNwdB", 1),
	} {
		if a := c.get(changed); a.status != 400 || !strings.Contains(a.body, "page token is not valid") {
			t.Errorf("%s gives %d", changed, a.status)
		}
	}
	if other := newClient(t, simulator.Config{Users: 50, Seed: 1}); other.get(link).status != 400 {
		t.Error("another tenant takes the token")
	}
}

func TestPageTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 50, TokenMaxAge: time.Minute})
		link := c.page("/users?$top=10&$select=id").Next
		time.Sleep(time.Minute)
		c.page(link)
		time.Sleep(time.Second)
		if a := c.get(link); a.code() != "Directory_ExpiredPageToken" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestSignInActivityHasSmallerPagesAndItsOwnRefusals(t *testing.T) {
	const path = "/users?$select=id,signInActivity&$top=999"
	roles := []string{"User.Read.All", "AuditLog.Read.All"}
	if p := newClient(t, simulator.Config{Users: 600, Roles: roles}).page(path); len(p.Value) != 500 {
		t.Errorf("%d users, want 500", len(p.Value))
	}
	for _, test := range []struct {
		config simulator.Config
		code   string
	}{
		{simulator.Config{}, "Authentication_MSGraphPermissionMissing"},
		{simulator.Config{Roles: roles, Free: true}, "Authentication_RequestFromNonPremiumTenantOrB2CTenant"},
		{simulator.Config{Roles: []string{}}, "Authorization_RequestDenied"},
	} {
		if a := newClient(t, test.config).get(path); a.status != 403 || a.code() != test.code {
			t.Errorf("%d %s, want 403 %s", a.status, a.code(), test.code)
		}
	}
	c := newClient(t, simulator.Config{Users: 6, Roles: roles})
	if a := c.get("/users/" + c.tenant.UserPrincipalName(1) + "?$select=signInActivity"); a.status != 400 {
		t.Errorf("by sign-in name: %d %s", a.status, a.body)
	}
	for _, name := range []string{"customSecurityAttributes", "employeeLeaveDateTime"} {
		if a := c.get("/users?$select=" + name); a.status != 403 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

func TestABasicRoleSeesNullsBeyondTheBasics(t *testing.T) {
	p := newClient(t, simulator.Config{Users: 1, Roles: []string{"User.ReadBasic.All"}}).page("/users?$select=id,displayName,department")
	if u := p.Value[0]; string(u["department"]) != "null" || string(u["displayName"]) == "null" {
		t.Errorf("%s", u)
	}
}

func TestOneUserIsReadByIdAndBySignInName(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 40})
	want := c.page("/users?$select=id,mail,department&$top=40").Value[7]
	upn := url.PathEscape(c.tenant.UserPrincipalName(7))
	for _, key := range []string{"/" + c.tenant.ID(7), "/" + strings.ToUpper(c.tenant.ID(7)), "/" + upn, "('" + upn + "')"} {
		a := c.get("/users" + key + "?$select=id,mail,department")
		if !strings.HasPrefix(a.body, `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users(id,mail,department)/$entity","id":"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
		got := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "@odata.context")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	const nobody = "9d0c0000-0000-4000-8000-000000000000"
	if a := c.get("/users/" + nobody); a.status != 404 || a.code() != "Request_ResourceNotFound" ||
		!strings.Contains(a.body, "Resource '"+nobody+"' does not exist or one of its queried reference-property objects are not present.") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := c.tenant.Rename(7, "$cash'@contoso.example"); err != nil {
		t.Fatal(err)
	}
	if a, b := c.get("/users/$cash'@contoso.example"), c.get("/users('$cash''@contoso.example')"); a.status != 400 || b.status != 200 {
		t.Errorf("a name that begins with $: %d as a segment, %d in parentheses", a.status, b.status)
	}
	if a := c.get("/users/" + c.tenant.ID(7) + "/manager?$select=id"); !strings.Contains(a.body, c.tenant.ID(0)) {
		t.Errorf("the manager: %d %s", a.status, a.body)
	}
	if a := c.get("/users/" + c.tenant.ID(7) + "?$select=mailboxSettings"); a.status != 200 {
		t.Errorf("mailboxSettings of one user: %d", a.status)
	}
}

func TestTheCountIsPlainTextAndNeedsItsHeader(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 893, CountBOM: true, Count: func(request, truth int) int { return truth - request%2 }})
	if a := c.get("/users/$count"); a.status != 400 || !strings.Contains(a.body, "$count is not currently supported.") {
		t.Errorf("%d %s", a.status, a.body)
	}
	c.eventual()
	for _, want := range []string{"892", "893"} {
		if a := c.get("/users/$count"); a.body != "\ufeff"+want || a.header.Get("Content-Type") != "text/plain" {
			t.Errorf("%q %s, want %s", a.body, a.header.Get("Content-Type"), want)
		}
	}
	b2c := newClient(t, simulator.Config{B2C: true}).eventual()
	if a := b2c.get("/users/$count"); a.status != 400 {
		t.Errorf("B2C: %d", a.status)
	}
}

func TestABatchAnswersEachRequestByItself(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30})
	post := func(body string) answer {
		r := c.request(t.Context(), http.MethodPost, graphURL+"/v1.0/$batch", body)
		r.Header.Set("Authorization", "Bearer "+c.token)
		return c.do(r)
	}
	a := post(`{"requests":[{"id":"1","method":"GET","url":"/users/` + c.tenant.ID(1) + `?$select=id"},
		{"id":"2","method":"GET","url":"/users/9d0c0000-0000-4000-8000-000000000000"},
		{"id":"3","method":"GET","url":"/users/$count","headers":{"ConsistencyLevel":"eventual"}},
		{"id":"4","method":"GET","url":"/users","dependsOn":["2"]}]}`)
	var out struct {
		Responses []struct {
			ID     string
			Status int
			Body   json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range out.Responses {
		got[r.ID] = r.Status
	}
	if diff := cmp.Diff(map[string]int{"1": 200, "2": 404, "3": 200, "4": 424}, got); diff != "" || out.Responses[0].ID == "1" {
		t.Errorf("%s %s", diff, a.body)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(`{"requests":[{"id":"1","method":"GET","url":"/users?$top=1"}]}`))
	_ = w.Close()
	r := c.request(t.Context(), http.MethodPost, graphURL+"/v1.0/$batch", zipped.String())
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Encoding", "gzip")
	if a := c.do(r); a.status != 200 || !strings.Contains(a.body, `"status":200`) {
		t.Errorf("compressed: %d %s", a.status, a.body)
	}
	many := strings.Repeat(`{"id":"x","method":"GET","url":"/users"},`, 21)
	for _, body := range []string{
		`{`, `{"requests":[]}`, `{"requests":[` + strings.TrimSuffix(many, ",") + `]}`,
		`{"requests":[{"id":"a","method":"GET","url":"/users"},{"id":"A","method":"GET","url":"/users"}]}`,
	} {
		if a := post(body); a.status != 400 {
			t.Errorf("%.60s: %d", body, a.status)
		}
	}
}

func TestOtherPathsAndMethodsAreRefused(t *testing.T) {
	c := newClient(t, simulator.Config{Roles: []string{"User.Read.All", "Organization.Read.All"}})
	if a := c.get("/planets"); a.status != 400 || !strings.Contains(a.body, "Resource not found for the segment 'planets'.") {
		t.Errorf("%d %s", a.status, a.body)
	}
	r := c.request(t.Context(), http.MethodDelete, graphURL+"/v1.0/users", "")
	r.Header.Set("Authorization", "Bearer "+c.token)
	if a := c.do(r); a.status != 405 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.get("/organization"); a.status != 200 || !strings.Contains(a.body, simulator.DefaultTenant) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
