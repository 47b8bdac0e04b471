package bicep_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/bicep"
)

// granted are the roles of the app's identity, by what they are for.
func granted(t *testing.T, d *bicep.Deployment) map[string][]string {
	t.Helper()
	names := map[string]string{
		"b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
		"ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
		"974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
		"0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
		"4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
		"3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
		"df021288-bdef-4463-88db-98f22de89214": "User.Read.All",
		"b0afded3-3588-46d8-8b3d-9842eff778da": "AuditLog.Read.All",
	}
	all := map[string][]string{}
	for _, r := range d.Of("Microsoft.Authorization/roleAssignments") {
		role := r.At("properties.roleDefinitionId").(string)
		on := r.Scope.Symbol
		all[on] = append(all[on], names[role[strings.LastIndex(role, "/")+1:]])
		if r.At("properties.principalId") != d.Outputs["principalId"] || r.At("properties.principalType") != "ServicePrincipal" || r.At("properties.description") == nil {
			t.Errorf("a role on %s is given to %v: %v", on, r.At("properties.principalId"), r.At("properties.description"))
		}
	}
	for _, r := range d.Of("Microsoft.Graph/appRoleAssignedTo") {
		all["graph"] = append(all["graph"], names[r.Body["appRoleId"].(string)])
		if r.Body["principalId"] != d.Outputs["principalId"] {
			t.Errorf("a role of Microsoft Graph is given to %v", r.Body["principalId"])
		}
	}
	for _, roles := range all {
		slices.Sort(roles)
	}
	return all
}

func TestTheIdentityMayDoThisAndNoMore(t *testing.T) {
	for name, d := range deployments(t) {
		want := map[string][]string{
			"host":      {"Storage Blob Data Owner", "Storage Queue Data Contributor", "Storage Table Data Contributor"},
			"directory": {"Storage Blob Data Contributor"}, "state": {"Storage Blob Data Contributor"},
			"vault": {"Key Vault Secrets User"}, "insights": {"Monitoring Metrics Publisher"},
			"graph": {"User.Read.All"},
		}
		switch roles, given := variants()[name].parameters["graphRoles"].([]any); {
		case given && len(roles) == 0:
			delete(want, "graph")
		case given:
			want["graph"] = []string{"AuditLog.Read.All", "User.Read.All"}
		}
		if diff := cmp.Diff(want, granted(t, d)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNothingTakesAKeyOrPlainHTTP(t *testing.T) {
	want := map[string]map[string]any{
		"Microsoft.Storage/storageAccounts": {
			"allowSharedKeyAccess": false, "allowBlobPublicAccess": false, "allowCrossTenantReplication": false,
			"supportsHttpsTrafficOnly": true, "minimumTlsVersion": "TLS1_2",
		},
		"Microsoft.KeyVault/vaults":                              {"enableRbacAuthorization": true, "enablePurgeProtection": true, "enableSoftDelete": true},
		"Microsoft.Insights/components":                          {"DisableLocalAuth": true},
		"Microsoft.OperationalInsights/workspaces":               {"features.disableLocalAuth": true},
		"Microsoft.Web/sites":                                    {"httpsOnly": true, "siteConfig.minTlsVersion": "1.2", "siteConfig.scmMinTlsVersion": "1.2"},
		"Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": false},
	}
	count := map[string]int{"Microsoft.Storage/storageAccounts": 2, "Microsoft.Web/sites/basicPublishingCredentialsPolicies": 2}
	for name, d := range deployments(t) {
		for kind, properties := range want {
			all := d.Of(kind)
			if len(all) != max(count[kind], 1) {
				t.Errorf("%s: there are %d of %s", name, len(all), kind)
			}
			for _, r := range all {
				for path, value := range properties {
					if got := r.At("properties." + path); got != value {
						t.Errorf("%s: %s of %s is %v", name, path, r.ID(), got)
					}
				}
			}
		}
		for setting, value := range settings(t, d) {
			if setting == "AzureWebJobsStorage" || strings.Contains(value, "AccountKey=") || strings.Contains(value, "SharedAccessSignature") || strings.Contains(value, "sig=") {
				t.Errorf("%s: the setting %s has a key", name, setting)
			}
		}
	}
}

func TestSecretsAreMadeOnceAndNeverShown(t *testing.T) {
	for name, d := range deployments(t) {
		var secrets []string
		for _, r := range d.Of("Microsoft.KeyVault/vaults/secrets") {
			value := r.At("properties.value").(string)
			secrets = append(secrets, value)
			if !slices.Contains(r.Decorators, "onlyIfNotExists") {
				t.Errorf("%s: each deployment makes the secret %s anew", name, r.Name())
			}
			if len(value) < 64 {
				t.Errorf("%s: the secret %s has %d characters", name, r.Name(), len(value))
			}
		}
		for _, value := range secrets {
			for _, r := range d.Resources {
				if r.Type != "Microsoft.KeyVault/vaults/secrets" && strings.Contains(fmt.Sprint(r.Body), value) {
					t.Errorf("%s: %s shows a secret", name, r.ID())
				}
			}
			if strings.Contains(fmt.Sprint(d.Outputs), value) {
				t.Errorf("%s: an output shows a secret", name)
			}
		}
	}
	for _, f := range read(t).Modules() {
		for _, p := range f.Of("param") {
			if (p.Name == "sealKey" || p.Name == "clientState") && !p.Decorated("secure") {
				t.Errorf("%s is kept with the deployment", p.Name)
			}
		}
	}
}

func TestWhatIsPrivateIsReachedByPrivateEndpointsOnly(t *testing.T) {
	all := deployments(t)
	for name, want := range map[string]struct{ data, app string }{
		"with the defaults": {"Enabled", "Enabled"}, "with private data": {"Disabled", "Enabled"},
		"all of it private": {"Disabled", "Disabled"}, "private with a webhook": {"Disabled", "Enabled"},
		"for the US government": {"Disabled", "Disabled"}, "in China": {"Disabled", "Disabled"},
	} {
		d := all[name]
		var targets []string
		for _, e := range d.Of("Microsoft.Network/privateEndpoints") {
			connection := e.At("properties.privateLinkServiceConnections").([]any)[0].(map[string]any)["properties"].(map[string]any)
			targets = append(targets, connection["privateLinkServiceId"].(string)+"#"+connection["groupIds"].([]any)[0].(string))
		}
		needed := []string{}
		for _, r := range d.Resources {
			access := want.data
			groups := map[string][]string{
				"Microsoft.Storage/storageAccounts": {"blob"}, "Microsoft.KeyVault/vaults": {"vault"}, "Microsoft.Web/sites": {"sites"},
			}[r.Type]
			if groups == nil {
				continue
			}
			if r.Symbol == "host" {
				groups = []string{"blob", "queue", "table"}
			}
			if r.Type == "Microsoft.Web/sites" {
				access = want.app
				if joined := r.At("properties.virtualNetworkSubnetId") != nil; joined != (want.data == "Disabled") {
					t.Errorf("%s: the app is joined to the network: %t", name, joined)
				}
			}
			if got := r.At("properties.publicNetworkAccess"); got != access {
				t.Errorf("%s: public access to %s is %v", name, r.ID(), got)
			}
			for _, group := range groups {
				if access == "Disabled" {
					needed = append(needed, r.ID()+"#"+group)
				}
			}
		}
		slices.Sort(targets)
		slices.Sort(needed)
		if diff := cmp.Diff(needed, targets, cmp.Transformer("empty", func(l []string) string { return strings.Join(l, "\n") })); diff != "" {
			t.Errorf("%s: private endpoints: %s", name, diff)
		}
		if zones, groups := len(d.Of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")), len(targets); zones != groups {
			t.Errorf("%s: %d of %d private endpoints have a name", name, zones, groups)
		}
	}
}
