package simulator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// defaults are Graph's properties without $select, as a directoryObject has them.
const defaults = "id businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname userPrincipalName"

// object is a JSON object with the order of its members.
type object struct {
	names  []string
	values map[string]json.RawMessage
}

func (o *object) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &o.values); err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	_, _ = d.Token()
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		o.names = append(o.names, name.(string))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) object(address string) (o object) {
	c.t.Helper()
	a := c.get(address)
	if err := json.Unmarshal([]byte(a.body), &o); err != nil || a.status != 200 {
		c.t.Fatalf("GET %s: %d %s (%v)", address, a.status, a.body, err)
	}
	return o
}

func (o object) member(t *testing.T, name string) (inner object) {
	t.Helper()
	if err := json.Unmarshal(o.values[name], &inner); err != nil {
		t.Fatalf("%s is %q: %v", name, o.values[name], err)
	}
	return inner
}

func TestAManagerIsAWholeDirectoryObjectWithItsType(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 300, Agents: true})
	manager := c.object("/users/" + c.tenant.ID(7) + "/manager")
	if got := strings.Join(manager.names, " "); got != "@odata.context @odata.type "+defaults {
		t.Errorf("its members are %s", got)
	}
	want := c.object("/users/" + c.tenant.ID(0))
	for name, value := range map[string]string{
		"@odata.context":    `"https://graph.microsoft.com/v1.0/$metadata#directoryObjects/$entity"`,
		"@odata.type":       `"#microsoft.graph.user"`,
		"displayName":       string(want.values["displayName"]),
		"userPrincipalName": string(want.values["userPrincipalName"]),
	} {
		if got := string(manager.values[name]); got != value {
			t.Errorf("%s is %s, want %s", name, got, value)
		}
	}
	selected := c.get("/users/" + c.tenant.ID(7) + "/manager?$select=displayName,id").body
	if want := `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#directoryObjects(displayName,id)/$entity","@odata.type":"#microsoft.graph.user","displayName":`; !strings.HasPrefix(selected, want) {
		t.Errorf("selected: %s", selected)
	}
	// User 23 is an agent; 162 is the first of its reports.
	if agent := c.object("/users/" + c.tenant.ID(162) + "/manager?$select=id"); string(agent.values["@odata.type"]) != `"#microsoft.graph.agentUser"` ||
		string(agent.values["id"]) != `"`+c.tenant.ID(23)+`"` {
		t.Errorf("the agent: %s", agent.values)
	}
}

func TestAnExpandedManagerIsWholeUnlessItsPropertiesAreSelected(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 60})
	for expand, want := range map[string]struct{ context, members string }{
		"manager":                               {"(id,manager())", "@odata.type " + defaults},
		"manager()":                             {"(id,manager())", "@odata.type " + defaults},
		"manager($select=id)":                   {"(id,manager(id))", "@odata.type id"},
		"manager($select=id,displayName)":       {"(id,manager(id,displayName))", "@odata.type id displayName"},
		" manager( $select = mail , id )":       {"(id,manager(mail,id))", "@odata.type mail id"},
		"manager($levels=1;$select=department)": {"(id,manager(department))", "@odata.type department"},
	} {
		one := c.object("/users/" + c.tenant.ID(9) + "?$select=id&$expand=" + strings.ReplaceAll(expand, " ", "%20"))
		list := c.get("/users?$select=id&$top=20&$expand=" + strings.ReplaceAll(expand, " ", "%20"))
		if !strings.HasPrefix(list.body, `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users`+want.context+`"`) {
			t.Errorf("%s: the list %.200s", expand, list.body)
		}
		if got := string(one.values["@odata.context"]); !strings.HasSuffix(got, want.context+`/$entity"`) {
			t.Errorf("%s: the context is %s", expand, got)
		}
		if got := strings.Join(one.member(t, "manager").names, " "); got != want.members {
			t.Errorf("%s: the manager's members are %s, want %s", expand, got, want.members)
		}
		var page struct{ Value []object }
		if err := json.Unmarshal([]byte(list.body), &page); err != nil || len(page.Value) != 20 {
			t.Fatalf("%s: %v %s", expand, err, list.body)
		}
		if diff := cmp.Diff(string(one.values["manager"]), string(page.Value[9].values["manager"])); diff != "" {
			t.Errorf("%s: the list and the single read differ: %s", expand, diff)
		}
		if _, has := page.Value[0].values["manager"]; has {
			t.Errorf("%s: the first user, who has no manager, has %s", expand, page.Value[0].values["manager"])
		}
	}
}

func TestTheChainOfManagersIsForOneUserAndNeedsTheHeader(t *testing.T) {
	const chain = "?$select=id&$expand=manager($levels=max;$select=id)"
	c := newClient(t, simulator.Config{Users: 100})
	user := "/users/" + c.tenant.ID(99) // managed by 14, 1 and 0, or those above them who are no guests
	if a := c.get(user + chain); a.status != 400 || a.code() != "Request_UnsupportedQuery" {
		t.Errorf("without the header: %d %s", a.status, a.body)
	}
	c.eventual()
	depth := func(o object) (n int, last string) {
		for {
			if _, more := o.values["manager"]; !more {
				return n, string(o.values["id"])
			}
			o, n = o.member(t, "manager"), n+1
		}
	}
	if n, last := depth(c.object(user + chain)); n < 2 || last != `"`+c.tenant.ID(0)+`"` {
		t.Errorf("the chain has %d managers and ends with %s", n, last)
	}
	for _, levels := range []string{"1", "2"} {
		if n, _ := depth(c.object(user + "?$expand=manager($levels=" + levels + ")")); levels != map[int]string{1: "1", 2: "2"}[n] {
			t.Errorf("$levels=%s gives %d", levels, n)
		}
	}
	for _, levels := range []string{"max", "2", "1000"} {
		a := c.get("/users?$expand=manager($levels=" + levels + ")")
		if a.status != 400 || a.code() != "Request_UnsupportedQuery" || !strings.Contains(a.body, "Transitive manager's list is only supported on a single user, send the $expand request on /users/{id} endpoint") {
			t.Errorf("a list with $levels=%s: %d %s", levels, a.status, a.body)
		}
	}
}

func TestAnExpansionThatIsNotUnderstoodIsRefused(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 5})
	for expand, want := range map[string]string{
		"memberOf":                       "expands manager only",
		"Manager":                        "expands manager only",
		"shoes":                          "expands manager only",
		"displayName":                    "Only navigation properties can be expanded",
		"manager,memberOf":               "Only one property can be expanded",
		"manager($select=id),memberOf":   "Only one property can be expanded",
		"manager(":                       "is not valid in a $select or $expand expression",
		"manager($select=id":             "is not valid in a $select or $expand expression",
		"manager)":                       "expands manager only",
		"manager($select)":               "is not valid in a $select or $expand expression",
		"manager($select=)":              "is not valid in a $select or $expand expression",
		"manager($select=id,)":           "is not valid in a $select or $expand expression",
		"manager($top=1)":                "is not valid in a $select or $expand expression",
		"manager($expand=manager)":       "is not valid in a $select or $expand expression",
		"manager($levels=0)":             "is not valid in a $select or $expand expression",
		"manager($levels=1001)":          "is not valid in a $select or $expand expression",
		"manager($levels=-1)":            "is not valid in a $select or $expand expression",
		"manager($levels=all)":           "is not valid in a $select or $expand expression",
		"manager($select=shoeSize)":      "Could not find a property named 'shoeSize'",
		"manager($select=id;$select=id)": "more than once",
	} {
		for _, address := range []string{"/users", "/users/" + c.tenant.ID(1), "/users/" + c.tenant.ID(1) + "/manager"} {
			expand := strings.NewReplacer(";", "%3B").Replace(expand)
			if a := c.get(address + "?$expand=" + expand); a.status != 400 || !strings.Contains(a.body, want) {
				t.Errorf("%s of %s: %d %s", expand, address, a.status, a.body)
			}
		}
	}
	if a := c.get("/users?$expand=manager($select=mailboxSettings)"); a.status != 501 {
		t.Errorf("a list of managers' mailboxSettings: %d %s", a.status, a.body)
	}
}

func TestWhoHasNoManagerHasNone(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 60})
	none := func(index int) {
		t.Helper()
		for _, path := range []string{"/manager", "/manager?$select=id", "/manager/$ref"} {
			if a := c.get("/users/" + c.tenant.ID(index) + path); a.status != 404 || a.code() != "Request_ResourceNotFound" ||
				!strings.Contains(a.body, "Resource 'manager' does not exist or one of its queried reference-property objects are not present.") {
				t.Errorf("%s of user %d: %d %s", path, index, a.status, a.body)
			}
		}
		if o := c.object("/users/" + c.tenant.ID(index) + "?$select=id&$expand=manager"); o.values["manager"] != nil {
			t.Errorf("user %d, expanded: %s", index, o.values["manager"])
		}
	}
	none(0)
	if err := c.tenant.Delete(0); err != nil {
		t.Fatal(err)
	}
	none(1)
	var page struct{ Value []object }
	if err := json.Unmarshal([]byte(c.get("/users?$select=id&$expand=manager($select=id)").body), &page); err != nil {
		t.Fatal(err)
	}
	if manager := page.Value[0].values["manager"]; manager != nil {
		t.Errorf("the list shows the manager who is gone: %s", manager)
	}
	if err := c.tenant.Restore(0); err != nil {
		t.Fatal(err)
	}
	if err := c.tenant.Rename(0, "the.boss@contoso.example"); err != nil {
		t.Fatal(err)
	}
	if o := c.object("/users/" + c.tenant.ID(1) + "?$expand=manager($select=userPrincipalName)"); string(o.member(t, "manager").values["userPrincipalName"]) != `"the.boss@contoso.example"` {
		t.Errorf("the manager was renamed: %s", o.values["manager"])
	}
	if a := c.get("/users/9d0c0000-0000-4000-8000-000000000000/manager"); a.status != 404 || !strings.Contains(a.body, "'9d0c0000-0000-4000-8000-000000000000'") {
		t.Errorf("the manager of nobody: %d %s", a.status, a.body)
	}
}

func TestTheReferenceOfAManagerNamesIt(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 9})
	o := c.object("/users/" + c.tenant.ID(7) + "/manager/$ref")
	if got := string(o.values["@odata.id"]); !strings.Contains(got, "https://graph.microsoft.com/v2/"+simulator.DefaultTenant+"/directoryObjects/"+c.tenant.ID(0)+"/") {
		t.Errorf("it is %s", got)
	}
	for _, path := range []string{"/shoes", "/manager/shoes", "/manager/manager", "/manager/$ref/x"} {
		if a := c.get("/users/" + c.tenant.ID(7) + path); a.status != 400 || a.code() != "BadRequest" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestFaultsMeetTheReadOfAManager(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 9, Faults: []simulator.Fault{{Name: "503", On: "user"}}})
	path := "/users/" + c.tenant.ID(7) + "/manager"
	if first, second := c.get(path), c.get(path); first.status != 503 || second.status != 200 {
		t.Errorf("%d, then %d", first.status, second.status)
	}
}

func TestAManagerNeedsTheWholePermission(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 9, Roles: []string{"User.ReadBasic.All"}})
	for _, path := range []string{"/users/" + c.tenant.ID(7) + "/manager", "/users/" + c.tenant.ID(7) + "/manager/$ref", "/users/" + c.tenant.ID(7) + "?$expand=manager", "/users?$expand=manager"} {
		if a := c.get(path); a.status != 403 || a.code() != "Authorization_RequestDenied" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	c = newClient(t, simulator.Config{Users: 9})
	for _, path := range []string{"/users/" + c.tenant.ID(7) + "/manager?$select=signInActivity", "/users?$expand=manager($select=signInActivity)"} {
		if a := c.get(path); a.status != 403 || a.code() != "Authentication_MSGraphPermissionMissing" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
