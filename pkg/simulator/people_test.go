package simulator_test

import (
	"encoding/json"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// everything is the roles and the columns of a list of all that a list can have.
func everything() (roles []string, columns string) {
	return []string{"User.Read.All", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All", "User-LifeCycleInfo.Read.All"},
		strings.Join(property.Listed(), ",")
}

func TestEveryPropertyHasItsDocumentedType(t *testing.T) {
	roles, columns := everything()
	c := newClient(t, simulator.Config{Users: 1000, Roles: roles, Agents: true})
	var users []map[string]json.RawMessage
	for next := graphURL + "/v1.0/users?$top=500&$select=" + columns; next != ""; {
		p := c.page(next)
		users, next = append(users, p.Value...), p.Next
	}
	for _, p := range property.All() {
		if p.SingleUserOnly {
			a := c.get("/users/" + c.tenant.ID(0) + "?$select=" + p.Name)
			var user map[string]json.RawMessage
			if err := json.Unmarshal([]byte(a.body), &user); err != nil {
				t.Fatalf("%s: %v %s", p.Name, err, a.body)
			}
			checkType(t, p, user[p.Name])
			continue
		}
		values := 0
		for _, user := range users {
			raw, ok := user[p.Name]
			if !ok {
				t.Fatalf("%s was selected, but a user lacks it", p.Name)
			}
			if string(raw) != "null" && string(raw) != "[]" {
				values++
			}
			checkType(t, p, raw)
		}
		if values == 0 && !slices.Contains([]string{"showInAddressList", "passwordProfile", "onPremisesProvisioningErrors"}, p.Name) {
			t.Errorf("none of %d users has a %s", len(users), p.Name)
		}
	}
}

// checkType checks a value against its CSDL type.
func checkType(t *testing.T, p property.Property, raw json.RawMessage) {
	t.Helper()
	kind, collection := strings.CutPrefix(strings.TrimSuffix(p.Type, ")"), "Collection(")
	if !collection && string(raw) == "null" {
		return
	}
	items := []json.RawMessage{raw}
	if collection {
		if err := json.Unmarshal(raw, &items); err != nil {
			t.Fatalf("%s is a %s, not %s", p.Name, p.Type, raw)
		}
	}
	for _, item := range items {
		if !forms(kind).Match(item) || !json.Valid(item) {
			t.Fatalf("%s is a %s, not %s", p.Name, p.Type, item)
		}
	}
}

// forms says what a value of a CSDL type looks like.
func forms(kind string) *regexp.Regexp {
	switch kind {
	case "Edm.String":
		return formString
	case "Edm.Boolean":
		return formBoolean
	case "Edm.Int32":
		return formInt32
	case "Edm.DateTimeOffset":
		return formDate
	default:
		return formObject
	}
}

var (
	formString  = regexp.MustCompile(`^".*"$`)
	formBoolean = regexp.MustCompile(`^(true|false)$`)
	formInt32   = regexp.MustCompile(`^-?\d+$`)
	formDate    = regexp.MustCompile(`^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"$`)
	formObject  = regexp.MustCompile(`^\{.*\}$`)
)

func TestAUserDependsOnSeedAndIndexAlone(t *testing.T) {
	roles, columns := everything()
	path := "/users?$top=40&$select=" + columns
	small := newClient(t, simulator.Config{Users: 40, Seed: 7, Roles: roles}).page(path).Value
	large := newClient(t, simulator.Config{Users: 40_000, Seed: 7, Roles: roles}).page(path).Value
	if diff := cmp.Diff(small, large); diff != "" {
		t.Error(diff)
	}
	other := newClient(t, simulator.Config{Users: 40, Seed: 8, Roles: roles}).page(path).Value
	if cmp.Equal(small[3], other[3]) {
		t.Error("another seed makes the same user")
	}
}

func TestIDsAreGUIDsThatIdentifyTheirUser(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for seed := range uint64(3) {
		tenant := simulator.New(simulator.Config{Users: simulator.MaxUsers, Seed: seed})
		for index := 0; index < simulator.MaxUsers; index += 9973 {
			id := tenant.ID(index)
			if !form.MatchString(id) {
				t.Fatalf("id %s is not a version-4 GUID", id)
			}
			if back, ok := tenant.Index(strings.ToUpper(id)); !ok || back != index {
				t.Fatalf("id %s leads to %d, %t, want %d", id, back, ok, index)
			}
		}
		for _, id := range []string{"9d0c0000-0000-4000-8000-000000000000", "", "9d0c", tenant.ID(simulator.MaxUsers), tampered(tenant.ID(5))} {
			if index, ok := tenant.Index(id); ok {
				t.Errorf("id %q is that of user %d", id, index)
			}
		}
	}
}

// tampered changes a digit of an id that has no part in the index.
func tampered(id string) string {
	const at = 24
	digit := "0"
	if id[at] == '0' {
		digit = "1"
	}
	return id[:at] + digit + id[at+1:]
}

func TestSignInNamesAreUniqueAndIdentifyTheirUser(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: 50_000})
	c := clientOf(t, tenant)
	allowed := regexp.MustCompile(`^[a-z0-9'._-]+(#EXT#)?@contoso\.example$`)
	seen := map[string]bool{}
	for index := range 50_000 {
		upn := tenant.UserPrincipalName(index)
		if seen[upn] || !allowed.MatchString(upn) {
			t.Fatalf("sign-in name %s is there twice or has a wrong letter", upn)
		}
		seen[upn] = true
		if index%997 == 0 {
			a := c.get("/users/" + strings.ReplaceAll(strings.ToUpper(upn), "#", "%23") + "?$select=id")
			if !strings.Contains(a.body, tenant.ID(index)) {
				t.Errorf("%s: %d %s", upn, a.status, a.body)
			}
		}
	}
}

func TestTheDirectoryLooksLikeARealOne(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 5000})
	figures := map[string]int{}
	for next := graphURL + "/v1.0/users?$top=999&$select=userType,accountEnabled,department,mail,createdDateTime,displayName,userPrincipalName"; next != ""; {
		p := c.page(next)
		next = p.Next
		for _, u := range p.Value {
			for name, raw := range u {
				figures[name+"="+string(raw)]++
			}
			if strings.Contains(string(u["userPrincipalName"]), "#EXT#") != (string(u["userType"]) == `"Guest"`) {
				t.Errorf("%s is a %s", u["userPrincipalName"], u["userType"])
			}
		}
	}
	for figure, limits := range map[string][2]int{
		`userType="Guest"`: {300, 500}, `accountEnabled=false`: {200, 400}, `department=null`: {500, 1100},
		`mail=null`: {100, 300}, `createdDateTime=null`: {10, 100}, `userType=null`: {1, 20},
	} {
		if n := figures[figure]; n < limits[0] || n > limits[1] {
			t.Errorf("%s: %d of 5000, want %d to %d", figure, n, limits[0], limits[1])
		}
	}
}

func TestHostileNamesAppearWhenConfigured(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 500, Hostile: true})
	a := c.get("/users?$top=999&$select=displayName,userPrincipalName")
	if !json.Valid([]byte(a.body)) {
		t.Fatal("the page is not JSON")
	}
	for _, want := range []string{`"=cmd|' /C calc'!A0"`, `"+1 (555) 0100"`, `"@SUM(`, `"-2+3`, `\ud83d surrogate`, "\u2028", "\u202e", `\u001b[31m`, "\u200b", `Line\nbreak`, `\\`, strings.Repeat("Ω", 256)} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no user is called %s", want)
		}
	}
}

func TestValuesThatReadersGuessWrongAppearWhenConfigured(t *testing.T) {
	const columns = "?$select=employeeId,preferredDataLocation,showInAddressList,employeeOrgData"
	c := newClient(t, simulator.Config{Users: 10_051, Hostile: true})
	first := c.get("/users" + columns + "&$top=999").body
	for _, want := range []string{`"00123"`, `"12345678901234567890123"`, `"2024-01-02"`, `"NA"`, `""`, `{}`} {
		if !strings.Contains(first, want) {
			t.Errorf("nobody has %s", want)
		}
	}
	for _, late := range []string{`"preferredDataLocation":"EUR"`, `"showInAddressList":false`} {
		if last := c.get("/users/" + c.tenant.ID(10_050) + columns).body; strings.Contains(first, late) || !strings.Contains(last, late) {
			t.Errorf("%s comes early, or not at all", late)
		}
	}
}

func TestTenMillionUsersTakeNoMoreMemoryThanTen(t *testing.T) {
	newClient(t, simulator.Config{Users: 10}).page("/users?$top=999") // the tables are made once
	before := heap()
	c := newClient(t, simulator.Config{Users: simulator.MaxUsers})
	last := c.tenant.ID(simulator.MaxUsers - 1)
	if a := c.get("/users/" + last); a.status != 200 {
		t.Errorf("the last user gives %d", a.status)
	}
	next := graphURL + "/v1.0/users?$top=999"
	for range 20 {
		next = c.page(next).Next
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	runtime.KeepAlive(c)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestManagersExistAndAreNotGuests(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 800})
	types, manager := map[string]string{}, map[string]string{}
	p := c.page("/users?$top=999&$select=id,userType&$expand=manager($select=id)")
	for _, u := range p.Value {
		id := string(u["id"])
		types[id] = string(u["userType"])
		if raw, ok := u["manager"]; ok {
			var m struct {
				Type string          `json:"@odata.type"`
				ID   json.RawMessage `json:"id"`
			}
			if err := json.Unmarshal(raw, &m); err != nil || m.Type != "#microsoft.graph.user" {
				t.Fatalf("manager %s: %v", raw, err)
			}
			manager[id] = string(m.ID)
		}
	}
	if len(manager) != 799 {
		t.Errorf("%d of 800 users have a manager, want all but the first", len(manager))
	}
	for id, boss := range manager {
		if kind, ok := types[boss]; !ok || kind == `"Guest"` {
			t.Errorf("the manager of %s is a %q", id, kind)
		}
	}
}

func TestAccountsOfAgentsHaveATypeOfTheirOwn(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 400, Agents: true})
	link := c.latest("$select=displayName")
	agents := 0
	for i, user := range c.page("/users?$top=999&$select=id,identityParentId").Value {
		var parent string
		_ = json.Unmarshal(user["identityParentId"], &parent)
		owner, found := c.tenant.Index(parent)
		isAgent := string(user["@odata.type"]) == `"#microsoft.graph.agentUser"`
		if isAgent {
			agents++
		}
		if isAgent != found || isAgent && owner == i || user["@odata.type"] != nil && !isAgent {
			t.Errorf("user %d is %s", i, user)
		}
	}
	if agents != 10 {
		t.Errorf("%d of 400 users are agents", agents)
	}
	must(t, c.tenant.SetDepartment(23, "IT"), c.tenant.Rename(23, "agent.smith@contoso.example"), c.tenant.Delete(63))
	for _, path := range []string{"/users/" + c.tenant.ID(23) + "?$select=id", link} {
		if a := c.get(path); !strings.Contains(a.body, `{"@odata.type":"#microsoft.graph.agentUser","id":"`+c.tenant.ID(23)+`"`) &&
			!strings.Contains(a.body, `,"@odata.type":"#microsoft.graph.agentUser","id":"`+c.tenant.ID(23)+`"`) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if p := newClient(t, simulator.Config{Users: 400}).get("/users?$top=999"); strings.Contains(p.body, "agentUser") {
		t.Error("there are agents without Agents")
	}
}
