package cloud_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

func TestLoginGraphAndScopeFollowOneName(t *testing.T) {
	for name, want := range map[string][2]string{
		"public":    {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
		"usgov":     {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
		"USGov-DoD": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		"china":     {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
		"Bleu":      {"https://login.sovcloud-identity.fr", "https://graph.svc.sovcloud.fr"},
		"Delos":     {"https://login.sovcloud-identity.de", "https://graph.svc.sovcloud.de"},
		"GovSG":     {"https://login.sovcloud-identity.sg", "https://graph.svc.sovcloud.sg"},
	} {
		c, ok := cloud.Named(name)
		if got := [2]string{c.LoginURL, c.GraphURL}; !ok || got != want || c.Scope() != want[1]+"/.default" || !strings.EqualFold(c.Name, name) {
			t.Errorf("%s: %v, scope %s", name, got, c.Scope())
		}
		if !strings.Contains(cloud.Names(), c.Name) {
			t.Errorf("%q does not name %s", cloud.Names(), name)
		}
	}
	if c, ok := cloud.Named("germany"); ok {
		t.Errorf("the retired cloud is %v", c)
	}
}

func TestTheHostsOfACloudAreItsOwnAndNoOthers(t *testing.T) {
	for _, c := range cloud.All() {
		login, err := origin.Parse(c.LoginURL)
		if err != nil || login.String() != c.LoginURL {
			t.Errorf("%s: login %q, %v", c.Name, login, err)
		}
		root, err := origin.Parse(c.GraphURL)
		if err != nil || root.String() != c.GraphURL {
			t.Errorf("%s: Graph %q, %v", c.Name, root, err)
		}
		for _, other := range cloud.All() {
			if err := other.CheckLogin(login.Name()); (err == nil) != (other.LoginURL == c.LoginURL) {
				t.Errorf("the login host of %s in %s: %v", c.Name, other.Name, err)
			}
			if err := other.CheckGraph(root.Name()); (err == nil) != (other == c) {
				t.Errorf("the Graph of %s in %s: %v", c.Name, other.Name, err)
			}
		}
	}
}

func TestOlderHostsBelongToTheirCloud(t *testing.T) {
	for host, name := range map[string]string{
		"login.windows.net": "public", "login.microsoft.com": "public", "sts.windows.net": "public", "westeurope.login.microsoft.com": "public",
		"login-us.microsoftonline.com": "usgov", "login.usgovcloudapi.net": "usgov",
		"login.chinacloudapi.cn": "china", "chinaeast2.login.partner.microsoftonline.cn": "china",
	} {
		for _, c := range cloud.All() {
			err := c.CheckLogin(host)
			if own := c.Name == name || name == "usgov" && c.Name == "usgov-dod"; own != (err == nil) {
				t.Errorf("%s in %s: %v", host, c.Name, err)
			}
			var foreign *cloud.ForeignError
			if err != nil && (!errors.As(err, &foreign) || foreign.Remedy != "set ROLLCALL_CLOUD="+name) {
				t.Errorf("%s in %s: %v", host, c.Name, err)
			}
		}
	}
}

func TestARetiredCloudIsNobodysAndAnUnknownHostAnybodys(t *testing.T) {
	for _, c := range cloud.All() {
		if c.CheckLogin("login.microsoftonline.de") == nil || c.CheckGraph("graph.microsoft.de") == nil {
			t.Errorf("%s sends to the retired cloud", c.Name)
		}
		for _, host := range []string{"localhost", "login.example", "evillogin.microsoftonline.com", "contoso.ciamlogin.com", ""} {
			if err := errors.Join(c.CheckLogin(host), c.CheckGraph(host)); err != nil {
				t.Errorf("%s in %s: %v", host, c.Name, err)
			}
		}
	}
}
