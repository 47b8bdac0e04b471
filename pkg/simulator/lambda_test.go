package simulator_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestLambdasFindWhatACollectionHas(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 2000}).eventual()
	type user struct {
		ProxyAddresses, OtherMails, BusinessPhones []string
		Identities                                 []struct{ Issuer, IssuerAssignedID string }
		AssignedLicenses                           []struct{ SkuID string }
		AssignedPlans                              []struct{ Service, CapabilityStatus string }
	}
	has := func(items []string, is func(string) bool) bool {
		return slices.ContainsFunc(items, func(item string) bool { return is(strings.ToLower(item)) })
	}
	starts := func(with string) func(string) bool { return func(s string) bool { return strings.HasPrefix(s, with) } }
	upn := c.tenant.UserPrincipalName(7)
	for filter, matches := range map[string]func(u user) bool{
		"proxyAddresses/any(p:startswith(p,'smtp:'))":      func(u user) bool { return has(u.ProxyAddresses, starts("smtp:")) },
		"proxyAddresses/any(x: startsWith(x, 'smtp:old'))": func(u user) bool { return has(u.ProxyAddresses, starts("smtp:old")) },
		"proxyAddresses/any(p:endsWith(p,'@fabrikam.example'))": func(u user) bool {
			return has(u.ProxyAddresses, func(s string) bool { return strings.HasSuffix(s, "@fabrikam.example") })
		},
		"not proxyAddresses/any(p:startswith(p,'smtp:'))": func(u user) bool { return !has(u.ProxyAddresses, starts("smtp:")) },
		"proxyAddresses/any(p:p eq 'SMTP:" + upn + "')":   func(u user) bool { return slices.Contains(u.ProxyAddresses, "SMTP:"+upn) },
		"otherMails/any(m:startswith(m,'a') or startswith(m,'b'))": func(u user) bool {
			return has(u.OtherMails, starts("a")) || has(u.OtherMails, starts("b"))
		},
		"businessPhones/any(p:startswith(p,'+44'))": func(u user) bool { return has(u.BusinessPhones, starts("+44")) },
		"identities/any(i:i/issuer eq 'contoso.example' and i/issuerAssignedId eq '" + upn + "')": func(u user) bool {
			return u.Identities[0].IssuerAssignedID == upn
		},
		"identities/any(i :i/issuerAssignedId eq '" + upn + "' and i/issuer eq 'other.example')": func(user) bool { return false },
		"assignedLicenses/any(l:l/skuId eq 05E9A617-0261-4cee-bb44-138d3ef5d965)":                func(u user) bool { return len(u.AssignedLicenses) > 0 },
		"assignedLicenses/any(l:l/skuId eq 15e9a617-0261-4cee-bb44-138d3ef5d965)":                func(user) bool { return false },
		"assignedPlans/any(p:p/service eq 'exchange' and p/capabilityStatus eq 'Enabled') and accountEnabled in (true,false)": func(u user) bool {
			return len(u.AssignedPlans) > 0
		},
	} {
		want := 0
		for next := graphURL + "/v1.0/users?$top=999&$select=proxyAddresses,otherMails,businessPhones,identities,assignedLicenses,assignedPlans"; next != ""; {
			var p struct {
				Next  string `json:"@odata.nextLink"`
				Value []user
			}
			if err := json.Unmarshal([]byte(c.get(next).body), &p); err != nil {
				t.Fatal(err)
			}
			for _, u := range p.Value {
				if matches(u) {
					want++
				}
			}
			next = p.Next
		}
		got, err := strconv.Atoi(c.get("/users/$count?$filter=" + url.QueryEscape(filter)).body)
		if err != nil || got != want || want == 2000 {
			t.Errorf("%s finds %d, want %d: %v", filter, got, want, err)
		}
	}
	for _, filter := range []string{"proxyAddresses/any(p:startswith(p,'smtp:'))", "otherMails/any(m:m eq 'a')", "identities/any(i:i/issuer eq 'a' and i/issuerAssignedId eq 'b')"} {
		c.header.Del("ConsistencyLevel")
		if a := c.get(users("$filter=" + filter)); a.status != 200 {
			t.Errorf("%s as a plain filter: %d %s", filter, a.status, a.body)
		}
	}
}

func TestAnAdvancedQueryLiftsTheLimitOfAlternatives(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 100}).eventual()
	var terms []string
	for index := range 40 {
		terms = append(terms, "id eq '"+c.tenant.ID(index)+"'")
	}
	filter := "$filter=" + strings.Join(terms, " or ")
	if p := c.page(users("$count=true", "$select=id", filter)); len(p.Value) != 40 || *p.Count != 40 {
		t.Errorf("%d users", len(p.Value))
	}
	if a := c.get(users("$select=id", filter)); a.status != 400 {
		t.Errorf("without $count=true: %d", a.status)
	}
	if p := c.page(users("$filter=" + strings.Join(terms[:15], " or "))); len(p.Value) != 15 {
		t.Errorf("15 alternatives find %d", len(p.Value))
	}
}

func TestAFilterOnSignInActivityStandsAlone(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 100, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}).eventual()
	for filter, status := range map[string]int{
		"signInActivity/lastSignInDateTime le 2022-01-01T00:00:00Z":                             200,
		"signInActivity/lastSignInDateTime le 2022-01-01T00:00:00Z and accountEnabled eq false": 400,
	} {
		if a := c.get(users("$count=true", "$filter="+filter)); a.status != status {
			t.Errorf("%s: %d %s", filter, a.status, a.body)
		}
	}
}

func TestAnAddressThatIsTooLongIsRefused(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 10, MaxURL: 2048})
	if a := c.get("/users?$select=id&x=" + strings.Repeat("x", 2100)); a.status != 414 || a.code() != "?" {
		t.Errorf("%d %s", a.status, a.body)
	}
	c.page("/users?$select=id&x=" + strings.Repeat("x", 1900))
}
