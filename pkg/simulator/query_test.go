package simulator_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func users(options ...string) string {
	var parts []string
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		parts = append(parts, name+"="+url.QueryEscape(value))
	}
	return "/users?" + strings.Join(parts, "&")
}

func TestUnsupportedQueriesAreRefusedInGraphsWords(t *testing.T) {
	const advanced = "$count=true"
	for _, test := range []struct {
		options []string
		header  bool
		status  int
		code    string
		message string
	}{
		{[]string{"$select=displayname"}, false, 400, "Request_BadRequest", "Could not find a property named 'displayname' on type 'microsoft.graph.user'."},
		{[]string{"$select=id,mailboxSettings"}, false, 501, "NotImplemented", "mailboxSettings"},
		{[]string{"$select=skills"}, false, 501, "NotImplemented", "skills"},
		{[]string{"$select=id,,mail"}, false, 400, "Request_BadRequest", ""},
		{[]string{"$top=0"}, false, 400, "Request_BadRequest", "Must be between 1 and 999 inclusive"},
		{[]string{"$top=-5"}, false, 400, "Request_BadRequest", ""},
		{[]string{"$top=1000"}, false, 400, "Request_BadRequest", "Invalid page size specified: '1000'"},
		{[]string{"$top=many"}, false, 400, "Request_BadRequest", ""},
		{[]string{"$skip=10"}, false, 400, "Request_BadRequest", "$skip"},
		{[]string{"$apply=x"}, false, 400, "Request_BadRequest", ""},
		{[]string{"$top=5", "$top=6"}, false, 400, "Request_BadRequest", "more than once"},
		{[]string{"$format=xml"}, false, 400, "Request_BadRequest", ""},
		{[]string{"$expand=memberOf"}, false, 400, "ExpandNotSupported", ""},
		{[]string{`$search="displayName:an"`}, false, 400, "Request_UnsupportedQuery", "ConsistencyLevel"},
		{[]string{`$search=displayName:an`}, true, 400, "Request_BadRequest", ""},
		{[]string{"$filter=companyName eq 'Contoso Ltd'"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=companyName eq 'Contoso Ltd'"}, true, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=companyName eq 'Contoso Ltd'", advanced}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=department ne 'IT'"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=mail eq null"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=not startsWith(mail,'a')"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=endsWith(mail,'x')"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=endsWith(displayName,'x')", advanced}, true, 400, "Request_UnsupportedQuery", "displayName"},
		{[]string{"$filter=id ge '5'", advanced}, true, 400, "Request_UnsupportedQuery", "id"},
		{[]string{"$filter=userPrincipalName gt 'a'", advanced}, true, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=createdDateTime eq null", advanced}, true, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=preferredDataLocation eq 'EUR'", advanced}, true, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=accountEnabled eq true", "$orderby=displayName"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$orderby=department"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$orderby=displayName sideways"}, false, 400, "Request_BadRequest", ""},
		{[]string{"$filter=shoeSize eq 5"}, false, 400, "Request_BadRequest", "shoeSize"},
		{[]string{"$filter=accountEnabled eq 'true'"}, false, 400, "Request_BadRequest", "incompatible types"},
		{[]string{"$filter=department eq 'IT"}, false, 400, "Request_BadRequest", "Invalid filter clause"},
		{[]string{"$filter=(department eq 'IT'"}, false, 400, "Request_BadRequest", "Invalid filter clause"},
		{[]string{"$filter="}, false, 400, "Request_BadRequest", "Invalid filter clause"},
		{[]string{"$filter=userPrincipalName in ('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16')"}, false, 400, "Request_UnsupportedQuery", "15"},
		{[]string{"$filter=proxyAddresses eq 'a'"}, false, 400, "Request_UnsupportedQuery", "proxyAddresses"},
		{[]string{"$filter=proxyAddresses/any(p:endsWith(p,'x'))"}, false, 400, "Request_UnsupportedQuery", "required parameters"},
		{[]string{"$filter=businessPhones/any(p:startswith(p,'+44'))"}, false, 400, "Request_UnsupportedQuery", "required parameters"},
		{[]string{"$filter=not proxyAddresses/any(p:startswith(p,'smtp:'))"}, false, 400, "Request_UnsupportedQuery", "required parameters"},
		{[]string{"$filter=businessPhones/any(p:endsWith(p,'1'))", advanced}, true, 400, "Request_UnsupportedQuery", "businessPhones"},
		{[]string{"$filter=proxyAddresses/all(p:startswith(p,'smtp:'))", advanced}, true, 400, "Request_UnsupportedQuery", "proxyAddresses"},
		{[]string{"$filter=displayName/any(p:p eq 'a')", advanced}, true, 400, "Request_UnsupportedQuery", "displayName"},
		{[]string{"$filter=identities/any(i:i/issuer eq 'contoso.example')", advanced}, true, 400, "Request_UnsupportedQuery", "identities"},
		{[]string{"$filter=identities/any(i:i/issuerAssignedId eq 'a')"}, false, 400, "Request_UnsupportedQuery", "identities"},
		{[]string{"$filter=identities/any(i:i/issuer eq 'a' or i/issuerAssignedId eq 'b')"}, false, 400, "Request_UnsupportedQuery", "identities"},
		{[]string{"$filter=identities/any(i:i/signInType eq 'a' and i/issuer eq 'a' and i/issuerAssignedId eq 'b')"}, false, 400, "Request_UnsupportedQuery", "identities"},
		{[]string{"$filter=assignedLicenses/any(l:l/skuId eq '05e9a617-0261-4cee-bb44-138d3ef5d965')"}, false, 400, "Request_BadRequest", "incompatible types"},
		{[]string{"$filter=assignedLicenses/any(l:l/sku eq 'a')"}, false, 400, "Request_BadRequest", "sku"},
		{[]string{"$filter=proxyAddresses/any(p:q eq 'a')"}, false, 400, "Request_BadRequest", "'q'"},
		{[]string{"$filter=proxyAddresses/any(p eq 'a')"}, false, 400, "Request_BadRequest", "':' expected"},
		{[]string{"$filter=proxyAddresses/any()"}, false, 400, "Request_BadRequest", "Invalid filter clause"},
		{[]string{"$filter=proxyAddresses/any(p:otherMails/any(q:q eq 'a'))"}, false, 400, "Request_UnsupportedQuery", ""},
		{[]string{"$filter=" + strings.Repeat("id eq 'a' or ", 15) + "id eq 'b'"}, false, 400, "Request_UnsupportedQuery", "15"},
		{[]string{"$filter=" + strings.Repeat("id in ('a','b') or ", 7) + "id in ('c','d')"}, false, 400, "Request_UnsupportedQuery", "15"},
		{[]string{"$skiptoken=RFNwdAE"}, false, 400, "Request_BadRequest", "page token is not valid"},
		{[]string{advanced, "$expand=manager"}, true, 400, "Request_UnsupportedQuery", ""},
	} {
		c := newClient(t, simulator.Config{Users: 5})
		if test.header {
			c.eventual()
		}
		a := c.get(users(test.options...))
		if a.status != test.status || a.code() != test.code || !strings.Contains(a.body, test.message) {
			t.Errorf("%q: %d %s", test.options, a.status, a.body)
		}
	}
}

func TestFiltersFindTheSameUsersAsAFullScan(t *testing.T) {
	type user struct {
		UserPrincipalName, DisplayName string
		Department, Mail, CompanyName  *string
		AccountEnabled                 bool
		CreatedDateTime                *string
		UserType                       *string
	}
	lower := func(s *string) string {
		if s == nil {
			return "\x00"
		}
		return strings.ToLower(*s)
	}
	c := newClient(t, simulator.Config{Users: 10_000, Hostile: true}).eventual()
	options := users("$select=userPrincipalName,displayName,department,mail,companyName,accountEnabled,createdDateTime,userType", "$top=999", "$count=true")
	var everybody []user
	for next := graphURL + "/v1.0" + options; next != ""; {
		var p struct {
			Next  string `json:"@odata.nextLink"`
			Value []user
		}
		if err := json.Unmarshal([]byte(c.get(next).body), &p); err != nil {
			t.Fatal(err)
		}
		everybody, next = append(everybody, p.Value...), p.Next
	}
	if len(everybody) != 10_000 {
		t.Fatalf("%d users", len(everybody))
	}
	for filter, want := range map[string]func(u user) bool{
		"userPrincipalName ge 'm'":                                  func(u user) bool { return lower(&u.UserPrincipalName) >= "m" },
		"userPrincipalName le 'M'":                                  func(u user) bool { return lower(&u.UserPrincipalName) <= "m" },
		"userPrincipalName ge 'jean' and userPrincipalName le 'le'": func(u user) bool { n := lower(&u.UserPrincipalName); return n >= "jean" && n <= "le" },
		"startsWith(userPrincipalName,'An')":                        func(u user) bool { return strings.HasPrefix(lower(&u.UserPrincipalName), "an") },
		"userPrincipalName ge 'an' and accountEnabled eq false":     func(u user) bool { return lower(&u.UserPrincipalName) >= "an" && !u.AccountEnabled },
		"userPrincipalName le 'c' or userPrincipalName ge 'x'":      func(u user) bool { n := lower(&u.UserPrincipalName); return n <= "c" || n >= "x" },
		"department eq 'it'":                                        func(u user) bool { return lower(u.Department) == "it" },
		"department in ('IT','Legal')":                              func(u user) bool { return lower(u.Department) == "it" || lower(u.Department) == "legal" },
		"department ne 'IT'":                                        func(u user) bool { return lower(u.Department) != "it" },
		"department eq null":                                        func(u user) bool { return u.Department == nil },
		"department ne null and accountEnabled eq true":             func(u user) bool { return u.Department != nil && u.AccountEnabled },
		"not(department eq 'IT') and startsWith(displayName,'A')": func(u user) bool {
			return lower(u.Department) != "it" && strings.HasPrefix(lower(&u.DisplayName), "a")
		},
		"endsWith(mail,'@fabrikam.example')": func(u user) bool { return strings.HasSuffix(lower(u.Mail), "@fabrikam.example") },
		"createdDateTime ge 2022-01-01T00:00:00Z and createdDateTime le 2023-06-30": func(u user) bool {
			return u.CreatedDateTime != nil && *u.CreatedDateTime >= "2022-01-01T00:00:00Z" && *u.CreatedDateTime <= "2023-06-30T00:00:00Z"
		},
		"userType eq 'Guest' or (accountEnabled eq false and department eq 'Sales')": func(u user) bool {
			return lower(u.UserType) == "guest" || !u.AccountEnabled && lower(u.Department) == "sales"
		},
		"startsWith(displayName,'Ó')":                  func(u user) bool { return strings.HasPrefix(lower(&u.DisplayName), "ó") },
		"userPrincipalName ge 'zzz'":                   func(user) bool { return false },
		"userPrincipalName ge 'sean.o''brien'":         func(u user) bool { return lower(&u.UserPrincipalName) >= "sean.o'brien" },
		"companyName eq 'Contoso Research, Inc.'":      func(u user) bool { return lower(u.CompanyName) == "contoso research, inc." },
		"startsWith(displayName,'=cmd|'' /C calc''!')": func(u user) bool { return strings.HasPrefix(u.DisplayName, "=cmd|' /C calc'!") },
	} {
		var expected []string
		for _, u := range everybody {
			if want(u) {
				expected = append(expected, `"`+u.UserPrincipalName+`"`)
			}
		}
		got, _ := c.all(graphURL+"/v1.0"+users("$select=userPrincipalName", "$top=999", "$count=true", "$filter="+filter), "userPrincipalName")
		slices.Sort(expected)
		slices.Sort(got)
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("%s: %d found, want %d", filter, len(got), len(expected))
		}
		count := c.get("/users/$count?$filter=" + url.QueryEscape(filter))
		if count.body != strconv.Itoa(len(expected)) {
			t.Errorf("%s: counted %s, want %d", filter, count.body, len(expected))
		}
	}
}

func TestSortedListsAreSorted(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 18_000, Hostile: true})
	for _, name := range []string{"userPrincipalName", "displayName"} {
		up, _ := c.all(graphURL+"/v1.0"+users("$top=999", "$select="+name, "$orderby="+name), name)
		down, _ := c.all(graphURL+"/v1.0"+users("$top=999", "$select="+name, "$orderby="+name+" desc"), name)
		for _, list := range [][]string{up, down} {
			for i, raw := range list {
				var s string
				if err := json.Unmarshal([]byte(raw), &s); err != nil {
					t.Fatal(err)
				}
				list[i] = strings.ToLower(s)
			}
		}
		slices.Reverse(down)
		if !slices.IsSorted(up) || !slices.IsSorted(down) || len(up) != 18_000 || len(down) != 18_000 {
			t.Errorf("%s: %d up (sorted %t), %d down (sorted %t)", name, len(up), slices.IsSorted(up), len(down), slices.IsSorted(down))
		}
	}
}

func TestSearchMatchesWordsOfADisplayNameAndPrefixesOfTheRest(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 3000}).eventual()
	for search, want := range map[string]string{
		`"displayName:o'b"`:                               "",
		`"displayName:smi"`:                               "smi",
		`"userPrincipalName:olivia"`:                      "olivia",
		`"displayName:smi" OR "userPrincipalName:olivia"`: "i",
	} {
		names, _ := c.all(graphURL+"/v1.0"+users("$select=displayName,userPrincipalName", "$search="+search), "displayName")
		if (len(names) == 0) != (want == "") || len(names) > 600 {
			t.Errorf("%s finds %d", search, len(names))
		}
		for _, name := range names {
			if !strings.Contains(strings.ToLower(name), want) {
				t.Errorf("%s finds %s", search, name)
			}
		}
	}
}

func TestFiltersReachMembersAndSizesOfProperties(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 1000, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}).eventual()
	counted := func(filter string) int {
		t.Helper()
		a := c.get("/users/$count?$filter=" + url.QueryEscape(filter))
		n, err := strconv.Atoi(a.body)
		if err != nil {
			t.Fatalf("%s: %d %s", filter, a.status, a.body)
		}
		return n
	}
	for _, halves := range [][2]string{
		{"assignedLicenses/$count eq 0", "assignedLicenses/$count ne 0"},
		{"employeeOrgData/division eq 'north'", "not(employeeOrgData/division eq 'north')"},
		{"signInActivity/lastSignInDateTime ge 2022-01-01T00:00:00Z", "not(signInActivity/lastSignInDateTime ge 2022-01-01T00:00:00Z)"},
	} {
		first, second := counted(halves[0]), counted(halves[1])
		if first == 0 || second == 0 || first+second != 1000 {
			t.Errorf("%s: %d, the others %d", halves[0], first, second)
		}
	}
}

func TestUsersReadByIdAreFoundInATenantOfAnySize(t *testing.T) {
	c := newClient(t, simulator.Config{Users: simulator.MaxUsers})
	var ids []string
	for index := range 15 {
		ids = append(ids, "'"+strings.ToUpper(c.tenant.ID(index*600_001))+"'")
	}
	ids[3] = "'9d0c0000-0000-4000-8000-000000000000'"
	ids[4] = ids[5]
	filter := "id in (" + strings.Join(ids, ",") + ")"
	all, _ := c.all(graphURL+"/v1.0"+users("$select=id", "$top=4", "$filter="+filter), "id")
	if len(all) != 13 || distinct(all) != 13 {
		t.Errorf("%d users, %d of them distinct, want 13", len(all), distinct(all))
	}
	some, _ := c.all(graphURL+"/v1.0"+users("$select=id,accountEnabled", "$filter=(accountEnabled eq true) and "+filter), "accountEnabled")
	if len(some) == 0 || len(some) > 13 || slices.Contains(some, "false") {
		t.Errorf("with a further condition: %s", some)
	}
}
