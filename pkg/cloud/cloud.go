// Package cloud knows Microsoft's national clouds: who signs in where, and which
// Graph takes the tokens. Login host, Graph and scope follow one name, because what is
// sent to a host of another cloud is a secret or a token given away.
//
// It imports no other package of the project.
package cloud

import (
	"fmt"
	"slices"
	"strings"
)

// Cloud is one of Microsoft's national clouds. The zero value is none.
type Cloud struct {
	// Name is the value of ROLLCALL_CLOUD.
	Name string
	// LoginURL and GraphURL are its login host and its Graph root.
	LoginURL, GraphURL string
	// VaultDomain is that of its key vaults, <vault>.<domain>, "" where it is not known.
	VaultDomain string
	// TokenExchange is the audience of other issuers' tokens that Entra ID exchanges for its
	// own.
	TokenExchange string
}

// Scope is what a token for the cloud's Graph is asked for: its Graph root, for
// tokens of one cloud are not taken by another.
func (c Cloud) Scope() string { return c.GraphURL + "/.default" }

// Public returns the cloud that is meant where none is named.
func Public() Cloud { return All()[0] }

// All returns the clouds. The first four follow "National cloud deployments" of the
// Graph documentation, the others the list of environments of Graph's PowerShell SDK
// and the login hosts that MSAL trusts; the domains of vaults those that Microsoft's
// drivers of SQL Server trust, and the audiences those that its clients derive.
func All() []Cloud {
	return []Cloud{
		{"public", "https://login.microsoftonline.com", "https://graph.microsoft.com", "vault.azure.net", "api://AzureADTokenExchange"},
		{"usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us", "vault.usgovcloudapi.net", "api://AzureADTokenExchangeUSGov"},
		{"usgov-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "vault.usgovcloudapi.net", "api://AzureADTokenExchangeUSGov"},
		{"china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn", "vault.azure.cn", "api://AzureADTokenExchangeChina"},
		{"bleu", "https://login.sovcloud-identity.fr", "https://graph.svc.sovcloud.fr", "vault.sovcloud-api.fr", "api://AzureADTokenExchangeFrance"},
		{"delos", "https://login.sovcloud-identity.de", "https://graph.svc.sovcloud.de", "vault.sovcloud-api.de", "api://AzureADTokenExchangeGermany"},
		{"govsg", "https://login.sovcloud-identity.sg", "https://graph.svc.sovcloud.sg", "", "api://AzureADTokenExchangeGovSG"},
	}
}

// Names lists the names of the clouds as a sentence does.
func Names() string {
	var names []string
	for _, c := range All() {
		names = append(names, c.Name)
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// Named returns the cloud of that name, in any case of its letters.
func Named(name string) (Cloud, bool) {
	for _, c := range All() {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Cloud{}, false
}

// germany is the cloud that Microsoft shut down in 2021. Its hosts are known so that
// nothing is sent to them.
const germany = "germany"

// logins are the hosts that sign in for each cloud, as MSAL knows them, older ones
// included.
func logins() map[string][]string {
	return map[string][]string{
		"public":    {"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		"usgov":     {"login.microsoftonline.us", "login-us.microsoftonline.com", "login.usgovcloudapi.net"},
		"usgov-dod": {"login.microsoftonline.us", "login-us.microsoftonline.com", "login.usgovcloudapi.net"},
		"china":     {"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"},
		"bleu":      {"login.sovcloud-identity.fr"},
		"delos":     {"login.sovcloud-identity.de"},
		"govsg":     {"login.sovcloud-identity.sg"},
		germany:     {"login.microsoftonline.de"},
	}
}

// graphs are the Graph hosts of each cloud, those of the former Azure AD Graph included.
func graphs() map[string][]string {
	return map[string][]string{
		"public":    {"graph.microsoft.com", "graph.windows.net"},
		"usgov":     {"graph.microsoft.us", "graph.microsoftazure.us"},
		"usgov-dod": {"dod-graph.microsoft.us"},
		"china":     {"microsoftgraph.chinacloudapi.cn", "graph.chinacloudapi.cn"},
		"bleu":      {"graph.svc.sovcloud.fr"},
		"delos":     {"graph.svc.sovcloud.de"},
		"govsg":     {"graph.svc.sovcloud.sg"},
		germany:     {"graph.microsoft.de", "graph.cloudapi.de"},
	}
}

// Logins returns the hosts that sign in for the cloud.
func (c Cloud) Logins() []string { return logins()[c.Name] }

// ForeignError says that a host belongs to another cloud.
type ForeignError struct {
	// Problem says what the host is, without quoting it, Remedy what to set instead.
	Problem, Remedy string
}

// Error returns the problem and its remedy on one line.
func (e *ForeignError) Error() string { return e.Problem + "; " + e.Remedy }

// CheckLogin returns a *[ForeignError] if another cloud than c signs in at host, and
// CheckGraph likewise for Graph hosts. A host that no cloud has passes. Hosts are in
// lower case, without a port.
func (c Cloud) CheckLogin(host string) error { return c.check(host, "login", logins()) }

// CheckGraph is described at [Cloud.CheckLogin].
func (c Cloud) CheckGraph(host string) error { return c.check(host, "Graph", graphs()) }

func (c Cloud) check(host, kind string, hosts map[string][]string) error {
	if has(hosts[c.Name], host) {
		return nil
	}
	for _, other := range All() {
		if has(hosts[other.Name], host) {
			return &ForeignError{
				fmt.Sprintf("names the %s host of another cloud than ROLLCALL_CLOUD, which is %s", kind, c.Name),
				"set ROLLCALL_CLOUD=" + other.Name,
			}
		}
	}
	if has(hosts[germany], host) {
		return &ForeignError{fmt.Sprintf("names the %s host of Microsoft Cloud Germany, which was shut down", kind), "use the cloud that the tenant moved to"}
	}
	return nil
}

// has reports whether host is one of hosts or a regional variant, <region>.<host>.
func has(hosts []string, host string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) })
}
